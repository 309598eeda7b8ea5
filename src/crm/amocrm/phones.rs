//! Phones of contacts as dealers write them. No I/O.

/// Whether a text holds the number that ends with these ten digits: however it is grouped, with an extension, a remark
/// or a second number beside it.
///
/// The ten digits must stand together, with nothing between them but what people group numbers with, and must not be the
/// middle of a longer run of digits; up to three digits in front may be a country's code.
pub(super) fn holds_number(text: &str, ten_digits: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (0..chars.len()).any(|start| digit(chars[start]).is_some() && begins(&chars, start, ten_digits))
}

/// Every ten digits of a text that may be the end of a number, whatever stands between them: [`holds_number`] holds of no
/// others.
pub(super) fn tens(text: &str) -> Vec<String> {
    let digits: Vec<char> = text.chars().filter_map(digit).collect();
    digits.windows(10).map(|ten| ten.iter().collect()).collect()
}

fn begins(chars: &[char], start: usize, ten_digits: &str) -> bool {
    let mut at = start;
    for (nth, wanted) in ten_digits.chars().enumerate() {
        if nth > 0 {
            while chars.get(at).is_some_and(|char| groups(*char)) {
                at += 1;
            }
        }
        if chars.get(at).and_then(|char| digit(*char)) != Some(wanted) {
            return false;
        }
        at += 1;
    }
    let run_before = chars[..start].iter().rev().take_while(|char| digit(**char).is_some()).count();
    let run_after = chars[at..].iter().take_while(|char| digit(**char).is_some()).count();
    // Two numbers may be written without anything between them.
    run_before <= 3 && (run_after == 0 || run_after >= 10)
}

/// Digits of any script that writes them one by one.
fn digit(char: char) -> Option<char> {
    let zeros = ['0', '\u{ff10}', '\u{660}', '\u{6f0}'];
    let value = zeros.iter().find_map(|zero| (char as u32).checked_sub(*zero as u32).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

/// What stands between the digits of one number.
fn groups(char: char) -> bool {
    char.is_whitespace()
        || "()[]-.+_*/\\~".contains(char)
        || ('\u{2010}'..='\u{2015}').contains(&char)
        || ['\u{2212}', '\u{200b}', '\u{200e}', '\u{202c}', '\u{202d}', '\u{feff}', '\u{ad}'].contains(&char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_as_dealers_write_them() {
        for text in [
            "+79161234567",
            "89161234567",
            "9161234567",
            "7 916 123 45 67",
            "+7(916)123-45-67",
            "+7(916)123-45-67 доб. 123",
            "+7 916 123 45 67 ext 5",
            "+7 916 123-45-67,123",
            "8-916-123-45-67",
            "8.916.123.45.67",
            "8 (916) 123–45–67",
            "8\u{a0}916\u{a0}123\u{a0}45\u{a0}67",
            "+7 916 1234567 (WhatsApp 24/7)",
            "24/7 8 916 123-45-67",
            "WhatsApp: 8(916)1234567, Viber",
            "84951112233, 89161234567",
            "8 495 111-22-33; 8 916 123-45-67",
            "8 916 123-45-67 / 8 495 111-22-33",
            "84951112233 89161234567",
            "89161234567 84951112233",
            "8916123456784951112233",
            "89161234567/84951112233",
            "84951112233\n89161234567",
            "84951112233|89161234567",
            "жена 84951112233 или муж 89161234567",
            "тел.89161234567",
            "№ 1: 8 916 123 45 67",
            "+7 [916] 123_45_67",
            "007 916 1234567",
            "８９１６１２３４５６７",
            "tel:+7-916-123-45-67;ext=5",
            "\u{202d}+7 916 123-45-67\u{202c}",
        ] {
            assert!(holds_number(text, "9161234567"), "{text}");
            assert!(tens(text).iter().any(|ten| ten == "9161234567"), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_other_numbers() {
        for text in [
            "",
            "нет",
            "916123456",
            "89161234568",
            "+791612345678",
            "12349161234567",
            "8916123 или 4567",
            "916, 1234567",
            "8 916 123 45 6 доб. 7",
            "84951112233",
        ] {
            assert!(!holds_number(text, "9161234567"), "{text}");
        }
    }
}

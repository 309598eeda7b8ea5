//! What a buyer may send as text, made safe to store, show and send on.

/// Cleans an answer: runs of whitespace (line breaks, tabs and exotic spaces too) become one space, control characters
/// and bidi overrides go, the ends are trimmed.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() {
            if !cleaned.ends_with(' ') {
                cleaned.push(' ');
            }
        } else if !is_unreadable(c) {
            cleaned.push(c);
        }
    }
    cleaned.trim().to_owned()
}

/// [`clean`], cut to `limit` characters.
pub(super) fn clean_to(text: &str, limit: usize) -> String {
    let cleaned = clean(text);
    match cleaned.char_indices().nth(limit) {
        Some((end, _)) => cleaned[..end].trim_end().to_owned(),
        None => cleaned,
    }
}

/// A text cut to `limit` characters.
pub fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

/// What others have named or worded (profile names, amoCRM's and Telegram's own words), as one line of at most `limit`
/// characters that shows all it holds: without control characters (a terminal obeys them), without marks that turn its
/// direction, without what has no glyph. Of that only stays what joins pictures to one (👨‍👩‍👧, ❤️).
pub fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::with_capacity(text.len().min(4 * limit));
    let mut signs = text.chars().peekable();
    let mut count = 0;
    while let Some(sign) = signs.next() {
        let keeps = match sign {
            // A text without a blank at its end, and without two in a row.
            _ if sign.is_whitespace() => {
                if line.is_empty() || line.ends_with(' ') {
                    continue;
                }
                false
            }
            '\u{200D}' => {
                line.chars().next_back().is_some_and(is_of_a_picture)
                    && signs.peek().is_some_and(|next| is_picture(*next))
            }
            '\u{FE0F}' => line.chars().next_back().is_some_and(is_picture),
            _ => !is_unreadable(sign) && !is_invisible(sign),
        };
        if !keeps && !sign.is_whitespace() {
            continue;
        }
        count += 1;
        if count > limit {
            line.truncate(line.char_indices().nth(limit.saturating_sub(1)).map_or(line.len(), |(at, _)| at));
            let kept = line.trim_end_matches([' ', '\u{200D}']).len();
            line.truncate(kept);
            line.push('…');
            break;
        }
        line.push(if sign.is_whitespace() { ' ' } else { sign });
    }
    line.truncate(line.trim_end().len());
    line
}

fn is_picture(sign: char) -> bool {
    matches!(sign, '\u{2190}'..='\u{2BFF}' | '\u{3030}'..='\u{303D}' | '\u{1F000}'..='\u{1FAFF}') && !is_invisible(sign)
}

fn is_of_a_picture(sign: char) -> bool {
    is_picture(sign) || sign == '\u{FE0F}'
}

/// Whether a word begins with one of these.
pub(crate) fn begins(word: &str, stems: &[&str]) -> bool {
    stems.iter().any(|stem| word.starts_with(stem))
}

/// Whether a reader would see anything at all.
pub(crate) fn is_visible(text: &str) -> bool {
    text.chars().any(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(c))
}

/// Control characters, and the bidi controls that can make a text read as another one; not whitespace.
pub(super) fn is_unreadable(c: char) -> bool {
    !c.is_whitespace() && (c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'))
}

/// Characters without a glyph of their own: zero-width, format, fillers, variation selectors (Unicode's
/// `Default_Ignorable_Code_Point`, plus the blank Braille pattern).
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// The ASCII digit for a decimal digit of the scripts phones type in (full-width, Arabic-Indic, Devanagari, …).
pub(super) fn ascii_digit(c: char) -> Option<char> {
    const ZEROS: [u32; 16] = [
        0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50, 0xED0, 0xFF10,
    ];
    let code = c as u32;
    ZEROS
        .iter()
        .find_map(|zero| code.checked_sub(*zero).filter(|value| *value < 10))
        .and_then(|value| char::from_digit(value, 10))
}

/// How many decimal digits a text has, of any script.
pub(super) fn digits_in(text: &str) -> usize {
    text.chars().filter(|c| ascii_digit(*c).is_some()).count()
}

/// A whole number with a space between its thousands: `2 500 000`.
pub fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut spaced = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            spaced.push(' ');
        }
        spaced.push(digit);
    }
    spaced
}

/// A number in a word, in lower case and with `е` for `ё`: those that mean a number wherever they stand.
pub(super) fn number_word(word: &str) -> Option<u32> {
    let number = match word {
        "один" | "одна" | "одну" | "one" => 1,
        "два" | "две" | "двух" | "пара" | "пару" | "two" => 2,
        "три" | "трех" | "three" => 3,
        "четыре" | "четырех" | "four" => 4,
        "пять" | "пяти" | "five" => 5,
        "шесть" | "шести" | "six" => 6,
        "семь" | "семи" | "seven" => 7,
        "восемь" | "восьми" | "eight" => 8,
        "девять" | "девяти" | "nine" => 9,
        "десять" | "десяти" | "ten" => 10,
        "одиннадцать" | "eleven" => 11,
        "двенадцать" | "twelve" => 12,
        "пятнадцать" | "fifteen" => 15,
        "двадцать" | "двадцати" | "twenty" => 20,
        "тридцать" | "тридцати" | "thirty" => 30,
        "сорок" | "сорока" | "forty" => 40,
        "пятьдесят" | "пятидесяти" | "fifty" => 50,
        "сто" | "ста" => 100,
        "двести" | "двухсот" => 200,
        "триста" | "трехсот" => 300,
        "пятьсот" | "пятисот" => 500,
        _ => return None,
    };
    Some(number)
}

/// A number in a word by itself, in lower case: `пять`, `пару`, `two`. Rarer ones (`шестьдесят`, `девятьсот`) are read in sums
/// alone; `hundred`, `couple` and nought are no part of a sum there.
pub(super) fn small_number(word: &str) -> Option<u32> {
    let word = word.replace('ё', "е");
    match word.as_str() {
        "ноль" | "zero" => Some(0),
        "одно" => Some(1),
        "couple" => Some(2),
        "hundred" => Some(100),
        word => number_word(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cleans() {
        for (text, want) in [
            ("", ""),
            (" \t\r\n ", ""),
            ("  a  b ", "a b"),
            ("a\nb\tc\r\nd", "a b c d"),
            ("a\u{A0}\u{2009}\u{3000}b", "a b"),
            ("a\u{0}b\u{1b}c\u{7f}d\u{9b}", "abcd"),
            ("a \u{0} b", "a b"),
            ("\u{202E}abc\u{2066}", "abc"),
            ("👨\u{200D}👩", "👨\u{200D}👩"),
            ("שלום", "שלום"),
        ] {
            assert_eq!(clean(text), want, "{text:?}");
        }
    }

    #[test]
    fn what_others_say_is_one_line_that_shows_all_it_holds() {
        let long = "ы".repeat(500);
        let cut = format!("{}…", "ы".repeat(39));
        for (text, want) in [
            ("", ""),
            ("Иван Петров", "Иван Петров"),
            ("  Иван \r\n\t Петров\u{2028}\u{85}x ", "Иван Петров x"),
            ("\u{1b}[31mred\u{1b}[0m\u{7}\u{9b}2J", "[31mred[0m2J"),
            ("\u{202E}nav\u{202C}\u{2066}i\u{2069}\u{200F}\u{200E}\u{61C}", "navi"),
            ("Ив\u{200B}а\u{2060}н\u{FEFF}\u{AD}\u{200D}\u{200C}", "Иван"),
            ("a\u{200D}b", "ab"),
            ("👨\u{200D}👩\u{200D}👧", "👨\u{200D}👩\u{200D}👧"),
            ("❤\u{FE0F}\u{200D}🔥 ok", "❤\u{FE0F}\u{200D}🔥 ok"),
            ("👨\u{200D}", "👨"),
            ("x\u{FE0F}y\u{E0041}\u{E0042}", "xy"),
            ("\u{3164}\u{115F}\u{2800}", ""),
            ("a\u{0}b", "ab"),
            ("שלום", "שלום"),
            (long.as_str(), cut.as_str()),
        ] {
            assert_eq!(one_line(text, 40), want, "{text:?}");
        }
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(clean_to("привет", 3), "при");
        assert_eq!(clean_to("ab cd", 3), "ab");
        assert_eq!(clean_to("ab", 3), "ab");
        assert_eq!(clean_to("ab", 0), "");
    }

    #[test]
    fn sees() {
        for (text, want) in [
            ("", false),
            (" \u{200B}\u{FEFF}\u{2800}\u{3164}\u{AD}\u{FE0F}", false),
            ("\u{0}\u{1b}", false),
            ("\u{200B}a", true),
            ("🙂", true),
            ("-", true),
        ] {
            assert_eq!(is_visible(text), want, "{text:?}");
        }
    }

    #[test]
    fn reads_digits_of_other_scripts() {
        for text in ["0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "０１２３４５６７８９", "०१२३४५६७८९"]
        {
            let digits: Option<String> = text.chars().map(ascii_digit).collect();
            assert_eq!(digits.as_deref(), Some("0123456789"), "{text}");
        }
        assert_eq!(ascii_digit('a'), None);
        assert_eq!(ascii_digit('²'), None);
    }

    proptest! {
        #[test]
        fn cleaning_is_idempotent_and_safe(text in any::<String>()) {
            let once = clean(&text);
            prop_assert_eq!(clean(&once), once.clone());
            prop_assert!(!once.chars().any(is_unreadable));
            prop_assert!(!once.contains("  "));
        }

        #[test]
        fn a_line_is_one_and_short(text in any::<String>(), limit in 1usize..40) {
            let line = one_line(&text, limit);
            prop_assert!(line.chars().count() <= limit);
            prop_assert!(!line.chars().any(is_unreadable) && !line.contains('\n') && !line.contains("  "));
            prop_assert_eq!(one_line(&line, limit), line.clone());
        }

        #[test]
        fn cutting_keeps_the_limit(text in any::<String>(), limit in 0usize..40) {
            prop_assert!(clean_to(&text, limit).chars().count() <= limit);
        }
    }
}

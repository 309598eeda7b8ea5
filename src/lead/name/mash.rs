//! Letters that say nothing: a hand on the keyboard, one letter again and again.

/// The rows of keys that people run along.
const ROWS: [&str; 6] = ["qwertyuiop", "asdfghjkl", "zxcvbnm", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"];

/// Whether the words are no words of any language: `asdf`, `фыва олдж`, `аааа`, `sdfgh`.
pub(super) fn is_mash(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).peekable();
    let has_words = words.peek().is_some();
    has_words && words.all(is_mash_word)
}

fn is_mash_word(word: &str) -> bool {
    let length = word.chars().count();
    let mirrored: String = word.chars().rev().collect();
    let runs = ROWS.iter().any(|row| row.contains(word) || row.contains(&mirrored));
    let mut letters = word.chars();
    let first = letters.next();
    // A hundred of them are a test of how long a name may be.
    let is_one_letter = length <= 12 && letters.all(|c| Some(c) == first);
    let is_alphabetic_script = word.chars().all(|c| c.is_ascii_alphabetic() || ('а'..='ё').contains(&c));
    let has_vowel = word.contains(|c: char| "aeiouyаеёиоуыэюяьъ".contains(c));
    let halves = length >= 4 && length.is_multiple_of(2) && {
        let (left, right) = word.split_at(word.char_indices().nth(length / 2).map_or(word.len(), |(at, _)| at));
        left == right && ROWS.iter().any(|row| row.contains(left))
    };
    length >= 4 && (runs || is_one_letter || is_alphabetic_script && !has_vowel && length >= 5)
        || length == 3 && is_one_letter
        || halves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_hand_means() {
        for text in [
            "asdf",
            "asdf;;",
            "qwerty",
            "фыва",
            "ФЫВА олдж",
            "йцукен",
            "ааааа",
            "ввв",
            "sdfgh",
            "впрлд",
            "asdasd",
            "лорп",
        ] {
            assert!(is_mash(text), "{text}");
        }
        for text in
            ["Иван", "Ли", "Анна", "Аааз", "Мкртчян", "Ng", "김철수", "Лолла", "Kia", "ещё", "", "12", "Оо", "Пророк"]
        {
            assert!(!is_mash(text), "{text}");
        }
    }
}

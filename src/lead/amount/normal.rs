//! Brings a buyer's text to one spelling: case, digits, dashes, apostrophes, the ends of sentences.

use super::super::text;

/// What ends a sentence or stands where something was taken out.
pub(super) const BREAK: &str = " ; ";

/// Lower case, `е` for `ё`, ASCII digits, one kind of space, dash and apostrophe; [`BREAK`] between sentences.
pub(super) fn normal(text: &str) -> String {
    let lower: String = text::clean(&with_breaks(text))
        .chars()
        .filter(|c| !text::is_invisible(*c) && !is_accent(*c))
        .flat_map(char::to_lowercase)
        .filter(|c| !is_accent(*c))
        .map(plain)
        .collect();
    without_inner_apostrophes(&lower.replace('…', ".."))
}

/// `2 млн. Хочу белую` and a new line are two sentences, `30 тыс. зел.` and a number at a line's end are not.
fn with_breaks(text: &str) -> String {
    let mut broken = String::with_capacity(text.len());
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let behind = &text[at + c.len_utf8()..];
        let ends_line = matches!(c, '\n' | '\r') && !before.is_numeric();
        let ends_sentence = c == '.'
            && (before.is_lowercase() || before.is_numeric())
            && behind.starts_with(char::is_whitespace)
            && behind.trim_start().starts_with(char::is_uppercase);
        if ends_line || ends_sentence {
            broken.push_str(BREAK);
        } else {
            broken.push(c);
        }
        if !c.is_whitespace() {
            before = c;
        }
    }
    broken
}

fn plain(c: char) -> char {
    match c {
        'ё' => 'е',
        // Neighbours' letters in words that differ by nothing else: `мільйон`, `сўм`, `теңге`.
        'і' | 'ї' => 'и',
        'ў' | 'ү' | 'ұ' => 'у',
        'ң' => 'н',
        'қ' => 'к',
        'ө' => 'о',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '－' | '﹣' => '-',
        '’' | '‘' | 'ʼ' | 'ʻ' | 'ʹ' | '`' | '´' | '′' | '＇' => '\'',
        '．' | '·' => '.',
        '，' | '、' | '٫' => ',',
        '٬' => '\'',
        '；' | '。' => ';',
        '（' => '(',
        '）' => ')',
        '＋' => '+',
        '：' => ':',
        '／' => '/',
        c => text::ascii_digit(c).unwrap_or(c),
    }
}

/// Combining accents: what is left of `й` and `ё` that were sent as two characters.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}')
}

/// `so'm` is one word.
fn without_inner_apostrophes(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let is_inner =
            c == '\'' && whole.ends_with(char::is_alphabetic) && chars.peek().is_some_and(|next| next.is_alphabetic());
        if !is_inner {
            whole.push(c);
        }
    }
    whole
}

/// A word that mixes Latin letters into Cyrillic, as keyboards do (`pуб`), wholly in Cyrillic.
pub(super) fn one_script(word: &str) -> String {
    let is_cyrillic = |c: char| ('\u{400}'..='\u{4FF}').contains(&c);
    if !word.contains(is_cyrillic) {
        return word.to_owned();
    }
    word.chars()
        .map(|c| match c {
            'a' => 'а',
            'b' => 'в',
            'c' => 'с',
            'e' => 'е',
            'h' => 'н',
            'k' => 'к',
            'm' => 'м',
            'o' => 'о',
            'p' => 'р',
            't' => 'т',
            'x' => 'х',
            'y' => 'у',
            c => c,
        })
        .collect()
}

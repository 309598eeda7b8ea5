//! Texts on their way to amoCRM and back. No I/O.
//!
//! **What amoCRM does to a text** (seen in live accounts): characters above U+FFFF vanish, and some fields are cut at
//! the first of them; the ends are trimmed; `"`, `<`, `>`, `&` and `'` come back as HTML entities. So nothing is sent that
//! would not be kept, and what comes back is compared by its letters and digits only. The original stays in our store.

use std::borrow::Cow;

use crate::lead::is_visible;

/// Text fields take 256 characters through the API, 255 by one answer of the support (amocrm-api-php#224).
pub(super) const FIELD_CAP: usize = 255;

/// A text that was escaped by several programs on its way is not escaped more often than this.
const MOST_ESCAPES: usize = 4;
const ZERO_WIDTH_JOINER: char = '\u{200D}';

/// The text as amoCRM keeps it: without what it leaves out, nor what only belonged to that; line breaks stay.
pub(super) fn kept(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        match c {
            '\n' => {
                kept.truncate(kept.trim_end_matches(' ').len());
                kept.push(c);
                gap = false;
            }
            '\t' => kept.push(' '),
            _ if is_left_out(c) => {
                if !c.is_control() {
                    kept.truncate(kept.trim_end_matches(ZERO_WIDTH_JOINER).len());
                }
                gap = true;
            }
            // What made one picture with a character that is gone has nothing to hold on to.
            ZERO_WIDTH_JOINER | '\u{FE0E}' | '\u{FE0F}' | '\u{20E3}' if gap => {}
            // The blank behind a picture, where there is one before it.
            ' ' if gap && (kept.is_empty() || kept.ends_with(char::is_whitespace)) => {}
            _ => {
                kept.push(c);
                gap = false;
            }
        }
    }
    kept.trim().to_owned()
}

/// Above U+FFFF, control characters, and code points that are no characters.
fn is_left_out(c: char) -> bool {
    c > '\u{FFFF}' || c.is_control() || matches!(c, '\u{FDD0}'..='\u{FDEF}' | '\u{FFFE}' | '\u{FFFF}')
}

/// [`kept`], or `None` where nothing of it can be seen any more.
pub(super) fn kept_visible(text: &str) -> Option<String> {
    Some(kept(text)).filter(|kept| is_visible(kept))
}

/// The text with its HTML entities read, however often it was escaped, and without blanks at its ends.
pub(super) fn unescaped(text: &str) -> String {
    let mut text = Cow::Borrowed(text);
    for _ in 0..MOST_ESCAPES {
        match html_escape::decode_html_entities(&text) {
            Cow::Borrowed(_) => break,
            Cow::Owned(decoded) => text = Cow::Owned(decoded),
        }
    }
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}').to_owned()
}

/// What two texts are compared by: the letters and digits that amoCRM keeps.
pub(super) fn essence(text: &str) -> String {
    unescaped(text).chars().filter(|c| c.is_alphanumeric() && *c <= '\u{FFFF}').collect()
}

/// At most `most` characters of it, without a blank at its end.
pub(super) fn cut(text: &str, most: usize) -> String {
    let end = text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
    text[..end].trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_sent_that_would_not_be_kept() {
        for (text, want) in [
            ("Иван Петров", "Иван Петров"),
            ("Иван🚗", "Иван"),
            ("Иван 🚗 Петров", "Иван Петров"),
            ("🚗 Иван", "Иван"),
            ("Иван🚗Петров", "ИванПетров"),
            ("🚗", ""),
            ("👨\u{200D}👩\u{200D}👧", ""),
            ("❤\u{FE0F}\u{200D}🔥 любовь", "❤\u{FE0F} любовь"),
            ("🏳\u{FE0F}\u{200D}🌈", ""),
            ("👩\u{200D}⚕\u{FE0F}", "⚕\u{FE0F}"),
            ("🇷🇺 Россия", "Россия"),
            ("👍🏽 да", "да"),
            ("✅ ⏰ ⚠\u{FE0F} ➡\u{FE0F}", "✅ ⏰ ⚠\u{FE0F} ➡\u{FE0F}"),
            ("𝐈𝐯𝐚𝐧 Петров", "Петров"),
            ("a\u{0}b\u{7}\nc\r\nd\te", "ab\nc\nd e"),
            ("до 🤷 \nот 🤷 души", "до\nот души"),
            ("  <b>Иван</b> & \"Ко\"  ", "<b>Иван</b> & \"Ко\""),
            ("김철수 שלום", "김철수 שלום"),
            ("a\u{FFFF}b\u{FDD0}", "ab"),
        ] {
            assert_eq!(kept(text), want, "{text:?}");
        }
        assert_eq!(kept_visible("🙂\u{FE0F}"), None);
        assert_eq!(kept_visible("\u{200B}🙂"), None);
        assert_eq!(kept_visible("."), Some(".".into()));
    }

    #[test]
    fn what_comes_back_is_the_same_text() {
        let sent = "ООО \"Рога & Копыта\" <b>д'Артаньян</b> 🚗 2 > 1\nвторая строка";
        for back in [
            "ООО &quot;Рога &amp; Копыта&quot; &lt;b&gt;д&#039;Артаньян&lt;/b&gt;  2 &gt; 1\nвторая строка",
            "ООО &amp;quot;Рога &amp;amp; Копыта&amp;quot; &amp;lt;b&amp;gt;д&amp;#39;Артаньян&lt;/b> 2 > 1\r\nвторая строка ",
            "ООО «Рога &amp; Копыта» <b>д&apos;Артаньян</b> \u{FE0F}2&nbsp;&#62; 1 вторая строка",
            "ООО &#x22;Рога & Копыта&#34; <b>д&#8217;Артаньян</b> 2 > 1\u{2028}вторая строка",
        ] {
            assert_eq!(essence(back), essence(sent), "{back}");
        }
        assert_ne!(essence("Иван"), essence("Иван Петров"));
        assert_eq!(unescaped(" &amp;amp;lt;&#35; "), "<#");
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(cut("привет", 3), "при");
        assert_eq!(cut("ab cd", 3), "ab");
        assert_eq!(cut("ab", 3), "ab");
    }

    proptest! {
        #[test]
        fn what_is_kept_is_kept_as_it_is(text in any::<String>()) {
            let once = kept(&text);
            prop_assert_eq!(kept(&once), once.clone());
            let unkept = |c: char| c > '\u{FFFF}' || (c.is_control() && c != '\n');
            prop_assert!(!once.chars().any(unkept), "{:?}", once);
            prop_assert_eq!(essence(&text.replace('&', "")), essence(&once.replace('&', "")));
        }
    }
}

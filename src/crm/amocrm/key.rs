//! A lead's number as the key by which it is found again in amoCRM: where it stands, and how it is kept out of
//! everything that people write. No I/O.
//!
//! **Promise.** A number counts where this program has put it and nowhere else: at the beginning of a title or of a note,
//! or at the end of a title as version 0.1.0 made them. What a buyer typed never looks like a key when it is sent, so that
//! no alteration on amoCRM's side can make one of it.

use super::text::{cut, essence, kept_visible, unescaped};
use crate::lead::{Lead, LeadNumber, NAMELESS, is_invisible};

/// Lead names are probably limited to 255 characters (not documented).
const TITLE_CAP: usize = 250;
/// Version 0.1.0 named leads `Заявка от {name} #{number}`.
const FIRST_EDITION: &str = "Заявка от";
/// So many letters of a name version 0.1.0 always kept.
const FIRST_EDITION_KEPT: usize = 200;

/// The lead's title in amoCRM: `#K7M2QXA Заявка: Иван Петров`, at most 250 characters.
pub fn lead_name(lead: &Lead) -> String {
    title(&lead.number, &name(lead))
}

/// The title for a name as it is sent.
pub(super) fn title(number: &LeadNumber, name: &str) -> String {
    cut(&format!("#{number} Заявка: {name}"), TITLE_CAP)
}

/// The buyer's name as it is sent: `Без имени` where amoCRM would keep nothing of it.
pub(super) fn name(lead: &Lead) -> String {
    said(lead.name.as_str()).unwrap_or_else(|| NAMELESS.to_owned())
}

/// What somebody typed, as it is sent: without what amoCRM leaves out, nothing in it that looks like a key; `None` where
/// nothing visible is left.
pub(super) fn said(text: &str) -> Option<String> {
    kept_visible(text).map(|text| broken_up(&text))
}

/// Whether a title in amoCRM is the one that this lead was created with.
pub fn is_title_of(title: &str, lead: &Lead) -> bool {
    let title = unescaped(title);
    after_number(&title, &lead.number).is_some() || is_first_edition(&title, lead)
}

/// What follows the number where a text begins with it.
pub(super) fn after_number<'a>(text: &'a str, number: &LeadNumber) -> Option<&'a str> {
    let rest = text.strip_prefix('#')?.strip_prefix(number.as_str())?;
    (!rest.starts_with(char::is_alphanumeric)).then_some(rest)
}

/// The first edition had what the buyer typed in front of the number, where amoCRM may have cut it short; so the rest of
/// the title must be right, too.
fn is_first_edition(title: &str, lead: &Lead) -> bool {
    let end = format!(" #{}", lead.number);
    let Some(name) = title.strip_prefix(FIRST_EDITION).and_then(|rest| rest.strip_suffix(&end)) else {
        return false;
    };
    let (there, ours) = (essence(name), essence(lead.name.as_str()));
    there == ours || (there.chars().count() >= FIRST_EDITION_KEPT && ours.starts_with(&there))
}

/// Whether a title is the one of version 0.1.0 for this lead, cut by amoCRM at the first character that it does not keep,
/// which was in front of the number. It may be another lead of the same buyer.
pub(super) fn is_cut_title_of(title: &str, lead: &Lead) -> bool {
    let name = lead.name.as_str();
    let cut_at = name.find(|c| c > '\u{FFFF}');
    cut_at.is_some_and(|at| {
        let title = unescaped(title);
        !title.contains('#') && essence(&title) == essence(&format!("{FIRST_EDITION} {}", &name[..at]))
    })
}

/// The text with every `#` + number, and whatever could be read as that, broken up: `№ K7M2QXA`, and in an address
/// `…#%4B7M2QXA`, which leads to the same place.
pub(super) fn broken_up(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(number_at) = number_behind_hash(rest) {
            let in_address = safe.rsplit(char::is_whitespace).next().is_some_and(|word| word.contains("://"));
            match rest.strip_prefix('#').and_then(|number| number.chars().next()).filter(char::is_ascii_alphabetic) {
                Some(first) if in_address => {
                    safe.push_str(&format!("#%{:02X}", u32::from(first)));
                    rest = &rest[2..];
                }
                _ => {
                    safe.push_str("№ ");
                    rest = &rest[number_at..];
                }
            }
        } else {
            safe.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    safe
}

/// Where the number begins if the text begins with a `#` before one.
fn number_behind_hash(text: &str) -> Option<usize> {
    let hash = match text.chars().next()? {
        sign @ ('#' | '＃' | '﹟') => sign.len_utf8(),
        '&' => escaped_hash(text)?,
        _ => return None,
    };
    let gap = |c: char| c.is_whitespace() || c.is_control() || is_invisible(c) || c > '\u{FFFF}';
    let number_at = text.len() - text[hash..].trim_start_matches(gap).len();
    let letters = text[number_at..].chars().filter(|c| !gap(*c)).map(narrow);
    // Whatever follows may be cut off, so it does not matter here.
    LeadNumber::parse(&letters.take(7).collect::<String>()).map(|_| number_at)
}

/// The length of `&#35;`, `&num;`, `&#x23;`, also escaped once more (`&amp;#35;`), at the beginning of a text.
fn escaped_hash(text: &str) -> Option<usize> {
    let mut name = text.strip_prefix('&')?;
    while let Some(rest) = name.strip_prefix("amp;") {
        name = rest;
    }
    let (entity, rest) = name.split_once(';').filter(|(entity, _)| entity.len() <= 10)?;
    let entity = entity.to_ascii_lowercase();
    let digits = entity.strip_prefix('#').map(|digits| digits.trim_start_matches('0'));
    let hex = entity.strip_prefix("#x").map(|digits| digits.trim_start_matches('0'));
    (entity == "num" || digits == Some("35") || hex == Some("23")).then(|| text.len() - rest.len())
}

/// The ASCII character for a full-width one.
fn narrow(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::super::payload::tests::lead;
    use super::*;
    use proptest::prelude::*;
    use serde_json::{from_value, json};

    fn named(name: &str) -> Lead {
        Lead { name: from_value(json!(name)).expect("a stored name"), ..lead() }
    }

    #[test]
    fn a_title_of_version_0_1_0_may_have_been_cut_before_its_number() {
        for (name, title, is_cut) in [
            ("Иван🚗", "Заявка от Иван", true),
            ("Иван 🚗 Петров", " Заявка от Иван ", true),
            ("🚗 Иван", "Заявка от", true),
            ("\"Ко\" 🚗", "Заявка от &quot;Ко&quot;", true),
            ("Иван", "Заявка от Иван", false),
            ("Иван✅", "Заявка от Иван", false),
            ("Иван🚗", "Заявка от Ива", false),
            ("Иван🚗", "Заявка от Иван Петров", false),
            ("Иван🚗", "Заявка: Иван", false),
            ("Иван🚗", "Заявка от Иван #N7HR3T9", false),
            ("Иван🚗", "", false),
        ] {
            assert_eq!(is_cut_title_of(title, &named(name)), is_cut, "{name}: {title}");
        }
    }

    #[test]
    fn a_title_begins_with_the_number() {
        for (name, want) in [
            ("Иван Петров", "#K7M2QXA Заявка: Иван Петров"),
            ("Иван🚗", "#K7M2QXA Заявка: Иван"),
            ("🚗", "#K7M2QXA Заявка: Без имени"),
            ("👨\u{200D}👩\u{200D}👧", "#K7M2QXA Заявка: Без имени"),
            ("<b>Иван</b> & \"Ко\"", "#K7M2QXA Заявка: <b>Иван</b> & \"Ко\""),
            ("Иван, заявка #N7HR3T9", "#K7M2QXA Заявка: Иван, заявка № N7HR3T9"),
            ("#K7M2QXA", "#K7M2QXA Заявка: № K7M2QXA"),
        ] {
            assert_eq!(lead_name(&named(name)), want, "{name}");
        }
        let long = lead_name(&named(&"Я".repeat(400)));
        assert_eq!(long.chars().count(), TITLE_CAP);
        assert!(long.starts_with("#K7M2QXA Заявка: ЯЯ"));
    }

    #[test]
    fn only_where_this_program_has_put_it_a_number_counts() {
        let ivan = named("Иван");
        for title in [
            "#K7M2QXA Заявка: Иван",
            "#K7M2QXA",
            "  #K7M2QXA Заявка: Иван ",
            "#K7M2QXA Заявка: &lt;b&gt;",
            "#K7M2QXA: перезвонить",
            "#K7M2QXA, VIP",
            "&#35;K7M2QXA Заявка: Иван",
            "#K7M2QXA Заявка: Заявка от X #N7HR3T9",
            "Заявка от Иван #K7M2QXA",
            " Заявка от Иван #K7M2QXA\n",
            "Заявка от  Иван  #K7M2QXA",
        ] {
            assert!(is_title_of(title, &ivan), "{title}");
        }
        for title in [
            "#K7M2QXAB Заявка: Иван",
            "#K7M2QXAЖ",
            "#K7M2QX Заявка: Иван",
            "#k7m2qxa Заявка: Иван",
            "K7M2QXA Заявка: Иван",
            "# K7M2QXA Заявка: Иван",
            "VIP #K7M2QXA перезвонить",
            "Сделка (#K7M2QXA)",
            "#N7HR3T9 Заявка: Иван #K7M2QXA",
            "#N7HR3T9 Заявка: Заявка от Иван #K7M2QXA",
            "#N7HR3T9 #K7M2QXA",
            "Заявка: #K7M2QXA Иван",
            "Заявка от Иван, заявка #K7M2QXA #N7HR3T9",
            "Заявка от Пётр #K7M2QXA",
            "Заявка от Пётр, заявка #K7M2QXA",
            "Заявка от Иван #K7M2QXA копия",
            "Заявка от Иван #K7M2QXAB",
            "Заявка от Иван#K7M2QXA",
            "Моя Заявка от Иван #K7M2QXA",
            "",
        ] {
            assert!(!is_title_of(title, &ivan), "{title}");
        }
        for (name, title) in [
            ("Иван, заявка #N7HR3T9", "Заявка от Иван, заявка #N7HR3T9 #K7M2QXA"),
            ("Иван🚗", "Заявка от Иван #K7M2QXA"),
            ("🚗", "Заявка от  #K7M2QXA"),
            ("🚗", "Заявка от #K7M2QXA"),
            ("<b>Иван</b> & \"Ко\"", "Заявка от &lt;b&gt;Иван&lt;/b&gt; &amp; &quot;Ко&quot; #K7M2QXA"),
            (&"Я".repeat(300), &format!("Заявка от {} #K7M2QXA", "Я".repeat(231))),
        ] {
            assert!(is_title_of(title, &named(name)), "{title}");
        }
    }

    #[test]
    fn what_looks_like_a_key_is_broken_up() {
        for (text, want) in [
            ("Иван, заявка #N7HR3T9", "Иван, заявка № N7HR3T9"),
            ("#N7HR3T9", "№ N7HR3T9"),
            ("# N7HR3T9", "№ N7HR3T9"),
            ("#\u{200B}N7HR3T9", "№ N7HR3T9"),
            ("#\nN7HR3T9", "№ N7HR3T9"),
            ("##N7HR3T9", "#№ N7HR3T9"),
            ("＃N7HR3T9", "№ N7HR3T9"),
            ("#n7hr3t9", "№ n7hr3t9"),
            ("#N7H\u{200B}R3T9", "№ N7H\u{200B}R3T9"),
            ("#N7H R3T9", "№ N7H R3T9"),
            ("#N7H\nR3T9", "№ N7H\nR3T9"),
            ("# N 7 H R 3 T 9", "№ N 7 H R 3 T 9"),
            ("＃Ｎ７ＨＲ３Ｔ９", "№ Ｎ７ＨＲ３Ｔ９"),
            ("&#35;N7HR3T9", "№ N7HR3T9"),
            ("&amp;#35;N7HR3T9", "№ N7HR3T9"),
            ("&#x23;N7HR3T9", "№ N7HR3T9"),
            ("&num;N7HR3T9", "№ N7HR3T9"),
            ("#N7HR3T9BBB", "№ N7HR3T9BBB"),
            ("(#N7HR3T9)(#K7M2QXA)", "(№ N7HR3T9)(№ K7M2QXA)"),
            ("https://a.b/c#N7HR3T9", "https://a.b/c#%4E7HR3T9"),
            ("вот https://a.b/#n7hr3t9 и #N7HR3T9", "вот https://a.b/#%6E7hr3t9 и № N7HR3T9"),
            ("https://a.b/&#35;N7HR3T9", "https://a.b/№ N7HR3T9"),
            ("квартира #5, C#, #мечта, #AAAAAAA", "квартира #5, C#, #мечта, #AAAAAAA"),
            ("№ N7HR3T9", "№ N7HR3T9"),
            ("N7HR3T9", "N7HR3T9"),
            ("& #", "& #"),
        ] {
            assert_eq!(broken_up(text), want, "{text}");
        }
        assert_eq!(said("#🚗N7HR3T9").as_deref(), Some("№ N7HR3T9"));
        assert_eq!(said("#N7🚗HR3T9").as_deref(), Some("№ N7HR3T9"));
        assert_eq!(said("🤷"), None);
    }

    proptest! {
        /// However amoCRM alters it, no key comes of it.
        #[test]
        fn nothing_typed_ever_looks_like_a_key(text in "(#|＃|&#35;|&amp;|;| |\\n|🚗|\u{200B}|http://|x|N7HR3T9|n7hr3t9|N7H|R3T9|Ж){0,8}") {
            let sent = broken_up(&super::super::text::kept(&text));
            let back = unescaped(&super::super::text::kept(&sent)).replace('＃', "#");
            let folded: String = back.chars().filter(|c| !c.is_whitespace() && !is_invisible(*c)).collect();
            prop_assert!(!folded.to_ascii_uppercase().contains("#N7HR3T9"), "{text:?} -> {sent:?} -> {back:?}");
            prop_assert_eq!(broken_up(&sent), sent.clone());
        }
    }
}

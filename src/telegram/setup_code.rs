//! The codes by which `setup` learns a chat. Whoever sends one says nothing to the bot, so it has a form that no link of the
//! dealer's has by chance: the bot reads it, too, where buyers' messages before it had to stay.

use teloxide::utils::command::parse_command;

/// What every code begins with.
const BEGINS: &str = "setup-";
/// Behind it: without signs that are taken for each other.
pub const SIGNS: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
/// So many of them.
pub const LENGTH: usize = 8;

/// A code of these signs.
pub fn of(signs: &str) -> String {
    format!("{BEGINS}{signs}")
}

/// Whether a word is one, in whatever letters.
pub fn is_one(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    let signs = word.strip_prefix(&BEGINS.to_ascii_uppercase());
    signs.is_some_and(|signs| signs.len() == LENGTH && signs.bytes().all(|sign| SIGNS.contains(&sign)))
}

/// Whether a message says a code and nothing else, as Telegram's link or as it was typed.
pub fn is_said(text: &str, bot_username: &str) -> bool {
    match parse_command(text, bot_username) {
        Some((name, words)) => name.eq_ignore_ascii_case("start") && matches!(words[..], [word] if is_one(word)),
        None => is_one(text.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_by_its_form() {
        for (text, said) in [
            ("/start setup-K7M2QXAB", true),
            ("/start@The_Bot setup-K7M2QXAB", true),
            (" SETUP-k7m2qxab ", true),
            ("/start setup-K7M2QXA", false),
            ("/start setup-K7M2QXABX", false),
            ("/start setup-K7M2QXA0", false),
            ("/start K7M2QXAB", false),
            ("/start setup-K7M2QXAB please", false),
            ("/start@other_bot setup-K7M2QXAB", false),
            ("/help setup-K7M2QXAB", false),
            ("/start setup", false),
            ("my code is setup-K7M2QXAB", false),
            ("", false),
        ] {
            assert_eq!(is_said(text, "the_bot"), said, "{text}");
        }
        assert!(is_one(&of("K7M2QXAB")));
    }
}

use proptest::prelude::*;

use super::{super::assignments, *};

fn read_by_systemd(text: &str) -> BTreeMap<String, String> {
    assignments::read(text).values.into_iter().collect()
}

fn read_by_dotenvy(text: &str) -> BTreeMap<String, String> {
    let mut read = BTreeMap::new();
    for line in dotenvy::from_read_iter(text.as_bytes()) {
        let (name, value) = line.expect("a line that can be read");
        read.entry(name).or_insert(value);
    }
    read
}

fn with(text: &str, changes: &[(&'static str, Option<&str>)]) -> String {
    with_of(ReadBy::Dotenvy, text, changes)
}

fn with_of(read_by: ReadBy, text: &str, changes: &[(&'static str, Option<&str>)]) -> String {
    let mut file = EnvFile::parse(text, read_by);
    for (name, value) in changes {
        file.set(name, value.map(str::to_owned)).expect("a value on one line");
    }
    file.text()
}

#[test]
fn both_readers_read_what_was_written() {
    for value in [
        "123456:AAFt2pQm7Zr-1KxY0wVbNc_8dLhGsUeJfo4",
        "a b",
        "a#b",
        "a #b",
        "#",
        "a$b",
        "$HOME ${X}",
        "it's",
        "it's $5 \"now\"",
        "say \"hi\"",
        "back\\slash",
        "back\\n",
        "'",
        "\"",
        "''",
        "`id`",
        "a;b&c|d",
        "Кириллица с пробелом",
        "smtps://robot%40example.com:p%23@smtp.example.com/?to=you@example.com",
        "postgres://u:p'w\\d$x@h/d?sslmode=require",
        "=",
        "~/x",
        "!history!",
        "x\\",
    ] {
        let text = with("OTHER=1\n", &[("AMOCRM_TAGS", Some(value)), ("BOT_TOKEN", Some("1:a"))]);
        for read in [read_by_systemd(&text), read_by_dotenvy(&text)] {
            assert_eq!(read.get("AMOCRM_TAGS").map(String::as_str), Some(value), "{text}");
            assert_eq!((read.len(), read["BOT_TOKEN"].as_str(), read["OTHER"].as_str()), (3, "1:a", "1"), "{text}");
        }
        for read_by in [ReadBy::Systemd, ReadBy::Dotenvy] {
            assert_eq!(EnvFile::parse(&text, read_by).get("AMOCRM_TAGS").as_deref(), Some(value), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_stands_in_a_value_is_read_again(value in "[^\\p{C}\u{2028}\u{2029}]{1,40}") {
        let value = value.trim();
        prop_assume!(!value.is_empty());
        let text = with("", &[("AMOCRM_TAGS", Some(value))]);
        for read in [read_by_systemd(&text), read_by_dotenvy(&text)] {
            prop_assert_eq!(read.get("AMOCRM_TAGS").map(String::as_str), Some(value), "{}", text);
        }
    }
}

#[test]
fn only_what_changes_is_changed() {
    let token = ("BOT_TOKEN", Some("2:b"));
    for (before, changes, after) in [
        ("", vec![token], "BOT_TOKEN=2:b\n"),
        ("# x\n\nBOT_TOKEN=1:a # mine\nFOO = bar\n", vec![token], "# x\n\nBOT_TOKEN=2:b\nFOO = bar\n"),
        ("BOT_TOKEN=2:b", vec![token], "BOT_TOKEN=2:b"),
        ("FOO=bar", vec![token], "FOO=bar\nBOT_TOKEN=2:b\n"),
        ("export BOT_TOKEN='1:a'\r\nFOO=bar\r\n", vec![token], "BOT_TOKEN=2:b\nFOO=bar\r\n"),
        // The first counts for dotenvy and the last for systemd.
        ("BOT_TOKEN=1:a\nX=1\nBOT_TOKEN=3:c\n", vec![token], "BOT_TOKEN=2:b\nX=1\n"),
        ("BOT_TOKEN=\nX=1\n", vec![token], "BOT_TOKEN=2:b\nX=1\n"),
        // Beside its example, which stays.
        ("#BOT_TOKEN=0:x\n# more\nX=1\n", vec![token], "#BOT_TOKEN=0:x\nBOT_TOKEN=2:b\n# more\nX=1\n"),
        ("#BOT_TOKEN=0:x", vec![token], "#BOT_TOKEN=0:x\nBOT_TOKEN=2:b\n"),
        ("#BOT_TOKEN=0:x\nBOT_TOKEN=1:a\n", vec![token], "#BOT_TOKEN=0:x\nBOT_TOKEN=2:b\n"),
        ("BOT_TOKEN=1:a\nX=1\n", vec![("BOT_TOKEN", None)], "X=1\n"),
        ("X=1\n", vec![("BOT_TOKEN", None)], "X=1\n"),
        // A value over several lines, and a line that nobody can read.
        ("X=\"a\nBOT_TOKEN=no\"\nBOT_TOKEN=1:a\n", vec![token], "X=\"a\nBOT_TOKEN=no\"\nBOT_TOKEN=2:b\n"),
        ("hush hush\nX='open\nBOT_TOKEN=1:a\n", vec![token], "hush hush\nX='open\nBOT_TOKEN=2:b\n"),
        ("# it's a comment\nBOT_TOKEN=1:a\n", vec![token], "# it's a comment\nBOT_TOKEN=2:b\n"),
        ("X=don't # it's\nBOT_TOKEN=1:a\n", vec![token], "X=don't # it's\nBOT_TOKEN=2:b\n"),
    ] {
        assert_eq!(with(before, &changes), after, "{before:?}");
        assert_eq!(with(&with(before, &changes), &changes), after, "again: {before:?}");
        if !before.starts_with("export") {
            assert_eq!(with_of(ReadBy::Systemd, before, &changes), after, "of a service: {before:?}");
        }
    }
}

#[test]
fn a_setting_has_the_value_that_its_reader_takes() {
    for (text, of_systemd, of_dotenvy) in [
        ("BOT_TOKEN=1:a\nX=1\nBOT_TOKEN=2:b\n", Some("2:b"), Some("1:a")),
        ("export BOT_TOKEN=1:a\n", None, Some("1:a")),
        ("BOT_TOKEN=1:a # mine\n", Some("1:a # mine"), Some("1:a")),
        ("BOT_TOKEN='1:a' # mine\n", Some("1:a# mine"), Some("1:a")),
        ("\u{feff}BOT_TOKEN=1:a\r\n", Some("1:a"), Some("1:a")),
        ("# a path, C:\\\nBOT_TOKEN=1:a\n", Some("1:a"), Some("1:a")),
        ("BOT_TOKEN=\n", None, None),
    ] {
        for (read_by, value) in [(ReadBy::Systemd, of_systemd), (ReadBy::Dotenvy, of_dotenvy)] {
            let file = EnvFile::parse(text, read_by);
            assert_eq!(file.get("BOT_TOKEN").as_deref(), value, "{read_by:?} {text:?}");
            assert_eq!(file.text(), text);
        }
    }
    // What the service passes over stays, and counts for nothing.
    let own = with_of(ReadBy::Systemd, "export BOT_TOKEN=1:a\n", &[("BOT_TOKEN", Some("2:b"))]);
    assert_eq!(own, "export BOT_TOKEN=1:a\nBOT_TOKEN=2:b\n");
}

#[test]
fn the_example_is_filled_in_where_each_setting_is_explained() {
    const EXAMPLE: &str = include_str!("../../../.env.example");
    let text = with(EXAMPLE, &[("BOT_TOKEN", Some("2:b")), ("MANAGERS_CHAT_ID", Some("-1001"))]);
    assert_eq!(text.lines().count(), EXAMPLE.lines().count() + 1, "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.contains(&"BOT_TOKEN=2:b"));
    let at = lines.iter().position(|line| *line == "MANAGERS_CHAT_ID=-1001").expect("it is there");
    assert!(lines[at - 1].starts_with("#MANAGERS_CHAT_ID="), "{}", lines[at - 1]);
}

#[test]
fn what_is_shown_holds_no_secret() {
    let mut file = EnvFile::parse("BOT_TOKEN=1:a\nADMIN_CHAT_ID=5\nAMOCRM_REFRESH_TOKEN=def50\n", ReadBy::Systemd);
    for (name, value) in [("BOT_TOKEN", Some("2:b")), ("ADMIN_CHAT_ID", Some("7 8")), ("AMOCRM_REFRESH_TOKEN", None)] {
        file.set(name, value.map(str::to_owned)).expect("one line");
    }
    let shown = file.changes(|name| name.contains("TOKEN"));
    let set = |text: &str| Change::Set(text.to_owned());
    let want = [("ADMIN_CHAT_ID", set("'7 8'")), ("AMOCRM_REFRESH_TOKEN", Change::Removed), ("BOT_TOKEN", set(HIDDEN))];
    assert_eq!(shown, want);
    file.set("BOT_TOKEN", Some("1:a".into())).expect("one line");
    assert_eq!(file.changes(|_| true).len(), 2, "as it was is no change");
    assert_eq!(file.set("BOT_TOKEN", Some("1:a\nX=1".into())), Err(NotOneLine));
}

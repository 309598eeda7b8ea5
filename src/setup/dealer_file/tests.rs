//! What setup writes into `dealer.toml`, and what it leaves as it is.

use std::path::Path;

use super::*;
use crate::config::Dealer;

const EXAMPLE: &str = include_str!("../../../dealer.toml.example");

fn read(text: &str) -> Dealer {
    Dealer::parse("dealer.toml", text, Path::new("")).unwrap_or_else(|told| panic!("{told:?}\n{text}"))
}

fn anna() -> ManagerAnswer {
    ManagerAnswer { name: "Анна".into(), crm_user_id: Some(7001), telegram_id: None }
}

fn all_of(file: &mut DealerFile) {
    file.set_time_zone("Asia/Vladivostok");
    let hours = Hours::parse("mon-fri 09:00-19:00; sat 10:00-16:00").expect("hours").expect("some");
    file.set_hours(Some(&hours)).expect("a table");
    file.set_callback_within("15m").expect("a table");
    file.add_manager(&anna()).expect("a list");
    let boris = ManagerAnswer { name: "Борис \"Б\"".into(), crm_user_id: None, telegram_id: Some(5) };
    file.add_manager(&boris).expect("a list");
    file.set_consent("2026-12", &[(None, "https://example.com/consent".into())]).expect("a table");
    assert!(file.set_policy(Some("https://example.com/privacy")));
}

#[test]
fn what_is_written_is_what_the_bot_reads() {
    for before in [None, Some(""), Some("# mine\n"), Some(EXAMPLE), Some("\u{feff}languages = [\"ru\"] # one\n")] {
        let mut file = DealerFile::parse(before).expect("it can be read");
        assert_eq!(file.text(), None, "nothing is changed yet");
        all_of(&mut file);
        let text = file.text().expect("it has changed");
        let dealer = read(&text);
        assert_eq!(dealer.time_zone.name(), "Asia/Vladivostok");
        assert_eq!(dealer.hours.expect("hours").week.0.len(), 6);
        assert_eq!(dealer.managers.len(), 2);
        assert_eq!(dealer.consent.expect("consent").version, "2026-12");
        // Again it changes nothing.
        let mut again = DealerFile::parse(Some(&text)).expect("it can be read");
        all_of(&mut again);
        assert_eq!(again.text(), None, "{text}");
    }
}

#[test]
fn every_line_of_the_dealers_stays() {
    let mut file = DealerFile::parse(Some(EXAMPLE)).expect("it can be read");
    all_of(&mut file);
    let text = file.text().expect("it has changed");
    let gone: Vec<String> = differing(EXAMPLE, &text).into_iter().filter(|line| line.starts_with('-')).collect();
    assert_eq!(gone, ["- time_zone = \"Europe/Moscow\""]);
}

#[test]
fn single_values_are_changed_in_their_place() {
    let day = |text: &str| Hours::parse(text).expect("hours").expect("some");
    let changed = |before: &str, change: &dyn Fn(&mut DealerFile)| {
        let mut file = DealerFile::parse(Some(before)).expect("it can be read");
        change(&mut file);
        file.text().unwrap_or_else(|| before.to_owned())
    };
    let zone = |file: &mut DealerFile| file.set_time_zone("Asia/Omsk");
    assert_eq!(
        changed("# a\ntime_zone = \"Europe/Moscow\"  # b\n# c\n", &zone),
        "# a\ntime_zone = \"Asia/Omsk\"  # b\n# c\n"
    );
    assert_eq!(changed("time_zone='Asia/Omsk' # b\n", &zone), "time_zone='Asia/Omsk' # b\n");
    let hours = |file: &mut DealerFile| file.set_hours(Some(&day("mon 10:00-18:00"))).expect("a table");
    assert_eq!(
        changed("[hours]\nmon = \"9:00-12:00\" # short\nsun = \"10:00-11:00\"\nholidays = [\"2027-01-01\"]\n", &hours),
        "[hours]\nmon = \"10:00-18:00\" # short\nsun = \"off\"\nholidays = [\"2027-01-01\"]\n"
    );
    let always = |file: &mut DealerFile| file.set_hours(None).expect("a table");
    assert_eq!(changed("a = 1\n\n[hours]\nmon = \"9:00-12:00\"\n", &always), "a = 1\n");
    let manager = |file: &mut DealerFile| {
        file.add_manager(&ManagerAnswer { telegram_id: Some(9), ..anna() }).expect("a list");
    };
    assert_eq!(
        changed("[[manager]]\n# who\nname = \"Аня\"\ncrm_user_id = 7001 # hers\n", &manager),
        "[[manager]]\n# who\nname = \"Анна\"\ncrm_user_id = 7001 # hers\ntelegram_id = 9\n"
    );
    let gone = |file: &mut DealerFile| file.remove_manager(&anna()).expect("a list");
    let boris = "[[manager]]\nname = \"Борис\"\ntelegram_id = 5\n";
    let both = format!("{boris}\n[[manager]]\nname = \"Аня\"\ncrm_user_id = 7001\n");
    assert_eq!(changed(&both, &gone), boris);
    assert_eq!(changed("x = 1\n\n[[manager]]\nname = \"А\"\ncrm_user_id = 7001\n", &gone), "x = 1\n");
    assert_eq!(changed(boris, &gone), boris);
    let consent = "[consent]\nversion = \"1\" # so\ndocument = \"a.md\"\n";
    let newer = |file: &mut DealerFile| file.set_consent_version("2").expect("a table");
    assert_eq!(changed(consent, &newer), consent.replace("\"1\"", "\"2\""));
    assert_eq!(changed(&format!("x = 1\n{consent}"), &DealerFile::remove_consent), "x = 1\n");
    let off = |file: &mut DealerFile| file.set_callback_within("off").expect("a table");
    assert_eq!(changed("x = 1\n", &off), "x = 1\n");
    assert_eq!(changed("[crm]\ncallback_within = \"15m\"\n", &off), "[crm]\ncallback_within = \"off\"\n");
    let take = |file: &mut DealerFile| file.set_distribute("take").expect("a table");
    assert_eq!(
        changed("[crm]\njunk_status = true # so\n", &take),
        "[crm]\njunk_status = true # so\ndistribute = \"take\"\n"
    );
    assert_eq!(changed("x = 1\n", &|file| file.set_distribute("off").expect("a table")), "x = 1\n");
}

#[test]
fn what_is_added_comes_behind_the_comments_of_an_empty_file() {
    for (before, head) in [(None, HEAD.trim_end()), (Some("# ours\n# and theirs"), "# ours\n# and theirs")] {
        let mut file = DealerFile::parse(before).expect("nothing is wrong");
        assert_eq!(file.text(), None);
        file.set_hours(Hours::parse("9-19").expect("hours").as_ref()).expect("a table");
        file.set_time_zone("Asia/Omsk");
        let text = file.text().expect("a change");
        assert!(text.starts_with(&format!("{head}\n")) && text.ends_with("sun = \"09:00-19:00\"\n"), "{text}");
        assert_eq!(text.matches("time_zone = \"Asia/Omsk\"").count(), 1);
        assert_eq!(DealerFile::parse(Some(&text)).expect("as written").text(), None);
        assert!(!text.contains("\n\n\n"), "{text}");
    }
}

#[test]
fn what_cannot_be_changed_is_told() {
    assert!(DealerFile::parse(Some("a = \n")).is_err_and(|told| told.contains("line 1")));
    let file = |text: &str| DealerFile::parse(Some(text)).expect("it can be read");
    assert_eq!(file("manager = 5\n").add_manager(&anna()), Err(NotATable("manager")));
    assert_eq!(file("crm = 5\n").set_callback_within("15m"), Err(NotATable("crm")));
    assert!(!file("").set_policy(Some("https://example.com")));
}

#[test]
fn differing_lines_are_told_in_order() {
    assert_eq!(differing("a\nb\nc\n", "a\nx\nc\nd\n"), ["+ x", "- b", "+ d"]);
    assert!(differing("a\n", "a\n").is_empty());
    assert_eq!(differing("", "a\n"), ["+ a"]);
}

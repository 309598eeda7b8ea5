use std::{collections::BTreeSet, path::Path};

use strum::VariantNames;

use super::{questions::CHOICES_ARE_FOR, *};
use crate::form::{Field, Kind, Words};

fn parse(text: &str) -> Result<Dealer, Vec<ConfigProblem>> {
    Dealer::parse("dealer.toml", text, Path::new("."))
}

const NAME_AND_PHONE: &str = "[[question]]\nkey = \"name\"\n[[question]]\nkey = \"phone\"\n";

const EXAMPLE: &str = include_str!("../../../dealer.toml.example");

#[test]
fn nothing_at_all_is_the_built_in_form() {
    let dealer = parse("").expect("settings");
    assert_eq!((dealer.form, dealer.time_zone), (Form::default(), Tz::Europe__Moscow));
}

#[test]
fn what_is_said_of_quick_answers_names_the_kinds_that_have_them() {
    let named: BTreeSet<&str> = CHOICES_ARE_FOR.split([' ', ',']).collect();
    for name in Kind::VARIANTS {
        let kind: Kind = name.parse().expect("a kind");
        assert_eq!(named.contains(name), kind.takes_choices(), "{name}");
    }
}

#[test]
fn the_whole_contract_is_read() {
    let dealer = parse(
        r#"
time_zone = "Asia/Vladivostok"
languages = ["ru", "en"]
[hours]
mon = "09:00-19:00"
sat = "10:00–24:00"
sun = "off"
holidays = ["2027-01-01"]
[[question]]
key = "name"
kind = "name"
[[question]]
key = "phone"
kind = "phone"
[[question]]
key = "city"
kind = "choice"
ask = { en = "Which city are you in?", ru = "Из какого вы города?" }
label = { ko = "도시", en = "City" }
optional = true
choices = [{ ru = "Москва", en = "Moscow" }, { ru = "Владивосток" }, "Другой"]
free_text = true
crm_field = "CITY"
[[question]]
key = "year"
kind = "number"
ask = "Год?"
label = "Год"
choices = ["2021", "2022"]
crm_field = 9003
[crm]
repeat = "attach"
attach_within = "90d"
callback_within = "15m"
distribute = "round_robin"
[[manager]]
name = "Анна"
crm_user_id = 7001
telegram_id = 123456789
hours = { mon = "10:00-18:00" }
[[status]]
pipeline_id = 101
status_id = 142
text = { ru = "Автомобиль куплен на аукционе" }
[[source]]
code = "avito"
name = "Авито"
utm = { source = "avito", medium = "cpc" }
[unfinished]
remind_after = "off"
deliver_after = "24h"
[consent]
version = "2026-12"
document = { ru = "Cargo.toml", en = "https://example.com/consent" }
policy_url = "https://example.com/privacy"
[privacy]
retention = "180d"
mask_phones_in_group = true
"#,
    )
    .expect("settings");
    let city = dealer.form.question("city").expect("a question");
    assert_eq!(
        (city.kind, city.optional, city.free_text, city.field),
        (Kind::Choice, true, true, Some(Field::Code("CITY")))
    );
    // The first language first, then as they are written.
    let Words::Given(ask) = city.prompt else { panic!("{city:?}") };
    assert_eq!(ask.iter().map(|(code, _)| *code).collect::<Vec<_>>(), ["ru", "en"]);
    assert_eq!(city.label, Words::Given(&[("ko", "도시"), ("en", "City")]));
    assert_eq!(city.choices[2], Words::Given(&[("ru", "Другой")]));
    assert_eq!(dealer.form.question("year").expect("a question").field, Some(Field::Id(9003)));
    assert_eq!(dealer.form.position("year"), Some(4));
    let hours = dealer.hours.expect("hours");
    let at = |hour| chrono::NaiveTime::from_hms_opt(hour, 0, 0).expect("a time");
    assert!(hours.week.has(chrono::Weekday::Sat, at(23)) && !hours.week.has(chrono::Weekday::Sun, at(12)));
    assert!(!hours.week.has(chrono::Weekday::Mon, at(19)) && hours.holidays.len() == 1);
    let minutes = |minutes: u64| std::time::Duration::from_secs(minutes * 60);
    assert_eq!(dealer.crm.callback_within, Some(minutes(15)));
    assert_eq!((dealer.crm.repeat, dealer.crm.distribute), (Repeat::Attach, Distribute::RoundRobin));
    assert_eq!((dealer.unfinished.remind_after, dealer.unfinished.deliver_after), (None, Some(minutes(24 * 60))));
    assert_eq!((dealer.managers.len(), dealer.statuses.all().len(), dealer.sources.all()[0].utm.len()), (1, 1, 2));
    assert!(matches!(dealer.consent.expect("consent").documents[..], [(_, Place::File { .. }), (_, Place::Page(_))]));
    assert_eq!(dealer.privacy.retention, Some(minutes(180 * 24 * 60)));
}

#[test]
fn a_source_says_what_its_code_stands_for() {
    let text = "[[source]]\ncode = \"avito\"\nname = \"Авито\"\nutm = { source = \"avito\", term = \"encar\" }\n\
                [[source]]\ncode = \"vk__spring\"\nname = \"ВК\"\ntag = \"вк весна\"\n\
                [[source]]\ncode = \"Stand\"\nname = \"Стенд\"\nutm = {}\ntag = \"off\"\n";
    let dealer = Dealer::parse("dealer.toml", text, Path::new("")).expect("sources");
    let told: Vec<_> = dealer
        .sources
        .all()
        .iter()
        .map(|source| (source.shown(), source.utm_line().unwrap_or_default(), source.tag.clone().unwrap_or_default()))
        .collect();
    let told: Vec<_> = told.iter().map(|(shown, utm, tag)| (shown.as_str(), utm.as_str(), tag.as_str())).collect();
    assert_eq!(
        told,
        [
            ("Авито (avito)", "utm_source=avito, utm_term=encar", "Авито"),
            ("ВК (vk__spring)", "utm_source=vk, utm_campaign=spring", "вк весна"),
            ("Стенд (Stand)", "", ""),
        ]
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_was_meant() {
    let with = |rest: &str| format!("{NAME_AND_PHONE}{rest}");
    let question = |rest: &str| with(&format!("[[question]]\nkey = \"city\"\n{rest}"));
    let consent = |version: &str, document: &str| format!("[consent]\nversion = {version}\ndocument = {document}");
    let whole = "kind = \"text\"\nask = \"?\"\nlabel = \"L\"\n";
    let mut wrong = Vec::new();
    for (text, place, words) in [
        ("time_zone = \"Europe/Moskow\"".to_owned(), "line 1, column 13", "Did you mean Europe/Moscow?"),
        ("timezone = \"Europe/Moscow\"".into(), "line 1, column 1", "Did you mean time_zone?"),
        ("languages = [\"русский\"]".into(), "line 1, column 14", "no code of a language"),
        ("languages = []".into(), "line 1, column 13", "no language"),
        ("languages = \"ru\"".into(), "line 1, column 13", "is a text and not a list"),
        ("[hours]\nmon = \"9-19\"".into(), "line 2, column 7", "no hours"),
        ("[hours]\nmon = \"19:00-09:00\"".into(), "line 2, column 7", "ends before it begins"),
        ("[hours]\nmonday = \"09:00-19:00\"".into(), "line 2, column 1", "Did you mean mon?"),
        ("[hours]\nmon = \"09:00-19:00\"\nholidays = [\"01.01.2027\"]".into(), "line 3, column 13", "no day"),
        ("[crm]\nrepeat = \"atach\"".into(), "line 2, column 10", "Did you mean attach?"),
        ("[crm]\nrepeat = true".into(), "line 2, column 10", "is true or false and not a text"),
        ("[crm]\ncallback_within = 15".into(), "line 2, column 19", "\"15m\""),
        ("[crm]\ncallback_within = \"15 minutes\"".into(), "line 2, column 19", "no time"),
        ("[crm]\nattach_within = \"0d\"".into(), "line 2, column 17", "no time"),
        ("[crm]\nattach_within = \"off\"".into(), "line 2, column 17", "cannot be off"),
        ("[[manager]]\ncrm_user_id = 5".into(), "line 1, column 1", "name is missing"),
        ("[[manager]]\nname = \"Анна\"\ncrm_user_id = \"5\"".into(), "line 3, column 15", "a whole number"),
        ("[manager]\nname = \"Анна\"".into(), "line 1, column 1", "a list"),
        ("[[status]]\nstatus_id = -1\ntext = \"x\"".into(), "line 2, column 13", "above 0"),
        ("[[source]]\ncode = \"авито\"\nname = \"x\"".into(), "line 2, column 8", "Telegram does not take"),
        (
            "[[source]]\ncode = \"a\"\nname = \"x\"\nutm = { sourse = \"a\" }".into(),
            "line 4, column 9",
            "Did you mean source?",
        ),
        ("[[source]]\ncode = \"a\"".into(), "line 1, column 1", "name is missing"),
        ("[[source]]\ncode = \"a b\"\nname = \"x\"".into(), "line 2, column 8", "Latin letters, digits, _ and -"),
        (format!("[[source]]\ncode = \"{}\"\nname = \"x\"", "a".repeat(65)), "line 2, column 8", "at most 64"),
        (
            "[[source]]\ncode = \"a\"\nname = \"x\"\n[[source]]\ncode = \"a\"\nname = \"y\"".into(),
            "line 4, column 1",
            "code a is there already",
        ),
        ("[[source]]\ncode = \"a\"\nname = \"x\"\nutm = \"a\"".into(), "line 4, column 7", "is a text and not a table"),
        ("[[source]]\ncode = \"a\"\nname = \"x\"\nutm = { term = 5 }".into(), "line 4, column 16", "not a text"),
        ("[[source]]\ncode = \"a\"\nname = \"x\"\ntag = false".into(), "line 4, column 7", "not a text"),
        ("[[source]]\ncode = \"a\"\nname = \"x\"\ntags = \"b\"".into(), "line 4, column 1", "Did you mean tag?"),
        ("[consent]\nversion = \"1\"\ndocument = { ru = \"nowhere.md\" }".into(), "line 3, column 19", "nowhere.md"),
        (consent("\" \"", "\"Cargo.toml\""), "line 2, column 11", "is empty"),
        (consent("\"\"\"1\n2\"\"\"", "\"Cargo.toml\""), "line 2, column 11", "one line"),
        (consent("2026", "\"Cargo.toml\""), "line 2, column 11", "a text in quotes"),
        (consent("2026", "\"Cargo.toml\""), "line 2, column 11", "Such as \"2026\""),
        (consent("2026-12-01", "\"Cargo.toml\""), "line 2, column 11", "Such as \"2026-12-01\""),
        (
            "[[source]]\ncode = \"a\"\nname = \"x\"\ntime_zone = \"Asia/Almaty\"".into(),
            "line 4, column 1",
            "belongs to the top of the file",
        ),
        (consent("\"1\"", "\"\""), "line 3, column 12", "is empty"),
        (consent("\"1\"", "{}"), "line 3, column 12", "no document"),
        (consent("\"1\"", "[\"Cargo.toml\"]"), "line 3, column 12", "a table"),
        (consent("\"1\"", "\"src\""), "line 3, column 12", "is no file"),
        (consent("\"1\"", "{ ru = \"Cargo.toml\", en = \"gone.md\" }"), "line 3, column 38", "gone.md"),
        (consent("\"1\"", "{ russian = \"Cargo.toml\" }"), "line 3, column 24", "code of a language"),
        (consent("\"1\"", "\"http://a.b/c\""), "line 3, column 12", "https://"),
        (consent("\"1\"", "\"ftp://a.b/c\""), "line 3, column 12", "no https address"),
        (consent("\"1\"", "\"https://user:hush@a.b/c\""), "line 3, column 12", "everybody may see"),
        ("[consent]\ndocument = \"Cargo.toml\"".into(), "line 1, column 1", "version is missing"),
        ("[consent]\nversion = \"1\"".into(), "line 1, column 1", "document is missing"),
        (
            "[consent]\nversion = \"1\"\ndocument = \"Cargo.toml\"\npolicy = \"x\"".into(),
            "line 4, column 1",
            "policy_url?",
        ),
        (
            "[consent]\nversion = \"1\"\ndocument = \"https://a.b\"\npolicy_url = \"http://a.b\"".into(),
            "line 4, column 14",
            "https",
        ),
        ("[privacy]\nretention = \"forever\"".into(), "line 2, column 13", "no time"),
        ("[privacy]\nmask_phones_in_group = \"yes\"".into(), "line 2, column 24", "true or false"),
        ("[unfinised]\n".into(), "line 1, column 2", "Did you mean unfinished?"),
        ("[[question]]\nkey = \"name\"".into(), "line 1, column 1", "phone"),
        (with("[[question]]\nkind = \"text\"\nask = \"?\"\nlabel = \"L\""), "line 5, column 1", "key is missing"),
        (
            with("[[question]]\nkey = \"Город\"\nkind = \"text\"\nask = \"?\"\nlabel = \"L\""),
            "line 6, column 7",
            "cannot be a key",
        ),
        (question("kind = \"chioce\"\nask = \"?\"\nlabel = \"L\""), "line 7, column 8", "Did you mean choice?"),
        (question("kind = \"choice\"\nask = \"?\"\nlabel = \"L\""), "line 5, column 1", "choices are missing"),
        (
            question("kind = \"choice\"\nask = \"?\"\nlabel = \"L\"\nchoices = []"),
            "line 10, column 11",
            "list of nothing",
        ),
        (
            question("kind = \"choice\"\nask = \"?\"\nlabel = \"L\"\nchoices = [\"A\", \"A\"]"),
            "line 10, column 17",
            "twice",
        ),
        (
            question("kind = \"number\"\nask = \"?\"\nlabel = \"L\"\nchoices = [\"много\"]"),
            "line 10, column 12",
            "one number",
        ),
        (
            question("kind = \"date\"\nask = \"?\"\nlabel = \"L\"\nchoices = [\"A\"]"),
            "line 10, column 11",
            "not for kind date",
        ),
        (question("kind = \"text\"\nlabel = \"L\""), "line 5, column 1", "ask is missing"),
        (question("kind = \"text\"\nask = {}\nlabel = \"L\""), "line 8, column 7", "no words"),
        (
            question("kind = \"text\"\nask = { russian = \"?\" }\nlabel = \"L\""),
            "line 8, column 19",
            "code of a language",
        ),
        (question(&format!("{whole}choises = [\"A\"]")), "line 10, column 1", "Did you mean choices?"),
        (question(&format!("{whole}free_text = true")), "line 10, column 13", "for kind choice"),
        (question(&format!("{whole}optional = \"yes\"")), "line 10, column 12", "true or false"),
        (question(&format!("{whole}crm_field = 1.5")), "line 10, column 13", "a whole number"),
        (question(&format!("{whole}crm_field = \"my field\"")), "line 10, column 13", "a blank"),
        (with("[[question]]\nkey = \"phone\"\n"), "line 5, column 1", "once more"),
        (
            "[[question]]\nkey = \"name\"\nkind = \"text\"\n[[question]]\nkey = \"phone\"".into(),
            "line 3, column 8",
            "the contact's",
        ),
        (
            "[[question]]\nkey = \"name\"\n[[question]]\nkey = \"phone\"\noptional = true".into(),
            "line 5, column 12",
            "call back",
        ),
        (
            "[[question]]\nkey = \"name\"\ncrm_field = 5\n[[question]]\nkey = \"phone\"".into(),
            "line 3, column 13",
            "the contact's",
        ),
        ("a = \n".into(), "line 1", "no TOML"),
        ("# комментарий\nключ = \"город\nb = 1".into(), "line 2", "no TOML"),
    ] {
        let problems = parse(&text).expect_err(&text);
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let is_told = told.iter().any(|told| told.contains(place) && told.contains(words));
        let is_secret = told.iter().any(|told| told.contains("hush"));
        let is_alone = !is_secret && told.len() == 1 || words.contains("TOML");
        if !is_told || !is_alone || told.iter().any(|told| told.lines().count() != 1) {
            wrong.push(format!("{text}\n{place}: {words}\n{told:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_document_that_cannot_be_shown_is_told_and_a_language_without_one_is_odd() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).expect("a file");
    write("consent.md", "Я согласен".as_bytes());
    write("consent.pdf", &[0x25, 0xff, 0xfe]);
    for (name, content) in [("empty.md", ""), ("blank.md", " \n\u{feff}\u{200b}\n")] {
        write(name, content.as_bytes());
    }
    write("large.pdf", &vec![b'x'; usize::try_from(LARGEST_DOCUMENT).expect("a size") + 1]);
    let read = |languages: &str, document: &str| {
        let text = format!("{languages}\n[consent]\nversion = \"1\"\ndocument = {document}\n");
        Dealer::parse("dealer.toml", &text, folder.path())
    };
    for (name, words) in [("empty.md", "is empty"), ("blank.md", "is empty"), ("large.pdf", "larger than 5 MB")] {
        let told = read("", &format!("\"{name}\"")).expect_err(name)[0].to_string();
        assert!(told.contains("line 4, column 12") && told.contains(words) && told.contains(name), "{told}");
    }
    for (languages, document, codes, odd) in [
        ("", "\"consent.md\"", vec!["ru"], vec![]),
        ("", "{ en = \"consent.pdf\", ru = \"consent.md\" }", vec!["ru", "en"], vec![]),
        ("", "{ ru = \"consent.md\" }", vec!["ru"], vec!["none in en"]),
        ("languages = [\"ru\"]", "{ ru = \"consent.md\" }", vec!["ru"], vec![]),
        ("languages = [\"uz\", \"ru\"]", "{ ru = \"consent.md\" }", vec!["ru"], vec!["none in uz"]),
        ("languages = [\"ru\"]", "{ RU = \"consent.md\", kk = \"consent.pdf\" }", vec!["ru", "kk"], vec!["one in kk"]),
    ] {
        let dealer = read(languages, document).expect(document);
        let consent = dealer.consent.expect("consent");
        assert_eq!(consent.documents.iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(), codes, "{document}");
        let told: Vec<String> = dealer.odd.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), odd.len(), "{told:?}");
        let place = "line 4, column 12";
        assert!(told.iter().zip(odd).all(|(told, words)| told.contains(words) && told.contains(place)), "{told:?}");
    }
}

#[test]
fn all_problems_are_told_at_once_from_top_to_bottom() {
    let problems =
        parse("zone = 1\n[hours]\nmon = 5\n[crm]\nrepeat = \"x\"\n[[question]]\nkey = \"name\"\nkind = \"nme\"\n")
            .expect_err("many");
    let places: Vec<&str> = problems.iter().map(|problem| problem.variable.as_ref()).collect();
    let lines: Vec<u32> =
        places.iter().filter_map(|place| place.split("line ").nth(1)?.split(',').next()?.parse().ok()).collect();
    assert!(
        lines.is_sorted() && BTreeSet::from_iter(&lines).is_superset(&BTreeSet::from_iter(&[1, 3, 5, 8])),
        "{lines:?}"
    );
}

/// Whoever copies it has a file that works, and finds every key explained.
#[test]
fn the_example_is_right_and_names_every_key() {
    // What is commented out without a blank is an example, too.
    let in_force = |line: &'static str| line.strip_prefix('#').filter(|line| !line.starts_with(' ')).unwrap_or(line);
    let example = EXAMPLE.lines().map(in_force).collect::<Vec<_>>().join("\n");
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["consent-ru.md", "consent-en.md"] {
        std::fs::write(folder.path().join(name), "…").expect("a file");
    }
    Dealer::parse("dealer.toml.example", EXAMPLE, folder.path()).expect("the example as it is");
    let dealer = Dealer::parse("dealer.toml.example", &example, folder.path()).expect("all of the example");
    assert!(dealer.odd.is_empty() && dealer.form.questions().len() == 5, "{dealer:?}");
    let asked = document::asked_for();
    let is_there = |key: &str| example.contains(&format!("{key} = ")) || example.contains(&format!("[{key}]"));
    let missing: Vec<_> = asked.iter().filter(|key| !is_there(key)).collect();
    assert!(missing.is_empty() && asked.len() > 30, "{missing:?} of {asked:?}");
}

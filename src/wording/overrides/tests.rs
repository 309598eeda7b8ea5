use super::*;

fn file(code: &str, text: &str) -> TextFile {
    TextFile { path: format!("texts/{code}.ftl"), code: code.into(), text: text.into() }
}

fn problems(text: &str) -> Vec<String> {
    let files = [file("ru", text)];
    Lang::load(&files, &[]).map_or_else(|problems| problems.iter().map(ToString::to_string).collect(), |_| Vec::new())
}

/// What `texts` prints can be put into the folder as it is.
#[test]
fn what_is_in_locales_is_right_by_these_rules() {
    for (code, source) in BUILT_IN {
        assert_eq!(check(&file(code, source)), []);
        assert_eq!(Lang::load(&[file(code, source)], &[]).map(|spoken| spoken.len()), Ok(2.max(spoken_with(code))));
    }
}

fn spoken_with(code: &str) -> usize {
    if ["ru", "en"].contains(&code) { 2 } else { 3 }
}

#[test]
fn right_texts_are_taken() {
    for text in [
        "",
        "# only a comment\n",
        "welcome = Здравствуйте!",
        "welcome = Здравствуйте! Вопросов: { $count }.\n",
        "welcome =\r\n    Две\r\n    строки\r\nhelp = Помощь\r\n",
        "-brand = Авто\nwelcome = { -brand } слушает { $count ->\n    [one] вопрос\n   *[other] вопросов\n }",
        "accepted = Номер { $number }, <b>&amp; спасибо</b>",
        "button-back = ⬅️ Вернуться",
    ] {
        assert_eq!(problems(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn every_wrong_text_is_told_with_its_place() {
    let long = format!("help = {}", "я".repeat(2001));
    let long_button = format!("button-skip = {}", "я".repeat(65));
    let long_variant = format!("welcome = {{ $count ->\n    [one] да\n   *[other] {}\n }}", "я".repeat(2001));
    for (text, place, words) in [
        ("welcom = x", "1:1", "there is no text welcom. Did you mean welcome?"),
        ("# x\n\nnothing-like-it = x", "3:1", "there is no text nothing-like-it."),
        ("accepted = Принято", "1:1", "accepted has to tell { $number }"),
        ("accepted = Принято { $nomer } { $number }", "1:22", "accepted does not know $nomer; it has $number"),
        ("help = Спросите { $name }", "1:19", "help does not know $name; it has no variables"),
        ("help = x\nhelp = y", "2:1", "help stands here a second time; the first is in line 1"),
        ("help = { $x", "1:12", "expected"),
        ("help", "1:5", "\"=\" is expected"),
        ("help = x\nkind words\n", "2:6", "\"=\" is expected"),
        ("help =\n", "1:1", "help has no text"),
        ("help = { \"\" }", "1:1", "help may turn out empty"),
        ("welcome = { $count ->\n  [0] {\"\"}\n  *[other] x\n }", "1:1", "welcome may turn out empty"),
        ("welcome = { $count ->\n    [one] x\n }", "3:2", "needs a *"),
        ("help = { NUMBER(1) }", "1:10", "NUMBER is a function"),
        ("help = { welcome }", "1:10", "welcome is another text"),
        ("help = { -brand }", "1:10", "there is no term -brand"),
        ("-a = { $x }\nhelp = { -a }", "1:8", "-a is given no variables"),
        ("help = x\n    .title = y", "2:6", ".title is shown nowhere"),
        (&long, "1:1", "2001 characters, 2000 fit"),
        (&long_button, "1:1", "65 characters, 64 fit"),
        (&long_variant, "1:1", "2001 characters, 2000 fit"),
        ("button-skip =\n    a\n    b", "1:1", "one line"),
        ("command-start =\n    a\n    b", "1:1", "one line"),
        ("help = x\nbutton-skip = Отменить", "2:1", "are called the same"),
        ("button-cancel = ← back", "1:1", "are called the same"),
        ("card = { $answers }", "1:1", "card has to tell { $wish }"),
    ] {
        let found = problems(text);
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert!(
            found[0].starts_with(&format!("texts/ru.ftl:{place}: ")) && found[0].contains(words),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn all_problems_of_all_files_are_told_at_once() {
    let files =
        [file("en", "hlep = x\naccepted = taken\n"), file("kk", "help = { $a }\nbroken\n\n\nwelcome = { $b }\n")];
    let order = ["ru", "de", "kk"].map(str::to_owned);
    let told: Vec<_> = Lang::load(&files, &order).expect_err("problems").iter().map(|told| told.to_string()).collect();
    let places: Vec<_> = told.iter().map(|told| told.rsplit_once(": ").map_or("", |(place, _)| place)).collect();
    assert_eq!(told.len(), 6, "{told:#?}");
    for (told, place) in told.iter().zip([
        "texts/en.ftl:1:1: ",
        "texts/en.ftl:2:1: ",
        "texts/kk.ftl:1:10: ",
        "texts/kk.ftl:2:7: ",
        "texts/kk.ftl:5:13: ",
        "languages: there are no texts in \"de\"",
    ]) {
        assert!(told.starts_with(place), "{told} {places:?}");
    }
}

#[test]
fn a_text_is_the_dealers_own_or_that_of_the_next_language() {
    let files = [
        file("kk", "help = Көмек\nwelcome = { $count ->\n    [one] бір\n   *[other] көп\n }"),
        file("ru", "cancelled = Отменил"),
    ];
    let [ru, en, kk] = Lang::load(&files, &[]).expect("texts")[..] else { panic!("three languages") };
    assert_eq!([ru.code(), en.code(), kk.code()], ["ru", "en", "kk"]);
    let say = |lang: Lang, id| lang.text(id, &[]);
    assert_eq!(say(ru, "cancelled"), "Отменил");
    assert_eq!(say(ru, "help"), say(Lang::ru(), "help"));
    assert_eq!(say(en, "help"), say(Lang::en(), "help"));
    assert_eq!(say(kk, "help"), "Көмек");
    assert_eq!(say(kk, "cancelled"), "Отменил", "the first language helps out, as the dealer has worded it");
    assert_eq!(say(kk, "resume"), say(Lang::ru(), "resume"));
    for (count, word) in [(1, "бір"), (2, "көп"), (21, "көп")] {
        assert_eq!(kk.text("welcome", &[("count", count.into())]), word);
    }
    let [first, ..] = Lang::load(&files, &["kk".into(), "en".into()]).expect("texts")[..] else { panic!("a language") };
    assert_eq!((first.code(), say(first, "cancelled")), ("kk", say(Lang::en(), "cancelled")));
}

//! The dealer's own words, a language that the program does not bring along, and the buyer's choice among all.

use testkit::buyer::CARD;
use testkit::world::World;

/// `texts/` beside where `dealer.toml` would be.
fn texts(world: &World, files: &[(&str, &str)]) {
    std::fs::create_dir_all(world.path("texts")).expect("a folder");
    for (name, text) in files {
        world.write(&format!("texts/{name}"), text);
    }
}

#[tokio::test]
async fn a_dealer_words_texts_and_adds_a_language_that_buyers_choose_for_good() {
    let mut world = World::new().await;
    texts(
        &world,
        &[
            ("ru.ftl", "\u{feff}ask-name =\r\n    Как к вам обращаться?\r\n    <b>Имя & отчество</b>\r\n"),
            (
                "kk.ftl",
                "language-name = Қазақша\nlanguage-chosen = Енді қазақша сөйлеймін.\nask-name = Атыңыз кім?\n\
                 button-back = ← Артқа\nsaved = #{ $number } өтінімі сақталды.\ndelivered = #{ $number } өтінімі берілді.\n",
            ),
        ],
    );
    world.start();
    let mut aru = world.buyer("Ару");
    let asked = aru.commands("/start", "Как к вам обращаться?").await;
    assert!(asked.text.ends_with("Как к вам обращаться?\n<b>Имя & отчество</b>"), "{}", asked.text);
    aru.commands("/language", "Choose a language").await;
    let chosen = aru.presses("language:kk", "Енді қазақша сөйлеймін.").await;
    assert!(chosen.text.ends_with("\nАтыңыз кім?"), "{}", chosen.text);

    world.kill().await;
    world.start();
    // What Kazakh does not say here, Russian does.
    aru.says("Ару", "номер телефона").await;
    aru.says("8 701 123-45-67", "бюджет").await;
    aru.says("5 млн", "ссылку").await;
    aru.presses("skip", CARD).await;
    // The key of the keyboard types what the dealer calls it.
    aru.presses("edit:phone", "номер телефона").await;
    aru.says("← Артқа", CARD).await;
    world.amocrm.expire_access_tokens();
    world.amocrm.expire_refresh_token();
    let number = aru.submits().await;
    aru.hears(&format!("#{number} өтінімі сақталды.")).await;

    // What is said much later is said in the language that was chosen, whatever the phone says.
    world.kill().await;
    let (access, refresh) = world.amocrm.issue_pair();
    world.write("access_token.txt", &access);
    world.write("refresh_token.txt", &refresh);
    world.start();
    world.delivered(&number).await;
    aru.hears(&format!("#{number} өтінімі берілді.")).await;
    aru.never_read_of_an_error();

    // Whose phone speaks it need not choose; who has chosen a language is asked nothing again.
    let mut dana = world.buyer("Дана");
    dana.user = dana.user.with_language(Some("kk-KZ"));
    dana.commands("/start", "Атыңыз кім?").await;
    dana.commands("/language", "Choose a language").await;
    dana.presses("language:en", "English from now on.").await;
    world.until("the menu is set", |world| !world.telegram.commands("default", "kk").is_empty()).await;
    let menu = world.telegram.commands("default", "en");
    assert!(menu.contains(&("language".into(), "Choose a language".into())), "{menu:?}");
}

#[tokio::test]
async fn whatever_is_wrong_with_texts_is_told_at_once_before_anything_is_said() {
    let mut world = World::new().await;
    texts(
        &world,
        &[
            ("ru.ftl", "accepted = Принято!\n\nhlep = Помощь\nbutton-skip = Отменить\n"),
            ("kk.ftl", "welcome = { $count\nhelp = { $name }\n"),
            ("en.ftl.txt", ""),
        ],
    );
    world.set("PHONE_REGION", "XX");
    let said = world.run(&[]).await.ended_with(78).stderr;
    for (place, words) in [
        ("PHONE_REGION: ", "no country"),
        ("texts/ru.ftl:1:1: ", "accepted has to tell { $number }"),
        ("texts/ru.ftl:3:1: ", "Did you mean help?"),
        ("texts/ru.ftl:4:1: ", "have to differ"),
        ("texts/kk.ftl:2:", "this is not read"),
        ("texts/en.ftl.txt: ", ".txt"),
    ] {
        let is_told = |line: &&str| line.contains(place) && line.contains(words);
        assert_eq!(said.lines().filter(is_told).count(), 1, "{place}{words}: {said}");
    }
    assert!(world.telegram.calls("").is_empty() && world.amocrm.requests().is_empty());
    // What only looks is not kept from looking.
    world.unset("PHONE_REGION");
    world.run(&["status"]).await.ended_with(0);
}

#[tokio::test]
async fn what_texts_prints_can_be_put_into_the_folder_as_it_is() {
    let mut world = World::new().await;
    let printed = world.run(&["texts", "ru"]).await.ended_with(0).stdout;
    assert!(printed.contains("\naccepted = ✅") && printed.contains("{ $number }\n"), "{printed}");
    let other = world.run(&["texts", "kk"]).await.ended_with(0).stdout;
    texts(&world, &[("ru.ftl", &printed), ("kk.ftl", &other)]);
    world.start();
    world.delivered(&world.buyer("Иван").leaves_a_request().await).await;
    world.run(&["texts", "../x"]).await.ended_with(1);
}

#[tokio::test]
async fn preview_plays_the_form_in_the_terminal_without_a_network() {
    let mut world = World::new().await;
    texts(&world, &[("en.ftl", "ask-name = Who are you?\n"), ("kk.ftl", "ask-name = Атыңыз кім?\n")]);
    // Neither a token nor an account is needed.
    world.env.retain(|name, _| name == "DATA_DIR");
    let answers = "Anna\n[1]\n2,5 млн\n\n[1]\n";
    let played = world.run_with(&["preview", "--lang", "en"], answers).await.ended_with(0).stdout;
    for words in ["Who are you?", "[1] 📱 Share my number", "Please check your request", "Name: Anna", "[1] ✅ Send"]
    {
        assert!(played.contains(words), "{words}: {played}");
    }
    assert!(!played.contains("The lead in amoCRM"), "nothing was sent: {played}");
    let sent = world.run_with(&["preview"], &format!("{answers}[1]\n")).await.ended_with(0).stdout;
    let title = sent.lines().find_map(|line| line.trim().strip_prefix("Title:")).unwrap_or_else(|| panic!("{sent}"));
    assert!(title.trim().starts_with('#') && title.ends_with(" Заявка: Anna"), "{title}");
    for words in ["принята!", "Price:   2500000", "Contact: Anna, +79991234567", "    Имя: Anna"] {
        assert!(sent.contains(words), "{words}: {sent}");
    }
    assert!(world.run_with(&["preview", "--lang", "kk"], "").await.ended_with(0).stdout.contains("Атыңыз кім?"));
    world.run_with(&["preview", "--lang", "xx"], "").await.ended_with(1);
    assert!(world.telegram.calls("").is_empty() && world.amocrm.requests().is_empty());
}

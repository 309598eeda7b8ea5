//! Where buyers come from: links `t.me/BOT?start=CODE`, followed through kills into amoCRM's UTM fields, tags and notes, and
//! the command that makes the links.

use testkit::world::World;

const SOURCES: &str = r#"
[[source]]
code = "avito"
name = "Авито"
utm = { source = "avito", medium = "cpc" }
[[source]]
code = "stand"
name = "Стенд на выставке"
utm = { source = "stand", term = "expo" }
tag = "выставка"
"#;

const UTM_SOURCE: u64 = 9006;
const UTM_MEDIUM: u64 = 9007;
const UTM_CAMPAIGN: u64 = 9008;
const UTM_CONTENT: u64 = 9009;
const UTM_TERM: u64 = 9010;

#[tokio::test]
async fn the_first_link_reaches_amocrm_through_a_kill_a_day_and_an_outage() {
    let mut world = World::new().await;
    world.write("dealer.toml", SOURCES);
    world.start();
    world.admin.command("/new_leads on");
    world.admin_reads("новой заявке").await;
    let mut ivan = world.buyer("Иван");
    ivan.commands("/start avito", "Как вас зовут").await;
    ivan.commands("/cancel", "отменена").await;
    world.kill().await;
    world.start();
    // A second link does not take the place of the first.
    ivan.commands("/start stand", "Как вас зовут").await;
    ivan.says("Иван Петров", "номер телефона").await;
    world.kill().await;
    // A source that is gone from the settings by then would keep its code.
    world.start();
    ivan.says("89991234567", "бюджет").await;
    ivan.says("2 млн", "ссылку").await;
    ivan.says("нет", "Проверьте заявку").await;
    world.amocrm.goes_down();
    let number = ivan.submits().await;
    world.backup_holds(1).await;
    let entry = world.backup().remove(0);
    assert_eq!((&entry["source"], &entry["source_name"]), (&"avito".into(), &"Авито".into()), "{entry}");
    assert!(world.admin_reads("📋").await.contains("Источник: Авито (avito)"));
    let shown = world.run(&["leads", "show", &number]).await.ended_with(0).stdout;
    assert!(shown.contains("Авито (avito)") && shown.contains("utm_source=avito, utm_medium=cpc"), "{shown}");
    world.amocrm.comes_back();
    let lead = world.delivered(&number).await;
    assert_eq!((lead.field(UTM_SOURCE).as_deref(), lead.field(UTM_MEDIUM).as_deref()), (Some("avito"), Some("cpc")));
    assert_eq!(lead.tags, ["telegram_bot", "Авито"]);
    for line in ["Источник: Telegram-бот, Авито (код ссылки avito)", "UTM-метки: utm_source=avito, utm_medium=cpc"]
    {
        assert!(lead.notes[0].lines().any(|said| said == line), "{line} is not in\n{}", lead.notes[0]);
    }
    // After a request the next link counts; nobody has described this one, and anybody could have made it up.
    ivan.user.command("/start vk__spring__banner");
    for answer in ["Иван Петров", "89991234567", "3 млн", "нет"] {
        ivan.user.say(answer);
    }
    ivan.hears("Проверьте заявку").await;
    let lead = world.delivered(&ivan.submits().await).await;
    let fields = [UTM_SOURCE, UTM_MEDIUM, UTM_CAMPAIGN, UTM_CONTENT].map(|id| lead.field(id));
    assert_eq!(fields.each_ref().map(Option::as_deref), [Some("vk"), None, Some("spring"), Some("banner")]);
    assert_eq!(lead.tags, ["telegram_bot"]);
    assert!(lead.notes[0].contains("ссылка с кодом vk__spring__banner"), "{}", lead.notes[0]);
    // Whoever comes by no link, or by what is no code, is served as ever.
    let mut olga = world.buyer("Ольга");
    olga.commands(&format!("/start {}", "x".repeat(65)), "Как вас зовут").await;
    olga.commands("/cancel", "отменена").await;
    let lead = world.delivered(&olga.leaves_a_request().await).await;
    assert_eq!((lead.field(UTM_SOURCE), lead.tags.as_slice()), (None, ["telegram_bot".to_owned()].as_slice()));
    assert!(lead.notes[0].lines().any(|line| line == "Источник: Telegram-бот"), "{}", lead.notes[0]);
    let status = world.run(&["status"]).await.ended_with(0).stdout;
    for line in ["avito", "other"] {
        assert!(status.contains(line), "{status}");
    }
    assert_eq!(world.admin_has("UTM"), 0, "nothing is missing");
    assert_eq!(world.amocrm.contract_violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_mark_without_a_field_and_a_refused_tag_keep_no_lead_back() {
    let mut world = World::new().await;
    world.write("dealer.toml", SOURCES);
    world.amocrm.account(|account| account.fields.retain(|field| field.id != UTM_TERM));
    world.start();
    let mut ivan = world.buyer("Иван");
    let mut comes_by = async |world: &World, code: &str| {
        ivan.commands(&format!("/start {code}"), "Как вас зовут").await;
        ivan.says("Иван", "номер телефона").await;
        ivan.says("89991234567", "бюджет").await;
        ivan.says("2 млн", "ссылку").await;
        ivan.says("нет", "Проверьте заявку").await;
        world.delivered(&ivan.submits().await).await
    };
    let lead = comes_by(&world, "STAND").await;
    assert_eq!((lead.field(UTM_SOURCE).as_deref(), lead.field(UTM_TERM)), (Some("stand"), None));
    assert!(lead.notes[0].contains("utm_source=stand, utm_term=expo"), "{}", lead.notes[0]);
    world.admin_reads("UTM_TERM").await;
    let lead = comes_by(&world, "stand").await;
    assert_eq!(lead.tags, ["telegram_bot", "выставка"]);
    assert_eq!(world.admin_has("UTM_TERM"), 1, "it is told once");
    // Whoever forgets himself leaves nothing of where he came from.
    ivan.commands("/start avito", "Как вас зовут").await;
    ivan.commands("/delete", "удалить").await;
}

//! `backup_leads.json` as other tools and other days leave it: taken in once, never doubled, never overwritten unread.

use serde_json::{Value, json};
use testkit::world::{PATIENCE, World};

fn older(timestamp: &str, name: &str, phone: &str, status: &str) -> Value {
    json!({
        "timestamp": timestamp, "name": name, "phone": phone, "budget": "50000", "car_link": "нет", "user_id": 123_456_789,
        "status": status,
    })
}

/// The file of the incident: two leads that wait and one that was sent by hand.
fn incident() -> Value {
    json!([
        older("2025-09-07T10:30:00", "Иван", "+79991234567", "pending"),
        older("2025-09-07T11:00:00", "Сергей", "+79991112233", "completed"),
        older("2025-09-08T09:15:30", "Анна", "8 (999) 222-33-44", "pending"),
    ])
}

fn names(world: &World) -> Vec<String> {
    let leads = world.amocrm.leads();
    let mut names: Vec<String> =
        leads.iter().map(|lead| lead.name.split(" Заявка: ").nth(1).unwrap_or_default().to_owned()).collect();
    names.sort();
    names
}

fn kept_aside(world: &World) -> String {
    world.files("backup_leads.kept").iter().map(|name| world.read(name)).collect()
}

#[tokio::test]
async fn waiting_leads_of_the_older_tool_are_delivered_once_each() {
    let mut world = World::new().await;
    world.write("backup_leads.json", &incident().to_string());
    world.start();
    world.amocrm.wait_for_leads(2, PATIENCE).await;
    world.backup_holds(0).await;
    assert_eq!(names(&world), ["Анна", "Иван"]);
    let ivan = world.amocrm.leads().into_iter().find(|lead| lead.name.contains("Иван")).expect("there");
    assert_eq!(ivan.price, 50_000);
    for line in ["Телефон: +79991234567", "Бюджет: 50000", "Ссылка: нет", "id 123456789", "07.09.2025 10:30 UTC"]
    {
        assert!(ivan.notes[0].contains(line), "{line}: {}", ivan.notes[0]);
    }
    assert!(kept_aside(&world).contains("Сергей"), "what was sent by hand is kept");
    let imported = world.admin_reads("приняты").await;
    assert!(imported.contains("2 заявки"), "{imported}");
    // The same file again, restored while the daemon runs, then at a start, then for the command.
    world.write("backup_leads.json", &incident().to_string());
    world.backup_holds(0).await;
    world.terminate().await;
    world.write("backup_leads.json", &incident().to_string());
    world.run(&["retry-backup-leads"]).await.ended_with(0);
    world.write("backup_leads.json", &incident().to_string());
    world.start();
    world.backup_holds(0).await;
    assert_eq!(names(&world), ["Анна", "Иван"]);
}

#[tokio::test]
async fn a_file_that_is_changed_while_the_daemon_runs_is_taken_in() {
    let world = World::running().await;
    world.telegram.wait_for_poll(PATIENCE).await.expect("it runs");
    world.write("backup_leads.json", &incident().to_string());
    world.amocrm.wait_for_leads(2, PATIENCE).await;
    let more = json!([older("2025-09-09T08:00:00.123456", "Пётр", "9995556677", "pending")]);
    world.write("backup_leads.json", &more.to_string());
    world.amocrm.wait_for_leads(3, PATIENCE).await;
    world.backup_holds(0).await;
    assert_eq!(names(&world), ["Анна", "Иван", "Пётр"]);
}

#[tokio::test]
async fn the_command_takes_the_older_file_in_without_a_daemon() {
    let world = World::new().await;
    world.write("backup_leads.json", &incident().to_string());
    for look in [&["leads", "list"][..], &["status"]] {
        let said = world.run(look).await.ended_with(0).stdout;
        assert!(said.contains("backup_leads.json holds 2 more"), "{said}");
    }
    let said = world.run(&["retry-backup-leads"]).await.ended_with(0).said();
    assert!(said.contains("Delivered:      2"), "{said}");
    assert!(!world.run(&["leads", "list"]).await.ended_with(0).stdout.contains("more"));
    assert_eq!(names(&world), ["Анна", "Иван"]);
    assert_eq!(world.read("backup_leads.json").trim(), "[]");
    assert!(kept_aside(&world).contains("Сергей"));
    world.write("backup_leads.json", &incident().to_string());
    world.run(&["retry-backup-leads"]).await.ended_with(0);
    assert_eq!(world.amocrm.leads().len(), 2);
}

#[tokio::test]
async fn entries_restored_after_a_wiped_disk_are_not_doubled() {
    let mut world = World::running().await;
    let mut ivan = world.buyer("Иван");
    // One lead of which amoCRM has stored the create but never said so, and one that it has not got.
    world.amocrm.fault(
        testkit::fakes::amocrm::On::complex(),
        testkit::fakes::amocrm::Fault::CutAfter,
        testkit::fakes::amocrm::Times::N(1),
    );
    let there = ivan.leaves_a_request().await;
    world.amocrm.wait_for_leads(1, PATIENCE).await;
    world.amocrm.goes_down();
    let mut anna = world.buyer("Анна");
    let waiting = anna.leaves_a_request().await;
    anna.hears("сохранена").await;
    world
        .until("both are told", |world| world.backup().iter().filter(|entry| entry["buyer_told"] == true).count() == 2)
        .await;
    world.kill().await;
    let copy = world.read("backup_leads.json");
    for file in world.files("") {
        std::fs::remove_file(world.path(&file)).expect("the disk is wiped");
    }
    world.write("backup_leads.json", &copy);
    world.amocrm.comes_back();
    world.start();
    world.delivered(&there).await;
    let lead = world.delivered(&waiting).await;
    assert!(lead.notes[0].contains("8 (999) 123-45-67"), "every answer as typed: {}", lead.notes[0]);
    world.backup_holds(0).await;
    assert_eq!(world.amocrm.leads().len(), 2);
    anna.hears("передана").await;
}

#[tokio::test]
async fn an_old_file_put_back_on_a_wiped_disk_doubles_neither_lead_nor_note() {
    let mut world = World::running().await;
    world.amocrm.goes_down();
    let mut ivan = world.buyer("Иван");
    let number = ivan.leaves_a_request().await;
    world.backup_holds(1).await;
    let copy = world.read("backup_leads.json");
    world.amocrm.comes_back();
    world.delivered(&number).await;
    world.backup_holds(0).await;
    world.kill().await;
    for file in world.files("") {
        std::fs::remove_file(world.path(&file)).expect("the disk is wiped");
    }
    world.write("backup_leads.json", &copy);
    world.start();
    world.backup_holds(0).await;
    world.delivered(&number).await;
    assert_eq!(world.amocrm.leads().len(), 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_parsed_is_moved_aside() {
    for content in ["{\"half\": ", "[{\"name\": \"Иван\"", "{}", "\"text\"", "\u{0}\u{0}\u{0}"] {
        let mut world = World::new().await;
        world.write("backup_leads.json", content);
        world.start();
        let told = world.admin_reads("не удалось прочитать").await;
        let moved = world.files("backup_leads.unreadable");
        assert_eq!(moved.len(), 1, "{content}");
        assert!(told.contains(&moved[0]) && world.read(&moved[0]) == content, "{told}");
        let mut ivan = world.buyer("Иван");
        world.delivered(&ivan.leaves_a_request().await).await;
    }
}

#[tokio::test]
async fn strange_entries_are_kept_and_told_and_the_rest_is_delivered() {
    let mut world = World::new().await;
    let file = json!([
        5,
        "text",
        null,
        {"status": "pending"},
        {"name": "Без телефона", "status": "pending"},
        {"timestamp": 1_757_241_000, "name": "Иван", "phone": 79_991_234_567i64, "budget": 2_500_000, "user_id": "42"},
        older("yesterday", "Анна", "12", "pending"),
    ]);
    world.write("backup_leads.json", &format!("\u{feff}{file}"));
    world.start();
    world.amocrm.wait_for_leads(3, PATIENCE).await;
    world.backup_holds(0).await;
    assert_eq!(names(&world), ["Анна", "Без телефона", "Иван"]);
    let told = world.admin_reads("не удалось понять").await;
    assert!(told.contains("4"), "{told}");
    assert!(kept_aside(&world).contains("\"text\""));
}

#[tokio::test]
async fn an_empty_or_missing_file_is_no_trouble() {
    for content in ["", "\n", "[]"] {
        let mut world = World::new().await;
        world.write("backup_leads.json", content);
        world.start();
        world.delivered(&world.buyer("Иван").leaves_a_request().await).await;
        assert_eq!((world.admin.messages().len(), world.files("backup_leads.").len()), (0, 1));
    }
}

#[tokio::test]
async fn whatever_happens_to_the_file_it_says_again_what_waits() {
    let world = World::running().await;
    world.amocrm.goes_down();
    let mut ivan = world.buyer("Иван");
    let number = ivan.leaves_a_request().await;
    world.backup_holds(1).await;
    for somebody in
        ["[]", "", "nonsense", &incident().as_array().map(|all| json!([all[1]]).to_string()).unwrap_or_default()]
    {
        world.write("backup_leads.json", somebody);
        world
            .until(&format!("{somebody} is written again"), |world| world.read("backup_leads.json").contains(&number))
            .await;
        world.backup_holds(1).await;
        assert_eq!(world.mode("backup_leads.json"), 0o600);
    }
    std::fs::remove_file(world.path("backup_leads.json")).expect("somebody deletes it");
    world.backup_holds(1).await;
    world.amocrm.comes_back();
    world.delivered(&number).await;
    world.backup_holds(0).await;
    assert_eq!(world.amocrm.leads().len(), 1);
}

//! Photos and documents of a buyer, from Telegram to the lead: each attached exactly once, whatever the drive and the network
//! do, and in the managers' chat where amoCRM takes none. (What a kill does is in `nothing_lost::kill_points`.)

use testkit::{
    buyer::CARD,
    fakes::{
        amocrm::{Fault, On, Times},
        telegram,
    },
    world::{Buyer, World},
};

use crate::admin::chat::{HOST, admin, redirect, state_in};

const PHOTO: &[u8] = b"\xff\xd8\xff a picture, large enough for several parts of a hundred bytes each: \
    0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";

/// Stories at once: most of the time each of them waits.
const AT_ONCE: usize = 6;

/// A form with a photo, a document and a voice message, sent at three steps of it.
async fn leaves_a_request_with_files(buyer: &mut Buyer) -> String {
    buyer.begins().await;
    buyer.user.sends_photo(PHOTO);
    buyer.hears("Добавил 1 фото").await;
    buyer.says("Иван Петров", "номер телефона").await;
    buyer.says("8 (999) 123-45-67", "бюджет").await;
    buyer.user.sends_document("Договор купли.pdf", "application/pdf", b"%PDF-1.4 a contract");
    buyer.hears("Добавил 1 файл. Всего файлов: 2.").await;
    buyer.says("2,5 млн", "ссылку").await;
    buyer.says("нет", CARD).await;
    buyer.user.sends_voice(b"OggS a voice");
    let card = buyer.hears("Всего файлов: 3.").await.text;
    assert!(card.contains("📎 Файлы: 3"), "{card}");
    buyer.submits().await
}

/// Waits until the three files are attached, and sees that each is there once.
async fn are_attached(world: &World, number: &str) {
    let lead = world.delivered(number).await;
    world.until("the files are attached", |world| world.amocrm.attachments().len() >= 3).await;
    let mut attached = world.amocrm.attachments();
    attached.sort_by(|one, other| one.name.cmp(&other.name));
    let names: Vec<&str> = attached.iter().map(|one| one.name.as_str()).collect();
    let expected = ["1.jpg", "2 Договор купли.pdf", "3.ogg"].map(|name| format!("{number}-{name}"));
    assert_eq!(names, expected, "{}", world.amocrm.story());
    assert!(attached.iter().all(|one| one.lead_id == lead.id));
    let contents: [&[u8]; 3] = [PHOTO, b"%PDF-1.4 a contract", b"OggS a voice"];
    assert!(attached.iter().map(|one| one.bytes.as_slice()).eq(contents), "the contents are whole");
    assert!(lead.notes[0].contains(&format!("Файлы: {}", expected.join(", "))), "{:?}", lead.notes);
}

#[tokio::test]
async fn files_of_every_step_are_attached_with_names_of_their_own() {
    let world = World::running().await;
    world.amocrm.part_size(100);
    let mut ivan = world.buyer("Иван");
    let number = leaves_a_request_with_files(&mut ivan).await;
    are_attached(&world, &number).await;
    let drive = world.amocrm.drive_files();
    let types: Vec<_> = drive.iter().map(|file| file.content_type.as_deref().unwrap_or_default()).collect();
    assert_eq!(types, ["image/jpeg", "application/pdf", "audio/ogg"]);
    let shown = world.run(&["leads", "show", &number]).await.ended_with(0).stdout;
    assert!(shown.contains(&format!("{number}-1.jpg")), "{shown}");
    world.keeps_secrets(&world.log());
    ivan.never_read_of_an_error();
}

/// Whatever is lost or refused for a while on the way of a file, the leads go on and each file is there once.
#[tokio::test]
async fn nothing_that_passes_loses_or_doubles_a_file() {
    let attachment = || On::post("/api/v4/leads/notes").containing("attachment");
    let part = || On::post("/v1.0/sessions/upload");
    let crm = [
        (part(), Fault::CutBefore),
        (part(), Fault::CutAfter),
        (part(), Fault::Html(502)),
        (part(), Fault::Status(404)),
        (part(), Fault::Garbage),
        (On::post("/v1.0/sessions").exactly(), Fault::CutAfter),
        (On::post("/v1.0/sessions").exactly(), Fault::Html(503)),
        (On::post("/v1.0/sessions").exactly(), Fault::Unauthorized),
        (attachment(), Fault::CutBefore),
        (attachment(), Fault::CutAfter),
        (attachment(), Fault::StoreThen(500)),
        (attachment(), Fault::Garbage),
        (attachment(), Fault::Html(502)),
        (attachment(), Fault::Unauthorized),
        (On::get("/api/v4/leads/*/notes").containing("attachment"), Fault::CutAfter),
        (On::get("/v1.0/files"), Fault::Html(500)),
    ];
    let mut stories = Vec::new();
    for (on, fault) in crm {
        stories.push(tokio::spawn(async move {
            let world = World::running().await;
            world.amocrm.part_size(100);
            world.amocrm.fault(on, fault, Times::N(1));
            let number = leaves_a_request_with_files(&mut world.buyer("Иван")).await;
            are_attached(&world, &number).await;
        }));
        if stories.len() == AT_ONCE {
            for story in stories.drain(..) {
                story.await.expect("the story is above");
            }
        }
    }
    for (method, fault) in [
        ("getFile", telegram::Fault::CutAfter),
        ("getFile", telegram::Fault::TooManyRequests { retry_after: 1 }),
        ("getFile", telegram::Fault::Status(502)),
        ("download", telegram::Fault::CutBefore),
        ("download", telegram::Fault::Status(500)),
    ] {
        stories.push(tokio::spawn(async move {
            let world = World::running().await;
            world.telegram.fault(telegram::On::method(method), fault, telegram::Times::N(1));
            let number = leaves_a_request_with_files(&mut world.buyer("Иван")).await;
            are_attached(&world, &number).await;
        }));
    }
    for story in stories {
        story.await.expect("the story is above");
    }
}

/// The drive has a file and its answer was lost: a look for it that fails does not make it be sent again.
#[tokio::test]
async fn a_look_that_fails_forgets_no_upload() {
    for fault in [Fault::Html(500), Fault::CutBefore, Fault::Status(429)] {
        let world = World::running().await;
        let upload = world.amocrm.fault(On::post("/v1.0/sessions/upload"), Fault::CutAfter, Times::N(1));
        let look = world.amocrm.fault(On::get("/v1.0/files"), fault, Times::N(1));
        let mut ivan = world.buyer("Иван");
        ivan.begins().await;
        ivan.user.sends_photo(PHOTO);
        ivan.hears("Добавил 1 фото").await;
        ivan.says("Иван Петров", "номер телефона").await;
        ivan.says("8 (999) 123-45-67", "бюджет").await;
        ivan.says("2,5 млн", "ссылку").await;
        ivan.says("нет", CARD).await;
        let number = ivan.submits().await;
        world.until("it is attached", |world| !world.amocrm.attachments().is_empty()).await;
        world.delivered(&number).await;
        let story = world.amocrm.story();
        assert_eq!((world.amocrm.fault_hits(upload), world.amocrm.fault_hits(look)), (1, 1), "{story}");
        assert_eq!((world.amocrm.attachments().len(), world.amocrm.drive_files().len()), (1, 1), "{story}");
    }
}

#[tokio::test]
async fn without_the_right_files_come_to_the_admin_and_the_right_is_noticed_when_it_comes() {
    for no_drive in [false, true] {
        let world = World::running().await;
        if no_drive {
            world.amocrm.has_drive(false)
        } else {
            world.amocrm.allows_files(false)
        }
        let mut ivan = world.buyer("Иван");
        let number = leaves_a_request_with_files(&mut ivan).await;
        let lead = world.delivered(&number).await;
        world.admin_reads(&format!("📎 Заявка #{number}: {number}-3.ogg")).await;
        world.nothing_owed().await;
        let files: Vec<_> = world.admin.messages().into_iter().filter_map(|message| message.document).collect();
        assert_eq!(files.len(), 3, "{}", world.admin.transcript());
        assert_eq!(world.admin_has("Фото и документы покупателей не попадают в amoCRM"), 1, "told once");
        assert!(world.amocrm.attachments().is_empty() && lead.notes[0].contains(&format!("{number}-1.jpg")));
        // It was asked for once, not for each file.
        let asked =
            if no_drive { On::get("/api/v4/account").containing("drive_url") } else { On::post("/v1.0/sessions") };
        assert_eq!(world.amocrm.count(&asked), 1, "{}", world.amocrm.story());
        if no_drive {
            continue;
        }
        // Whoever has given the right authorizes the bot anew.
        world.amocrm.allows_files(true);
        let mut admin = admin(&world);
        let asked = admin.commands("/auth", "Чтобы обновить доступ").await;
        admin.says(&redirect(&world, &world.amocrm.issue_code(), &state_in(&asked), HOST), "обновлён").await;
        let number = leaves_a_request_with_files(&mut world.buyer("Анна")).await;
        are_attached(&world, &number).await;
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_told_and_holds_nobody_up() {
    let world = World::running().await;
    // Held, so that the files can be lost before they are fetched.
    world.telegram.fault(telegram::On::method("getFile"), telegram::Fault::Status(502), telegram::Times::UntilCleared);
    let number = leaves_a_request_with_files(&mut world.buyer("Иван")).await;
    world.delivered(&number).await;
    world.telegram.loses_files();
    world.telegram.clear_faults();
    for name in ["-1.jpg", "-2 Договор купли.pdf", "-3.ogg"] {
        world.admin_reads(&format!("Заявка #{number}: файл {number}{name} получить не удалось")).await;
    }
    assert!(world.amocrm.attachments().is_empty());
    let other = world.buyer("Анна").leaves_a_request().await;
    world.delivered(&other).await;
}

#[tokio::test]
async fn a_file_that_amocrm_refuses_goes_to_the_chat_and_the_others_to_the_lead() {
    let world = World::running().await;
    world.amocrm.fault(On::post("/v1.0/sessions").containing("1.jpg"), Fault::Status(422), Times::Forever);
    let number = leaves_a_request_with_files(&mut world.buyer("Иван")).await;
    world.admin_reads(&format!("📎 Заявка #{number}: {number}-1.jpg")).await;
    world.until("the others are attached", |world| world.amocrm.attachments().len() == 2).await;
    assert_eq!(world.admin_has("не попадают в amoCRM"), 0);
}

#[tokio::test]
async fn files_wait_for_their_lead_and_follow_it() {
    let world = World::running().await;
    world.amocrm.goes_down();
    let mut ivan = world.buyer("Иван");
    let number = leaves_a_request_with_files(&mut ivan).await;
    ivan.hears("сохранена").await;
    assert_eq!(world.telegram.calls("getFile").len(), 0, "nothing is fetched before it can be brought anywhere");
    world.amocrm.comes_back();
    are_attached(&world, &number).await;
}

#[tokio::test]
async fn what_is_too_large_is_said_at_once() {
    let world = World::running().await;
    let mut ivan = world.buyer("Иван");
    ivan.begins().await;
    ivan.user.sends_document_of_size("видео.mov", 30_000_000);
    let said = ivan.hears("больше 20 МБ").await.text;
    assert!(said.contains("Как вас зовут"), "the question is asked again: {said}");
    ivan.user.sends_photo(PHOTO);
    ivan.hears("Добавил 1 фото").await;
    ivan.says("Иван", "номер телефона").await;
    ivan.says("89991234567", "бюджет").await;
    ivan.says("2 млн", "ссылку").await;
    let card = ivan.says("нет", CARD).await.text;
    assert!(card.contains("📎 Файлы: 1"), "{card}");
    ivan.presses("files:drop", "Убрал все файлы").await;
    let number = ivan.submits().await;
    let lead = world.delivered(&number).await;
    assert!(!lead.notes[0].contains("Файлы"), "{:?}", lead.notes);
}

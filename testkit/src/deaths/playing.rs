//! A death is played: it is prepared, the daemon dies, and whoever goes on is judged.

use std::{collections::BTreeSet, os::unix::process::ExitStatusExt, time::Duration};

use crate::{
    chaos::{PATIENCE, Stage, fill_in, fill_in_with},
    fakes::{
        amocrm::{Fault, On, ReusePolicy, Throttle, Times, account::BUDGET_FIELD},
        telegram,
    },
};

use super::{Death, Trouble};

const PHONE: &str = "+79991234567";

/// The first machine dies; the second, where there is one, has waited to take over, otherwise the first is started again.
pub async fn die_at(mut machine: Stage, mut other: Option<Stage>, (point, passage, trouble): Death) {
    prepare(&mut machine, trouble);
    if let Some(other) = &mut other {
        other.set("ADMIN_CHAT_ID", machine.env["ADMIN_CHAT_ID"].clone());
    }
    machine.set("TEST_KILL_AT", format!("{point}:{passage}"));
    machine.start();
    let buyer = machine.telegram.user("Иван");
    let form = tokio::spawn({
        let (telegram, buyer) = (machine.telegram.clone(), buyer.clone());
        let pictures = if trouble.has_files() { pictures() } else { Vec::new() };
        async move { fill_in_with(&telegram, &buyer, PHONE, &pictures).await }
    });
    let mut heir = match other {
        Some(mut other) => {
            machine.until("the first machine leads", Stage::has_led).await;
            other.start();
            Some(other)
        }
        None => None,
    };

    let status = machine.ended().await;
    assert_eq!(status.signal(), Some(libc::SIGABRT), "it died at {point}:{passage}\n{}", machine.story());
    machine.unset("TEST_KILL_AT");
    if trouble == Trouble::Down {
        machine.amocrm.comes_back();
    }
    // A file of leads lies on the disk of the machine that died; nobody else can know of it.
    if trouble == Trouble::OldFile
        && let Some(heir) = &mut heir
    {
        heir.until("the second machine leads", Stage::has_led).await;
        machine.start();
        heir.terminate().await;
    } else if heir.is_none() {
        machine.start();
    }
    let alive = match &heir {
        Some(heir) if trouble != Trouble::OldFile => heir,
        _ => &machine,
    };
    let number = form.await.expect("no panic").unwrap_or_else(|why| panic!("{point}: {why}\n{}", alive.story()));
    if trouble == Trouble::LeadRefused {
        alive.amocrm.clear_faults();
        let retried = alive.run(&["leads", "retry", &number]).await;
        assert!(retried.status.success(), "{point}: {retried:?}\n{}", alive.story());
    }

    if trouble == Trouble::Merged {
        alive.until("the note is there", |stage| stage.amocrm.leads().iter().any(|lead| !lead.notes.is_empty())).await;
        let leads = alive.amocrm.leads();
        assert_eq!(leads.len(), 1, "{point}\n{}", alive.story());
        // For the judgement, which goes by titles.
        alive.amocrm.rename_lead(leads[0].id, &format!("#{} Заявка: Иван", number.trim_start_matches('#')));
    }

    if trouble == Trouble::OldFile {
        // Nobody was told the numbers of the two old leads.
        let leads = alive.amocrm.wait_for_leads(3, PATIENCE).await;
        alive.until("every note is there", |stage| stage.judge().without_note.is_empty()).await;
        alive.until("the file is empty", |stage| stage.backup().is_empty()).await;
        assert_eq!(leads.len(), 3, "{point}\n{}", alive.story());
        let judgement = alive.judge();
        assert!(judgement.missing.is_empty() && judgement.doubled.is_empty(), "{point}: {judgement}");
        assert!(judgement.notes_doubled.is_empty() && judgement.without_note.is_empty(), "{point}: {judgement}");
        return;
    }
    let judgement = alive.settled(1).await;
    assert!(judgement.is_exactly_once(1), "{point}:{passage} {trouble:?}: {judgement}\n{}", alive.story());
    if trouble.has_files() {
        let at = format!("{point}:{passage} {trouble:?}");
        every_picture_is_there_once(alive, number.trim_start_matches('#'), trouble, &at).await;
    }
    let Some(mut heir) = heir else { return };
    if !machine.backup().is_empty() {
        // What the dead machine has kept on its disk was delivered by the other one meanwhile.
        heir.kill().await;
        machine.start();
        machine.until("the file is empty", |stage| stage.backup().is_empty()).await;
        let judgement = machine.settled(1).await;
        assert!(judgement.is_exactly_once(1), "{point}:{passage} {trouble:?}: {judgement}\n{}", machine.story());
    }
}

/// Of several parts each, and different.
fn pictures() -> Vec<Vec<u8>> {
    [1, 2].map(|seed: u8| (0..2500u32).map(|at| (at % 251) as u8 ^ seed).collect()).into()
}

/// Every picture is attached to the lead exactly once; or, where amoCRM takes none, is in the admin's chat.
async fn every_picture_is_there_once(stage: &Stage, number: &str, trouble: Trouble, at: &str) {
    let pictures = pictures();
    if trouble == Trouble::NoFiles {
        let admin = admin_of(stage);
        let copies = |stage: &Stage| -> BTreeSet<Vec<u8>> {
            let documents = stage.telegram.chat(admin).into_iter().filter_map(|message| message.document);
            documents.map(|(_, bytes)| bytes).collect()
        };
        stage.until("both pictures are in the chat", |stage| copies(stage).len() == pictures.len()).await;
        assert_eq!(copies(stage), pictures.into_iter().collect(), "{at}\n{}", stage.story());
        assert!(stage.amocrm.attachments().is_empty(), "{at}");
        return;
    }
    stage.until("both pictures are attached", |stage| stage.amocrm.attachments().len() >= pictures.len()).await;
    // Whatever is done twice is done soon.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut attached: Vec<_> = stage.amocrm.attachments().into_iter().map(|one| (one.name, one.bytes)).collect();
    attached.sort();
    let expected: Vec<_> =
        pictures.into_iter().zip(1..).map(|(picture, at)| (format!("{number}-{at}.jpg"), picture)).collect();
    assert!(
        attached == expected,
        "{at}: {:?}\n{}",
        attached.iter().map(|one| &one.0).collect::<Vec<_>>(),
        stage.story()
    );
    let leads = stage.amocrm.leads();
    assert!(
        leads[0].notes[0].contains(&format!("Файлы: {number}-1.jpg, {number}-2.jpg")),
        "{at}: {:?}",
        leads[0].notes
    );
    assert_eq!(stage.amocrm.drive_files().len(), expected.len(), "{at}: the drive holds no more\n{}", stage.story());
}

fn admin_of(stage: &Stage) -> i64 {
    stage.env["ADMIN_CHAT_ID"].parse().expect("an id")
}

/// The daemon dies when it has committed answers that Telegram has not taken, and has told Telegram that their updates
/// are done: nobody but the outbox knows of them. The second machine, where there is one, has waited to take over.
pub async fn die_with_answers_unsent(mut machine: Stage, other: Option<Stage>) {
    let telegram = machine.telegram.clone();
    telegram.fault(telegram::On::method("sendMessage"), telegram::Fault::CutBefore, telegram::Times::UntilCleared);
    machine.start();
    let buyers: Vec<_> = (0..5).map(|at| telegram.user(&format!("Покупатель {at}"))).collect();
    for buyer in &buyers {
        buyer.command("/start");
    }
    telegram.wait_until_confirmed(PATIENCE).await.expect("nothing waits for the answers");
    let heir = match other {
        Some(mut other) => {
            other.start();
            Some(other)
        }
        None => None,
    };
    machine.kill().await;
    let polls = telegram.polls().len();
    if heir.is_none() {
        machine.start();
    }
    let alive = heir.as_ref().unwrap_or(&machine);
    alive.until("it listens", |_| telegram.polls().len() > polls).await;
    telegram.clear_faults();
    for (at, buyer) in buyers.iter().enumerate() {
        alive.until("the answer", |_| !buyer.messages().is_empty()).await;
        let phone = format!("+7999123450{at}");
        let filled_in = fill_in(&telegram, buyer, &phone).await;
        filled_in.unwrap_or_else(|why| panic!("{why}\n{}", alive.story()));
        // Once for the command whose answer was not sent, once for that of the form; once more where the dead one's last
        // attempt lay unread at Telegram until its faults were over.
        let asked = buyer.transcript().matches("Как вас зовут").count();
        assert!((2..=3).contains(&asked), "{asked}: {}", buyer.transcript());
    }
    let judgement = alive.settled(buyers.len()).await;
    assert!(judgement.is_exactly_once(buyers.len()), "{judgement}\n{}", alive.story());
}

fn attachment() -> On {
    On::post("/api/v4/leads/notes").containing("attachment")
}

fn prepare(stage: &mut Stage, trouble: Trouble) {
    let amocrm = &stage.amocrm;
    let once = |on, fault| {
        amocrm.fault(on, fault, Times::N(1));
    };
    let refused = |path: &str| Fault::Validation { path: path.into(), code: "NotSupportedChoice".into() };
    match trouble {
        Trouble::None => {}
        Trouble::KnownContact => {
            amocrm.add_contact("Иван", &[PHONE]);
        }
        Trouble::CreateLost => once(On::complex(), Fault::CutAfter),
        Trouble::CreateSwallowed => once(On::complex(), Fault::CutBefore),
        Trouble::NoteLost => once(On::post("/api/v4/leads/notes"), Fault::CutAfter),
        Trouble::NoteSwallowed => once(On::post("/api/v4/leads/notes"), Fault::CutBefore),
        Trouble::Merged => {
            let contact = amocrm.add_contact("Иван", &[PHONE]);
            let older = amocrm.add_lead("Старая сделка");
            amocrm.attach(older, contact);
            once(On::post("/api/v4/leads/notes"), Fault::TooManyRequests(Throttle::Header(1)));
            let amocrm = amocrm.clone();
            tokio::spawn(async move {
                while amocrm.count(&On::post("/api/v4/leads/notes")) == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                let ours = amocrm.leads().into_iter().find(|lead| lead.id != older).expect("it was created");
                amocrm.merge_leads(ours.id, older);
            });
        }
        Trouble::Files => amocrm.part_size(1000),
        Trouble::PartLost => {
            amocrm.part_size(1000);
            once(On::post("/v1.0/sessions/upload"), Fault::CutAfter);
        }
        Trouble::UploadLost => once(On::post("/v1.0/sessions/upload"), Fault::CutAfter),
        Trouble::AttachLost => once(attachment(), Fault::CutAfter),
        Trouble::AttachSwallowed => once(attachment(), Fault::CutBefore),
        Trouble::NoFiles => {
            amocrm.allows_files(false);
            let admin = stage.telegram.user("Админ").known();
            stage.set("ADMIN_CHAT_ID", admin.id.to_string());
        }
        Trouble::NotPaid => once(On::complex(), Fault::Status(402)),
        Trouble::FieldRefused => {
            once(On::complex(), refused("custom_fields_values.0.field_id"));
            stage.set("AMOCRM_BUDGET_FIELD_ID", BUDGET_FIELD.to_string());
        }
        Trouble::LeadRefused => {
            amocrm.fault(On::complex(), refused("name"), Times::Forever);
        }
        Trouble::Down => amocrm.goes_down(),
        Trouble::TokenExpired => {
            // A new pair that was lost with the process can be had again only as long as amoCRM takes the old one.
            amocrm.reuse_policy(ReusePolicy::GraceUntilUsed);
            amocrm.expire_access_tokens();
        }
        Trouble::OldFile => {
            let old = r#"[
                {"timestamp": "2025-09-07T10:30:00", "name": "Анна", "phone": "+79990000001", "budget": "1 млн",
                 "car_link": "нет", "user_id": 41, "status": "pending"},
                {"timestamp": "2025-09-07T10:31:00", "name": "Олег", "phone": "+79990000002", "budget": "2 млн",
                 "car_link": "нет", "user_id": 42, "status": "pending"}]"#;
            std::fs::write(stage.path("backup_leads.json"), old).expect("a file");
        }
    }
}

//! Chats of several messengers: the same number in another one is another chat, and what was stored before is Telegram's.

use amocrm_lead_bot::{
    lead::FileKind,
    notice::{FileCopy, MessageCopy, TopicEnd},
    store::{ButtonsChange, BuyerTopic, KeptMessage, OpenWithdrawal, SQLITE_FILE, Urgency, Whom},
};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, Row};

use super::{versions::tables_of, *};

/// A connection of its own to a store.
async fn beside(opened: &Opened) -> AnyConnection {
    let file = format!("sqlite://{}", opened.folder.path().join(SQLITE_FILE).display());
    AnyConnection::connect(opened.url.as_ref().unwrap_or(&file)).await.expect("the store")
}

/// What one cell of each row that is found holds.
async fn texts(connection: &mut AnyConnection, sql: &str) -> Vec<String> {
    let found = connection.fetch_all(AssertSqlSafe(sql)).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    found.iter().map(|row| row.get(0)).collect()
}

/// Rows of a messenger that this version does not know, in the chat with the number 42.
const OF_TOMORROW: &[&str] = &[
    "INSERT INTO dialogues (chat_id, channel, step, draft, update_id, update_at) VALUES (42, 'tomorrow', 'phone', '{}', 1, 5)",
    "INSERT INTO live_buttons (chat_id, channel, messages) VALUES (42, 'tomorrow', ',r7,')",
    "INSERT INTO messages (id, chat_id, channel, body, created_at, due_at) \
     VALUES ('01AAAAAAAAAAAAAAAAAAAAAAAA', 42, 'tomorrow', '{}', 1, 1)",
    "INSERT INTO sent_messages (id, chat_id, channel, sent_to, message_id, sent_at) VALUES ('card:K7M2QXA', 42, 'tomorrow', 42, 9, 1)",
    "INSERT INTO later_messages (id, lead_id, chat_id, channel, message_id, fingerprint, note_id, kept_at) \
     VALUES ('a', '01JD0000000000000000000001', 42, 'tomorrow', 9, 'f', 'n', 1)",
    "INSERT INTO withdrawals (id, person, chat_id, channel, user_id, asked_at, due_at) VALUES ('w', 'p', 42, 'tomorrow', 42, 1, 1)",
    "INSERT INTO set_aside (update_id, chat_id, channel, kind, error, body, set_aside_at) VALUES (9, 42, 'tomorrow', 'k', 'e', '{}', 1)",
    "INSERT INTO buyer_topics (id, chat_id, buyer_chat, buyer_channel, number, created_at, sent_to, topic) \
     VALUES ('-5/tomorrow:42', -5, 42, 'tomorrow', 'K7M2QXA', 1, -5, 3)",
];

/// How many rows of each table are of the chat with the number 42 in that messenger.
async fn of_tomorrow(connection: &mut AnyConnection) -> i64 {
    let mut rows = 0;
    for table in
        ["dialogues", "live_buttons", "messages", "sent_messages", "later_messages", "withdrawals", "set_aside"]
    {
        let sql = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table} WHERE channel = 'tomorrow'");
        rows += texts(connection, &sql).await[0].parse::<i64>().expect("a count");
    }
    let topics = "SELECT CAST(COUNT(*) AS TEXT) FROM buyer_topics WHERE buyer_channel = 'tomorrow'";
    rows + texts(connection, topics).await[0].parse::<i64>().expect("a count")
}

on_both! {
    async fn the_same_number_in_another_messenger_is_another_chat(opened: &Opened) {
        let (store, here) = (&opened.store, ChatRef::telegram(42));
        let mut beside = beside(opened).await;
        for row in OF_TOMORROW {
            beside.execute(*row).await.unwrap_or_else(|error| panic!("{row}: {error}"));
        }
        // Nobody has begun in Telegram.
        assert_eq!(store.dialogues().of_chat(here).await.expect("a read"), None);
        assert_eq!(store.dialogues().kept_message(here, 9).await.expect("a read"), None::<KeptMessage>);
        assert_eq!(store.sent_messages().at(here, 9).await.expect("a read"), None);
        assert!(!store.outbox().holds_for(here).await.expect("a read"));
        let ivan = lead("Иван", 0);
        let first = store.dialogues().commit(turn(1, Some(&ivan))).await.expect("a commit");
        let TurnOutcome::Committed(messages) = first else { panic!("{first:?}") };
        assert_eq!(messages.iter().map(|(_, before)| before.clone()).collect::<Vec<_>>(), [None]);
        assert!(matches!(store.dialogues().commit(turn(2, None)).await.expect("a commit"), TurnOutcome::Committed(_)));
        assert_eq!(store.dialogues().of_chat(here).await.expect("a read").expect("a dialogue").update_id, 2);

        // Its message is passed over and told; the one to Telegram is sent.
        store.outbox().due(9).await.expect("a look");
        let due = store.outbox().due(9).await.expect("a look");
        assert_eq!(due.iter().map(|owed| (owed.chat, &owed.id)).collect::<Vec<_>>(), [(here, &messages[0].0.id)]);
        assert!(store.open_alerts().has_untold().await.expect("a read"));
        assert_eq!(store.open_alerts().untold_unreadable().await.expect("a read").chats, ["tomorrow:42"]);
        let new = ButtonsChange { new: Some(7), ..ButtonsChange::default() };
        store.outbox().sent(&messages[0].0.id, here, new, Urgency::Now).await.expect("a commit");
        assert_eq!(store.outbox().buttons_of(here).await.expect("a row").live, BTreeSet::from([7]));
        store.outbox().sent("none", here, ButtonsChange::pressed(7), Urgency::Now).await.expect("a commit");
        assert_eq!(store.outbox().buttons_over().await.expect("rows"), [(here, BTreeSet::from([7]))]);
        let buttons = "SELECT messages FROM live_buttons WHERE channel = 'tomorrow'";
        assert_eq!(texts(&mut beside, buttons).await, [",r7,"]);

        // Nobody is reminded, no form is sent, and no withdrawal is taken for carried out.
        assert!(store.dialogues().left_forms(0, 1_000_000).await.expect("a read").is_empty());
        assert!(store.dialogues().forms_to_send(1_000_000).await.expect("a read").is_empty());
        assert_eq!(store.withdrawals().due().await.expect("a read"), None);
        assert_eq!(store.withdrawals().next_due().await.expect("a read"), None);

        // What is forgotten of Telegram's stays there of the other.
        let rows = of_tomorrow(&mut beside).await;
        assert_eq!(rows, OF_TOMORROW.len() as i64);
        assert!(store.leads().discard(&ivan.number).await.expect("an answer"));
        store.personal_data().forget(&Whom::User(42), false).await.expect("an answer");
        assert_eq!(store.dialogues().of_chat(here).await.expect("a read"), None);
        assert_eq!(store.outbox().buttons_of(here).await.expect("no row"), Default::default());
        assert_eq!(of_tomorrow(&mut beside).await, rows);
    }

    async fn chats_of_every_messenger_are_copied_both_ways(opened: &Opened) {
        let store = &opened.store;
        submit(store, &lead("Иван", 0)).await;
        let mut beside = beside(opened).await;
        for row in OF_TOMORROW {
            beside.execute(*row).await.unwrap_or_else(|error| panic!("{row}: {error}"));
        }
        // More than are read in one go, so that a page ends within one number.
        let many = "INSERT INTO dialogues (chat_id, channel, step, draft, update_id, update_at) \
                    SELECT 7, 'tomorrow' || chat_id, step, draft, update_id, update_at FROM dialogues";
        let numbers = (1000..1600).map(|chat_id| format!("({chat_id}, 'idle', '{{}}', 1, 5)")).collect::<Vec<_>>().join(", ");
        let idle = format!("INSERT INTO dialogues (chat_id, step, draft, update_id, update_at) VALUES {numbers}");
        for sql in [idle.as_str(), &many.replace("FROM dialogues", "FROM dialogues WHERE channel = 'telegram'")] {
            beside.execute(AssertSqlSafe(sql)).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        let copy = Opened::sqlite().await;
        let all = "SELECT chat_id || channel || step || update_id FROM dialogues ORDER BY 1";
        let expected = texts(&mut beside, all).await;
        assert_eq!(expected.len(), 2 * 601 + 1);
        for (from, to) in [(store, &copy.store), (&copy.store, store)] {
            for _ in 0..2 {
                let report = from.copy_to(to).await.expect("a copy");
                assert!(report.iter().all(|table| (table.source, table.source) == (table.present, table.target)), "{report:?}");
            }
        }
        let mut copied = self::beside(&copy).await;
        assert_eq!(of_tomorrow(&mut copied).await, of_tomorrow(&mut beside).await);
        let (mut there, mut here) = (texts(&mut copied, all).await, expected);
        there.sort();
        here.sort();
        assert_eq!(there, here);
    }
}

/// What the version before has written into each table that names a chat.
const WRITTEN_BEFORE: &[&str] = &[
    "INSERT INTO dialogues (chat_id, step, draft, update_id, update_at, replies, reminded, closed_at, looked_at) \
     VALUES (42, 'phone', '{\"draft\":{}}', 7, 5, '[]', 'form', 6, 4), (43, 'idle', '{}', 1, 1, NULL, NULL, NULL, NULL)",
    "INSERT INTO live_buttons (chat_id, messages) VALUES (42, ',7,,r8,'), (43, '')",
    "INSERT INTO messages (id, chat_id, body, created_at, due_at, unreadable) VALUES \
     ('01JD0000000000000000000002', 42, '{\"reply\":[]}', 1, 1, 0), ('01JD0000000000000000000003', 42, '{}', 1, 1, 1), \
     ('01JD0000000000000000000004', 43, '{}', 1, 1, 2)",
    "INSERT INTO sent_messages (id, chat_id, sent_to, topic, message_id, sent_at) VALUES ('card:K7M2QXA', -5, -1005, 3, 9, 1)",
    "INSERT INTO sent_messages (id, chat_id, failed, sent_at) VALUES ('card:N7HR3T9', -5, 'closed', 1)",
    "INSERT INTO later_messages (id, lead_id, chat_id, message_id, fingerprint, note_id, kept_at) \
     VALUES ('a', '01JD0000000000000000000001', 42, 9, 'f', 'n', 1)",
    "INSERT INTO withdrawals (id, person, chat_id, user_id, lang, asked_at, due_at) VALUES ('w', 'p', 42, 42, 'ru', 1, 1)",
    "INSERT INTO withdrawals (id, person, asked_at, due_at, wiped_at, done_at) VALUES ('x', 'p', 1, 1, 1, 1)",
    "INSERT INTO consents (id, person, chat_id, user_id, version, document, shown_text, shown_button, lang, bot, update_id, \
     given_at) VALUES ('c', 'p', 42, 42, '1', 'd', 't', 'b', 'ru', 'bot', 7, 1)",
    "INSERT INTO set_aside (update_id, chat_id, kind, error, body, set_aside_at) VALUES (9, 42, 'k', 'e', '{}', 1), \
     (10, NULL, 'k', 'e', '{}', 1)",
    "INSERT INTO lead_work (lead_id, number, chat_id, since, shown) VALUES ('01JD0000000000000000000001', 'K7M2QXA', -5, 1, 'waiting'), \
     ('01JD0000000000000000000005', 'N7HR3T9', NULL, 1, 'waiting')",
    "INSERT INTO buyer_topics (id, chat_id, buyer_chat, number, created_at, sent_to, topic, opened_at) \
     VALUES ('-5/42', -5, 42, 'K7M2QXA', 1, -1005, 3, 1)",
];

/// What only SQLite takes; it stays where it is.
const DAMAGED_BEFORE: &[&str] = &[
    "INSERT INTO dialogues (chat_id, step, draft, update_id, update_at) VALUES ('x', x'ff', CAST(x'ff' AS TEXT), 'y', 1.5)",
    "INSERT INTO messages (id, chat_id, body, created_at, due_at) VALUES (x'01', 'x', x'ff', 'y', 1)",
    "INSERT INTO live_buttons (chat_id, messages) VALUES (x'02', x'ff')",
];

#[tokio::test]
async fn what_was_stored_before_there_were_messengers_is_telegrams() {
    let folder = testkit::folder();
    let mut urls = vec![format!("sqlite://{}?mode=rwc", folder.path().join(SQLITE_FILE).display())];
    urls.extend(tokio::task::spawn_blocking(testkit::postgres::shared_database).await.expect("a database"));
    for url in urls {
        let is_sqlite = url.starts_with("sqlite");
        tables_of(&url, &["000", "001", "002"]).await;
        let mut old = AnyConnection::connect(&url).await.expect("a store");
        let damaged = DAMAGED_BEFORE.iter().filter(|_| is_sqlite);
        for sql in WRITTEN_BEFORE.iter().chain(damaged) {
            old.execute(*sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        old.close().await.expect("a store");

        let store = Store::open_url(&url, Clock::default()).await.expect("a store of today");
        let (here, group) = (ChatRef::telegram(42), ChatRef::telegram(-5));
        let dialogue = store.dialogues().of_chat(here).await.expect("a read").expect("a dialogue");
        let replies = Some("[]".to_owned());
        let (step, draft) = ("phone".to_owned(), "{\"draft\":{}}".to_owned());
        assert_eq!(dialogue, Dialogue { step, draft, update_id: 7, update_at: 5, replies });
        let due = store.outbox().due(9).await.expect("a look");
        assert_eq!(
            due.iter().map(|owed| (owed.chat, owed.notice.clone())).collect::<Vec<_>>(),
            [(here, Notice::Reply(vec![]))]
        );
        let buttons = store.outbox().buttons_of(here).await.expect("a row");
        assert_eq!((buttons.live, buttons.over), (BTreeSet::from([7]), BTreeSet::from([8])));
        let kept = store.dialogues().kept_message(here, 9).await.expect("a read").expect("it was kept");
        assert_eq!(kept.fingerprint, "f");
        assert!(store.sent_messages().at(ChatRef::telegram(-1005), 9).await.expect("a read").is_some());
        let topic: Option<BuyerTopic> = store.buyer_topics().of(group, here).await.expect("a read");
        assert_eq!(topic.expect("a topic").buyer_chat, here);
        let consent = store.consents().by_id("c").await.expect("a read").expect("a proof");
        assert_eq!((consent.chat, consent.user_id, consent.given_at), (Some(here), Some(42), Some(1)));
        let due = store.withdrawals().due().await.expect("a read");
        let OpenWithdrawal::Wipe(withdrawal) = due.expect("one is open") else { panic!("it is not wiped yet") };
        assert_eq!((withdrawal.chat, withdrawal.user_id), (here, 42));

        let mut beside = AnyConnection::connect(&url).await.expect("the store");
        let more = i64::from(is_sqlite);
        for (table, rows) in [
            ("dialogues", 2 + more),
            ("live_buttons", 2 + more),
            ("messages", 3 + more),
            ("sent_messages", 2),
            ("later_messages", 1),
            ("withdrawals", 2),
            ("consents", 1),
            ("set_aside", 2),
            ("lead_work", 2),
            ("buyer_topics", 1),
        ] {
            let sql = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table} WHERE channel = 'telegram'");
            assert_eq!(texts(&mut beside, &sql).await, [rows.to_string()], "{table}");
        }
        let rest = "SELECT reminded || closed_at || looked_at FROM dialogues WHERE chat_id = 42";
        assert_eq!(texts(&mut beside, rest).await, ["form64"]);
        let first = turn(8, None);
        let next = Turn { after: Some((7, 5)), ..first };
        assert!(matches!(store.dialogues().commit(next).await.expect("a commit"), TurnOutcome::Committed(_)));
        store.close().await;
    }
}

#[test]
fn a_chat_stands_in_documents_as_it_did_before_there_were_messengers() {
    let number = || LeadNumber::parse("K7M2QXA").expect("a number");
    let (buyer, group) = (ChatRef::telegram(42), ChatRef::telegram(-1005));
    let moved = AdminNotice::GroupMoved { setting: "ADMIN_CHAT_ID".into(), chat: group };
    let copy = MessageCopy { number: number(), from_chat: buyer, message_id: 9, text: None, caption: None };
    let end = TopicEnd { sent_to: group, topic: 3, number: number(), closes: true };
    let (kind, name, file_id) = (FileKind::Photo, "1.jpg".to_owned(), "f".to_owned());
    let file = FileCopy { number: number(), name, from_chat: buyer, message_id: 9, file_id, kind };
    for (notice, written) in [
        (Notice::Admin(moved), r#"{"admin":{"about":"group_moved","setting":"ADMIN_CHAT_ID","chat_id":-1005}}"#),
        (Notice::Copy(copy), r#"{"copy":{"number":"K7M2QXA","from_chat":42,"message_id":9}}"#),
        (Notice::TopicEnd(end), r#"{"topic_end":{"sent_to":-1005,"topic":3,"number":"K7M2QXA","closes":true}}"#),
        (
            Notice::File(file),
            r#"{"file":{"number":"K7M2QXA","name":"1.jpg","from_chat":42,"message_id":9,"file_id":"f","kind":"photo"}}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&notice).expect("JSON"), written);
        assert_eq!(serde_json::from_str::<Notice>(written).expect("a notice"), notice);
    }
    let person = Buyer { user_id: 42, chat: Some(buyer), username: None, full_name: None };
    let written = r#"{"user_id":42,"chat_id":42,"username":null,"full_name":null}"#;
    assert_eq!(serde_json::to_string(&person).expect("JSON"), written);
    assert_eq!(serde_json::from_str::<Buyer>(written).expect("a buyer"), person);
    assert_eq!(serde_json::from_str::<Buyer>(r#"{"user_id":42}"#).expect("a buyer").chat, None);
}

//! Damage to what is no lead: dialogues, marks, alerts, tokens, customers, locks.

use super::*;

#[tokio::test]
async fn no_chat_is_locked_out() {
    for damage in [
        "step = x'ff'",
        "draft = CAST(x'7bff' AS TEXT)",
        "draft = x'00'",
        "update_id = 'x'",
        "update_at = x'01'",
        "replies = CAST(x'ff' AS TEXT)",
        "draft = CAST(hex(zeroblob(3000000)) AS TEXT)",
    ] {
        let opened = Opened::sqlite().await;
        let store = &opened.store;
        store.dialogues().commit(turn(1, None)).await.expect("a commit");
        break_it(&opened, &format!("UPDATE dialogues SET {damage}")).await;
        let read = store.dialogues().of_chat(ChatRef::telegram(42)).await.expect(damage).expect("a dialogue");
        let after = Some((read.update_id, read.update_at));
        let outcome = store.dialogues().commit(Turn { after, ..turn(2, None) }).await.expect(damage);
        assert!(matches!(outcome, TurnOutcome::Committed(_)), "{damage}: {outcome:?}");
    }
}

#[tokio::test]
async fn damaged_marks_alerts_tokens_and_customers_are_as_good_as_none() {
    let opened = Opened::sqlite().await;
    let store = &opened.store;
    store.marks().set(&Mark::Retry, "1").await.expect("a write");
    let alert = OpenAlert { opened_at: 5, body: "{}".into() };
    store.open_alerts().save("outage", &alert, &[]).await.expect("a write");
    let tokens = TokenRow { access: Some("a".into()), refresh: Some("r".into()), ..TokenRow::default() };
    store.tokens().set(&tokens).await.expect("a write");
    let ivan = lead("Иван", 0);
    submit(store, &ivan).await;
    store.lead_queue().record_contact(ivan.id, "+79990000000", 7).await.expect("a write");
    store.begin_term().await.expect("a term");
    for value in ["x'ff'", "CAST(x'ff' AS TEXT)"] {
        for sql in [
            "UPDATE marks SET value = BAD",
            "UPDATE alerts SET body = BAD, opened_at = BAD",
            "UPDATE tokens SET access_token = BAD",
            "UPDATE customers SET contact_id = BAD, seen_at = BAD",
            "INSERT OR REPLACE INTO locks (name, holder, held_until) VALUES ('tokens', BAD, BAD)",
            "INSERT OR REPLACE INTO imports (fingerprint, lead_id, imported_at) VALUES (BAD, BAD, BAD)",
            "INSERT OR REPLACE INTO set_aside (update_id, kind, error, body, set_aside_at) VALUES (1, BAD, BAD, BAD, BAD)",
        ] {
            break_it(&opened, &sql.replace("BAD", value)).await;
        }
        assert_eq!(store.marks().get(&Mark::Retry).await.expect("a read"), None);
        let outage = store.open_alerts().get("outage").await.expect("a read").expect("it is open");
        break_it(&opened, "INSERT INTO alerts (kind, opened_at, body) VALUES (CAST('outage' AS BLOB), 1, '{}')").await;
        let open = store.open_alerts().of(&["outage", "flood"]).await.expect("a read");
        assert_eq!(open.get("outage").map(|open| &open.body), Some(&outage.body), "{open:?}");
        assert_eq!(open.len(), 1, "{open:?}");
        break_it(&opened, "DELETE FROM alerts WHERE typeof(kind) = 'blob'").await;
        let read = store.tokens().get().await.expect("a read");
        assert_eq!((read.access, read.refresh.as_deref()), (None, Some("r")));
        assert_eq!(store.lead_queue().known_contact("+79990000000").await.expect("a read"), None);
        assert!(store.locks().take("tokens", "me", std::time::Duration::from_secs(9)).await.expect("a lock"));
        assert!(store.begin_term().await.expect("a term") > 1_000_000, "no lease of an older term is valid");
        let imported = ImportedLead { new: NewLead::fresh(lead("Пётр", 0)), fingerprint: Some("f".into()) };
        store.leads().import(&[imported]).await.expect("an import");
        assert_eq!(store.dialogues().dead_letters().await.expect("a count"), 1);
        store.marks().set(&Mark::Retry, "2").await.expect("a write");
        assert_eq!(store.marks().get(&Mark::Retry).await.expect("a read").as_deref(), Some("2"));
    }
}

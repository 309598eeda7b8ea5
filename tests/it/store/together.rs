//! What is written at the same moment, in the same statements, ends as if each were alone.

use futures::future::join_all;

use amocrm_lead_bot::store::{ButtonsChange, LiveButtons, Urgency};

use super::*;

const ADMIN: i64 = -7;

fn owe(chat_id: i64, number: &LeadNumber) -> NewMessage {
    NewMessage { chat: ChatRef::telegram(chat_id), notice: Notice::Accepted { number: number.clone() }, due_at: 0 }
}

fn of(n: i64) -> Lead {
    Lead {
        buyer: Buyer { user_id: n, chat: Some(ChatRef::telegram(n)), username: None, full_name: None },
        ..lead("Иван", 0)
    }
}

/// A turn of a chat that submits a lead, of which the buyer is told twice and the admin once.
fn submits(chat_id: i64, lead: &Lead) -> Turn {
    let messages = vec![owe(chat_id, &lead.number), owe(chat_id, &lead.number)];
    Turn { chat: ChatRef::telegram(chat_id), told: Some(owe(ADMIN, &lead.number)), messages, ..turn(1, Some(lead)) }
}

/// The ids of what waits for a chat.
async fn waiting_for(store: &Store, chat_id: i64) -> Vec<String> {
    store
        .outbox()
        .of_chat(ChatRef::telegram(chat_id), 1000)
        .await
        .expect("a read")
        .into_iter()
        .map(|message| message.id)
        .collect()
}

async fn commit_all(store: &Store, turns: &[Turn]) -> Vec<TurnOutcome> {
    let dialogues = store.dialogues();
    join_all(turns.iter().map(|turn| dialogues.commit(turn.clone())))
        .await
        .into_iter()
        .map(|end| end.expect("an end"))
        .collect()
}

fn committed(outcome: &TurnOutcome) -> Vec<(String, Option<String>)> {
    let TurnOutcome::Committed(messages) = outcome else { panic!("{outcome:?}") };
    messages.iter().map(|(message, before)| (message.id.clone(), before.clone())).collect()
}

/// 40 turns of chats from this one on; where `is_nobody_undone`, each is known not to be taken before anything of it is written.
async fn forty_at_once(store: &Store, known: &Lead, from: i64, is_nobody_undone: bool) {
    let leads: Vec<Lead> = (0..40).map(|n| of(from + n)).collect();
    let mut turns: Vec<Turn> = leads.iter().enumerate().map(|(n, lead)| submits(from + n as i64, lead)).collect();
    // It comes to a dialogue that another process has brought further.
    turns[5].after = Some((8, 5));
    // Its number is another lead's.
    let twin = Lead { number: known.number.clone(), ..leads[6].clone() };
    turns[6] = submits(from + 6, &twin);
    // It was committed before, and nobody knows.
    turns[7] = submits(from + 7, known);
    // Two of one chat: only the first goes on from what both have read.
    turns[8] = submits(from + 9, &leads[8]);
    let limits = LeadLimits { per_hour: Some(1), ..LeadLimits::default() };
    turns[10] = Turn { limits, ..submits(from + 10, &Lead { buyer: known.buyer.clone(), ..leads[10].clone() }) };
    if is_nobody_undone {
        turns[5].lead = None;
        turns[9].lead = None;
    }
    let outcomes = commit_all(store, &turns).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        let chat_id = turns[n].chat.id;
        let lead = store.leads().by_number(&leads[n].number).await.expect("a read");
        match n {
            5 | 9 => assert_eq!((outcome, lead.is_some()), (&TurnOutcome::Overtaken, false), "{n}"),
            6 => assert_eq!((outcome, lead.is_some()), (&TurnOutcome::NumberTaken, false)),
            10 => assert!(matches!(outcome, TurnOutcome::TooMany { .. }) && lead.is_none(), "{outcome:?}"),
            _ => {
                assert_eq!(lead.is_some(), n != 7, "{n}");
                let messages = committed(outcome);
                let ids: Vec<_> = messages.iter().map(|(id, _)| id.clone()).collect();
                assert_eq!(waiting_for(store, chat_id).await, ids, "in their order: {n}");
                let before: Vec<_> = messages.into_iter().map(|(_, before)| before).collect();
                assert_eq!(before.first(), Some(&None), "{n}");
                assert_eq!(before.get(1).cloned().flatten().as_ref(), ids.get(1).and(ids.first()), "{n}");
                assert_eq!(
                    store.dialogues().of_chat(ChatRef::telegram(chat_id)).await.expect("a read"),
                    Some(turns[n].dialogue.clone())
                );
            }
        }
    }
    for chat_id in [5, 6, 8, 10].map(|n| from + n) {
        assert_eq!(store.dialogues().of_chat(ChatRef::telegram(chat_id)).await.expect("a read"), None, "{chat_id}");
        assert!(waiting_for(store, chat_id).await.is_empty(), "{chat_id}");
    }
}

on_both! {
    async fn each_turn_ends_as_if_it_were_alone(opened: &Opened) {
        let (store, known) = (&opened.store, of(1000));
        assert!(matches!(commit_all(store, &[submits(1000, &known)]).await[..], [TurnOutcome::Committed(_)]));
        for (is_nobody_undone, from, told_before) in [(true, 0, 1), (false, 100, 37)] {
            forty_at_once(store, &known, from, is_nobody_undone).await;
            let told = waiting_for(store, ADMIN).await;
            assert_eq!(told.len(), told_before + 36, "four were not taken");
            assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len());
        }
    }

    async fn what_was_sent_goes_with_the_next_turns_of_its_chats(opened: &Opened) {
        let store = &opened.store;
        let number = LeadNumber::random();
        let says = |chat_id: i64, update_id: i64, pressed: Option<i32>| {
            let messages = vec![owe(chat_id, &number)];
            Turn { chat: ChatRef::telegram(chat_id), pressed, messages, ..turn(update_id, None) }
        };
        let chats = 1..=30;
        let first: Vec<Turn> = chats.clone().map(|chat_id| says(chat_id, 1, None)).collect();
        let sent: Vec<String> = commit_all(store, &first).await.iter().map(|end| committed(end)[0].0.clone()).collect();
        // Telegram has taken all of these as the next come: the press on the first message is of the second turn.
        let next: Vec<Turn> = chats.clone().map(|chat_id| says(chat_id, 2, Some(100))).collect();
        let outbox = store.outbox();
        let gone = chats.clone().zip(&sent).map(|(chat_id, id)| {
            let change = ButtonsChange { new: Some(100), ..ButtonsChange::default() };
            outbox.sent(id, ChatRef::telegram(chat_id), change, if chat_id % 2 == 0 { Urgency::Now } else { Urgency::InPassing })
        });
        let dialogues = store.dialogues();
        let (gone, outcomes) =
            tokio::join!(join_all(gone), join_all(next.iter().map(|turn| dialogues.commit(turn.clone()))));
        assert!(gone.into_iter().all(|end| end.is_ok()));
        for (chat_id, outcome) in chats.clone().zip(&outcomes) {
            let messages = committed(outcome.as_ref().expect("an end"));
            assert_eq!(messages.iter().map(|(_, before)| before).collect::<Vec<_>>(), [&None], "{chat_id}");
            assert_eq!(waiting_for(store, chat_id).await, [messages[0].0.clone()], "{chat_id}");
            let over = LiveButtons { over: BTreeSet::from([100]), ..LiveButtons::default() };
            assert_eq!(outbox.buttons_of(ChatRef::telegram(chat_id)).await.expect("a row"), over, "{chat_id}");
        }
        // Several changes of one chat, and more than one statement takes out.
        let change = |new: i32, over: &[i32], gone: &[i32]| ButtonsChange {
            new: Some(new),
            over: over.iter().copied().collect(),
            gone: gone.iter().copied().collect(),
            ..ButtonsChange::default()
        };
        let changes = [
            (1, change(1, &[], &[100])),
            (1, change(2, &[1], &[])),
            (2, change(1, &[], &[])),
            (1, change(3, &[], &[1])),
            (3, change(5, &[1, 2, 3], &[4, 100])),
            (99, change(1, &[], &[7])),
        ];
        for end in join_all(changes.map(|(chat_id, change)| outbox.sent("no message", ChatRef::telegram(chat_id), change, Urgency::Now))).await {
            end.expect("a commit");
        }
        let row = |live: &[i32], over: &[i32]| LiveButtons {
            live: live.iter().copied().collect(),
            over: over.iter().copied().collect(),
            ..LiveButtons::default()
        };
        for (chat_id, expected) in
            [(1, row(&[2, 3], &[])), (2, row(&[1], &[100])), (3, row(&[5], &[1, 2, 3])), (99, row(&[1], &[])), (98, row(&[], &[]))]
        {
            assert_eq!(outbox.buttons_of(ChatRef::telegram(chat_id)).await.expect("a row"), expected, "{chat_id}");
        }
    }

    async fn where_a_clock_was_ahead_messages_go_out_in_order_all_the_same(opened: &Opened) {
        let store = &opened.store;
        let number = LeadNumber::random();
        let ahead = opened.by(Clock::default().off_by(HOUR)).await;
        let mut expected: Vec<Vec<String>> = Vec::new();
        for chat_id in [1, 2, ADMIN] {
            expected.push(vec![ahead.outbox().enqueue(&owe(chat_id, &number)).await.expect("a write")]);
        }
        expected.insert(2, Vec::new());
        let turns: Vec<Turn> = (1..=3)
            .map(|chat_id| {
                let messages = vec![owe(chat_id, &number), owe(chat_id, &number)];
                Turn { chat: ChatRef::telegram(chat_id), messages, told: Some(owe(ADMIN, &number)), ..turn(1, None) }
            })
            .collect();
        for (outcome, before) in commit_all(store, &turns).await.iter().zip(&mut expected) {
            for (id, last) in committed(outcome) {
                assert_eq!(last.as_ref(), before.last());
                assert!(Some(&id) > before.last(), "{id} after {before:?}");
                before.push(id);
            }
        }
        for (chat_id, expected) in (1..=3).zip(&expected) {
            assert_eq!(&waiting_for(store, chat_id).await, expected);
        }
        let told = waiting_for(store, ADMIN).await;
        assert_eq!((told.len(), told.first()), (4, expected[3].first()));
    }
}

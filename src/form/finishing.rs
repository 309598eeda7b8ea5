//! What becomes of a request that was sent unfinished once its buyer goes on: it stays the same one.

use chrono::{DateTime, Utc};

use crate::lead::{
    AmendmentKind, Asked, BuyerFile, CarLink, Change, Lead, finished_note, given_up_note, supplement_note,
};

use super::{
    corrected::{Amending, put},
    questions::{BUDGET, CAR_LINK, NAME, PHONE, WISH},
};

/// Stands for the files, among keys of questions, which begin with a letter.
const FILES: &str = "+files";

/// The buyer has sent it: `after` is the whole request, `before` what is known of it.
pub fn finished(before: &Lead, after: Lead) -> Amending {
    let files = files_of_both(before, &after);
    let lead = Lead { id: before.id, number: before.number.clone(), files, ..after };
    let (changes, same): (Vec<_>, Vec<_>) =
        answers(before, &lead).into_iter().partition(|answer| answer.before != answer.after);
    let told: Vec<_> = changes.iter().chain(&same).cloned().collect();
    Amending {
        note: finished_note(&lead.number, &told, lead.submitted_at),
        kind: AmendmentKind::Finished,
        about: "finished".into(),
        name_before: before.name.as_str().to_owned(),
        changes,
        lead,
    }
}

/// The buyer has answered more and left it again, at the update of this id; `None` where nothing is new. What is not answered in
/// `after` stays.
pub fn supplemented(before: &Lead, after: Lead, update_id: i64) -> Option<Amending> {
    let files = files_of_both(before, &after);
    let mut lead = Lead {
        id: before.id,
        number: before.number.clone(),
        submitted_at: before.submitted_at,
        budget: after.budget.or_else(|| before.budget.clone()),
        car_link: after.car_link.or_else(|| before.car_link.clone()),
        asked: Asked {
            budget: after.asked.budget.or_else(|| before.asked.budget.clone()),
            car_link: after.asked.car_link.or_else(|| before.asked.car_link.clone()),
        },
        wish: after.wish.or_else(|| before.wish.clone()),
        more: before.more.clone(),
        files,
        ..after
    };
    for extra in after.more {
        let key = extra.key.clone();
        put(&mut lead.more, &key, Some(extra));
    }
    let changes: Vec<_> = answers(before, &lead).into_iter().filter(|answer| answer.before != answer.after).collect();
    (!changes.is_empty()).then(|| Amending {
        note: supplement_note(&lead.number, &changes, after.submitted_at),
        kind: AmendmentKind::Supplemented,
        about: format!("supplemented-{update_id}"),
        name_before: before.name.as_str().to_owned(),
        changes,
        lead,
    })
}

/// The buyer has thrown the form away.
pub fn given_up(before: Lead, at: DateTime<Utc>) -> Amending {
    Amending {
        note: given_up_note(&before.number, at),
        kind: AmendmentKind::TakenBack,
        about: "taken-back".into(),
        name_before: before.name.as_str().to_owned(),
        changes: Vec::new(),
        lead: before,
    }
}

/// A file keeps the place at which it was sent, also where the buyer has dropped it from the form since.
fn files_of_both(before: &Lead, after: &Lead) -> Vec<BuyerFile> {
    let new = after.files.iter().filter(|file| !before.files.contains(file));
    before.files.iter().chain(new).cloned().collect()
}

/// Every answer of either, as managers read it, with what it was.
fn answers(before: &Lead, after: &Lead) -> Vec<Change> {
    let mut answers = Vec::new();
    let mut answer = |key: &str, label: &str, before: Option<String>, after: Option<String>, is_asked: bool| {
        if is_asked || before.is_some() || after.is_some() {
            answers.push(Change { key: key.to_owned(), label: label.to_owned(), before, after });
        }
    };
    let name = |lead: &Lead| Some(lead.name.as_str().to_owned()).filter(|name| !name.is_empty());
    answer(NAME, "Имя", name(before), name(after), true);
    let phone = |lead: &Lead| Some(lead.phone.e164().to_owned()).filter(|phone| !phone.is_empty());
    answer(PHONE, "Телефон", phone(before), phone(after), true);
    let budget = |lead: &Lead| lead.budget.as_ref().map(|budget| budget.typed().to_owned());
    let label = after.asked.budget.as_ref().or(before.asked.budget.as_ref());
    let usual = Asked::default();
    let words = |label: Option<&String>, usual: &Option<String>| label.or(usual.as_ref()).cloned().unwrap_or_default();
    let is_asked = after.asked.budget.is_some();
    answer(BUDGET, &words(label, &usual.budget), budget(before), budget(after), is_asked);
    let link = |lead: &Lead| lead.car_link.as_ref().map(CarLink::shown);
    let label = after.asked.car_link.as_ref().or(before.asked.car_link.as_ref());
    let is_asked = after.asked.car_link.is_some();
    answer(CAR_LINK, &words(label, &usual.car_link), link(before), link(after), is_asked);
    let gone = before.more.iter().filter(|more| after.more.iter().all(|other| other.key != more.key));
    for more in after.more.iter().chain(gone) {
        let value = |lead: &Lead| lead.more.iter().find(|other| other.key == more.key).map(|more| more.value.clone());
        answer(&more.key, &more.label, value(before), value(after), true);
    }
    let wish = |lead: &Lead| lead.wish.as_ref().map(|wish| wish.as_str().to_owned());
    answer(WISH, "Пожелания", wish(before), wish(after), false);
    let files = |lead: &Lead| {
        let names: Vec<_> = lead.file_names().collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    answer(FILES, "Файлы", files(before), files(after), false);
    answers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::{Budget, Extra, Name, Phone, Region, Wish};

    /// What there is of a form of which name and phone are answered.
    fn left() -> Lead {
        serde_json::from_value(serde_json::json!({
            "id": "01J7ABCDEFGHJKMNPQRSTVWXYZ", "number": "K7M2QXA", "submitted_at": "2025-09-07T10:30:00Z",
            "name": "Иван", "phone": {"e164": "+79991234567", "typed": "8 999 123-45-67", "origin": "typed"},
            "asked": {"budget": null, "car_link": null}, "buyer": {"user_id": 1}, "left_open": ["Бюджет", "Ссылка"],
            "wish": "белая", "car_link": null
        }))
        .expect("a lead")
    }

    fn whole() -> Lead {
        Lead {
            asked: Asked::default(),
            left_open: None,
            submitted_at: left().submitted_at + chrono::TimeDelta::hours(3),
            ..left()
        }
    }

    fn keys(amending: &Amending) -> Vec<&str> {
        amending.changes.iter().map(|change| change.key.as_str()).collect()
    }

    #[test]
    fn what_is_finished_later_is_the_same_request_with_all_its_answers() {
        let extra = |value: &str| Extra { key: "city".into(), label: "Город".into(), value: value.into() };
        for (whole, changed, words) in [
            // Sent as it was left.
            (whole(), vec![], vec!["Имя: Иван\nТелефон: +79991234567\nБюджет: нет\nСсылка: нет\nПожелания: белая"]),
            (
                Lead { budget: Budget::parse("2 млн"), more: vec![extra("Тула")], ..whole() },
                vec![BUDGET, "city"],
                vec!["Бюджет: 2 млн\nГород: Тула\nИмя: Иван", "Ссылка: нет"],
            ),
            (
                Lead {
                    name: Name::parse("Анна").expect("a name"),
                    phone: Phone::parse("+7 912 765-43-21", Region::default()).expect("a phone"),
                    wish: Wish::imported("красная"),
                    ..whole()
                },
                vec![NAME, PHONE, WISH],
                vec!["Имя: Анна (было: Иван)", "+79127654321 (было: +79991234567)", "Пожелания: красная (было: белая)"],
            ),
        ] {
            let other = ulid::Ulid::new();
            let amending = finished(&left(), Lead { id: other, ..whole });
            assert_eq!((amending.kind, keys(&amending)), (AmendmentKind::Finished, changed), "{}", amending.note);
            assert_eq!((amending.lead.id, amending.lead.is_unfinished()), (left().id, false));
            assert!(amending.note.starts_with("#K7M2QXA Заявка завершена покупателем: 07.09.2025 13:30"));
            for words in words {
                assert!(amending.note.contains(words), "{words}: {}", amending.note);
            }
        }
    }

    #[test]
    fn whoever_answers_more_and_leaves_again_adds_to_what_was_sent() {
        let more = Lead { budget: Budget::parse("2 млн"), ..left() };
        let amending = supplemented(&left(), more.clone(), 7).expect("something is new");
        assert_eq!((amending.about.as_str(), keys(&amending)), ("supplemented-7", vec![BUDGET]));
        assert!(amending.lead.is_unfinished() && amending.lead.budget == more.budget);
        // Begun again, up to the phone: nothing that was said before is taken for withdrawn.
        assert_eq!(supplemented(&more, Lead { wish: None, ..left() }, 8), None);
        let again = Lead { wish: Wish::imported("красная"), ..left() };
        let amending = supplemented(&more, again, 9).expect("something is new");
        assert_eq!((keys(&amending), &amending.lead.budget), (vec![WISH], &more.budget));
    }

    #[test]
    fn a_form_that_is_thrown_away_takes_its_request_back() {
        let at = left().submitted_at;
        let amending = given_up(left(), at);
        assert_eq!((amending.kind, amending.changes.len()), (AmendmentKind::TakenBack, 0));
        assert!(amending.note.starts_with("#K7M2QXA Отозвано покупателем"), "{}", amending.note);
    }
}

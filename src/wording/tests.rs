//! Every text is worded in every language, with the arguments it needs, and somebody uses it.
//!
//! A new variant of `Say`, `Notice`, `AdminNotice`, `Trouble` or `Shortage` does not compile here until it has an example; the
//! example fails by name until `locales/` has its texts. Calls of `Lang::text` anywhere else are read from the source.

mod examples;
mod source;

use std::{collections::BTreeSet, sync::LazyLock};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use strum::IntoEnumIterator;

use self::{
    examples::{
        HOUR,
        admin::{shortages, troubles},
        file_copy, lead_cards, notices, number, press_outcomes, says, text,
    },
    source::{all_sources, calls, messages},
};
use super::{i18n::asked, *};
use crate::{
    config::StatusText,
    form::Form,
    notice::{NoticeDiscriminants as NoticeKind, SayDiscriminants as SayKind},
};

/// Asks for every text that a value of `notice` leads to.
fn render_everything() {
    let url = url::Url::parse("https://dealer.ru/privacy").expect("an address");
    let wordings = [
        Wording::default(),
        Wording {
            privacy_policy_url: Some(url),
            bot_username: "bot".into(),
            crm_url: Some(url::Url::parse("https://acme.amocrm.ru/").expect("an address")),
            can_authorize: true,
            statuses: [StatusText { pipeline_id: None, status_id: 142, text: vec![("ru".into(), text())] }]
                .into_iter()
                .collect(),
            ..Wording::default()
        },
    ];
    for lang in Lang::built_in() {
        crate::stats::tests::say_everything(lang);
        for wording in &wordings {
            for notice in NoticeKind::iter().flat_map(notices) {
                let rendered = render_notice(&notice, lang, wording);
                let length = rendered.text.encode_utf16().count();
                assert!((1..=4096).contains(&length), "{lang:?} {notice:?}: {length} units");
                assert!(!has_leftovers(&rendered.text), "{lang:?} {notice:?}: {}", rendered.text);
                check_markup(rendered.markup.as_ref(), &format!("{lang:?} {notice:?}"));
            }
        }
        for wording in &wordings {
            for card in lead_cards() {
                let rendered = render_lead_card(&card.number, Some(&card), lang, wording);
                assert!(!has_leftovers(&rendered.text), "{lang:?} {card:?}: {}", rendered.text);
                check_markup(rendered.markup.as_ref(), &format!("{lang:?} {card:?}"));
            }
            for outcome in press_outcomes() {
                let text = press_text(&number(), &outcome, lang, wording);
                assert!((1..=200).contains(&text.encode_utf16().count()) && !has_leftovers(&text), "{lang:?}: {text}");
            }
        }
        for shortage in shortages() {
            shortage_text(&shortage, lang);
            short_name(&shortage, lang);
        }
        for trouble in troubles() {
            for can_authorize in [false, true] {
                advice_text(&trouble, can_authorize, lang);
            }
        }
        for millis in [0, 61_000, HOUR, 30 * HOUR] {
            duration(millis, lang);
        }
        backup_caption(3, lang);
        file_caption(&file_copy(), lang);
        deleted_text(&["#K7M2QXA".into()], &["#K7M2QXB".into(), "#K7M2QXC".into()], lang);
        // Words of the form that stand on no message yet: what a choice is called, and a question that was passed over.
        for question in Form::default().questions() {
            question.choices.iter().for_each(|choice| drop(lang.words(choice)));
        }
        lang.text("skipped", &[]);
    }
}

/// Whether a placeable of Fluent's shows in a text.
fn has_leftovers(text: &str) -> bool {
    text.contains("{$") || text.contains("{ ") || text.contains("{-")
}

/// What Telegram takes: a label on every button, and 1 to 64 bytes of callback data.
fn check_markup(markup: Option<&Markup>, of: &str) {
    match markup {
        Some(Markup::Buttons(rows)) => {
            assert!(rows.iter().all(|row| !row.is_empty()) && !rows.is_empty(), "{of}: an empty row");
            for button in rows.iter().flatten() {
                let (Button::Press { text, data, .. }
                | Button::Open { text, url: data }
                | Button::Copy { text, copy: data }) = button;
                assert!(!text.is_empty() && (1..=64).contains(&data.len()), "{of}: {button:?}");
            }
        }
        Some(Markup::Keys(rows)) => {
            for Key::Type(label) | Key::ShareContact(label) in rows.iter().flatten() {
                assert!(!label.is_empty(), "{of}");
            }
        }
        Some(Markup::RemoveKeys) | None => {}
    }
}

/// The ids that buyers are told of: what the dialogue says, and what becomes of a request.
fn buyers_ids() -> BTreeSet<String> {
    let before = asked::ids();
    assert!(before.is_empty(), "asked for before");
    let url = url::Url::parse("https://dealer.ru/privacy").expect("an address");
    let wording = Wording { privacy_policy_url: Some(url), bot_username: "bot".into(), ..Wording::default() };
    for wording in [wording, Wording::default()] {
        for say in SayKind::iter().flat_map(says) {
            render_reply(&[say], Lang::ru(), &wording);
        }
    }
    for kind in [NoticeKind::Accepted, NoticeKind::Saved, NoticeKind::Delivered] {
        notices(kind).iter().for_each(|notice| drop(render_notice(notice, Lang::ru(), &Wording::default())));
    }
    for question in Form::default().questions() {
        Lang::ru().words(&question.label);
    }
    for command in ["command-start", "command-my", "command-cancel", "command-language", "command-help"] {
        Lang::ru().text(command, &[]);
    }
    for millis in [0, 61_000, HOUR, 30 * HOUR] {
        duration(millis, Lang::ru());
    }
    asked::ids()
}

/// Russian has every text; English, which the admin may read too, as many; every other language those that buyers see.
#[test]
fn all_languages_say_the_same_things_with_the_same_arguments() {
    let russian = messages(Lang::ru());
    assert!(russian.len() > 150, "{}", russian.len());
    let buyers = buyers_ids();
    assert!((60..russian.len() / 2).contains(&buyers.len()), "{}", buyers.len());
    for lang in Lang::built_in() {
        let problems = FluentResource::try_new(lang.source().to_owned()).err().map(|(_, errors)| errors);
        assert_eq!(problems, None, "{lang:?}");
        let texts = messages(lang);
        let is_whole = [Lang::ru(), Lang::en()].contains(&lang);
        for (id, arguments) in &russian {
            if is_whole || buyers.contains(*id) || texts.contains_key(id) {
                assert_eq!(texts.get(id), Some(arguments), "{lang:?}: {id}");
            }
        }
        assert_eq!(texts.keys().find(|id| !russian.contains_key(*id)), None, "{lang:?} has a text more");
    }
}

#[test]
fn no_buyer_reads_of_an_error() {
    for lang in Lang::built_in() {
        for id in buyers_ids_in(lang) {
            let text = lang.source().lines().skip_while(|line| !line.starts_with(&format!("{id} ="))).enumerate();
            let text: String = text
                .take_while(|(at, line)| *at == 0 || line.starts_with(' ') || line.is_empty())
                .map(|(_, line)| line.to_lowercase() + "\n")
                .collect();
            for word in ["ошиб", "error", "fail", "неверн", "некоррект", "invalid", "xato", "notoʻgʻri"]
            {
                let (_, said) = text.split_once('=').unwrap_or_default();
                assert!(!said.contains(word), "{lang:?}: {id}: {word}");
            }
        }
    }
}

fn buyers_ids_in(lang: Lang) -> Vec<&'static str> {
    static BUYERS: LazyLock<BTreeSet<String>> =
        LazyLock::new(|| std::thread::spawn(buyers_ids).join().expect("the ids"));
    messages(lang).into_keys().filter(|id| BUYERS.contains(*id)).collect()
}

#[test]
fn the_welcome_counts_the_questions_there_are() {
    let welcome = |lang: Lang, count: i64| lang.text("welcome", &[("count", count.into())]);
    for (count, ru, en) in [
        (1, "один короткий вопрос,", "One quick question "),
        (2, "два коротких вопроса,", "Two quick questions "),
        (4, "четыре коротких вопроса,", "Four quick questions "),
        (5, "пять коротких вопросов,", "Five quick questions "),
        (12, "12 коротких вопросов,", "12 quick questions "),
        (21, "21 короткий вопрос,", "21 quick questions "),
        (23, "23 коротких вопроса,", "23 quick questions "),
    ] {
        assert!(welcome(Lang::ru(), count).contains(ru), "{}", welcome(Lang::ru(), count));
        assert!(welcome(Lang::en(), count).contains(en), "{}", welcome(Lang::en(), count));
        for lang in Lang::built_in() {
            let text = welcome(lang, count);
            assert!(!text.contains('{') && text.chars().next().is_some_and(char::is_uppercase), "{lang:?}: {text}");
        }
    }
}

/// What refers to a text, a term or a function that is not there fails here, whoever uses it.
#[test]
fn every_text_is_complete_once_its_arguments_are_given() {
    for lang in Lang::built_in() {
        let mut bundle = FluentBundle::new_concurrent(vec![unic_langid::LanguageIdentifier::default()]);
        bundle.add_resource_overriding(FluentResource::try_new(lang.source().to_owned()).expect("a resource"));
        for (id, names) in messages(lang) {
            let args: FluentArgs<'_> = names.into_iter().map(|name| (name, FluentValue::from(2))).collect();
            let pattern = bundle.get_message(id).and_then(|message| message.value()).expect(id);
            let mut errors = Vec::new();
            assert!(!bundle.format_pattern(pattern, Some(&args), &mut errors).is_empty(), "{lang:?}: {id}");
            assert!(errors.is_empty(), "{lang:?}: {id}: {errors:?}");
        }
    }
}

#[test]
fn every_value_is_worded_in_every_language() {
    render_everything();
    assert!(asked::problems().is_empty(), "{:#?}", asked::problems());
}

#[test]
fn every_call_names_a_text_and_gives_its_arguments_and_every_text_is_used() {
    render_everything();
    let rendered = asked::ids();
    let texts = messages(Lang::ru());
    let mut problems = Vec::new();
    let mut checked = BTreeSet::new();
    for call in calls() {
        match (texts.get(call.id.as_str()), &call.args) {
            (None, _) => problems.push(format!("{}: {} is not worded", call.place, call.id)),
            (Some(needed), Some(given)) => {
                let given: BTreeSet<&str> = given.iter().map(String::as_str).collect();
                if *needed != given {
                    problems.push(format!("{}: {} needs {needed:?} and is given {given:?}", call.place, call.id));
                }
                checked.insert(call.id);
            }
            (Some(_), None) => {}
        }
    }
    let sources = all_sources();
    for (id, needed) in &texts {
        let is_checked = rendered.contains(*id) || checked.contains(*id);
        // Ids that are chosen first and asked for later are given a lead's number at most.
        if !is_checked && needed.iter().any(|name| *name != "number") {
            problems.push(format!("{id} has arguments, and no call with them is seen by any test"));
        }
        let name = format!("\"{}\"", id.strip_prefix("command-").or(id.strip_prefix("admin-help-")).unwrap_or(id));
        if !is_checked && !sources.iter().any(|(_, source)| source.contains(&name)) {
            problems.push(format!("{id} is used by nobody"));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn long_texts_are_clipped_to_what_telegram_takes() {
    for text in ["я".repeat(5000), "😀".repeat(3000), "a".repeat(4096)] {
        let clipped = clip(text.clone());
        assert!(clipped.encode_utf16().count() <= 4096);
        assert_eq!(clipped == text, text.encode_utf16().count() <= 4096);
    }
}

//! What buyers read.

use crate::{
    clock::{Millis, date},
    lead::{Budget, one_line, shorten},
    notice::{MyProgress, MyRequest, MyState, Say},
};

use super::{
    Lang, Markup, Rendered, Wording, clip, documents, keyboards,
    questions::{answers, asked, changed, prompt, so_far},
    time,
};

/// So much is shown of what is told of a stage: ten requests fit into one message.
const LONGEST_STATE: usize = 200;

/// Words one message of one or more parts; the last part decides on the buttons.
pub fn render_reply(parts: &[Say], lang: Lang, wording: &Wording) -> Rendered {
    let texts: Vec<String> = parts.iter().map(|say| text(say, lang, wording)).collect();
    Rendered { text: clip(texts.join("\n\n")), markup: parts.last().and_then(|say| markup(say, lang, wording)) }
}

fn text(say: &Say, lang: Lang, wording: &Wording) -> String {
    let simple = |id: &str| lang.text(id, &[]);
    match say {
        Say::Welcome => lang.text("welcome", &[("count", wording.form.questions().len().into())]),
        Say::Resume => simple("resume"),
        Say::HowToBegin => simple("how-to-begin"),
        Say::AskConsent => {
            let url = wording.privacy_policy_url.as_ref().map_or("", |url| url.as_str());
            lang.text("ask-consent", &[("url", url.into())])
        }
        Say::ConsentFirst => simple("consent-first"),
        Say::HeldTillConsent => simple("held-till-consent"),
        Say::ConsentTo(question) => question.text.clone(),
        Say::ConsentChanged => simple("consent-changed"),
        Say::ConsentBeforeGoingOn => simple("consent-before-going-on"),
        Say::ConsentDeclined => simple("consent-declined"),
        Say::ConsentDocument { lang: of, part } => {
            let part = wording.consent_document(of).and_then(|document| document.parts.get(*part));
            part.cloned().unwrap_or_else(|| documents::caption(lang))
        }
        Say::Ask(ask) => match wording.form.question(&ask.question) {
            Some(question) => asked(question, ask, lang, &wording.form),
            // Asked by a version with more questions.
            None => simple("how-to-begin"),
        },
        Say::Card(card) => {
            let beside = [wish_line("card-wish", card.wish.as_deref(), lang), files_line(card.files, lang)].concat();
            lang.text("card", &[("answers", answers(card, lang, &wording.form).into()), ("wish", beside.into())])
        }
        Say::PhoneTaken { phone } => lang.text("phone-taken", &[("phone", phone.as_str().into())]),
        Say::LeftAsItWas => simple("left-as-it-was"),
        Say::GoesOn => simple("goes-on"),
        Say::FirstQuestion => simple("first-question"),
        Say::NotANumber => simple("not-a-number"),
        Say::NotADay => simple("not-a-day"),
        Say::NoSuchDay { typed } => lang.text("no-such-day", &[("day", typed.as_str().into())]),
        Say::DayIsOver { day } => lang.text("day-is-over", &[("day", day.as_str().into())]),
        Say::DayTaken { day } => lang.text("day-taken", &[("day", day.as_str().into())]),
        Say::FilesNotYet => simple("files-not-yet"),
        Say::FilesNeeded => simple("files-needed"),
        Say::CannotSkip => simple("cannot-skip"),
        Say::NotASum => simple("not-a-sum"),
        Say::BudgetInDoubt { budget } => lang.text("budget-in-doubt", &[("budget", shorten(budget, 200).into())]),
        Say::AnswersChanged { changes } => {
            let lines = changes.iter().map(|change| changed(change, lang, &wording.form)).collect::<Vec<_>>();
            lang.text("answers-changed", &[("changes", lines.join("\n").into())])
        }
        Say::BudgetStays { budget, other } => {
            let (budget, other) = (shorten(budget, 200), shorten(other, 200));
            lang.text("budget-stays", &[("budget", budget.into()), ("other", other.into())])
        }
        Say::NameTooLong => simple("name-too-long"),
        Say::NameUnreadable => simple("name-unreadable"),
        Say::NameGreeting => simple("name-greeting"),
        Say::NotAName => simple("not-a-name"),
        Say::Noted { name, phone, budget, sum_of, car_link, wish } => {
            let line = |id: &str, value: &Option<String>| {
                value.as_ref().map(|value| lang.text(id, &[("value", shorten(value, 1000).into())]))
            };
            let lines = [
                line("noted-name", name),
                line("noted-phone", phone),
                match sum_of.as_ref().and_then(|key| wording.form.question(key)) {
                    Some(question) => budget.as_ref().map(|sum| {
                        let label = lang.words(&question.label);
                        lang.text("noted-sum", &[("label", label.into()), ("value", shorten(sum, 1000).into())])
                    }),
                    None => line("noted-budget", budget),
                },
                line("noted-car-link", car_link),
                line("noted-wish", wish),
                // A wish can only be added to.
                [name, phone, budget, car_link]
                    .iter()
                    .any(|noted| noted.is_some())
                    .then(|| simple("noted-can-be-changed")),
                budget
                    .as_ref()
                    .filter(|budget| Budget::imported(budget).is_in_doubt())
                    .map(|budget| lang.text("budget-in-doubt", &[("budget", shorten(budget, 200).into())])),
            ];
            lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
        }
        Say::Repeated => simple("repeated"),
        Say::PhoneIsNoBudget { phone } => lang.text("phone-is-no-budget", &[("phone", phone.as_str().into())]),
        Say::LinkIsNoBudget => simple("link-is-no-budget"),
        Say::AnswerUnreadable => simple("answer-unreadable"),
        Say::AnswerTooLong { longest } => lang.text("answer-too-long", &[("longest", (*longest).into())]),
        Say::ChooseOne => simple("choose-one"),
        Say::WhyPhone => simple("why-phone"),
        Say::NoPhoneFound => simple("no-phone-found"),
        Say::PhoneInvalid => simple("phone-invalid"),
        Say::BudgetUnreadable => simple("budget-unreadable"),
        Say::NoLinkFound => simple("no-link-found"),
        Say::WishTaken => simple("wish-taken"),
        Say::LinkTooLong => simple("link-too-long"),
        Say::ContactNotNow => simple("contact-not-now"),
        Say::UseButtons => simple("use-buttons"),
        Say::OldButton => simple("old-button"),
        Say::ButtonOfSent { number } => lang.text("old-button-of-sent", &[("number", number.as_str().into())]),
        Say::EditedMessage => simple("edited-message"),
        Say::EditedElsewhere => simple("edited-elsewhere"),
        Say::OnlyText => simple("only-text"),
        Say::ChooseLanguage => {
            // Whoever does not read this language is asked in the others, too.
            let asked: Vec<String> = spoken(lang).map(|lang| lang.text("language-ask", &[])).collect();
            asked.join("\n")
        }
        Say::LanguageChosen => simple("language-chosen"),
        Say::FilesKept { added, total, only_photos } => {
            let id = if *only_photos { "photos-kept" } else { "files-kept" };
            let kept = lang.text(id, &[("count", (*added).into())]);
            match total > added {
                true => format!("{kept} {}", lang.text("files-in-all", &[("count", (*total).into())])),
                false => kept,
            }
        }
        Say::TooManyFiles { most } => lang.text("too-many-files", &[("most", (*most).into())]),
        Say::FileTooLarge { megabytes } => lang.text("file-too-large", &[("megabytes", (*megabytes).into())]),
        Say::FilesDropped => simple("files-dropped"),
        Say::AskDelete { .. } => simple("ask-delete"),
        Say::Deleting => simple("deleting"),
        Say::NothingDeleted => simple("nothing-deleted"),
        Say::UnknownCommand => simple("unknown-command"),
        Say::AskCorrection { ask } => match wording.form.question(&ask.question) {
            Some(question) => prompt(question, ask, lang),
            None => simple("how-to-begin"),
        },
        Say::AskWish { kept: None } => simple("ask-wish"),
        Say::AskWish { kept: Some(kept) } => {
            let kept = lang.text("kept-answer", &[("value", shorten(kept, 1000).into())]);
            format!("{}\n\n{kept}", simple("ask-wish"))
        }
        Say::ChooseByButton => simple("choose-by-button"),
        Say::NewPhone { phone } => lang.text("new-phone", &[("phone", phone.as_str().into())]),
        Say::AskCancel => simple("ask-cancel"),
        Say::WhatToCorrect => simple("what-to-correct"),
        Say::Cancelled => simple("cancelled"),
        Say::CancelledLate => simple("cancelled-late"),
        Say::NothingToCancel => simple("nothing-to-cancel"),
        Say::AlreadySent { number } => lang.text("already-sent", &[("number", number.as_str().into())]),
        Say::SentNotThereYet { number } => lang.text("sent-not-there-yet", &[("number", number.as_str().into())]),
        Say::SentTooMany { again_at, wait } => {
            // Whole minutes, and none too early.
            let up = |millis: &Millis| (millis + 59_999) / 60_000 * 60_000;
            let at = time::moment_in(date(up(again_at)), wording.time_zone, lang);
            let wait = time::duration(up(wait), lang);
            lang.text("sent-too-many", &[("at", at.into()), ("wait", wait.into())])
        }
        Say::ManyMessages => simple("many-messages"),
        Say::MyRequests { requests } => {
            let lines = requests.iter().map(|request| my_request(request, lang, wording));
            [simple("my-requests")].into_iter().chain(lines).collect::<Vec<_>>().join("\n\n")
        }
        Say::NoRequests => simple("no-requests"),
        Say::ChooseCorrection { number, answers } => {
            let lines = answers.iter().filter_map(|answer| so_far(answer, lang, &wording.form)).collect::<Vec<_>>();
            let number = number.as_str();
            lang.text("choose-correction", &[("number", number.into()), ("answers", lines.join("\n").into())])
        }
        Say::Correcting { number } => lang.text("correcting", &[("number", number.as_str().into())]),
        Say::ConfirmCorrection { number, changes } => {
            let lines = changes.iter().map(|change| changed(change, lang, &wording.form)).collect::<Vec<_>>();
            let number = number.as_str();
            lang.text("confirm-correction", &[("number", number.into()), ("changes", lines.join("\n").into())])
        }
        Say::Corrected { number } => lang.text("corrected", &[("number", number.as_str().into())]),
        Say::AskTakeBack { number, .. } => lang.text("ask-take-back", &[("number", number.as_str().into())]),
        Say::TakenBack { number } => lang.text("taken-back", &[("number", number.as_str().into())]),
        Say::RequestAsItWas { number } => lang.text("request-as-it-was", &[("number", number.as_str().into())]),
        Say::RequestIsFixed { number, state } => {
            let id = match state {
                MyState::TakenBack => "request-taken-back-before",
                MyState::Closed => "request-closed",
                MyState::OnItsWay | MyState::WithTheManager => "request-too-late",
            };
            lang.text(id, &[("number", number.as_str().into())])
        }
        Say::Unfinished { answers } | Say::OpenForm { answers } => {
            let lines = answers.iter().filter_map(|answer| so_far(answer, lang, &wording.form)).collect::<Vec<_>>();
            match lines.is_empty() {
                true => simple("unfinished-empty"),
                false => lang.text("unfinished", &[("answers", lines.join("\n").into())]),
            }
        }
        Say::PassedOn { number, waits } => {
            let id = if *waits { "passed-on-later" } else { "passed-on" };
            lang.text(id, &[("number", number.as_str().into())])
        }
        Say::TooMuchSaid { number } => lang.text("too-much-said", &[("number", number.as_str().into())]),
        Say::Help => simple("help"),
        Say::Group if wording.bot_username.is_empty() => simple("group-unnamed"),
        Say::Group => lang.text("group", &[("bot", wording.bot_username.as_str().into())]),
        Say::SetAside => simple("set-aside"),
    }
}

/// What a buyer is told whose data are deleted: `#` and number of the requests that the dealer has, or may have, and of those that
/// are not passed on.
pub fn deleted_text(at_the_dealer: &[String], not_sent: &[String], lang: Lang) -> String {
    let args = |numbers: &[String]| [("count", numbers.len().into()), ("numbers", numbers.join(", ").into())];
    let mut parts = vec![lang.text("data-deleted", &[])];
    if !at_the_dealer.is_empty() {
        parts.push(lang.text("data-deleted-at-the-dealer", &args(at_the_dealer)));
    }
    if !not_sent.is_empty() {
        parts.push(lang.text("data-deleted-not-sent", &args(not_sent)));
    }
    parts.push(lang.text("data-deleted-welcome", &[]));
    parts.join("\n\n")
}

/// A request with where it is, in two lines.
fn my_request(request: &MyRequest, lang: Lang, wording: &Wording) -> String {
    let state = match request.state {
        MyState::OnItsWay => lang.text("my-state-on-its-way", &[]),
        MyState::WithTheManager => progress(request.progress.as_ref(), lang, wording),
        MyState::TakenBack => lang.text("my-state-taken-back", &[]),
        MyState::Closed => lang.text("my-state-closed", &[]),
    };
    let at = date(request.sent_at).with_timezone(&wording.time_zone).format("%d.%m.%Y %H:%M").to_string();
    let number = request.number.as_str();
    // Of a form that asks for no car.
    if request.car.as_deref() == Some("") {
        return lang.text("my-request-alone", &[("number", number.into()), ("at", at.into()), ("state", state.into())]);
    }
    let car = request.car.clone().unwrap_or_else(|| lang.text("no-car-link", &[]));
    lang.text(
        "my-request",
        &[("number", number.into()), ("at", at.into()), ("car", car.into()), ("state", state.into())],
    )
}

/// What has become of a request that amoCRM has.
fn progress(progress: Option<&MyProgress>, lang: Lang, wording: &Wording) -> String {
    let id = match progress {
        Some(MyProgress::Reached(key)) => match wording.statuses.by_key(key) {
            Some(text) => return one_line(&lang.given(&text.text), LONGEST_STATE),
            None => "my-state-with-the-manager",
        },
        Some(MyProgress::Won) => "my-state-won",
        Some(MyProgress::Lost) => "my-state-lost",
        Some(MyProgress::Gone) => "my-state-closed",
        None => "my-state-with-the-manager",
    };
    lang.text(id, &[])
}

/// The languages that are spoken, first the buyer's own.
fn spoken(own: Lang) -> impl Iterator<Item = Lang> {
    [own].into_iter().chain(Lang::all().iter().copied().filter(move |lang| *lang != own))
}

/// What was said besides the answers, on a line of its own under them; nothing where there is none.
pub fn wish_line(id: &str, wish: Option<&str>, lang: Lang) -> String {
    wish.map_or_else(String::new, |wish| format!("\n{}", lang.text(id, &[("value", shorten(wish, 600).into())])))
}

/// How many files go with a request, on a line of its own; nothing where there is none.
fn files_line(files: usize, lang: Lang) -> String {
    if files == 0 { String::new() } else { format!("\n{}", lang.text("card-files", &[("count", files.into())])) }
}

fn markup(say: &Say, lang: Lang, wording: &Wording) -> Option<Markup> {
    match say {
        Say::AskConsent => Some(keyboards::consent(lang)),
        Say::ConsentTo(question) => Some(keyboards::consent_to(question, lang)),
        Say::Ask(ask) => wording.form.question(&ask.question).map(|question| {
            let is_first = wording.form.position(question.key) == Some(1);
            keyboards::question(question, ask, is_first, lang)
        }),
        Say::AskCorrection { ask } => {
            wording.form.question(&ask.question).map(|question| keyboards::correction(question, ask, lang))
        }
        Say::AskWish { .. } => Some(keyboards::correction_alone(lang)),
        Say::Card(card) => Some(keyboards::card(&wording.form, card, lang)),
        Say::AskDelete { asked_at } => Some(keyboards::deletion(*asked_at, lang)),
        Say::ChooseLanguage => Some(keyboards::languages()),
        Say::Resume => Some(keyboards::restart(lang)),
        Say::Unfinished { .. } | Say::OpenForm { .. } | Say::AskCancel => Some(keyboards::go_on(lang)),
        Say::NoRequests => Some(keyboards::begin(lang)),
        Say::PassedOn { .. } => Some(keyboards::another(lang)),
        Say::MyRequests { requests } => keyboards::my_requests(requests, lang),
        Say::ChooseCorrection { number, answers } => Some(keyboards::corrections(number, answers, &wording.form, lang)),
        Say::ConfirmCorrection { number, .. } => Some(keyboards::confirm_correction(number, lang)),
        Say::AskTakeBack { number, asked_at } => Some(keyboards::take_back(number, *asked_at, lang)),
        // These come after a phone's question, whose keyboard would stay under the chat.
        Say::PhoneTaken { .. }
        | Say::NewPhone { .. }
        | Say::LeftAsItWas
        | Say::GoesOn
        | Say::Cancelled
        | Say::CancelledLate
        | Say::Deleting => Some(Markup::RemoveKeys),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::Card;

    #[test]
    fn a_card_shows_how_the_budget_was_understood() {
        for (budget, price, want) in [
            ("2", 2_000_000, "2 (2 000 000 ₽)"),
            ("500", 500, "500 (500 ₽)"),
            ("2,5 млн", 2_500_000, "2,5 млн (2 500 000 ₽)"),
            ("300к", 300_000, "300к (300 000 ₽)"),
            ("$25k", 0, "$25k"),
            ("пока не знаю", 0, "пока не знаю"),
        ] {
            let card = Card {
                name: "Иван".into(),
                phone: "+79991234567".into(),
                budget: Some(budget.into()),
                price,
                car_link: None,
                wish: None,
                files: 0,
                more: Vec::new(),
            };
            for (lang, label) in [(Lang::ru(), "Бюджет"), (Lang::en(), "Budget")] {
                let text = render_reply(&[Say::Card(card.clone())], lang, &Wording::default()).text;
                assert!(text.contains(&format!("{label}: {want}\n")), "{text}");
            }
        }
    }

    /// The first edition stored its answers without a price.
    #[test]
    fn a_stored_card_without_a_price_shows_what_was_typed() {
        let json = r#"{"card":{"name":"Иван","phone":"+79991234567","budget":"2 млн","car_link":null}}"#;
        let card: Say = serde_json::from_str(json).expect("a stored card");
        assert!(render_reply(&[card], Lang::ru(), &Wording::default()).text.contains("Бюджет: 2 млн\n"));
    }
}

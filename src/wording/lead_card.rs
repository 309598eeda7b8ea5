//! A lead's card in the managers' chat, and what presses under it are answered with.

use crate::{
    clock::date,
    lead::{LeadNumber, shorten},
    notice::{Button, CardState, Doer, LeadCard, LeadDeed, LeadOutcome, LeadPress, PressOutcome, Style, Wiped},
};

use super::{
    Lang, Markup, Rendered, Wording, answer_lines, clip,
    lead_copy::{left_open, number_of},
    source_line,
    time::moment_in,
    wish_line,
};

/// What a buyer has said takes no more, in characters, so that what managers do stays in sight.
const LONGEST_LEAD: usize = 3000;

/// A masked phone shows so many digits.
const SHOWN_DIGITS: usize = 4;

/// Words a card; `None` where nothing is known of the lead any more.
pub fn render_lead_card(number: &LeadNumber, card: Option<&LeadCard>, lang: Lang, wording: &Wording) -> Rendered {
    let numbered = |id: &str| Rendered::plain(lang.text(id, &[("number", number.as_str().into())]));
    let Some(card) = card else { return numbered("lead-card-gone") };
    let copy = match &card.lead {
        Err(Wiped::Asked) => return numbered("lead-card-wiped"),
        Err(Wiped::Old) => return numbered("lead-card-expired"),
        Ok(copy) => copy,
    };
    let (budget, car_link) = (copy.budget.as_deref(), copy.car_link.as_deref());
    let mut said = answer_lines(&copy.asked, budget, car_link, &copy.more, 400, lang);
    said += &wish_line("copy-wish", copy.wish.as_deref(), lang);
    if card.files > 0 {
        let count = i64::try_from(card.files).unwrap_or(i64::MAX);
        said = format!("{said}\n{}", lang.text("lead-card-files", &[("count", count.into())]));
    }
    said += &source_line(copy.source.as_deref(), lang);
    said += &left_open(copy, lang);
    let phone = match wording.mask_phones && card.taken.is_none() {
        true => masked(&copy.phone),
        false => copy.phone.clone(),
    };
    let head = lang.text(
        "lead-card",
        &[
            ("number", number_of(copy, lang).into()),
            ("name", copy.name.as_str().into()),
            ("phone", phone.into()),
            ("answers", shorten(&said, LONGEST_LEAD).into()),
        ],
    );
    let mut lines = vec![head, String::new(), state_line(card.state, lang, wording)];
    if card.taken_back {
        lines.push(lang.text("lead-card-taken-back", &[]));
    }
    let by = |id: &str, doer: &Doer| {
        let at = moment_in(date(doer.at), wording.time_zone, lang);
        lang.text(id, &[("name", doer.name.as_str().into()), ("at", at.into())])
    };
    lines.extend(card.taken.iter().map(|doer| by("lead-card-taken", doer)));
    lines.extend(card.outcome.iter().map(|(outcome, doer)| {
        let id = match outcome {
            LeadOutcome::Reached => "lead-card-reached",
            LeadOutcome::NoAnswer => "lead-card-no-answer",
            LeadOutcome::Junk => "lead-card-junk",
        };
        by(id, doer)
    }));
    Rendered { text: clip(lines.join("\n")), markup: buttons(card, lang) }
}

fn state_line(state: CardState, lang: Lang, wording: &Wording) -> String {
    let id = match state {
        CardState::OnItsWay => "lead-card-on-its-way",
        CardState::NoCrm => "lead-card-no-crm",
        CardState::GivenUp => "lead-card-given-up",
        CardState::InCrm(id) => {
            let url = id.zip(wording.crm_url.as_ref());
            match url.and_then(|(id, url)| url.join(&format!("/leads/detail/{id}")).ok()) {
                Some(url) => return lang.text("lead-card-in-crm", &[("url", url.to_string().into())]),
                None => "lead-card-somewhere-in-crm",
            }
        }
    };
    lang.text(id, &[])
}

fn buttons(card: &LeadCard, lang: Lang) -> Option<Markup> {
    let is_junk = matches!(card.outcome, Some((LeadOutcome::Junk, _)));
    if is_junk || card.state == CardState::GivenUp {
        return None;
    }
    let button = |deed: LeadDeed| {
        let (id, style) = match deed {
            LeadDeed::Take => ("button-lead-take", Some(Style::Success)),
            LeadDeed::Reached => ("button-lead-reached", None),
            LeadDeed::NoAnswer => ("button-lead-no-answer", None),
            LeadDeed::Junk => ("button-lead-junk", Some(Style::Danger)),
        };
        let data = LeadPress { deed, number: card.number.clone() }.data();
        Button::Press { text: lang.text(id, &[]), data, style }
    };
    let mut rows = vec![vec![button(LeadDeed::Reached), button(LeadDeed::NoAnswer)], vec![button(LeadDeed::Junk)]];
    if card.taken.is_none() {
        rows.insert(0, vec![button(LeadDeed::Take)]);
    }
    Some(Markup::Buttons(rows))
}

/// The last digits of a phone.
fn masked(phone: &str) -> String {
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    let last: String = digits[digits.len().saturating_sub(SHOWN_DIGITS)..].iter().collect();
    format!("••• {last}")
}

/// The same with every phone in E.164 masked.
pub fn with_masked_phones(text: &str) -> String {
    /// E.164 has at most fifteen digits, and no phone of a person has fewer than these.
    const DIGITS: std::ops::RangeInclusive<usize> = 9..=15;
    let mut parts = text.split('+');
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        match DIGITS.contains(&digits) {
            true => told.push_str(&masked(&part[..digits])),
            false => {
                told.push('+');
                told.push_str(&part[..digits]);
            }
        }
        told.push_str(&part[digits..]);
    }
    told
}

/// What pops up where a button was pressed; at most 200 characters.
pub fn press_text(number: &LeadNumber, outcome: &PressOutcome, lang: Lang, wording: &Wording) -> String {
    let plain = |id: &str| lang.text(id, &[("number", number.as_str().into())]);
    let text = match outcome {
        PressOutcome::Unknown => plain("lead-press-unknown"),
        PressOutcome::Over => plain("lead-press-over"),
        PressOutcome::Taken => plain("lead-press-taken"),
        PressOutcome::Yours => plain("lead-press-yours"),
        PressOutcome::Others(doer) => {
            let at = moment_in(date(doer.at), wording.time_zone, lang);
            let name = shorten(&doer.name, 80);
            let number = number.as_str();
            lang.text("lead-press-others", &[("number", number.into()), ("name", name.into()), ("at", at.into())])
        }
        PressOutcome::Said { taken: false } => plain("lead-press-said"),
        PressOutcome::Said { taken: true } => plain("lead-press-said-and-taken"),
        PressOutcome::SaidAlready => plain("lead-press-said-already"),
        PressOutcome::Ask => plain("lead-press-ask"),
    };
    shorten(&text, 200)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{lead::Asked, notice::LeadCopy};

    fn card() -> LeadCard {
        LeadCard {
            number: LeadNumber::parse("K7M2QXA").expect("a number"),
            lead: Ok(LeadCopy {
                number: LeadNumber::parse("K7M2QXA").expect("a number"),
                name: "Иван Петров".into(),
                phone: "+79991234567".into(),
                budget: Some("до 2 млн".into()),
                car_link: None,
                asked: Asked::default(),
                wish: Some("белую".into()),
                more: Vec::new(),
                source: Some("Авито (avito)".into()),
                left_open: None,
            }),
            files: 2,
            taken_back: false,
            state: CardState::OnItsWay,
            taken: None,
            outcome: None,
        }
    }

    fn words(card: &LeadCard, mask_phones: bool) -> Rendered {
        let wording = Wording {
            mask_phones,
            crm_url: Some("https://acme.amocrm.ru/".parse().expect("an address")),
            time_zone: chrono_tz::Europe::Moscow,
            ..Wording::default()
        };
        render_lead_card(&card.number, Some(card), Lang::ru(), &wording)
    }

    fn data(rendered: &Rendered) -> Vec<String> {
        let Some(Markup::Buttons(rows)) = &rendered.markup else { return Vec::new() };
        let data = |button: &Button| match button {
            Button::Press { data, .. } => data.clone(),
            other => panic!("{other:?}"),
        };
        rows.iter().flatten().map(data).collect()
    }

    #[test]
    fn a_card_tells_all_of_it_and_what_was_done() {
        let at = 1_795_690_000_000;
        let new = words(&card(), false);
        for part in [
            "#K7M2QXA",
            "Иван Петров",
            "+79991234567",
            "до 2 млн",
            "белую",
            "Файлы: 2",
            "Авито (avito)",
            "Ещё не в amoCRM",
        ] {
            assert!(new.text.contains(part), "{part}: {}", new.text);
        }
        let all = ["take", "reached", "no_answer", "junk"].map(|deed| format!("lead:{deed}:K7M2QXA"));
        assert_eq!(data(&new), all);
        let anna = Doer { name: "Анна".into(), at };
        let taken = LeadCard {
            taken: Some(anna.clone()),
            state: CardState::InCrm(Some(77)),
            outcome: Some((LeadOutcome::NoAnswer, anna.clone())),
            ..card()
        };
        let rendered = words(&taken, false);
        assert!(rendered.text.contains("https://acme.amocrm.ru/leads/detail/77"), "{}", rendered.text);
        assert!(rendered.text.contains("Анна, 26.11.2026 ") && rendered.text.contains("МСК"), "{}", rendered.text);
        assert_eq!(data(&rendered), all[1..]);
        let junk = LeadCard { outcome: Some((LeadOutcome::Junk, anna)), ..taken };
        assert!(data(&words(&junk, false)).is_empty());
        assert!(data(&words(&LeadCard { state: CardState::GivenUp, ..card() }, false)).is_empty());
    }

    #[test]
    fn a_masked_phone_is_told_to_nobody_until_somebody_takes_the_lead() {
        let masked = words(&card(), true).text;
        assert!(masked.contains("4567") && !masked.contains("34567") && !masked.contains("+7999"), "{masked}");
        let taken = LeadCard { taken: Some(Doer { name: "Анна".into(), at: 0 }), ..card() };
        assert!(words(&taken, true).text.contains("+79991234567"));
    }

    #[test]
    fn phones_are_masked_wherever_they_stand_and_nothing_else_is() {
        for (text, told) in [
            ("Телефон: +79991234567 → +79127654321.", "Телефон: ••• 4567 → ••• 4321."),
            ("+79991234567", "••• 4567"),
            ("2+2, A+, +7 999, #K7M2QXA 79991234567", "2+2, A+, +7 999, #K7M2QXA 79991234567"),
            ("", ""),
            ("++79991234567+", "+••• 4567+"),
        ] {
            assert_eq!(with_masked_phones(text), told);
        }
    }

    #[test]
    fn a_wiped_card_says_so_alone() {
        for (wiped, part) in [(Wiped::Asked, "удалены по просьбе покупателя"), (Wiped::Old, "по сроку хранения")]
        {
            let rendered = words(&LeadCard { lead: Err(wiped), ..card() }, false);
            assert!(rendered.text.contains(part) && rendered.text.contains("#K7M2QXA"), "{}", rendered.text);
            assert_eq!((rendered.text.lines().count(), rendered.markup), (1, None));
        }
    }

    #[test]
    fn whatever_was_said_leaves_room_for_what_was_done() {
        let long = LeadCopy {
            wish: Some("ы".repeat(4000)),
            car_link: Some("https://a.example/".repeat(300)),
            ..card().lead.expect("a lead")
        };
        let rendered = words(&LeadCard { lead: Ok(long), ..card() }, false);
        assert!(rendered.text.encode_utf16().count() <= 4096 && rendered.text.contains("Ещё не в amoCRM"));
    }
}

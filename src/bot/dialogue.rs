//! The dialogue as a pure function: `(conversation, input) -> (conversation, replies, lead)`.
//!
//! Nothing here waits or fails. Whatever the input, the buyer gets an answer that says what to do, and nothing that
//! was answered is lost: an input that does not fit leaves the conversation where it was.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::lead::{
    Budget, Buyer, CarLink, CarLinkError, Lead, LeadNumber, Name, NameError, Origin, Phone, PhoneError, Region,
};

use super::{
    messages::{Card, Lang, Say},
    repeats::TakenText,
};

/// Where a chat's dialogue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// No form is open.
    Idle,
    /// The privacy policy is to be accepted.
    Consent,
    /// The name is asked.
    Name,
    /// The phone is asked.
    Phone,
    /// The budget is asked.
    Budget,
    /// The link to a car is asked.
    CarLink,
    /// The card is shown, to be sent or changed.
    Confirm,
}

/// One of the four answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Name.
    Name,
    /// Phone.
    Phone,
    /// Budget.
    Budget,
    /// Link to a car.
    CarLink,
}

impl Field {
    /// The step that asks for it.
    pub fn step(self) -> Step {
        match self {
            Self::Name => Step::Name,
            Self::Phone => Step::Phone,
            Self::Budget => Step::Budget,
            Self::CarLink => Step::CarLink,
        }
    }
}

/// A button of ours, as it stands in its callback data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    /// The privacy policy is accepted.
    ConsentAccept,
    /// No link to a car.
    Skip,
    /// The card is right, send it.
    Submit,
    /// Change one answer.
    Edit(Field),
    /// Leave an answer as it was.
    Back,
    /// Throw the form away.
    Cancel,
    /// Throw the form away and begin a new one.
    Restart,
}

impl Press {
    /// Parses callback data; `None` when it is not the buyer's dialogue's.
    pub fn parse(data: &str) -> Option<Self> {
        Some(match data {
            "consent:accept" => Self::ConsentAccept,
            "skip" => Self::Skip,
            "submit" => Self::Submit,
            "edit:name" => Self::Edit(Field::Name),
            "edit:phone" => Self::Edit(Field::Phone),
            "edit:budget" => Self::Edit(Field::Budget),
            "edit:car_link" => Self::Edit(Field::CarLink),
            "back" => Self::Back,
            "cancel" => Self::Cancel,
            "restart" => Self::Restart,
            _ => return None,
        })
    }
}

/// What a buyer did, in the dialogue's terms.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// `/start`, with or without a payload.
    Start,
    /// `/cancel`.
    Cancel,
    /// `/help`.
    Help,
    /// `/skip`.
    Skip,
    /// A command that is not ours.
    UnknownCommand,
    /// Any text that is no command.
    Text {
        /// What was typed.
        text: String,
        /// The addresses the message holds without showing them.
        links: Vec<String>,
    },
    /// A contact card.
    Contact {
        /// Its number, with or without `+`.
        phone: String,
        /// Whether it is the sender's own.
        own: bool,
    },
    /// One of our buttons.
    Press(Press),
    /// A button whose data we do not know.
    UnknownPress,
    /// A message that was sent earlier was edited.
    Edited,
    /// Photo, voice, sticker, location, …
    Media {
        /// Its caption: a forwarded advertisement often holds the link there.
        caption: Option<String>,
        /// The addresses the message holds without showing them.
        links: Vec<String>,
    },
}

impl Input {
    /// Whether there is a link in the words under a photo, or behind them.
    pub fn has_link(&self) -> bool {
        match self {
            Self::Media { caption, links } => {
                matches!(CarLink::find(caption.as_deref().unwrap_or_default(), links), Ok(Some(_)))
            }
            _ => false,
        }
    }
}

/// What has been answered so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// The lead's identity, made when the draft was opened.
    pub id: Ulid,
    /// The lead's number, made when the draft was opened; shown only once the lead is stored.
    pub number: LeadNumber,
    /// When the privacy policy was accepted.
    #[serde(default)]
    pub consent_at: Option<DateTime<Utc>>,
    /// Name.
    #[serde(default)]
    pub name: Option<Name>,
    /// Phone.
    #[serde(default)]
    pub phone: Option<Phone>,
    /// Budget.
    #[serde(default)]
    pub budget: Option<Budget>,
    /// The answer about the car.
    #[serde(default)]
    pub car: Option<CarAnswer>,
}

/// The answer about the car: a link, or that there is none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CarAnswer {
    /// The link.
    #[serde(default)]
    pub link: Option<CarLink>,
}

impl Draft {
    /// A new, empty draft with a new identity.
    pub fn open() -> Self {
        Self {
            id: Ulid::new(),
            number: LeadNumber::random(),
            consent_at: None,
            name: None,
            phone: None,
            budget: None,
            car: None,
        }
    }

    /// The first step that is not answered, or the card.
    fn next_step(&self, consent_needed: bool) -> Step {
        if consent_needed && self.consent_at.is_none() {
            Step::Consent
        } else if self.name.is_none() {
            Step::Name
        } else if self.phone.is_none() {
            Step::Phone
        } else if self.budget.is_none() {
            Step::Budget
        } else if self.car.is_none() {
            Step::CarLink
        } else {
            Step::Confirm
        }
    }

    /// Where a form goes on whose step is not known: at the first answer that is missing.
    pub fn resume_at(&self) -> Step {
        self.next_step(false)
    }

    /// All four answers, or nothing.
    fn complete(&self) -> Option<(&Name, &Phone, &Budget, &CarAnswer)> {
        Some((self.name.as_ref()?, self.phone.as_ref()?, self.budget.as_ref()?, self.car.as_ref()?))
    }
}

/// A chat's dialogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// Where it stands.
    pub step: Step,
    /// The open form; `None` exactly when the step is [`Step::Idle`].
    pub draft: Option<Draft>,
    /// The last request this chat has sent, for whoever presses send twice.
    pub last_number: Option<LeadNumber>,
    /// The last text that was taken as an answer to this form, to know its copy by.
    pub taken: Option<TakenText>,
}

impl Conversation {
    /// A chat that has no form open.
    pub fn idle(last_number: Option<LeadNumber>) -> Self {
        Self { step: Step::Idle, draft: None, last_number, taken: None }
    }
}

/// What the dialogue must know of the world.
#[derive(Debug, Clone)]
pub struct World {
    /// Now.
    pub now: DateTime<Utc>,
    /// When the message was sent, by Telegram's clock (whole seconds); `None` for what is no message.
    pub sent_at: Option<DateTime<Utc>>,
    /// Spelling of phone numbers without a country code.
    pub region: Region,
    /// Whether the privacy policy has to be accepted.
    pub consent_needed: bool,
    /// Who writes.
    pub buyer: Buyer,
}

/// What one input leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The conversation after it.
    pub conversation: Conversation,
    /// The answer: messages in order, each of one or more parts.
    pub replies: Vec<Vec<Say>>,
    /// The lead that was submitted.
    pub lead: Option<Lead>,
}

/// One turn of the dialogue.
pub fn turn(mut conversation: Conversation, input: Input, world: &World) -> Outcome {
    let text = match (&input, world.sent_at) {
        (Input::Text { text, .. }, Some(sent_at)) => Some((text.clone(), sent_at)),
        _ => None,
    };
    if let (Some((text, sent_at)), Some(taken)) = (&text, &conversation.taken)
        && taken.is_repeated_by(text, *sent_at)
    {
        return stay(conversation, vec![Say::Repeated]);
    }
    if let Input::Press(_) = input {
        // Whoever presses a button has read what came after the last text.
        conversation.taken = None;
    }
    let before = conversation.step;
    let mut outcome = respond(conversation, input, world);
    if let Some((text, sent_at)) = text
        && outcome.conversation.step != before
    {
        outcome.conversation.taken = Some(TakenText::new(&text, sent_at, world.now));
    }
    outcome
}

fn respond(conversation: Conversation, input: Input, world: &World) -> Outcome {
    match input {
        Input::Start => start(conversation, world),
        Input::Cancel | Input::Press(Press::Cancel) => cancel(conversation),
        Input::Help => stay(conversation, vec![Say::Help]),
        Input::Skip if conversation.step == Step::CarLink => take_car(conversation, None, world),
        Input::Skip | Input::UnknownCommand => stay(conversation, vec![Say::UnknownCommand]),
        Input::Edited => stay(conversation, vec![Say::EditedMessage]),
        Input::Media { caption, links } => {
            match (conversation.step, CarLink::find(caption.as_deref().unwrap_or_default(), &links)) {
                (Step::CarLink, Ok(Some(link))) => take_car(conversation, Some(link), world),
                (Step::Name | Step::Phone | Step::Budget, Ok(Some(link))) if !is_editing(&conversation) => {
                    note(conversation, Noted { car_link: Some(link), ..Noted::default() }, Vec::new())
                }
                _ => stay(conversation, vec![Say::OnlyText]),
            }
        }
        Input::UnknownPress => stay(conversation, vec![Say::OldButton]),
        Input::Press(press) => pressed(conversation, press, world),
        Input::Text { text, links } => answered(conversation, Answer::Text { text, links }, world),
        Input::Contact { phone, own } => answered(conversation, Answer::Contact { phone, own }, world),
    }
}

enum Answer {
    Text { text: String, links: Vec<String> },
    Contact { phone: String, own: bool },
}

fn start(conversation: Conversation, world: &World) -> Outcome {
    if conversation.draft.is_none() {
        return open_form(conversation, world, Some(Say::Welcome));
    }
    let question = ask(&conversation);
    Outcome { conversation, replies: vec![vec![Say::Resume], vec![question]], lead: None }
}

fn open_form(conversation: Conversation, world: &World, greeting: Option<Say>) -> Outcome {
    let draft = Draft::open();
    let step = draft.next_step(world.consent_needed);
    let conversation = Conversation { step, draft: Some(draft), last_number: conversation.last_number, taken: None };
    let mut reply = Vec::from_iter(greeting);
    reply.push(ask(&conversation));
    Outcome { conversation, replies: vec![reply], lead: None }
}

fn cancel(conversation: Conversation) -> Outcome {
    // A form that was cancelled is the last one now: its send button must not be answered with an older request's number.
    let (say, last_number) = match conversation.draft {
        Some(_) => (Say::Cancelled, None),
        None => (Say::NothingToCancel, conversation.last_number),
    };
    Outcome { conversation: Conversation::idle(last_number), replies: vec![vec![say]], lead: None }
}

/// The conversation stays where it was; `say` comes before the question that is still open.
fn stay(conversation: Conversation, mut say: Vec<Say>) -> Outcome {
    match conversation.step {
        // Help and hints say by themselves how to begin.
        Step::Idle if !matches!(say.first(), Some(Say::Help)) => say.push(Say::HowToBegin),
        Step::Idle => {}
        _ => say.push(ask(&conversation)),
    }
    Outcome { conversation, replies: vec![say], lead: None }
}

/// The question (or card) of the step a conversation stands at.
fn ask(conversation: &Conversation) -> Say {
    let editing = conversation.draft.as_ref().is_some_and(|draft| draft.complete().is_some());
    match conversation.step {
        Step::Idle => Say::HowToBegin,
        Step::Consent => Say::AskConsent,
        Step::Name => Say::AskName { editing },
        Step::Phone => Say::AskPhone { editing },
        Step::Budget => Say::AskBudget { editing },
        Step::CarLink => Say::AskCarLink { editing },
        Step::Confirm => match conversation.draft.as_ref().and_then(Draft::complete) {
            Some((name, phone, budget, car)) => Say::Card(Card {
                name: name.as_str().to_owned(),
                phone: phone.e164().to_owned(),
                budget: budget.typed().to_owned(),
                price: budget.price(),
                car_link: car.link.as_ref().map(|link| link.url().to_owned()),
            }),
            None => Say::HowToBegin,
        },
    }
}

fn pressed(mut conversation: Conversation, press: Press, world: &World) -> Outcome {
    match (conversation.step, press) {
        (_, Press::Restart) => open_form(conversation, world, None),
        (Step::Consent, Press::ConsentAccept) => {
            if let Some(draft) = &mut conversation.draft {
                draft.consent_at = Some(world.now);
            }
            go_on(conversation, world, Vec::new())
        }
        (Step::CarLink, Press::Skip) => take_car(conversation, None, world),
        (Step::Confirm, Press::Submit) => submit(conversation, world),
        (Step::Confirm, Press::Edit(field)) => {
            conversation.step = field.step();
            let question = ask(&conversation);
            Outcome { conversation, replies: vec![vec![question]], lead: None }
        }
        (Step::Name | Step::Phone | Step::Budget | Step::CarLink, Press::Back) if is_editing(&conversation) => {
            back_to_card(conversation)
        }
        // The second press of a doubled one: the request is there already.
        (Step::Idle, Press::Submit) => match &conversation.last_number {
            Some(number) => {
                let say = Say::AlreadySent { number: number.clone() };
                Outcome { conversation, replies: vec![vec![say]], lead: None }
            }
            None => stay(conversation, vec![Say::OldButton]),
        },
        _ => stay(conversation, vec![Say::OldButton]),
    }
}

fn is_editing(conversation: &Conversation) -> bool {
    conversation.draft.as_ref().is_some_and(|draft| draft.complete().is_some())
}

fn back_to_card(mut conversation: Conversation) -> Outcome {
    // The phone's question put a keyboard under the chat; only a message without buttons of its own can take it away.
    let away = (conversation.step == Step::Phone).then_some(vec![Say::LeftAsItWas]);
    conversation.step = Step::Confirm;
    let card = ask(&conversation);
    let replies = away.into_iter().chain([vec![card]]).collect();
    Outcome { conversation, replies, lead: None }
}

fn answered(conversation: Conversation, answer: Answer, world: &World) -> Outcome {
    match (conversation.step, answer) {
        (Step::Idle, _) => stay(conversation, Vec::new()),
        (Step::Consent, _) => stay(conversation, vec![Say::ConsentFirst]),
        (Step::Confirm, _) => stay(conversation, vec![Say::UseButtons]),
        (Step::Name, Answer::Text { text, links }) => {
            let noted = Noted::beside_name(&conversation, &text, &links, world);
            match Name::parse(&text) {
                Ok(name) => take_noting(conversation, noted, world, |draft| draft.name = Some(name)),
                Err(NameError::TooLong) => note(conversation, noted, vec![Say::NameTooLong]),
                Err(NameError::Greeting) => note(conversation, noted, vec![Say::NameGreeting]),
                Err(NameError::NotAName) => note(conversation, noted, vec![Say::NotAName]),
                Err(NameError::Empty | NameError::Unreadable) => stay(conversation, vec![Say::NameUnreadable]),
            }
        }
        (Step::Phone, Answer::Text { text, .. }) if is_editing(&conversation) && Lang::is_back_label(&text) => {
            back_to_card(conversation)
        }
        (Step::Phone, Answer::Text { text, links }) => {
            let noted = Noted::link(&conversation, &text, &links);
            take_phone(conversation, Phone::parse(&text, world.region), noted, world)
        }
        (Step::Phone, Answer::Contact { phone, own }) => {
            take_phone(conversation, Phone::shared(&phone, own, world.region), Noted::default(), world)
        }
        (Step::Budget, Answer::Text { text, .. }) if Phone::alone(&text, world.region).is_some() => {
            let phone = conversation.draft.as_ref().and_then(|draft| draft.phone.as_ref());
            let phone = phone.map(|phone| phone.e164().to_owned()).unwrap_or_default();
            stay(conversation, vec![Say::PhoneIsNoBudget { phone }])
        }
        (Step::Budget, Answer::Text { text, links }) => {
            let noted = Noted::link(&conversation, &text, &links);
            match Budget::parse(&text) {
                _ if CarLink::alone(&text).is_some() => note(conversation, noted, vec![Say::LinkIsNoBudget]),
                Some(budget) => take_noting(conversation, noted, world, |draft| draft.budget = Some(budget)),
                None => note(conversation, noted, vec![Say::BudgetUnreadable]),
            }
        }
        (Step::CarLink, Answer::Text { text, links }) => match CarLink::find(&text, &links) {
            Ok(link) => take_car(conversation, link, world),
            Err(CarLinkError::NoLink) => stay(conversation, vec![Say::NoLinkFound]),
            Err(CarLinkError::TooLong) => stay(conversation, vec![Say::LinkTooLong]),
        },
        (_, Answer::Contact { .. }) => stay(conversation, vec![Say::ContactNotNow]),
    }
}

fn take_phone(conversation: Conversation, parsed: Result<Phone, PhoneError>, noted: Noted, world: &World) -> Outcome {
    match parsed {
        // While editing the card comes next, and its buttons leave no room for taking the keyboard away.
        Ok(phone) if is_editing(&conversation) => {
            let first = vec![vec![Say::PhoneTaken { phone: phone.e164().to_owned() }]];
            take(conversation, world, first, |draft| draft.phone = Some(phone))
        }
        Ok(phone) => {
            let mut outcome = take_noting(conversation, noted, world, |draft| draft.phone = Some(phone.clone()));
            // Where all else is known, too, the card comes next.
            if outcome.conversation.step == Step::Confirm {
                outcome.replies.insert(0, vec![Say::PhoneTaken { phone: phone.e164().to_owned() }]);
            }
            outcome
        }
        Err(PhoneError::NoNumber) => note(conversation, noted, vec![Say::NoPhoneFound]),
        Err(PhoneError::Invalid) => note(conversation, noted, vec![Say::PhoneInvalid]),
    }
}

/// What stood in a message beside its answer; each is the answer to a question of its own.
#[derive(Default)]
struct Noted {
    phone: Option<Phone>,
    budget: Option<Budget>,
    car_link: Option<CarLink>,
}

impl Noted {
    /// What people write where their name is asked; nothing while a single answer is being changed.
    fn beside_name(conversation: &Conversation, text: &str, links: &[String], world: &World) -> Self {
        if is_editing(conversation) {
            return Self::default();
        }
        Self {
            phone: Phone::mentioned(text, world.region),
            budget: Budget::mentioned(text),
            ..Self::link(conversation, text, links)
        }
    }

    fn link(conversation: &Conversation, text: &str, links: &[String]) -> Self {
        let link = CarLink::find(text, links).ok().flatten();
        Self { car_link: link.filter(|_| !is_editing(conversation)), ..Self::default() }
    }

    /// Keeps it for its questions, which are then not asked; returns what the buyer is told of it.
    fn keep(self, conversation: &mut Conversation) -> Option<Say> {
        let draft = conversation.draft.as_mut()?;
        let say = Say::Noted {
            phone: self.phone.as_ref().map(|phone| phone.e164().to_owned()),
            budget: self.budget.as_ref().map(|budget| budget.typed().to_owned()),
            car_link: self.car_link.as_ref().map(|link| link.url().to_owned()),
        };
        let is_something = self.phone.is_some() || self.budget.is_some() || self.car_link.is_some();
        draft.phone = self.phone.or(draft.phone.take());
        draft.budget = self.budget.or(draft.budget.take());
        draft.car = self.car_link.map(|link| CarAnswer { link: Some(link) }).or(draft.car.take());
        is_something.then_some(say)
    }
}

/// Keeps what stood beside an answer that cannot be taken, and asks again.
fn note(mut conversation: Conversation, noted: Noted, mut why: Vec<Say>) -> Outcome {
    why.splice(0..0, noted.keep(&mut conversation));
    stay(conversation, why)
}

/// Takes an answer and what stood beside it.
fn take_noting(
    mut conversation: Conversation,
    noted: Noted,
    world: &World,
    answer: impl FnOnce(&mut Draft),
) -> Outcome {
    let told = noted.keep(&mut conversation);
    take(conversation, world, told.map(|say| vec![say]).into_iter().collect(), answer)
}

fn take_car(conversation: Conversation, link: Option<CarLink>, world: &World) -> Outcome {
    take(conversation, world, Vec::new(), |draft| draft.car = Some(CarAnswer { link }))
}

fn take(
    mut conversation: Conversation,
    world: &World,
    first: Vec<Vec<Say>>,
    answer: impl FnOnce(&mut Draft),
) -> Outcome {
    if let Some(draft) = &mut conversation.draft {
        answer(draft);
    }
    go_on(conversation, world, first)
}

/// Goes to the first unanswered step and asks it.
fn go_on(mut conversation: Conversation, world: &World, mut replies: Vec<Vec<Say>>) -> Outcome {
    conversation.step = conversation.draft.as_ref().map_or(Step::Idle, |draft| draft.next_step(world.consent_needed));
    replies.push(vec![ask(&conversation)]);
    Outcome { conversation, replies, lead: None }
}

fn submit(conversation: Conversation, world: &World) -> Outcome {
    let Some((draft, (name, phone, budget, car))) =
        conversation.draft.as_ref().and_then(|draft| Some((draft, draft.complete()?)))
    else {
        return go_on(conversation, world, Vec::new());
    };
    let lead = Lead {
        id: draft.id,
        number: draft.number.clone(),
        submitted_at: world.now,
        name: name.clone(),
        phone: phone.clone(),
        budget: budget.clone(),
        car_link: car.link.clone(),
        buyer: world.buyer.clone(),
        consent_at: draft.consent_at,
        origin: Origin::Telegram,
    };
    // The number itself is told by a message that is owed with the lead's commit, so there is no reply here.
    Outcome { conversation: Conversation::idle(Some(lead.number.clone())), replies: Vec::new(), lead: Some(lead) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bot::messages::{Wording, render};

    fn world(consent_needed: bool) -> World {
        World { now: Utc::now(), sent_at: None, region: Region::default(), consent_needed, buyer: Buyer::default() }
    }

    fn text(text: &str) -> Input {
        Input::Text { text: text.into(), links: Vec::new() }
    }

    /// Plays inputs from the beginning; returns the conversation and the last replies.
    fn play(inputs: &[Input]) -> (Conversation, Vec<Vec<Say>>) {
        inputs.iter().fold((Conversation::idle(None), Vec::new()), |(conversation, _), input| {
            let outcome = turn(conversation, input.clone(), &world(false));
            (outcome.conversation, outcome.replies)
        })
    }

    fn filled_in() -> Vec<Input> {
        vec![Input::Start, text("Иван"), text("89991234567"), text("2 млн"), text("нет")]
    }

    #[test]
    fn four_answers_lead_to_the_card_in_the_agreed_order() {
        for (answers, step) in [
            (0, Step::Idle),
            (1, Step::Name),
            (2, Step::Phone),
            (3, Step::Budget),
            (4, Step::CarLink),
            (5, Step::Confirm),
        ] {
            assert_eq!(play(&filled_in()[..answers]).0.step, step);
        }
    }

    #[test]
    fn every_input_at_every_step_is_answered_and_what_does_not_fit_changes_nothing() {
        let strange = [
            Input::Media { caption: None, links: Vec::new() },
            Input::Edited,
            Input::UnknownCommand,
            Input::UnknownPress,
            Input::Help,
            Input::Start,
            Input::Press(Press::ConsentAccept),
            text("\u{0}"),
            text("   "),
        ];
        for answers in 1..=5 {
            let (before, _) = play(&filled_in()[..answers]);
            for input in &strange {
                let outcome = turn(before.clone(), input.clone(), &world(false));
                assert_eq!(outcome.conversation, before, "{input:?} at {:?}", before.step);
                assert!(!outcome.replies.is_empty() && outcome.lead.is_none());
            }
        }
    }

    #[test]
    fn each_answer_can_be_changed_from_the_card_and_left_as_it_was() {
        for (field, answer) in [
            (Field::Name, text("Пётр")),
            (Field::Phone, Input::Contact { phone: "821012345678".into(), own: true }),
            (Field::Budget, text("3 млн")),
            (Field::CarLink, text("encar.com/cars/detail/1")),
        ] {
            let edit = Input::Press(Press::Edit(field));
            let (card, _) = play(&filled_in());
            let (changed, _) = play(&[filled_in(), vec![edit.clone(), answer]].concat());
            assert_eq!(changed.step, Step::Confirm);
            assert_ne!(changed.draft.as_ref().map(Draft::complete), card.draft.as_ref().map(Draft::complete));
            let asked = turn(card.clone(), edit, &world(false)).conversation;
            assert_eq!(asked.step, field.step());
            assert_eq!(turn(asked, Input::Press(Press::Back), &world(false)).conversation, card);
        }
    }

    #[test]
    fn sending_makes_the_lead_whose_identity_the_draft_had() {
        let (card, _) = play(&filled_in());
        let draft = card.draft.clone().expect("a draft");
        let sent = turn(card, Input::Press(Press::Submit), &world(false));
        let lead = sent.lead.expect("a lead");
        assert_eq!((lead.id, &lead.number), (draft.id, &draft.number));
        assert_eq!(sent.conversation, Conversation::idle(Some(draft.number.clone())));
        let again = turn(sent.conversation, Input::Press(Press::Submit), &world(false));
        assert_eq!(again.replies, [[Say::AlreadySent { number: draft.number }]]);
        assert!(again.lead.is_none());
    }

    #[test]
    fn consent_comes_first_where_it_is_configured() {
        let asked = turn(Conversation::idle(None), Input::Start, &world(true)).conversation;
        assert_eq!(asked.step, Step::Consent);
        let typed = turn(asked.clone(), text("Иван"), &world(true)).conversation;
        assert_eq!(typed.step, Step::Consent);
        let accepted = turn(asked, Input::Press(Press::ConsentAccept), &world(true)).conversation;
        assert_eq!(accepted.step, Step::Name);
        assert!(accepted.draft.expect("a draft").consent_at.is_some());
    }

    fn any_input() -> impl Strategy<Value = Input> {
        prop_oneof![
            any::<String>().prop_map(|typed| text(&typed)),
            prop_oneof![Just("Иван"), Just("+79991234567"), Just("2 млн"), Just("нет"), Just("← Назад")].prop_map(text),
            Just(Input::Start),
            Just(Input::Cancel),
            Just(Input::Help),
            Just(Input::Edited),
            Just(Input::UnknownPress),
            (any::<Option<String>>(), any::<Vec<String>>())
                .prop_map(|(caption, links)| Input::Media { caption, links }),
            (any::<String>(), any::<bool>()).prop_map(|(phone, own)| Input::Contact { phone, own }),
            prop_oneof![
                Just("skip"),
                Just("submit"),
                Just("back"),
                Just("cancel"),
                Just("restart"),
                Just("consent:accept"),
                Just("edit:name"),
                Just("edit:phone"),
                Just("edit:budget"),
                Just("edit:car_link")
            ]
            .prop_map(|data| Press::parse(data).map_or(Input::UnknownPress, Input::Press)),
        ]
    }

    proptest! {
        #[test]
        fn no_sequence_of_inputs_breaks_the_dialogue(inputs in prop::collection::vec(any_input(), 1..40), consent: bool) {
            let mut conversation = Conversation::idle(None);
            for input in inputs {
                let submits = conversation.step == Step::Confirm && input == Input::Press(Press::Submit);
                let outcome = turn(conversation, input, &world(consent));
                prop_assert_eq!(outcome.lead.is_some(), submits);
                prop_assert_eq!(outcome.replies.is_empty(), submits);
                prop_assert_eq!(outcome.conversation.draft.is_none(), outcome.conversation.step == Step::Idle);
                for reply in &outcome.replies {
                    for lang in [Lang::Ru, Lang::En] {
                        let length = render(reply, lang, &Wording::default()).text.encode_utf16().count();
                        prop_assert!((1..=4096).contains(&length));
                    }
                }
                conversation = outcome.conversation;
            }
        }
    }
}

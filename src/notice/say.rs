//! What a buyer is told in a conversation, as values.

use serde::{Deserialize, Serialize};

use super::{Ask, Card, CardAnswer, ConsentQuestion, MyRequest, MyState};
use crate::{
    clock::Millis,
    lead::{Change, LeadNumber},
};

/// One part of an answer to a buyer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(strum::EnumDiscriminants), strum_discriminants(derive(strum::EnumIter)))]
#[serde(rename_all = "snake_case")]
pub enum Say {
    /// Greeting of a new form.
    Welcome,
    /// A form is open already; offers to begin again.
    Resume,
    /// How to open a form.
    HowToBegin,
    /// Asks to accept the privacy policy.
    AskConsent,
    /// Text came where consent is asked.
    ConsentFirst,
    /// Something of use came where consent is asked: it need not be said again.
    HeldTillConsent,
    /// Asks to consent to the dealer's document.
    ConsentTo(Box<ConsentQuestion>),
    /// Another version was consented to before.
    ConsentChanged,
    /// It came to be asked while the form was open.
    ConsentBeforeGoingOn,
    /// The buyer does not consent; the form is gone.
    ConsentDeclined,
    /// A part of the document that is asked to be consented to, or its file.
    ConsentDocument {
        /// Its language, as an IETF tag.
        lang: String,
        /// Which part, from 0.
        part: usize,
    },
    /// The card to be sent or changed.
    Card(Card),
    /// The phone was changed.
    PhoneTaken {
        /// E.164.
        phone: String,
    },
    /// The phone was left as it was.
    LeftAsItWas,
    /// The form goes on at another question than the phone's.
    GoesOn,
    /// "Back" at the first question.
    FirstQuestion,
    /// No number, or several, where one is asked.
    NotANumber,
    /// No day of the calendar where one is asked.
    NotADay,
    /// A day that the calendar does not have.
    NoSuchDay {
        /// As typed.
        typed: String,
    },
    /// A day that is over, where one is asked.
    DayIsOver {
        /// `31.12.2026`.
        day: String,
    },
    /// A day that was taken and could be read as another one.
    DayTaken {
        /// As it is shown.
        day: String,
    },
    /// Where files are asked: they cannot be taken yet.
    FilesNotYet,
    /// Where files have to be sent: there is none yet.
    FilesNeeded,
    /// A question that cannot be passed over.
    CannotSkip,
    /// No sum, and not that there is none yet, where money is asked.
    NotASum,
    /// A sum that is hardly meant in roubles.
    BudgetInDoubt {
        /// As typed.
        budget: String,
    },
    /// Answers that were given before are others now.
    AnswersChanged {
        /// Which, and how.
        changes: Vec<Change>,
    },
    /// A sum is kept with the words about the car, and is not the budget.
    BudgetStays {
        /// The budget, as typed.
        budget: String,
        /// The sum.
        other: String,
    },
    /// Name longer than 100 characters.
    NameTooLong,
    /// Nothing to read in the name.
    NameUnreadable,
    /// A greeting where the name is asked.
    NameGreeting,
    /// An address, a phone, a wish, 👍 where the name is asked.
    NotAName,
    /// What stood beside an answer and is kept for its question.
    Noted {
        /// The buyer's name.
        #[serde(default)]
        name: Option<String>,
        /// E.164.
        phone: Option<String>,
        /// Budget as typed.
        budget: Option<String>,
        /// The key of the question that the sum answers, where that is not the one about the budget.
        #[serde(default)]
        sum_of: Option<String>,
        /// Links, each on a line.
        car_link: Option<String>,
        /// Words about the car, for the manager.
        #[serde(default)]
        wish: Option<String>,
    },
    /// A message that came twice.
    Repeated,
    /// A phone where the budget is asked.
    PhoneIsNoBudget {
        /// The form's phone, E.164.
        phone: String,
    },
    /// A link where the budget is asked.
    LinkIsNoBudget,
    /// Nothing to read in an answer.
    AnswerUnreadable,
    /// An answer that is too long.
    AnswerTooLong {
        /// The most characters.
        longest: usize,
    },
    /// None of what can be chosen.
    ChooseOne,
    /// No digits.
    NoPhoneFound,
    /// It was asked why, or said that the phone would rather not be given.
    WhyPhone,
    /// Not a complete number.
    PhoneInvalid,
    /// Nothing to read, or too long.
    BudgetUnreadable,
    /// No link in the text, and no words about a car.
    NoLinkFound,
    /// Words about the car in place of its link.
    WishTaken,
    /// Link longer than 2,000 characters.
    LinkTooLong,
    /// A contact came where none was asked for.
    ContactNotNow,
    /// Text came where the card's buttons are to be pressed.
    UseButtons,
    /// A button that no longer fits.
    OldButton,
    /// A button of a form that was sent.
    ButtonOfSent {
        /// The number of the request.
        number: LeadNumber,
    },
    /// An edited message, while a form is open.
    EditedMessage,
    /// An edited message where no form is open: it is to be said anew.
    EditedElsewhere,
    /// Sticker, place on the map, …
    OnlyText,
    /// Which language the buyer wants.
    ChooseLanguage,
    /// It is spoken from now on.
    LanguageChosen,
    /// Files that were sent are kept with the form.
    FilesKept {
        /// How many.
        added: usize,
        /// How many there are now.
        total: usize,
        /// Those that were sent are all photos.
        only_photos: bool,
    },
    /// No more files are kept.
    TooManyFiles {
        /// So many.
        most: usize,
    },
    /// A file that a bot cannot have.
    FileTooLarge {
        /// The largest it can have.
        megabytes: usize,
    },
    /// The form's files were removed from it.
    FilesDropped,
    /// What goes and what stays when everything is deleted, and whether that is wanted.
    AskDelete {
        /// When it was asked.
        asked_at: Millis,
    },
    /// It is being deleted.
    Deleting,
    /// It is kept.
    NothingDeleted,
    /// A command that is not ours.
    UnknownCommand,
    /// Whether the form is to be thrown away.
    AskCancel,
    /// The card is not right: what is to be another.
    WhatToCorrect,
    /// The form was thrown away.
    Cancelled,
    /// The answer to `/my` of whoever has a form open and sent nothing; unlike a reminder it was asked for.
    OpenForm {
        /// The answers so far.
        answers: Vec<CardAnswer>,
    },
    /// A question of which the answer is corrected in a request that was sent.
    AskCorrection {
        /// Which, and what is there.
        ask: Ask,
    },
    /// What is to be told the manager in place of the wishes of a request that was sent.
    AskWish {
        /// The wishes.
        kept: Option<String>,
    },
    /// Nothing to correct was understood: it is to be chosen.
    ChooseByButton,
    /// A phone was understood, and is still to be confirmed.
    NewPhone {
        /// E.164.
        phone: String,
    },
    /// The form was cancelled after what there was of it had been passed on.
    CancelledLate,
    /// There is no form.
    NothingToCancel,
    /// Send was pressed twice.
    AlreadySent {
        /// The request's number.
        number: LeadNumber,
    },
    /// It was sent, and is not with the manager yet.
    SentNotThereYet {
        /// The request's number.
        number: LeadNumber,
    },
    /// The person has sent too many requests; the form is kept.
    SentTooMany {
        /// From when on the next is taken.
        again_at: Millis,
        /// How long that was from when it was said.
        wait: Millis,
    },
    /// More messages than are answered one by one.
    ManyMessages,
    /// The person's requests, the newest first; those before the last few are left out.
    MyRequests {
        /// At least one.
        requests: Vec<MyRequest>,
    },
    /// The person has no requests.
    NoRequests,
    /// Which answer of a request that was sent is to be corrected.
    ChooseCorrection {
        /// The request.
        number: LeadNumber,
        /// What it says.
        answers: Vec<CardAnswer>,
    },
    /// An answer of this request is being corrected; the question follows.
    Correcting {
        /// The request.
        number: LeadNumber,
    },
    /// Whether the new answer is right.
    ConfirmCorrection {
        /// The request.
        number: LeadNumber,
        /// What changes.
        changes: Vec<Change>,
    },
    /// The request is corrected.
    Corrected {
        /// The request.
        number: LeadNumber,
    },
    /// Whether a request is to be taken back.
    AskTakeBack {
        /// The request.
        number: LeadNumber,
        /// When it was asked.
        asked_at: Millis,
    },
    /// The request is taken back.
    TakenBack {
        /// The request.
        number: LeadNumber,
    },
    /// The request stays as it was.
    RequestAsItWas {
        /// The request.
        number: LeadNumber,
    },
    /// The request cannot be corrected or taken back any more.
    RequestIsFixed {
        /// The request.
        number: LeadNumber,
        /// Where it is.
        state: MyState,
    },
    /// A form was left; with the answers it holds, in its order.
    Unfinished {
        /// Those that were given, and those that were passed over.
        answers: Vec<CardAnswer>,
    },
    /// What was said after a request is passed on to the managers.
    PassedOn {
        /// The request.
        number: LeadNumber,
        /// It will be: something is not there just now.
        waits: bool,
    },
    /// So much was said after a request that nothing more is kept today.
    TooMuchSaid {
        /// The request.
        number: LeadNumber,
    },
    /// What the bot does.
    Help,
    /// In a group: write in private.
    Group,
    /// The message could not be handled again and again.
    SetAside,
    /// Asks a question of the form.
    #[serde(untagged)]
    Ask(Ask),
}

//! What the admin is told unasked.

use serde::{Deserialize, Serialize};

use super::{CopyTrouble, LeadsMeanwhile, PageTrouble, PollTrouble, Shortage, TalkMark, Trouble};
use crate::{
    clock::Millis,
    lead::{Asked, Budget, CarLink, Change, ChatRef, Extra, Lead, LeadNumber, LeadSource},
};

/// What the admin is told unasked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(strum::EnumDiscriminants), strum_discriminants(derive(strum::EnumIter)))]
#[serde(rename_all = "snake_case", tag = "about")]
pub enum AdminNotice {
    /// The CRM does not take leads.
    OutageOpened {
        /// What stands in the way.
        trouble: Trouble,
        /// Since when.
        since: Millis,
        /// Leads that wait.
        waiting: i64,
    },
    /// The CRM still does not take leads.
    OutageGoesOn {
        /// What stands in the way.
        trouble: Trouble,
        /// Since when.
        since: Millis,
        /// Leads that wait.
        waiting: i64,
        /// When the oldest of them was submitted.
        oldest: Option<Millis>,
    },
    /// The CRM still does not take leads, by now for another reason.
    OutageChanged {
        /// What stands in the way.
        trouble: Trouble,
        /// Leads that wait.
        waiting: i64,
    },
    /// The CRM takes leads again and the backlog is through.
    OutageOver {
        /// How long it lasted, ms.
        lasted: Millis,
        /// Leads delivered since it began.
        delivered: i64,
        /// How long the oldest of them waited, ms.
        oldest_waited: Millis,
        /// Leads that amoCRM refuses.
        rejected: i64,
    },
    /// amoCRM refuses the data of one lead.
    Rejected {
        /// Its number.
        number: LeadNumber,
        /// What amoCRM said.
        error: String,
    },
    /// amoCRM fails on one lead again and again while others go through; it is kept and tried at growing pauses.
    Stuck {
        /// Its number.
        number: LeadNumber,
        /// What happens to it.
        error: String,
    },
    /// Leads or messages of the outbox are stored so that this version cannot read them; they are kept and passed over.
    Unreadable {
        /// Numbers of leads (ids where the number cannot be read either).
        leads: Vec<String>,
        /// Chats that wait for a message.
        chats: Vec<String>,
    },
    /// Leads go on with less than the settings ask for.
    GoesOnWithout {
        /// What is new of it.
        shortages: Vec<Shortage>,
    },
    /// amoCRM takes again what leads went on without.
    TakenAgain {
        /// What leads go without.
        shortages: Vec<Shortage>,
    },
    /// One person has sent as many requests as the settings allow.
    LimitReached {
        /// Telegram's id of the person.
        user_id: i64,
        /// `@username` without the `@`.
        username: Option<String>,
        /// `LEADS_PER_HOUR`.
        per_hour: Option<u32>,
        /// `LEADS_PER_DAY`.
        per_day: Option<u32>,
        /// From when on the next is taken.
        again_at: Millis,
    },
    /// Far more requests come than usual.
    Flood {
        /// Requests within the last hour.
        leads: i64,
        /// From so many people.
        people: i64,
        /// Whether it was told before and goes on.
        goes_on: bool,
    },
    /// No more requests come than usual.
    FloodOver {
        /// How long it lasted, ms.
        lasted: Millis,
        /// Requests that came meanwhile.
        leads: i64,
    },
    /// A copy of waiting leads for the admin's chat.
    Copies {
        /// One text for each lead.
        leads: Vec<LeadCopy>,
    },
    /// A buyer has just sent a request; told where the admin has switched it on.
    NewLead {
        /// The lead.
        lead: LeadCopy,
    },
    /// The bot runs without amoCRM settings.
    NoCrm,
    /// The bot runs for the first time, and access to amoCRM is still to be given.
    FirstAccess,
    /// The disk is wiped daily and nothing survives it.
    EphemeralDisk,
    /// The store could not be written for a while, and can again or not.
    StoreTrouble {
        /// What the store said.
        detail: String,
    },
    /// The store works again.
    StoreWorks,
    /// No copy of the store was made as every night.
    CopiesFail {
        /// What stands in the way.
        trouble: CopyTrouble,
        /// What the system said, for whoever installed the bot.
        detail: String,
        /// When the newest copy was made, if one is known.
        newest_at: Option<Millis>,
    },
    /// Copies of the store are made again.
    CopiesWork,
    /// A second instance takes the updates; told by versions before [`Self::PollsFail`].
    SecondInstance,
    /// What buyers write does not arrive.
    PollsFail {
        /// What stands in the way.
        trouble: PollTrouble,
        /// Since when.
        since: Millis,
        /// Whether it was told before.
        still: bool,
        /// What becomes meanwhile of leads that were taken.
        #[serde(default)]
        leads: LeadsMeanwhile,
    },
    /// Alerts that Telegram did not take in time went by the second way.
    ToldElsewhere {
        /// They, in order.
        notices: Vec<AdminNotice>,
    },
    /// What buyers write arrives again.
    PollsWork {
        /// Why it did not.
        trouble: PollTrouble,
        /// Since when it did not.
        since: Millis,
        /// When it was over.
        until: Millis,
        /// What was told by the second way meanwhile, in order.
        told_elsewhere: Vec<AdminNotice>,
    },
    /// A backup file could not be read and was moved aside.
    BackupUnreadable {
        /// Its new name.
        moved_to: String,
    },
    /// Entries of a backup file that could not be understood; a copy was kept.
    BackupEntriesSkipped {
        /// How many.
        skipped: usize,
        /// Name of the copy.
        kept_in: String,
    },
    /// Leads were imported from a backup file.
    BackupImported {
        /// How many.
        imported: usize,
    },
    /// A buyer's message could not be handled.
    UpdateSetAside {
        /// Telegram's id of the update.
        update_id: i64,
    },
    /// A token runs out.
    TokenExpiring {
        /// Whether it is a long-lived one.
        long_lived: bool,
        /// When the token ends, in milliseconds UTC.
        expires_at: Millis,
    },
    /// A scheduled refresh failed while the access token still works.
    RefreshFailing {
        /// What stands in the way.
        trouble: Trouble,
        /// Until when the access token works.
        works_until: Option<Millis>,
    },
    /// There is no access any more, and no lead has come yet to run into it.
    AccessLost {
        /// What stands in the way.
        trouble: Trouble,
    },
    /// A group in the settings has become a supergroup and has a new id.
    GroupMoved {
        /// The setting.
        setting: String,
        /// The new id.
        #[serde(rename = "chat_id")]
        chat: ChatRef,
    },
    /// Buyers' files do not get into amoCRM; they come into the managers' chat instead.
    FilesComeHere {
        /// What amoCRM said.
        detail: String,
    },
    /// A file of a buyer cannot be had any more.
    FileLost {
        /// Of which request.
        number: LeadNumber,
        /// Its name for managers.
        name: String,
    },
    /// A buyer has withdrawn their consent, and is forgotten by the bot.
    ConsentWithdrawn {
        /// Leads that amoCRM has.
        in_crm: Vec<WithdrawnLead>,
        /// Leads that it may have.
        may_be_in_crm: Vec<WithdrawnLead>,
        /// Leads that are not sent any more.
        given_up: Vec<WithdrawnLead>,
        /// Files beside the store that cannot be read and seem to name the person.
        unreadable: Vec<String>,
    },
    /// A page with the document that buyers consent to cannot be fetched.
    ConsentDocumentMissing {
        /// Its address.
        address: String,
        /// Why.
        #[serde(default)]
        trouble: Option<PageTrouble>,
        /// The reason as a message of an earlier version has it, where `trouble` is none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },
    /// A buyer has corrected answers of a request.
    Corrected {
        /// Its number.
        number: LeadNumber,
        /// Which, and how.
        changes: Vec<Change>,
    },
    /// A buyer has taken a request back.
    TakenBack {
        /// Its number.
        number: LeadNumber,
    },
    /// A request that was sent unfinished is finished by its buyer; told where new leads are.
    Finished {
        /// It, as it is now.
        lead: LeadCopy,
    },
    /// amoCRM does not take the tag or the fields that a lead is brought up to date with; told once, until it does.
    AmendmentRefused {
        /// Of the first such lead.
        number: LeadNumber,
        /// What amoCRM said.
        detail: String,
    },
    /// What a buyer has said after a request has no place in amoCRM: its lead and its contact are gone.
    NoPlaceForWords {
        /// The request's number.
        number: LeadNumber,
        /// The note that was to be written.
        text: String,
    },
    /// Under a manager's message to a buyer.
    Talk {
        /// What is said.
        mark: TalkMark,
    },
    /// Nobody has dealt with a lead for long.
    Untouched {
        /// Its number.
        number: LeadNumber,
        /// Minutes of working time since it came.
        minutes: i64,
    },
    /// amoCRM does not take a user as responsible; told once for each.
    UserRefused {
        /// The user's id.
        user_id: i64,
        /// The manager's name in the settings.
        name: Option<String>,
        /// What amoCRM said.
        detail: String,
    },
    /// amoCRM does not take what managers' work leads to; told once, until it does.
    ActionRefused {
        /// Of the first such lead.
        number: LeadNumber,
        /// What amoCRM said.
        detail: String,
    },
    /// The managers' chat takes nothing from the bot.
    ManagersChatClosed {
        /// What the messenger said.
        detail: String,
    },
    /// The managers' chat takes messages again.
    ManagersChatWorks {
        /// How long it did not, ms.
        lasted: Millis,
    },
    /// The managers' group has topics, and the bot may not open any.
    TopicsForbidden {
        /// What the messenger said.
        detail: String,
    },
    /// New tokens were taken.
    TokensRenewed {
        /// Leads that wait for them.
        waiting: i64,
    },
}

/// A lead of somebody who has withdrawn their consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawnLead {
    /// Its number.
    pub number: String,
    /// Its address in amoCRM, where that is known.
    pub url: Option<String>,
}

/// One waiting lead in the admin's chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeadCopy {
    /// Its number.
    pub number: LeadNumber,
    /// The buyer's name.
    pub name: String,
    /// The buyer's phone, E.164.
    pub phone: String,
    /// Budget as typed; absent when passed over or not asked.
    #[serde(default)]
    pub budget: Option<String>,
    /// Links to the car, each on a line, if any.
    pub car_link: Option<String>,
    /// Which of these two the form asked.
    #[serde(default)]
    pub asked: Asked,
    /// What else was said for the manager; absent in what 0.1.0 stored.
    #[serde(default)]
    pub wish: Option<String>,
    /// The form's other answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<Extra>,
    /// Name and code of the link that the buyer came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its buyer has left the form before the end: the questions without an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_open: Option<Vec<String>>,
}

impl LeadCopy {
    /// A copy of a lead.
    pub fn of(lead: &Lead) -> Self {
        Self {
            number: lead.number.clone(),
            name: lead.name.as_str().to_owned(),
            phone: lead.phone.e164().to_owned(),
            budget: lead.budget.as_ref().map(Budget::explained),
            asked: lead.asked.clone(),
            car_link: lead.car_link.as_ref().map(CarLink::shown),
            wish: lead.wish.as_ref().map(|wish| wish.as_str().to_owned()),
            more: lead.more.clone(),
            source: lead.source.as_ref().map(LeadSource::shown),
            left_open: lead.left_open.clone(),
        }
    }
}

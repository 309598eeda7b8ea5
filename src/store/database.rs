//! What every view of the store is a view of: the pool, the clock and the wake-ups.

use std::{ops::Deref, sync::Arc};

use tokio::sync::Notify;

use crate::clock::Clock;

use super::{Engine, StoreError, again::Pool};

/// The pool of connections with what belongs to it; shared by a [`Store`] and its views.
#[derive(Debug)]
pub struct Database {
    pub(super) pool: Pool,
    pub(super) engine: Engine,
    pub(super) clock: Clock,
    pub(super) wakes: Wakes,
}

/// Wake-ups inside this process; other processes are noticed by looking once a second.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    pub leads: Notify,
    pub messages: Notify,
    pub files: Notify,
    pub backup: Notify,
    pub withdrawals: Notify,
    pub late_notes: Notify,
    pub amendments: Notify,
    pub talk: Notify,
    pub sent: Notify,
    pub work: Notify,
    pub actions: Notify,
}

impl Database {
    /// Which engine it is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The clock every time in the store is taken from.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Writes what stands in SQLite's log into the file, which is the whole store then, whoever may have it open.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        if self.engine == Engine::Sqlite {
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.pool).await?;
        }
        Ok(())
    }

    /// Wakes the sender of messages.
    pub fn wake_outbox(&self) {
        self.wakes.messages.notify_one();
    }

    /// Wakes whoever writes what comes after a lead.
    pub(super) fn wake_afterwards(&self) {
        self.wakes.late_notes.notify_one();
        self.wakes.amendments.notify_one();
        self.wakes.actions.notify_one();
    }

    /// Wakes whoever delivers leads or exports what is not delivered.
    pub(super) fn leads_moved(&self) {
        self.wakes.leads.notify_one();
        self.wakes.backup.notify_one();
        self.wakes.work.notify_one();
    }
}

/// A handle to the store; clones share one pool. What it is for is divided among its views.
#[derive(Debug, Clone)]
pub struct Store(Arc<Database>);

impl Store {
    pub(super) fn of(database: Database) -> Self {
        Self(Arc::new(database))
    }
}

impl Deref for Store {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.0
    }
}

/// One view: as cheap as the handle, with the functions of one idea.
macro_rules! views {
    ($($(#[$doc:meta])* $View:ident = $of:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone)]
            pub struct $View(Arc<Database>);

            impl Deref for $View {
                type Target = Database;

                fn deref(&self) -> &Database {
                    &self.0
                }
            }
        )*

        impl Store {
            $(
                $(#[$doc])*
                pub fn $of(&self) -> $View {
                    $View(Arc::clone(&self.0))
                }
            )*
        }
    };
}

impl Files {
    /// The leads they belong to.
    pub(super) fn leads(&self) -> Leads {
        Leads(Arc::clone(&self.0))
    }
}

impl Dialogues {
    /// Who has withdrawn their consent by one of their turns.
    pub fn withdrawals(&self) -> Withdrawals {
        Withdrawals(Arc::clone(&self.0))
    }
}

impl Leads {
    /// Chats that have sent nothing yet.
    pub(super) fn dialogues(&self) -> Dialogues {
        Dialogues(Arc::clone(&self.0))
    }
}

impl PersonalData {
    /// The marks that may name a person.
    pub(super) fn marks(&self) -> Marks {
        Marks(Arc::clone(&self.0))
    }
}

impl Dialogues {
    /// What the chats have submitted.
    pub(super) fn leads(&self) -> Leads {
        Leads(Arc::clone(&self.0))
    }

    /// What is known of the stages of leads.
    pub(crate) fn watches(&self) -> Watches {
        Watches(Arc::clone(&self.0))
    }

    /// The marks that say what else is told of a turn.
    pub(super) fn marks(&self) -> Marks {
        Marks(Arc::clone(&self.0))
    }
}

views! {
    /// Leads as people look at them: by number, by state, counted; imported, retried and given up by the admin.
    Leads = leads;

    /// Leads as delivery takes them: claimed under a lease, each step recorded before and after it is sent.
    LeadQueue = lead_queue;

    /// Buyers' files on their way into amoCRM, claimed under a lease of their own.
    Files = files;

    /// Messages that are committed and not sent yet, in order for each chat.
    Outbox = outbox;

    /// Which message in a chat became what.
    SentMessages = sent_messages;

    /// Which topic of the managers' group is which buyer's.
    BuyerTopics = buyer_topics;

    /// Leads as managers work on them.
    LeadWork = lead_work;

    /// What managers' work leads to in amoCRM, until it is there.
    LeadActions = lead_actions;

    /// Dialogues of buyers, each turn one commit, and updates that no turn could be made of.
    Dialogues = dialogues;

    /// What the admin has been told of and not yet told is over, and leads of which the admin is to be told.
    OpenAlerts = open_alerts;

    /// Small marks that processes leave for each other and for their next start.
    Marks = marks;

    /// The pair of tokens, where it is kept in the database.
    Tokens = tokens;

    /// Locks between processes that expire by themselves.
    Locks = locks;

    /// Who has withdrawn their consent, until that is carried out.
    Withdrawals = withdrawals;

    /// Proofs of consent, as people look at them.
    Consents = consents;

    /// Notes under leads that are written after their own.
    LateNotes = late_notes;

    /// Leads whose stage in amoCRM is asked about.
    Watches = watches;

    /// What was said of leads after they were sent, until amoCRM has it.
    Amendments = amendments;

    /// What managers say to buyers, until what became of it is known.
    Talk = talk;

    /// What is kept of a person, to be found and forgotten.
    PersonalData = personal_data;
}

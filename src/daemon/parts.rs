//! The parts of a running daemon beside its intake.

use std::sync::{Arc, OnceLock, atomic::AtomicBool};

use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    admin::authorization::Authorization,
    alerts::{Alerts, PastTheStore, PollWatch, Relay, SecondWay, TokenWatch, ping_without_crm},
    attachments::{FileCounters, FilePass, FileWorker},
    backup::{self, Backup},
    config::Config,
    consent::ConsentDocuments,
    crm::amocrm::Crm,
    delivery::{
        ActionWriter, AmendmentWriter, Attaching, Counters, DeliveryPass, Health, LateNoteWriter, Learned, Worker,
        one_by_one,
    },
    http::{self, Site, Sources, Webhook},
    lead::ChatRef,
    managers::{Looking, Reminding, WorkKeeper, WorkRules},
    notice::{AdminLine, AdminNotice, Recipient, Recipients},
    privacy::{Privacy, Withdrawing},
    stats::{Stats, WeeklyStats},
    store::{Lease, NOBODYS_CHAT, Store},
    talk::AnswerWatch,
    telegram::{
        client::{Attachment, Telegram},
        listener::IntakeCounters,
        outbox::{HandOver, OutboxSender},
    },
    unfinished::{Reminders, UnfinishedSender},
    vitals::{Heartbeat, Vitals},
    watching::{Hints, WatchCounters, Watcher},
    wording::{Lang, Wording, backup_caption},
};

/// What one term of a daemon is built from.
pub(super) struct Parts<'a> {
    pub config: &'a Config,
    pub store: &'a Store,
    pub telegram: &'a Telegram,
    pub generation: i64,
    pub counters: Arc<IntakeCounters>,
    /// From the dialogues to the outbox.
    pub answers: HandOver,
    /// Known as soon as Telegram has told it.
    pub bot_username: Arc<OnceLock<String>>,
    /// Whether the admin knows that the store cannot be written; outlives a term.
    pub store_trouble: Arc<AtomicBool>,
    pub past_the_store: PastTheStore,
    pub second_way: &'a SecondWay,
    /// The dealer's document that buyers consent to.
    pub consent: Option<ConsentDocuments>,
    pub stop: CancellationToken,
    /// Another process leads from now on.
    pub followed: CancellationToken,
}

impl Parts<'_> {
    /// What the wording must know of the settings.
    pub(super) fn wording(&self, bot_username: String) -> Wording {
        let settings = self.config.amocrm.as_ref();
        Wording {
            privacy_policy_url: self.config.privacy_policy_url.clone(),
            consent_documents: self.consent.iter().flat_map(ConsentDocuments::shown).collect(),
            bot_username,
            form: self.config.dealer.form.clone(),
            sources: self.config.dealer.sources.clone(),
            statuses: self.config.dealer.statuses.clone(),
            time_zone: self.config.dealer.time_zone,
            crm_url: settings.map(|settings| settings.base_url.clone()),
            mask_phones: self.config.dealer.privacy.mask_phones_in_group,
            can_authorize: settings.is_some_and(|settings| settings.integration.is_some()),
        }
    }

    /// Who is told what.
    pub(super) fn recipients(&self) -> Recipients {
        Recipients::new(self.config.admin_chat, self.config.managers_chat)
    }

    /// What the settings say of managers' work.
    pub(super) fn work_rules(&self) -> WorkRules {
        WorkRules::new(self.config.managers_chat, &self.config.dealer)
    }

    /// What forgets people and what is old.
    pub(super) fn privacy(&self) -> Privacy {
        Privacy::new(self.store, &self.config.store.data_dir, self.config.phone_region)
            .keeping_for(self.config.dealer.privacy.retention)
            .keeping_forms_until_sent(self.config.dealer.unfinished.deliver_after)
    }

    /// Starts everything but the intake; returns the line to the admin, and the state of the way to amoCRM.
    pub(super) fn spawn(
        &self,
        tasks: &TaskTracker,
        crm: Option<&Crm>,
        page: Option<&http::Server>,
    ) -> (AdminLine, watch::Receiver<Health>) {
        let (config, store) = (self.config, self.store);
        let (admin, sent) = AdminLine::new();
        let wording = Arc::new(self.wording(String::new()));
        // Without an admin's chat alerts wait for nobody's chat, from which the second way takes them.
        let in_chat = self.recipients();
        let recipients =
            if self.second_way.is_set() { in_chat.with_operator_at_least_in(NOBODYS_CHAT) } else { in_chat };
        let intake = self.counters.clone();
        if let Some(chat) = config.managers_chat {
            let answers = AnswerWatch::new(store, chat, wording.clone());
            tasks.spawn(one_by_one(answers, self.stop.clone()));
        }
        let outbox =
            OutboxSender::new(self.telegram.clone(), store, self.answers.clone(), wording, in_chat, intake.clone())
                .with_managers(config.managers_chat, recipients)
                .until_followed(self.followed.clone());
        let groups = self.telegram.groups().clone();
        tasks.spawn(groups.keep(store.marks(), config.admin_chat, self.stop.clone()));
        let outbox_counters = outbox.figures();
        tasks.spawn(outbox.run(self.stop.clone()));
        tasks.spawn(
            Backup::new(store.leads(), &config.store.data_dir, config.phone_region)
                .run(admin.clone(), self.stop.clone()),
        );
        tasks.spawn(self.privacy().run(self.stop.clone()));
        let keeper = WorkKeeper::new(store, self.work_rules());
        tasks.spawn(one_by_one(keeper, self.stop.clone()));
        let crm_url = crm.map(|crm| crm.settings().base_url.clone());
        let withdrawing = Withdrawing::new(self.privacy(), store.withdrawals(), crm_url, recipients);
        tasks.spawn(one_by_one(withdrawing, self.stop.clone()));
        if let Some(consent) = &self.consent {
            tasks.spawn(consent.clone().keep(store.marks(), store.clock(), recipients, self.stop.clone()));
        }
        if let Some(after) = config.dealer.unfinished.remind_after {
            let reminders = Reminders {
                dialogues: store.dialogues(),
                form: config.dealer.form.clone(),
                words: Lang::all_words,
                after,
                time_zone: config.dealer.time_zone,
            };
            tasks.spawn(reminders.run(self.stop.clone()));
        }
        if let Some(after) = config.dealer.unfinished.deliver_after {
            let sender = UnfinishedSender {
                dialogues: store.dialogues(),
                form: config.dealer.form.clone(),
                words: Lang::all_words,
                sources: config.dealer.sources.clone(),
                asks_consent: config.dealer.consent.is_some() || config.privacy_policy_url.is_some(),
                after,
                limits: config.lead_limits,
                recipients,
            };
            tasks.spawn(sender.run(self.stop.clone()));
        }
        let stats = Stats::new(store.leads(), &config.dealer);
        if let Some(chat) = config.admin_chat {
            let weekly = WeeklyStats { stats: stats.clone(), marks: store.marks(), chat };
            tasks.spawn(weekly.run(self.telegram.clone(), self.stop.clone()));
        }
        let delivery = Arc::<Counters>::default();
        let files = Arc::<FileCounters>::default();
        let (watching, hints) = (Arc::<WatchCounters>::default(), Hints::default());
        let health = match crm {
            Some(crm) => {
                let learned = Arc::<Learned>::default();
                let lease = Lease::daemon(self.generation);
                let pass = DeliveryPass {
                    counters: delivery.clone(),
                    learned: learned.clone(),
                    ..DeliveryPass::new(store, crm.clone(), lease, Attaching::of(&config.dealer))
                };
                let (worker, health) = Worker::new(pass, crm.tokens().clone());
                tasks.spawn(worker.run(self.stop.clone()));
                let pass = FilePass {
                    files: store.files(),
                    sent: store.sent_messages(),
                    marks: store.marks(),
                    crm: crm.clone(),
                    telegram: self.telegram.clone(),
                    lease: Lease::daemon(self.generation),
                    recipients,
                    counters: files.clone(),
                };
                tasks.spawn(FileWorker::new(pass, health.clone()).run(self.stop.clone()));
                let lease = Lease::daemon(self.generation);
                let late_notes = LateNoteWriter::new(store, crm.clone(), lease, recipients);
                tasks.spawn(one_by_one(late_notes, self.stop.clone()));
                let lease = Lease::daemon(self.generation);
                let amendments = AmendmentWriter::new(store, crm.clone(), lease, recipients);
                tasks.spawn(one_by_one(amendments, self.stop.clone()));
                let watcher = Watcher {
                    watches: store.watches(),
                    work: store.lead_work(),
                    leads: store.leads(),
                    dialogues: store.dialogues(),
                    late_notes: store.late_notes(),
                    marks: store.marks(),
                    crm: crm.clone(),
                    lease: Lease::daemon(self.generation),
                    texts: config.dealer.statuses.clone(),
                    time_zone: config.dealer.time_zone,
                    health: health.clone(),
                    learned,
                    hints: hints.clone(),
                    counters: watching.clone(),
                };
                tasks.spawn(watcher.run(self.stop.clone()));
                let lease = Lease::daemon(self.generation);
                let actions = ActionWriter::new(store, crm.clone(), lease, recipients, &config.dealer);
                tasks.spawn(one_by_one(actions, self.stop.clone()));
                let tokens = TokenWatch::new(crm.clone(), store, recipients);
                tasks.spawn(tokens.run(self.stop.clone()));
                health
            }
            None => {
                let copied = if config.admin_lead_copies && config.admin_chat.is_some() {
                    ", and copied to the admin"
                } else {
                    ""
                };
                warn!("no amoCRM settings: leads are collected and saved{copied}, but not delivered");
                admin.send(AdminNotice::NoCrm);
                tasks.spawn(ping_without_crm(store.open_alerts(), store.lead_queue(), in_chat, self.stop.clone()));
                watch::channel(Health::default()).1
            }
        };
        let looking = crm.map(|crm| Looking::new(store, crm.clone(), health.clone(), self.stop.clone()));
        let reminding = Reminding::new(store, self.work_rules(), recipients, looking, self.stop.clone());
        tasks.spawn(one_by_one(reminding, self.stop.clone()));
        if config.on_dyno && config.store.database_url.is_none() {
            warn!(
                "this is a Heroku dyno without DATABASE_URL: its disk is wiped every day, and with it open forms and history"
            );
            admin.send(AdminNotice::EphemeralDisk);
        }
        if config.admin_chat.is_none() && !self.second_way.is_set() {
            warn!("ADMIN_CHAT_ID is not set: nobody will be told when leads do not reach amoCRM");
        }
        let vitals = Arc::new(Vitals::new(store.clone(), self.counters.clone()));
        if let Some(page) = page {
            let integration = config.amocrm.as_ref().and_then(|settings| settings.integration.as_ref());
            let site = Site {
                authorization: crm.map(|crm| Authorization::new(store, crm.clone())),
                redirect_path: integration.and_then(|integration| http::redirect_path(&integration.redirect_url)),
                webhook: config
                    .webhook_secret
                    .as_ref()
                    .filter(|_| crm.is_some())
                    .map(|secret| Webhook::new(secret, hints)),
                vitals: vitals.clone(),
                metrics: Sources {
                    store: store.clone(),
                    stats,
                    vitals: vitals.clone(),
                    intake: self.counters.clone(),
                    sends: self.telegram.figures(),
                    outbox: outbox_counters,
                    delivery,
                    files,
                    watching,
                    health: health.clone(),
                    tokens: crm.map(|crm| crm.tokens().clone()),
                    started_at: store.clock().now(),
                },
                admin: admin.clone(),
                bot_username: self.bot_username.clone(),
            };
            page.answer(http::site(site), tasks.clone());
        }
        if let Some(url) = &config.heartbeat_url {
            match Heartbeat::new(url.clone(), vitals, store.open_alerts()) {
                Ok(heartbeat) => drop(tasks.spawn(heartbeat.run(self.stop.clone()))),
                Err(_) => warn!("there is no heartbeat: TLS cannot be set up"),
            }
        }
        let watch = PollWatch {
            open_alerts: store.open_alerts(),
            marks: store.marks(),
            outbox: store.outbox(),
            clock: store.clock(),
            intake,
            recipients,
            past_the_store: self.past_the_store.clone(),
            second_way: self.second_way.clone(),
            health: crm.map(|_| health.clone()),
        };
        tasks.spawn(watch.run(self.stop.clone()));
        if let (Some(alerts_chat), true) = (recipients.chat(Recipient::Operator), self.second_way.is_set()) {
            let relay = Relay {
                outbox: store.outbox(),
                dialogues: store.dialogues(),
                alerts_chat,
                second_way: self.second_way.clone(),
            };
            tasks.spawn(relay.run(self.stop.clone()));
        }
        tasks.spawn(
            Alerts::new(
                store,
                self.past_the_store.clone(),
                recipients,
                config.admin_lead_copies,
                config.leads_alarm,
                health.clone(),
                self.store_trouble.clone(),
            )
            .with_crm(crm.cloned())
            .run(sent, self.stop.clone()),
        );
        (admin, health)
    }
}

/// A dyno's disk is wiped with the dyno: what amoCRM does not have goes to the admin's chat as a file.
pub(super) async fn save_from_the_dyno(store: Store, telegram: Telegram, chat: ChatRef) {
    let rows = match store.leads().undelivered(i64::from(i32::MAX)).await {
        Ok(rows) if rows.is_empty() => return,
        Ok(rows) => rows,
        Err(error) => {
            warn!(%error, "leads that wait could not be read before the dyno's disk is wiped");
            return;
        }
    };
    let caption = backup_caption(rows.len(), Lang::default());
    match telegram.send_file(chat, Attachment::document(backup::FILE, backup::to_json(&rows)), caption).await {
        Ok(()) => info!(leads = rows.len(), "leads that wait were sent to the admin before the dyno's disk is wiped"),
        Err(error) => warn!(%error, leads = rows.len(), "leads that wait could not be sent to the admin"),
    }
}

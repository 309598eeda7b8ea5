mod document;
mod shown;

use std::process::ExitCode;

use crate::{
    alerts::{CopiesKept, OUTAGE, POLLS, REFRESH, polls_failing_since, trouble_of_alert},
    called::Called,
    clock::date,
    config::{Config, RouteSettings},
    crm::amocrm::{AuthProblem, TokenKind, TokensInfo},
    daemon,
    delivery::{shortages, trouble_of_tokens},
    notice::Trouble,
    store::OpenAlert,
    watching::watch_log,
    wording::{Lang, advice_text, trouble_text},
};

use super::{CommandError, beside, look, opened, output};
use document::{CameFrom, Health, Status, Tokens, Without};

/// Figures of sources are of so long.
const SOURCES_OF: i64 = 30 * 24 * 3600 * 1000;

/// Tells what waits and how the tokens are, without asking amoCRM; exit code 1 when there is no access to it.
pub async fn run(config: &Config, json: bool) -> Result<ExitCode, CommandError> {
    let store = opened::existing(&config.store).await?;
    store.tell_if_there_is_none(&config.store);
    // Nobody may have come upon what cannot be read.
    look::busy("Reading the store", store.leads().undelivered(i64::from(i32::MAX))).await?;
    let day_ago = store.clock().now() - 24 * 3600 * 1000;
    let totals = store.leads().totals(day_ago).await?;
    let outage = store.open_alerts().get(OUTAGE).await?;
    let info = match &config.amocrm {
        Some(settings) => Some(daemon::open_crm(settings, &config.store, &store)?.tokens().info().await?),
        None => None,
    };
    let state = State::of(info.as_ref(), outage.as_ref(), store.open_alerts().get(REFRESH).await?.as_ref());
    let can_authorize = config.amocrm.as_ref().is_some_and(|settings| settings.integration.is_some());
    let now = store.clock().now();
    let sources = store.leads().source_figures(&config.dealer.sources, now - SOURCES_OF..now + 1).await?;
    let running = super::is_daemon_running(&config.store, &store).await?;
    let unreadable = store.leads().unreadable(i64::from(i32::MAX)).await?.len() as i64;
    // What a process that ended has noted says nothing of now.
    let noted = if running { polls_failing_since(&store.marks()).await? } else { None };
    let polls_fail = store.open_alerts().get(POLLS).await?.map(|alert| alert.opened_at).or(noted);
    let goes_without: Vec<Without> = shortages(&store.marks())
        .await?
        .into_iter()
        .map(|short| Without { setting: short.what.setting(), since: date(short.since), what: short.what })
        .collect();
    let watches = store.watches().counts().await?;
    let log = watch_log(&store.marks()).await?;
    let trouble = state.trouble();
    let copies = CopiesKept::read(&store.marks()).await?.unwrap_or_default();
    let copies_fail = copies.failing(store.clock());
    let lesser = Lesser {
        polls_fail: polls_fail.is_some(),
        copies_fail: copies_fail.is_some(),
        unreadable: unreadable > 0,
        rejected: totals.rejected > 0,
        goes_without: !goes_without.is_empty(),
    };
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        store: daemon::store_place(&config.store),
        store_exists: store.exists(),
        daemon_running: running,
        verdict: verdict(&state, running, store.exists(), &lesser),
        health: health(&state, running, &lesser),
        reason: trouble.map(|trouble| trouble_text(trouble, Lang::en())),
        advice: match trouble {
            Some(trouble) => Some(advice(trouble, can_authorize)),
            None if !running => Some(how_to_start(Called::now()).to_owned()),
            None => lesser.advice().map(|advice| Called::now().words(advice)),
        },
        waiting: totals.waiting,
        rejected: totals.rejected,
        unreadable,
        uncertain: totals.uncertain,
        delivered_last_24h: totals.delivered_since,
        oldest_waiting_since: totals.oldest_waiting_at.map(date),
        last_delivery_at: totals.last_delivery_at.map(date),
        messages_owed: store.outbox().count().await?,
        later_messages_waiting: store.late_notes().messages().await?.waiting,
        updates_set_aside: store.dialogues().dead_letters().await?,
        backup_file_not_taken_in: 0,
        leads_watched: watches.watched,
        status_messages_owed: watches.owed,
        statuses_asked_at: log.and_then(|log| log.asked_at).map(date),
        statuses_asked_by: log.and_then(|log| log.way).map(Into::into),
        outage_since: outage.map(|alert| date(alert.opened_at)),
        goes_without,
        telegram_routes: config.telegram.routes.iter().map(RouteSettings::name).collect(),
        telegram_fails_since: polls_fail.map(date),
        second_way: config.second_way.names(),
        newest_copy_at: copies.newest_at.map(date),
        copies_folder: copies.folder,
        copies_fail_since: copies_fail.as_ref().map(|failing| date(failing.since)),
        copies_fail: copies_fail.map(|failing| match failing.detail.as_str() {
            "" => failing.trouble.words().to_owned(),
            detail => format!("{} ({detail})", failing.trouble.words()),
        }),
        sources: sources.into_iter().map(CameFrom::from).collect(),
        tokens: tokens(info),
    };
    let in_file = super::not_taken_in(&config.store, config.phone_region, &store).await?;
    if json {
        output::json(&Status { backup_file_not_taken_in: in_file, ..status });
    } else {
        shown::print(&status);
        beside::tell_of_the_file(in_file);
    }
    store.close().await;
    Ok(if matches!(state, State::NoAccess(_)) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// How leads get into amoCRM now, as far as can be known without asking it.
#[derive(Debug, PartialEq)]
enum State {
    Works,
    /// Leads are collected and nothing else.
    NotSetUp,
    /// Somebody has to see to the access.
    NoAccess(Trouble),
    /// The access still works and cannot be renewed.
    EndsSoon(Trouble),
    /// amoCRM does not take leads for another reason.
    Outage(Trouble),
}

impl State {
    fn of(info: Option<&TokensInfo>, outage: Option<&OpenAlert>, refresh: Option<&OpenAlert>) -> Self {
        let Some(info) = info else { return Self::NotSetUp };
        if let Some(error) = &info.dead {
            return Self::NoAccess(trouble_of_tokens(error));
        }
        // The bot tries it all the same, but amoCRM's tokens do not look so.
        if info.kind == TokenKind::Unreadable {
            return Self::NoAccess(Trouble::NoTokens);
        }
        // What the bot has been told of older tokens says nothing about newer ones.
        let still = |alert: &&OpenAlert| info.refreshed_at.is_none_or(|at| at < date(alert.opened_at));
        match outage.filter(still).and_then(trouble_of_alert) {
            Some(trouble) if is_about_access(&trouble) => return Self::NoAccess(trouble),
            _ => {}
        }
        if let Some(trouble) = refresh.filter(still).and_then(trouble_of_alert)
            && is_about_access(&trouble)
        {
            return Self::EndsSoon(trouble);
        }
        match outage.and_then(trouble_of_alert) {
            Some(trouble) if !is_about_access(&trouble) => Self::Outage(trouble),
            _ => Self::Works,
        }
    }

    fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Works => None,
            Self::NotSetUp => Some(&Trouble::NotConfigured),
            Self::NoAccess(trouble) | Self::EndsSoon(trouble) | Self::Outage(trouble) => Some(trouble),
        }
    }

    /// What is wrong, and what becomes of leads meanwhile where the bot runs; nothing where all is well.
    fn words(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Works => None,
            Self::NotSetUp => Some(("amoCRM is not set up", ": leads are collected and saved, nothing more")),
            Self::NoAccess(_) => Some(("there is no access to amoCRM", ": leads are saved and wait")),
            Self::EndsSoon(_) => Some(("the access to amoCRM still works and cannot be renewed", "")),
            Self::Outage(_) => Some(("amoCRM does not take leads", ": they are saved and wait")),
        }
    }
}

/// What is wrong while leads get into amoCRM all the same.
#[derive(Debug, Default)]
struct Lesser {
    /// What buyers write does not arrive, for more than a moment.
    polls_fail: bool,
    unreadable: bool,
    rejected: bool,
    goes_without: bool,
    /// No copies of the store are made.
    copies_fail: bool,
}

impl Lesser {
    /// The worst of it, and what to do.
    fn worst(&self) -> Option<(&'static str, &'static str)> {
        if self.polls_fail {
            Some((
                "what buyers write does not reach the bot",
                "run `amocrm-lead-bot test-alerts`: it tries every way to Telegram",
            ))
        } else if self.unreadable {
            Some((
                "leads are damaged in the store and not sent",
                "look at them with `amocrm-lead-bot leads list`, then `amocrm-lead-bot leads show N`",
            ))
        } else if self.rejected {
            Some((
                "amoCRM refuses the data of some leads",
                "look at them with `amocrm-lead-bot leads list`, then `amocrm-lead-bot leads retry N`",
            ))
        } else if self.goes_without {
            let what = "leads get through, but without some of what the settings ask for";
            Some((
                what,
                "restore it in amoCRM or correct the setting; `amocrm-lead-bot test-amocrm` lists what there is",
            ))
        } else if self.copies_fail {
            let advice = "see `systemctl status amocrm-lead-bot-backup`, or run `amocrm-lead-bot backup-store --keep 14 backups` by hand";
            Some(("leads get through, but no copies of the store are made", advice))
        } else {
            None
        }
    }

    fn advice(&self) -> Option<&'static str> {
        self.worst().map(|(_, advice)| advice)
    }
}

fn how_to_start(called: Called) -> &'static str {
    if called.is_package() {
        "start the bot: sudo systemctl start amocrm-lead-bot"
    } else {
        "start the bot: `amocrm-lead-bot`, or the service that runs it"
    }
}

/// All in one line, the worst first.
fn verdict(state: &State, running: bool, store_exists: bool, lesser: &Lesser) -> String {
    let stopped = if store_exists { "the bot is not running" } else { "the bot has not run here yet" };
    match (state.words(), running) {
        (Some((what, meanwhile)), true) => format!("{what}{meanwhile}"),
        (Some((what, _)), false) => format!("{what}, and {stopped}"),
        (None, false) => format!("{stopped}: buyers get no answer, and what waits is not sent"),
        (None, true) => lesser.worst().map_or("nothing is known to be wrong", |(what, _)| what).to_owned(),
    }
}

fn health(state: &State, running: bool, lesser: &Lesser) -> Health {
    match state {
        State::NoAccess(_) | State::Outage(_) => Health::Bad,
        _ if !running || lesser.polls_fail => Health::Bad,
        State::NotSetUp | State::EndsSoon(_) => Health::Odd,
        State::Works if lesser.worst().is_some() => Health::Odd,
        State::Works => Health::Good,
    }
}

fn is_about_access(trouble: &Trouble) -> bool {
    use Trouble::{
        IntegrationOff, Moved, NoTokens, TokensExpired, TokensRevoked, WrongAccount, WrongClient, WrongRedirect,
    };
    matches!(
        trouble,
        TokensExpired
            | TokensRevoked
            | NoTokens
            | WrongClient
            | WrongRedirect
            | WrongAccount
            | IntegrationOff
            | Moved { .. }
    )
}

/// What to do about it, for whoever sits at the machine.
fn advice(trouble: &Trouble, can_authorize: bool) -> String {
    use Trouble::{NoTokens, NotConfigured, TokensExpired, TokensRevoked, WrongAccount, WrongClient};
    match trouble {
        TokensExpired | TokensRevoked | NoTokens | WrongAccount if can_authorize => {
            let name = Called::now().name();
            format!("run `{name} get-new-tokens`, or press «Обновить доступ» (/auth) in the admin's chat")
        }
        TokensExpired | TokensRevoked | NoTokens | WrongAccount => {
            "make a new long-lived token in amoCRM (your integration → «Ключи и доступы») and put it into \
             AMOCRM_ACCESS_TOKEN"
                .into()
        }
        WrongClient => "put the id and the secret key from «Ключи и доступы» into AMOCRM_CLIENT_ID and \
                        AMOCRM_CLIENT_SECRET"
            .into(),
        NotConfigured => Called::now()
            .words("run `amocrm-lead-bot setup`, or set AMOCRM_SUBDOMAIN and AMOCRM_ACCESS_TOKEN; see docs/setup.md"),
        other => advice_text(other, can_authorize, Lang::en()),
    }
}

fn tokens(info: Option<TokensInfo>) -> Tokens {
    let Some(info) = info else {
        return Tokens {
            configured: false,
            kind: "none",
            source: None,
            access_expires_at: None,
            refreshed_at: None,
            problem: Some("no amoCRM settings".into()),
        };
    };
    let dead = info.dead.as_ref().map(ToString::to_string);
    let problem = info.problem.or((info.kind == TokenKind::Unreadable).then_some(AuthProblem::NotAToken));
    Tokens {
        configured: true,
        kind: info.kind.into(),
        source: info.source.map(|source| source.to_string()),
        access_expires_at: info.access_expires_at,
        refreshed_at: info.refreshed_at,
        problem: problem.map(|problem| problem.to_string()).or(dead),
    }
}

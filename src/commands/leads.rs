mod consent;
mod found;
mod list;
mod show;

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;

use crate::{
    backup,
    called::Called,
    config::StoreSettings,
    files,
    lead::Region,
    store::{LeadState, Leads},
};

use found::{find, plain};

use super::{
    CommandError, examples, opened,
    output::{self, outln},
};

/// What `leads` can do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List waiting and rejected leads
    #[command(after_help = examples::LEADS_LIST)]
    List {
        /// With names, phones and links; without it only numbers and states
        #[arg(long)]
        full: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one lead with everything that is known of its way
    #[command(after_help = examples::LEADS_SHOW)]
    Show {
        /// Its number, as the buyer sees it
        number: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what proves that the buyer has consented: to what, when, and by which press
    #[command(after_help = examples::LEADS_CONSENT)]
    Consent {
        /// Its number
        number: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Send a rejected or discarded lead again; without a number all rejected ones
    #[command(after_help = examples::LEADS_RETRY)]
    Retry {
        /// Its number
        number: Option<String>,
    },
    /// Give up a waiting or rejected lead: it will not get into amoCRM
    #[command(after_help = examples::LEADS_DISCARD)]
    Discard {
        /// Its number
        number: String,
        /// Really do it; without it you are only told what would happen
        #[arg(long)]
        yes: bool,
    },
    /// Write waiting and rejected leads as JSON, in the format of backup_leads.json
    #[command(after_help = examples::LEADS_EXPORT)]
    Export {
        /// File to write; without it standard output
        file: Option<PathBuf>,
    },
}

impl Action {
    /// Whether a program reads what is said.
    pub fn is_json(&self) -> bool {
        match self {
            Self::List { json, .. } | Self::Show { json, .. } | Self::Consent { json, .. } => *json,
            Self::Retry { .. } | Self::Discard { .. } | Self::Export { .. } => false,
        }
    }
}

/// Runs one action on the store.
pub async fn run(settings: &StoreSettings, region: Region, action: Action) -> Result<ExitCode, CommandError> {
    let store = opened::existing(settings).await?;
    // The older bot's file may be all there is yet, and the list tells of it.
    let tells_of_file = matches!(action, Action::List { .. }) && settings.data_dir.join(backup::FILE).exists();
    if !store.exists() && !tells_of_file {
        return Err(store.none(settings));
    }
    store.tell_if_there_is_none(settings);
    let leads = store.leads();
    let code = match action {
        Action::List { full, json } => {
            let not_taken_in = super::not_taken_in(settings, region, &store).await?;
            list::run(&leads, full, json, not_taken_in).await?
        }
        Action::Show { number, json } => show::run(&store, &number, json).await?,
        Action::Consent { number, json } => consent::run(&store, &number, json).await?,
        Action::Retry { number } => retry(&leads, number.as_deref()).await?,
        Action::Discard { number, yes } => discard(&leads, &number, yes).await?,
        Action::Export { file } => export(&leads, file).await?,
    };
    store.close().await;
    Ok(code)
}

async fn retry(leads: &Leads, number: Option<&str>) -> Result<ExitCode, CommandError> {
    let name = Called::now().name();
    if let Some(number) = number {
        if let Some(lead) = leads.unreadable_one(number).await? {
            leads.retry_unreadable(&lead).await?;
            outln!("#{} is read once more; a running bot tells the admin if it still cannot be.", plain(lead.name()));
            return Ok(ExitCode::SUCCESS);
        }
        let row = find(leads, number).await?;
        if row.state() == LeadState::Delivered {
            return Err(CommandError::Failed(format!("lead #{} is in amoCRM already", row.lead.number)));
        }
        if row.forgotten_at.is_some() {
            return Err(CommandError::Failed(format!(
                "the person behind lead #{} is forgotten; nothing is left to send",
                row.lead.number
            )));
        }
        leads.retry_now(Some(&row.lead.number)).await?;
        let number = &row.lead.number;
        outln!("#{number} is in line. A running bot sends it at once; otherwise run `{name} retry-backup-leads`.");
        return Ok(ExitCode::SUCCESS);
    }
    let revived = leads.retry_now(None).await?;
    outln!("In line again: {revived}. A running bot sends them at once; otherwise run `{name} retry-backup-leads`.");
    Ok(ExitCode::SUCCESS)
}

async fn discard(leads: &Leads, number: &str, yes: bool) -> Result<ExitCode, CommandError> {
    if let Some(lead) = leads.unreadable_one(number).await? {
        let name = plain(lead.name());
        if !yes {
            outln!("Lead #{name} cannot be read and will be given up. To do it: leads discard {name} --yes");
            return Ok(ExitCode::FAILURE);
        }
        leads.discard_unreadable(&lead).await?;
        outln!("Lead #{name} is given up; it stays in the store.");
        return Ok(ExitCode::SUCCESS);
    }
    let row = find(leads, number).await?;
    if row.state() == LeadState::Delivered {
        return Err(CommandError::Failed(format!("lead #{} is in amoCRM already", row.lead.number)));
    }
    if !yes {
        outln!("Lead #{} will not get into amoCRM. To do it: leads discard {} --yes", row.lead.number, row.lead.number);
        return Ok(ExitCode::FAILURE);
    }
    if leads.discard(&row.lead.number).await? {
        outln!("Lead #{} is given up; `leads retry {}` takes it back.", row.lead.number, row.lead.number);
        Ok(ExitCode::SUCCESS)
    } else {
        Err(CommandError::Failed(format!("lead #{} is being sent right now; try again in a minute", row.lead.number)))
    }
}

async fn export(leads: &Leads, file: Option<PathBuf>) -> Result<ExitCode, CommandError> {
    let bytes = backup::to_json(&leads.undelivered(i64::from(i32::MAX)).await?);
    match file {
        Some(file) => {
            // The error's own words name a temporary file.
            files::replace(&file, &bytes).map_err(|error| {
                CommandError::Failed(format!("{} cannot be written: {}", file.display(), files::why(&error)))
            })?;
            outln!("Written to {}.", file.display());
        }
        None => output::bytes(&bytes),
    }
    Ok(ExitCode::SUCCESS)
}

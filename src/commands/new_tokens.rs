use std::process::ExitCode;

use secrecy::ExposeSecret;
use thiserror::Error;

use crate::{
    config::{AmocrmSettings, StoreSettings, missing_integration},
    crm::amocrm::{AuthProblem, CodeError, Crm, TokenError, TokenInfo, parse_code},
    daemon, files,
};

use super::{
    CommandError, given, opened,
    output::{self, out, outln},
};

/// Why what was pasted brought no tokens.
#[derive(Debug, Error)]
pub(super) enum Refused {
    #[error("{0}")]
    Code(#[from] CodeError),
    #[error("this address belongs to another authorization; open the address above and paste what it leads to")]
    OtherState,
    #[error("{0}")]
    Tokens(#[from] TokenError),
}

impl Refused {
    /// Whether another code may do; a wrong setting has to be put right first.
    pub(super) fn another_may_do(&self) -> bool {
        use AuthProblem::{CodeExpired, CodeUsed, CodeWrong, WrongAccount};
        match self {
            Self::Code(_) | Self::OtherState => true,
            Self::Tokens(TokenError::NeedsAuthorization { reason, .. }) => {
                matches!(reason, CodeExpired | CodeUsed | CodeWrong | WrongAccount { .. } | AuthProblem::Refused { .. })
            }
            Self::Tokens(TokenError::Transient { .. }) => true,
            Self::Tokens(_) => false,
        }
    }
}

impl From<Refused> for CommandError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Tokens(error) => error.into(),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Prints the authorization address, takes the code or the whole redirect address, exchanges it, writes the tokens.
pub async fn run(
    settings: &StoreSettings,
    amocrm: &AmocrmSettings,
    code: Option<String>,
) -> Result<ExitCode, CommandError> {
    if amocrm.integration.is_none() {
        return Err(CommandError::Config(missing_integration()));
    }
    let code = code.map(|code| given::read("--code", &code, |code| !code.trim().is_empty())).transpose()?;
    files::make_folder(&settings.data_dir)
        .map_err(|error| daemon::DaemonError::DataDir { path: settings.data_dir.clone(), source: error })?;
    let crm = opened::crm(amocrm, settings).await?;
    let info = match code {
        Some(code) => exchange(&crm, &code, None).await?,
        None => ask(&crm).await?,
    };
    // DATA_DIR is often a dot, which tells nobody where to look.
    let folder = settings.data_dir.canonicalize().unwrap_or_else(|_| settings.data_dir.clone());
    match settings.database_url() {
        Some(_) => outln!("Done: the tokens are in the database, {}", daemon::store_place(settings)),
        None => {
            outln!("Done: the tokens are written to access_token.txt and refresh_token.txt in {}", folder.display());
        }
    }
    if let Some(at) = info.access_expires_at {
        outln!("The access token works until {} UTC and renews itself.", at.format("%Y-%m-%d %H:%M"));
    }
    outln!("A running bot takes them within 30 seconds; there is no need to restart it.");
    Ok(ExitCode::SUCCESS)
}

/// Asks until a code has brought tokens, or nobody answers any more.
async fn ask(crm: &Crm) -> Result<TokenInfo, CommandError> {
    // The state ties an address to the question; whoever pastes it here has seen the question.
    let state = ulid::Ulid::new().to_string();
    outln!("1. Open this address and allow access:\n");
    outln!("   {}\n", crm.authorization().url(&state)?);
    outln!("2. Copy the address of the page you are sent to (it need not load), or the code in it.");
    outln!("   The code works for 20 minutes and once.\n");
    let mut refused = None;
    loop {
        out!("Paste it here and press Enter: ");
        output::flush();
        let Some(pasted) = read_line().await? else {
            return Err(refused.map_or_else(|| CommandError::Failed(CodeError::Empty.to_string()), Into::into));
        };
        match exchange(crm, &pasted, Some(&state)).await {
            Ok(info) => return Ok(info),
            Err(error) if error.another_may_do() => {
                outln!(
                    "\nThat did not do: {error}.\nOpen the address once more for a new code, or press Ctrl-C to stop."
                );
                refused = Some(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) async fn exchange(crm: &Crm, pasted: &str, state: Option<&str>) -> Result<TokenInfo, Refused> {
    let pasted = parse_code(pasted)?;
    // A bare code has no state; what comes from another question may be somebody else's account.
    if let (Some(given), Some(state)) = (&pasted.state, state)
        && given != state
    {
        return Err(Refused::OtherState);
    }
    Ok(crm.authorization().exchange_code(pasted.code.expose_secret(), pasted.referer.as_deref()).await?)
}

/// What was typed; `None` at the end of the input.
async fn read_line() -> Result<Option<String>, CommandError> {
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|length| (length > 0).then_some(line))
    });
    match line.await {
        Ok(Ok(line)) => Ok(line),
        _ => Err(CommandError::Failed("the answer could not be read; give it with --code -".into())),
    }
}

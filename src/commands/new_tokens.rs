use std::{io::Write, process::ExitCode};

use secrecy::ExposeSecret;

use crate::{
    amocrm::parse_code,
    config::{Config, missing_integration},
    daemon,
};

use super::CommandError;

/// Prints the authorization address, takes the code or the whole redirect address, exchanges it, writes the tokens.
pub async fn run(config: &Config, code: Option<String>) -> Result<ExitCode, CommandError> {
    let settings = super::amocrm(config)?;
    if settings.integration.is_none() {
        return Err(CommandError::Config(missing_integration()));
    }
    let store = super::store(config).await?;
    let crm = daemon::open_crm(&settings, config, &store)?;
    // The state ties an address to the question; whoever pastes it here has seen the question.
    let state = ulid::Ulid::new().to_string();
    let pasted = match code {
        Some(code) => code,
        None => {
            println!("1. Open this address and allow access:\n");
            println!("   {}\n", crm.tokens().authorization_url(&state)?);
            println!("2. Copy the address of the page you are sent to (it need not load), or the code in it.");
            println!("   The code works for 20 minutes and once.\n");
            print!("Paste it here and press Enter: ");
            let _ = std::io::stdout().flush();
            read_line().await?
        }
    };
    let pasted = parse_code(&pasted).map_err(|error| CommandError::Failed(error.to_string()))?;
    let info = crm.tokens().exchange_code(pasted.code.expose_secret(), pasted.referer.as_deref()).await?;
    // DATA_DIR is often a dot, which tells nobody where to look.
    let folder = config.data_dir.canonicalize().unwrap_or_else(|_| config.data_dir.clone());
    println!("Done: the tokens are written to access_token.txt and refresh_token.txt in {}", folder.display());
    if let Some(at) = info.access_expires_at {
        println!("The access token works until {} UTC and renews itself.", at.format("%Y-%m-%d %H:%M"));
    }
    println!("A running bot takes them within 30 seconds; there is no need to restart it.");
    Ok(ExitCode::SUCCESS)
}

async fn read_line() -> Result<String, CommandError> {
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    match line.await {
        Ok(Ok(line)) => Ok(line),
        _ => Err(CommandError::Failed("the answer could not be read; give it with --code".into())),
    }
}

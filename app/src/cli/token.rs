//! `offshoot token`: headers for those who talk to a process with a tool of their own. They are secrets.

use anyhow::{Context as _, Result};
use clap::Subcommand;
use offshoot_rest::ServiceKeys;

use super::arguments::module;
use crate::config::Settings;
use crate::operators::own_token;

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// The header of the first operator in the file of operators.
    #[command(after_help = "Example:\n  curl -H \"$(offshoot token operator)\" http://127.0.0.1:7070/admin/placement")]
    Operator,

    /// The header with which a module's contract can be called for five minutes.
    #[command(
        after_help = "Example:\n  curl -H \"$(offshoot token service catalog)\" http://127.0.0.1:7101/modules/catalog/v1/products"
    )]
    Service {
        /// Whose contract.
        #[arg(value_parser = module)]
        module: String,

        /// As whom: a module, or an origin of requests.
        #[arg(long = "as", value_name = "CALLER", default_value = "public")]
        caller: String,
    },
}

/// The line to be printed.
pub(super) fn header(what: &TokenCommand, settings: &Settings) -> Result<String> {
    let value = match what {
        TokenCommand::Operator => format!("Bearer {}", own_token(settings)?),
        TokenCommand::Service { module, caller } => {
            let keys = ServiceKeys::load(&settings.keys_file());
            let keys = keys.context("a process makes the service keys when it starts first")?;
            keys.of(module).token(caller)
        }
    };
    Ok(format!("Authorization: {value}"))
}

//! `offshoot token`: authorization headers for tools such as curl. The output is secret.

use anyhow::{Context as _, Result};
use clap::Subcommand;
use offshoot_rest::{LinkKeys, Operators, ServiceKeys};

use super::module_name::module;
use crate::config::Settings;

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Print the header of the first operator in the file of operators.
    #[command(after_help = "\
Example:
  curl -H \"$(offshoot token operator)\" http://127.0.0.1:7070/admin/placement

Next: `offshoot placement show` asks the same without curl.")]
    Operator,

    /// Print the header that opens an order, for a customer who has lost the token.
    #[command(after_help = "\
Example:
  curl -H \"$(offshoot token order $ORDER)\" http://127.0.0.1:7070/api/v1/orders/$ORDER

Next: give the customer the token over a channel that proves who the customer is.")]
    Order {
        /// Id of the order. Any id has a token, also one without an order.
        order: String,
    },

    /// Print a header that opens a module's contract for five minutes.
    #[command(after_help = "\
Example:
  curl -H \"$(offshoot token service catalog)\" http://127.0.0.1:7101/modules/catalog/v1/products

Next: `offshoot contract openapi catalog` prints the paths of the contract.")]
    Service {
        /// The module.
        #[arg(value_parser = module)]
        module: String,

        /// The caller: a module, or an origin of requests.
        #[arg(long = "as", value_name = "CALLER", default_value = "public")]
        caller: String,
    },
}

/// The line to print.
pub(super) fn header(what: &TokenCommand, settings: &Settings) -> Result<String> {
    let value = match what {
        TokenCommand::Operator => format!("Bearer {}", own_token(settings)?),
        TokenCommand::Order { order } => {
            let keys = LinkKeys::load(&settings.links_file());
            let keys = keys.context("a process with a public surface makes the link keys when it starts first")?;
            let token = keys.tokens(order).into_iter().next();
            return Ok(format!("Order-Token: {}", token.unwrap_or_default()));
        }
        TokenCommand::Service { module, caller } => {
            let keys = ServiceKeys::load(&settings.keys_file());
            let keys = keys.context("a process makes the service keys when it starts first")?;
            keys.for_module(module).issue_token(caller)
        }
    };
    Ok(format!("Authorization: {value}"))
}

/// The first token in the file of operators.
pub(super) fn own_token(settings: &Settings) -> Result<String> {
    Operators::first_token(&settings.operators_file())
        .context("a process makes the file when it starts first, or you do")
}

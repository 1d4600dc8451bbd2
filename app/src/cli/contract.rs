//! `offshoot contract`: the contracts of this binary, a comparison with the released descriptions, their release, and a test
//! of any server of a contract.

mod conformance;
mod released;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Subcommand;

use offshoot_contract::{ContractDescription, openapi};

use self::conformance::TestArguments;
use self::released::{Finding, Release, compare, release};
use super::module_name::module;
use super::print;
use crate::config::Settings;
use crate::wiring;

#[derive(Debug, Subcommand)]
pub(super) enum ContractCommand {
    /// Print the OpenAPI 3.1 document of a module's contract.
    #[command(after_help = "\
Example:
  offshoot contract openapi catalog > catalog.json

Next: `offshoot contract show catalog` prints the description that `offshoot contract check` compares.")]
    Openapi {
        /// The module.
        #[arg(value_parser = module)]
        module: String,
    },

    /// Print the description of a module's contract as JSON.
    #[command(after_help = "\
Example:
  offshoot contract show carts

Next: `offshoot contract check carts` compares the description with the released ones.")]
    Show {
        /// The module.
        #[arg(value_parser = module)]
        module: String,
    },

    /// Find changes that would break callers of a released contract. Exit code 1 if there is one.
    #[command(after_help = "\
Compares each contract of this binary with the released descriptions of the same major version.

Examples:
  offshoot contract check --released modules
  offshoot contract check catalog --released modules

Next: take the change back, or release a new major version of the contract.")]
    Check {
        #[command(flatten)]
        contracts: Contracts,
    },

    /// Write the description of each contract version that has none. Exit code 1 if a change would break callers.
    #[command(after_help = "\
A released description is a promise to callers in other processes and is never written again: after a change, raise
`version` in `#[contract]` first. Nothing is written if a contract breaks a released description.

Examples:
  offshoot contract release
  offshoot contract release catalog
  offshoot contract release --check

Next: commit the new files.")]
    Release {
        #[command(flatten)]
        contracts: Contracts,

        /// Write nothing; fail if a description is missing.
        #[arg(long)]
        check: bool,
    },

    /// Test whether a server follows the protocol between modules. Exit code 1 if the server deviates.
    #[command(after_help = "\
Sends requests to the server, also invalid ones, and names each answer that is not as in chassis/rest/PROTOCOL.md: the
request, the answer, and the section of the page. Takes two minutes per module at most. Without --writes, each request
is safe or must be refused, so that a server with data can be tested. A read of events is noted, and withdrawn at the
end.

The server may be written in any language. The service keys come from the data directory, as for
`offshoot token service`.

Examples:
  offshoot contract test http://127.0.0.1:7101
  offshoot contract test http://127.0.0.1:7101 --module catalog --json
  offshoot contract test http://127.0.0.1:7101 --module catalog --writes

Next: `offshoot serve` with --remote MODULE=URL sends the module's calls to the server.")]
    Test(TestArguments),
}

/// The contracts that a command is about, and their released descriptions.
#[derive(Debug, clap::Args)]
pub(super) struct Contracts {
    /// Only this module.
    #[arg(value_parser = module)]
    module: Option<String>,

    /// Folder with the released descriptions: <MODULE>/api/contract/v<MAJOR>.<MINOR>.json.
    #[arg(long, value_name = "DIR", default_value = "modules")]
    released: PathBuf,
}

impl Contracts {
    fn descriptions(&self) -> Vec<ContractDescription> {
        let mut all = wiring::descriptions();
        all.retain(|contract| self.module.as_ref().is_none_or(|module| *module == contract.name));
        all
    }
}

pub(super) async fn execute(what: &ContractCommand, settings: &Settings, json: bool) -> Result<ExitCode> {
    match what {
        ContractCommand::Openapi { module } => print(&openapi(&description(module)?), "", true)?,
        ContractCommand::Show { module } => print(&description(module)?, "", true)?,
        ContractCommand::Check { contracts } => {
            let findings = compare(&contracts.descriptions(), &contracts.released)?;
            return print_all(&findings, Finding::text, Finding::is_kept, json);
        }
        ContractCommand::Release { contracts, check } => {
            let present = contracts.descriptions();
            let findings = compare(&present, &contracts.released)?;
            if !findings.iter().all(Finding::is_kept) {
                return print_all(&findings, Finding::text, Finding::is_kept, json);
            }
            let releases = release(&present, &contracts.released, *check)?;
            return print_all(&releases, Release::text, Release::is_there, json);
        }
        ContractCommand::Test(arguments) => return conformance::execute(arguments, settings, json).await,
    }
    Ok(ExitCode::SUCCESS)
}

fn description(module: &str) -> Result<ContractDescription> {
    let mut all = wiring::descriptions().into_iter();
    all.find(|contract| contract.name == module)
        .with_context(|| format!("there is no module {module}"))
}

/// Prints a line for each result. Exit code 1 unless all are good.
fn print_all<T: serde::Serialize>(
    results: &[T],
    text: fn(&T) -> String,
    is_good: fn(&T) -> bool,
    json: bool,
) -> Result<ExitCode> {
    print(&results, &results.iter().map(text).collect::<Vec<_>>().join("\n"), json)?;
    Ok(match results.iter().all(is_good) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

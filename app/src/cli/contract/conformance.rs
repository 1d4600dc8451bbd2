//! `offshoot contract test`: the conformance test of a server, module by module.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use offshoot_conformance::{Report, Subject, serves, test_server};
use offshoot_contract::{ContractDescription, ServerUrl};
use offshoot_rest::ServiceKeys;

use super::print_all;
use crate::cli::admin_surface::tls;
use crate::cli::module_name::module;
use crate::config::Settings;
use crate::wiring;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TestArguments {
    /// Address of the server, without a path.
    #[arg(value_name = "URL")]
    url: ServerUrl,

    /// Only this module. Default: each module of this binary that the server names.
    #[arg(long, value_name = "MODULE", value_parser = module)]
    module: Option<String>,

    /// File with the description of the contract, as `offshoot contract show` prints. Default: the contract of this binary.
    #[arg(long, value_name = "FILE", conflicts_with = "module")]
    contract: Option<PathBuf>,

    /// The caller: a module, or an origin of requests. Default: a caller that this binary's declarations admit.
    #[arg(long = "as", value_name = "CALLER")]
    caller: Option<String>,

    /// Also call an unsafe method, which may add data for good. Use an empty store or a copy.
    #[arg(long)]
    writes: bool,
}

/// Exit code 1 if a server deviates.
pub(super) async fn execute(arguments: &TestArguments, settings: &Settings, json: bool) -> Result<ExitCode> {
    let TestArguments { url, writes, .. } = arguments;
    let keys = ServiceKeys::load(&settings.keys_file());
    let keys = keys.context(
        "the test signs its calls with the service keys of the deployment: name the data directory with --data-dir",
    )?;
    let mut reports = Vec::new();
    for contract in contracts(arguments, settings).await? {
        let admitted = wiring::callers_of(&contract.name);
        let caller = arguments.caller.as_deref().or(admitted.first().copied());
        let subject = Subject {
            url: url.clone(),
            tls: tls(settings)?,
            keys: keys.clone(),
            caller: caller.unwrap_or("public").to_owned(),
            contract,
            writes: *writes,
        };
        reports.push(test_server(subject).await?);
    }
    print_all(&reports, ToString::to_string, Report::is_conforming, json)
}

/// The contracts to test.
async fn contracts(arguments: &TestArguments, settings: &Settings) -> Result<Vec<ContractDescription>> {
    if let Some(file) = &arguments.contract {
        let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let contract = serde_json::from_slice(&text);
        return Ok(vec![contract.with_context(|| {
            format!(
                "{} is not a description: `offshoot contract show` prints one",
                file.display()
            )
        })?]);
    }
    let mut all = wiring::descriptions();
    if let Some(module) = &arguments.module {
        all.retain(|contract| contract.name == *module);
        return Ok(all);
    }
    let mut served = Vec::new();
    for contract in all {
        if serves(&arguments.url, tls(settings)?, &contract.name).await? {
            served.push(contract);
        }
    }
    if served.is_empty() {
        bail!(
            "{} names none of the modules of this binary in the header offshoot-contract: --module names the one to test",
            arguments.url
        );
    }
    Ok(served)
}

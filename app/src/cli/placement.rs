//! `offshoot placement`: shows and changes where a running process executes the calls of its modules.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use clap::Subcommand;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use offshoot_contract::{Problem, ServerUrl};
use offshoot_rest::{client_tls, no_tls};
use rustls::ClientConfig;

use super::module_name::module;
use super::print;
use super::token::own_token;
use crate::config::Settings;
use crate::serve::admin::{ModulePlace, WantedPlace, placement};

/// Largest response, bytes.
const MAX_ANSWER: usize = 1 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum PlacementCommand {
    /// Print the placement of each module.
    #[command(after_help = "\
Prints where calls of each module are executed, the number of calls, and the state of each address.

Examples:
  offshoot placement show
  offshoot placement show --of http://127.0.0.1:7101

Next: `offshoot placement set catalog remote` moves the calls of a module.")]
    Show {
        /// Address of the process. Default: the process that the settings describe.
        #[arg(long, value_name = "URL")]
        of: Option<ServerUrl>,
    },

    /// Place later calls of a module. No call is dropped; calls in flight end where they are.
    #[command(after_help = "\
Before calls go to other processes, these are asked for their contract and their store, and must work on the same data:
their heartbeats must arrive in the database that this process has open. A restored copy has the same store id.
The process forgets the placement when it ends; a lasting placement stands in the settings.

Examples:
  offshoot placement set catalog remote
  offshoot placement set catalog remote --at http://127.0.0.1:7101
  offshoot placement set catalog local

Next: `offshoot placement show` prints the calls at each place.")]
    Set {
        /// The module.
        #[arg(value_parser = module)]
        module: String,

        /// local, encoded or remote.
        #[arg(value_parser = place)]
        place: String,

        /// Only these of the addresses that the process was started with.
        #[arg(long, value_name = "URL", value_delimiter = ',')]
        at: Vec<String>,

        /// Only if the placement has not changed since this generation, which `offshoot placement show` prints.
        #[arg(long, value_name = "NUMBER")]
        generation: Option<u64>,

        /// Even if no process answers there, or one of another store or contract, or on other data.
        #[arg(long)]
        force: bool,

        /// Address of the process. Default: the process that the settings describe.
        #[arg(long, value_name = "URL")]
        of: Option<ServerUrl>,
    },
}

pub(super) async fn execute(what: PlacementCommand, settings: &Settings, json: bool) -> Result<()> {
    let token = own_token(settings)?;
    let modules: Vec<ModulePlace> = match what {
        PlacementCommand::Show { of } => {
            let root = root_of(of, settings);
            let answer = ask(settings, Method::GET, &root, "", &token, Bytes::new()).await?;
            serde_json::from_slice(&answer).context("the process gives an answer of another version")?
        }
        PlacementCommand::Set {
            module,
            place,
            at,
            generation,
            force,
            of,
        } => {
            let root = root_of(of, settings);
            let wanted = WantedPlace {
                placement: place,
                urls: (!at.is_empty()).then_some(at),
                generation,
                force,
            };
            let body = serde_json::to_vec(&wanted)?.into();
            let answer = ask(settings, Method::PUT, &root, &format!("/{module}"), &token, body).await?;
            let placed: ModulePlace =
                serde_json::from_slice(&answer).context("the process gives an answer of another version")?;
            if let Some(checked) = &placed.checked {
                eprintln!("checked: {checked}");
            }
            vec![placed]
        }
    };
    print(&modules, table(&modules).trim_end(), json)
}

fn root_of(of: Option<ServerUrl>, settings: &Settings) -> String {
    of.map_or_else(|| settings.admin_url(), |url| url.to_string())
}

fn table(modules: &[ModulePlace]) -> String {
    let mut table = String::new();
    // Writing to a string cannot fail.
    for module in modules {
        let ModulePlace {
            placement,
            urls,
            generation,
            ..
        } = module;
        let _ = write!(table, "{:<10} {placement:<8} {:>8} calls", module.module, module.calls);
        if *generation > 0 {
            let _ = write!(table, ", generation {generation}");
        }
        if placement != "remote" && !urls.is_empty() {
            let _ = write!(table, ", may run at {}", urls.join(", "));
        }
        table.push('\n');
        for endpoint in &module.endpoints {
            let ejected = if endpoint.ejected {
                ", ejected after failed calls"
            } else {
                ""
            };
            let (url, calls, in_flight) = (&endpoint.url, endpoint.calls, endpoint.in_flight);
            let _ = writeln!(table, "{:>10} {url}: {calls} calls, {in_flight} in flight{ejected}", "");
        }
    }
    table
}

#[expect(
    clippy::disallowed_methods,
    reason = "a client of the admin surface, which is not a contract"
)]
async fn ask(settings: &Settings, method: Method, root: &str, path: &str, token: &str, body: Bytes) -> Result<Bytes> {
    let request = Request::builder()
        .method(method)
        .uri(format!("{root}/admin/placement{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body))
        .with_context(|| format!("the request to {root} cannot be made"))?;
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls(settings)?)
        .https_or_http()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let response = client.request(request).await;
    let response = response.with_context(|| format!("no process answers at {root}: --of URL names another"))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    let body = body
        .map_err(|error| anyhow::anyhow!("the answer of {root} ended early: {error}"))?
        .to_bytes();
    if status == StatusCode::OK {
        return Ok(body);
    }
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => bail!("{}", problem.detail),
        Err(_) => bail!("{root} answers {status}: not the admin surface of a process"),
    }
}

/// Trusted authorities for a process at an https address.
pub(super) fn tls(settings: &Settings) -> Result<ClientConfig> {
    match &settings.contracts.authority {
        Some(authority) => Ok(client_tls(authority, settings.contracts.certificate().as_ref())?),
        None => Ok(no_tls()),
    }
}

fn place(text: &str) -> Result<String, String> {
    placement(text).map_or_else(
        || Err("the places are local, encoded and remote".to_owned()),
        |placement| Ok(placement.as_str().to_owned()),
    )
}

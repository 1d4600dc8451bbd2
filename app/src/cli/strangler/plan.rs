//! `offshoot strangler plan`: obstacles of a migration, the candidate's command, and the states with their times.
//!
//! Reads the settings and asks the process. Changes nothing.

use std::collections::BTreeMap;

use anyhow::Result;
use offshoot_contract::{Clock as _, SystemClock};
use offshoot_db::{DatabaseUrl, Engine};
use offshoot_strangler::{MethodKind, Settings as MigrationSettings};

use super::arguments::PlanArguments;
use super::forecast::{StateForecast, Traffic, forecast, kept_steps, waits_for_comparisons};
use super::plan_text::{self, MigrationPlan};
use crate::cli::admin_surface::{AdminError, AdminSurface};
use crate::cli::print;
use crate::config::{ModulePlacement, Settings};
use crate::serve::admin::ModulePlace;
use crate::wiring::{self, DECLARATIONS};

/// Reads of 1,000 that a migration can compare at most.
const MOST_COMPARED: u16 = 1_000;
/// Where a candidate would listen, in the printed command.
const CANDIDATE: &str = "127.0.0.1:7101";

/// Facts before a migration.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) module: String,
    /// Location of the data, without a password.
    pub(super) data: String,
    pub(super) engine: Engine,
    /// Hosts of the candidate's addresses.
    pub(super) hosts: Vec<String>,
    pub(super) urls: Vec<String>,
    pub(super) placement: String,
    /// Why the process does not answer.
    pub(super) silent: Option<String>,
    /// Modules that the candidate needs, which run in this process.
    pub(super) needs: Vec<&'static str>,
    /// Address of the contracts of this process.
    pub(super) contracts: String,
    /// Flags that lead a candidate to the same data.
    pub(super) data_flags: String,
    /// Seconds in which the process counted calls.
    pub(super) seconds: u64,
}

pub(super) async fn execute(arguments: PlanArguments, settings: &Settings, json: bool) -> Result<()> {
    let module = arguments.target.module;
    let surface = AdminSurface::of(arguments.target.of, settings)?;
    let asked: Result<Vec<ModulePlace>, AdminError> = surface.get("/admin/placement").await;
    let (place, silent) = match asked {
        Ok(places) => (places.into_iter().find(|place| place.module == module), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let facts = facts(&module, settings, place.as_ref(), silent)?;
    let traffic = traffic(&module, place.as_ref());
    let defaults = MigrationSettings::default();
    let chosen = MigrationSettings {
        sample_per_mille: arguments.sample.unwrap_or(defaults.sample_per_mille),
        ..defaults
    };
    let states = forecast(&traffic, &chosen, SystemClock.now());
    let plan = plan(&facts, &traffic, &chosen, states);
    print(&plan, &plan_text::text(&plan), json)
}

/// The plan from the facts.
pub(super) fn plan(
    facts: &Facts,
    traffic: &Traffic,
    chosen: &MigrationSettings,
    states: Vec<StateForecast>,
) -> MigrationPlan {
    let module = &facts.module;
    let kept: Vec<_> = kept_steps(&states)
        .iter()
        .map(|share| share.get().to_string())
        .collect();
    let mut start = format!("offshoot strangler start {module} --steps {}", kept.join(","));
    if chosen.sample_per_mille != MigrationSettings::default().sample_per_mille {
        start += &format!(" --sample {}", chosen.sample_per_mille);
    }
    MigrationPlan {
        module: module.clone(),
        calls_per_second: (facts.seconds > 0).then(|| traffic.rates.values().sum()),
        first: first_steps(facts),
        candidate: candidate_command(facts),
        start,
        hint: hint(module, chosen, &states),
        states,
    }
}

/// A larger sample, if the comparisons take most of the time.
fn hint(module: &str, chosen: &MigrationSettings, states: &[StateForecast]) -> Option<String> {
    let sample = chosen.sample_per_mille;
    (sample < MOST_COMPARED && waits_for_comparisons(states)).then(|| {
        format!(
            "{sample} of 1,000 reads are compared: `offshoot strangler plan {module} --sample {MOST_COMPARED}` shows how much \
             faster it is to compare all"
        )
    })
}

/// Obstacles, in the order of work.
fn first_steps(facts: &Facts) -> Vec<String> {
    let Facts {
        module, data, hosts, ..
    } = facts;
    let mut first = Vec::new();
    if let Some(why) = &facts.silent {
        first.push(format!(
            "Start the store, or name its address with --of URL: {why}. Times are unknown until then."
        ));
    }
    if facts.placement != "local" && facts.placement != "encoded" {
        first.push(format!(
            "{module} does not run in this process, where it is {}: ask the process that runs {module}, with --of URL.",
            facts.placement
        ));
    }
    let other = hosts.iter().find(|host| !is_this_machine(host));
    if let (Engine::Sqlite, Some(host)) = (facts.engine, other) {
        first.push(format!(
            "{module} has its data in {data}, a file that {host} cannot open: move the data to Postgres first, or start the \
             candidate on this machine."
        ));
    }
    if facts.urls.is_empty() {
        first.push(format!(
            "No process knows an address of a candidate: restart `offshoot serve` with --urls {module}=http://HOST:PORT, in \
             every process that calls {module}."
        ));
    }
    first
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// The command that starts a candidate on the same data.
fn candidate_command(facts: &Facts) -> String {
    let Facts {
        module,
        data_flags,
        contracts,
        ..
    } = facts;
    let listen = facts.urls.first().and_then(|url| url.split_once("://"));
    let listen = listen.map_or(CANDIDATE, |(_, authority)| {
        authority.split(['/', '#']).next().unwrap_or(authority)
    });
    let mut command = format!("offshoot serve --only {module} --candidate --listen {listen} {data_flags}");
    let needs: Vec<_> = facts.needs.iter().map(|need| format!("{need}={contracts}")).collect();
    if !needs.is_empty() {
        command += &format!(" --remote {}", needs.join(","));
    }
    command
}

fn facts(module: &str, settings: &Settings, place: Option<&ModulePlace>, silent: Option<String>) -> Result<Facts> {
    let url = settings.database_url(module)?;
    let set = settings.modules.get(module);
    let addresses = set.map(|set| &set.urls[..]).unwrap_or_default();
    let known = addresses.iter().map(ToString::to_string).collect();
    let urls: Vec<String> = place.map_or(known, |place| place.urls.clone());
    let hosts = urls.iter().filter_map(|url| {
        let parsed = url.split('#').next()?.parse::<offshoot_contract::ServerUrl>().ok()?;
        Some(parsed.host().to_owned())
    });
    let declared = DECLARATIONS.iter().find(|declared| declared.name == module);
    let needs = declared.map(|declared| [declared.calls, declared.subscribes_to].concat());
    let mut needs = needs.unwrap_or_default();
    needs.sort_unstable();
    needs.dedup();
    let placement = set.map_or("off", |set| match set.placement {
        ModulePlacement::Local => "local",
        ModulePlacement::Encoded => "encoded",
        ModulePlacement::Remote => "remote",
        ModulePlacement::Off => "off",
    });
    let contracts = settings.contracts.listen.unwrap_or(settings.listen);
    let scheme = if settings.contracts.certificate.is_some() {
        "https"
    } else {
        "http"
    };
    Ok(Facts {
        module: module.to_owned(),
        data: url.to_string(),
        engine: url.engine(),
        hosts: hosts.collect(),
        urls,
        placement: place.map_or(placement.to_owned(), |place| place.placement.clone()),
        silent,
        needs,
        contracts: format!("{scheme}://{contracts}"),
        data_flags: data_flags(&url),
        seconds: place.map_or(0, |place| place.seconds),
    })
}

fn data_flags(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Sqlite(directory) => format!("--data-dir {}", directory.display()),
        url => format!("--database '{url}'"),
    }
}

/// The calls so far, by method of the contract.
fn traffic(module: &str, place: Option<&ModulePlace>) -> Traffic {
    let contract = wiring::descriptions()
        .into_iter()
        .find(|contract| contract.name == module);
    let methods = contract.map(|contract| contract.methods).unwrap_or_default();
    let kinds = methods.iter().map(|method| MethodKind {
        name: method.name.clone(),
        safe: method.class == "safe",
    });
    let mut rates = BTreeMap::new();
    if let Some(place) = place.filter(|place| place.seconds > 0) {
        for (method, calls) in &place.methods {
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let rate = *calls as f64 / place.seconds as f64;
            rates.insert(method.clone(), rate);
        }
    }
    Traffic {
        methods: kinds.collect(),
        rates,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            module: "carts".to_owned(),
            data: "sqlite:/srv/store".to_owned(),
            engine: Engine::Sqlite,
            hosts: vec!["127.0.0.1".to_owned()],
            urls: vec!["http://127.0.0.1:7101".to_owned()],
            placement: "local".to_owned(),
            silent: None,
            needs: vec!["catalog"],
            contracts: "http://127.0.0.1:7070".to_owned(),
            data_flags: "--data-dir /srv/store".to_owned(),
            seconds: 3_600,
        }
    }

    #[test]
    fn data_that_the_other_machine_cannot_open_and_a_missing_address_come_first() {
        assert_eq!(first_steps(&facts()), Vec::<String>::new());
        let elsewhere = Facts {
            hosts: vec!["10.0.0.7".to_owned()],
            ..facts()
        };
        assert_eq!(
            first_steps(&elsewhere),
            [
                "carts has its data in sqlite:/srv/store, a file that 10.0.0.7 cannot open: move the data to Postgres first, or \
              start the candidate on this machine."
            ]
        );
        let unknown = Facts {
            urls: Vec::new(),
            hosts: Vec::new(),
            ..facts()
        };
        assert_eq!(
            first_steps(&unknown),
            [
                "No process knows an address of a candidate: restart `offshoot serve` with --urls carts=http://HOST:PORT, in \
              every process that calls carts."
            ]
        );
        let silent = Facts {
            silent: Some("no process answers at http://127.0.0.1:7070: --of URL names another".to_owned()),
            ..facts()
        };
        assert_eq!(
            first_steps(&silent),
            [
                "Start the store, or name its address with --of URL: no process answers at http://127.0.0.1:7070: --of URL \
              names another. Times are unknown until then."
            ]
        );
    }

    #[test]
    fn the_candidate_works_on_the_same_data_and_calls_this_process() {
        assert_eq!(
            candidate_command(&facts()),
            "offshoot serve --only carts --candidate --listen 127.0.0.1:7101 --data-dir /srv/store --remote \
             catalog=http://127.0.0.1:7070"
        );
    }

    #[test]
    fn the_plan_lists_the_states_with_the_slowest_gate_of_each_kind() {
        let method = |name: &str, safe| MethodKind {
            name: name.to_owned(),
            safe,
        };
        let traffic = Traffic {
            methods: vec![method("cart", true), method("put", false)],
            rates: BTreeMap::from([("cart".to_owned(), 9.0), ("put".to_owned(), 1.0)]),
        };
        let chosen = MigrationSettings::default();
        let states = forecast(&traffic, &chosen, SystemClock.now());
        let text = plan_text::text(&plan(&facts(), &traffic, &chosen, states));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "carts: 10.0 calls a second since the process started");
        assert!(
            lines.contains(&"  offshoot strangler start carts --steps 1,5,25,50"),
            "{text}"
        );
        assert!(
            text.contains("encoded    20 s         encoding:put 20 (20 s)"),
            "{text}"
        );
        assert!(
            text.contains("shadow     3 h 47 min   mismatch-all 12,295 (3 h 47 min)"),
            "{text}"
        );
    }
}

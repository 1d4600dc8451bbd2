//! Gates that are facts: about the members, the candidate and the module's data.

use crate::gate::{Gate, GateId, GateKind};
use crate::migration::Migration;
use crate::plan::{Work, work};
use crate::state::State;
use crate::view::{Candidate, Member, View};

/// The facts that gate the step to `to`.
pub(crate) fn facts(migration: &Migration, view: &View, to: State) -> Vec<Gate> {
    let mut gates = vec![members(migration, view)];
    gates.extend(candidate(migration, view));
    gates.push(Gate::fact(GateId::new(GateKind::Address, ""), addresses(view, to)));
    if to == State::Encoded {
        gates.push(strangers(view));
    }
    if to == State::Detached {
        let features = require_each(
            view,
            |member| !member.has_implementation,
            "has the implementation in its binary: start a build without the module's feature",
        );
        gates.push(Gate::fact(GateId::new(GateKind::Features, ""), features));
    }
    gates
}

/// Whether each live member runs the plan of the current generation.
fn members(migration: &Migration, view: &View) -> Gate {
    let current = migration.generation;
    let found = if view.members.is_empty() {
        Err("no process routes calls of the module".to_owned())
    } else {
        let late = view.members.iter().find(|member| member.acknowledged != current);
        late.map_or(Ok(()), |member| {
            let (name, acknowledged) = (&member.name, member.acknowledged);
            Err(format!(
                "{name} runs the plan of generation {acknowledged}, not {current}"
            ))
        })
    };
    Gate::fact(GateId::new(GateKind::Members, ""), found)
}

/// Whether each live member can send its calls where the next state wants them. A process that does not run the module sends all
/// calls to its addresses: to the members before the candidate takes over, and to the candidate at the end.
fn addresses(view: &View, to: State) -> Result<(), String> {
    if to == State::Detached {
        return require_each(view, |member| member.has_address, "sends no calls to the candidate");
    }
    let knows_one = |member: &Member| member.has_address || !member.runs;
    require_each(view, knows_one, "knows no address of the candidate")?;
    if to == State::Remote {
        return Ok(());
    }
    let early = "does not run the module and sends all calls to the candidate: start it with an address of the store until the \
                 module is at remote";
    require_each(view, |member| member.runs || !member.has_address, early)
}

fn require_each(view: &View, holds: impl Fn(&Member) -> bool, otherwise: &str) -> Result<(), String> {
    let exception = view.members.iter().find(|member| !holds(member));
    exception.map_or(Ok(()), |member| Err(format!("{} {otherwise}", member.name)))
}

fn strangers(view: &View) -> Gate {
    let found = view.strangers.first().map_or(Ok(()), |stranger| {
        Err(format!(
            "{stranger} works on the module's data and is neither a member nor the candidate"
        ))
    });
    Gate::fact(GateId::new(GateKind::Strangers, ""), found)
}

/// Gates about the candidate: whether one answers, which one, and on which data.
pub(crate) fn candidate(migration: &Migration, view: &View) -> [Gate; 3] {
    let missing = || Err("no address of the candidate answers".to_owned());
    let candidate = view.candidate.as_ref();
    let works = candidate.map_or_else(missing, |candidate| {
        let is_early = candidate.works && work(migration) == Work::Home;
        let why = "the candidate does background work before the plan allows it: start it with --candidate";
        if is_early { Err(why.to_owned()) } else { Ok(()) }
    });
    let data = candidate.map_or_else(missing, |candidate| {
        let why =
            "the candidate has no heartbeat in this module's database: it works on other data, such as a restored copy";
        if candidate.same_data {
            Ok(())
        } else {
            Err(candidate.fault.clone().unwrap_or_else(|| why.to_owned()))
        }
    });
    [
        Gate::fact(GateId::new(GateKind::Candidate, ""), works),
        Gate::fact(
            GateId::new(GateKind::Identity, ""),
            candidate.map_or_else(missing, identity),
        ),
        Gate::fact(GateId::new(GateKind::Data, ""), data),
    ]
}

fn identity(candidate: &Candidate) -> Result<(), String> {
    let Some(found) = &candidate.identity else {
        let different = || "the candidate's addresses show different builds".to_owned();
        return Err(candidate.fault.clone().unwrap_or_else(different));
    };
    let expected = &candidate.expected;
    let compared = [
        ("contract", &found.contract, &expected.contract),
        ("newest migration", &found.migration, &expected.migration),
    ];
    let different = compared.iter().find(|(_, found, expected)| found != expected);
    different.map_or(Ok(()), |(what, found, expected)| {
        Err(format!(
            "the candidate has the {what} {found}, this store has {expected}"
        ))
    })
}

//! Load of a Postgres server: its limit, the budgets of the processes on it, and the share of each. Pure.

use std::collections::BTreeMap;
use std::fmt;

/// Connections that the processes of the store leave to people and their tools.
pub(crate) const LEFT_FOR_PEOPLE: u32 = 10;
/// Smallest share of a module in a process: one connection for calls, one for upkeep.
pub(crate) const MIN_SHARE: u32 = 2;

/// Connection limit of a Postgres server, and who is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLoad {
    /// `host:port` of the server.
    pub address: String,
    /// Connections that the server gives to logins without privileges.
    pub limit: u32,
    /// Budgets of all modules in all processes of the store, by process.
    pub budgets: Vec<ModuleBudget>,
    /// Open connections of everybody else.
    pub others: u32,
}

/// Budget of one module in one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleBudget {
    /// Id of the process.
    pub process: String,
    /// Name of the module.
    pub module: String,
    /// Largest number of connections, by the settings of the process.
    pub limit: u32,
    /// Whether the settings name the number. Otherwise the share may be smaller.
    pub is_fixed: bool,
    /// Open connections.
    pub open: u32,
}

impl ServerLoad {
    /// Connections that a module may open: the budget where that is fixed, and a fair share otherwise.
    #[must_use]
    pub fn share(&self, budget: &ModuleBudget) -> u32 {
        match budget.is_fixed {
            true => budget.limit,
            false => budget.limit.min(self.level()),
        }
    }

    /// Connections that all modules may open.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.budgets.iter().map(|budget| self.share(budget)).sum()
    }

    /// Connections left beside the modules and everybody else; negative if the server is overbooked.
    #[must_use]
    pub fn left(&self) -> i64 {
        i64::from(self.limit) - i64::from(self.others) - i64::from(self.total())
    }

    /// Whether the store leaves too few connections for people.
    #[must_use]
    pub fn is_overbooked(&self) -> bool {
        self.left() < i64::from(LEFT_FOR_PEOPLE)
    }

    /// Connections that a process may open in all its modules.
    #[must_use]
    pub fn total_of(&self, process: &str) -> u32 {
        let own = self.budgets.iter().filter(|budget| budget.process == process);
        own.map(|budget| self.share(budget)).sum()
    }

    /// Largest share such that all shares fit. Modules that need less leave the rest to the others.
    fn level(&self) -> u32 {
        let fixed = self.budgets.iter().filter(|budget| budget.is_fixed);
        let taken: u32 = fixed.map(|budget| budget.limit).sum();
        let mut available = self.limit.saturating_sub(self.others + LEFT_FOR_PEOPLE + taken);
        let shared = self.budgets.iter().filter(|budget| !budget.is_fixed);
        let mut limits: Vec<_> = shared.map(|budget| budget.limit).collect();
        limits.sort_unstable();
        let mut level = u32::MAX;
        let count = limits.len();
        for (index, limit) in limits.into_iter().enumerate() {
            level = available / u32::try_from(count - index).unwrap_or(u32::MAX);
            if limit > level {
                break;
            }
            available -= limit;
            level = u32::MAX;
        }
        level.max(MIN_SHARE)
    }
}

/// One line: each process with its modules and sum, and the sum of all.
impl fmt::Display for ServerLoad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Postgres at {} gives {} connections: ", self.address, self.limit)?;
        let mut processes = BTreeMap::<_, Vec<_>>::new();
        for budget in &self.budgets {
            processes
                .entry(&budget.process)
                .or_default()
                .push(budget.module.as_str());
        }
        for (process, modules) in processes {
            let (total, modules) = (self.total_of(process), modules.join(", "));
            write!(f, "process {process} ({modules}) may open {total}, ")?;
        }
        write!(f, "others have {} open, ", self.others)?;
        match self.left() {
            left @ 0.. => write!(f, "{left} are left"),
            missing => write!(f, "{} are missing", -missing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ModuleBudget, ServerLoad};

    fn load(limit: u32, others: u32, budgets: &[(&str, u32, bool)]) -> ServerLoad {
        let budget = |(number, (process, limit, is_fixed)): (usize, &(&str, u32, bool))| ModuleBudget {
            process: (*process).to_owned(),
            module: format!("m{number}"),
            limit: *limit,
            is_fixed: *is_fixed,
            open: 0,
        };
        ServerLoad {
            address: "db:5432".to_owned(),
            limit,
            budgets: budgets.iter().enumerate().map(budget).collect(),
            others,
        }
    }

    fn shares(load: &ServerLoad) -> Vec<u32> {
        load.budgets.iter().map(|budget| load.share(budget)).collect()
    }

    #[test]
    fn eight_separate_modules_leave_connections_for_people_on_a_server_with_the_default_limit() {
        let apart: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h"]
            .map(|process| (process, 32, false))
            .into();
        let load = load(97, 0, &apart);
        assert_eq!(shares(&load), [10; 8]);
        assert!(load.left() >= 10 && !load.is_overbooked(), "{load}");
    }

    #[test]
    fn a_server_with_room_gives_every_process_its_whole_budget() {
        let load = load(97, 5, &[("a", 32, false), ("b", 32, false)]);
        assert_eq!((shares(&load), load.left()), (vec![32, 32], 28));
    }

    #[test]
    fn small_budgets_leave_the_rest_to_the_others() {
        let load = load(
            60,
            0,
            &[("a", 4, false), ("a", 4, false), ("b", 32, false), ("c", 32, false)],
        );
        assert_eq!(shares(&load), [4, 4, 21, 21]);
    }

    #[test]
    fn a_fixed_budget_comes_before_the_shares() {
        let load = load(60, 0, &[("a", 40, true), ("b", 32, false)]);
        assert_eq!((shares(&load), load.left()), (vec![40, 10], 10));
    }

    #[test]
    fn a_module_on_a_full_server_may_open_two_connections() {
        let load = load(97, 97, &[("a", 32, false)]);
        assert_eq!((shares(&load), load.left(), load.is_overbooked()), (vec![2], -2, true));
    }

    #[test]
    fn the_sum_is_told_by_process() {
        let load = load(97, 3, &[("a", 4, false), ("a", 4, false), ("b", 40, true)]);
        assert_eq!(
            load.to_string(),
            "Postgres at db:5432 gives 97 connections: process a (m0, m1) may open 8, process b (m2) may open 40, \
             others have 3 open, 46 are left"
        );
    }
}

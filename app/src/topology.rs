//! Placement and calls of all modules, from the settings alone, without any connection.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use offshoot_strangler::{Migration, State};
use serde::Serialize;

use crate::config::{ModulePlacement, Settings};
use crate::wiring::{DECLARATIONS, ORIGINS, is_built};

/// The modules that the public API calls.
pub(crate) fn public_modules() -> &'static [&'static str] {
    let public = ORIGINS.iter().find(|origin| origin.name == "public");
    public.map_or(&[], |public| public.calls)
}

/// The store as seen by a process with given settings.
#[derive(Debug, Serialize)]
pub struct Topology {
    modules: Vec<Node>,
    /// Callees of the public API in this process; empty if this process has no public API.
    public: Vec<&'static str>,
    /// Modules whose calls a migration routes, not the settings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    moving: Vec<Moving>,
}

/// A module that moves, as the data directory remembers.
#[derive(Debug, Serialize)]
struct Moving {
    module: String,
    state: State,
    generation: u64,
}

/// One module.
#[derive(Debug, Serialize)]
struct Node {
    module: &'static str,
    /// `local`, `encoded`, `remote` or `off`.
    placement: &'static str,
    /// Addresses where the module runs, or may be called later.
    urls: Vec<String>,
    /// Database of a module that runs here, without the password.
    data: Option<String>,
    calls: &'static [&'static str],
    /// The modules whose events the module handles.
    subscribes_to: &'static [&'static str],
}

impl Topology {
    /// The topology of a process with these settings.
    pub fn from_settings(settings: &Settings) -> anyhow::Result<Self> {
        let mut modules = Vec::new();
        for declaration in DECLARATIONS {
            let module = declaration.name;
            let Some(set) = settings.modules.get(module) else {
                continue;
            };
            // A module that is not part of this binary can only be called.
            let built = is_built(module);
            let placement = match set.placement {
                ModulePlacement::Local if built => "local",
                ModulePlacement::Encoded if built => "encoded",
                ModulePlacement::Off => "off",
                _ if set.urls.is_empty() => "off",
                _ => "remote",
            };
            let is_here = matches!(placement, "local" | "encoded");
            modules.push(Node {
                module,
                placement,
                urls: set.urls.iter().map(ToString::to_string).collect(),
                data: is_here
                    .then(|| settings.database_url(module))
                    .transpose()?
                    .map(|url| url.to_string()),
                calls: declaration.calls,
                subscribes_to: declaration.subscribes_to,
            });
        }
        let has = |name: &&str| {
            modules
                .iter()
                .any(|node| node.module == *name && node.placement != "off")
        };
        let public = if public_modules().iter().all(has) {
            public_modules().to_vec()
        } else {
            Vec::new()
        };
        Ok(Self {
            modules,
            public,
            moving: Vec::new(),
        })
    }

    /// The topology with the migrations that have not ended. `records`: by module.
    #[must_use]
    pub fn with_migrations(mut self, records: &BTreeMap<String, Migration>) -> Self {
        let started = records.iter().filter(|(_, record)| record.started);
        self.moving.extend(started.map(|(module, record)| Moving {
            module: module.clone(),
            state: record.state,
            generation: record.generation,
        }));
        self
    }

    /// A Mermaid flowchart: processes are boxes; calls and events are arrows, dotted between processes.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut chart = String::from("flowchart LR\n  subgraph here[this process]\n");
        // Writing to a string cannot fail.
        if !self.public.is_empty() {
            chart.push_str("    public([public API])\n");
        }
        for node in self.modules.iter().filter(|node| node.is_here()) {
            let _ = writeln!(chart, "    {}", node.module);
        }
        chart.push_str("  end\n");
        for node in self.modules.iter().filter(|node| node.placement == "remote") {
            let _ = writeln!(
                chart,
                "  {}[{}<br/>{}]",
                node.module,
                node.module,
                node.urls.join("<br/>")
            );
        }
        let callers = self.modules.iter().filter(|node| node.is_here());
        let callers = callers.map(|node| (node.module, node.calls));
        for (caller, calls) in callers.chain([("public", &self.public[..])]) {
            for callee in calls {
                let _ = writeln!(chart, "  {caller} {} {callee}", self.arrow(callee));
            }
        }
        for node in self.modules.iter().filter(|node| node.is_here()) {
            for publisher in node.subscribes_to {
                let _ = writeln!(chart, "  {publisher} {}|events| {}", self.arrow(publisher), node.module);
            }
        }
        chart
    }

    /// Arrow of a call to the module, or of events from the module; dotted if the module runs elsewhere.
    fn arrow(&self, module: &str) -> &'static str {
        let is_here = |node: &Node| node.module == module && node.is_here();
        if self.modules.iter().any(is_here) {
            "-->"
        } else {
            "-.->"
        }
    }
}

impl Node {
    fn is_here(&self) -> bool {
        matches!(self.placement, "local" | "encoded")
    }

    fn place(&self) -> String {
        match (&self.data, self.placement) {
            (Some(data), _) if self.urls.is_empty() => data.clone(),
            (Some(data), _) => format!("{data}; may run at {}", self.urls.join(", ")),
            (None, "remote") => self.urls.join(", "),
            _ => String::new(),
        }
    }
}

/// Prints a table.
impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<13} {:<8} {:<28} {:<18} where",
            "module", "runs", "calls", "subscribes to"
        )?;
        for node in &self.modules {
            let (calls, publishers, place) = (node.calls.join(", "), node.subscribes_to.join(", "), node.place());
            let line = format!(
                "{:<13} {:<8} {calls:<28} {publishers:<18} {place}",
                node.module, node.placement
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        let public = if self.public.is_empty() {
            "none: a module that the public API needs is off".to_owned()
        } else {
            self.public.join(", ")
        };
        write!(f, "{:<13} {:<8} {public}", "public", "")?;
        for Moving {
            module,
            state,
            generation,
        } in &self.moving
        {
            write!(
                f,
                "\n{module} moves: {state}, generation {generation}, when a process of this data directory ran last; \
                 `offshoot strangler status {module}` asks a process"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, load_from};

    fn topology(flags: &[(&str, &str)]) -> Topology {
        let mut given = Flags::default();
        for (key, value) in flags {
            given.set("a flag", *key, *value);
        }
        Topology::from_settings(&load_from(None, [], &given).expect("valid").settings).expect("valid")
    }

    #[test]
    fn the_chart_and_the_table_show_modules_in_other_processes() {
        let split = topology(&[
            ("modules.catalog.placement", "remote"),
            ("modules.catalog.urls", "http://10.0.0.7:1,http://10.0.0.8:1"),
            ("modules.orders.urls", "http://10.0.0.9:1"),
        ]);
        let chart = split.mermaid();
        assert!(
            chart.contains("carts -.-> catalog") && chart.contains("orders --> carts"),
            "{chart}"
        );
        assert!(
            chart.contains("catalog -.->|events| storefront") && chart.contains("orders -->|events| reporting"),
            "{chart}"
        );
        assert!(
            chart.contains("public -.-> catalog") && chart.contains("10.0.0.8:1"),
            "{chart}"
        );
        let table = split.to_string();
        assert!(table.contains("catalog       remote"), "{table}");
        assert!(table.contains("may run at http://10.0.0.9:1"), "{table}");
        let alone = topology(&[
            ("modules.carts.placement", "off"),
            ("database", "postgres://shop:s3cret@db/store"),
        ]);
        assert!(
            alone
                .to_string()
                .contains("none: a module that the public API needs is off"),
            "{alone}"
        );
        assert!(!alone.to_string().contains("s3cret"), "{alone}");
    }
    #[test]
    fn a_moving_module_has_a_line_with_the_command_that_asks_a_process() {
        let now = offshoot_contract::Timestamp::from_micros(0).expect("valid");
        let record = |started| Migration {
            started,
            generation: 7,
            state: State::Shadow,
            ..Migration::new(1, now)
        };
        let records = BTreeMap::from([
            ("catalog".to_owned(), record(true)),
            ("carts".to_owned(), record(false)),
        ]);
        let table = topology(&[]).with_migrations(&records).to_string();
        assert_eq!(
            table.lines().last(),
            Some(
                "catalog moves: shadow, generation 7, when a process of this data directory ran last; \
                 `offshoot strangler status catalog` asks a process"
            )
        );
    }
}

//! Which module runs where and who calls whom, from the settings alone: nothing is connected to.

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::config::{ModulePlacement, Settings};
use crate::serve::host::database_url;
use crate::wiring::schemas;

/// Which modules each one calls. A test holds it against the wiring.
const CALLS: [(&str, &[&str]); 8] = [
    ("catalog", &[]),
    ("inventory", &[]),
    ("carts", &["catalog"]),
    ("payments", &[]),
    ("orders", &["carts", "inventory", "payments"]),
    ("storefront", &[]),
    ("notifications", &[]),
    ("reporting", &[]),
];
/// Whose events a module hears. The same test holds it against what the modules say.
const HEARS: [(&str, &[&str]); 4] = [
    ("carts", &["catalog"]),
    ("storefront", &["catalog", "inventory"]),
    ("notifications", &["orders"]),
    ("reporting", &["orders"]),
];
/// What the public side calls.
pub(crate) const PUBLIC: &[&str] = &[
    "catalog",
    "inventory",
    "carts",
    "orders",
    "storefront",
    "notifications",
    "reporting",
];

/// The store as a process with these settings sees it.
#[derive(Debug, Serialize)]
pub struct Topology {
    modules: Vec<Node>,
    /// What the public side of this process calls; empty if it has none.
    public: Vec<&'static str>,
}

/// One module.
#[derive(Debug, Serialize)]
struct Node {
    module: &'static str,
    /// `local`, `encoded`, `remote` or `off`.
    placement: &'static str,
    /// Where it runs, or may be called too.
    urls: Vec<String>,
    /// Where its data is, if it runs here; without a password.
    data: Option<String>,
    calls: &'static [&'static str],
    /// Whose events it hears.
    hears: &'static [&'static str],
}

impl Topology {
    /// Of a process with these settings.
    pub fn of(settings: &Settings) -> anyhow::Result<Self> {
        let mut modules = Vec::new();
        for (module, calls) in CALLS {
            let Some(set) = settings.modules.get(module) else {
                continue;
            };
            // What is no part of this binary can only be called.
            let built = schemas().iter().any(|schema| schema.module == module);
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
                    .then(|| database_url(settings, module))
                    .transpose()?
                    .map(|url| url.to_string()),
                calls,
                hears: HEARS
                    .iter()
                    .find(|(hearer, _)| *hearer == module)
                    .map_or(&[], |(_, heard)| heard),
            });
        }
        let has = |name: &&str| {
            modules
                .iter()
                .any(|node| node.module == *name && node.placement != "off")
        };
        let public = if PUBLIC.iter().all(has) {
            PUBLIC.to_vec()
        } else {
            Vec::new()
        };
        Ok(Self { modules, public })
    }

    /// As a Mermaid flowchart: processes as boxes, calls and events as arrows, dotted where they cross processes.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut chart = String::from("flowchart LR\n  subgraph here[this process]\n");
        // Writing to a string cannot fail.
        if !self.public.is_empty() {
            chart.push_str("    public([public side])\n");
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
            for heard in node.hears {
                let _ = writeln!(chart, "  {heard} {}|events| {}", self.arrow(heard), node.module);
            }
        }
        chart
    }

    /// To a module, or from it.
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

/// A table.
impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<13} {:<8} {:<28} {:<18} where",
            "module", "runs", "calls", "hears"
        )?;
        for node in &self.modules {
            let (calls, hears, place) = (node.calls.join(", "), node.hears.join(", "), node.place());
            let line = format!(
                "{:<13} {:<8} {calls:<28} {hears:<18} {place}",
                node.module, node.placement
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        let public = if self.public.is_empty() {
            "none: a module that it needs is off".to_owned()
        } else {
            self.public.join(", ")
        };
        write!(f, "{:<13} {:<8} {public}", "public", "")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::{Flags, load_from, module_names};

    fn topology(flags: &[(&str, &str)]) -> Topology {
        let mut given = Flags::default();
        for (key, value) in flags {
            given.set("a flag", *key, *value);
        }
        Topology::of(&load_from(None, [], &given).expect("valid").settings).expect("valid")
    }

    #[test]
    fn it_has_every_module_and_calls_what_the_wiring_hands_out() {
        let wiring = include_str!("wiring.rs");
        let mut handed: Vec<(&str, &str)> = Vec::new();
        for place in wiring.split("needed(&").skip(1) {
            if let Some((callee, rest)) = place.split_once(", \"")
                && let Some((caller, _)) = rest.split_once("\")")
            {
                handed.push((caller, callee));
            }
        }
        let declared = CALLS
            .iter()
            .flat_map(|(caller, calls)| calls.iter().map(move |callee| (*caller, *callee)));
        assert_eq!(handed, declared.collect::<Vec<_>>());
        for (callee, callers) in crate::wiring::callers() {
            let calls = |(_, calls): &&(&str, &[&str])| calls.contains(&callee);
            let calling = CALLS.iter().chain(&HEARS).chain([&("public", PUBLIC)]).filter(calls);
            let calling: BTreeSet<_> = calling.map(|(caller, _)| *caller).collect();
            // The commands of this binary are no part of the picture.
            let admitted = callers.iter().filter(|caller| !["import", "replay"].contains(caller));
            assert_eq!(calling, admitted.copied().collect(), "callers of {callee}");
        }
        let hears = HEARS
            .iter()
            .flat_map(|(hearer, heard)| heard.iter().map(move |heard| (*hearer, *heard)));
        assert_eq!(crate::wiring::hearing::heard(), hears.collect());
        let mut names: Vec<_> = CALLS.iter().map(|(name, _)| (*name).to_owned()).collect();
        names.sort();
        assert_eq!(names, module_names());
    }

    #[test]
    fn what_leaves_the_process_is_seen() {
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
            alone.to_string().contains("none: a module that it needs is off"),
            "{alone}"
        );
        assert!(!alone.to_string().contains("s3cret"), "{alone}");
    }
}

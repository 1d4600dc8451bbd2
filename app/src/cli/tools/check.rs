//! `offshoot check`: rules over the sources of this project or of any other.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use offshoot_check::{Baseline, BaselineComparison, CheckError, Project, Violation};
use serde::Serialize;

use super::super::{MISUSE, print};

/// Long help of the command.
pub(super) const HELP: &str = "\
What is found, by rule:
  foreign-table   SQL of a module that names another module's table, the search path, another role or database
  foreign-key     a migration that refers to another module's table
  foreign-view    a migration that makes a view of another module's table
  implementation  a dependency on another module's implementation
  cycle           modules whose contracts depend on each other in a circle
  sql             SQL outside of sql!, or in code that has no data
  engines         SQL that SQLite and Postgres understand differently, a migration without its twin for the other engine
  blocking        a migration that keeps readers or writers out of a Postgres table while it reads or writes all rows
  declaration     a module that the application's declaration, features, dependencies or migrations lack, and the
                  reverse; a call or a subscription that is not declared, or declared and not made
  state           a field or static that changes in memory between calls, which a second process has not
  allow           an allowance without a reason, or one that allows nothing

One place is allowed by a comment on the line before, which says why:
  // offshoot: allow(state) counts for operators; no answer depends on it

Modules are looked for in `modules/NAME` with their contract in `api`, migrations in `migrations/NAME`. A project that
has them elsewhere says so in offshoot-check.toml in its root, with what differs of:
  modules = \"modules\"
  contract = \"api\"
  migrations = \"migrations/{module}\"
  sql_macro = \"sql\"
  chassis_prefix = \"offshoot_\"
  without_data = [\"app/src\"]
  declarations = \"app/src/wiring.rs\"

An application may declare its modules in the last of these, with macros of its own. Without `modules!` in that file
nothing is checked about declarations. A crate below the application calls as the origin in its CallContext::root:
  modules! { orders: orders_api::v1::OrdersApi, \"orders\", \"orders-stub\", calls [carts], subscribes_to [catalog]; }
  origins! { public: calls [carts, orders]; }

Examples:
  offshoot check
  offshoot check --baseline known-violations --write-baseline
  offshoot check --baseline known-violations

Next: remove the violation, or allow it with a reason; `offshoot topology` prints the declared calls.

Exit codes: 0 nothing new, 1 something new or a stale line in the baseline, 2 no project to check.";

#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArguments {
    /// Root of the project.
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,

    /// File of known violations, one per line. Only new violations and stale lines are reported.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Write the baseline anew, with all violations.
    #[arg(long, requires = "baseline")]
    write_baseline: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    violations: Vec<Row>,
    /// Number of violations in the baseline.
    known: usize,
    /// Lines of the baseline without a violation.
    stale: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    path: String,
    line: usize,
    rule: &'static str,
    message: String,
}

impl Row {
    fn from_violation(violation: &Violation) -> Self {
        Self {
            path: violation.path.clone(),
            line: violation.line,
            rule: violation.rule.as_str(),
            message: violation.message.clone(),
        }
    }
}

pub(super) fn execute(arguments: &CheckArguments, json: bool) -> Result<ExitCode> {
    let project = match Project::read(&arguments.root) {
        Err(error @ (CheckError::NoModules { .. } | CheckError::Settings { .. })) => {
            eprintln!("error: {error}");
            return Ok(ExitCode::from(MISUSE));
        }
        project => project?,
    };
    let violations = project.violations();
    let compared = match &arguments.baseline {
        Some(file) if arguments.write_baseline => {
            std::fs::write(file, Baseline::render(&violations))
                .with_context(|| format!("the baseline {} cannot be written", file.display()))?;
            let known = violations;
            BaselineComparison {
                known,
                ..BaselineComparison::default()
            }
        }
        Some(file) => read(file)?.compare(violations),
        None => Baseline::default().compare(violations),
    };
    let report = Report {
        violations: compared.new.iter().map(Row::from_violation).collect(),
        known: compared.known.len(),
        stale: compared.stale.clone(),
    };
    print(&report, &text(&compared, project.modules().len()), json)?;
    if !compared.stale.is_empty() {
        eprintln!("lines of the baseline are stale: write it anew with --write-baseline");
    }
    let is_clean = compared.new.is_empty() && compared.stale.is_empty();
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(file: &Path) -> Result<Baseline> {
    let text = std::fs::read_to_string(file).with_context(|| {
        format!(
            "the baseline {} cannot be read (--write-baseline makes it)",
            file.display()
        )
    })?;
    Ok(Baseline::parse(&text))
}

fn text(compared: &BaselineComparison, modules: usize) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for violation in &compared.new {
        let _ = writeln!(text, "{violation}");
    }
    for line in &compared.stale {
        let _ = writeln!(text, "stale: {line}");
    }
    let _ = match compared.known.len() {
        0 => write!(text, "{modules} modules, {} violations", compared.new.len()),
        known => write!(
            text,
            "{modules} modules, {} new violations, {known} in the baseline",
            compared.new.len()
        ),
    };
    text
}

//! Whose tables are whose: those that a module's migrations make, and those that its `tables.toml` names.

use std::collections::{BTreeMap, BTreeSet};

use crate::project::Project;
use crate::sql::{Word, statements};

/// The file in which a module may list its tables, beside its migrations.
const LIST: &str = "/tables.toml";

/// The tables of each module.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    of: BTreeMap<String, BTreeSet<String>>,
    /// What the chassis's tables begin with.
    chassis_prefix: String,
}

impl Tables {
    pub(crate) fn of(project: &Project) -> Self {
        let mut of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for module in project.modules() {
            of.entry(module.to_owned()).or_default();
        }
        for file in &project.files {
            let Some(module) = project.layout.module_of_migrations(&file.path) else {
                continue;
            };
            let own = of.entry(module.to_owned()).or_default();
            if file.path.ends_with(".sql") {
                own.extend(statements(&file.text).iter().filter_map(|words| made(words)));
            } else if file.path.ends_with(LIST) {
                let parsed = file.text.parse::<toml::Table>().unwrap_or_default();
                let listed = parsed.get("tables").and_then(toml::Value::as_table);
                own.extend(listed.into_iter().flat_map(|tables| tables.keys().cloned()));
            }
        }
        Self {
            of,
            chassis_prefix: project.layout.chassis_prefix.clone(),
        }
    }

    /// Whose it is what a statement of `module` names by this word, if it is not its own: another module's schema or
    /// table, or a table of the chassis.
    pub(crate) fn foreign<'a>(&'a self, word: &Word, module: &str) -> Option<&'a str> {
        let own = self.of.get(module);
        let is_own = own.is_some_and(|own| own.contains(&word.text)) || schema_of(module) == word.text;
        // Behind a dot stands a column, or a table whose schema has been looked at.
        if is_own || word.before == '.' {
            return None;
        }
        let schema = self.schema(&word.text).filter(|_| word.after == '.');
        let table = || {
            let mut others = self.of.iter().filter(|(owner, _)| *owner != module);
            others
                .find(|(_, tables)| tables.contains(&word.text))
                .map(|(owner, _)| owner.as_str())
        };
        let is_chassis = !self.chassis_prefix.is_empty() && word.text.starts_with(&self.chassis_prefix);
        schema.or_else(table).or(is_chassis.then_some("the chassis"))
    }

    /// The module whose schema this is.
    fn schema(&self, name: &str) -> Option<&str> {
        self.of
            .keys()
            .find(|module| schema_of(module) == name)
            .map(String::as_str)
    }
}

/// A schema's name has no hyphen.
fn schema_of(module: &str) -> String {
    module.replace('-', "_")
}

/// The table or view that a statement makes, or gives another name.
fn made(words: &[Word]) -> Option<String> {
    let texts: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
    if texts.first() == Some(&"alter") {
        let place = texts.windows(2).position(|pair| pair == ["rename", "to"])?;
        return texts.get(place + 2).map(|name| (*name).to_owned());
    }
    if texts.first() != Some(&"create") {
        return None;
    }
    let kind = texts
        .iter()
        .take(4)
        .position(|word| matches!(*word, "table" | "view"))?;
    let mut rest = words[kind + 1..]
        .iter()
        .skip_while(|word| matches!(word.text.as_str(), "if" | "not" | "exists"));
    let name = rest.next()?;
    let name = if name.after == '.' { rest.next()? } else { name };
    Some(name.text.clone())
}

//! Table ownership: a module owns the tables that its migrations create and the tables in its `tables.toml`.

use std::collections::{BTreeMap, BTreeSet};

use crate::project::Project;
use crate::sql::{Word, statements};

/// File beside the migrations in which a module may list its tables.
const LIST: &str = "/tables.toml";

/// Tables of each module.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    by_module: BTreeMap<String, BTreeSet<String>>,
    /// Prefix of chassis tables.
    chassis_prefix: String,
}

impl Tables {
    pub(crate) fn from_project(project: &Project) -> Self {
        let mut by_module: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for module in project.modules() {
            by_module.entry(module.to_owned()).or_default();
        }
        for file in &project.files {
            let Some(module) = project.layout.module_of_migrations(&file.path) else {
                continue;
            };
            let own = by_module.entry(module.to_owned()).or_default();
            if file.path.ends_with(".sql") {
                own.extend(statements(&file.text).iter().filter_map(|words| created_table(words)));
            } else if file.path.ends_with(LIST) {
                let parsed = file.text.parse::<toml::Table>().unwrap_or_default();
                let listed = parsed.get("tables").and_then(toml::Value::as_table);
                own.extend(listed.into_iter().flat_map(|tables| tables.keys().cloned()));
            }
        }
        Self {
            by_module,
            chassis_prefix: project.layout.chassis_prefix.clone(),
        }
    }

    /// Owner of the schema or table that `word` names in a statement of `module`: another module, or the chassis.
    /// `None` if the name is the module's own or unknown.
    pub(crate) fn foreign<'a>(&'a self, word: &Word, module: &str) -> Option<&'a str> {
        let own = self.by_module.get(module);
        let is_own = own.is_some_and(|own| own.contains(&word.text)) || schema_of(module) == word.text;
        // A word after a dot is a column, or a table whose schema was already checked.
        if is_own || word.before == '.' {
            return None;
        }
        let schema = self.schema(&word.text).filter(|_| word.after == '.');
        let table = || {
            let mut others = self.by_module.iter().filter(|(owner, _)| *owner != module);
            others
                .find(|(_, tables)| tables.contains(&word.text))
                .map(|(owner, _)| owner.as_str())
        };
        let is_chassis = !self.chassis_prefix.is_empty() && word.text.starts_with(&self.chassis_prefix);
        schema.or_else(table).or(is_chassis.then_some("the chassis"))
    }

    /// Module that owns the schema `name`.
    fn schema(&self, name: &str) -> Option<&str> {
        self.by_module
            .keys()
            .find(|module| schema_of(module) == name)
            .map(String::as_str)
    }
}

/// Schema name of a module: hyphens become underscores.
fn schema_of(module: &str) -> String {
    module.replace('-', "_")
}

/// Name of the table or view that a statement creates, or renames to.
fn created_table(words: &[Word]) -> Option<String> {
    let texts: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
    if texts.first() == Some(&"alter") {
        let rename = texts.windows(2).position(|pair| pair == ["rename", "to"])?;
        return texts.get(rename + 2).map(|name| (*name).to_owned());
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

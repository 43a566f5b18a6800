//! Settings from the environment: `MISSION_CONTROL_SECTION__KEY`, such as `MISSION_CONTROL_POSTGRES__LISTEN=off`.

use serde::Deserialize;

use super::Config;
use super::document::{Mistake, nearest};
use crate::error::{Error, Result};

const PREFIX: &str = "MISSION_CONTROL_";
const SEPARATOR: &str = "__";

/// One variable that sets something.
#[derive(Debug)]
pub struct Variable {
    name: String,
    path: Vec<String>,
    value: String,
}

/// The variables that are settings, in the order of their names.
pub fn relevant(environment: impl IntoIterator<Item = (String, String)>) -> Result<Vec<Variable>> {
    let mut variables = Vec::new();
    for (name, value) in environment {
        let Some(setting) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if !setting.contains(SEPARATOR) {
            continue;
        }
        let path: Vec<String> = setting.split(SEPARATOR).map(str::to_lowercase).collect();
        if path.iter().any(String::is_empty) {
            return Err(Error::configuration(format!(
                "environment variable {name} names no setting"
            )));
        }
        variables.push(Variable { name, path, value });
    }
    variables.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(variables)
}

impl Variable {
    /// Sets the value in the table and reads the whole again, so that a mistake is known to be this variable's.
    pub fn apply(&self, table: &mut toml::Table) -> Result<Config> {
        let as_text = toml::Value::String(self.value.clone());
        let Some(as_written) = toml_value(&self.value) else {
            return self.apply_value(table, as_text);
        };
        // `7432` may be a number or a text: whichever the setting takes.
        let mut attempt = table.clone();
        match self.apply_value(&mut attempt, as_written) {
            Ok(config) => {
                *table = attempt;
                Ok(config)
            }
            Err(mistake) => self.apply_value(table, as_text).map_err(|_| mistake),
        }
    }

    fn apply_value(&self, table: &mut toml::Table, value: toml::Value) -> Result<Config> {
        insert(table, &self.path, value).ok_or_else(|| {
            Error::configuration(format!(
                "environment variable {}: {} is no section",
                self.name,
                self.path[..self.path.len() - 1].join(".")
            ))
        })?;
        Config::deserialize(table.clone()).map_err(|error| self.mistake(error.message()))
    }

    fn mistake(&self, message: &str) -> Error {
        let Mistake { message: wrong, hint } = Mistake::of(message, &[]);
        let Some((_, list)) = message
            .starts_with("unknown field")
            .then(|| message.split_once("expected"))
            .flatten()
        else {
            return Error::configuration(format!("environment variable {}: {wrong}", self.name)).with_hint(hint);
        };
        let known: Vec<String> = list
            .split('`')
            .skip(1)
            .step_by(2)
            .map(|key| self.with_last(key))
            .collect();
        let near = nearest(&self.name, known.iter().map(String::as_str));
        let suggestion = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        Error::configuration(format!(
            "environment variable {} is no known setting{suggestion}",
            self.name
        ))
        .with_hint(hint)
    }

    /// The name of the variable that sets `key` instead of what this one sets.
    fn with_last(&self, key: &str) -> String {
        let mut path: Vec<String> = self.path.clone();
        let unknown_section = !KNOWN_SECTIONS.contains(&path[0].as_str());
        if unknown_section {
            path[0] = key.to_string();
        } else if let Some(last) = path.last_mut() {
            *last = key.to_string();
        }
        format!("{PREFIX}{}", path.join(SEPARATOR).to_uppercase())
    }
}

const KNOWN_SECTIONS: [&str; 8] = [
    "source", "columns", "postgres", "flight", "http", "tls", "limits", "server",
];

/// A number, a truth value, a list or a table; a bare word is none of them.
fn toml_value(text: &str) -> Option<toml::Value> {
    let table: toml::Table = toml::from_str(&format!("value = {text}")).ok()?;
    (table.len() == 1).then(|| table.get("value").cloned()).flatten()
}

/// `None` where something on the way is a value and no table.
fn insert(table: &mut toml::Table, path: &[String], value: toml::Value) -> Option<()> {
    let (last, parents) = path.split_last()?;
    let mut inner = table;
    for parent in parents {
        inner = inner
            .entry(parent.clone())
            .or_insert_with(|| toml::Value::Table(toml::Table::new()))
            .as_table_mut()?;
    }
    inner.insert(last.clone(), value);
    Some(())
}

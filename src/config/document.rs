//! A configuration file read strictly: every mistake is named with file, line and, where a key is not known, the
//! nearest key that is.

use std::fs;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Config;
use crate::error::{Error, Result};

/// The file's table and the same as a configuration.
pub fn read(path: &Path) -> Result<(toml::Table, Config)> {
    let text = fs::read_to_string(path).map_err(|error| {
        Error::configuration(format!("cannot read {}: {}", path.display(), reason(&error)))
            .with_hint("give --config the path of a TOML file")
    })?;
    parse(&path.display().to_string(), &text)
}

/// `name` stands before the line in messages.
pub fn parse(name: &str, text: &str) -> Result<(toml::Table, Config)> {
    let document = Document { name, text };
    let parsed = DeTable::parse(text).map_err(|error| document.syntax_error(&error))?;
    let config = toml::from_str::<Config>(text).map_err(|error| document.typed_error(parsed.get_ref(), &error))?;
    config
        .columns
        .check()
        .map_err(|error| document.checked_error(parsed.get_ref(), error))?;
    config
        .check_access()
        .map_err(|error| document.checked_error(parsed.get_ref(), error))?;
    config
        .managed
        .check()
        .map_err(|error| document.checked_error(parsed.get_ref(), error))?;
    let table = toml::from_str(text).map_err(|error| document.syntax_error(&error))?;
    Ok((table, config))
}

struct Document<'a> {
    name: &'a str,
    text: &'a str,
}

impl Document<'_> {
    fn error(&self, offset: usize, message: &str, hint: &str) -> Error {
        let line = self.text.get(..offset).unwrap_or(self.text).matches('\n').count() + 1;
        Error::configuration(format!("{}:{line}: {message}", self.name)).with_hint(hint)
    }

    fn syntax_error(&self, error: &toml::de::Error) -> Error {
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        self.error(
            error.span().map_or(0, |span| span.start),
            &format!("not valid TOML: {message}"),
            "text is written in quotes, sections as [name], settings as key = value",
        )
    }

    fn typed_error(&self, root: &DeTable<'_>, error: &toml::de::Error) -> Error {
        let span = error.span().unwrap_or(0..0);
        let path = path_at(root, &span).unwrap_or_default();
        let Mistake { message, hint } = Mistake::of(error.message(), &path);
        self.error(span.start, &message, &hint)
    }

    /// The sections' own checks begin with the setting's full name.
    fn checked_error(&self, root: &DeTable<'_>, error: Error) -> Error {
        let setting = error.message.split([' ', ':']).next().unwrap_or_default();
        let offset = offset_of(root, &setting.split('.').collect::<Vec<_>>());
        let hint = error.hint.unwrap_or_default();
        self.error(offset, &error.message, &hint)
    }
}

/// What is wrong with a setting, in words that a person who does not know this program's insides can use.
pub struct Mistake {
    pub message: String,
    pub hint: String,
}

impl Mistake {
    /// `message` is the reader's; `path` leads to the setting or to the table that it stands in.
    pub fn of(message: &str, path: &[String]) -> Self {
        if let Some(unknown) = between(message, "unknown field `", "`") {
            return unknown_key(unknown, message, path);
        }
        let setting = path.join(".");
        let wrong = plain(message);
        Self {
            message: if setting.is_empty() {
                wrong
            } else {
                format!("{setting}: {wrong}")
            },
            hint: "see the sections and keys in README.md".to_string(),
        }
    }
}

fn unknown_key(unknown: &str, message: &str, path: &[String]) -> Mistake {
    let known: Vec<&str> = message
        .split_once("expected")
        .map(|(_, list)| list.split('`').skip(1).step_by(2).collect())
        .unwrap_or_default();
    let parents: Vec<&str> = path
        .iter()
        .map(String::as_str)
        .filter(|part| *part != unknown)
        .collect();
    let mut text = if parents.is_empty() {
        format!("unknown section or key \"{unknown}\"")
    } else {
        format!("unknown key \"{unknown}\" in [{}]", parents.join("."))
    };
    if let Some(near) = nearest(unknown, known.iter().copied()) {
        text.push_str(&format!("; did you mean \"{near}\"?"));
    }
    Mistake {
        message: text,
        hint: format!("known here: {}", known.join(", ")),
    }
}

/// The known name that is most likely meant, if any is close.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(name, given), name))
        .min()
        .filter(|(distance, name)| distance * 2 <= name.chars().count())
        .map(|(_, name)| name)
}

/// The reader's message with the names of its types in plain words.
fn plain(message: &str) -> String {
    let mut text = message.lines().collect::<Vec<_>>().join(", ");
    for (typed, plain) in [
        ("expected a nonzero u64", "expected a whole number above 0"),
        ("expected a nonzero usize", "expected a whole number above 0"),
        ("expected u64", "expected a whole number"),
        ("expected usize", "expected a whole number"),
        ("expected path string", "expected a text"),
        ("expected a string", "expected a text"),
        ("expected a boolean", "expected true or false"),
        ("invalid type: ", "wrong type: "),
        ("invalid value: ", "wrong value: "),
    ] {
        text = text.replace(typed, plain);
    }
    if let Some(at) = text.find("expected struct ") {
        text.truncate(at);
        text.push_str("expected a section");
    }
    text
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, tail) = text.split_once(before)?;
    tail.split_once(after).map(|(found, _)| found)
}

/// The keys that lead to the key or value at `span`, innermost last.
fn path_at(table: &DeTable<'_>, span: &Range<usize>) -> Option<Vec<String>> {
    for (key, value) in table {
        if key.span() == *span || value.span() == *span {
            return Some(vec![key.get_ref().to_string()]);
        }
        let inner = match value.get_ref() {
            DeValue::Table(inner) => path_at(inner, span),
            DeValue::Array(items) => items.iter().find_map(|item| match item.get_ref() {
                DeValue::Table(inner) => path_at(inner, span),
                _ => None,
            }),
            _ => None,
        };
        if let Some(mut path) = inner {
            path.insert(0, key.get_ref().to_string());
            return Some(path);
        }
        // A mistake inside a value, such as one part of a text.
        if value.span().start <= span.start && span.end <= value.span().end && !span.is_empty() {
            return Some(vec![key.get_ref().to_string()]);
        }
    }
    None
}

/// Where the longest known part of a path stands.
fn offset_of(table: &DeTable<'_>, path: &[&str]) -> usize {
    let Some((first, rest)) = path.split_first() else {
        return 0;
    };
    let Some((key, value)) = entry(table, first) else {
        return 0;
    };
    match value.get_ref() {
        DeValue::Table(inner) if !rest.is_empty() => match offset_of(inner, rest) {
            0 => key.span().start,
            offset => offset,
        },
        _ => key.span().start,
    }
}

type Entry<'a, 'i> = (&'a Spanned<std::borrow::Cow<'i, str>>, &'a Spanned<DeValue<'i>>);

fn entry<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<Entry<'a, 'i>> {
    table.iter().find(|(key, _)| key.get_ref() == name)
}

/// A file system's answer in one word or two.
pub fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_string(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_string(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_string(),
        std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_string(),
        _ => error.to_string(),
    }
}

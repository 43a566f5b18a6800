//! The types that are numbers inside and names outside: `regclass`, `regtype` and their kin, and the two vector types
//! that are written without braces. A field's metadata says that its numbers are of such a type.

use arrow::datatypes::Field;

use super::keywords::keywords;
use super::live::{Catalog, is_visible};
use super::{CATALOG_SCHEMA, facts, types};
use crate::error::{Error, ErrorKind, Result};

/// The key of a field's metadata under which its PostgreSQL type is named, where the Arrow type does not say it.
pub const TYPE_KEY: &str = "pg_type";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RegKind {
    Class,
    Type,
    Procedure,
    Namespace,
    Role,
}

impl RegKind {
    pub const ALL: [(&'static str, Self); 5] = [
        ("regclass", Self::Class),
        ("regtype", Self::Type),
        ("regproc", Self::Procedure),
        ("regnamespace", Self::Namespace),
        ("regrole", Self::Role),
    ];

    /// By the type's name; a procedure with its arguments is looked up like one without.
    pub fn named(name: &str) -> Option<Self> {
        let name = if name == "regprocedure" { "regproc" } else { name };
        Self::ALL.iter().find(|(own, _)| *own == name).map(|(_, kind)| *kind)
    }

    pub fn type_name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("regclass", |(name, _)| name)
    }

    /// The kind that a field's metadata names.
    pub fn of_field(field: &Field) -> Option<Self> {
        field.metadata().get(TYPE_KEY).and_then(|name| Self::named(name))
    }

    /// The number behind a name; `None` where nothing is called so. A number stands for itself.
    pub fn find(self, text: &str, catalog: &Catalog) -> Option<i64> {
        let text = text.trim();
        if text == "-" {
            return Some(0);
        }
        if let Ok(oid) = text.parse() {
            return Some(oid);
        }
        match self {
            Self::Class => find_relation(text, catalog),
            Self::Type => types::oid_of_type(text),
            Self::Procedure => find_function(text.split('(').next().unwrap_or(text), catalog),
            Self::Namespace => catalog.schema_oid(names(text).first()?),
            Self::Role => names(text).first().map(|role| catalog.role_oid(role)),
        }
    }

    /// The number behind a name, or PostgreSQL's refusal.
    pub fn require(self, text: &str, catalog: &Catalog) -> Result<i64> {
        self.find(text, catalog).ok_or_else(|| match self {
            Self::Class => Error::new(ErrorKind::UndefinedTable, format!("relation \"{text}\" does not exist")),
            Self::Type => Error::new(ErrorKind::UndefinedObject, format!("type \"{text}\" does not exist")),
            Self::Procedure => Error::new(
                ErrorKind::UndefinedFunction,
                format!("function \"{text}\" does not exist"),
            ),
            Self::Namespace => Error::new(ErrorKind::InvalidSchema, format!("schema \"{text}\" does not exist")),
            Self::Role => Error::new(ErrorKind::UndefinedObject, format!("role \"{text}\" does not exist")),
        })
    }

    /// How a number is shown: the name, with its schema where it is not found without, or the number itself.
    pub fn show(self, oid: i64, catalog: &Catalog) -> String {
        if oid == 0 {
            return "-".to_string();
        }
        let shown = match self {
            Self::Class => catalog.relation_name(oid).map(|(schema, name)| visible(schema, name)),
            Self::Type => types::by_oid(oid).map(|_| types::format_type(oid, None)),
            Self::Procedure => catalog
                .function(oid)
                .map(|function| visible(function.schema, &function.name))
                .or_else(|| shipped_function(oid)),
            Self::Namespace => catalog
                .schemas()
                .find(|(_, own)| *own == oid)
                .map(|(name, _)| quoted(name)),
            Self::Role => (oid == super::live::OWNER_OID).then(|| quoted(&catalog.owner)),
        };
        shown.unwrap_or_else(|| oid.to_string())
    }
}

fn find_relation(text: &str, catalog: &Catalog) -> Option<i64> {
    match names(text).as_slice() {
        [name] => ["public", CATALOG_SCHEMA]
            .iter()
            .find_map(|schema| catalog.relation_oid(schema, name)),
        [schema, name] | [_, schema, name] => catalog.relation_oid(schema, name),
        _ => None,
    }
}

fn find_function(text: &str, catalog: &Catalog) -> Option<i64> {
    let parts = names(text);
    let name = parts.last()?;
    let in_schema = |schema: &str| catalog.function_oid(schema, name);
    match parts.as_slice() {
        [schema, _] if schema != CATALOG_SCHEMA => in_schema(schema),
        [_, _] => in_schema(CATALOG_SCHEMA).or_else(|| shipped_function_oid(name)),
        _ => in_schema("public")
            .or_else(|| in_schema(CATALOG_SCHEMA))
            .or_else(|| shipped_function_oid(name)),
    }
}

fn shipped_function(oid: i64) -> Option<String> {
    let oid = oid.to_string();
    let rows = &facts::shipped("pg_proc")?.rows;
    let row = rows.iter().find(|row| row[0] == Some(&oid))?;
    row[1].map(quoted)
}

fn shipped_function_oid(name: &str) -> Option<i64> {
    let rows = &facts::shipped("pg_proc")?.rows;
    let row = rows.iter().find(|row| row[1] == Some(name))?;
    row[0].and_then(|oid| oid.parse().ok())
}

fn visible(schema: &str, name: &str) -> String {
    if is_visible(schema) {
        quoted(name)
    } else {
        format!("{}.{}", quoted(schema), quoted(name))
    }
}

/// The parts of a dotted name, each folded to lower case unless it is quoted.
fn names(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars().peekable();
    let mut in_quotes = false;
    while let Some(letter) = letters.next() {
        match letter {
            '"' if in_quotes && letters.peek() == Some(&'"') => {
                letters.next();
                push(&mut parts, "\"");
            }
            '"' => in_quotes = !in_quotes,
            '.' if !in_quotes => parts.push(String::new()),
            other if in_quotes => push(&mut parts, &other.to_string()),
            other => push(&mut parts, &other.to_lowercase().to_string()),
        }
    }
    parts
}

fn push(parts: &mut [String], letters: &str) {
    if let Some(last) = parts.last_mut() {
        last.push_str(letters);
    }
}

/// A name as SQL needs it: in quotes unless it is plain and no reserved word.
pub fn quoted(name: &str) -> String {
    let plain_start = name.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_');
    let plain = name
        .chars()
        .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    if plain_start && plain && !is_keyword(name) {
        return name.to_string();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether PostgreSQL 15 quotes the word as a name: those of `pg_get_keywords()` that are of any kind but unreserved.
fn is_keyword(name: &str) -> bool {
    keywords().any(|keyword| keyword.word == name && keyword.category != "U")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_and_quoted_as_in_postgresql() {
        assert_eq!(names("Public.\"A.b\"\"c\""), ["public", "A.b\"c"]);
        assert_eq!(quoted("plain_1"), "plain_1");
        assert_eq!(quoted("select"), "\"select\"");
        assert_eq!(quoted("1a"), "\"1a\"");
        assert_eq!(quoted("a\"B"), "\"a\"\"B\"");
    }
}

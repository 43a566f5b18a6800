//! COPY's options: which there are, which go together, and what they mean for rows either way.

use arrow::datatypes::Schema;

use crate::error::{Error, ErrorKind, Result};
use crate::managed::{IngestKey, OnError};
use crate::session::copy_statement::{CopyOption, CopyValue};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Csv,
    Binary,
}

/// How rows are to be written.
#[derive(Debug)]
pub struct Form {
    pub kind: Kind,
    pub delimiter: u8,
    pub null: String,
    pub header: bool,
    pub quote: u8,
    pub escape: u8,
    force_quote: ChosenColumns,
}

/// How rows that come are to be read, and what is to become of them.
#[derive(Debug)]
pub struct Input {
    pub form: Form,
    /// Whether the header has to name the columns.
    pub header_must_match: bool,
    pub force_not_null: ChosenColumns,
    pub force_null: ChosenColumns,
    pub key: IngestKey,
    pub on_error: Option<OnError>,
}

#[derive(Debug, Clone, Default)]
pub enum ChosenColumns {
    #[default]
    None,
    All,
    Named(Vec<String>),
}

impl ChosenColumns {
    /// Which of the columns are chosen.
    pub fn among<'a>(&self, columns: impl Iterator<Item = &'a str> + Clone) -> Result<Vec<bool>> {
        let mut chosen: Vec<bool> = columns.clone().map(|_| matches!(self, Self::All)).collect();
        if let Self::Named(names) = self {
            for name in names {
                let index = columns.clone().position(|column| column == name);
                let index = index.ok_or_else(|| {
                    Error::new(ErrorKind::UndefinedColumn, format!("column \"{name}\" does not exist"))
                })?;
                if std::mem::replace(&mut chosen[index], true) {
                    return Err(Error::new(
                        ErrorKind::DuplicateColumn,
                        format!("column \"{name}\" specified more than once"),
                    ));
                }
            }
        }
        Ok(chosen)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    None,
    Line,
    Match,
}

/// Options as they were written, before defaults that depend on the format.
#[derive(Debug, Default)]
struct Given {
    kind: Option<Kind>,
    delimiter: Option<String>,
    null: Option<String>,
    header: Option<Header>,
    quote: Option<String>,
    escape: Option<String>,
    force_quote: Option<ChosenColumns>,
    encoding: Option<String>,
    freeze: Option<bool>,
    force_not_null: Option<ChosenColumns>,
    force_null: Option<ChosenColumns>,
    key: Option<String>,
    on_error: Option<OnError>,
}

impl Form {
    /// Of COPY TO.
    pub fn of(options: &[CopyOption]) -> Result<Self> {
        let given = Given::of(options)?;
        if given.header == Some(Header::Match) {
            return Err(Error::not_supported("cannot use \"match\" with HEADER in COPY TO"));
        }
        let only_from = [
            (given.force_not_null.is_some(), "force not null"),
            (given.force_null.is_some(), "force null"),
        ];
        let is_csv = given.kind == Some(Kind::Csv);
        if let Some((_, name)) = only_from.iter().find(|(given, _)| *given && is_csv) {
            return Err(Error::not_supported(format!(
                "COPY {name} only available using COPY FROM"
            )));
        }
        for (is_given, name) in [
            (given.key.is_some(), "idempotency_key"),
            (given.on_error.is_some(), "on_error"),
        ] {
            if is_given {
                return Err(syntax(format!("option \"{name}\" not recognized")));
            }
        }
        given.form()
    }

    /// Which of the columns are always quoted.
    pub fn quoted_columns(&self, schema: &Schema) -> Result<Vec<bool>> {
        self.force_quote
            .among(schema.fields().iter().map(|field| field.name().as_str()))
    }
}

impl Input {
    /// Of COPY FROM.
    pub fn of(options: &[CopyOption]) -> Result<Self> {
        let mut given = Given::of(options)?;
        if given.force_quote.is_some() {
            return Err(Error::not_supported("COPY force quote only available using COPY TO"));
        }
        let key = match given.key.take() {
            Some(key) => IngestKey::named(key)?,
            None => IngestKey::none(),
        };
        Ok(Self {
            header_must_match: given.header == Some(Header::Match),
            force_not_null: given.force_not_null.clone().unwrap_or_default(),
            force_null: given.force_null.clone().unwrap_or_default(),
            key,
            on_error: given.on_error,
            form: given.form()?,
        })
    }
}

fn set<T>(place: &mut Option<T>, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(syntax("conflicting or redundant options".to_string())),
    }
}

impl Given {
    fn of(options: &[CopyOption]) -> Result<Self> {
        let mut given = Self::default();
        for option in options {
            given.take(option)?;
        }
        Ok(given)
    }

    fn take(&mut self, option: &CopyOption) -> Result<()> {
        let text = || match &option.value {
            CopyValue::Text(text) => Ok(text.clone()),
            CopyValue::None => Err(syntax(format!("{} requires a parameter", option.name))),
            CopyValue::Star | CopyValue::Columns(_) => Err(invalid(format!(
                "argument to option \"{}\" must be a text",
                option.name
            ))),
        };
        match option.name.as_str() {
            "format" => set(&mut self.kind, kind_of(&text()?)?),
            "freeze" => set(&mut self.freeze, truth(option)?),
            "delimiter" => set(&mut self.delimiter, text()?),
            "null" => set(&mut self.null, text()?),
            "header" => set(&mut self.header, header(option)?),
            "quote" => set(&mut self.quote, text()?),
            "escape" => set(&mut self.escape, text()?),
            "encoding" => set(&mut self.encoding, encoding(&text()?)?),
            "force_quote" => set(&mut self.force_quote, force_quote(option)?),
            "force_not_null" => set(&mut self.force_not_null, columns(option)?),
            "force_null" => set(&mut self.force_null, columns(option)?),
            "idempotency_key" => set(&mut self.key, text()?),
            "on_error" => set(&mut self.on_error, on_error(&text()?)?),
            other => Err(syntax(format!("option \"{other}\" not recognized"))),
        }
    }

    fn form(self) -> Result<Form> {
        let kind = self.kind.unwrap_or(Kind::Text);
        let is_csv = kind == Kind::Csv;
        if kind == Kind::Binary && self.delimiter.is_some() {
            return Err(syntax("cannot specify DELIMITER in BINARY mode".to_string()));
        }
        if kind == Kind::Binary && self.null.is_some() {
            return Err(syntax("cannot specify NULL in BINARY mode".to_string()));
        }
        let delimiter = one_byte(
            self.delimiter.as_deref(),
            if is_csv { b',' } else { b'\t' },
            "delimiter",
        )?;
        let null = self.null.unwrap_or_else(|| if is_csv { "" } else { "\\N" }.to_string());
        check_delimiter(delimiter, &null, is_csv)?;
        let header = self.header.unwrap_or(Header::None) != Header::None;
        if kind == Kind::Binary && header {
            return Err(Error::not_supported("cannot specify HEADER in BINARY mode"));
        }
        let only_csv = [
            (self.quote.is_some(), "quote"),
            (self.escape.is_some(), "escape"),
            (self.force_quote.is_some(), "force quote"),
            (self.force_not_null.is_some(), "force not null"),
            (self.force_null.is_some(), "force null"),
        ];
        if let Some((_, name)) = only_csv.iter().find(|(given, _)| *given && !is_csv) {
            return Err(Error::not_supported(format!("COPY {name} available only in CSV mode")));
        }
        let quote = one_byte(self.quote.as_deref(), b'"', "quote")?;
        if is_csv && quote == delimiter {
            return Err(invalid("COPY delimiter and quote must be different".to_string()));
        }
        let escape = one_byte(self.escape.as_deref(), quote, "escape")?;
        if is_csv && null.bytes().any(|byte| byte == quote) {
            return Err(invalid(
                "CSV quote character must not appear in the NULL specification".to_string(),
            ));
        }
        Ok(Form {
            kind,
            delimiter,
            null,
            header,
            quote,
            escape,
            force_quote: self.force_quote.unwrap_or_default(),
        })
    }
}

fn check_delimiter(delimiter: u8, null: &str, is_csv: bool) -> Result<()> {
    if matches!(delimiter, b'\n' | b'\r') {
        return Err(invalid(
            "COPY delimiter cannot be newline or carriage return".to_string(),
        ));
    }
    if null.contains(['\n', '\r']) {
        return Err(invalid(
            "COPY null representation cannot use newline or carriage return".to_string(),
        ));
    }
    // In the text form these would read as part of a value's escapes.
    if !is_csv && (delimiter.is_ascii_lowercase() || delimiter.is_ascii_digit() || matches!(delimiter, b'\\' | b'.')) {
        return Err(invalid(format!(
            "COPY delimiter cannot be \"{}\"",
            char::from(delimiter)
        )));
    }
    if null.bytes().any(|byte| byte == delimiter) {
        return Err(invalid(
            "COPY delimiter must not appear in the NULL specification".to_string(),
        ));
    }
    Ok(())
}

fn kind_of(name: &str) -> Result<Kind> {
    match name {
        "text" => Ok(Kind::Text),
        "csv" => Ok(Kind::Csv),
        "binary" => Ok(Kind::Binary),
        // A word is folded, a text in quotes is not; here both arrive as text.
        other => match other.to_lowercase().as_str() {
            "text" => Ok(Kind::Text),
            "csv" => Ok(Kind::Csv),
            "binary" => Ok(Kind::Binary),
            _ => Err(invalid(format!("COPY format \"{other}\" not recognized"))
                .with_hint("text, csv and binary are allowed")),
        },
    }
}

fn truth(option: &CopyOption) -> Result<bool> {
    let wrong = || syntax(format!("{} requires a Boolean value", option.name));
    match &option.value {
        CopyValue::None => Ok(true),
        CopyValue::Text(text) => match text.to_lowercase().as_str() {
            "true" | "on" | "1" => Ok(true),
            "false" | "off" | "0" => Ok(false),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

fn header(option: &CopyOption) -> Result<Header> {
    if matches!(&option.value, CopyValue::Text(text) if text.eq_ignore_ascii_case("match")) {
        return Ok(Header::Match);
    }
    match truth(option) {
        Ok(true) => Ok(Header::Line),
        Ok(false) => Ok(Header::None),
        Err(_) => Err(syntax("header requires a Boolean value or \"match\"".to_string())),
    }
}

fn force_quote(option: &CopyOption) -> Result<ChosenColumns> {
    match &option.value {
        CopyValue::Star => Ok(ChosenColumns::All),
        _ => columns(option),
    }
}

fn columns(option: &CopyOption) -> Result<ChosenColumns> {
    match &option.value {
        CopyValue::Columns(columns) => Ok(ChosenColumns::Named(
            columns.iter().map(crate::session::statements::folded).collect(),
        )),
        _ => Err(columns_wanted(&option.name)),
    }
}

fn on_error(name: &str) -> Result<OnError> {
    match name.to_lowercase().as_str() {
        "refuse" | "stop" => Ok(OnError::Refuse),
        "quarantine" => Ok(OnError::Quarantine),
        other => {
            Err(invalid(format!("COPY on_error \"{other}\" not recognized"))
                .with_hint("refuse and quarantine are allowed"))
        }
    }
}

fn columns_wanted(name: &str) -> Error {
    invalid(format!("argument to option \"{name}\" must be a list of column names"))
}

fn encoding(name: &str) -> Result<String> {
    match name.to_lowercase().replace(['-', '_'], "").as_str() {
        "utf8" | "unicode" => Ok(name.to_string()),
        _ => Err(
            invalid("argument to option \"encoding\" must be a valid encoding name".to_string())
                .with_hint("this server speaks UTF8 only"),
        ),
    }
}

fn one_byte(given: Option<&str>, default: u8, name: &str) -> Result<u8> {
    match given.map(str::as_bytes) {
        None => Ok(default),
        Some([byte]) => Ok(*byte),
        Some(_) => Err(Error::not_supported(format!(
            "COPY {name} must be a single one-byte character"
        ))),
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidParameterValue, message)
}

fn syntax(message: String) -> Error {
    Error::new(ErrorKind::Syntax, message)
}

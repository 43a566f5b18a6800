//! COPY … TO STDOUT: a query's rows in COPY's text, CSV or binary form, streamed like any other result.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use bytes::{BufMut, BytesMut};
use datafusion::sql::sqlparser::ast::{CopyLegacyCsvOption, CopyLegacyOption, CopyOption, Ident, Statement};
use pgwire::messages::copy::{CopyDone, CopyOutResponse};

use super::connection::Connection;
use super::encode::{self, Cell, Style};
use super::io::{FLUSH_BYTES, Outcome};
use super::rows::{RowWriter, Rows};
use super::types::Format;
use crate::error::{Error, ErrorKind, Result};
use crate::session::statements::ParsedStatement;

/// What a binary copy begins with: a signature, flags and the length of an extension that is not there.
const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const BINARY_TRAILER: &[u8] = b"\xff\xff";

impl Connection {
    /// Copies a query's rows to the client; returns the tag.
    pub async fn copy_out(&mut self, query: &ParsedStatement, copy: &Statement) -> Outcome<String> {
        let form = Form::of(copy)?;
        let preparing = self.session.prepare(query.clone(), &[]);
        let prepared = self.io.attend(&self.watch, preparing).await?;
        if !prepared.parameter_types.is_empty() {
            return Err(Error::new(ErrorKind::UndefinedParameter, "there is no parameter $1").into());
        }
        let running = self.session.run(&prepared, vec![]);
        let stream = self.io.attend(&self.watch, running).await?;
        let columns = prepared.schema.fields().len();
        let count = i16::try_from(columns).map_err(|_| encode::too_many_columns())?;
        let code = i8::from(form.kind == Kind::Binary);
        let response = CopyOutResponse::new(code, count, vec![i16::from(code); columns]);
        self.io.put(&response)?;
        let mut writer = CopyRows::new(form, Style::of(self.session.settings())?, &prepared.schema);
        let sent = Rows::new(stream)
            .send(&mut self.io, &self.watch, &self.metrics, &mut writer, u64::MAX)
            .await?;
        writer.finish(self.io.outbox())?;
        self.io.put(&CopyDone::new())?;
        Ok(format!("COPY {sent}"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Csv,
    Binary,
}

/// COPY's options.
#[derive(Debug)]
struct Form {
    kind: Kind,
    delimiter: u8,
    null: String,
    header: bool,
    quote: u8,
    escape: u8,
    force_quote: Vec<Ident>,
}

/// Options as they were written, before defaults that depend on the format.
#[derive(Debug, Default)]
struct Given {
    kind: Option<Kind>,
    delimiter: Option<char>,
    null: Option<String>,
    header: bool,
    quote: Option<char>,
    escape: Option<char>,
    force_quote: Vec<Ident>,
}

impl Form {
    fn of(copy: &Statement) -> Result<Self> {
        let Statement::Copy {
            options,
            legacy_options,
            ..
        } = copy
        else {
            return Err(Error::internal("copy expected"));
        };
        let mut given = Given::default();
        for option in options {
            given.option(option)?;
        }
        for option in legacy_options {
            given.legacy_option(option)?;
        }
        given.form()
    }
}

impl Given {
    fn option(&mut self, option: &CopyOption) -> Result<()> {
        match option {
            CopyOption::Format(name) => {
                self.kind = Some(match name.value.to_lowercase().as_str() {
                    "text" => Kind::Text,
                    "csv" => Kind::Csv,
                    "binary" => Kind::Binary,
                    other => {
                        return Err(invalid(format!("COPY format \"{other}\" not recognized"))
                            .with_hint("text, csv and binary are allowed"));
                    }
                });
            }
            CopyOption::Delimiter(character) => self.delimiter = Some(*character),
            CopyOption::Null(text) => self.null = Some(text.clone()),
            CopyOption::Header(wanted) => self.header = *wanted,
            CopyOption::Quote(character) => self.quote = Some(*character),
            CopyOption::Escape(character) => self.escape = Some(*character),
            CopyOption::ForceQuote(columns) => self.force_quote = columns.clone(),
            CopyOption::Encoding(name) => check_encoding(name)?,
            CopyOption::Freeze(_) | CopyOption::ForceNotNull(_) | CopyOption::ForceNull(_) => {
                return Err(Error::not_supported(format!(
                    "COPY {option} cannot be used with COPY TO"
                )));
            }
        }
        Ok(())
    }

    fn legacy_option(&mut self, option: &CopyLegacyOption) -> Result<()> {
        match option {
            CopyLegacyOption::Binary => self.kind = Some(Kind::Binary),
            CopyLegacyOption::Delimiter(character) => self.delimiter = Some(*character),
            CopyLegacyOption::Null(text) => self.null = Some(text.clone()),
            CopyLegacyOption::Header => self.header = true,
            CopyLegacyOption::Csv(csv_options) => {
                self.kind = Some(Kind::Csv);
                for csv_option in csv_options {
                    match csv_option {
                        CopyLegacyCsvOption::Header => self.header = true,
                        CopyLegacyCsvOption::Quote(character) => self.quote = Some(*character),
                        CopyLegacyCsvOption::Escape(character) => self.escape = Some(*character),
                        CopyLegacyCsvOption::ForceQuote(columns) => self.force_quote = columns.clone(),
                        CopyLegacyCsvOption::ForceNotNull(_) => {
                            return Err(Error::not_supported("COPY force not null cannot be used with COPY TO"));
                        }
                    }
                }
            }
            other => {
                return Err(Error::new(
                    ErrorKind::Syntax,
                    format!("COPY option \"{other}\" not recognized"),
                ));
            }
        }
        Ok(())
    }

    fn form(self) -> Result<Form> {
        let kind = self.kind.unwrap_or(Kind::Text);
        if kind == Kind::Binary {
            for (given, name) in [
                (self.delimiter.is_some(), "DELIMITER"),
                (self.null.is_some(), "NULL"),
                (self.header, "HEADER"),
            ] {
                if given {
                    return Err(Error::new(
                        ErrorKind::Syntax,
                        format!("cannot specify {name} in BINARY mode"),
                    ));
                }
            }
        }
        for (given, name) in [(self.quote.is_some(), "quote"), (self.escape.is_some(), "escape")] {
            if given && kind != Kind::Csv {
                return Err(Error::not_supported(format!("COPY {name} available only in CSV mode")));
            }
        }
        let quote = one_byte(self.quote, b'"', "quote")?;
        Ok(Form {
            kind,
            delimiter: one_byte(
                self.delimiter,
                if kind == Kind::Csv { b',' } else { b'\t' },
                "delimiter",
            )?,
            null: self.null.unwrap_or_else(|| {
                if kind == Kind::Csv {
                    String::new()
                } else {
                    "\\N".to_string()
                }
            }),
            header: self.header,
            quote,
            escape: one_byte(self.escape, quote, "escape")?,
            force_quote: self.force_quote,
        })
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidParameterValue, message)
}

fn check_encoding(name: &str) -> Result<()> {
    match name.to_lowercase().replace(['-', '_'], "").as_str() {
        "utf8" | "unicode" => Ok(()),
        _ => Err(
            invalid("argument to option \"encoding\" must be a valid encoding name".to_string())
                .with_hint("this server speaks UTF8 only"),
        ),
    }
}

fn one_byte(given: Option<char>, default: u8, name: &str) -> Result<u8> {
    match given {
        None => Ok(default),
        Some(character) if character.is_ascii() && !matches!(character, '\n' | '\r' | '\0') => Ok(character as u8),
        Some(_) => Err(Error::not_supported(format!(
            "COPY {name} must be a single one-byte character"
        ))),
    }
}

/// Rows as CopyData messages, one each.
struct CopyRows {
    form: Form,
    style: Style,
    /// What stands before the first row and has not been written yet.
    opening: Vec<u8>,
    quoted_columns: Vec<bool>,
}

impl CopyRows {
    fn new(form: Form, style: Style, schema: &Schema) -> Self {
        let quote_all = form.force_quote.iter().any(|column| column.value == "*");
        let quoted_columns = schema
            .fields()
            .iter()
            .map(|field| quote_all || form.force_quote.iter().any(|column| column.value == *field.name()))
            .collect();
        let mut opening = BytesMut::new();
        if form.kind == Kind::Binary {
            opening.put_slice(BINARY_HEADER);
        } else if form.header {
            for (index, field) in schema.fields().iter().enumerate() {
                if index > 0 {
                    opening.put_u8(form.delimiter);
                }
                form.put_text(field.name().as_bytes(), false, schema.fields().len() == 1, &mut opening);
            }
            opening.put_u8(b'\n');
        }
        Self {
            form,
            style,
            opening: opening.to_vec(),
            quoted_columns,
        }
    }

    /// What comes behind the last row.
    fn finish(&mut self, out: &mut BytesMut) -> Result<()> {
        let mut closing = std::mem::take(&mut self.opening);
        if self.form.kind == Kind::Binary {
            closing.extend_from_slice(BINARY_TRAILER);
        }
        if closing.is_empty() {
            return Ok(());
        }
        copy_data(out, |out| {
            out.put_slice(&closing);
            Ok(())
        })
    }

    fn row(&self, cells: &[Box<dyn Cell + '_>], row: usize, out: &mut BytesMut) -> Result<()> {
        if self.form.kind == Kind::Binary {
            out.put_i16(i16::try_from(cells.len()).map_err(|_| encode::too_many_columns())?);
            for cell in cells {
                encode::field(cell.as_ref(), Format::Binary, row, out)?;
            }
            return Ok(());
        }
        let mut scratch = BytesMut::new();
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                out.put_u8(self.form.delimiter);
            }
            if cell.is_null(row) {
                out.put_slice(self.form.null.as_bytes());
            } else {
                scratch.clear();
                cell.text(row, &mut scratch)?;
                self.form
                    .put_text(&scratch, self.quoted_columns[index], cells.len() == 1, out);
            }
        }
        out.put_u8(b'\n');
        Ok(())
    }
}

impl RowWriter for CopyRows {
    fn write(&mut self, batch: &RecordBatch, out: &mut BytesMut) -> Result<usize> {
        let style = self.style.clone();
        let cells = encode::cells(batch, &style)?;
        let mut row = 0;
        while row < batch.num_rows() && (row == 0 || out.len() < FLUSH_BYTES) {
            // Binary readers expect the header and the first row together, as PostgreSQL sends them.
            let opening = std::mem::take(&mut self.opening);
            copy_data(out, |out| {
                out.put_slice(&opening);
                self.row(&cells, row, out)
            })?;
            row += 1;
        }
        Ok(row)
    }
}

fn copy_data(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> Result<()>) -> Result<()> {
    let start = out.len();
    out.put_u8(b'd');
    encode::with_length(out, true, write).inspect_err(|_| out.truncate(start))
}

impl Form {
    fn put_text(&self, text: &[u8], forced: bool, only_column: bool, out: &mut BytesMut) {
        if self.kind == Kind::Csv {
            self.put_csv(text, forced, only_column, out);
        } else {
            self.put_plain(text, out);
        }
    }

    fn put_plain(&self, text: &[u8], out: &mut BytesMut) {
        for byte in text {
            let escaped = match byte {
                0x08 => b'b',
                0x0c => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                0x0b => b'v',
                b'\\' => b'\\',
                other if *other == self.delimiter => *other,
                other => {
                    out.put_u8(*other);
                    continue;
                }
            };
            out.put_slice(&[b'\\', escaped]);
        }
    }

    fn put_csv(&self, text: &[u8], forced: bool, only_column: bool, out: &mut BytesMut) {
        let special = |byte: &u8| *byte == self.delimiter || *byte == self.quote || matches!(byte, b'\n' | b'\r');
        let quoted =
            forced || text == self.null.as_bytes() || (only_column && text == b"\\.") || text.iter().any(special);
        if !quoted {
            return out.put_slice(text);
        }
        out.put_u8(self.quote);
        for byte in text {
            if *byte == self.quote || *byte == self.escape {
                out.put_u8(self.escape);
            }
            out.put_u8(*byte);
        }
        out.put_u8(self.quote);
    }
}

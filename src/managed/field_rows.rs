//! Rows that come field by field, gathered into batches of the table's types.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Builder, Float64Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::compute::filter_record_batch;
use arrow::compute::kernels::cast_utils::string_to_datetime;
use arrow::datatypes::{Field, Schema, SchemaRef};
use chrono::Utc;

use super::rows::{Fault, arrow_type};
use crate::error::{Error, ErrorKind, Result};
use crate::sources::{ColumnKind, DateText};

/// How the values of fields are written.
pub trait FieldSyntax {
    /// Microseconds since 1970.
    fn time(&self, field: &[u8]) -> Result<i64>;

    /// Days since 1970.
    fn date(&self, field: &[u8]) -> Result<i32>;

    fn hours(&self, field: &[u8]) -> Result<f64> {
        number(self.text(field)?, "double precision")
    }

    fn count(&self, field: &[u8]) -> Result<i64> {
        number(self.text(field)?, "bigint")
    }

    fn text<'a>(&self, field: &'a [u8]) -> Result<&'a str> {
        std::str::from_utf8(field).map_err(|_| {
            Error::new(
                ErrorKind::CharacterNotInRepertoire,
                "invalid byte sequence for encoding \"UTF8\"",
            )
        })
    }
}

/// ISO 8601; a time without a zone is UTC, a date has dashes or none.
#[derive(Debug, Clone, Copy)]
pub struct UtcTimes;

impl FieldSyntax for UtcTimes {
    fn time(&self, field: &[u8]) -> Result<i64> {
        let text = self.text(field)?;
        let time = string_to_datetime(&Utc, text.trim()).map_err(|_| invalid("a time", text))?;
        Ok(time.timestamp_micros())
    }

    fn date(&self, field: &[u8]) -> Result<i32> {
        let text = self.text(field)?;
        DateText::parse_any(text.trim()).ok_or_else(|| invalid("a date", text))
    }
}

fn invalid(kind: &str, text: &str) -> Error {
    Error::new(
        ErrorKind::InvalidTextRepresentation,
        format!("\"{text}\" is not {kind}"),
    )
}

enum Builder {
    Time(TimestampMicrosecondBuilder),
    Date(Date32Builder),
    Text(StringBuilder),
    Hours(Float64Builder),
    Count(Int64Builder),
}

impl Builder {
    fn new(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Time => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            ColumnKind::Date => Self::Date(Date32Builder::new()),
            ColumnKind::Text => Self::Text(StringBuilder::new()),
            ColumnKind::Hours => Self::Hours(Float64Builder::new()),
            ColumnKind::Count => Self::Count(Int64Builder::new()),
        }
    }

    fn null(&mut self) {
        match self {
            Self::Time(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
            Self::Hours(builder) => builder.append_null(),
            Self::Count(builder) => builder.append_null(),
        }
    }

    /// Appends a value; nothing is appended where it cannot be read.
    fn value(&mut self, field: &[u8], syntax: &dyn FieldSyntax) -> Result<()> {
        match self {
            Self::Time(builder) => builder.append_value(syntax.time(field)?),
            Self::Date(builder) => builder.append_value(syntax.date(field)?),
            Self::Text(builder) => builder.append_value(syntax.text(field)?),
            Self::Hours(builder) => builder.append_value(syntax.hours(field)?),
            Self::Count(builder) => builder.append_value(syntax.count(field)?),
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Hours(builder) => Arc::new(builder.finish()),
            Self::Count(builder) => Arc::new(builder.finish()),
        }
    }
}

fn number<T: std::str::FromStr>(text: &str, type_name: &str) -> Result<T> {
    text.trim().parse().map_err(|_| {
        Error::new(
            ErrorKind::InvalidTextRepresentation,
            format!("invalid input syntax for type {type_name}: \"{text}\""),
        )
    })
}

/// See the module.
pub struct FieldRows {
    schema: SchemaRef,
    builders: Vec<Builder>,
    /// The line of each row; those that could not be read stay out.
    lines: Vec<u64>,
    readable: Vec<bool>,
}

impl FieldRows {
    pub fn new(columns: &[(String, ColumnKind)]) -> Self {
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, kind)| Field::new(name, arrow_type(*kind), true))
            .collect();
        Self {
            schema: Arc::new(Schema::new(fields)),
            builders: columns.iter().map(|(_, kind)| Builder::new(*kind)).collect(),
            lines: vec![],
            readable: vec![],
        }
    }

    pub fn columns(&self) -> usize {
        self.builders.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many rows it holds.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Adds a row with as many fields as there are columns. One that cannot be read is left out and returned as what is
    /// wrong with it.
    pub fn push<'a>(
        &mut self,
        line: u64,
        fields: impl Iterator<Item = Option<&'a [u8]>>,
        syntax: &dyn FieldSyntax,
    ) -> std::result::Result<(), Fault> {
        let mut fault = None;
        let mut filled = 0;
        for (index, (builder, field)) in self.builders.iter_mut().zip(fields).enumerate() {
            filled = index + 1;
            match field {
                Some(field) if fault.is_none() => {
                    if let Err(error) = builder.value(field, syntax) {
                        builder.null();
                        fault = Some(Fault {
                            column: Some(self.schema.field(index).name().clone()),
                            kind: error.kind,
                            reason: error.message,
                        });
                    }
                }
                _ => builder.null(),
            }
        }
        self.builders.iter_mut().skip(filled).for_each(Builder::null);
        self.lines.push(line);
        self.readable.push(fault.is_none());
        fault.map_or(Ok(()), Err)
    }

    /// The readable rows so far, with their lines.
    pub fn take(&mut self) -> Result<(RecordBatch, Vec<u64>)> {
        let columns = self.builders.iter_mut().map(Builder::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        let (lines, readable) = (std::mem::take(&mut self.lines), std::mem::take(&mut self.readable));
        if readable.iter().all(|readable| *readable) {
            return Ok((batch, lines));
        }
        let kept = filter_record_batch(&batch, &BooleanArray::from(readable.clone()))?;
        let lines = lines
            .into_iter()
            .zip(readable)
            .filter_map(|(line, kept)| kept.then_some(line));
        Ok((kept, lines.collect()))
    }
}

//! COPY … FROM STDIN and INSERT: a client's rows on their way into the managed table.

use arrow::datatypes::DataType;
use bytes::Bytes;
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::{Ident, ObjectName};
use pgwire::messages::copy::CopyInResponse;

use super::connection::Connection;
use super::copy_options::{Input, Kind};
use super::copy_records::{Next, Record, Records, bad_format};
use super::decode;
use super::encode::Zone;
use super::frontend::{utf8, violation};
use super::io::{Frame, MessageSizes, Outcome, Stop};
use super::types::Format;
use crate::error::{Error, ErrorKind, Result};
use crate::managed::{Acknowledged, BadRow, Fault, FieldRows, FieldSyntax, Ingest, IngestKey, Origin, arrow_type};
use crate::session::Prepared;
use crate::session::statements::{ParsedStatement, Work, folded};
use crate::sources::ColumnKind;

/// Rows that are checked and taken over at a time.
const ROWS_AT_ONCE: usize = 8192;
/// A statement of a transaction that has more rows than this waits for the COMMIT in files.
const ROWS_WAITING_IN_MEMORY: usize = 256;

impl Connection {
    /// Takes the rows that a client sends; returns the tag.
    pub async fn copy_in(&mut self, statement: &ParsedStatement) -> Outcome<String> {
        let Work::CopyIn {
            table,
            columns,
            options,
        } = &statement.work
        else {
            return Err(Error::internal("a copy without its statement").into());
        };
        let input = Input::of(options)?;
        let (mut ingest, columns) = self.begin_copy(table, columns, &input)?;
        let code = i8::from(input.form.kind == Kind::Binary);
        let count = i16::try_from(columns.len()).map_err(|_| super::encode::too_many_columns())?;
        self.io
            .put(&CopyInResponse::new(code, count, vec![i16::from(code); columns.len()]))?;
        self.io.flush_watched(&self.watch).await?;
        let zone = Zone::named(self.settings().time_zone());
        let mut reader = CopyReader::new(input, columns, zone)?;
        loop {
            let (type_byte, body) = self.copy_message().await?;
            match type_byte {
                b'd' => {
                    reader.feed(&body);
                    let taking = reader.take_rows(&mut ingest, false);
                    self.io.attend(&self.watch, taking).await?;
                }
                b'c' => break,
                b'f' => {
                    let words = utf8(body.strip_suffix(b"\0").unwrap_or(&body))?;
                    return Err(
                        Error::new(ErrorKind::QueryCanceled, format!("COPY from stdin failed: {words}")).into(),
                    );
                }
                b'H' | b'S' => {}
                other => {
                    let message = format!("unexpected message type 0x{other:02X} during COPY from stdin");
                    return Err(Stop::Fatal(violation(message)));
                }
            }
        }
        let taking = reader.take_rows(&mut ingest, true);
        self.io.attend(&self.watch, taking).await?;
        let rows = self.settle(ingest).await?;
        Ok(format!("COPY {rows}"))
    }

    fn begin_copy(
        &mut self,
        table: &ObjectName,
        columns: &[Ident],
        input: &Input,
    ) -> Result<(Ingest, Vec<(String, ColumnKind)>)> {
        let managed = self.session.writable(table, "COPY FROM")?;
        let named: Vec<String> = columns.iter().map(folded).collect();
        let columns = self.session.target_columns(&managed, &named)?;
        managed.check_columns(columns.iter().map(|(name, _)| name.as_str()))?;
        let mut ingest = managed.ingest(Origin::Copy, input.key.clone())?;
        if let Some(on_error) = input.on_error {
            ingest.set_on_error(on_error);
        }
        Ok((ingest, columns))
    }

    async fn copy_message(&mut self) -> Outcome<(u8, Bytes)> {
        let sizes = MessageSizes {
            statement_bytes: self.limits().max_statement_bytes,
            values_bytes: self.options.max_message_bytes,
        };
        match self.io.frame_watched(sizes, &self.watch).await? {
            Frame::Message(type_byte, body) => Ok((type_byte, body)),
            Frame::TooLong { allowed_bytes, .. } => Err(Error::new(
                ErrorKind::ProgramLimitExceeded,
                format!("message is longer than {allowed_bytes} bytes"),
            )
            .into()),
        }
    }

    /// Runs an INSERT; returns the tag.
    pub async fn insert(&mut self, prepared: &Prepared, parameters: Vec<ScalarValue>) -> Outcome<String> {
        let plan = prepared
            .insert()
            .ok_or_else(|| Error::internal("an insert without a plan"))?;
        let managed = self
            .session
            .engine()
            .managed()
            .ok_or_else(|| Error::internal("an insert without a table"))?;
        let mut ingest = managed.ingest(Origin::Insert, IngestKey::none())?;
        let inserting = self.session.insert(plan, parameters, &mut ingest);
        self.io.attend(&self.watch, inserting).await?;
        let rows = self.settle(ingest).await?;
        Ok(format!("INSERT 0 {rows}"))
    }

    /// Makes a batch part of the table, or of the transaction that is open. Returns how many rows it has.
    async fn settle(&mut self, mut ingest: Ingest) -> Outcome<u64> {
        let rows = ingest.accepted();
        if !self.transaction.is_idle() {
            let writing = ingest.keep_in_memory(ROWS_WAITING_IN_MEMORY);
            self.io.attend(&self.watch, writing).await?;
            self.transaction.write(ingest)?;
            return Ok(rows);
        }
        let done = self.io.attend(&self.watch, ingest.finish()).await?;
        self.tell(&done)?;
        Ok(done.rows)
    }

    /// Makes all batches of a transaction part of the table, together.
    pub async fn commit_writes(&mut self) -> Outcome {
        let writes = self.transaction.take_writes();
        if writes.is_empty() {
            return Ok(());
        }
        let finishing = crate::managed::finish_together(writes);
        let done = self.io.attend(&self.watch, finishing).await?;
        for one in &done {
            self.tell(one)?;
        }
        Ok(())
    }

    /// Says what a client could not guess from the number of rows.
    fn tell(&mut self, done: &Acknowledged) -> Result<()> {
        if done.repeated {
            return self.notice("a batch with this idempotency key is in the table already; nothing was added");
        }
        if done.quarantined > 0 {
            return self.notice(&format!("{} rows went to mission_control.quarantine", done.quarantined));
        }
        Ok(())
    }
}

/// A copy's bytes becoming rows.
struct CopyReader {
    input: Input,
    columns: Vec<(String, ColumnKind)>,
    records: Records,
    rows: FieldRows,
    syntax: Syntax,
    not_null: Vec<bool>,
    null: Vec<bool>,
    header_pending: bool,
    record: Record,
}

impl CopyReader {
    fn new(input: Input, columns: Vec<(String, ColumnKind)>, zone: Zone) -> Result<Self> {
        let names = columns.iter().map(|(name, _)| name.as_str());
        Ok(Self {
            records: Records::new(&input.form),
            rows: FieldRows::new(&columns),
            syntax: Syntax {
                format: match input.form.kind {
                    Kind::Binary => Format::Binary,
                    Kind::Text | Kind::Csv => Format::Text,
                },
                zone,
            },
            not_null: input.force_not_null.among(names.clone())?,
            null: input.force_null.among(names)?,
            header_pending: input.form.header,
            record: Record::default(),
            columns,
            input,
        })
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.records.feed(bytes);
    }

    /// Takes over the rows that are there; the last ones too where no more bytes will come.
    async fn take_rows(&mut self, ingest: &mut Ingest, complete: bool) -> Result<()> {
        while self.records.next(&mut self.record, complete)? == Next::Row {
            if std::mem::take(&mut self.header_pending) {
                self.check_header()?;
                continue;
            }
            if let Err(fault) = self.take_row() {
                ingest.refuse(BadRow {
                    line: self.record.line,
                    fault,
                    row: self.record.shown(),
                })?;
            }
            if self.rows.len() >= ROWS_AT_ONCE {
                self.hand_over(ingest).await?;
            }
        }
        if complete && !self.rows.is_empty() {
            self.hand_over(ingest).await?;
        }
        Ok(())
    }

    async fn hand_over(&mut self, ingest: &mut Ingest) -> Result<()> {
        let (batch, lines) = self.rows.take()?;
        ingest.push_lines(&batch, &lines).await
    }

    fn take_row(&mut self) -> std::result::Result<(), Fault> {
        let (given, wanted) = (self.record.len(), self.columns.len());
        if given != wanted {
            let reason = match self.columns.get(given) {
                Some((name, _)) => format!("missing data for column \"{name}\""),
                None => "extra data after last expected column".to_string(),
            };
            return Err(Fault {
                column: self.columns.get(given).map(|(name, _)| name.clone()),
                kind: ErrorKind::BadCopyFileFormat,
                reason,
            });
        }
        let null_text = self.input.form.null.as_bytes();
        let (record, not_null, null) = (&self.record, &self.not_null, &self.null);
        let fields = (0..wanted).map(|index| match record.field(index) {
            (None, _) if not_null[index] => Some(null_text),
            (Some(bytes), true) if null[index] && bytes == null_text => None,
            (field, _) => field,
        });
        self.rows.push(record.line, fields, &self.syntax)
    }

    fn check_header(&self) -> Result<()> {
        if !self.input.header_must_match {
            return Ok(());
        }
        let names = (0..self.record.len()).map(|index| self.record.field(index).0.unwrap_or_default());
        if names.eq(self.columns.iter().map(|(name, _)| name.as_bytes())) {
            return Ok(());
        }
        let expected: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        Err(bad_format(1, "the header does not name the columns")
            .with_detail(format!("Expected {}.", expected.join(", "))))
    }
}

/// PostgreSQL's text or binary forms of values.
struct Syntax {
    format: Format,
    zone: Zone,
}

impl Syntax {
    fn value(&self, field: &[u8], kind: ColumnKind) -> Result<ScalarValue> {
        let value = decode::parameter(Some(field), 0, self.format, &arrow_type(kind), self.zone);
        value.map_err(|error| match error.kind {
            ErrorKind::InvalidBinaryRepresentation => Error::new(error.kind, "incorrect binary data format"),
            _ => error,
        })
    }
}

fn unexpected(data_type: &DataType) -> Error {
    Error::internal(format!("a field became a value of type {data_type}"))
}

impl FieldSyntax for Syntax {
    fn time(&self, field: &[u8]) -> Result<i64> {
        match self.value(field, ColumnKind::Time)? {
            ScalarValue::TimestampMicrosecond(Some(time), _) => Ok(time),
            other => Err(unexpected(&other.data_type())),
        }
    }

    fn date(&self, field: &[u8]) -> Result<i32> {
        match self.value(field, ColumnKind::Date)? {
            ScalarValue::Date32(Some(day)) => Ok(day),
            other => Err(unexpected(&other.data_type())),
        }
    }

    fn hours(&self, field: &[u8]) -> Result<f64> {
        match self.value(field, ColumnKind::Hours)? {
            ScalarValue::Float64(Some(hours)) => Ok(hours),
            other => Err(unexpected(&other.data_type())),
        }
    }

    fn count(&self, field: &[u8]) -> Result<i64> {
        match self.value(field, ColumnKind::Count)? {
            ScalarValue::Int64(Some(count)) => Ok(count),
            other => Err(unexpected(&other.data_type())),
        }
    }

    fn text<'a>(&self, field: &'a [u8]) -> Result<&'a str> {
        utf8(field)
    }
}

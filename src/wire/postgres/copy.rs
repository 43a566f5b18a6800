//! COPY … TO STDOUT: a query's rows in COPY's text, CSV or binary form, streamed like any other result.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use bytes::{BufMut, BytesMut};
use pgwire::messages::copy::{CopyDone, CopyOutResponse};

use super::connection::Connection;
use super::copy_options::{Form, Kind};
use super::encode::{self, Cell, Style};
use super::io::{FLUSH_BYTES, Outcome};
use super::rows::{RowWriter, Rows};
use super::types::Format;
use crate::error::{Error, ErrorKind, Result};
use crate::session::copy_statement::CopyOption;
use crate::session::statements::ParsedStatement;

/// What a binary copy begins with: a signature, flags and the length of an extension that is not there.
const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const BINARY_TRAILER: &[u8] = b"\xff\xff";

impl Connection {
    /// Copies a query's rows to the client; returns the tag.
    pub async fn copy_out(&mut self, query: &ParsedStatement, options: &[CopyOption]) -> Outcome<String> {
        let form = Form::of(options)?;
        let preparing = self.session.prepare(query.clone(), &[]);
        let prepared = self.io.attend(&self.watch, preparing).await?;
        if !prepared.parameter_types.is_empty() {
            return Err(Error::new(ErrorKind::UndefinedParameter, "there is no parameter $1").into());
        }
        let code = i8::from(form.kind == Kind::Binary);
        let mut writer = CopyRows::new(form, Style::of(self.session.settings())?, &prepared.schema)?;
        let running = self.session.run(&prepared, vec![]);
        let stream = self.io.attend(&self.watch, running).await?;
        let columns = prepared.schema.fields().len();
        let count = i16::try_from(columns).map_err(|_| encode::too_many_columns())?;
        let response = CopyOutResponse::new(code, count, vec![i16::from(code); columns]);
        self.io.put(&response)?;
        let sent = Rows::new(stream)
            .send(&mut self.io, &self.watch, &self.metrics, &mut writer, u64::MAX)
            .await?;
        writer.finish(self.io.outbox())?;
        self.io.put(&CopyDone::new())?;
        Ok(format!("COPY {sent}"))
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
    fn new(form: Form, style: Style, schema: &Schema) -> Result<Self> {
        let quoted_columns = form.quoted_columns(schema)?;
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
        Ok(Self {
            form,
            style,
            opening: opening.to_vec(),
            quoted_columns,
        })
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

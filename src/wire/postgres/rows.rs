//! Rows on their way to the client, batch by batch, as many at a time as it asks for.

use std::sync::atomic::Ordering::Relaxed;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::BytesMut;
use futures::StreamExt;

use super::encode::{self, Style};
use super::io::{FLUSH_BYTES, Io, Outcome, Watch};
use super::types::Format;
use crate::error::Result;
use crate::metrics::{Metrics, Protocol};
use crate::session::RowStream;

/// An open result: what has not been sent of the current batch, and the batches to come.
pub struct Rows {
    stream: RowStream,
    batch: Option<RecordBatch>,
    /// Rows that were sent or passed over.
    taken: u64,
}

/// How rows are written.
pub trait RowWriter {
    /// Writes rows of the batch from the first on until there are enough bytes; returns how many.
    fn write(&mut self, batch: &RecordBatch, out: &mut BytesMut) -> Result<usize>;
}

impl Rows {
    /// The statement's deadline is watched by the connection, each time anew that the client asks for rows.
    pub fn new(mut stream: RowStream) -> Self {
        stream.forget_deadline();
        Self {
            stream,
            batch: None,
            taken: 0,
        }
    }

    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Passes over up to `most` rows; returns over how many.
    pub async fn pass_over(&mut self, io: &mut Io, watch: &Watch, most: u64) -> Outcome<u64> {
        let mut passed = 0;
        while passed < most {
            let Some(batch) = self.next_batch(io, watch).await? else {
                break;
            };
            let now = usize::try_from(most - passed)
                .unwrap_or(usize::MAX)
                .min(batch.num_rows());
            if now < batch.num_rows() {
                self.batch = Some(batch.slice(now, batch.num_rows() - now));
            }
            passed += now as u64;
        }
        self.taken += passed;
        Ok(passed)
    }

    /// Sends up to `most` rows. Returns how many were sent; fewer than `most` means that there are no more.
    pub async fn send(
        &mut self,
        io: &mut Io,
        watch: &Watch,
        metrics: &Metrics,
        writer: &mut (impl RowWriter + Send),
        most: u64,
    ) -> Outcome<u64> {
        let mut sent = 0;
        while sent < most {
            let Some(batch) = self.next_batch(io, watch).await? else {
                break;
            };
            let wanted = usize::try_from(most - sent).unwrap_or(usize::MAX).min(batch.num_rows());
            let written = writer.write(&batch.slice(0, wanted), io.outbox())?;
            metrics
                .protocol(Protocol::Postgres)
                .rows_sent_total
                .fetch_add(written as u64, Relaxed);
            watch.running.sent_rows(written as u64);
            sent += written as u64;
            self.taken += written as u64;
            if written < batch.num_rows() {
                self.batch = Some(batch.slice(written, batch.num_rows() - written));
            }
            if io.outbox().len() >= FLUSH_BYTES {
                io.flush_watched(watch).await?;
            }
        }
        Ok(sent)
    }

    /// What is left of the current batch, or the next one that has rows. Before waiting, what is ready is sent.
    async fn next_batch(&mut self, io: &mut Io, watch: &Watch) -> Outcome<Option<RecordBatch>> {
        if let Some(batch) = self.batch.take() {
            return Ok(Some(batch));
        }
        loop {
            io.flush_watched(watch).await?;
            let next = async { self.stream.next().await.transpose() };
            match io.attend(watch, next).await? {
                Some(batch) if batch.num_rows() == 0 => {}
                other => return Ok(other),
            }
        }
    }
}

/// Rows as DataRow messages.
pub struct DataRows<'a> {
    pub formats: &'a [Format],
    pub style: Style,
}

impl RowWriter for DataRows<'_> {
    fn write(&mut self, batch: &RecordBatch, out: &mut BytesMut) -> Result<usize> {
        let cells = encode::cells(batch, &self.style)?;
        let mut row = 0;
        while row < batch.num_rows() && (row == 0 || out.len() < FLUSH_BYTES) {
            encode::data_row(&cells, self.formats, row, out)?;
            row += 1;
        }
        Ok(row)
    }
}

//! Rows on their way out as Flight messages: nothing is read ahead of the client, a message stays small, and cancelling,
//! the deadline and the end of the server stop the stream with an error.

use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use tonic::Status;

use super::errors::to_status;
use super::running::Entered as EnteredDownload;
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{Metrics, Protocol, ProtocolMetrics};
use crate::session::{Engine, Entered, Session};
use crate::shutdown::Shutdown;
use crate::wire::error_codes::{SUCCESSFUL_COMPLETION, sqlstate};

/// What DoGet answers with.
pub type Messages = Pin<Box<dyn Stream<Item = Result<FlightData, Status>> + Send>>;

/// A message's rows take about this many bytes; some clients refuse messages of more than 4 MiB.
const MESSAGE_BYTES: usize = 1 << 20;

/// Counts and records one statement: that it was run, how long it took, what came of it.
pub struct StatementMeter {
    metrics: Arc<Metrics>,
    started: Instant,
    engine: Arc<Engine>,
    entered: Option<Entered>,
    outcome: OnceLock<&'static str>,
}

impl StatementMeter {
    pub fn start(metrics: &Arc<Metrics>, session: &mut Session, text: &str) -> Self {
        metrics
            .protocol(Protocol::Flight)
            .statements_total
            .fetch_add(1, Relaxed);
        let entered = session.begin();
        if let Some(entered) = &entered {
            entered.begin_statement(text);
            session.belongs_to(entered.running());
        }
        Self {
            metrics: Arc::clone(metrics),
            started: Instant::now(),
            engine: Arc::clone(session.engine()),
            entered,
            outcome: OnceLock::new(),
        }
    }

    /// The statement came to its end.
    pub fn succeeded(&self) {
        let _ = self.outcome.set(SUCCESSFUL_COMPLETION);
    }

    /// Resolves when somebody ends the statement, with the reason.
    pub async fn ended_by_others(&self) -> Error {
        match &self.entered {
            Some(entered) => entered.ended_by_others().await,
            None => std::future::pending().await,
        }
    }

    fn sent(&self, rows: u64, bytes: u64) {
        self.counts().rows_sent_total.fetch_add(rows, Relaxed);
        self.counts().bytes_sent_total.fetch_add(bytes, Relaxed);
        if let Some(entered) = &self.entered {
            entered.running().sent_rows(rows);
            entered.running().sent_bytes(bytes);
        }
    }

    fn counts(&self) -> &ProtocolMetrics {
        self.metrics.protocol(Protocol::Flight)
    }

    /// Counts a failure on its way to the client.
    pub fn failed(&self, error: Error) -> Error {
        self.counts().statement_errors_total.fetch_add(1, Relaxed);
        self.metrics.note_error(error.kind);
        let _ = self.outcome.set(sqlstate(error.kind));
        error
    }
}

impl Drop for StatementMeter {
    fn drop(&mut self) {
        if let Some(entered) = &self.entered {
            // Whoever leaves in the middle has not said why.
            let gone = sqlstate(ErrorKind::ConnectionException);
            self.engine.end_statement(entered, self.outcome.get().unwrap_or(&gone));
        }
        let microseconds = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.counts()
            .statement_microseconds_total
            .fetch_add(microseconds, Relaxed);
    }
}

/// The rows of a download, and whatever may end it early.
struct Download {
    rows: BoxStream<'static, Result<RecordBatch>>,
    entered: EnteredDownload,
    shutdown: Shutdown,
    meter: Arc<StatementMeter>,
}

impl Download {
    async fn next(&mut self) -> Option<Result<RecordBatch>> {
        let next = tokio::select! {
            biased;
            () = self.entered.cancelled() => Some(Err(Error::new(
                ErrorKind::QueryCanceled,
                "canceling statement due to user request",
            ))),
            cause = self.meter.ended_by_others() => Some(Err(cause)),
            () = self.shutdown.ended() => Some(Err(Error::new(
                ErrorKind::AdminShutdown,
                "terminating connection due to administrator command",
            ))),
            next = self.rows.next() => next,
        };
        match next {
            Some(Ok(batch)) => {
                let rows = u64::try_from(batch.num_rows()).unwrap_or(0);
                self.meter.sent(rows, 0);
                Some(Ok(batch))
            }
            Some(Err(error)) => Some(Err(self.meter.failed(error))),
            None => {
                self.meter.succeeded();
                None
            }
        }
    }
}

/// Starts a download. Waits for the first rows, so that a query that fails at once fails the call.
pub async fn stream(
    rows: BoxStream<'static, Result<RecordBatch>>,
    schema: SchemaRef,
    entered: EnteredDownload,
    shutdown: Shutdown,
    meter: StatementMeter,
) -> Result<Messages> {
    let meter = Arc::new(meter);
    let mut download = Download {
        rows,
        entered,
        shutdown,
        meter: Arc::clone(&meter),
    };
    let first = download.next().await.transpose()?;
    let rest = futures::stream::unfold(Some(download), |download| async move {
        let mut download = download?;
        let next = download.next().await?;
        let following = next.is_ok().then_some(download);
        Some((next, following))
    });
    let batches = futures::stream::iter(first.map(Ok))
        .chain(rest)
        .map_ok(|batch| futures::stream::iter(pieces(batch).into_iter().map(Ok)))
        .try_flatten()
        .map_err(|error: Error| FlightError::Tonic(Box::new(to_status(error))));
    Ok(encode(batches, schema)
        .inspect_ok(move |message| {
            let bytes = u64::try_from(message.data_header.len() + message.data_body.len()).unwrap_or(0);
            meter.sent(0, bytes);
        })
        .boxed())
}

/// A batch that is there already: the answers of the catalog.
pub fn ready(batch: RecordBatch) -> Messages {
    let schema = batch.schema();
    encode(futures::stream::iter(pieces(batch).into_iter().map(Ok)), schema).boxed()
}

fn encode<S>(batches: S, schema: SchemaRef) -> impl Stream<Item = Result<FlightData, Status>> + Send + 'static
where
    S: Stream<Item = Result<RecordBatch, FlightError>> + Send + 'static,
{
    FlightDataEncoderBuilder::new()
        .with_schema(schema)
        // The pieces have the right size already; the encoder would measure whole buffers where a batch is a slice.
        .with_max_flight_data_size(usize::MAX)
        .build(batches)
        .map_err(Status::from)
}

/// Halves a batch until each part fits a message. A single row goes out whole.
fn pieces(batch: RecordBatch) -> Vec<RecordBatch> {
    let mut pieces = Vec::new();
    let mut waiting = vec![batch];
    while let Some(piece) = waiting.pop() {
        let rows = piece.num_rows();
        if rows == 0 {
            continue;
        }
        if rows == 1 || row_bytes(&piece) <= MESSAGE_BYTES {
            pieces.push(piece);
        } else {
            waiting.push(piece.slice(rows / 2, rows - rows / 2));
            waiting.push(piece.slice(0, rows / 2));
        }
    }
    pieces
}

fn row_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|column| array_bytes(column.as_ref())).sum()
}

/// The bytes of a column's own rows. Arrow's measure of a slice counts all children of a list, so lists are done here.
fn array_bytes(array: &dyn Array) -> usize {
    match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let range = |index: usize| usize::try_from(list.value_offsets()[index]).unwrap_or(0);
            let (first, last) = (range(0), range(list.len()));
            let items = list.values().slice(first, last - first);
            size_of_val(list.value_offsets()) + array_bytes(items.as_ref())
        }
        DataType::Struct(_) => {
            let columns = array.as_struct().columns();
            columns.iter().map(|column| array_bytes(column.as_ref())).sum()
        }
        _ => array.to_data().get_slice_memory_size().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, StringArray};

    fn texts(lengths: &[usize]) -> RecordBatch {
        let texts: StringArray = lengths.iter().map(|length| Some("x".repeat(*length))).collect();
        RecordBatch::try_from_iter(vec![("text", Arc::new(texts) as ArrayRef)]).unwrap()
    }

    #[test]
    fn pieces_are_small_and_in_order() {
        let numbers = Int64Array::from_iter_values(0..1_000_000);
        let batch = RecordBatch::try_from_iter(vec![("n", Arc::new(numbers) as ArrayRef)]).unwrap();
        let parts = pieces(batch);
        assert!(parts.iter().all(|part| row_bytes(part) <= MESSAGE_BYTES));
        let mut next = 0;
        for part in &parts {
            let numbers = part.column(0).as_any().downcast_ref::<Int64Array>().unwrap();
            assert_eq!(numbers.value(0), next);
            next += i64::try_from(part.num_rows()).unwrap();
        }
        assert_eq!(next, 1_000_000);
    }

    #[test]
    fn one_huge_row_does_not_drag_the_others_along() {
        let parts = pieces(texts(&[10, 5 << 20, 10, 10]));
        let rows: Vec<usize> = parts.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(rows, [1, 1, 2]);
        assert!(pieces(texts(&[])).is_empty());
    }

    #[test]
    fn lists_are_measured_by_their_own_items() {
        let rows = (0..100_000).map(|row| Some(vec![Some(row); 8]));
        let lists = arrow::array::ListArray::from_iter_primitive::<arrow::datatypes::Int64Type, _, _>(rows);
        let batch = RecordBatch::try_from_iter(vec![("l", Arc::new(lists) as ArrayRef)]).unwrap();
        let parts = pieces(batch);
        assert!((6..=16).contains(&parts.len()), "{} parts", parts.len());
    }

    #[test]
    fn a_small_slice_of_a_large_batch_stays_whole() {
        let numbers = Int64Array::from_iter_values(0..1_000_000);
        let batch = RecordBatch::try_from_iter(vec![("n", Arc::new(numbers) as ArrayRef)]).unwrap();
        assert_eq!(pieces(batch.slice(5000, 8192)).len(), 1);
    }
}

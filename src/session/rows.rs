//! A query's rows on their way out: computed on the query runtime, handed over batch by batch, stopped when dropped.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::{Stream, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::limits::Limits;
use super::work::{Stop, panicked};
use crate::catalog::TYPE_KEY;
use crate::dialect::type_names;
use crate::error::{Error, ErrorKind, Result};

/// How many batches may wait for a slow reader. Memory per query stays at a few batches whatever the result's size.
const BATCHES_IN_FLIGHT: usize = 2;

/// The schema that clients see: plain text instead of views and dictionaries, times in microseconds, every column
/// nullable, no metadata. It is a function of the plan's schema alone, so what is announced and what is sent cannot
/// differ.
pub fn wire_schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<FieldRef> = schema.fields().iter().map(|field| wire_field(field)).collect();
    Arc::new(Schema::new(fields))
}

fn wire_field(field: &Field) -> FieldRef {
    Arc::new(Field::new(field.name(), wire_type(field.data_type()), true))
}

/// The schema that clients see of a query's rows, with what its plan says of the columns' types in PostgreSQL.
pub(super) fn result_schema(schema: &Schema, plan: &LogicalPlan) -> SchemaRef {
    let told = |(index, field): (usize, &FieldRef)| {
        let outgoing = wire_field(field);
        if *outgoing.data_type() == DataType::Int64 && type_names::is_small_number(plan, index) {
            return Arc::new(outgoing.as_ref().clone().with_data_type(DataType::Int32));
        }
        match type_names::of_column(plan, index) {
            Some(name) if type_name(&outgoing).is_none() => {
                let metadata = HashMap::from([(TYPE_KEY.to_string(), name)]);
                Arc::new(outgoing.as_ref().clone().with_metadata(metadata))
            }
            _ => outgoing,
        }
    };
    Arc::new(Schema::new(
        schema.fields().iter().enumerate().map(told).collect::<Vec<_>>(),
    ))
}

/// PostgreSQL's name of a column's type, where Arrow has none such.
pub fn type_name(field: &Field) -> Option<&str> {
    field.metadata().get(TYPE_KEY).map(String::as_str)
}

/// The same columns without PostgreSQL's names of types.
pub fn plain_schema(schema: &Schema) -> SchemaRef {
    let plain = |field: &FieldRef| field.as_ref().clone().with_metadata(HashMap::new());
    Arc::new(Schema::new(schema.fields().iter().map(plain).collect::<Vec<Field>>()))
}

pub(super) fn wire_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_) => DataType::Binary,
        // The engine's own now() and to_timestamp() count nanoseconds; clients are promised microseconds.
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        // The engine counts without a sign (row_number, array_length); PostgreSQL has no such numbers.
        DataType::UInt64 => DataType::Int64,
        DataType::Dictionary(_, values) => wire_type(values),
        DataType::RunEndEncoded(_, values) => wire_type(values.data_type()),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => DataType::List(wire_field(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| wire_field(field)).collect()),
        other => other.clone(),
    }
}

/// The rows of one running query.
pub struct RowStream {
    schema: SchemaRef,
    batches: mpsc::Receiver<Result<RecordBatch>>,
    worker: Option<JoinHandle<()>>,
    stop: Stop,
    deadline: Option<Pin<Box<tokio::time::Sleep>>>,
    finished: bool,
}

impl RowStream {
    /// Starts pulling `input` on the query runtime. Dropping the result stops the work.
    pub fn spawn(
        runtime: &Handle,
        input: SendableRecordBatchStream,
        schema: SchemaRef,
        deadline: Option<Instant>,
        limits: &Limits,
        stop: Stop,
    ) -> Self {
        let (sender, batches) = mpsc::channel(BATCHES_IN_FLIGHT);
        let measure = Measure::new(limits);
        let worker = runtime.spawn(stop.watched(pump(input, Arc::clone(&schema), sender, measure)));
        let deadline = deadline.map(|at| Box::pin(tokio::time::sleep_until(at)));
        Self {
            schema,
            batches,
            worker: Some(worker),
            stop,
            deadline,
            finished: false,
        }
    }

    /// Rows that are already there, such as SHOW's.
    pub fn ready(batch: RecordBatch) -> Self {
        let (sender, batches) = mpsc::channel(1);
        let schema = batch.schema();
        // The channel has room for exactly this one batch and its receiver is at hand.
        let _ = sender.try_send(Ok(batch));
        Self {
            schema,
            batches,
            worker: None,
            stop: Stop::default(),
            deadline: None,
            finished: false,
        }
    }

    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// For results that a client fetches bit by bit: whoever hands them on limits the time of each bit.
    pub fn forget_deadline(&mut self) {
        self.deadline = None;
    }

    /// All rows at once, for small results only.
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>> {
        let mut collected = Vec::new();
        while let Some(batch) = self.next().await {
            collected.push(batch?);
        }
        Ok(collected)
    }

    fn after_last_batch(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<RecordBatch>>> {
        let Some(worker) = self.worker.as_mut() else {
            self.finished = true;
            return Poll::Ready(None);
        };
        let ended = futures::ready!(Pin::new(worker).poll(context));
        self.finished = true;
        self.worker = None;
        Poll::Ready(match ended {
            Err(error) if error.is_panic() => Some(Err(panicked(error))),
            _ => None,
        })
    }
}

use std::future::Future;

impl Stream for RowStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.finished {
            return Poll::Ready(None);
        }
        if let Some(deadline) = self.deadline.as_mut()
            && deadline.as_mut().poll(context).is_ready()
        {
            self.finished = true;
            self.stop();
            return Poll::Ready(Some(Err(timed_out())));
        }
        match futures::ready!(self.batches.poll_recv(context)) {
            Some(batch) => {
                self.finished = batch.is_err();
                Poll::Ready(Some(batch))
            }
            None => self.after_last_batch(context),
        }
    }
}

impl RowStream {
    fn stop(&mut self) {
        self.stop.now();
        self.batches.close();
        if let Some(worker) = self.worker.take() {
            worker.abort();
        }
    }
}

impl Drop for RowStream {
    fn drop(&mut self) {
        self.stop();
    }
}

pub fn timed_out() -> Error {
    Error::new(
        ErrorKind::StatementTimeout,
        "canceling statement due to statement timeout",
    )
}

/// Counts what a statement returns, up to what it may.
struct Measure {
    rows_left: u64,
    bytes_left: u64,
    most_rows: u64,
    most_bytes: u64,
}

impl Measure {
    fn new(limits: &Limits) -> Self {
        let most_rows = limits.max_result_rows.unwrap_or(u64::MAX);
        let most_bytes = limits.max_result_bytes.unwrap_or(u64::MAX);
        Self {
            rows_left: most_rows,
            bytes_left: most_bytes,
            most_rows,
            most_bytes,
        }
    }

    fn take(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows() as u64;
        self.rows_left = self.rows_left.checked_sub(rows).ok_or_else(|| {
            let most = self.most_rows;
            too_large(format!("the result has more than {most} rows"))
        })?;
        if self.most_bytes != u64::MAX {
            let bytes = batch.columns().iter().map(|column| column.to_data());
            let bytes: usize = bytes.map(|data| data.get_slice_memory_size().unwrap_or(0)).sum();
            self.bytes_left = self.bytes_left.checked_sub(bytes as u64).ok_or_else(|| {
                let most = self.most_bytes;
                too_large(format!("the result has more than {most} bytes"))
            })?;
        }
        Ok(batch)
    }
}

fn too_large(message: String) -> Error {
    Error::new(ErrorKind::ConfigurationLimitExceeded, message)
        .with_hint("narrow the query, aggregate, or add LIMIT; the administrator sets how large a result may be")
}

async fn pump(
    mut input: SendableRecordBatchStream,
    schema: SchemaRef,
    sender: mpsc::Sender<Result<RecordBatch>>,
    mut measure: Measure,
) {
    while let Some(batch) = input.next().await {
        let outgoing = batch
            .map_err(Error::from)
            .and_then(|batch| to_wire(&batch, &schema))
            .and_then(|batch| measure.take(batch));
        let failed = outgoing.is_err();
        if sender.send(outgoing).await.is_err() || failed {
            return;
        }
    }
}

/// Casts a batch to the announced schema.
fn to_wire(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let columns: Result<Vec<ArrayRef>, _> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if column.data_type() == field.data_type() {
                Ok(Arc::clone(column))
            } else {
                cast_with_options(column, field.data_type(), &options)
            }
        })
        .collect();
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns?, &rows)?)
}

//! The Flight wire, called with arrow-flight's own client over a free port.

mod catalog;
mod plain;
mod prepared;
mod queries;
mod tickets;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arrow::array::{
    ArrayRef, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int16Array, Int32Array, Int64Array, LargeStringArray, ListArray, RecordBatch, StringArray, StringViewArray,
    StructArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{FlightInfo, Ticket};
use datafusion::datasource::{MemTable, ViewTable};
use futures::TryStreamExt;
use mission_control::metrics::{Metrics, Protocol};
use mission_control::session::{Engine, EngineOptions, Limits, Relations};
use mission_control::shutdown::Shutdown;
use mission_control::wire::flight_sql::{FlightOptions, serve};
use tonic::transport::Channel;
use tonic::{Code, Status};

type Client = FlightSqlServiceClient<Channel>;

struct Server {
    address: String,
    shutdown: Shutdown,
    metrics: Arc<Metrics>,
    serving: tokio::task::JoinHandle<mission_control::error::Result<()>>,
}

impl Server {
    async fn start() -> Self {
        Self::start_with(FlightOptions::default()).await
    }

    async fn start_with(options: FlightOptions) -> Self {
        Self::start_with_limits(options, Limits::default()).await
    }

    async fn start_with_limits(options: FlightOptions, limits: Limits) -> Self {
        let engine_options = EngineOptions {
            limits,
            ..EngineOptions::default()
        };
        let engine = Engine::new(engine_options, tokio::runtime::Handle::current()).unwrap();
        engine.publish(relations().await).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (metrics, shutdown) = (Arc::new(Metrics::default()), Shutdown::new());
        let serving = serve(listener, engine, options, Arc::clone(&metrics), shutdown.clone());
        Self {
            address,
            shutdown,
            metrics,
            serving: tokio::spawn(serving),
        }
    }

    async fn channel(&self) -> Channel {
        let endpoint = Channel::from_shared(self.address.clone()).unwrap();
        endpoint.connect().await.unwrap()
    }

    async fn client(&self) -> Client {
        FlightSqlServiceClient::new(self.channel().await)
    }

    async fn plain_client(&self) -> FlightServiceClient<Channel> {
        FlightServiceClient::new(self.channel().await)
    }

    fn count(&self, read: impl Fn(&mission_control::metrics::ProtocolMetrics) -> u64) -> u64 {
        read(self.metrics.protocol(Protocol::Flight))
    }

    fn open_connections(&self) -> i64 {
        self.metrics.protocol(Protocol::Flight).connections_open.load(Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.end();
    }
}

/// A column of every type, two rows and one of NULLs; a view over it; and an empty table.
async fn relations() -> Relations {
    let batch = every_type();
    let schema = batch.schema();
    let mut relations = Relations::default();
    let types = Arc::new(MemTable::try_new(schema.clone(), vec![vec![batch]]).unwrap());
    let context = datafusion::prelude::SessionContext::new();
    context.register_table("types", types.clone()).unwrap();
    let plan = context.sql("SELECT label, big FROM types WHERE big > 1").await.unwrap();
    let view = ViewTable::new(plan.into_unoptimized_plan(), None);
    relations.public.insert("types".to_string(), types);
    relations.public.insert("big_types".to_string(), Arc::new(view));
    let empty = MemTable::try_new(schema, vec![vec![]]).unwrap();
    relations.public.insert("empty".to_string(), Arc::new(empty));
    let status =
        RecordBatch::try_from_iter(vec![("ready", Arc::new(BooleanArray::from(vec![true])) as ArrayRef)]).unwrap();
    let status = MemTable::try_new(status.schema(), vec![vec![status]]).unwrap();
    relations.system.insert("status".to_string(), Arc::new(status));
    relations
}

fn every_type() -> RecordBatch {
    let nested = StructArray::from(vec![
        (
            Arc::new(Field::new("number", DataType::Int64, true)),
            Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("text", DataType::Utf8View, false)),
            Arc::new(StringViewArray::from(vec!["a", "b", "c"])) as ArrayRef,
        ),
    ]);
    let words: DictionaryArray<Int32Type> = vec![Some("x"), Some("y"), None].into_iter().collect();
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None]), Some(vec![]), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "flag",
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
        ),
        ("small", Arc::new(Int16Array::from(vec![Some(1), Some(2), None]))),
        ("medium", Arc::new(Int32Array::from(vec![Some(1), Some(2), None]))),
        ("big", Arc::new(Int64Array::from(vec![Some(1), Some(i64::MAX), None]))),
        (
            "single",
            Arc::new(Float32Array::from(vec![Some(0.5), Some(f32::NAN), None])),
        ),
        (
            "double",
            Arc::new(Float64Array::from(vec![Some(0.1), Some(f64::INFINITY), None])),
        ),
        (
            "exact",
            Arc::new(
                Decimal128Array::from(vec![Some(12345), Some(-1), None])
                    .with_precision_and_scale(10, 2)
                    .unwrap(),
            ),
        ),
        (
            "label",
            Arc::new(StringViewArray::from(vec![
                Some("release"),
                Some("a text longer than twelve bytes"),
                None,
            ])),
        ),
        (
            "large",
            Arc::new(LargeStringArray::from(vec![Some("ä"), Some(""), None])),
        ),
        ("word", Arc::new(words)),
        (
            "bytes",
            Arc::new(BinaryViewArray::from(vec![
                Some([0_u8, 255].as_slice()),
                Some(b"".as_slice()),
                None,
            ])),
        ),
        ("day", Arc::new(Date32Array::from(vec![Some(17686), Some(-1), None]))),
        (
            "clock",
            Arc::new(Time64MicrosecondArray::from(vec![Some(1), Some(86_399_999_999), None])),
        ),
        (
            "instant",
            Arc::new(
                TimestampMicrosecondArray::from(vec![Some(1_528_070_400_000_000), Some(-1), None]).with_timezone("UTC"),
            ),
        ),
        (
            "local",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(0), Some(1), None])),
        ),
        ("list", Arc::new(list)),
        ("nested", Arc::new(nested)),
        ("nothing", Arc::new(Int64Array::from(vec![None, None, None]))),
    ];
    let fields: Vec<Field> = columns
        .iter()
        // A column that is never NULL in the source: clients are told that every column may be.
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), *name != "nested"))
        .collect();
    let arrays = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn ticket(info: &FlightInfo) -> Ticket {
    info.endpoint[0].ticket.clone().unwrap()
}

async fn rows_of(client: &mut Client, info: &FlightInfo) -> Result<RecordBatch, Status> {
    let stream = client.do_get(ticket(info)).await.map_err(status_of)?;
    collect(stream).await
}

async fn collect(mut stream: FlightRecordBatchStream) -> Result<RecordBatch, Status> {
    let mut batches = Vec::new();
    while let Some(batch) = stream.try_next().await.map_err(Status::from)? {
        batches.push(batch);
    }
    let schema = stream.schema().expect("a stream begins with its schema").clone();
    Ok(concat_batches(&schema, &batches).unwrap())
}

async fn query(client: &mut Client, sql: &str) -> Result<RecordBatch, Status> {
    let info = client.execute(sql.to_string(), None).await.map_err(status_of)?;
    rows_of(client, &info).await
}

/// The client wraps statuses in its own error; the tests want the status itself.
fn status_of(error: arrow_flight::error::FlightError) -> Status {
    match error {
        arrow_flight::error::FlightError::Tonic(status) => *status,
        other => Status::unknown(other.to_string()),
    }
}

/// Fails unless the status has this code, and PostgreSQL's SQLSTATE in its metadata and its details.
#[track_caller]
fn assert_refused(status: &Status, code: Code, sqlstate: &str) {
    assert_eq!(status.code(), code, "{status:?}");
    assert_eq!(
        status.metadata().get("sqlstate").map(|value| value.to_str().unwrap()),
        Some(sqlstate),
        "{status:?}"
    );
    let details = String::from_utf8_lossy(status.details());
    assert!(
        details.contains("google.rpc.ErrorInfo") && details.contains(sqlstate),
        "{details:?}"
    );
}

fn integers(batch: &RecordBatch, column: usize) -> Vec<Option<i64>> {
    let array = batch.column(column).as_any().downcast_ref::<Int64Array>().unwrap();
    array.iter().collect()
}

fn texts(batch: &RecordBatch, column: usize) -> Vec<Option<&str>> {
    let array = batch.column(column).as_any().downcast_ref::<StringArray>().unwrap();
    array.iter().collect()
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within five seconds: {what}");
}

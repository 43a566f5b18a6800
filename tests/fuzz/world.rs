//! What the fuzzed doors lead to: an engine over one small table of every type, with limits that keep a case short.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::datasource::MemTable;
use mission_control::metrics::Metrics;
use mission_control::session::{Engine, EngineOptions, Limits, Relations};
use mission_control::shutdown::Shutdown;
use tokio::runtime::{Builder, Runtime};

/// An engine with a runtime for its queries and one for whatever speaks to it.
pub struct World {
    pub engine: Arc<Engine>,
    pub metrics: Arc<Metrics>,
    pub shutdown: Shutdown,
    pub runtime: Runtime,
    queries: Option<Runtime>,
}

impl World {
    /// `target` names the threads, so that a panic is known to be its own.
    pub fn new(target: &str) -> Self {
        let threads = |name: &str| {
            Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name(format!("fuzz::{target}::{name}"))
                .thread_stack_size(mission_control::server::THREAD_STACK_BYTES)
                .enable_all()
                .build()
                .expect("a runtime")
        };
        let (runtime, queries) = (threads("io"), threads("query"));
        let options = EngineOptions {
            memory_bytes: 64 << 20,
            spill_bytes: 64 << 20,
            threads_per_query: 2,
            limits: Limits {
                statement_timeout: Some(Duration::from_millis(500)),
                max_statement_bytes: 100_000,
                ..Limits::default()
            },
            ..EngineOptions::default()
        };
        let engine = Engine::new(options, queries.handle().clone()).expect("an engine");
        runtime.block_on(engine.publish(relations())).expect("relations");
        Self {
            engine,
            metrics: Arc::new(Metrics::default()),
            shutdown: Shutdown::new(),
            runtime,
            queries: Some(queries),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(queries) = self.queries.take() {
            queries.shutdown_background();
        }
    }
}

fn relations() -> Relations {
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "flag",
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, None])),
        ),
        (
            "small",
            Arc::new(Int32Array::from(vec![Some(1), Some(-1), Some(i32::MAX), None])),
        ),
        (
            "big",
            Arc::new(Int64Array::from(vec![Some(0), Some(i64::MIN), Some(i64::MAX), None])),
        ),
        (
            "real",
            Arc::new(Float64Array::from(vec![
                Some(0.5),
                Some(f64::NAN),
                Some(f64::INFINITY),
                None,
            ])),
        ),
        (
            "label",
            Arc::new(StringArray::from(vec![Some("58.0.1"), Some(""), Some("ä🦊'"), None])),
        ),
        (
            "day",
            Arc::new(Date32Array::from(vec![Some(17_686), Some(-1), Some(2_932_896), None])),
        ),
        (
            "at",
            Arc::new(
                TimestampMicrosecondArray::from(vec![
                    Some(1_528_070_400_000_000),
                    Some(0),
                    Some(253_402_300_799_999_999),
                    None,
                ])
                .with_timezone("UTC"),
            ),
        ),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .expect("columns of one length");
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).expect("a table");
    let mut relations = Relations::default();
    relations.public.insert("types".to_string(), Arc::new(table));
    relations
}

/// The repository's folder.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The texts of all files below a folder with this ending, in the order of their paths.
pub fn texts(folder: &str, ending: &str) -> Vec<String> {
    let mut waiting = vec![repository().join(folder)];
    let mut paths = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of seeds").flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                paths.push(path);
            }
        }
    }
    paths.sort();
    assert!(!paths.is_empty(), "no seeds in {folder}");
    paths
        .iter()
        .map(|path| std::fs::read_to_string(path).expect("a seed"))
        .collect()
}

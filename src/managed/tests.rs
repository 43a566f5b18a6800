//! The managed table's promises, against a local folder and against a store that fails.

use std::fmt;
use std::path::Path as LocalPath;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult,
};
use tempfile::TempDir;

use super::*;
use crate::sources::SourceSettings;
use crate::sources::testing::{DAY, JUNE_4, MINUTE, opened_with, rows, session};

fn settings(folder: &LocalPath) -> ManagedSettings {
    ManagedSettings {
        location: folder.display().to_string(),
        options: BTreeMap::new(),
        flush_interval: Duration::from_secs(5),
        on_error: OnError::Refuse,
        retention_days: None,
        vacuum_after: Duration::from_secs(3600),
        keys_kept: Duration::from_secs(24 * 3600),
        measures: vec![],
        platforms: PlatformAliases::default(),
    }
}

async fn opened(folder: &LocalPath, purpose: Purpose) -> Arc<ManagedTable> {
    ManagedTable::open(settings(folder), purpose, Arc::default())
        .await
        .expect("the table opens")
}

/// One row for each hour given, in windows that follow each other.
fn batch(first_window: i64, hours: &[f64]) -> RecordBatch {
    let starts = (0i64..)
        .take(hours.len())
        .map(|index| first_window + 5 * MINUTE * index);
    let starts: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter_values(starts).with_timezone("UTC"));
    let channel: ArrayRef = Arc::new(StringArray::from(vec!["release"; hours.len()]));
    let usage: ArrayRef = Arc::new(Float64Array::from(hours.to_vec()));
    let crashes: ArrayRef = Arc::new(Int64Array::from(vec![1; hours.len()]));
    RecordBatch::try_from_iter([
        ("window_start", starts),
        ("channel", channel),
        ("usage_hours", usage),
        ("main_crashes", crashes),
    ])
    .expect("columns of one length")
}

fn with_column(batch: &RecordBatch, name: &str, values: ArrayRef) -> RecordBatch {
    let mut columns: Vec<(String, ArrayRef)> = batch
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .zip(batch.columns().iter().cloned())
        .filter(|(column, _)| column != name)
        .collect();
    columns.push((name.to_string(), values));
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn key(name: &str) -> IngestKey {
    IngestKey::named(name).expect("a usable key")
}

/// `count|hours` of the table as queries read it.
async fn totals(table: &ManagedTable) -> String {
    let (source, snapshot) = opened_with(SourceSettings {
        managed: Some(Arc::clone(table.log())),
        ..SourceSettings::default()
    })
    .await;
    let context = session(&source, &snapshot);
    rows(
        &context,
        "SELECT count(*), coalesce(sum(usage_hours), 0) FROM error_aggregates",
    )
    .await
    .remove(0)
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart_and_a_key_counts_once() {
    let folder = TempDir::new().unwrap();
    let table = opened(folder.path(), Purpose::Serve).await;
    let first = table.append(vec![batch(JUNE_4, &[1.0, 2.0])], key("a")).await.unwrap();
    assert_eq!((first.rows, first.repeated), (2, false));
    let again = table.append(vec![batch(JUNE_4, &[1.0, 2.0])], key("a")).await.unwrap();
    assert_eq!((again.rows, again.repeated), (0, true));
    table
        .append(vec![batch(JUNE_4 + DAY, &[4.0])], IngestKey::none())
        .await
        .unwrap();
    assert_eq!(totals(&table).await, "3|7.0");
    drop(table);
    let table = opened(folder.path(), Purpose::Serve).await;
    let again = table.append(vec![batch(JUNE_4, &[1.0, 2.0])], key("a")).await.unwrap();
    assert!(again.repeated);
    assert_eq!(totals(&table).await, "3|7.0");
}

#[tokio::test]
async fn an_empty_table_has_the_standard_columns_and_derives_them() {
    let folder = TempDir::new().unwrap();
    let table = opened(folder.path(), Purpose::Serve).await;
    assert_eq!(totals(&table).await, "0|0.0");
    let os_names: ArrayRef = Arc::new(StringArray::from(vec!["Windows_NT"]));
    table
        .append(
            vec![with_column(&batch(JUNE_4, &[1.0]), "os_name", os_names)],
            IngestKey::none(),
        )
        .await
        .unwrap();
    let (source, snapshot) = opened_with(SourceSettings {
        managed: Some(Arc::clone(table.log())),
        ..SourceSettings::default()
    })
    .await;
    let query = "SELECT platform, window_end, submission_date, startup_crashes, main_crashes FROM error_aggregates";
    let read = rows(&session(&source, &snapshot), query).await;
    assert_eq!(read, ["windows|2018-06-04T00:05:00Z|2018-06-04|NULL|1"]);
}

#[tokio::test]
async fn a_batch_that_is_not_finished_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let table = opened(folder.path(), Purpose::Serve).await;
    let mut ingest = table.ingest(Origin::Program, IngestKey::none()).unwrap();
    // Enough for a file to be written before the end.
    for _ in 0..3 {
        ingest.push(&batch(JUNE_4, &vec![1.0; 100_000])).await.unwrap();
    }
    drop(ingest);
    assert_eq!(totals(&table).await, "0|0.0");
    let version = table.version();
    let mut ingest = table.ingest(Origin::Program, IngestKey::none()).unwrap();
    for _ in 0..3 {
        ingest.push(&batch(JUNE_4, &vec![1.0; 100_000])).await.unwrap();
    }
    ingest.finish().await.unwrap();
    assert_eq!(totals(&table).await, "300000|300000.0");
    assert_eq!(table.version(), version + 1, "one commit for a batch of several files");
}

#[tokio::test]
async fn rows_that_cannot_be_taken_are_named_and_their_batch_is_left_out() {
    let folder = TempDir::new().unwrap();
    let table = opened(folder.path(), Purpose::Serve).await;
    let now = chrono::Utc::now().timestamp_micros();
    let good = batch(JUNE_4, &[1.0, 2.0]);
    let floats = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    let counts = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let texts = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let times = |values: Vec<Option<i64>>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(values)) };
    let start = Some(JUNE_4);
    let cases = [
        (
            "usage_hours",
            floats(vec![1.0, f64::NAN]),
            ErrorKind::CheckViolation,
            "row 2, column usage_hours: NaN",
        ),
        (
            "usage_hours",
            floats(vec![f64::INFINITY, 1.0]),
            ErrorKind::CheckViolation,
            "row 1, column usage_hours: inf",
        ),
        (
            "usage_hours",
            floats(vec![1.0, -0.5]),
            ErrorKind::CheckViolation,
            "row 2, column usage_hours: -0.5",
        ),
        (
            "main_crashes",
            counts(vec![-3, 1]),
            ErrorKind::CheckViolation,
            "row 1, column main_crashes: -3",
        ),
        (
            "main_crashes",
            floats(vec![1.0, 1.5]),
            ErrorKind::InvalidTextRepresentation,
            "row 2, column main_crashes: \"1.5\" is not a whole number",
        ),
        (
            "main_crashes",
            texts(vec!["1", "2"]),
            ErrorKind::DatatypeMismatch,
            "column \"main_crashes\" takes a whole",
        ),
        (
            "crashes",
            counts(vec![1, 1]),
            ErrorKind::UndefinedColumn,
            "column \"crashes\"",
        ),
        (
            "platform",
            texts(vec!["mac", "mac"]),
            ErrorKind::CheckViolation,
            "row 1, column platform: \"mac\" is given",
        ),
        (
            "window_start",
            times(vec![start, Some(now + 2 * DAY)]),
            ErrorKind::CheckViolation,
            "row 2, column window_start: it is more than a day in the future",
        ),
        (
            "window_start",
            times(vec![None, start]),
            ErrorKind::NotNullViolation,
            "row 1, column window_start: every",
        ),
        (
            "window_start",
            times(vec![Some(-1), start]),
            ErrorKind::CheckViolation,
            "row 1, column window_start: it is be",
        ),
        (
            "window_end",
            times(vec![start, start]),
            ErrorKind::CheckViolation,
            "row 1, column window_end: it is not",
        ),
    ];
    for (column, values, kind, words) in cases {
        let bad = with_column(&good, column, values);
        let error = table
            .append(vec![good.clone(), bad], IngestKey::none())
            .await
            .unwrap_err();
        let words = words.replace("row 1", "row 3").replace("row 2", "row 4");
        assert!(error.message.starts_with(&words), "{column}: {}", error.message);
        assert_eq!(error.kind, kind, "{column}");
    }
    let without = good.project(&[1, 2, 3]).unwrap();
    let error = table.append(vec![without], IngestKey::none()).await.unwrap_err();
    assert_eq!(error.message, "the rows have no column \"window_start\"");
    assert_eq!(totals(&table).await, "0|0.0");
}

#[tokio::test]
async fn duplicated_keys_of_rows_are_added_up() {
    let folder = TempDir::new().unwrap();
    let table = opened(folder.path(), Purpose::Serve).await;
    let row = batch(JUNE_4, &[1.5]);
    table
        .append(vec![row.clone(), row.clone()], IngestKey::none())
        .await
        .unwrap();
    table.append(vec![row], IngestKey::none()).await.unwrap();
    assert_eq!(totals(&table).await, "3|4.5");
}

#[tokio::test]
async fn bad_rows_go_to_quarantine_once_and_the_others_into_the_table() {
    let folder = TempDir::new().unwrap();
    let table = ManagedTable::open(
        ManagedSettings {
            on_error: OnError::Quarantine,
            ..settings(folder.path())
        },
        Purpose::Serve,
        Arc::default(),
    )
    .await
    .unwrap();
    let rows = batch(JUNE_4, &[1.0, f64::NAN, 2.0]);
    for repeated in [false, true] {
        let done = table.append(vec![rows.clone()], key("a")).await.unwrap();
        assert_eq!(done.repeated, repeated);
    }
    assert_eq!(totals(&table).await, "2|3.0");
    let quarantine = table.quarantine().log().await.expect("there was a bad row");
    let kept: u64 = quarantine.state().files.values().filter_map(|file| file.rows()).sum();
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn the_second_server_of_a_local_table_refuses_to_write_until_the_first_has_gone() {
    let folder = TempDir::new().unwrap();
    let first = opened(folder.path(), Purpose::Serve).await;
    let second = opened(folder.path(), Purpose::Serve).await;
    let error = second
        .append(vec![batch(JUNE_4, &[1.0])], IngestKey::none())
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::ObjectInUse);
    assert_eq!(error.message, "cannot write: another server holds the managed table");
    let beside = opened(folder.path(), Purpose::Append).await;
    beside
        .append(vec![batch(JUNE_4, &[1.0])], IngestKey::none())
        .await
        .unwrap();
    first
        .append(vec![batch(JUNE_4, &[2.0])], IngestKey::none())
        .await
        .unwrap();
    drop(first);
    second
        .append(vec![batch(JUNE_4, &[4.0])], IngestKey::none())
        .await
        .unwrap();
    assert_eq!(totals(&second).await, "3|7.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_side_by_side_lose_nothing_and_count_a_key_once() {
    let folder = TempDir::new().unwrap();
    let tables = [
        opened(folder.path(), Purpose::Append).await,
        opened(folder.path(), Purpose::Append).await,
    ];
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let table = Arc::clone(&tables[writer % 2]);
        writers.spawn(async move {
            let mut rows = 0;
            for number in 0..4 {
                // Two writers send each batch, on two tables.
                let name = format!("{}-{number}", writer / 2);
                rows += table
                    .append(vec![batch(JUNE_4, &[1.0; 3])], key(&name))
                    .await
                    .unwrap()
                    .rows;
            }
            rows
        });
    }
    let acknowledged: u64 = writers.join_all().await.into_iter().sum();
    assert_eq!(acknowledged, 4 * 4 * 3);
    assert_eq!(
        totals(opened(folder.path(), Purpose::Read).await.as_ref()).await,
        "48|48.0"
    );
}

#[tokio::test]
async fn merging_files_and_summing_up_the_log_change_no_row() {
    let folder = TempDir::new().unwrap();
    let table = opened(folder.path(), Purpose::Serve).await;
    for index in 0..9 {
        let day = JUNE_4 + DAY * (index % 2);
        table
            .append(vec![batch(day, &[index as f64, 0.5])], key(&index.to_string()))
            .await
            .unwrap();
    }
    for index in 0..4 {
        table
            .append(vec![batch(JUNE_4, &[f64::from(index)])], IngestKey::none())
            .await
            .unwrap();
    }
    let before = totals(&table).await;
    assert_eq!(before, "22|46.5");
    table.compact().await;
    let state = table.log().state();
    assert_eq!(
        state.files.len(),
        1 + 4,
        "nine files of one day became one, four of the other stay"
    );
    assert_eq!(totals(&table).await, before);
    table.vacuum().await;
    let tasks: Vec<&str> = table.maintenance().iter().map(|event| event.task.name()).collect();
    assert_eq!(tasks, ["compact"]);
    drop(table);
    std::fs::read_dir(folder.path().join("_delta_log"))
        .unwrap()
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().ends_with("checkpoint.parquet"))
        .expect("a checkpoint");
    for version in 0..10 {
        std::fs::remove_file(folder.path().join(format!("_delta_log/{version:020}.json"))).unwrap();
    }
    let table = opened(folder.path(), Purpose::Serve).await;
    assert_eq!(totals(&table).await, before);
    let again = table.append(vec![batch(JUNE_4, &[1.0])], key("3")).await.unwrap();
    assert!(again.repeated, "keys are in the checkpoint too");
}

#[tokio::test]
async fn old_days_go_and_their_files_after_them() {
    let folder = TempDir::new().unwrap();
    let table = ManagedTable::open(
        ManagedSettings {
            retention_days: Some(3),
            vacuum_after: Duration::ZERO,
            ..settings(folder.path())
        },
        Purpose::Serve,
        Arc::default(),
    )
    .await
    .unwrap();
    let today = chrono::Utc::now().timestamp_micros();
    table
        .append(vec![batch(JUNE_4, &[1.0])], IngestKey::none())
        .await
        .unwrap();
    table
        .append(vec![batch(today - 30 * MINUTE, &[2.0])], IngestKey::none())
        .await
        .unwrap();
    table.retain().await;
    assert_eq!(totals(&table).await, "1|2.0");
    assert!(folder.path().join("submission_date=2018-06-04").is_dir());
    tokio::time::sleep(Duration::from_millis(5)).await;
    table.vacuum().await;
    let left = std::fs::read_dir(folder.path().join("submission_date=2018-06-04"));
    assert_eq!(left.map_or(0, Iterator::count), 0);
    assert_eq!(totals(&table).await, "1|2.0");
    let tasks: Vec<&str> = table.maintenance().iter().map(|event| event.task.name()).collect();
    assert_eq!(tasks, ["retention", "vacuum"]);
}

/// A store that fails when it is told to.
#[derive(Debug, Default)]
struct Failing {
    inner: InMemory,
    /// Fails commits without making them.
    refuses: AtomicBool,
    /// Makes so many commits and says that they failed.
    loses_answers: AtomicUsize,
}

impl fmt::Display for Failing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Failing")
    }
}

fn failure() -> object_store::Error {
    object_store::Error::Generic {
        store: "Failing",
        source: "the store is not well".into(),
    }
}

#[async_trait]
impl ObjectStore for Failing {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        if !location.as_ref().starts_with("_delta_log") {
            return self.inner.put_opts(location, payload, options).await;
        }
        if self.refuses.load(Relaxed) {
            return Err(failure());
        }
        let done = self.inner.put_opts(location, payload, options).await;
        let loses = self
            .loses_answers
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        if loses.is_ok() { Err(failure()) } else { done }
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        Err(failure())
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> object_store::Result<()> {
        Err(failure())
    }
}

#[tokio::test]
async fn a_failing_store_loses_nothing_that_was_acknowledged_and_keeps_nothing_else() {
    let store = Arc::new(Failing::default());
    let storage = Storage::of_objects(Arc::clone(&store) as Arc<dyn ObjectStore>);
    let open = || {
        ManagedTable::open_in(
            storage.clone(),
            settings(LocalPath::new("unused")),
            Purpose::Serve,
            Arc::default(),
        )
    };
    let table = open().await.unwrap();
    table.append(vec![batch(JUNE_4, &[1.0])], key("a")).await.unwrap();
    store.refuses.store(true, Relaxed);
    let error = table.append(vec![batch(JUNE_4, &[2.0])], key("b")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Io);
    assert_eq!(totals(&table).await, "1|1.0");
    store.refuses.store(false, Relaxed);
    let done = table.append(vec![batch(JUNE_4, &[2.0])], key("b")).await.unwrap();
    assert!(!done.repeated);
    store.loses_answers.store(1, Relaxed);
    let done = table.append(vec![batch(JUNE_4, &[4.0])], key("c")).await.unwrap();
    assert_eq!(
        (done.rows, done.repeated),
        (1, false),
        "the commit was found by its mark"
    );
    assert_eq!(totals(&table).await, "3|7.0");
    assert_eq!(totals(open().await.unwrap().as_ref()).await, "3|7.0");
}

//! Small data sets as rows of `error_aggregates`, published to an engine of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, NaiveDateTime, Utc};
use datafusion::catalog::{MemTable, TableProvider};
use mission_control::session::{Engine, EngineOptions, Relations, Session};
use mission_control::tables::{Calendar, CalendarEntry, CalendarMode, Vocabulary};

pub const MEASURES: [&str; 7] = [
    "main_crashes",
    "startup_crashes",
    "content_crashes",
    "content_shutdown_crashes",
    "gpu_crashes",
    "plugin_crashes",
    "gmplugin_crashes",
];

/// One row of the source; what a test does not name is unremarkable.
#[derive(Debug, Clone)]
pub struct Row {
    pub window_start: DateTime<Utc>,
    pub application: &'static str,
    pub channel: &'static str,
    pub platform: &'static str,
    pub version: Option<&'static str>,
    pub build_id: Option<&'static str>,
    pub country: &'static str,
    pub experiment: Option<(&'static str, &'static str)>,
    pub usage_hours: Option<f64>,
    pub events: BTreeMap<&'static str, i64>,
}

impl Row {
    pub fn new(window_start: DateTime<Utc>, channel: &'static str, version: &'static str) -> Self {
        Self {
            window_start,
            application: "Firefox",
            channel,
            platform: "linux",
            version: Some(version),
            build_id: Some("20170629000000"),
            country: "US",
            experiment: None,
            usage_hours: Some(0.0),
            events: BTreeMap::new(),
        }
    }

    pub fn hours(mut self, usage_hours: f64) -> Self {
        self.usage_hours = Some(usage_hours);
        self
    }

    pub fn main(self, events: i64) -> Self {
        self.events("main_crashes", events)
    }

    pub fn events(mut self, measure: &'static str, events: i64) -> Self {
        self.events.insert(measure, events);
        self
    }
}

/// `2018-01-23` or `2018-01-23 14:00`, UTC.
pub fn at(text: &str) -> DateTime<Utc> {
    let text = if text.contains(' ') {
        format!("{text}:00")
    } else {
        format!("{text} 00:00:00")
    };
    NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S")
        .expect("a time")
        .and_utc()
}

pub fn entry(channel: &str, version: &str, release_at: &str) -> CalendarEntry {
    CalendarEntry {
        application: "Firefox".to_string(),
        channel: channel.to_string(),
        version: version.to_string(),
        release_at_micros: at(release_at).timestamp_micros(),
        ..CalendarEntry::default()
    }
}

/// A calendar of nothing but these entries. Without any there is still one of another product, so that Firefox's own
/// stays out.
pub fn calendar(entries: Vec<CalendarEntry>) -> Vocabulary {
    let mut entries = entries;
    entries.push(CalendarEntry {
        application: "Something else".to_string(),
        channel: "release".to_string(),
        version: "1.0".to_string(),
        release_at_micros: 0,
        ..CalendarEntry::default()
    });
    Vocabulary {
        calendar: Calendar::new(entries, CalendarMode::Replace),
        ..Vocabulary::default()
    }
}

pub fn batch(rows: &[Row]) -> RecordBatch {
    let text = |of: &dyn Fn(&Row) -> Option<&'static str>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<StringArray>())
    };
    let windows = rows.iter().map(|row| row.window_start.timestamp_micros());
    let mut columns: Vec<(String, ArrayRef)> = vec![
        (
            "window_start".into(),
            Arc::new(TimestampMicrosecondArray::from_iter_values(windows).with_timezone("UTC")),
        ),
        ("application".into(), text(&|row| Some(row.application))),
        ("channel".into(), text(&|row| Some(row.channel))),
        ("platform".into(), text(&|row| Some(row.platform))),
        ("display_version".into(), text(&|row| row.version)),
        ("build_id".into(), text(&|row| row.build_id)),
        ("os_version".into(), text(&|_| Some("10.0"))),
        ("architecture".into(), text(&|_| Some("x86-64"))),
        ("country".into(), text(&|row| Some(row.country))),
        ("experiment_id".into(), text(&|row| Some(row.experiment?.0))),
        ("experiment_branch".into(), text(&|row| Some(row.experiment?.1))),
        (
            "usage_hours".into(),
            Arc::new(rows.iter().map(|row| row.usage_hours).collect::<Float64Array>()),
        ),
        (
            "count".into(),
            Arc::new(rows.iter().map(|_| Some(1)).collect::<Int64Array>()),
        ),
    ];
    for measure in MEASURES {
        let counts = rows
            .iter()
            .map(|row| row.events.get(measure).copied())
            .collect::<Int64Array>();
        columns.push((measure.to_string(), Arc::new(counts)));
    }
    let fields = columns
        .iter()
        .map(|(name, values)| Field::new(name, values.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new(schema, columns.into_iter().map(|(_, values)| values).collect()).expect("a batch")
}

/// A session over these rows.
pub async fn session(rows: &[Row], vocabulary: &Vocabulary) -> Session {
    let batch = batch(rows);
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).expect("a table");
    session_over(Arc::new(table), vocabulary).await
}

/// A session over any table with the columns of `error_aggregates`.
pub async fn session_over(table: Arc<dyn TableProvider>, vocabulary: &Vocabulary) -> Session {
    let measures: Vec<String> = MEASURES.iter().map(ToString::to_string).collect();
    let public = BTreeMap::from([("error_aggregates".to_string(), table)]);
    let options = EngineOptions {
        vocabulary: vocabulary.clone(),
        ..EngineOptions::default()
    };
    let engine = Engine::new(options, tokio::runtime::Handle::current()).expect("an engine");
    let relations = Relations {
        public,
        measures,
        ..Relations::default()
    };
    engine.publish(relations).await.expect("every view plans");
    engine.session("analyst")
}

/// The rows of a query as text, NULL as `-`, numbers with a fraction rounded to 6 digits.
pub async fn answer(session: &Session, sql: &str) -> Vec<String> {
    lines(&session.query(sql).await.expect(sql).collect().await.expect(sql))
}

/// Rows as text, in the way of [`answer`].
pub fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("-");
    let mut lines = vec![];
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| (ArrayFormatter::try_new(column, &options).expect("a format"), column))
            .collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = columns
                .iter()
                .map(|(format, column)| match column.data_type() {
                    DataType::Float64 if column.is_valid(row) => rounded(&format.value(row).to_string()),
                    _ => format.value(row).to_string(),
                })
                .collect();
            lines.push(cells.join(" "));
        }
    }
    lines
}

fn rounded(number: &str) -> String {
    let number: f64 = number.parse().expect("a number");
    let text = format!("{number:.6}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    } else {
        text
    }
}

/// The one number of a query.
pub async fn number(session: &Session, sql: &str) -> f64 {
    let lines = answer(session, sql).await;
    assert_eq!(lines.len(), 1, "{sql}: {lines:?}");
    lines[0].parse().unwrap_or_else(|_| panic!("{sql}: {lines:?}"))
}

//! `alerts`: the log of regressions found. Reading it looks for new ones first, so that it is never behind the verdicts.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_plan::{ExecutionPlan, collect};

use crate::alerts::{Alert, AlertKey, AlertLog};
use crate::sources::COMMENT_KEY;

/// The log, and the plan of what to add to it.
#[derive(Debug)]
pub struct AlertsTable {
    log: Arc<AlertLog>,
    findings: LogicalPlan,
    schema: SchemaRef,
}

impl AlertsTable {
    pub fn new(log: Arc<AlertLog>, findings: LogicalPlan) -> Self {
        Self {
            log,
            findings,
            schema: schema(),
        }
    }

    async fn rows(&self, state: &dyn Session) -> Result<MemTable> {
        let physical = state.create_physical_plan(&self.findings).await?;
        let mut found = vec![];
        for batch in collect(physical, state.task_ctx()).await? {
            found.extend(alerts_of(&batch)?);
        }
        let log = Arc::clone(&self.log);
        let raised = tokio::task::spawn_blocking(move || log.raise(found))
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let alerts = raised.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let batch = batch(&alerts, Arc::clone(&self.schema))?;
        MemTable::try_new(Arc::clone(&self.schema), vec![vec![batch]])
    }
}

#[async_trait]
impl TableProvider for AlertsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.rows(state).await?.scan(state, projection, filters, limit).await
    }
}

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let field = |name: &str, data_type: DataType, comment: &str| {
        let metadata = [(COMMENT_KEY.to_string(), comment.to_string())].into();
        Field::new(name, data_type, false).with_metadata(metadata)
    };
    let text = |name: &str, comment: &str| field(name, DataType::Utf8, comment);
    let number = |name: &str, comment: &str| field(name, DataType::Float64, comment);
    Arc::new(Schema::new(vec![
        field(
            "first_moment",
            time,
            "Time, in the data, of the look that found it first (UTC).",
        ),
        text("application", "Application, such as Firefox."),
        text("channel", "Update channel, such as release."),
        text("platform", "windows, mac, linux, android or other."),
        text("measure", "Name of the measure, such as main_crashes."),
        text("version", "Version that regressed."),
        number("release_age_hours", "Its age at that moment (hours)."),
        number("log_e", "Evidence at that moment (natural logarithm of the e-value)."),
        number(
            "always_valid_p",
            "P-value at that moment, valid however often one looks.",
        ),
        number("ratio", "Its rate at that moment over that of the earlier releases."),
        number("events", "Events until that moment (count)."),
        number("expected_events", "Events that were expected until then (count)."),
        text("sentence", "The finding in words, as it was at that moment."),
    ]))
}

fn batch(alerts: &[Alert], schema: SchemaRef) -> Result<RecordBatch> {
    let text = |of: fn(&Alert) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(alerts.iter().map(of))) };
    let number =
        |of: fn(&Alert) -> f64| -> ArrayRef { Arc::new(Float64Array::from_iter_values(alerts.iter().map(of))) };
    let moments = alerts.iter().map(|alert| alert.first_moment_micros);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampMicrosecondArray::from_iter_values(moments).with_timezone("UTC")),
        text(|alert| &alert.key.application),
        text(|alert| &alert.key.channel),
        text(|alert| &alert.key.platform),
        text(|alert| &alert.key.measure),
        text(|alert| &alert.key.version),
        number(|alert| alert.release_age_hours),
        number(|alert| alert.log_e),
        number(|alert| alert.always_valid_p),
        number(|alert| alert.ratio),
        number(|alert| alert.events),
        number(|alert| alert.expected_events),
        text(|alert| &alert.sentence),
    ];
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// The rows of `alert_findings`.
fn alerts_of(batch: &RecordBatch) -> Result<Vec<Alert>> {
    let column = |name: &str, data_type: &DataType| -> Result<ArrayRef> {
        let column = batch
            .column_by_name(name)
            .ok_or_else(|| DataFusionError::Internal(format!("alert_findings has no column {name}")))?;
        Ok(arrow::compute::cast(column, data_type)?)
    };
    let text = |name: &str| Ok::<_, DataFusionError>(column(name, &DataType::Utf8)?.as_string::<i32>().clone());
    let number = |name: &str| {
        let column = column(name, &DataType::Float64)?;
        Ok::<_, DataFusionError>(column.as_primitive::<Float64Type>().clone())
    };
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let moments = column("first_moment", &micros)?;
    let moments = moments.as_primitive::<TimestampMicrosecondType>();
    let names = ["application", "channel", "platform", "measure", "version", "sentence"];
    let [application, channel, platform, measure, version, sentence] = names.map(text);
    let (application, channel, platform) = (application?, channel?, platform?);
    let (measure, version, sentence) = (measure?, version?, sentence?);
    let (age, log_e, p) = (
        number("release_age_hours")?,
        number("log_e")?,
        number("always_valid_p")?,
    );
    let (ratio, events, expected) = (number("ratio")?, number("events")?, number("expected_events")?);
    let rows = (0..batch.num_rows()).filter(|row| moments.is_valid(*row));
    let alerts = rows.map(|row| Alert {
        key: AlertKey {
            application: application.value(row).to_string(),
            channel: channel.value(row).to_string(),
            platform: platform.value(row).to_string(),
            measure: measure.value(row).to_string(),
            version: version.value(row).to_string(),
        },
        first_moment_micros: moments.value(row),
        release_age_hours: age.value(row),
        log_e: log_e.value(row),
        always_valid_p: p.value(row),
        ratio: ratio.value(row),
        events: events.value(row),
        expected_events: expected.value(row),
        sentence: sentence.value(row).to_string(),
    });
    Ok(alerts.collect())
}

//! Every relation and every column says what it is.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::datasource::MemTable;
use mission_control::session::{view_comments, wire_schema};

use super::rows::{MEASURES, Row, answer, at, calendar, session, session_over};

#[tokio::test]
async fn every_view_and_column_is_described() {
    let session = session(&[], &calendar(vec![])).await;
    let measures: Vec<String> = MEASURES.iter().map(ToString::to_string).collect();
    let relations = session.engine().relations();
    let mut missing = vec![];
    let mut views = 0;
    for (name, table) in &relations.public {
        let Some(comments) = view_comments(name, &measures) else {
            continue;
        };
        views += 1;
        if !comments.relation.contains("One row per ") || !comments.relation.contains("Reads ") {
            missing.push(format!("{name} does not say what a row is and what it reads"));
        }
        let columns: Vec<String> = table
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        for column in &columns {
            if comments.columns.get(column).is_none_or(String::is_empty) {
                missing.push(format!("{name}.{column} is not described"));
            }
        }
        for described in comments.columns.keys() {
            if !columns.contains(described) {
                missing.push(format!("{name}.{described} is described, but not there"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(views >= 20, "only {views} views");
}

/// Every relation can be counted, as a whole and by each of its columns; a query tool begins with both.
#[tokio::test]
async fn every_relation_can_be_counted() {
    let rows = [
        Row::new(at("2018-06-01 10:00"), "release", "60.0").hours(10.0).main(1),
        Row::new(at("2018-06-01 10:05"), "release", "60.0.1")
            .hours(20.0)
            .main(2),
    ];
    let batch = super::rows::batch(&rows);
    // A source's columns carry descriptions, as the columns of a file do.
    let plain = batch.schema();
    let fields = plain.fields().iter().map(|field| {
        let metadata = [("comment".to_string(), format!("what {} is", field.name()))];
        Arc::new(field.as_ref().clone().with_metadata(metadata.into()))
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()).expect("a batch");
    let table = Arc::new(MemTable::try_new(schema, vec![vec![batch]]).expect("a table"));
    let session = session_over(table, &calendar(vec![])).await;
    let relations = session.engine().relations();
    for (name, table) in &relations.public {
        let rows = answer(&session, &format!("SELECT * FROM {name}")).await.len();
        let counted = answer(&session, &format!("SELECT count(*) FROM {name}")).await;
        assert_eq!(counted, [rows.to_string()], "{name}");
        for field in table.schema().fields() {
            let column = field.name();
            let sql =
                format!("SELECT sum(n) FROM (SELECT {column}, count(*) AS n FROM {name} GROUP BY {column}) AS each");
            let expected = if rows == 0 { "-".to_string() } else { rows.to_string() };
            assert_eq!(answer(&session, &sql).await, [expected], "{name}.{column}");
        }
    }
}

/// Clients learn a relation's columns from its schema, before any row: both must be the same.
#[tokio::test]
async fn rows_have_the_types_that_the_schema_promises() {
    let rows = [Row::new(at("2018-06-01 10:00"), "release", "60.0").hours(10.0).main(1)];
    let session = session(&rows, &calendar(vec![])).await;
    let relations = session.engine().relations();
    let mut wrong = vec![];
    for (name, table) in &relations.public {
        let stream = session.query(&format!("SELECT * FROM {name}")).await.expect(name);
        let promised = wire_schema(&table.schema());
        for (promised, given) in promised.fields().iter().zip(stream.schema().fields()) {
            if promised.data_type() != given.data_type() {
                wrong.push(format!(
                    "{name}.{}: {} instead of {}",
                    given.name(),
                    given.data_type(),
                    promised.data_type()
                ));
            }
            if matches!(given.data_type(), DataType::Timestamp(unit, zone) if *unit != TimeUnit::Microsecond || zone.is_none())
            {
                wrong.push(format!("{name}.{} is {}", given.name(), given.data_type()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The columns that users may rely on, in any order.
#[tokio::test]
async fn the_promised_columns_are_there() {
    let session = session(&[], &calendar(vec![])).await;
    let relations = session.engine().relations();
    let promised = [
        (
            "channel_summary",
            "application channel platform measure latest_version latest_age_hours is_new_release adjusted_events \
             adjusted_usage_hours adjusted_rate adjusted_rate_lower adjusted_rate_upper previous_version \
             previous_adjusted_rate change_percent rate_ratio rate_ratio_lower rate_ratio_upper low_sample last_24h_rate \
             last_updated_at",
        ),
        ("channel_score", "application channel version score platforms"),
        (
            "release_summary",
            "application channel platform measure grouping version release_at field_duration_hours events usage_hours \
             rate rate_lower rate_upper adjusted_events adjusted_usage_hours adjusted_rate adjusted_rate_lower \
             adjusted_rate_upper low_sample truncated usage_share",
        ),
        (
            "mc1_release_summary",
            "application channel platform measure version field_duration_seconds count rate adjusted_count adjusted_rate",
        ),
        (
            "measure_timeseries",
            "window_start application channel platform version build_id measure events usage_hours rate rate_lower \
             rate_upper low_sample complete",
        ),
        (
            "measure_by_age",
            "release_age_hours application channel platform version build_id measure events usage_hours rate rate_lower \
             rate_upper low_sample build_age_hours",
        ),
        (
            "release_comparison",
            "application channel platform measure grouping version previous_version comparison_age_hours skipped_hours \
             events usage_hours rate previous_events previous_usage_hours previous_rate rate_ratio rate_ratio_lower \
             rate_ratio_upper p_value truncated",
        ),
        (
            "release_trend",
            "application channel platform measure major_version age_hours events usage_hours rate rate_lower rate_upper",
        ),
        (
            "adoption",
            "hour_start application channel platform version usage_hours usage_share",
        ),
        (
            "experiment_timeseries",
            "window_start application channel platform experiment_id experiment_branch measure events usage_hours rate \
             rate_lower rate_upper",
        ),
        (
            "data_quality",
            "check_name severity application channel platform measure first_window last_window rows_affected detail",
        ),
        (
            "releases",
            "application channel version major_version stage release_at release_source first_seen_at calendar_date \
             build_at superseded_at is_latest",
        ),
        (
            "usage_windows",
            "window_start application channel platform version build_id major_version usage_hours ping_count \
             main_crashes gmplugin_crashes complete",
        ),
        (
            "measure_windows",
            "window_start application channel platform version build_id measure events usage_hours",
        ),
        (
            "targets",
            "application channel platform measure target_rate critical_rate",
        ),
    ];
    for (view, columns) in promised {
        let schema = relations
            .public
            .get(view)
            .unwrap_or_else(|| panic!("no {view}"))
            .schema();
        for column in columns.split_whitespace() {
            assert!(schema.index_of(column).is_ok(), "{view} has no {column}");
        }
    }
}

//! `mission_control.source_problems`: the files of a source that are left out and why, and the pings that its rows do not
//! count.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::MemTable;
use datafusion::error::Result;

use crate::sources::{COMMENT_KEY, SourceProblem, SourceSnapshot};

/// The columns: `check_name`, `severity`, `file`, `rows_affected`, `detail`, `noticed_at`.
pub fn schema() -> SchemaRef {
    let text = |name: &str, nullable, comment: &str| commented(Field::new(name, DataType::Utf8, nullable), comment);
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        text(
            "check_name",
            false,
            "What was found: unreadable_file, empty_file, foreign_schema, source_unreachable, rejected_pings or filtered_pings.",
        ),
        text(
            "severity",
            false,
            "error if rows are missing that should be there, info if they are left out as a rule, warning otherwise.",
        ),
        text(
            "file",
            true,
            "File below the source's location; NULL if the source as a whole is concerned.",
        ),
        commented(
            Field::new("rows_affected", DataType::Int64, true),
            "Pings that were not counted; NULL for files, whose rows are not known.",
        ),
        text("detail", false, "What exactly is wrong."),
        commented(Field::new("noticed_at", time, false), "When it was first noticed, UTC."),
    ]))
}

fn commented(field: Field, comment: &str) -> Field {
    field.with_metadata([(COMMENT_KEY.to_string(), comment.to_string())].into())
}

/// The problems of one snapshot as a table.
pub fn table(snapshot: &SourceSnapshot) -> Result<MemTable> {
    let schema = schema();
    let findings: Vec<&SourceProblem> = snapshot.problems.iter().chain(&snapshot.rejected_pings).collect();
    MemTable::try_new(Arc::clone(&schema), vec![vec![batch(&findings, schema)?]])
}

fn batch(problems: &[&SourceProblem], schema: SchemaRef) -> Result<RecordBatch> {
    let noticed_at = problems.iter().map(|problem| problem.noticed_at.timestamp_micros());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(
            problems.iter().map(|problem| problem.check_name),
        )),
        Arc::new(StringArray::from_iter_values(
            problems.iter().map(|problem| problem.severity()),
        )),
        Arc::new(
            problems
                .iter()
                .map(|problem| problem.file.as_deref())
                .collect::<StringArray>(),
        ),
        Arc::new(
            problems
                .iter()
                .map(|problem| rows_affected(problem))
                .collect::<Int64Array>(),
        ),
        Arc::new(StringArray::from_iter_values(
            problems.iter().map(|problem| problem.detail.as_str()),
        )),
        Arc::new(TimestampMicrosecondArray::from_iter_values(noticed_at).with_timezone("UTC")),
    ];
    Ok(RecordBatch::try_new(schema, columns)?)
}

fn rows_affected(problem: &SourceProblem) -> Option<i64> {
    problem
        .rows_affected
        .map(|rows| i64::try_from(rows).unwrap_or(i64::MAX))
}

//! `mission_control.source_problems`: the files of a source that are left out, and why.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::MemTable;
use datafusion::error::Result;

use crate::sources::{COMMENT_KEY, SourceProblem, SourceSnapshot};

/// The columns: `check_name`, `severity`, `file`, `detail`, `noticed_at`.
pub fn schema() -> SchemaRef {
    let text = |name: &str, nullable, comment: &str| commented(Field::new(name, DataType::Utf8, nullable), comment);
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        text(
            "check_name",
            false,
            "What was found: unreadable_file, empty_file, foreign_schema or source_unreachable.",
        ),
        text(
            "severity",
            false,
            "error if rows are missing that should be there, warning otherwise.",
        ),
        text(
            "file",
            true,
            "File below the source's location; NULL if the source as a whole is concerned.",
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
    MemTable::try_new(Arc::clone(&schema), vec![vec![batch(&snapshot.problems, schema)?]])
}

fn batch(problems: &[SourceProblem], schema: SchemaRef) -> Result<RecordBatch> {
    let noticed_at = problems.iter().map(|problem| problem.noticed_at.timestamp_micros());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(
            problems.iter().map(|problem| problem.check_name),
        )),
        Arc::new(StringArray::from_iter_values(
            problems.iter().map(SourceProblem::severity),
        )),
        Arc::new(
            problems
                .iter()
                .map(|problem| problem.file.as_deref())
                .collect::<StringArray>(),
        ),
        Arc::new(StringArray::from_iter_values(
            problems.iter().map(|problem| problem.detail.as_str()),
        )),
        Arc::new(TimestampMicrosecondArray::from_iter_values(noticed_at).with_timezone("UTC")),
    ];
    Ok(RecordBatch::try_new(schema, columns)?)
}

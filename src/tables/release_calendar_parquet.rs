//! A calendar as Parquet. Its cells are read as a CSV file's would be, so that both are held to the same rules.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::release_calendar::{CalendarEntry, read_csv};
use crate::error::{Error, Result};

/// Entries of a Parquet file with the columns of the CSV form; `release_at` may be a date, a time or text.
pub fn read_parquet(name: &str, file: Bytes) -> Result<Vec<CalendarEntry>> {
    let problem = |what: &dyn std::fmt::Display| Error::configuration(format!("calendar {name}: {what}"));
    // The decoder panics on some damaged files.
    let text = std::panic::catch_unwind(|| as_csv(file))
        .map_err(|_| problem(&"the file is damaged"))?
        .map_err(|error| problem(&error))?;
    read_csv(name, &text)
}

fn as_csv(file: Bytes) -> std::result::Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)?.build()?;
    let mut csv = csv::Writer::from_writer(vec![]);
    let header = arrow::array::RecordBatchReader::schema(&reader);
    csv.write_record(header.fields().iter().map(|field| field.name()))?;
    for batch in reader {
        write_rows(&mut csv, &batch?)?;
    }
    Ok(String::from_utf8(csv.into_inner()?)?)
}

fn write_rows(
    csv: &mut csv::Writer<Vec<u8>>,
    batch: &RecordBatch,
) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let texts = batch
        .columns()
        .iter()
        .map(|column| cast(column, &DataType::Utf8))
        .collect::<std::result::Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        let cells = texts.iter().map(|column| match column.as_string_opt::<i32>() {
            Some(texts) if texts.is_valid(row) => texts.value(row),
            _ => "",
        });
        csv.write_record(cells)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Float64Array, Int64Array, StringArray};
    use parquet::arrow::ArrowWriter;

    use super::*;

    fn parquet(batch: &RecordBatch) -> Bytes {
        let mut file = vec![];
        let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).expect("a writer");
        writer.write(batch).expect("rows");
        writer.close().expect("a file");
        file.into()
    }

    fn calendar(release_at: Date32Array) -> RecordBatch {
        let text = |value: &str| Arc::new(StringArray::from_iter_values([value])) as Arc<dyn Array>;
        RecordBatch::try_from_iter([
            ("application", text("Notes")),
            ("channel", text("stable")),
            ("version", text("1.2")),
            ("release_at", Arc::new(release_at)),
            ("note", Arc::new(Int64Array::from(vec![7]))),
        ])
        .expect("a batch")
    }

    #[test]
    fn dates_are_read_whatever_their_type() {
        // 17 532 days after 1970 is 2018-01-01.
        let file = parquet(&calendar(Date32Array::from(vec![17_532])));
        let entries = read_parquet("calendar.parquet", file).expect("entries");
        assert_eq!(entries.len(), 1);
        assert_eq!((&*entries[0].application, &*entries[0].version), ("Notes", "1.2"));
        assert_eq!(entries[0].release_at_micros, 1_514_764_800_000_000);
    }

    #[test]
    fn flags_and_margins_are_read_as_from_a_csv_file() {
        let with = |flag: &str, margin: Option<f64>| {
            let calendar = calendar(Date32Array::from(vec![17_532]));
            let mut columns: Vec<(String, Arc<dyn Array>)> = calendar
                .schema()
                .fields()
                .iter()
                .zip(calendar.columns())
                .map(|(field, column)| (field.name().clone(), Arc::clone(column)))
                .collect();
            columns.push((
                "flag".to_string(),
                Arc::new(StringArray::from_iter_values([flag])) as Arc<dyn Array>,
            ));
            columns.push((
                "margin".to_string(),
                Arc::new(Float64Array::from(vec![margin])) as Arc<dyn Array>,
            ));
            let batch = RecordBatch::try_from_iter(columns).expect("a batch");
            read_parquet("calendar.parquet", parquet(&batch))
        };
        let entries = with("acknowledged", Some(0.25)).expect("entries");
        assert_eq!(
            (entries[0].flag.as_deref(), entries[0].margin),
            (Some("acknowledged"), Some(0.25))
        );
        let entries = with("", None).expect("entries");
        assert_eq!((entries[0].flag.as_deref(), entries[0].margin), (None, None));
        let error = with("bad", None).expect_err("no such flag");
        assert!(
            error.message.contains("flag must be empty or one of"),
            "{}",
            error.message
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let file = parquet(&calendar(Date32Array::from(vec![None])));
        let error = read_parquet("calendar.parquet", file).expect_err("no date");
        assert!(
            error
                .message
                .starts_with("calendar calendar.parquet, line 2: release_at"),
            "{}",
            error.message
        );
        let error = read_parquet("calendar.parquet", Bytes::from_static(b"PAR1 and no more")).expect_err("no Parquet");
        assert!(
            error.message.starts_with("calendar calendar.parquet: "),
            "{}",
            error.message
        );
    }
}

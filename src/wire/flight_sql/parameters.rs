//! Parameters of prepared statements: the schema that clients are told, and reading the rows they bind.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options, concat_batches};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use datafusion::common::ScalarValue;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use tonic::Status;

use crate::error::{Error, ErrorKind, Result};

/// The fields `$1`, `$2`, … in the order of their numbers.
pub fn schema(types: &[DataType]) -> SchemaRef {
    let fields: Vec<Field> = types
        .iter()
        .enumerate()
        .map(|(index, data_type)| Field::new(format!("${}", index + 1), data_type.clone(), true))
        .collect();
    Arc::new(Schema::new(fields))
}

/// Reads the rows of a binding, at most `most_bytes` of them, and casts them to the statement's parameter types.
pub async fn read<S>(messages: S, types: &[DataType], most_bytes: usize) -> Result<RecordBatch>
where
    S: Stream<Item = Result<FlightData, Status>> + Send + 'static,
{
    let mut bytes = 0;
    let limited = messages.map(move |message| {
        let message = message.map_err(|status| FlightError::Tonic(Box::new(status)))?;
        bytes += message.data_body.len() + message.data_header.len();
        if bytes > most_bytes {
            return Err(FlightError::ExternalError(Box::new(too_large(most_bytes))));
        }
        Ok(message)
    });
    let decoded = FlightRecordBatchStream::new_from_flight_data(limited).try_collect::<Vec<_>>();
    // The decoder trusts the offsets inside a message; a message that lies ends in a panic, not in wrong memory.
    let batches = AssertUnwindSafe(decoded)
        .catch_unwind()
        .await
        .map_err(|_| unreadable())?
        .map_err(|error| match error {
            FlightError::ExternalError(cause) => match cause.downcast::<Error>() {
                Ok(error) => *error,
                Err(_) => unreadable(),
            },
            _ => unreadable(),
        })?;
    let expected = schema(types);
    let cast: Result<Vec<RecordBatch>> = batches.iter().map(|batch| cast_to(batch, &expected)).collect();
    Ok(concat_batches(&expected, &cast?)?)
}

/// One row of bound parameters.
pub fn row(bound: &RecordBatch, row: usize) -> Result<Vec<ScalarValue>> {
    let values: Result<Vec<_>, _> = bound
        .columns()
        .iter()
        .map(|column| ScalarValue::try_from_array(column, row))
        .collect();
    Ok(values?)
}

/// Fails unless as many parameters are given as the statement has.
pub fn check_count(given: usize, expected: usize) -> Result<()> {
    if given == expected {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::ProtocolViolation,
        format!("{given} parameters are bound, but the statement has {expected}"),
    )
    .with_hint("bind one column for each of $1, $2 and so on, in this order"))
}

fn cast_to(batch: &RecordBatch, expected: &SchemaRef) -> Result<RecordBatch> {
    check_count(batch.num_columns(), expected.fields().len())?;
    let columns: Result<Vec<ArrayRef>> = batch
        .columns()
        .iter()
        .zip(expected.fields())
        .map(|(column, field)| cast_one(column, field))
        .collect();
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(expected),
        columns?,
        &rows,
    )?)
}

fn cast_one(column: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(column, field.data_type(), &options).map_err(|cause| {
        let cause = Error::from(datafusion::error::DataFusionError::from(cause));
        Error::new(
            ErrorKind::InvalidTextRepresentation,
            format!(
                "parameter {} is {} and does not become {}",
                field.name(),
                column.data_type(),
                field.data_type()
            ),
        )
        .with_detail(cause.message)
    })
}

fn too_large(most_bytes: usize) -> Error {
    Error::new(
        ErrorKind::ProgramLimitExceeded,
        format!("the bound parameters are larger than {most_bytes} bytes"),
    )
}

fn unreadable() -> Error {
    Error::new(
        ErrorKind::ProtocolViolation,
        "the bound parameters are not readable arrow data",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int32Array, Int64Array, StringArray};
    use arrow_flight::encode::FlightDataEncoderBuilder;

    async fn bind(columns: Vec<(&str, ArrayRef)>, types: &[DataType]) -> Result<RecordBatch> {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let input = futures::stream::iter(vec![Ok(batch)]);
        let messages = FlightDataEncoderBuilder::new().build(input).map_err(Status::from);
        read(messages, types, 1 << 20).await
    }

    #[test]
    fn fields_are_ordered_by_number() {
        let names: Vec<String> = schema(&vec![DataType::Int64; 11])
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        assert_eq!(names[8..], ["$9", "$10", "$11"]);
    }

    #[tokio::test]
    async fn values_take_the_statement_s_types() {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("a", Arc::new(Int32Array::from(vec![1, 2]))),
            ("b", Arc::new(StringArray::from(vec!["3", "4"]))),
        ];
        let bound = bind(columns, &[DataType::Int64, DataType::Int64]).await.unwrap();
        let expected = vec![ScalarValue::Int64(Some(2)), ScalarValue::Int64(Some(4))];
        assert_eq!(row(&bound, 1).unwrap(), expected);
    }

    #[tokio::test]
    async fn wrong_values_and_counts_are_named() {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        let error = bind(vec![("a", text)], &[DataType::Int64]).await.unwrap_err();
        assert_eq!(error.message, "parameter $1 is Utf8 and does not become Int64");
        let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let error = bind(vec![("a", number)], &[DataType::Int64, DataType::Int64])
            .await
            .unwrap_err();
        assert_eq!(error.message, "1 parameters are bound, but the statement has 2");
    }

    #[tokio::test]
    async fn garbage_is_refused() {
        let message = FlightData::new()
            .with_data_header(vec![7; 40])
            .with_data_body(vec![1; 9]);
        let messages = futures::stream::iter(vec![Ok(message)]);
        let error = read(messages, &[DataType::Int64], 1 << 20).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::ProtocolViolation);
    }
}

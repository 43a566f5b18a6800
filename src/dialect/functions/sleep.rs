//! `pg_sleep(seconds)`: waits without holding a thread, and ends with the query that is cancelled.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::DataType;
use async_trait::async_trait;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::error::Error;

pub fn pg_sleep() -> ScalarUDF {
    let function = PgSleep {
        signature: Signature::exact(vec![DataType::Float64], Volatility::Volatile),
    };
    AsyncScalarUDF::new(Arc::new(function)).into_scalar_udf()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PgSleep {
    signature: Signature,
}

impl ScalarUDFImpl for PgSleep {
    fn name(&self) -> &'static str {
        "pg_sleep"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// PostgreSQL's is `void`, which is shown as an empty text.
    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(Error::internal("pg_sleep was asked not to wait").into())
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for PgSleep {
    async fn invoke_async_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let seconds = arguments.args[0].to_array(arguments.number_rows)?;
        let mut nothing = Vec::with_capacity(arguments.number_rows);
        for row in 0..arguments.number_rows {
            let seconds = ScalarValue::try_from_array(&seconds, row)?;
            nothing.push(match seconds {
                ScalarValue::Float64(Some(seconds)) => {
                    // What is negative, not a number or too long to count is no time, as in PostgreSQL, or for ever.
                    let wait = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
                    tokio::time::sleep(wait).await;
                    ScalarValue::Utf8(Some(String::new()))
                }
                _ => ScalarValue::Utf8(None),
            });
        }
        Ok(ColumnarValue::Array(ScalarValue::iter_to_array(nothing)?))
    }
}

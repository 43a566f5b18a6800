//! Subqueries that depend on the row: for each distinct row of what they depend on, they are planned with that row's
//! values and run. The engine turns the simple ones into joins by itself; this does the rest: scalar subqueries
//! without an aggregate, EXISTS and IN anywhere, `ARRAY(SELECT …)`, and LATERAL.

mod exec;
mod node;
mod planner;
mod rewrite;

use arrow::datatypes::DataType;
use datafusion::common::Result as EngineResult;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

pub use planner::ApplyPlanner;
pub use rewrite::rewrite;

use crate::error::Error;

/// The name under which `ARRAY(SELECT …)` stands in a plan until it is applied.
pub const ARRAY_OF_SUBQUERY: &str = "array_of_subquery";

/// A function that only marks `ARRAY(SELECT …)`.
pub fn array_of_subquery() -> ScalarUDF {
    ScalarUDF::from(ArrayOfSubquery {
        signature: Signature::any(1, Volatility::Stable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayOfSubquery {
    signature: Signature,
}

impl ScalarUDFImpl for ArrayOfSubquery {
    fn name(&self) -> &'static str {
        ARRAY_OF_SUBQUERY
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> EngineResult<DataType> {
        Ok(DataType::new_list(
            arguments.first().cloned().unwrap_or(DataType::Null),
            true,
        ))
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        Err(Error::not_supported("an array of a subquery cannot stand here").into())
    }
}

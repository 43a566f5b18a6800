//! `mission_control_version()`: which version of the functions answers.

use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Releases"),
    description = "Version of Mission Control and its functions.",
    syntax_example = "mission_control_version()",
    sql_example = r#"```sql
> SELECT mission_control_version() <> '' AS known;
+-------+
| known |
+-------+
| true  |
+-------+
```"#
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct MissionControlVersion {
    signature: Signature,
}

impl MissionControlVersion {
    pub fn new() -> Self {
        Self {
            signature: Signature::nullary(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for MissionControlVersion {
    fn name(&self) -> &str {
        "mission_control_version"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::from(env!("CARGO_PKG_VERSION"))))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

//! `version_major(version)`: the first number.

use crate::arguments::Parameter;
use crate::releases::version::Version;
use crate::text_function::TextFunction;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Releases"),
    description = "Major number of a version: 58 of `58.0b5`. NULL for NULL and for a text that is not a version.",
    syntax_example = "version_major(version)",
    sql_example = r#"```sql
> SELECT version_major('58.0b5') AS beta, version_major('100.0') AS hundred, version_major('unknown') AS unknown;
+------+---------+---------+
| beta | hundred | unknown |
+------+---------+---------+
| 58   | 100     |         |
+------+---------+---------+
```"#,
    argument(
        name = "version",
        description = "Version, such as `58.0.1`, `58.0b5`, `59.0a1`, `60.2.0esr`."
    )
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionMajor;

impl TextFunction for VersionMajor {
    const NAME: &'static str = "version_major";
    const PARAMETERS: &'static [Parameter] = &[Parameter::text("version")];
    type Output = i32;

    fn evaluate(&self, text: &str, _choice: usize) -> Option<i32> {
        i32::try_from(Version::parse(text)?.numbers[0]).ok()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

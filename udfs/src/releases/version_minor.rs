//! `version_minor(version)`: the second number.

use crate::arguments::Parameter;
use crate::releases::version::Version;
use crate::text_function::TextFunction;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Releases"),
    description = "Minor number of a version: 9 of `52.9.0esr`, 0 where none is written. NULL for NULL and for a text that is not a version.",
    syntax_example = "version_minor(version)",
    sql_example = r#"```sql
> SELECT version_minor('52.9.0esr') AS esr, version_minor('55') AS short;
+-----+-------+
| esr | short |
+-----+-------+
| 9   | 0     |
+-----+-------+
```"#,
    argument(
        name = "version",
        description = "Version, such as `58.0.1`, `58.0b5`, `59.0a1`, `60.2.0esr`."
    )
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionMinor;

impl TextFunction for VersionMinor {
    const NAME: &'static str = "version_minor";
    const PARAMETERS: &'static [Parameter] = &[Parameter::text("version")];
    type Output = i32;

    fn evaluate(&self, text: &str, _choice: usize) -> Option<i32> {
        i32::try_from(Version::parse(text)?.numbers[1]).ok()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

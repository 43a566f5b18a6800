//! `is_prerelease(version)`: whether a version is not yet final.

use crate::arguments::Parameter;
use crate::releases::version::Version;
use crate::text_function::TextFunction;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Releases"),
    description = "True for nightly, beta and candidate versions, false for final and extended support releases. NULL for NULL and for a text that is not a version.",
    syntax_example = "is_prerelease(version)",
    sql_example = r#"```sql
> SELECT is_prerelease('58.0b5') AS beta, is_prerelease('58.0.1') AS point;
+------+-------+
| beta | point |
+------+-------+
| true | false |
+------+-------+
```"#,
    argument(
        name = "version",
        description = "Version, such as `58.0.1`, `58.0b5`, `59.0a1`, `60.2.0esr`."
    )
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IsPrerelease;

impl TextFunction for IsPrerelease {
    const NAME: &'static str = "is_prerelease";
    const PARAMETERS: &'static [Parameter] = &[Parameter::text("version")];
    type Output = bool;

    fn evaluate(&self, text: &str, _choice: usize) -> Option<bool> {
        Some(Version::parse(text)?.is_prerelease())
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

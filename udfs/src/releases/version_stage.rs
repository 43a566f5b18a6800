//! `version_stage(version)`: nightly, beta, rc, final or esr.

use crate::arguments::Parameter;
use crate::releases::version::Version;
use crate::text_function::TextFunction;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Releases"),
    description = "Stage of a version: `nightly` (a), `beta` (b), `rc`, `esr` or `final`. NULL for NULL and for a text that is not a version.",
    syntax_example = "version_stage(version)",
    sql_example = r#"```sql
> SELECT version_stage('59.0a1') AS a, version_stage('58.0b5') AS b, version_stage('58.0.1') AS c, version_stage('60.2.0esr') AS d;
+---------+------+-------+-----+
| a       | b    | c     | d   |
+---------+------+-------+-----+
| nightly | beta | final | esr |
+---------+------+-------+-----+
```"#,
    argument(
        name = "version",
        description = "Version, such as `58.0.1`, `58.0b5`, `59.0a1`, `60.2.0esr`."
    )
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionStage;

impl TextFunction for VersionStage {
    const NAME: &'static str = "version_stage";
    const PARAMETERS: &'static [Parameter] = &[Parameter::text("version")];
    type Output = &'static str;

    fn evaluate(&self, text: &str, _choice: usize) -> Option<&'static str> {
        Some(Version::parse(text)?.stage_name())
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

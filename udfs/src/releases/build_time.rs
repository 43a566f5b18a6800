//! `build_time(build_id)`: when a build was made.

use crate::arguments::Parameter;
use crate::releases::build_id::build_micros;
use crate::results::Micros;
use crate::text_function::TextFunction;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Releases"),
    description = "Time of a build, from its id of 8, 10, 12 or 14 digits (`YYYYMMDDhhmmss`, shorter ones padded with zeros), taken as UTC. \
NULL for NULL and for anything else.",
    syntax_example = "build_time(build_id)",
    sql_example = r#"```sql
> SELECT build_time('20170608105825') AS full, build_time('20170608') AS day;
+----------------------+----------------------+
| full                 | day                  |
+----------------------+----------------------+
| 2017-06-08T10:58:25Z | 2017-06-08T00:00:00Z |
+----------------------+----------------------+
```"#,
    argument(name = "build_id", description = "Build id, such as `20170608105825`.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BuildTime;

impl TextFunction for BuildTime {
    const NAME: &'static str = "build_time";
    const PARAMETERS: &'static [Parameter] = &[Parameter::text("build_id")];
    type Output = Micros;

    fn evaluate(&self, text: &str, _choice: usize) -> Option<Micros> {
        build_micros(text).map(Micros)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

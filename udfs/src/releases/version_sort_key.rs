//! `version_sort_key(version)`: a number that sorts as versions do.

use crate::arguments::Parameter;
use crate::releases::version::Version;
use crate::text_function::TextFunction;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Releases"),
    description = "A number that sorts as the versions do: by every number in turn, then nightly < beta < rc < final. Equal versions (`55`, \
`55.0`) have equal keys; an extended support release has the key of the final release of its number. Only the order of \
keys means anything. NULL for NULL and for a text that is not a version. Also NULL for numbers too large to sort (major above 16383, minor or fourth above 1023, patch \
above 65535).",
    syntax_example = "version_sort_key(version)",
    sql_example = r#"```sql
> SELECT version_sort_key('58.0b5') < version_sort_key('58.0b10') AS betas, version_sort_key('99.0') < version_sort_key('100.0') AS majors;
+-------+--------+
| betas | majors |
+-------+--------+
| true  | true   |
+-------+--------+
```"#,
    argument(
        name = "version",
        description = "Version, such as `58.0.1`, `58.0b5`, `59.0a1`, `60.2.0esr`."
    )
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionSortKey;

impl TextFunction for VersionSortKey {
    const NAME: &'static str = "version_sort_key";
    const PARAMETERS: &'static [Parameter] = &[Parameter::text("version")];
    type Output = i64;

    fn evaluate(&self, text: &str, _choice: usize) -> Option<i64> {
        Version::parse(text)?.sort_key()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

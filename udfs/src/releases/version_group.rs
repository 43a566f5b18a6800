//! `version_group(version, by)`: the label of the release that a version belongs to.

use crate::arguments::Parameter;
use crate::releases::version::Version;
use crate::text_function::TextFunction;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Releases"),
    description = "Label of the release that a version belongs to: by `'major'` the major alone (`58`), by `'point'` the release within the \
major without the number of a pre-release (`58.0`, `58.0.1`, `60.2.0esr`), by `'build'` the version as written (`58.0b5`). \
Equal versions get equal labels by major and by point. NULL for NULL and for a text that is not a version. Errors: another name than these three.",
    syntax_example = "version_group(version, by)",
    sql_example = r#"```sql
> SELECT version_group('58.0b5', 'major') AS major, version_group('58.0b5', 'point') AS point, version_group('58.0b5', 'build') AS build;
+-------+-------+--------+
| major | point | build  |
+-------+-------+--------+
| 58    | 58.0  | 58.0b5 |
+-------+-------+--------+
```"#,
    argument(
        name = "version",
        description = "Version, such as `58.0.1`, `58.0b5`, `59.0a1`, `60.2.0esr`."
    ),
    argument(name = "by", description = "`'major'`, `'point'` or `'build'`.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionGroup;

impl TextFunction for VersionGroup {
    const NAME: &'static str = "version_group";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::text("version"),
        Parameter::required_choice("by", &["major", "point", "build"]),
    ];
    type Output = String;

    fn evaluate(&self, text: &str, choice: usize) -> Option<String> {
        let version = Version::parse(text)?;
        Some(match choice {
            0 => version.major_label(),
            1 => version.point_label(),
            _ => version.build_label(),
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

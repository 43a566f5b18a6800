//! `platform_of(os_name)`: one name for each platform.

use crate::arguments::Parameter;
use crate::text_function::TextFunction;
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;

#[user_doc(
    doc_section(label = "Releases"),
    description = "Platform of an operating system name: `windows` (Windows, Windows_NT, WINNT), `mac` (Mac, Darwin, macOS), `linux`, \
`android` or `other`; upper and lower case are the same. NULL for NULL.",
    syntax_example = "platform_of(os_name)",
    sql_example = r#"```sql
> SELECT platform_of('Windows_NT') AS a, platform_of('Darwin') AS b, platform_of('Linux') AS c, platform_of('FreeBSD') AS d;
+---------+-----+-------+-------+
| a       | b   | c     | d     |
+---------+-----+-------+-------+
| windows | mac | linux | other |
+---------+-----+-------+-------+
```"#,
    argument(name = "os_name", description = "Operating system name as the telemetry has it.")
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlatformOf;

impl TextFunction for PlatformOf {
    const NAME: &'static str = "platform_of";
    const PARAMETERS: &'static [Parameter] = &[Parameter::text("os_name")];
    type Output = &'static str;

    fn evaluate(&self, text: &str, _choice: usize) -> Option<&'static str> {
        Some(platform_of(text))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The platform of an operating system's name, in any case: windows, mac, linux, android or other.
pub fn platform_of(os_name: &str) -> &'static str {
    match os_name.trim().to_ascii_lowercase().as_str() {
        "mac" | "darwin" | "macos" | "macosx" | "mac os" | "mac os x" | "os x" | "osx" => "mac",
        "winnt" => "windows",
        "gnu/linux" => "linux",
        name if name.starts_with("windows") => "windows",
        name if name.starts_with("linux") => "linux",
        name if name.starts_with("android") => "android",
        _ => "other",
    }
}

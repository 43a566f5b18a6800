//! The reference page of the functions, written from the documentation on each of them.

use crate::{all_aggregate_functions, all_scalar_functions, all_window_functions};
use datafusion::logical_expr::Documentation;
use std::fmt::Write;

const HEAD: &str = "<!-- Written by `cargo run -p mission-control-udfs --example functions_md`; do not edit. -->

# SQL functions

Counts are events, hours are usage hours, and every rate is in events per 1000 usage hours. A NULL argument gives NULL, \
a NaN gives NaN. Aggregates skip rows with a NULL argument and work over any window frame. Arguments can be given by \
name (`rate_lower(count => 5, hours => 100, confidence => 0.9)`); an argument can be left out only together with all that follow it. `try_` twins \
give NULL where the function itself would raise an error about a value.
";

/// FUNCTIONS.md.
pub fn functions_page() -> String {
    let mut page = String::from(HEAD);
    let scalars = all_scalar_functions();
    let twins: Vec<&str> = scalars
        .iter()
        .map(|function| function.name())
        .filter(|name| name.starts_with("try_"))
        .collect();
    let mut entries = Vec::new();
    for function in scalars.iter().filter(|function| !function.name().starts_with("try_")) {
        entries.push(("scalar", function.name().to_string(), function.documentation().cloned()));
    }
    for function in all_aggregate_functions() {
        entries.push((
            "aggregate",
            function.name().to_string(),
            function.documentation().cloned(),
        ));
    }
    for function in all_window_functions() {
        entries.push(("window", function.name().to_string(), function.documentation().cloned()));
    }
    let mut sections: Vec<&str> = Vec::new();
    for label in entries
        .iter()
        .filter_map(|(_, _, documentation)| documentation.as_ref().map(|doc| doc.doc_section.label))
    {
        if !sections.contains(&label) {
            sections.push(label);
        }
    }
    for section in sections {
        let _ = write!(page, "\n## {section}\n");
        for (kind, name, documentation) in &entries {
            let Some(documentation) = documentation.as_ref().filter(|doc| doc.doc_section.label == section) else {
                continue;
            };
            let twin = format!("try_{name}");
            write_function(&mut page, kind, name, documentation, twins.contains(&twin.as_str()));
        }
    }
    page
}

fn write_function(page: &mut String, kind: &str, name: &str, documentation: &Documentation, has_twin: bool) {
    let _ = write!(page, "\n### `{name}`\n\n`{}` ({kind}", documentation.syntax_example);
    let _ = writeln!(
        page,
        "{})\n\n{}",
        if has_twin {
            format!("; twin `try_{name}`")
        } else {
            String::new()
        },
        documentation.description
    );
    let arguments = documentation.arguments.iter().flatten();
    for (index, (argument, description)) in arguments.enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        let _ = writeln!(page, "{gap}- `{argument}`: {description}");
    }
    if let Some(example) = &documentation.sql_example {
        let _ = write!(page, "\n{}\n", example.trim());
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_in_the_repository_is_the_one_written_from_the_code() {
        let stored = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/FUNCTIONS.md")).unwrap_or_default();
        let is_current = stored == super::functions_page();
        assert!(
            is_current,
            "FUNCTIONS.md is out of date: cargo run -p mission-control-udfs --example functions_md"
        );
    }
}

//! The examples in the functions' documentation show what the functions answer.

use crate::session::{session, table};
use datafusion::logical_expr::Documentation;
use mission_control_udfs::{all_aggregate_functions, all_scalar_functions, all_window_functions};

fn documented() -> Vec<(String, Documentation)> {
    let scalars = all_scalar_functions()
        .into_iter()
        .map(|f| (f.name().to_string(), f.documentation().cloned()));
    let aggregates = all_aggregate_functions()
        .into_iter()
        .map(|f| (f.name().to_string(), f.documentation().cloned()));
    let windows = all_window_functions()
        .into_iter()
        .map(|f| (f.name().to_string(), f.documentation().cloned()));
    scalars
        .chain(aggregates)
        .chain(windows)
        .filter_map(|(name, doc)| Some((name, doc?)))
        .collect()
}

/// Splits an example into its query and the table it promises.
fn query_and_result(example: &str) -> (String, String) {
    let lines = example.lines().filter(|line| !line.starts_with("```"));
    let (query, result): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with(['>', ' ']));
    let query = query.join("\n");
    (
        query.trim_start_matches('>').trim().trim_end_matches(';').to_string(),
        result.join("\n"),
    )
}

#[tokio::test]
async fn every_example_gives_the_result_it_shows() {
    let session = session();
    let mut wrong = Vec::new();
    for (name, documentation) in documented() {
        let Some(example) = documentation.sql_example else {
            assert!(name.starts_with("try_"), "{name} has no example");
            continue;
        };
        let (query, expected) = query_and_result(&example);
        let shown = table(&session, &query)
            .await
            .unwrap_or_else(|error| format!("error: {error}"));
        if shown != expected {
            wrong.push(format!("{name}: {query}\n{shown}\ninstead of\n{expected}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_argument_is_described() {
    for function in all_scalar_functions() {
        let described: Vec<String> = function
            .documentation()
            .and_then(|doc| doc.arguments.clone())
            .unwrap_or_default()
            .into_iter()
            .map(|a| a.0)
            .collect();
        let named = function.signature().parameter_names.clone().unwrap_or_default();
        assert_eq!(described, named, "{}", function.name());
    }
    for function in all_aggregate_functions() {
        let described: Vec<String> = function
            .documentation()
            .and_then(|doc| doc.arguments.clone())
            .unwrap_or_default()
            .into_iter()
            .map(|a| a.0)
            .collect();
        let named = function.signature().parameter_names.clone().unwrap_or_default();
        assert_eq!(described, named, "{}", function.name());
    }
}

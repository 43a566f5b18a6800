//! Every function has its own name, and none takes a name that DataFusion already uses.

use crate::session::session;
use datafusion::prelude::SessionContext;
use mission_control_udfs::{all_aggregate_functions, all_scalar_functions, all_window_functions};
use std::collections::HashSet;

fn own_names() -> Vec<String> {
    let scalars = all_scalar_functions()
        .into_iter()
        .map(|function| function.name().to_string());
    let aggregates = all_aggregate_functions()
        .into_iter()
        .map(|function| function.name().to_string());
    let windows = all_window_functions()
        .into_iter()
        .map(|function| function.name().to_string());
    scalars.chain(aggregates).chain(windows).collect()
}

#[test]
fn no_two_functions_share_a_name() {
    let mut seen = HashSet::new();
    for name in own_names() {
        assert!(seen.insert(name.clone()), "{name} is there twice");
    }
}

#[test]
fn no_function_shadows_one_of_the_engine() {
    let state = SessionContext::new().state();
    for name in own_names() {
        assert!(
            !state.scalar_functions().contains_key(&name),
            "{name} is a scalar function of DataFusion"
        );
        assert!(
            !state.aggregate_functions().contains_key(&name),
            "{name} is an aggregate of DataFusion"
        );
        assert!(
            !state.window_functions().contains_key(&name),
            "{name} is a window function of DataFusion"
        );
    }
}

#[test]
fn every_function_is_registered_and_documented() {
    let state = session().state();
    for function in all_scalar_functions() {
        let registered = &state.scalar_functions()[function.name()];
        assert!(
            registered.documentation().is_some(),
            "{} is not documented",
            function.name()
        );
    }
    for function in all_aggregate_functions() {
        let registered = &state.aggregate_functions()[function.name()];
        assert!(
            registered.documentation().is_some(),
            "{} is not documented",
            function.name()
        );
    }
    for function in all_window_functions() {
        let registered = &state.window_functions()[function.name()];
        assert!(
            registered.documentation().is_some(),
            "{} is not documented",
            function.name()
        );
    }
}

/// The names and signatures that users rely on.
#[tokio::test]
async fn routines_show_every_function_with_its_description() {
    let session = session();
    let sql = "SELECT count(DISTINCT routine_name) AS n FROM information_schema.routines \
               WHERE routine_name IN ('khour_rate', 'rate_per_khour') AND description LIKE '%1000 usage hours%'";
    let shown = crate::session::table(&session, sql).await.unwrap();
    assert!(shown.contains("| 2 |"), "{shown}");
}

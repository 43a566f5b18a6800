//! The views of `sql/`, planned once for each set of relations. A view's file may repeat a part for every measure:
//! the lines between `-- EACH MEASURE` and `-- END` stand once per measure, with `{measure}` replaced by its name.

use std::sync::Arc;

use datafusion::datasource::ViewTable;
use datafusion::execution::session_state::SessionState;

use super::Relations;
use crate::error::{Error, Result};

/// Name and text of every view, each after those it reads.
const VIEWS: &[(&str, &str)] = &[
    ("usage_windows", include_str!("../../sql/usage_windows.sql")),
    ("measure_windows", include_str!("../../sql/measure_windows.sql")),
    ("measure_timeseries", include_str!("../../sql/measure_timeseries.sql")),
];

/// Plans every view over the given relations and adds it to them. Without base data there are no views.
pub async fn add_views(base: &SessionState, relations: &mut Relations) -> Result<()> {
    if !relations.public.contains_key("error_aggregates") {
        return Ok(());
    }
    let mut state = base.clone();
    for (name, text) in VIEWS {
        state.register_catalog_list(relations.as_catalogs()?);
        let sql = expand(text, &relations.measures);
        let plan = state
            .create_logical_plan(&sql)
            .await
            .map_err(|error| Error::internal(format!("view {name} does not plan: {}", Error::from(error).message)))?;
        relations
            .public
            .insert((*name).to_string(), Arc::new(ViewTable::new(plan, Some(sql))));
    }
    Ok(())
}

/// Writes out the parts that stand once per measure.
fn expand(text: &str, measures: &[String]) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("-- EACH MEASURE\n") {
        let Some((repeated, remainder)) = after.split_once("-- END\n") else {
            break;
        };
        expanded.push_str(before);
        for (index, measure) in measures.iter().enumerate() {
            let part = repeated.replace("{measure}", measure);
            // A part that begins with UNION ALL joins the parts, so the first one goes without it.
            let part = if index == 0 {
                part.replacen("UNION ALL\n", "", 1)
            } else {
                part
            };
            expanded.push_str(&part);
        }
        rest = remainder;
    }
    expanded.push_str(rest);
    expanded
}

//! The views of `sql/`, planned once for each set of relations.
//!
//! A view's file may repeat a part for every measure: the lines between `-- EACH MEASURE` and `-- END` stand once per
//! measure, with `{measure}` replaced by its name. Its header comment describes the relation and every column, and is
//! the only place that does.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::{MemTable, TableProvider};
use datafusion::datasource::ViewTable;
use datafusion::execution::session_state::SessionState;

use super::Relations;
use super::alerts::AlertsTable;
use super::kept_rows::KeptRows;
use super::stored_view::StoredView;
use crate::alerts::AlertLog;
use crate::error::{Error, Result};
use crate::tables::{Vocabulary, source_problems};

/// How a view answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Part of every query that reads it.
    Inlined,
    /// Computed once for each set of relations.
    Stored,
    /// Likewise, and kept from one start to the next where the engine has a folder for it.
    Kept,
}
use Kind::{Inlined, Kept, Stored};

macro_rules! view {
    ($kind:ident, $name:literal) => {
        ($kind, $name, include_str!(concat!("../../sql/", $name, ".sql")))
    };
}

/// Every view after those it reads.
const VIEWS: &[(Kind, &str, &str)] = &[
    view!(Inlined, "valid_aggregates"),
    view!(Inlined, "usage_windows"),
    view!(Inlined, "measure_windows"),
    view!(Kept, "usage_by_hour"),
    view!(Kept, "horizons"),
    view!(Kept, "version_sightings"),
    view!(Kept, "releases"),
    view!(Kept, "release_groups"),
    view!(Kept, "release_spans"),
    view!(Kept, "release_totals"),
    view!(Inlined, "measure_timeseries"),
    view!(Inlined, "release_summary"),
    view!(Inlined, "release_comparison"),
    view!(Inlined, "channel_summary"),
    view!(Inlined, "channel_score"),
    view!(Inlined, "release_trend"),
    view!(Inlined, "measure_by_age"),
    view!(Inlined, "adoption"),
    view!(Kept, "mc1_spans"),
    view!(Inlined, "mc1_release_summary"),
    view!(Inlined, "experiment_timeseries"),
    view!(Inlined, "dimension_values"),
    view!(Inlined, "dimension_summary"),
    view!(Kept, "verdict_releases"),
    view!(Kept, "verdict_hours"),
    view!(Kept, "verdict_pairs"),
    view!(Kept, "verdict_fits"),
    view!(Kept, "verdict_looks"),
    view!(Inlined, "release_verdict_history"),
    view!(Inlined, "release_verdicts"),
    view!(Inlined, "release_baseline"),
    view!(Inlined, "alert_findings"),
    view!(Stored, "source_checks"),
    view!(Stored, "daily_totals"),
    view!(Stored, "data_quality"),
];

/// The words of a view's header: what the relation is, and what each column is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ViewComments {
    pub relation: String,
    pub columns: BTreeMap<String, String>,
}

/// The descriptions of a view of `sql/`, its measures among the columns; `None` for other relations.
pub fn view_comments(view: &str, measures: &[String]) -> Option<ViewComments> {
    let (_, _, text) = VIEWS.iter().find(|(_, name, _)| *name == view)?;
    Some(comments_of(text, measures))
}

fn comments_of(text: &str, measures: &[String]) -> ViewComments {
    let mut comments = ViewComments::default();
    let mut sentences = vec![];
    let mut column: Option<(String, String)> = None;
    let mut described = vec![];
    for line in text.lines().map_while(|line| line.strip_prefix("--")) {
        let is_column = line.starts_with("   ") && !line.starts_with("    ");
        if is_column {
            described.extend(column.take());
            let (name, words) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            column = Some((name.to_string(), words.trim().to_string()));
        } else if let Some((_, words)) = column.as_mut() {
            words.push(' ');
            words.push_str(line.trim());
        } else if !line.trim().is_empty() {
            sentences.push(line.trim());
        }
    }
    described.extend(column);
    comments.relation = sentences.join(" ");
    for (name, words) in described {
        let words = words.trim().to_string();
        if name.contains("{measure}") {
            let each = measures
                .iter()
                .map(|measure| (name.replace("{measure}", measure), words.clone()));
            comments.columns.extend(each);
        } else {
            comments.columns.insert(name, words);
        }
    }
    comments
}

/// Plans every view over the given relations and adds it to them. Without base data there are no views. Tables of the
/// vocabulary that are not given are made of what `vocabulary` says.
pub async fn add_views(
    base: &SessionState,
    vocabulary: &Vocabulary,
    alerts: &Arc<AlertLog>,
    kept_folder: Option<&Path>,
    relations: &mut Relations,
) -> Result<()> {
    if !relations.public.contains_key("error_aggregates") {
        return Ok(());
    }
    for (name, table) in vocabulary.tables(&relations.measures)? {
        relations.public.entry(name).or_insert(table);
    }
    let problems = MemTable::try_new(source_problems::schema(), vec![vec![]])?;
    let problems_relation = relations.system.entry("source_problems".to_string());
    problems_relation.or_insert_with(|| Arc::new(problems));
    let kept = kept_folder.and_then(|folder| kept_rows(folder, vocabulary, relations));
    let mut state = base.clone();
    for (kind, name, text) in VIEWS {
        // Views read data, not the catalog.
        state.register_catalog_list(relations.as_catalogs(&Arc::default())?);
        let sql = expand(text, relations);
        let plan = state
            .create_logical_plan(&sql)
            .await
            .map_err(|error| Error::internal(format!("view {name} does not plan: {}", Error::from(error).message)))?;
        let view: Arc<dyn TableProvider> = match kind {
            Inlined => Arc::new(ViewTable::new(plan, Some(sql))),
            Stored | Kept => {
                let kept = kept.as_ref().filter(|_| *kind == Kept);
                // Only the analysed plan says which types the rows will have.
                let analysed = state
                    .analyzer()
                    .execute_and_check(plan, state.config_options(), |_, _| {})?;
                Arc::new(StoredView::new(analysed, sql, kept.map(|kept| kept.of_view(name))))
            }
        };
        relations.public.insert((*name).to_string(), view);
    }
    state.register_catalog_list(relations.as_catalogs(&Arc::default())?);
    let findings = state.create_logical_plan("SELECT * FROM alert_findings").await?;
    let table = AlertsTable::new(Arc::clone(alerts), findings);
    relations.public.insert("alerts".to_string(), Arc::new(table));
    Ok(())
}

/// Where the rows that follow from these relations are kept; `None` where nothing tells their data from others.
fn kept_rows(folder: &Path, vocabulary: &Vocabulary, relations: &Relations) -> Option<KeptRows> {
    let data = relations.data_digest.as_deref()?;
    let said = format!("{vocabulary:?}");
    let views: Vec<String> = VIEWS.iter().map(|(_, _, text)| expand(text, relations)).collect();
    let inputs: Vec<&str> = [data, &said]
        .into_iter()
        .chain(views.iter().map(String::as_str))
        .collect();
    KeptRows::open(folder, &inputs)
}

/// Writes out the parts that stand once per measure, and whether a window is complete.
fn expand(text: &str, relations: &Relations) -> String {
    let complete = match relations.complete_before {
        Some(micros) => format!("CAST(window_start AS BIGINT) < {micros}"),
        None => "TRUE".to_string(),
    };
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("-- EACH MEASURE\n") {
        let Some((repeated, remainder)) = after.split_once("-- END\n") else {
            break;
        };
        expanded.push_str(before);
        for (index, measure) in relations.measures.iter().enumerate() {
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
    expanded.replace("{complete}", &complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_describes_relation_and_columns() {
        let text = "-- What it is.\n-- One row per hour.\n--\n--   hour   start of the hour\n--          (UTC)\n--   {measure}  \
                    events (count)\nSELECT 1\n";
        let comments = comments_of(text, &["a".to_string(), "b".to_string()]);
        assert_eq!(comments.relation, "What it is. One row per hour.");
        let columns: Vec<_> = comments
            .columns
            .iter()
            .map(|(name, words)| format!("{name}: {words}"))
            .collect();
        assert_eq!(
            columns,
            [
                "a: events (count)",
                "b: events (count)",
                "hour: start of the hour (UTC)"
            ]
        );
    }
}

//! The steps of a physical plan under the names that PostgreSQL's tools know, with what is known of each.

use std::fmt;
use std::time::Duration;

use datafusion::common::Result;
use datafusion::common::stats::Precision;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan};

use super::millis;

/// Which numbers are shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// Estimated rows and their width.
    pub estimates: bool,
    /// Rows that came.
    pub counts: bool,
    /// Time that was spent.
    pub times: bool,
}

/// What is said of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    Text(String),
    /// A number or a truth, which goes without quotes.
    Plain(String),
    Texts(Vec<String>),
}

/// One step with the steps that feed it.
#[derive(Debug)]
pub struct Step {
    pub properties: Vec<(&'static str, Said)>,
    pub inputs: Vec<Step>,
    /// Time of this step and of all beneath it, of all threads together.
    spent: Duration,
}

/// The engine's names of steps, and the PostgreSQL steps that do the same.
const NAMES: [(&str, &str); 19] = [
    ("AggregateExec", "Aggregate"),
    ("BoundedWindowAggExec", "WindowAgg"),
    ("WindowAggExec", "WindowAgg"),
    ("CoalescePartitionsExec", "Gather"),
    ("CrossJoinExec", "Nested Loop"),
    ("DataSourceExec", "Seq Scan"),
    ("EmptyExec", "Result"),
    ("PlaceholderRowExec", "Result"),
    ("FilterExec", "Filter"),
    ("GlobalLimitExec", "Limit"),
    ("LocalLimitExec", "Limit"),
    ("HashJoinExec", "Hash Join"),
    ("InterleaveExec", "Append"),
    ("UnionExec", "Append"),
    ("NestedLoopJoinExec", "Nested Loop"),
    ("ProjectionExec", "Projection"),
    ("SortExec", "Sort"),
    ("SortMergeJoinExec", "Merge Join"),
    ("SortPreservingMergeExec", "Gather Merge"),
];

/// A plan as steps.
pub fn step(plan: &dyn ExecutionPlan, shown: Shown) -> Result<Step> {
    step_of(plan, None, shown, &StatisticsContext::new())
}

fn step_of(
    plan: &dyn ExecutionPlan,
    relationship: Option<&str>,
    shown: Shown,
    statistics: &StatisticsContext,
) -> Result<Step> {
    let children = plan.children();
    let inputs: Result<Vec<Step>> = children
        .iter()
        .enumerate()
        .map(|(index, child)| {
            let relationship = if index == 0 { "Outer" } else { "Inner" };
            step_of(child.as_ref(), Some(relationship), shown, statistics)
        })
        .collect();
    let inputs = inputs?;
    let metrics = plan.metrics();
    let own = metrics
        .as_ref()
        .and_then(|metrics| metrics.elapsed_compute())
        .unwrap_or(0);
    let spent = inputs.iter().map(|input| input.spent).sum::<Duration>() + Duration::from_nanos(own as u64);
    let mut properties = vec![("Node Type", Said::Text(name(plan)))];
    properties.extend(relationship.map(|word| ("Parent Relationship", Said::Text(word.to_string()))));
    properties.push(("Parallel Aware", Said::Plain("false".to_string())));
    properties.push(("Async Capable", Said::Plain("false".to_string())));
    properties.extend(own_words(plan));
    if shown.estimates {
        properties.extend(estimates(plan, statistics)?);
    }
    if shown.times {
        properties.push(("Actual Total Time", Said::Plain(millis(spent))));
    }
    if shown.counts {
        let rows = metrics.as_ref().and_then(|metrics| metrics.output_rows());
        properties.extend(rows.map(|rows| ("Actual Rows", Said::Plain(rows.to_string()))));
        properties.push(("Actual Loops", Said::Plain("1".to_string())));
    }
    let detail = Line(plan).to_string();
    let detail = detail.split_once(": ").map_or("", |(_, rest)| rest).trim();
    let is_said = properties
        .iter()
        .any(|(_, said)| *said == Said::Text(detail.to_string()));
    if !detail.is_empty() && !is_said {
        properties.push(("Detail", Said::Text(detail.to_string())));
    }
    Ok(Step {
        properties,
        inputs,
        spent,
    })
}

impl Step {
    /// What is said under a name.
    pub fn get(&self, name: &str) -> Option<&Said> {
        self.properties
            .iter()
            .find(|(own, _)| *own == name)
            .map(|(_, said)| said)
    }
}

fn name(plan: &dyn ExecutionPlan) -> String {
    let own = plan.name();
    NAMES.iter().find(|(engine, _)| *engine == own).map_or_else(
        || own.trim_end_matches("Exec").to_string(),
        |(_, postgres)| (*postgres).to_string(),
    )
}

/// What PostgreSQL says of such a step under a name of its own.
fn own_words(plan: &dyn ExecutionPlan) -> Vec<(&'static str, Said)> {
    if let Some(sort) = plan.downcast_ref::<SortExec>() {
        let keys = sort.expr().iter().map(ToString::to_string).collect();
        return vec![("Sort Key", Said::Texts(keys))];
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        return vec![("Filter", Said::Text(filter.predicate().to_string()))];
    }
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        let keys: Vec<String> = aggregate
            .group_expr()
            .expr()
            .iter()
            .map(|(_, name)| name.clone())
            .collect();
        let strategy = if keys.is_empty() { "Plain" } else { "Hashed" };
        let partial = match aggregate.mode() {
            AggregateMode::Partial | AggregateMode::PartialReduce => "Partial",
            AggregateMode::Final | AggregateMode::FinalPartitioned => "Finalize",
            AggregateMode::Single | AggregateMode::SinglePartitioned => "Simple",
        };
        let mut words = vec![
            ("Strategy", Said::Text(strategy.to_string())),
            ("Partial Mode", Said::Text(partial.to_string())),
        ];
        words.extend((!keys.is_empty()).then_some(("Group Key", Said::Texts(keys))));
        return words;
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        let pairs: Vec<String> = join
            .on()
            .iter()
            .map(|(left, right)| format!("({left} = {right})"))
            .collect();
        return vec![
            ("Join Type", Said::Text(join.join_type().to_string())),
            ("Hash Cond", Said::Text(pairs.join(" AND "))),
        ];
    }
    plan.downcast_ref::<NestedLoopJoinExec>()
        .map(|join| vec![("Join Type", Said::Text(join.join_type().to_string()))])
        .unwrap_or_default()
}

/// How many rows are expected and how wide they are, as far as the files' statistics say. There are no costs: the
/// engine does not choose plans by them.
fn estimates(plan: &dyn ExecutionPlan, statistics: &StatisticsContext) -> Result<Vec<(&'static str, Said)>> {
    let statistics = statistics.compute(plan, &StatisticsArgs::new())?;
    let number = |precision: &Precision<usize>| precision.get_value().copied();
    let Some(rows) = number(&statistics.num_rows) else {
        return Ok(vec![]);
    };
    let width = number(&statistics.total_byte_size).and_then(|bytes| bytes.checked_div(rows));
    let mut said = vec![("Plan Rows", Said::Plain(rows.to_string()))];
    said.extend(width.map(|bytes| ("Plan Width", Said::Plain(bytes.to_string()))));
    Ok(said)
}

/// A step as the engine describes it in one line.
struct Line<'a>(&'a dyn ExecutionPlan);

impl fmt::Display for Line<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        DisplayAs::fmt_as(self.0, DisplayFormatType::Default, formatter)
    }
}

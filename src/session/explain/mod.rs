//! EXPLAIN with PostgreSQL's options: which steps a query takes and, with ANALYZE, what they took.

mod forms;
mod steps;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result as EngineResult;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, execute_stream};
use datafusion::sql::sqlparser::ast::{DescribeAlias, Expr, Statement, UnaryOperator, UtilityOption, Value};
use futures::TryStreamExt;

use crate::catalog::TYPE_KEY;
use crate::error::{Error, ErrorKind, Result};
use steps::Shown;

const COLUMN: &str = "QUERY PLAN";

/// The form in which a plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
    Xml,
    Yaml,
}

/// What EXPLAIN is asked for.
#[derive(Debug, Clone)]
pub struct Explain {
    analyze: bool,
    verbose: bool,
    costs: bool,
    timing: bool,
    summary: bool,
    form: Form,
}

/// Takes an EXPLAIN apart into what it asks for and the statement that it explains; any other statement is itself.
pub fn taken(statement: Statement) -> Result<(Option<Explain>, Statement)> {
    match statement {
        Statement::Explain {
            describe_alias: DescribeAlias::Explain,
            analyze,
            verbose,
            query_plan: false,
            estimate: false,
            statement,
            format: None,
            options,
        } => {
            let explain = Explain::of(analyze, verbose, &options.unwrap_or_default())?;
            Ok((Some(explain), *statement))
        }
        Statement::Explain {
            describe_alias: DescribeAlias::Explain,
            ..
        } => Err(
            Error::new(ErrorKind::Syntax, "this form of EXPLAIN is not PostgreSQL's")
                .with_hint("options stand in brackets: EXPLAIN (ANALYZE, FORMAT json) SELECT …"),
        ),
        other => Ok((None, other)),
    }
}

impl Explain {
    fn of(analyze: bool, verbose: bool, options: &[UtilityOption]) -> Result<Self> {
        let mut explain = Self {
            analyze,
            verbose,
            costs: true,
            timing: true,
            summary: analyze,
            form: Form::Text,
        };
        let (mut timing, mut summary, mut wal) = (None, None, false);
        for option in options {
            let name = option.name.value.to_lowercase();
            match name.as_str() {
                "analyze" => explain.analyze = truth(&name, option)?,
                "verbose" => explain.verbose = truth(&name, option)?,
                "costs" => explain.costs = truth(&name, option)?,
                "timing" => timing = Some(truth(&name, option)?),
                "summary" => summary = Some(truth(&name, option)?),
                "wal" => wal = truth(&name, option)?,
                // Pages are not read through buffers here, and no setting changes plans: there is nothing to show.
                "buffers" | "settings" => drop(truth(&name, option)?),
                "format" => explain.form = form(option)?,
                _ => {
                    let message = format!("unrecognized EXPLAIN option \"{name}\"");
                    return Err(Error::new(ErrorKind::Syntax, message));
                }
            }
        }
        for (asked, name) in [(wal, "WAL"), (timing == Some(true), "TIMING")] {
            if asked && !explain.analyze {
                let message = format!("EXPLAIN option {name} requires ANALYZE");
                return Err(Error::new(ErrorKind::InvalidParameterValue, message));
            }
        }
        explain.timing = timing.unwrap_or(explain.analyze);
        explain.summary = summary.unwrap_or(explain.analyze);
        Ok(explain)
    }

    /// The one column, of the form's type.
    pub fn schema(&self) -> SchemaRef {
        let field = Field::new(COLUMN, DataType::Utf8, true);
        let field = match self.form {
            Form::Json => field.with_metadata([(TYPE_KEY.to_string(), "json".to_string())].into()),
            Form::Xml => field.with_metadata([(TYPE_KEY.to_string(), "xml".to_string())].into()),
            Form::Text | Form::Yaml => field,
        };
        Arc::new(Schema::new(vec![field]))
    }

    /// The rows: the plan as it is, or as it went once the query has run to its end.
    pub fn rows(
        self,
        plan: Arc<dyn ExecutionPlan>,
        planning: Duration,
        context: Arc<TaskContext>,
    ) -> SendableRecordBatchStream {
        let schema = self.schema();
        let made = async move {
            let execution = match self.analyze {
                true => Some(run_to_the_end(&plan, context).await?),
                false => None,
            };
            self.batch(plan.as_ref(), planning, execution)
        };
        Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(made)))
    }

    fn batch(
        &self,
        plan: &dyn ExecutionPlan,
        planning: Duration,
        execution: Option<Duration>,
    ) -> EngineResult<RecordBatch> {
        let shown = Shown {
            estimates: self.costs,
            counts: self.analyze,
            times: self.analyze && self.timing,
        };
        let step = steps::step(plan, shown)?;
        let mut summary = Vec::new();
        if self.summary {
            summary.push(("Planning Time", millis(planning)));
            summary.extend(execution.map(|time| ("Execution Time", millis(time))));
        }
        let lines = match self.form {
            Form::Text => forms::text(&step, self.verbose, &summary),
            Form::Json => vec![forms::json(&step, &summary)],
            Form::Xml => vec![forms::xml(&step, &summary)],
            Form::Yaml => vec![forms::yaml(&step, &summary)],
        };
        let column: ArrayRef = Arc::new(StringArray::from(lines));
        Ok(RecordBatch::try_new(self.schema(), vec![column])?)
    }
}

/// Milliseconds with three digits, as PostgreSQL writes times.
fn millis(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1000.0)
}

async fn run_to_the_end(plan: &Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> EngineResult<Duration> {
    let begun = Instant::now();
    let mut rows = execute_stream(Arc::clone(plan), context)?;
    while rows.try_next().await?.is_some() {}
    Ok(begun.elapsed())
}

/// An option's value as a word; `None` where it has none.
fn word(option: &UtilityOption) -> Option<String> {
    option.arg.as_ref().map(|argument| match argument {
        Expr::Identifier(word) => word.value.to_lowercase(),
        Expr::Value(literal) => match &literal.value {
            // Only words without quotes are folded.
            Value::SingleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        Expr::UnaryOp {
            op: UnaryOperator::Plus,
            expr,
        } => expr.to_string(),
        other => other.to_string(),
    })
}

fn truth(name: &str, option: &UtilityOption) -> Result<bool> {
    match word(option).as_deref() {
        None | Some("true" | "on" | "1") => Ok(true),
        Some("false" | "off" | "0") => Ok(false),
        Some(_) => Err(Error::new(
            ErrorKind::Syntax,
            format!("{name} requires a Boolean value"),
        )),
    }
}

fn form(option: &UtilityOption) -> Result<Form> {
    match word(option).as_deref() {
        Some("text") => Ok(Form::Text),
        Some("json") => Ok(Form::Json),
        Some("xml") => Ok(Form::Xml),
        Some("yaml") => Ok(Form::Yaml),
        None => Err(Error::new(ErrorKind::Syntax, "format requires a parameter")),
        Some(other) => Err(Error::new(
            ErrorKind::InvalidParameterValue,
            format!("unrecognized value for EXPLAIN option \"format\": \"{other}\""),
        )
        .with_hint("text, json, xml and yaml are known")),
    }
}

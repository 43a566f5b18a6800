//! The gate: what may run. It looks at the logical plan, so every way in (simple, extended, PREPARE, DECLARE, COPY,
//! EXPLAIN, Flight, the command line) passes the same check, whatever the statement's text was.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::sql::sqlparser::ast::{Expr, ObjectName, Query, SetExpr, Statement, TableFactor, Visit, Visitor};

use crate::error::{Error, ErrorKind, Result};

/// Table functions that read nothing but their arguments.
const HARMLESS_TABLE_FUNCTIONS: [&str; 3] = ["generate_series", "range", "unnest"];

/// Functions by which other servers reach files, programs or other servers.
const FORBIDDEN_FUNCTIONS: [&str; 13] = [
    "pg_read_file",
    "pg_read_binary_file",
    "pg_ls_dir",
    "pg_stat_file",
    "pg_reload_conf",
    "lo_import",
    "lo_export",
    "dblink",
    "dblink_exec",
    "pg_file_write",
    "load_extension",
    "read_text",
    "read_blob",
];

/// Refuses statements by their syntax where the planner would not come to a plan: anything that is not a query, and
/// relations or functions that name a file or an address.
pub fn check_statement(statement: &Statement) -> Result<()> {
    match statement {
        Statement::Query(_)
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowFunctions { .. } => {}
        Statement::Explain { statement, .. } => check_statement(statement)?,
        Statement::ExplainTable { .. } => {}
        other => return Err(read_only(&first_words(other))),
    }
    let mut visitor = Reach::default();
    match statement.visit(&mut visitor) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// How many steps a plan may have, those of its views included. A few lines of nested names can stand for millions.
const MOST_STEPS: usize = 20_000;

/// Refuses statements whose named queries, each written once, stand for very many: the planner would write all of them
/// out.
pub fn check_references(statement: &Statement) -> Result<()> {
    let mut references = References::default();
    let _ = statement.visit(&mut references);
    if references.most <= MOST_STEPS as u64 {
        return Ok(());
    }
    Err(
        Error::new(ErrorKind::StatementTooComplex, "statement is too complex").with_detail(format!(
            "Its named queries stand for more than {MOST_STEPS} reads of relations."
        )),
    )
}

/// How many relations each query reads when the named ones are written out.
#[derive(Default)]
struct References {
    named: HashMap<String, u64>,
    open: Vec<OpenQuery>,
    most: u64,
}

struct OpenQuery {
    reads: u64,
    /// The names of its WITH that have not been read yet; their queries come first, in this order.
    names: VecDeque<String>,
}

impl Visitor for References {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let named = query.with.iter().flat_map(|with| &with.cte_tables);
        self.open.push(OpenQuery {
            reads: 0,
            names: named.map(|one| super::statements::folded(&one.alias.name)).collect(),
        });
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let reads = self.named.get(&last_part(relation)).copied().unwrap_or(1);
        if let Some(query) = self.open.last_mut() {
            query.reads = query.reads.saturating_add(reads);
            self.most = self.most.max(query.reads);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        let reads = self.open.pop().map_or(1, |query| query.reads.max(1));
        if let Some(outer) = self.open.last_mut() {
            match outer.names.pop_front() {
                Some(name) => drop(self.named.insert(name, reads)),
                None => outer.reads = outer.reads.saturating_add(reads),
            }
            self.most = self.most.max(outer.reads);
        }
        ControlFlow::Continue(())
    }
}

/// Refuses plans so large that looking at them takes long.
pub fn check_size(plan: &LogicalPlan) -> Result<()> {
    let mut steps = 0;
    plan.apply_with_subqueries(|_| {
        steps += 1;
        Ok(if steps > MOST_STEPS {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    })?;
    if steps <= MOST_STEPS {
        return Ok(());
    }
    Err(Error::new(ErrorKind::StatementTooComplex, "statement is too complex")
        .with_detail(format!("Its plan has more than {MOST_STEPS} steps.")))
}

/// Refuses plans that do more than read. The planner puts nothing else into a plan than what it read from the
/// statement, so this is the last word whatever syntax led here.
pub fn check_plan(plan: &LogicalPlan) -> Result<()> {
    let mut refusal = None;
    plan.apply_with_subqueries(|node| {
        refusal = match node {
            LogicalPlan::Ddl(ddl) => Some(read_only(&ddl_name(ddl))),
            LogicalPlan::Dml(dml) => Some(read_only(&dml.op.to_string().to_uppercase())),
            LogicalPlan::Copy(_) => Some(Error::new(
                ErrorKind::InsufficientPrivilege,
                "permission denied to COPY to or from a file or program",
            )),
            LogicalPlan::Statement(statement) => Some(read_only(statement.name())),
            _ => None,
        };
        Ok(if refusal.is_some() {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    })?;
    refusal.map_or(Ok(()), Err)
}

fn read_only(what: &str) -> Error {
    Error::new(
        ErrorKind::ReadOnlyTransaction,
        format!("cannot execute {what} in a read-only transaction"),
    )
}

fn ddl_name(ddl: &DdlStatement) -> String {
    ddl.name()
        .chars()
        .flat_map(|letter| {
            let gap = letter.is_uppercase().then_some(' ');
            gap.into_iter().chain(letter.to_uppercase())
        })
        .collect::<String>()
        .trim()
        .to_string()
}

/// `CREATE TABLE`, `DROP VIEW`, `INSERT`: the words of a statement before its first name.
fn first_words(statement: &Statement) -> String {
    let text = statement.to_string();
    let words: Vec<&str> = text
        .split(|letter: char| !letter.is_ascii_alphabetic())
        .take_while(|word| !word.is_empty() && word.chars().all(|letter| letter.is_ascii_uppercase()))
        .filter(|word| !matches!(*word, "INTO" | "FROM" | "IF" | "ON"))
        .take(2)
        .collect();
    if words.is_empty() {
        "this statement".to_string()
    } else {
        words.join(" ")
    }
}

/// How many relations a statement may name. The columns of all that are joined so far stand at every join, so that the
/// memory of planning grows with the square of their number.
const MOST_RELATIONS: usize = 100;

/// Looks for whatever would reach beyond the catalog, and counts what it names there.
#[derive(Default)]
struct Reach {
    relations: usize,
}

impl Visitor for Reach {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        if !query.locks.is_empty() {
            return ControlFlow::Break(read_only("SELECT FOR UPDATE"));
        }
        match query.body.as_ref() {
            SetExpr::Select(select) if select.into.is_some() => ControlFlow::Break(read_only("SELECT INTO")),
            SetExpr::Insert(_) => ControlFlow::Break(read_only("INSERT")),
            SetExpr::Update(_) => ControlFlow::Break(read_only("UPDATE")),
            SetExpr::Delete(_) => ControlFlow::Break(read_only("DELETE")),
            SetExpr::Merge(_) => ControlFlow::Break(read_only("MERGE")),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Error> {
        self.relations += 1;
        if self.relations > MOST_RELATIONS {
            return ControlFlow::Break(
                Error::new(ErrorKind::StatementTooComplex, "statement is too complex")
                    .with_hint(format!("a statement may name at most {MOST_RELATIONS} relations")),
            );
        }
        match factor {
            TableFactor::Table {
                name, args: Some(_), ..
            }
            | TableFactor::Function { name, .. } => {
                let function = last_part(name);
                if HARMLESS_TABLE_FUNCTIONS.contains(&function.as_str()) || !reaches_outside(&function) {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(forbidden_function(&function))
                }
            }
            TableFactor::Table { name, .. } if names_a_location(name) => ControlFlow::Break(
                Error::new(
                    ErrorKind::InsufficientPrivilege,
                    "permission denied: files and addresses cannot be read as relations",
                )
                .with_hint("query the relations of this database; \\d lists them"),
            ),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Error> {
        if let Expr::Function(call) = expression {
            let function = last_part(&call.name);
            if FORBIDDEN_FUNCTIONS.contains(&function.as_str()) {
                return ControlFlow::Break(forbidden_function(&function));
            }
        }
        ControlFlow::Continue(())
    }
}

fn forbidden_function(function: &str) -> Error {
    Error::new(
        ErrorKind::InsufficientPrivilege,
        format!("permission denied for function {function}"),
    )
}

fn last_part(name: &ObjectName) -> String {
    name.0
        .last()
        .and_then(|part| part.as_ident())
        .map(super::statements::folded)
        .unwrap_or_default()
}

/// Table functions of other engines that take a path or an address, by their habitual names.
fn reaches_outside(function: &str) -> bool {
    const PARTS: [&str; 14] = [
        "read_",
        "_scan",
        "scan_",
        "parquet",
        "csv",
        "json_auto",
        "ndjson",
        "delta",
        "iceberg",
        "glob",
        "s3",
        "url",
        "file",
        "metadata_cache",
    ];
    FORBIDDEN_FUNCTIONS.contains(&function) || PARTS.iter().any(|part| function.contains(part))
}

/// A relation named `'x.parquet'`, `/etc/passwd` or `s3://…`: a single quote, a slash or a file's ending.
fn names_a_location(name: &ObjectName) -> bool {
    const ENDINGS: [&str; 8] = [".parquet", ".csv", ".json", ".ndjson", ".arrow", ".avro", ".gz", ".txt"];
    name.0.iter().filter_map(|part| part.as_ident()).any(|part| {
        let lower = part.value.to_lowercase();
        part.quote_style == Some('\'')
            || lower.contains('/')
            || lower.contains('\\')
            || ENDINGS.iter().any(|ending| lower.ends_with(ending))
    })
}

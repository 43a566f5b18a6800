//! From a client's SQL text to a planned statement: exactly one that gives or takes rows, or the reason why not.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Statement, visit_expressions};

use crate::error::{Error, ErrorKind, Result};
use crate::session::statements::{ParsedStatement, Work, folded};
use crate::session::{Prepared, Session};

/// Plans the one statement of a text, without running it.
pub async fn plan(session: &mut Session, sql: &str, most_bytes: usize) -> Result<Prepared> {
    if sql.len() > most_bytes {
        return Err(Error::new(
            ErrorKind::ProgramLimitExceeded,
            format!(
                "the statement has {} bytes, more than the {most_bytes} allowed",
                sql.len()
            ),
        ));
    }
    let mut parsed = session.parse(sql).await?;
    let statement = match (parsed.pop(), parsed.is_empty()) {
        (Some(statement), true) => statement,
        (None, _) => return Err(Error::new(ErrorKind::Syntax, "the statement is empty")),
        _ => {
            return Err(Error::new(
                ErrorKind::Syntax,
                "cannot run more than one statement at a time",
            ));
        }
    };
    check_work(session, &statement.work).await?;
    Ok(session.prepare(statement, &[]).await?.plain())
}

/// Refuses what needs a connection of its own. What the gate forbids is refused as forbidden, also inside PREPARE,
/// DECLARE and COPY.
async fn check_work(session: &mut Session, work: &Work) -> Result<()> {
    match work {
        Work::Query(query) if calls(query, "set_config") => Err(not_here(
            "set_config",
            "each call has the default settings; times are in UTC",
        )),
        Work::Query(_) | Work::Insert(_) | Work::Show(_) | Work::Refused(_) => Ok(()),
        Work::Prepare { statement, .. } => {
            check_inner(session, statement).await?;
            Err(not_here("PREPARE", "use the prepared statements of Flight SQL"))
        }
        Work::Declare { query, .. } => {
            check_inner(session, query).await?;
            Err(not_here("DECLARE", "results are streamed without a cursor"))
        }
        Work::CopyIn { table, .. } => {
            session.writable(table, "COPY FROM")?;
            Err(not_here("COPY FROM STDIN", "use bulk ingestion"))
        }
        Work::CopyOut { query, .. } => {
            check_inner(session, query).await?;
            Err(not_here("COPY TO STDOUT", "run the query itself"))
        }
        Work::Set { .. } | Work::Reset(_) | Work::Discard(_) => {
            session.apply_setting(work)?;
            Err(not_here("SET", "each call has the default settings; times are in UTC"))
        }
        Work::Begin { .. }
        | Work::Commit { .. }
        | Work::Rollback { .. }
        | Work::Savepoint(_)
        | Work::ReleaseSavepoint(_)
        | Work::RollbackToSavepoint(_) => Err(not_here("a transaction", "every statement sees the newest data")),
        _ => Err(not_here("this statement", "run a query")),
    }
}

/// Whether a function is called anywhere in a statement.
fn calls(statement: &Statement, function: &str) -> bool {
    let found = visit_expressions(statement, |expression: &Expr| match expression {
        Expr::Function(call) => {
            let name = call.name.0.last().and_then(|part| part.as_ident()).map(folded);
            if name.as_deref() == Some(function) {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        }
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

async fn check_inner(session: &Session, statement: &ParsedStatement) -> Result<()> {
    session.prepare(statement.clone(), &[]).await.map(|_| ())
}

fn not_here(what: &str, hint: &str) -> Error {
    Error::not_supported(format!("{what} is not supported over flight sql")).with_hint(hint)
}

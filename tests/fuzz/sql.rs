//! SQL text: parsed, planned, looked at by the gate, and run within a short time and for a few rows.

use futures::StreamExt;
use mission_control::error::{Error, ErrorKind};
use mission_control::session::Session;
use mission_control::session::statements::Work;
use mission_control::wire::error_codes::sqlstate;

use super::statements::Grammar;
use super::world::World;
use super::{Run, Verdict};

/// The statements that reading is written with; nothing else may come through planning as a query.
const READING: [&str; 10] = [
    "SELECT", "WITH", "VALUES", "EXPLAIN", "SHOW", "TABLE", "FROM", "DESCRIBE", "DESC", "(",
];

/// The batches that are taken of a result.
const MOST_BATCHES: usize = 3;

#[test]
fn sql_text() {
    let world = World::new("sql");
    let grammar = Grammar::new(&world);
    let mut run = Run::begin("sql", 600);
    while let Some(mut case) = run.next() {
        let sql = grammar.statement(&mut case.random);
        let verdict = world.runtime.block_on(answer(&world, &sql));
        run.judge(&case, verdict, || sql.clone());
        if case.number.is_multiple_of(100) {
            // What ran out of its time may still hold a thread for a moment.
            let alive = (0..20).any(|_| world.runtime.block_on(answer(&world, "SELECT 1")) == Ok("rows".to_string()));
            assert!(alive, "no answer after case {}", case.number);
        }
    }
    run.end();
}

async fn answer(world: &World, sql: &str) -> Verdict {
    let session = world.engine.session("fuzz");
    let parsed = match session.parse(sql).await {
        Ok(parsed) => parsed,
        Err(error) => return refusal(&error),
    };
    for statement in parsed {
        if matches!(statement.work, Work::Query(_)) {
            let first = statement
                .text
                .trim_start_matches(|letter: char| !letter.is_alphabetic() && letter != '(');
            if !READING.iter().any(|word| first.to_uppercase().starts_with(word))
                && is_planned(&session, &statement).await
            {
                return Err(format!("the gate let through: {}", statement.text));
            }
        }
        let prepared = match session.prepare(statement, &[]).await {
            Ok(prepared) => prepared,
            Err(error) => return refusal(&error),
        };
        if !prepared.returns_rows() || !prepared.parameter_types.is_empty() {
            continue;
        }
        let rows = match session.run(&prepared, vec![]).await {
            Ok(rows) => rows,
            Err(error) => return refusal(&error),
        };
        let mut some = rows.take(MOST_BATCHES);
        while let Some(batch) = some.next().await {
            match batch {
                Ok(batch) if batch.schema() != prepared.schema => {
                    return Err("other columns than announced".to_string());
                }
                Ok(_) => {}
                Err(error) => return refusal(&error),
            }
        }
    }
    Ok("rows".to_string())
}

async fn is_planned(session: &Session, statement: &mission_control::session::statements::ParsedStatement) -> bool {
    session.prepare(statement.clone(), &[]).await.is_ok()
}

/// A refusal is right if it has words and a code; the code of a bug is told with its words.
fn refusal(error: &Error) -> Verdict {
    if error.message.trim().is_empty() {
        return Err(format!("an error without words: {error:?}"));
    }
    if error.message.starts_with(char::is_uppercase) && error.kind != ErrorKind::Internal {
        return Ok(format!("{} with a capital letter", sqlstate(error.kind)));
    }
    Ok(match error.kind {
        ErrorKind::Internal => {
            let words: String = error.message.chars().take(90).collect();
            format!("XX000 internal error: {words}")
        }
        kind => sqlstate(kind).to_string(),
    })
}

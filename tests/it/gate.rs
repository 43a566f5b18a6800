//! The gate: a corpus of statements that are never run, over every way in, each refused with a code that says so.

use std::path::Path;

use arrow_flight::sql::client::FlightSqlServiceClient;
use mission_control::wire::error_codes;
use tonic::Code;
use tonic::transport::Channel;

use crate::support::{TestServer, small_data};

const REFUSALS: [&str; 3] = ["42501", "25006", "0A000"];

/// The statements, one to a line; lines that begin with two dashes say why.
fn corpus() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gate/refused.sql");
    let text = std::fs::read_to_string(path).expect("the corpus");
    let statements: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with("--") && !line.is_empty())
        .map(str::to_string)
        .collect();
    assert!(statements.len() >= 40, "the corpus holds at least forty statements");
    statements
}

/// Statements that can stand inside PREPARE, DECLARE and EXPLAIN; the others are syntax errors there in PostgreSQL too.
fn is_plannable(statement: &str) -> bool {
    ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH"]
        .iter()
        .any(|word| statement.starts_with(word))
}

fn state_of(error: &tokio_postgres::Error) -> String {
    error
        .code()
        .map_or_else(|| format!("no code: {error}"), |code| code.code().to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_refuses_the_corpus_in_both_protocols() {
    let server = TestServer::over_csv(&small_data()).await;
    let client = server.postgres_client().await;
    let mut wrong = Vec::new();
    for statement in corpus() {
        let simple = client.simple_query(&statement).await.map(|_| ());
        let extended = client.query(&statement, &[]).await.map(|_| ());
        for (way, outcome) in [("simple", simple), ("extended", extended)] {
            match outcome {
                Ok(()) => wrong.push(format!("{way}: ran: {statement}")),
                Err(error) if REFUSALS.contains(&state_of(&error).as_str()) => {}
                Err(error) => wrong.push(format!("{way}: {} for: {statement}", state_of(&error))),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    client
        .simple_query("SELECT count(*) FROM error_aggregates")
        .await
        .expect("the connection goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrapping_a_statement_does_not_pass_it_through() {
    let server = TestServer::over_csv(&small_data()).await;
    let client = server.postgres_client().await;
    let mut wrong = Vec::new();
    for statement in corpus().iter().filter(|statement| is_plannable(statement)) {
        for wrapped in [
            format!("PREPARE wrapped AS {statement}"),
            format!("EXPLAIN {statement}"),
            format!("EXPLAIN ANALYZE {statement}"),
            format!("BEGIN; DECLARE wrapped CURSOR FOR {statement}; FETCH ALL FROM wrapped"),
            format!("COPY ({statement}) TO STDOUT"),
            format!("SELECT 1; {statement}"),
        ] {
            let outcome = client.simple_query(&wrapped).await;
            let _ = client.simple_query("ROLLBACK").await;
            let _ = client.simple_query("DEALLOCATE ALL").await;
            match outcome {
                Ok(_) => wrong.push(format!("ran: {wrapped}")),
                // What PostgreSQL's grammar does not allow inside the wrapper is a syntax error, which runs nothing.
                Err(error) if REFUSALS.contains(&state_of(&error).as_str()) || state_of(&error) == "42601" => {}
                Err(error) => wrong.push(format!("{} for: {wrapped}", state_of(&error))),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn flight_refuses_the_corpus() {
    let server = TestServer::over_csv(&small_data()).await;
    let mut client = server.flight_client().await;
    let mut wrong = Vec::new();
    for statement in corpus() {
        for (way, outcome) in [
            ("query", run_flight(&mut client, &statement).await),
            (
                "update",
                client
                    .execute_update(statement.clone(), None)
                    .await
                    .map(|_| ())
                    .map_err(code_of),
            ),
            (
                "prepare",
                client
                    .prepare(statement.clone(), None)
                    .await
                    .map(|_| ())
                    .map_err(code_of),
            ),
        ] {
            match outcome {
                Err(Some(Code::PermissionDenied | Code::Unimplemented)) => {}
                Err(code) => wrong.push(format!("{way}: {code:?} for: {statement}")),
                Ok(()) => wrong.push(format!("{way}: ran: {statement}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn run_flight(client: &mut FlightSqlServiceClient<Channel>, statement: &str) -> Result<(), Option<Code>> {
    client
        .execute(statement.to_string(), None)
        .await
        .map(|_| ())
        .map_err(code_of)
}

fn code_of(error: arrow_flight::error::FlightError) -> Option<Code> {
    match error {
        arrow_flight::error::FlightError::Tonic(status) => Some(status.code()),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_session_refuses_the_corpus() {
    let server = TestServer::over_csv(&small_data()).await;
    let session = server.engine().session("analyst");
    let mut wrong = Vec::new();
    for statement in corpus() {
        match session.query(&statement).await {
            Ok(_) => wrong.push(format!("ran: {statement}")),
            Err(error) if REFUSALS.contains(&error_codes::sqlstate(error.kind)) => {}
            Err(error) => wrong.push(format!("{} for: {statement}", error_codes::sqlstate(error.kind))),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

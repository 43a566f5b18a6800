//! What an administrator limits: each limit is reached, with PostgreSQL's code, and the connection lives on where it
//! should.

use std::time::{Duration, Instant};

use mission_control::session::{EngineOptions, Limits};
use mission_control::wire::postgres::PostgresOptions;

use super::client::{Client, Message, Server, kinds};

/// A sort that gives one row and takes more than 20 MB.
const SORTED: &str = "SELECT n FROM (SELECT g AS n, md5(g::text) AS v FROM generate_series(1, 400000) AS t(g)) AS x
     ORDER BY v DESC, n OFFSET 399999";

fn limited(limits: Limits) -> Server {
    Server::with_limits(PostgresOptions::default(), limits)
}

fn code(client: &mut Client, sql: &str) -> String {
    let messages = client.query(sql);
    let error = messages.iter().find(|message| message.kind == 'E');
    error.map_or_else(|| kinds(&messages), Message::sqlstate)
}

fn value(client: &mut Client, sql: &str) -> String {
    let messages = client.query(sql);
    let row = messages.iter().find(|message| message.kind == 'D');
    row.unwrap_or_else(|| panic!("no row: {messages:?}")).value()
}

#[test]
fn one_users_connections_are_limited_and_another_user_gets_in() {
    let server = limited(Limits {
        max_connections: 3,
        max_connections_per_user: 1,
        ..Limits::default()
    });
    let _first = server.session();
    let mut second = server.connect();
    second.startup(196_608, &[("user", "me"), ("database", "mission_control")]);
    let refusal = second.fatal();
    assert_eq!(refusal.sqlstate(), "53300");
    assert_eq!(refusal.field(b'M').unwrap(), "too many connections for role \"me\"");
    let mut other = server.connect();
    other.startup(196_608, &[("user", "you"), ("database", "mission_control")]);
    assert_eq!(other.until_ready().last().map(|message| message.kind), Some('Z'));
}

#[test]
fn idle_connections_are_ended_inside_and_outside_a_transaction() {
    let server = limited(Limits {
        idle_timeout: Some(Duration::from_millis(300)),
        idle_in_transaction_timeout: Some(Duration::from_millis(150)),
        ..Limits::default()
    });
    let mut idle = server.session();
    let mut in_transaction = server.session();
    in_transaction.query("BEGIN");
    let error = in_transaction.fatal();
    assert_eq!(error.sqlstate(), "25P03");
    assert_eq!(
        error.field(b'M').unwrap(),
        "terminating connection due to idle-in-transaction timeout"
    );
    let error = idle.fatal();
    assert_eq!(error.sqlstate(), "57P05");
    assert_eq!(
        error.field(b'M').unwrap(),
        "terminating connection due to idle-session timeout"
    );
}

#[test]
fn a_client_can_ask_for_shorter_times_and_not_for_longer_ones() {
    let server = limited(Limits {
        statement_timeout: Some(Duration::from_secs(60)),
        ..Limits::default()
    });
    let mut client = server.connect();
    let startup = [
        ("user", "me"),
        ("database", "mission_control"),
        ("options", "-c statement_timeout=2h"),
    ];
    client.startup(196_608, &startup);
    client.until_ready();
    assert_eq!(value(&mut client, "SHOW statement_timeout"), "1min");
    client.query("SET statement_timeout = 0");
    assert_eq!(value(&mut client, "SHOW statement_timeout"), "1min");
    client.query("SET statement_timeout = '50ms'");
    let slow = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    assert_eq!(code(&mut client, slow), "57014");
    client.query("SET idle_session_timeout = '100ms'");
    assert_eq!(client.fatal().sqlstate(), "57P05");
}

#[test]
fn results_are_limited_in_rows_and_bytes() {
    let server = limited(Limits {
        max_result_rows: Some(10_000),
        max_result_bytes: Some(1_000_000),
        ..Limits::default()
    });
    let mut client = server.session();
    assert_eq!(
        value(&mut client, "SELECT count(*) FROM generate_series(1, 20000)"),
        "20000"
    );
    let allowed = client.query("SELECT * FROM generate_series(1, 10000)");
    assert_eq!(allowed.iter().filter(|message| message.kind == 'D').count(), 10_000);
    assert_eq!(code(&mut client, "SELECT * FROM generate_series(1, 10001)"), "53400");
    assert_eq!(
        code(&mut client, "SELECT repeat('x', 500) FROM generate_series(1, 5000)"),
        "53400"
    );
    assert_eq!(code(&mut client, "SELECT 1"), "TDCZ");
}

#[test]
fn brackets_and_parameters_are_limited() {
    let server = limited(Limits {
        max_nesting: 10,
        max_parameters: 2,
        ..Limits::default()
    });
    let mut client = server.session();
    let nested = |levels: usize| format!("SELECT {}1{}", "(".repeat(levels), ")".repeat(levels));
    assert_eq!(code(&mut client, &nested(10)), "TDCZ");
    assert_eq!(code(&mut client, &nested(11)), "54001");
    assert_eq!(kinds(&client.parse("", "SELECT $1::int + $2::int", &[]).sync()), "1Z");
    let refused = client.parse("", "SELECT $1::int + $2::int + $3::int", &[]).sync();
    assert_eq!(refused[0].sqlstate(), "54000");
}

#[test]
fn queries_wait_for_others_in_a_queue_of_limited_length() {
    let server = limited(Limits {
        max_concurrent_queries: 1,
        max_queued_queries: 1,
        queue_timeout: Duration::from_millis(500),
        ..Limits::default()
    });
    let endless = b"SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b\0";
    let (mut running, mut waiting, mut third) = (server.session(), server.session(), server.session());
    running.message(b'Q', endless);
    wait_until(|| server.engine.admission().counts() == (1, 0));
    waiting.message(b'Q', b"SELECT 1\0");
    wait_until(|| server.engine.admission().counts() == (1, 1));
    assert_eq!(code(&mut third, "SELECT 1"), "53400", "the queue is full");
    assert_eq!(code(&mut third, "SHOW TimeZone"), "TDCZ", "nothing to compute");
    let waited = waiting.until_ready();
    assert_eq!(waited[0].sqlstate(), "53400", "it waited too long");
    waiting.message(b'Q', b"SELECT 1\0");
    wait_until(|| server.engine.admission().counts() == (1, 1));
    drop(running);
    assert_eq!(kinds(&waiting.until_ready()), "TDCZ", "its turn has come");
}

#[test]
fn a_query_spills_beyond_its_memory_and_fails_where_it_cannot() {
    let folder = tempfile::TempDir::new().unwrap();
    let options = EngineOptions {
        spill_folder: Some(folder.path().to_path_buf()),
        threads_per_query: 1,
        limits: Limits {
            memory_per_query_bytes: Some(20 << 20),
            ..Limits::default()
        },
        ..EngineOptions::default()
    };
    let server = Server::with_engine(PostgresOptions::default(), options);
    let mut client = server.session();
    let mut spilled_bytes = 0;
    client.message(b'Q', &[SORTED.as_bytes(), b"\0"].concat());
    let mut probe = server.session();
    while server.engine.admission().counts().0 == 0 {}
    while server.engine.admission().counts().0 > 0 {
        spilled_bytes = spilled_bytes.max(folder_bytes(folder.path()));
        std::thread::sleep(Duration::from_millis(5));
    }
    let messages = client.until_ready();
    assert_eq!(kinds(&messages), "TDCZ", "{messages:?}");
    assert!(spilled_bytes > 1 << 20, "spilled at most {spilled_bytes} bytes");
    wait_until(|| folder_bytes(folder.path()) == 0);
    let join = "SELECT count(*) FROM (SELECT g AS n, md5(g::text) AS v FROM generate_series(1, 400000) AS t(g)) a
                JOIN (SELECT g AS n, md5(g::text) AS v FROM generate_series(1, 400000) AS t(g)) b ON a.v = b.v";
    assert_eq!(code(&mut client, join), "53200");
    assert_eq!(code(&mut client, "SELECT 1"), "TDCZ");
    assert_eq!(code(&mut probe, "SELECT 1"), "TDCZ");
    wait_until(|| server.engine.environment().memory_pool.reserved() == 0);
}

#[test]
fn spilling_is_bounded() {
    let options = EngineOptions {
        memory_bytes: 20 << 20,
        spill_bytes: 1 << 20,
        threads_per_query: 1,
        ..EngineOptions::default()
    };
    let server = Server::with_engine(PostgresOptions::default(), options);
    assert_eq!(code(&mut server.session(), SORTED), "53400");
}

#[test]
fn a_few_lines_that_stand_for_a_huge_plan_are_refused_soon() {
    let server = Server::start();
    let mut client = server.session();
    let doubled: Vec<String> = (1..40)
        .map(|level| {
            format!(
                "t{level} AS (SELECT a.x FROM t{before} a, t{before} b)",
                before = level - 1
            )
        })
        .collect();
    let sql = format!(
        "WITH t0 AS (SELECT 1 AS x), {} SELECT count(*) FROM t39",
        doubled.join(", ")
    );
    let asked = Instant::now();
    client.query("SET statement_timeout = '10s'");
    assert_eq!(code(&mut client, &sql), "54001");
    assert!(asked.elapsed() < Duration::from_secs(9), "{:?}", asked.elapsed());
    assert_eq!(code(&mut client, "SELECT 1"), "TDCZ");
}

pub fn wait_until(reached: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !reached() {
        assert!(Instant::now() < deadline, "it did not come to pass");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn folder_bytes(folder: &std::path::Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        bytes += match entry.metadata() {
            Ok(found) if found.is_dir() => folder_bytes(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        };
    }
    bytes
}

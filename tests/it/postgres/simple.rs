//! The simple protocol: strings of statements, transactions, cursors, named statements, cancels.

use std::time::{Duration, Instant};

use super::client::{Client, Message, Server, kinds};

/// The tag of a statement, or the SQLSTATE of its error.
fn outcome(client: &mut Client, sql: &str) -> String {
    let messages = client.query(sql);
    match messages.iter().find(|message| matches!(message.kind, 'E' | 'C')) {
        Some(message) if message.kind == 'E' => message.sqlstate(),
        Some(message) => message.tag(),
        None => kinds(&messages),
    }
}

fn status(messages: &[Message]) -> char {
    messages.last().unwrap().body[0] as char
}

fn values(messages: &[Message]) -> Vec<String> {
    let rows = messages.iter().filter(|message| message.kind == 'D');
    rows.map(Message::value).collect()
}

#[test]
fn a_string_of_statements_is_answered_one_by_one_and_stops_at_the_first_error() {
    let server = Server::start();
    let mut client = server.session();
    assert_eq!(kinds(&client.query("")), "IZ");
    assert_eq!(kinds(&client.query(" ; -- nothing")), "IZ");
    assert_eq!(kinds(&client.query("SELECT 1; SELECT 2 WHERE false;")), "TDCTCZ");
    assert_eq!(
        kinds(&client.query("SELECT 1; SELECT * FROM nowhere; SELECT 3")),
        "TDCEZ"
    );
    assert_eq!(
        kinds(&client.query("SELECT 1; SELEKT 2")),
        "EZ",
        "nothing runs before a syntax error"
    );
    assert_eq!(kinds(&client.query("SELECT 1")), "TDCZ");
}

#[test]
fn a_string_is_one_transaction() {
    let server = Server::start();
    let mut client = server.session();
    client.query("SET TimeZone = 'Asia/Tokyo'; SELECT * FROM nowhere");
    assert_eq!(values(&client.query("SHOW TimeZone")), ["UTC"]);
    let messages = client.query("SET TimeZone = 'Asia/Tokyo'; SELECT 1");
    assert!(messages.iter().any(|message| message.body == b"TimeZone\0Asia/Tokyo\0"));
    assert_eq!(values(&client.query("SHOW TimeZone")), ["Asia/Tokyo"]);
    assert_eq!(status(&client.query("SELECT 1; BEGIN; SELECT 2")), 'T');
}

#[test]
fn an_aborted_transaction_hears_only_its_end() {
    let server = Server::start();
    let mut client = server.session();
    assert_eq!(status(&client.query("BEGIN")), 'T');
    assert_eq!(status(&client.query("SELECT * FROM nowhere")), 'E');
    for sql in [
        "SELECT 1",
        "SHOW TimeZone",
        "BEGIN",
        "SAVEPOINT a",
        "SET TimeZone = 'UTC'",
    ] {
        assert_eq!(outcome(&mut client, sql), "25P02", "{sql}");
    }
    assert_eq!(outcome(&mut client, "COMMIT"), "ROLLBACK");
    assert_eq!(status(&client.query("SELECT 1")), 'I');
}

#[test]
fn warnings_and_errors_about_transactions_are_postgresqls() {
    let server = Server::start();
    let mut client = server.session();
    let messages = client.query("COMMIT");
    assert_eq!(kinds(&messages), "NCZ");
    assert_eq!(messages[0].field(b'C').unwrap(), "25P01");
    assert_eq!(messages[0].field(b'S').unwrap(), "WARNING");
    client.query("BEGIN");
    let messages = client.query("BEGIN");
    assert_eq!(messages[0].field(b'C').unwrap(), "25001");
    assert_eq!(outcome(&mut client, "DISCARD ALL"), "25001");
    client.query("ROLLBACK");
    for sql in [
        "SAVEPOINT a",
        "RELEASE a",
        "ROLLBACK TO a",
        "DECLARE c CURSOR FOR SELECT 1",
    ] {
        assert_eq!(outcome(&mut client, sql), "25P01", "{sql}");
    }
    assert_eq!(
        client.query("SET LOCAL TimeZone = 'Asia/Tokyo'")[0]
            .field(b'C')
            .unwrap(),
        "25P01"
    );
    assert_eq!(values(&client.query("SHOW TimeZone")), ["UTC"]);
}

#[test]
fn settings_follow_their_transaction() {
    let server = Server::start();
    let mut client = server.session();
    let zone = |client: &mut Client| values(&client.query("SHOW TimeZone"))[0].clone();
    client.query("BEGIN; SET TimeZone = 'Asia/Tokyo'");
    assert_eq!(zone(&mut client), "Asia/Tokyo");
    client.query("ROLLBACK");
    assert_eq!(zone(&mut client), "UTC");
    client.query("BEGIN; SET LOCAL TimeZone = 'Asia/Tokyo'");
    assert_eq!(zone(&mut client), "Asia/Tokyo");
    client.query("COMMIT");
    assert_eq!(zone(&mut client), "UTC");
    client.query("BEGIN; SET TimeZone = 'Europe/Berlin'; SAVEPOINT a; SET TimeZone = 'Asia/Tokyo'");
    assert_eq!(outcome(&mut client, "SELECT * FROM nowhere"), "42P01");
    assert_eq!(outcome(&mut client, "ROLLBACK TO a"), "ROLLBACK");
    assert_eq!(zone(&mut client), "Europe/Berlin");
    assert_eq!(outcome(&mut client, "RELEASE a"), "RELEASE");
    assert_eq!(outcome(&mut client, "RELEASE a"), "3B001");
    client.query("ROLLBACK");
    client.query("SET TimeZone = 'Asia/Tokyo'");
    assert_eq!(outcome(&mut client, "DISCARD ALL"), "DISCARD ALL");
    assert_eq!(zone(&mut client), "UTC");
}

#[test]
fn times_are_shown_in_the_sessions_zone() {
    let server = Server::start();
    let mut client = server.session();
    let sql = "SELECT TIMESTAMPTZ '2018-06-03 00:00:00+00'";
    assert_eq!(values(&client.query(sql)), ["2018-06-03 00:00:00+00"]);
    client.query("SET TIME ZONE 'Asia/Kolkata'");
    assert_eq!(values(&client.query(sql)), ["2018-06-03 05:30:00+05:30"]);
}

#[test]
fn cursors_are_fetched_from_until_their_transaction_ends() {
    let server = Server::start();
    let mut client = server.session();
    client.query("BEGIN");
    let declare = "DECLARE c CURSOR FOR SELECT * FROM generate_series(1, 5)";
    assert_eq!(outcome(&mut client, declare), "DECLARE CURSOR");
    let two = client.query("FETCH 2 FROM c");
    assert_eq!(
        (kinds(&two).as_str(), values(&two)),
        ("TDDCZ", vec!["1".into(), "2".into()])
    );
    assert_eq!(outcome(&mut client, "FETCH 2000000000 FROM c"), "FETCH 3");
    assert_eq!(outcome(&mut client, "FETCH NEXT FROM c"), "FETCH 0");
    assert_eq!(outcome(&mut client, "SAVEPOINT a"), "SAVEPOINT");
    assert_eq!(outcome(&mut client, declare), "42P03");
    assert_eq!(outcome(&mut client, "ROLLBACK TO a"), "ROLLBACK");
    assert_eq!(outcome(&mut client, "CLOSE c"), "CLOSE CURSOR");
    assert_eq!(outcome(&mut client, "CLOSE c"), "34000");
    client.query("ROLLBACK");
    client.query(&format!("BEGIN; {declare}; COMMIT"));
    assert_eq!(outcome(&mut client, "FETCH NEXT FROM c"), "34000");
    assert_eq!(
        outcome(&mut client, "DECLARE h CURSOR WITH HOLD FOR SELECT 7"),
        "DECLARE CURSOR"
    );
    assert_eq!(values(&client.query("FETCH ALL FROM h")), ["7"]);
    assert_eq!(outcome(&mut client, "CLOSE ALL"), "CLOSE CURSOR ALL");
    assert_eq!(outcome(&mut client, "FETCH NEXT FROM h"), "34000");
}

#[test]
fn statements_are_prepared_and_executed_by_name() {
    let server = Server::start();
    let mut client = server.session();
    assert_eq!(
        outcome(&mut client, "PREPARE p(int, text) AS SELECT $1 + 1, $2"),
        "PREPARE"
    );
    assert_eq!(outcome(&mut client, "PREPARE p AS SELECT 1"), "42P05");
    let executed = client.query("EXECUTE p(40 + 1, 'x')");
    assert_eq!(executed[1].body, b"\0\x02\0\0\0\x0242\0\0\0\x01x");
    assert_eq!(outcome(&mut client, "EXECUTE p(1)"), "42601");
    assert_eq!(outcome(&mut client, "EXECUTE q"), "26000");
    assert_eq!(outcome(&mut client, "DEALLOCATE p"), "DEALLOCATE");
    assert_eq!(outcome(&mut client, "DEALLOCATE p"), "26000");
    assert_eq!(outcome(&mut client, "PREPARE p(nonsense) AS SELECT $1"), "42704");
    assert_eq!(outcome(&mut client, "SELECT $1"), "42P02");
}

#[test]
fn a_cancel_request_ends_the_statement_and_nothing_else() {
    let server = Server::start();
    let mut client = server.session();
    let cancel = |key: &[u8]| {
        let request = [&[0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e][..], key].concat();
        // The server closes the connection of a cancel request once it is done.
        assert_eq!(server.connect().raw(&request).next(), None);
    };
    let key = client.key.clone().unwrap();
    cancel(&key);
    assert_eq!(
        outcome(&mut client, "SELECT 1"),
        "SELECT 1",
        "a cancel of nothing does nothing"
    );
    client.message(
        b'Q',
        b"SELECT count(*) FROM generate_series(1,1000000) a, generate_series(1,1000000) b\0",
    );
    std::thread::sleep(Duration::from_millis(200));
    let mut wrong = key.clone();
    wrong[7] ^= 1;
    cancel(&wrong);
    std::thread::sleep(Duration::from_millis(200));
    let asked = Instant::now();
    cancel(&key);
    let messages = client.until_ready();
    let error = messages.iter().find(|message| message.kind == 'E').unwrap();
    assert_eq!(error.sqlstate(), "57014");
    assert_eq!(error.field(b'M').unwrap(), "canceling statement due to user request");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(outcome(&mut client, "SELECT 1"), "SELECT 1");
}

#[test]
fn a_statement_ends_at_its_timeout_also_in_the_middle_of_its_rows() {
    let server = Server::start();
    let mut client = server.session();
    client.query("SET statement_timeout = '300ms'");
    client.message(b'Q', b"SELECT * FROM generate_series(1, 100000000) a\0");
    let mut rows = 0;
    let error = loop {
        let message = client.next().unwrap();
        match message.kind {
            'D' => rows += 1,
            'E' => break message,
            _ => {}
        }
    };
    assert!(rows > 0, "rows come before the end");
    assert_eq!(error.sqlstate(), "57014");
    assert_eq!(
        error.field(b'M').unwrap(),
        "canceling statement due to statement timeout"
    );
    assert_eq!(status(&client.until_ready()), 'I');
    assert_eq!(outcome(&mut client, "SELECT 1"), "SELECT 1");
}

#[test]
fn counts_are_kept() {
    use mission_control::metrics::Protocol;
    use std::sync::atomic::Ordering::Relaxed;
    let server = Server::start();
    let mut client = server.session();
    client.query("SELECT * FROM generate_series(1, 10); SELECT * FROM nowhere");
    let counts = server.metrics.protocol(Protocol::Postgres);
    assert_eq!(counts.connections_open.load(Relaxed), 1);
    assert_eq!(counts.statements_total.load(Relaxed), 2);
    assert_eq!(counts.statement_errors_total.load(Relaxed), 1);
    assert_eq!(counts.rows_sent_total.load(Relaxed), 10);
    assert!(counts.bytes_sent_total.load(Relaxed) > 0);
}

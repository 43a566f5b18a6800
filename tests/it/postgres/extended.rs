//! The extended protocol: parameters, formats, portals, pipelines.

use super::client::{Message, Server, kinds};

fn first_error(messages: &[Message]) -> String {
    messages
        .iter()
        .find(|message| message.kind == 'E')
        .expect("an error")
        .sqlstate()
}

#[test]
fn a_portal_gives_as_many_rows_as_are_asked_for() {
    let server = Server::start();
    let mut client = server.session();
    client.query("BEGIN");
    client
        .parse("s", "SELECT * FROM generate_series(1, 5)", &[])
        .bind("p", "s", &[], &[]);
    client.execute("p", 2).execute("p", 2).execute("p", 2).execute("p", 2);
    let messages = client.sync();
    assert_eq!(kinds(&messages), "12DDsDDsDCCZ");
    assert_eq!(messages[9].tag(), "SELECT 1");
    assert_eq!(messages[10].tag(), "SELECT 0");
    client.query("COMMIT");
    assert_eq!(first_error(&client.execute("p", 0).sync()), "34000");
}

#[test]
fn the_largest_and_the_negative_row_counts_mean_all() {
    let server = Server::start();
    let mut client = server.session();
    for max_rows in [i32::MAX, -1, i32::MIN, 0] {
        client
            .parse("", "SELECT * FROM generate_series(1, 3)", &[])
            .bind("", "", &[], &[]);
        assert_eq!(kinds(&client.execute("", max_rows).sync()), "12DDDCZ", "{max_rows}");
    }
}

#[test]
fn format_codes_must_fit_the_columns() {
    let server = Server::start();
    let mut client = server.session();
    let mut bind = |formats: &[i16]| {
        client.parse("", "SELECT 1::bigint, 'x', 3::bigint", &[]);
        client.bind("", "", &[], formats).describe(b'P', "").execute("", 0);
        client.sync()
    };
    assert_eq!(kinds(&bind(&[])), "12TDCZ");
    let binary = bind(&[1]);
    assert_eq!(&binary[3].body[2..14], b"\0\0\0\x08\0\0\0\0\0\0\0\x01");
    let mixed = bind(&[0, 0, 1]);
    assert_eq!(
        mixed[3].body,
        b"\0\x03\0\0\0\x011\0\0\0\x01x\0\0\0\x08\0\0\0\0\0\0\0\x03"
    );
    assert_eq!(first_error(&bind(&[0, 1])), "08P01");
    assert_eq!(first_error(&bind(&[0, 1, 0, 1])), "08P01");
    assert_eq!(first_error(&bind(&[2])), "22023");
}

#[test]
fn parameters_are_counted_and_read() {
    let server = Server::start();
    let mut client = server.session();
    client.parse("s", "SELECT $1 + 1, $2", &[20, 0]).describe(b'S', "s");
    let messages = client.sync();
    assert_eq!(kinds(&messages), "1tTZ");
    assert_eq!(messages[1].body, b"\0\x02\0\0\0\x14\0\0\0\x19");
    let messages = client.bind("", "s", &[Some("41"), None], &[]).execute("", 0).sync();
    assert_eq!(messages[1].body, b"\0\x02\0\0\0\x0242\xff\xff\xff\xff");
    assert_eq!(first_error(&client.bind("", "s", &[Some("1")], &[]).sync()), "08P01");
    assert_eq!(
        first_error(&client.bind("", "s", &[Some("x"), None], &[]).sync()),
        "22P02"
    );
    assert_eq!(first_error(&client.bind("", "nobody", &[], &[]).sync()), "26000");
    assert_eq!(first_error(&client.parse("s", "SELECT 1", &[]).sync()), "42P05");
    assert_eq!(
        first_error(&client.parse("", "SELECT 1; SELECT 2", &[]).sync()),
        "42601"
    );
}

#[test]
fn a_parameter_in_a_cast_has_the_casts_type() {
    let server = Server::start();
    let mut client = server.session();
    let sql = "SELECT $1::int, $2::timestamptz, CAST($3 AS double precision), $4::int8[], $5::text, $6::numeric";
    client.parse("", sql, &[]).describe(b'S', "");
    let messages = client.sync();
    let oids: Vec<u32> = messages[1].body[2..]
        .chunks(4)
        .map(|oid| u32::from_be_bytes([oid[0], oid[1], oid[2], oid[3]]))
        .collect();
    assert_eq!(oids, [23, 1184, 701, 1016, 25, 1700]);
    let values = ["7", "2018-06-03 02:00+02", "1.5", "{1,2}", "x", "1.5"].map(Some);
    let messages = client.bind("", "", &values, &[]).execute("", 0).sync();
    let row = String::from_utf8_lossy(&messages[1].body).into_owned();
    for shown in ["7", "2018-06-03 00:00:00+00", "1.5", "{1,2}", "x"] {
        assert!(row.contains(shown), "{shown} in {row:?}");
    }
}

#[test]
fn after_an_error_everything_up_to_sync_is_passed_over() {
    let server = Server::start();
    let mut client = server.session();
    client
        .parse("", "SELECT * FROM nowhere", &[])
        .bind("", "", &[], &[])
        .execute("", 0);
    client.parse("", "SELECT 1", &[]).bind("", "", &[], &[]).execute("", 0);
    // The error comes without waiting for Sync, also when Flush is passed over.
    client.message(b'H', b"");
    assert_eq!(client.next().unwrap().sqlstate(), "42P01");
    assert_eq!(kinds(&client.sync()), "Z");
    client.parse("", "SELECT 1", &[]).bind("", "", &[], &[]).execute("", 0);
    assert_eq!(kinds(&client.sync()), "12DCZ");
}

#[test]
fn a_pipeline_of_batches_keeps_its_order() {
    let server = Server::start();
    let mut client = server.session();
    for number in 0..100 {
        let sql = if number == 50 {
            "SELECT * FROM nowhere".to_string()
        } else {
            format!("SELECT {number}")
        };
        client
            .parse("", &sql, &[])
            .bind("", "", &[], &[])
            .execute("", 0)
            .message(b'S', b"");
    }
    for number in 0..100 {
        let messages = client.until_ready();
        if number == 50 {
            assert_eq!(kinds(&messages), "EZ");
        } else {
            assert_eq!(kinds(&messages), "12DCZ");
            assert_eq!(messages[2].value(), number.to_string());
        }
    }
}

#[test]
fn utilities_and_cursors_run_as_portals_too() {
    let server = Server::start();
    let mut client = server.session();
    let mut run = |sql: &str, values: &[Option<&str>]| {
        client
            .parse("", sql, &[])
            .bind("", "", values, &[])
            .describe(b'P', "")
            .execute("", 0);
        client.sync()
    };
    assert_eq!(kinds(&run("", &[])), "12nIZ");
    assert_eq!(kinds(&run("BEGIN", &[])), "12nCZ");
    assert_eq!(
        kinds(&run("DECLARE c CURSOR FOR SELECT $1::bigint + 1", &[Some("6")])),
        "12nCZ"
    );
    let fetched = run("FETCH ALL FROM c", &[]);
    assert_eq!(kinds(&fetched), "12TDCZ");
    assert_eq!(fetched[3].value(), "7");
    assert_eq!(kinds(&run("CLOSE c", &[])), "12nCZ");
    assert_eq!(kinds(&run("PREPARE q AS SELECT 5", &[])), "12nCZ");
    assert_eq!(kinds(&run("EXECUTE q", &[])), "12TDCZ");
    assert_eq!(run("COMMIT", &[])[3].tag(), "COMMIT");
    assert_eq!(kinds(&run("SHOW TimeZone", &[])), "12TDCZ");
}

#[test]
fn closing_what_is_not_there_is_no_error_and_unnamed_portals_end_with_sync() {
    let server = Server::start();
    let mut client = server.session();
    assert_eq!(
        kinds(&client.message(b'C', b"Snobody\0").message(b'C', b"Pnobody\0").sync()),
        "33Z"
    );
    client.parse("", "SELECT 1", &[]).bind("p", "", &[], &[]);
    client.sync();
    assert_eq!(first_error(&client.execute("p", 0).sync()), "34000");
    assert_eq!(first_error(&client.describe(b'P', "p").sync()), "34000");
    assert_eq!(first_error(&client.describe(b'S', "nobody").sync()), "26000");
}

#[test]
fn the_first_rows_arrive_before_the_last_are_made() {
    let server = Server::start();
    let mut client = server.session();
    client
        .parse("", "SELECT * FROM generate_series(1, 100000000000)", &[])
        .bind("", "", &[], &[]);
    client.execute("", 0).message(b'H', b"");
    assert_eq!((client.next().unwrap().kind, client.next().unwrap().kind), ('1', '2'));
    assert_eq!(client.next().unwrap().value(), "1");
}

#[test]
fn a_timeout_in_the_extended_protocol_ends_the_statement_and_not_the_connection() {
    let server = Server::start();
    let mut client = server.session();
    client.query("SET statement_timeout = '100ms'");
    let forever = "SELECT count(*) FROM generate_series(1, 100000000000) a";
    let answers = client
        .parse("", forever, &[])
        .bind("", "", &[], &[])
        .execute("", 0)
        .sync();
    assert_eq!(kinds(&answers), "12EZ");
    assert_eq!(answers[2].sqlstate(), "57014");
    client.query("SET statement_timeout = 0");
    assert_eq!(kinds(&client.query("SELECT 1")), "TDCZ");
}

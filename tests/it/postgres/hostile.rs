//! Messages that no driver sends.

use super::client::{Server, kinds};
use mission_control::session::Limits;
use mission_control::wire::postgres::PostgresOptions;

#[test]
fn lengths_that_lie_end_the_connection_and_only_that() {
    let server = Server::start();
    let cases: [&[u8]; 6] = [
        b"Q\0\0\0\x03",
        b"Q\0\0\0\0",
        b"Q\xff\xff\xff\xff",
        b"S\0\0\xff\xff",
        b"X\x7f\xff\xff\xff",
        b"\x01\0\0\0\x04",
    ];
    for bytes in cases {
        let mut client = server.session();
        client.raw(bytes);
        assert_eq!(client.fatal().sqlstate(), "08P01", "{bytes:?}");
    }
    assert_eq!(kinds(&server.session().query("SELECT 1")), "TDCZ");
}

#[test]
fn bodies_that_lie_are_errors_and_the_connection_goes_on() {
    let server = Server::start();
    let mut client = server.session();
    let cases: [(u8, &[u8], &str); 9] = [
        (b'P', b"\0SELECT 1\0\x7f\xff", "08P01"),
        (b'P', b"\0SELECT 1", "08P01"),
        (b'B', b"\0\0\xff\xff", "08P01"),
        (b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xff\0\0", "08P01"),
        (b'B', b"", "08P01"),
        (b'E', b"\0\0\0", "08P01"),
        (b'D', b"Z\0", "08P01"),
        (b'C', b"S", "08P01"),
        (b'P', b"\0SELECT '\xff\xfe'\0\0\0", "22021"),
    ];
    for (kind, body, sqlstate) in cases {
        let messages = client.message(kind, body).sync();
        assert_eq!(kinds(&messages), "EZ", "{body:?}");
        assert_eq!(messages[0].sqlstate(), sqlstate, "{body:?}");
    }
    let messages = client.message(b'Q', b"SELECT '\xc3'\0").until_ready();
    assert_eq!(messages[0].sqlstate(), "22021");
    let messages = client.message(b'F', b"\0\0\0\x01").until_ready();
    assert_eq!(messages[0].sqlstate(), "0A000");
    assert_eq!(
        kinds(&client.message(b'd', b"stray").message(b'c', b"").query("SELECT 1")),
        "TDCZ"
    );
}

#[test]
fn a_statement_that_is_too_long_is_thrown_away_and_refused() {
    let options = PostgresOptions {
        max_message_bytes: 2000,
        ..PostgresOptions::default()
    };
    let limits = Limits {
        max_statement_bytes: 1000,
        ..Limits::default()
    };
    let server = Server::with_limits(options, limits);
    let mut client = server.session();
    for length in [1001, 500_000] {
        let sql = format!("SELECT '{}'", "x".repeat(length));
        let messages = client.query(&sql);
        assert_eq!(kinds(&messages), "EZ");
        assert_eq!(messages[0].sqlstate(), "54000");
        let messages = client.parse("", &sql, &[]).sync();
        assert_eq!(messages[0].sqlstate(), "54000");
    }
    client.parse("", "SELECT $1", &[25]);
    let messages = client.bind("", "", &[Some(&"x".repeat(3000))], &[]).sync();
    assert_eq!(messages[1].sqlstate(), "54000");
    assert_eq!(kinds(&client.query("SELECT 1")), "TDCZ");
}

#[test]
fn deep_nesting_is_refused_without_harm() {
    let server = Server::start();
    let mut client = server.session();
    for (open, close) in [
        ("(", ")"),
        ("NOT ", ""),
        ("-", ""),
        ("ARRAY[", "]"),
        ("CASE WHEN true THEN ", " END"),
    ] {
        let sql = format!("SELECT {}true{}", open.repeat(100_000), close.repeat(100_000));
        let messages = client.query(&sql);
        assert_eq!(kinds(&messages), "EZ", "{open}");
    }
    let sql = format!("SELECT {}1{}", "(".repeat(4_000_000), ")".repeat(4_000_000));
    assert_eq!(client.query(&sql)[0].sqlstate(), "54001");
    assert_eq!(kinds(&client.query("SELECT 1")), "TDCZ");
}

#[test]
fn named_statements_and_portals_are_limited() {
    let limits = Limits {
        max_prepared_statements: 2,
        max_portals: 2,
        ..Limits::default()
    };
    let server = Server::with_limits(PostgresOptions::default(), limits);
    let mut client = server.session();
    client
        .parse("a", "SELECT 1", &[])
        .parse("b", "SELECT 1", &[])
        .parse("c", "SELECT 1", &[]);
    assert_eq!(client.sync()[2].sqlstate(), "53400");
    client.query("BEGIN");
    client
        .bind("a", "a", &[], &[])
        .bind("b", "a", &[], &[])
        .bind("c", "a", &[], &[]);
    assert_eq!(client.sync()[2].sqlstate(), "53400");
}

#[test]
fn seeded_garbage_never_takes_the_server_down() {
    let server = Server::start();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let kinds_of_messages = b"QPBDECHSXFdcfp";
    for round in 0..60 {
        let mut client = server.session();
        for _ in 0..20 {
            let kind = kinds_of_messages[random() as usize % kinds_of_messages.len()];
            let length = random() as usize % 40;
            let body: Vec<u8> = (0..length)
                .map(|_| if random() % 3 == 0 { 0 } else { random() as u8 })
                .collect();
            let mut message = vec![kind];
            message.extend_from_slice(&(body.len() as i32 + 4).to_be_bytes());
            message.extend_from_slice(&body);
            client.try_raw(&message);
        }
        drop(client);
        if round % 20 == 0 {
            assert_eq!(kinds(&server.session().query("SELECT 1")), "TDCZ");
        }
    }
    assert_eq!(kinds(&server.session().query("SELECT 1")), "TDCZ");
}

//! The start of a connection.

use std::time::Duration;

use super::client::{Server, kinds};
use mission_control::session::Limits;
use mission_control::wire::postgres::PostgresOptions;

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];

#[test]
fn encryption_is_declined_and_the_session_goes_on() {
    let server = Server::start();
    let mut client = server.connect();
    assert_eq!(client.raw(&GSS_REQUEST).byte(), b'N');
    assert_eq!(client.raw(&SSL_REQUEST).byte(), b'N');
    client.startup(196_608, &[("user", "me"), ("database", "mission_control")]);
    let greeting = client.until_ready();
    assert_eq!(kinds(&greeting), "RSSSSSSSSSSSSSKZ");
    assert_eq!(client.query("SELECT 1")[1].value(), "1");
}

#[test]
fn bytes_behind_an_encryption_request_end_the_connection() {
    let server = Server::start();
    for request in [SSL_REQUEST, GSS_REQUEST] {
        let mut client = server.connect();
        client.raw(&[&request[..], b"Q\0\0\0\x0dSELECT 1\0"].concat());
        assert_eq!(client.fatal().sqlstate(), "08P01");
    }
}

#[test]
fn lengths_and_versions_that_cannot_be_end_the_connection() {
    let server = Server::start();
    let cases: [(&[u8], &str); 8] = [
        (b"GET / HTTP/1.1\r\n\r\n", "08P01"),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "08P01"),
        (b"\x7f\xff\xff\xff\0\x03\0\0", "08P01"),
        (b"\0\0\0\x04", "08P01"),
        (b"\xff\xff\xff\xff\0\x03\0\0", "08P01"),
        (b"\0\0\0\x08\0\x02\0\0", "0A000"),
        (b"\0\0\0\x0c\0\x03\0\0user", "08P01"),
        (b"\0\0\0\x09\0\x03\0\0\0", "28000"),
    ];
    for (bytes, sqlstate) in cases {
        let mut client = server.connect();
        client.raw(bytes);
        assert_eq!(client.fatal().sqlstate(), sqlstate, "{bytes:?}");
    }
}

#[test]
fn a_newer_minor_version_is_negotiated_down() {
    let server = Server::start();
    let mut client = server.connect();
    let parameters = [("user", "me"), ("database", "mission_control"), ("_pq_.novelty", "1")];
    client.startup(196_610, &parameters);
    let greeting = client.until_ready();
    assert_eq!(greeting[0].kind, 'v');
    assert_eq!(greeting[0].body, b"\0\x03\0\0\0\0\0\x01_pq_.novelty\0");
}

#[test]
fn the_wrong_database_is_answered_with_the_right_name() {
    let server = Server::start();
    for parameters in [&[("user", "me"), ("database", "shop")][..], &[("user", "shop")]] {
        let mut client = server.connect();
        let error = client.startup(196_608, parameters).fatal();
        assert_eq!(error.sqlstate(), "3D000");
        assert_eq!(error.field(b'M').unwrap(), "database \"shop\" does not exist");
        assert!(error.field(b'H').unwrap().contains("mission_control"));
    }
}

#[test]
fn settings_of_the_startup_message_are_checked_and_take_effect() {
    let server = Server::start();
    let base = [("user", "me"), ("database", "mission_control")];
    let mut client = server.connect();
    let options = [("options", "-c statement_timeout=5s"), ("TimeZone", "Asia/Tokyo")];
    client.startup(196_608, &[&base[..], &options].concat());
    let greeting = client.until_ready();
    assert!(greeting.iter().any(|message| message.body == b"TimeZone\0Asia/Tokyo\0"));
    assert_eq!(client.query("SHOW statement_timeout")[1].value(), "5s");
    client.query("SET statement_timeout = '1min'");
    client.query("RESET statement_timeout");
    assert_eq!(client.query("SHOW statement_timeout")[1].value(), "5s");
    let refused = [
        (("no_such_setting", "1"), "42704"),
        (("options", "-c work_mem=1"), "42704"),
    ];
    for (parameter, sqlstate) in refused {
        let mut client = server.connect();
        client.startup(196_608, &[&base[..], &[parameter]].concat());
        assert_eq!(client.fatal().sqlstate(), sqlstate, "{parameter:?}");
    }
}

#[test]
fn connections_beyond_the_limit_are_refused_until_one_leaves() {
    let limits = Limits {
        max_connections: 1,
        ..Limits::default()
    };
    let server = Server::with_limits(PostgresOptions::default(), limits);
    let mut first = server.session();
    let mut second = server.connect();
    second.startup(196_608, &[("user", "me"), ("database", "mission_control")]);
    assert_eq!(second.fatal().sqlstate(), "53300");
    first.message(b'X', b"");
    assert_eq!(first.next(), None);
    std::thread::sleep(Duration::from_millis(100));
    server.session();
}

#[test]
fn a_client_that_says_nothing_is_let_go() {
    let server = Server::with(PostgresOptions {
        startup_timeout: Duration::from_millis(100),
        ..PostgresOptions::default()
    });
    let mut client = server.connect();
    client.raw(b"\0\0");
    assert_eq!(client.next(), None);
}

#[test]
fn a_draining_server_says_goodbye_to_idle_connections_and_ends() {
    let mut server = Server::start();
    let mut idle = server.session();
    server.shutdown.drain();
    let error = idle.fatal();
    assert_eq!(error.sqlstate(), "57P01");
    assert_eq!(
        error.field(b'M').unwrap(),
        "terminating connection due to administrator command"
    );
    server.wait_until_ended();
}

#[test]
fn a_running_statement_is_ended_when_the_grace_is_over() {
    let mut server = Server::start();
    let mut busy = server.session();
    busy.message(
        b'Q',
        b"SELECT count(*) FROM generate_series(1,1000000) a, generate_series(1,1000000) b\0",
    );
    std::thread::sleep(Duration::from_millis(300));
    server.shutdown.drain();
    std::thread::sleep(Duration::from_millis(200));
    server.shutdown.end();
    assert_eq!(busy.fatal().sqlstate(), "57P01");
    server.wait_until_ended();
}

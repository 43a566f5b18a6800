//! Logging in, message by message, and with a client that was not written here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mission_control::access::{Credentials, Role, Users};
use mission_control::wire::auth::{Access, Policy};
use mission_control::wire::postgres::PostgresOptions;

use super::client::{Client, Server, kinds};

fn guarded() -> Server {
    let user = |name: &str, password: &str, role| Credentials {
        name: name.to_string(),
        role,
        verifier: None,
        password: Some(password.to_string()),
        token: None,
    };
    let users = vec![user("ada", "lovelace", Role::Admin), user("I X", "Ⅸ", Role::Reader)];
    let access = Access::new(Policy {
        users: Users::new(users).unwrap(),
        trusted_role: Role::Admin,
    });
    Server::with(PostgresOptions {
        access,
        startup_timeout: Duration::from_secs(5),
        ..PostgresOptions::default()
    })
}

async fn log_in(server: &Server, user: &str, password: &str) -> Result<String, tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config
        .host("127.0.0.1")
        .port(server.port)
        .user(user)
        .password(password)
        .dbname("mission_control");
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    let row = client.query_one("SELECT current_user", &[]).await?;
    Ok(row.get(0))
}

#[test]
fn a_right_password_lets_in_and_a_wrong_one_does_not() {
    let server = guarded();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        assert_eq!(log_in(&server, "ada", "lovelace").await.unwrap(), "ada");
        // The password is the one character Ⅸ, which SASLprep makes the two letters IX.
        assert_eq!(log_in(&server, "I X", "IX").await.unwrap(), "I X");
        for (user, password) in [
            ("ada", "Lovelace"),
            ("ada", ""),
            ("ghost", "lovelace"),
            ("ADA", "lovelace"),
        ] {
            let begun = Instant::now();
            let error = log_in(&server, user, password).await.unwrap_err();
            let answer = error.as_db_error().expect("the server's word");
            assert_eq!(answer.code().code(), "28P01");
            assert_eq!(
                answer.message(),
                format!("password authentication failed for user \"{user}\"")
            );
            assert!(begun.elapsed() >= Duration::from_millis(200), "failures are slow");
        }
        assert_eq!(
            log_in(&server, "ada", "lovelace").await.unwrap(),
            "ada",
            "the right one is not"
        );
    });
}

#[test]
fn passwords_change_for_those_who_come_later() {
    let access = Access::without_users();
    let server = Server::with(PostgresOptions {
        access: Arc::clone(&access),
        ..PostgresOptions::default()
    });
    let mut early = server.session();
    let ada = Credentials {
        name: "ada".to_string(),
        role: Role::Reader,
        verifier: None,
        password: Some("lovelace".to_string()),
        token: None,
    };
    access.replace(Policy {
        users: Users::new(vec![ada]).unwrap(),
        trusted_role: Role::Admin,
    });
    assert_eq!(
        early.query("SELECT current_user")[1].value(),
        "me",
        "who is in stays in"
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert!(runtime.block_on(log_in(&server, "me", "x")).is_err());
    assert_eq!(runtime.block_on(log_in(&server, "ada", "lovelace")).unwrap(), "ada");
}

/// A connection that has been offered the mechanisms.
fn offered(server: &Server) -> Client {
    let mut client = server.connect();
    client.startup(196_608, &[("user", "ada"), ("database", "mission_control")]);
    let offer = client.next().expect("an offer");
    assert_eq!(offer.kind, 'R');
    assert_eq!(
        offer.body, b"\0\0\0\x0aSCRAM-SHA-256\0\0",
        "no binding to a channel without TLS"
    );
    client
}

fn initial(mechanism: &str, data: &[u8]) -> Vec<u8> {
    let mut body = [mechanism.as_bytes(), b"\0"].concat();
    body.extend_from_slice(&(data.len() as i32).to_be_bytes());
    body.extend_from_slice(data);
    body
}

#[test]
fn messages_that_are_no_exchange_end_the_connection() {
    let server = guarded();
    let good = initial("SCRAM-SHA-256", b"n,,n=,r=abc");
    let mut lying = good.clone();
    lying[14..18].copy_from_slice(&i32::MAX.to_be_bytes());
    for (body, sqlstate) in [
        (initial("SCRAM-SHA-1", b"n,,n=,r=abc"), "08P01"),
        (
            initial("SCRAM-SHA-256-PLUS", b"p=tls-server-end-point,,n=,r=abc"),
            "08P01",
        ),
        (initial("SCRAM-SHA-256", b"nonsense"), "08P01"),
        (initial("SCRAM-SHA-256", b"n,,n=,r=\xff"), "22021"),
        (initial("SCRAM-SHA-256", b"n,a=eve,n=,r=abc"), "0A000"),
        (lying, "08P01"),
        (b"SCRAM-SHA-256".to_vec(), "08P01"),
        (b"".to_vec(), "08P01"),
    ] {
        let mut client = offered(&server);
        let sent = client.message(b'p', &body).fatal();
        assert_eq!(sent.sqlstate(), sqlstate, "{body:?}");
    }
    let mut client = offered(&server);
    client.message(b'p', &good);
    assert_eq!(client.next().map(|message| message.kind), Some('R'));
    assert_eq!(
        client.message(b'p', b"c=biws,r=other,p=AAAA").fatal().sqlstate(),
        "08P01"
    );
    let mut client = offered(&server);
    assert_eq!(
        client.message(b'Q', b"SELECT 1\0").fatal().sqlstate(),
        "08P01",
        "a query instead"
    );
    let mut client = offered(&server);
    client.raw(&[b'p', 0x7f, 0xff, 0xff, 0xff]);
    assert_eq!(client.fatal().sqlstate(), "08P01", "a length that lies");
}

#[test]
fn who_does_not_log_in_in_time_is_not_waited_for() {
    let server = Server::with(PostgresOptions {
        startup_timeout: Duration::from_millis(300),
        ..guarded_options()
    });
    let mut client = offered(&server);
    assert_eq!(kinds(&client.until_ready()), "", "the connection just ends");
}

fn guarded_options() -> PostgresOptions {
    let ada = Credentials {
        name: "ada".to_string(),
        role: Role::Reader,
        verifier: None,
        password: Some("lovelace".to_string()),
        token: None,
    };
    PostgresOptions {
        access: Access::new(Policy {
            users: Users::new(vec![ada]).unwrap(),
            trusted_role: Role::Admin,
        }),
        ..PostgresOptions::default()
    }
}

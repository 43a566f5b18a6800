//! `serve`: what it prints, the ready file, stopping with and without running queries, the refresh.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{Serving, demo_folder, demo_location};

/// As much of PostgreSQL's protocol as these tests need: start up, send one query, read until the answer ends.
struct Client(TcpStream);

impl Client {
    fn connect(address: &str) -> Self {
        let mut stream = TcpStream::connect(address).expect("the PostgreSQL listener");
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a timeout");
        let parameters = b"user\0tester\0database\0mission_control\0\0";
        let length = 8 + parameters.len() as u32;
        stream.write_all(&length.to_be_bytes()).expect("length");
        stream.write_all(&196_608_u32.to_be_bytes()).expect("protocol 3.0");
        stream.write_all(parameters).expect("parameters");
        let mut client = Self(stream);
        client.read_until(b'Z');
        client
    }

    fn send(&mut self, query: &str) {
        let length = 4 + query.len() as u32 + 1;
        self.0.write_all(b"Q").expect("type");
        self.0.write_all(&length.to_be_bytes()).expect("length");
        self.0.write_all(query.as_bytes()).expect("query");
        self.0.write_all(b"\0").expect("end");
    }

    /// The messages up to one of this type, or until the server hangs up.
    fn read_until(&mut self, kind: u8) -> Vec<(u8, Vec<u8>)> {
        let mut messages = Vec::new();
        let mut head = [0; 5];
        while self.0.read_exact(&mut head).is_ok() {
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            let mut body = vec![0; length - 4];
            if self.0.read_exact(&mut body).is_err() {
                break;
            }
            messages.push((head[0], body));
            if head[0] == kind {
                break;
            }
        }
        messages
    }

    /// The first value of the first row, as text.
    fn ask(&mut self, query: &str) -> String {
        self.send(query);
        let messages = self.read_until(b'Z');
        let row = messages.iter().find(|(kind, _)| *kind == b'D');
        let (_, row) = row.unwrap_or_else(|| panic!("no row: {messages:?}"));
        String::from_utf8(row[6..].to_vec()).expect("UTF-8")
    }
}

fn has_code(messages: &[(u8, Vec<u8>)], code: &str) -> bool {
    let wanted = format!("C{code}\0").into_bytes();
    messages
        .iter()
        .any(|(kind, body)| *kind == b'E' && body.windows(wanted.len()).any(|part| part == wanted))
}

/// Runs for a few seconds: long enough to be running when the server is told to stop.
const SLOW: &str = "SELECT count(*) FROM generate_series(1, 30000) AS a(x), generate_series(1, 30000) AS b(y) \
                    WHERE (x * y) % 7 = 3";

#[test]
fn it_says_what_it_serves_and_how_to_connect() {
    let mut serving = Serving::start(&["--source", demo_location()]);
    let port = serving.postgres.rsplit(':').next().expect("a port").to_string();
    serving.signal("-TERM");
    assert!(serving.ended_within(Duration::from_secs(10)).success());
    let text = serving.printed();
    for part in [
        "rows in 2 files, 2018-06-05 00:00 to 2018-06-06 23:55 UTC".to_string(),
        format!("psql -h 127.0.0.1 -p {port} -U "),
        "-d mission_control".to_string(),
        "grpc://127.0.0.1:".to_string(),
        "rate_lower(".to_string(),
    ] {
        assert!(text.contains(&part), "{part:?} is missing:\n{text}");
    }
}

#[test]
fn idle_connections_close_at_once() {
    let mut serving = Serving::start(&["--source", demo_location()]);
    let mut idle = Client::connect(&serving.postgres);
    let begun = Instant::now();
    serving.signal("-INT");
    let goodbye = idle.read_until(b'Z');
    assert!(has_code(&goodbye, "57P01"), "{goodbye:?}");
    assert!(serving.ended_within(Duration::from_secs(5)).success());
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn a_running_query_gets_the_grace_period_and_then_57p01() {
    let mut serving = Serving::start(&[
        "--source",
        demo_location(),
        "--config",
        &configuration("[server]\nshutdown_grace_seconds = 1\n"),
    ]);
    let mut client = Client::connect(&serving.postgres);
    client.send(&SLOW.replace("30000", "3000000"));
    std::thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    serving.signal("-TERM");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(serving.get("GET /ready").0, 503, "draining");
    assert_eq!(serving.get("GET /health").0, 200, "alive");
    assert!(TcpStream::connect(&serving.postgres).is_err(), "no new connections");
    let answer = client.read_until(b'Z');
    assert!(has_code(&answer, "57P01"), "{answer:?}");
    assert!(begun.elapsed() > Duration::from_millis(900), "{:?}", begun.elapsed());
    assert!(serving.ended_within(Duration::from_secs(5)).success());
}

#[test]
fn a_query_that_ends_in_time_is_answered() {
    let mut serving = Serving::start(&[
        "--source",
        demo_location(),
        "--config",
        &configuration("[server]\nshutdown_grace_seconds = 60\n"),
    ]);
    let mut client = Client::connect(&serving.postgres);
    let small = SLOW.replace("30000", "8000");
    client.send(&small);
    std::thread::sleep(Duration::from_millis(200));
    serving.signal("-TERM");
    let answer = client.read_until(b'Z');
    assert!(answer.iter().any(|(kind, _)| *kind == b'D'), "{answer:?}");
    assert!(serving.ended_within(Duration::from_secs(10)).success());
}

#[test]
fn files_that_come_are_noticed() {
    let source = tempfile::TempDir::new().expect("a folder");
    let day = |name: &str| demo_folder().join(name).join("part-0.parquet");
    let arrive = |name: &str| {
        fs::create_dir_all(source.path().join(name)).expect("a folder");
        fs::copy(day(name), source.path().join(name).join("part-0.parquet")).expect("a copy");
    };
    arrive("submission_date=2018-06-05");
    let location = source.path().display().to_string();
    let serving = Serving::start(&[
        "--config",
        &configuration(&format!("[source]\nlocation = \"{location}\"\nrefresh_seconds = 1\n")),
    ]);
    let mut client = Client::connect(&serving.postgres);
    let query = "SELECT count(DISTINCT submission_date) FROM error_aggregates";
    assert_eq!(client.ask(query), "1");
    arrive("submission_date=2018-06-06");
    let deadline = Instant::now() + Duration::from_secs(20);
    while client.ask(query) != "2" {
        assert!(Instant::now() < deadline, "the new file was not noticed");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Its footer is whole, its pages are not: only reading shows it. The refresh would come an hour later.
#[test]
fn a_damaged_file_is_left_out_soon_after_a_query_met_it() {
    let source = tempfile::TempDir::new().expect("a folder");
    let original = |day: &str| demo_folder().join(day).join("part-0.parquet");
    fs::copy(
        original("submission_date=2018-06-05"),
        source.path().join("good.parquet"),
    )
    .expect("a copy");
    let mut damaged = fs::read(original("submission_date=2018-06-06")).expect("a file");
    let pages = 4..damaged.len() / 2;
    damaged[pages].fill(0xff);
    fs::write(source.path().join("damaged.parquet"), damaged).expect("a file");
    let location = source.path().display().to_string();
    let text = format!("[source]\nlocation = \"{location}\"\nrefresh_seconds = 3600\n");
    let serving = Serving::start(&["--config", &configuration(&text)]);
    let mut client = Client::connect(&serving.postgres);
    let query = "SELECT sum(usage_hours) > 0 FROM error_aggregates";
    client.send(query);
    let answer = client.read_until(b'Z');
    assert!(has_code(&answer, "58030"), "{answer:?}");
    let problems = "SELECT count(*) FROM mission_control.source_problems WHERE file = 'damaged.parquet'";
    let deadline = Instant::now() + Duration::from_secs(20);
    while client.ask(problems) != "1" {
        assert!(Instant::now() < deadline, "the damaged file was not found");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(client.ask(query), "t");
}

#[test]
fn the_limits_of_the_configuration_hold() {
    let limits = "[limits]\nmax_connections = 1\nstatement_timeout_ms = 300\nmax_statement_bytes = 2000\n";
    let serving = Serving::start(&["--source", demo_location(), "--config", &configuration(limits)]);
    let mut client = Client::connect(&serving.postgres);
    client.send(SLOW);
    assert!(has_code(&client.read_until(b'Z'), "57014"), "the statement timeout");
    let mut second = TcpStream::connect(&serving.postgres).expect("a connection");
    second
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    let parameters = b"user\0tester\0database\0mission_control\0\0";
    second
        .write_all(&(8 + parameters.len() as u32).to_be_bytes())
        .expect("length");
    second.write_all(&196_608_u32.to_be_bytes()).expect("protocol 3.0");
    second.write_all(parameters).expect("parameters");
    let answer = Client(second).read_until(b'Z');
    assert!(has_code(&answer, "53300"), "one connection too many: {answer:?}");
    client.send(&format!("SELECT '{}'", "x".repeat(3000)));
    let answer = client.read_until(b'Z');
    assert!(has_code(&answer, "54000"), "a statement that is too long: {answer:?}");
}

/// A configuration file that lives as long as the test program.
fn configuration(text: &str) -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static FOLDER: std::sync::OnceLock<tempfile::TempDir> = std::sync::OnceLock::new();
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let folder = FOLDER.get_or_init(|| tempfile::TempDir::new().expect("a folder"));
    let path = folder
        .path()
        .join(format!("{}.toml", NEXT.fetch_add(1, Ordering::Relaxed)));
    fs::write(&path, text).expect("a file");
    path.display().to_string()
}

//! Messages that other servers do not survive, sent to the real program: each is answered with its code, the next
//! question is answered too, and none makes the process take more than 400 MB.

use std::io::Write;
use std::path::PathBuf;

use super::{Serving, demo_location};
use crate::postgres::client::{Client, kinds};

const MOST_GROWTH_BYTES: u64 = 400_000_000;

/// A running program and the most memory it has taken since it was last asked.
struct Measured {
    serving: Serving,
}

impl Measured {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let serving = Serving::start(&[&["--source", demo_location()], arguments].concat());
        let measured = Self { serving };
        // What the server computes once after its start is not a message's doing.
        let rows = measured.session().query("SELECT count(*) FROM release_totals");
        assert_eq!(kinds(&rows), "TDCZ");
        measured
    }

    fn session(&self) -> Client {
        let mut client = Client::to(&self.serving.postgres);
        client.startup(196_608, &[("user", "me"), ("database", "mission_control")]);
        assert_eq!(client.until_ready().last().map(|message| message.kind), Some('Z'));
        client
    }

    fn process(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.serving.child.id()))
    }

    fn status_bytes(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(self.process("status")).expect("the server still runs");
        let line = status
            .lines()
            .find(|line| line.starts_with(name))
            .expect("a line of the status");
        let kilobytes: u64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|text| text.parse().ok())
            .expect("a number");
        kilobytes * 1024
    }

    /// Runs `hostile` on a connection of its own; fails if the process grew too much or does not answer any more.
    fn survives(&self, what: &str, hostile: impl FnOnce(&mut Client)) {
        // Five sets the peak back to what is resident now.
        std::fs::write(self.process("clear_refs"), "5").expect("the peak is set back");
        let before = self.status_bytes("VmRSS:");
        hostile(&mut self.session());
        assert_eq!(kinds(&self.session().query("SELECT 1")), "TDCZ", "after {what}");
        let grown = self.status_bytes("VmHWM:").saturating_sub(before);
        println!("{what}: {} MB", grown / 1_000_000);
        assert!(grown < MOST_GROWTH_BYTES, "{what}: {} MB", grown / 1_000_000);
    }

    /// The same for a query that must be refused with this code.
    fn refuses(&self, what: &str, sql: &str, sqlstate: &str) {
        self.survives(what, |client| {
            let answers = client.query(sql);
            // The columns may have been described before the first row was made.
            assert!(
                ["EZ", "TEZ"].contains(&kinds(&answers).as_str()),
                "{what}: {}",
                kinds(&answers)
            );
            assert_eq!(answers[answers.len() - 2].sqlstate(), sqlstate, "{what}");
        });
    }
}

#[test]
fn texts_that_are_too_much_are_refused_before_they_take_memory() {
    let server = Measured::start();
    let nested = |bytes: usize| format!("SELECT {}1{}", "(".repeat(bytes / 2), ")".repeat(bytes / 2));
    server.refuses("ten megabytes of nested parentheses", &nested(10 << 20), "54000");
    server.refuses(
        "eight megabytes of nested parentheses",
        &nested((8 << 20) - 100),
        "54001",
    );
    server.refuses("a hundred nested parentheses", &nested(200), "54001");
    server.refuses(
        "eight megabytes of a list",
        &format!("SELECT 1 IN (1{})", ",1".repeat(4_000_000)),
        "54001",
    );
    server.refuses("eight megabytes of statements", &"SELECT 1;".repeat(900_000), "54001");
    server.refuses(
        "eight megabytes of signs",
        &"-".repeat(8_000_000).replace("--", "- "),
        "54001",
    );
    let long = format!("SELECT length('{}')", "x".repeat((8 << 20) - 100));
    server.survives("a text of eight megabytes", |client| {
        assert_eq!(client.query(&long)[1].value(), ((8 << 20) - 100).to_string());
    });
    let list: String = (0..30_000).map(|number| format!(",{number}")).collect();
    server.survives("a list of thirty thousand numbers", |client| {
        client.query("SET statement_timeout = '5s'");
        let answers = client.query(&format!(
            "SELECT count(*) FROM error_aggregates WHERE main_crashes IN (-1{list})"
        ));
        assert!(["TDCZ", "EZ"].contains(&kinds(&answers).as_str()), "{answers:?}");
        if answers[0].kind == 'E' {
            assert_eq!(answers[0].sqlstate(), "57014");
        }
    });
}

#[test]
fn values_that_are_too_much_are_refused_before_they_take_memory() {
    let server = Measured::start();
    for sql in [
        "SELECT repeat('x', 2147483647)",
        "SELECT repeat(channel, 100000000) FROM error_aggregates",
        "SELECT lpad('x', 2147483647, 'y')",
        "SELECT rpad('x', 2147483647)",
        "SELECT replace(repeat('x', 10000000), 'x', repeat('y', 1000000))",
        "SELECT regexp_replace(repeat('x', 10000000), 'x', repeat('y', 1000000), 'g')",
        "SELECT array_repeat(1, 2000000000)",
        "SELECT array_resize(ARRAY[1], 2000000000)",
        "SELECT range(1, 2000000000)",
    ] {
        server.refuses(sql, sql, "54000");
    }
    let constant = "x".repeat(7_000_000);
    server.survives("a long constant in very many rows", |client| {
        let sql = format!("SELECT '{constant}' FROM generate_series(1, 100000)");
        client.message(b'Q', &[sql.as_bytes(), b"\0"].concat());
        let mut next = || client.next().expect("a row");
        assert_eq!(next().kind, 'T');
        for _ in 0..5 {
            assert_eq!(next().body.len(), 2 + 4 + constant.len());
        }
    });
}

#[test]
fn numbers_that_lie_decide_nothing() {
    let server = Measured::start();
    let ten = "SELECT * FROM generate_series(1, 10)";
    for (most, expected) in [
        (i32::MAX, "12DDDDDDDDDDCZ"),
        (-1, "12DDDDDDDDDDCZ"),
        (i32::MIN, "12DDDDDDDDDDCZ"),
        (3, "12DDDsZ"),
    ] {
        server.survives(&format!("execute with at most {most} rows"), |client| {
            let answers = client
                .parse("", ten, &[])
                .bind("", "", &[], &[])
                .execute("", most)
                .sync();
            assert_eq!(kinds(&answers), expected);
        });
    }
    server.survives("fetch two thousand million rows", |client| {
        client.query("BEGIN");
        client.query(&format!("DECLARE c CURSOR FOR {ten}"));
        let answers = client.query("FETCH 2000000000 FROM c");
        assert_eq!(answers[answers.len() - 2].tag(), "FETCH 10");
    });
    server.survives("bind with too few formats", |client| {
        let three = client
            .parse("", "SELECT 1, 2, 3", &[])
            .bind("", "", &[], &[1, 1])
            .execute("", 0)
            .sync();
        assert_eq!(kinds(&three), "1EZ");
        assert_eq!(three[1].sqlstate(), "08P01");
        // One format is for all columns, none is text.
        let one = client.bind("", "", &[], &[1]).execute("", 0).sync();
        assert_eq!(kinds(&one), "2DCZ");
    });
    let lies: [(&str, &[u8]); 6] = [
        ("a query of two thousand megabytes", b"Q\x7f\xff\xff\xffSELECT"),
        ("a bind of two thousand megabytes", b"B\x7f\xff\xff\xff\0\0"),
        ("a sync of two thousand megabytes", b"S\x7f\xff\xff\xff"),
        ("a query of less than nothing", b"Q\x80\0\0\0SELECT"),
        ("very many parameters", b"B\0\0\0\x0c\0\0\0\0\xff\xff\0\0"),
        ("very many types", b"P\0\0\0\x09\0x\0\xff\xff"),
    ];
    for (what, bytes) in lies {
        server.survives(what, |client| client.try_raw(bytes));
    }
}

#[test]
fn very_many_joins_are_refused_before_they_are_planned() {
    let server = Measured::start();
    let joins: String = (0..300)
        .map(|number| format!(" JOIN error_aggregates j{number} ON j{number}.window_start = j.window_start"))
        .collect();
    let sql = format!("SELECT count(*) FROM error_aggregates j{joins}");
    server.refuses("three hundred joins", &sql, "54001");
}

#[test]
fn the_largest_query_ends_before_the_process_holds_too_much() {
    const MOST_BYTES: u64 = 500 << 20;
    let mut configuration = tempfile::NamedTempFile::new().expect("a file");
    writeln!(configuration, "limits.max_resident_bytes = {MOST_BYTES}").expect("a configuration");
    let server = Measured::start_with(&["--config", configuration.path().to_str().expect("a path")]);
    // Two thousand million bytes may be reserved, of which this would take most: only the guard ends it.
    let greedy =
        "SELECT count(*) FROM (SELECT md5(g::text) AS h FROM generate_series(1, 50000000) AS t(g) GROUP BY 1) x";
    let mut client = server.session();
    let answers = client.query(greedy);
    let error = answers.iter().find(|answer| answer.kind == 'E').expect("a refusal");
    assert_eq!(error.sqlstate(), "53200");
    let detail = error.field(b'D').expect("a detail");
    assert!(detail.contains("as much memory as it may"), "{detail}");
    assert_eq!(client.query("SELECT 1")[1].value(), "1");
    let peak = server.status_bytes("VmHWM:");
    assert!(peak < MOST_BYTES + (300 << 20), "{} MB", peak / 1_000_000);
}

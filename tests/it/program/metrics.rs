//! `/health`, `/ready` and `/metrics`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{Serving, demo_location};

#[test]
fn health_readiness_and_metrics() {
    let serving = Serving::start(&["--source", demo_location()]);
    assert_eq!(serving.get("GET /health").0, 200);
    assert_eq!(serving.get("GET /ready").0, 200);
    assert_eq!(serving.get("HEAD /ready").0, 200);
    assert_eq!(serving.get("GET /other").0, 404);
    let (status, head, _) = serving.get("POST /metrics");
    assert!(status == 405 && head.contains("allow: get"), "{head}");

    let (status, head, body) = serving.get("GET /metrics");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    for line in body.lines() {
        let is_sample = line
            .split_once(' ')
            .is_some_and(|(_, value)| value.parse::<f64>().is_ok());
        assert!(
            line.starts_with("# HELP ") || line.starts_with("# TYPE ") || is_sample,
            "{line}"
        );
    }
    let value = |name: &str| {
        let line = body.lines().find(|line| line.split(' ').next() == Some(name));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .unwrap_or_else(|| panic!("no {name} in\n{body}"))
    };
    assert_eq!(value("mission_control_source_files"), 2.0);
    assert!(value("mission_control_source_rows") > 3500.0);
    assert_eq!(value("mission_control_source_problems"), 0.0);
    assert!(value("mission_control_source_refreshes_total") >= 1.0);
    assert_eq!(value("mission_control_connections{protocol=\"postgres\"}"), 0.0);
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("mission_control_uptime_seconds") > 0.0);
    assert_eq!(
        value(&format!(
            "mission_control_build_info{{version=\"{}\"}}",
            env!("CARGO_PKG_VERSION")
        )),
        1.0
    );
}

#[test]
fn a_client_that_says_nothing_is_hung_up_on() {
    let serving = Serving::start(&["--source", demo_location()]);
    let mut slow = TcpStream::connect(&serving.http).expect("the http listener");
    slow.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    slow.write_all(b"GET /health HTTP/1.1\r\nHost: local")
        .expect("half a request");
    let begun = Instant::now();
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).expect("the end of the connection");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let mut large = TcpStream::connect(&serving.http).expect("the http listener");
    large
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a timeout");
    let sent = large
        .write_all(b"GET /health HTTP/1.1\r\nX: ")
        .and_then(|()| large.write_all(&vec![b'x'; 1 << 20]));
    let mut answer = Vec::new();
    let read = large.read_to_end(&mut answer);
    assert!(
        sent.is_err() || read.is_err() || answer.starts_with(b"HTTP/1.1 431"),
        "a head of a megabyte was taken"
    );
}

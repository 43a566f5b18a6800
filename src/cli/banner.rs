//! What `serve` prints once it serves: what is there, how to connect, and one query worth trying.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::SocketAddr;

use super::{grouped, unless_reader_left};
use crate::error::Result;
use crate::server::{Running, time_range};
use crate::session::DATABASE;

/// Worst releases first; `rate_lower` keeps those with few hours from looking worst by chance.
const QUERY: &str = "\
SELECT version, sum(events) AS crashes, round(sum(usage_hours)) AS hours,
       rate_per_khour(sum(events), sum(usage_hours)) AS per_khour,
       rate_lower(sum(events), sum(usage_hours)) AS lower_95,
       rate_upper(sum(events), sum(usage_hours)) AS upper_95
FROM measure_timeseries
WHERE application = 'Firefox' AND channel = 'release' AND measure = 'main_crashes'
GROUP BY version
HAVING sum(usage_hours) > 0
ORDER BY lower_95 DESC
LIMIT 5;";

pub fn print(running: &Running, location: &str, demo: bool) -> Result<()> {
    let text = text(running, location, demo);
    let mut stdout = io::stdout().lock();
    unless_reader_left(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

fn text(running: &Running, location: &str, demo: bool) -> String {
    let mut text = String::new();
    let snapshot = &running.snapshot;
    let what = if demo { "demo data" } else { location };
    let _ = writeln!(
        text,
        "serving {what}: {} rows in {} files{}",
        grouped(snapshot.rows() as u64),
        grouped(snapshot.files.len() as u64),
        time_range(snapshot).map_or_else(String::new, |(first, last)| {
            format!(
                ", {} to {} UTC",
                first.format("%Y-%m-%d %H:%M"),
                last.format("%Y-%m-%d %H:%M")
            )
        })
    );
    if !snapshot.problems.is_empty() {
        let _ = writeln!(
            text,
            "left out: {} files; SELECT * FROM mission_control.source_problems says why",
            grouped(snapshot.problems.len() as u64)
        );
    }
    for (name, address) in [
        ("PostgreSQL", running.postgres),
        ("Flight SQL", running.flight),
        ("HTTP", running.http),
    ] {
        match address {
            Some(address) => {
                let _ = writeln!(text, "{name:<10}  {address}");
            }
            None => {
                let _ = writeln!(text, "{name:<10}  off");
            }
        }
    }
    if let Some(socket) = &running.postgres_socket {
        let _ = writeln!(text, "{:<10}  {}", "socket", socket.path().display());
    }
    if let Some(address) = running.postgres {
        let _ = writeln!(
            text,
            "\nwith psql:\n  psql -h {} -p {} -U {} -d {DATABASE}",
            reachable_host(address),
            address.port(),
            user()
        );
    }
    if let Some(address) = running.flight {
        let _ = writeln!(text, "\nfrom Python (pip install adbc-driver-flightsql pyarrow):");
        let _ = writeln!(text, "  import adbc_driver_flightsql.dbapi as flight_sql");
        let _ = writeln!(
            text,
            "  connection = flight_sql.connect(\"{}://{}:{}\"{})",
            if running.flight_over_tls { "grpc+tls" } else { "grpc" },
            bracketed(reachable_host(address)),
            address.port(),
            if running.asks_for_passwords {
                format!(", {{\"username\": \"{}\", \"password\": …}}", user())
            } else {
                String::new()
            }
        );
        let _ = writeln!(text, "  cursor = connection.cursor()");
        let _ = writeln!(text, "  cursor.execute(\"SELECT * FROM error_aggregates LIMIT 10\")");
        let _ = writeln!(text, "  print(cursor.fetch_arrow_table().to_pandas())");
    }
    let _ = writeln!(text, "\na query worth trying:\n{}", indented(QUERY));
    let _ = writeln!(text, "\nCtrl-C stops the server.");
    text
}

/// The host by which this machine reaches a listener: one that listens everywhere is reached on loopback.
fn reachable_host(address: SocketAddr) -> String {
    match address.ip() {
        ip if !ip.is_unspecified() => ip.to_string(),
        std::net::IpAddr::V4(_) => "127.0.0.1".to_string(),
        std::net::IpAddr::V6(_) => "::1".to_string(),
    }
}

fn bracketed(host: String) -> String {
    if host.contains(':') { format!("[{host}]") } else { host }
}

fn user() -> String {
    let name = std::env::var("USER").unwrap_or_default();
    let plain = !name.is_empty()
        && name
            .chars()
            .all(|each| each.is_ascii_alphanumeric() || "._-".contains(each));
    if plain { name } else { "admin".to_string() }
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

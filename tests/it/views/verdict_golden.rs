//! The golden values of the verdicts, from the rows of a source to `release_verdict_history`, over both wires.

use std::collections::HashMap;

use chrono::Duration;
use mission_control::tables::{VerdictSettings, Vocabulary};

use super::rows::{Row, at, calendar, entry};
use crate::support::{TestServer, shared};

/// The columns of the golden file, and the expressions that must give them.
const NUMBERS: [(&str, &str); 16] = [
    ("k_prev", "previous_releases"),
    ("phi", "dispersion"),
    ("tau", "between_release_sd"),
    ("count", "events"),
    ("khours", "usage_hours / 1000"),
    ("expected", "expected_events"),
    ("lower", "expected_lower"),
    ("upper", "expected_upper"),
    ("lower", "baseline_lower * usage_hours / 1000"),
    ("upper", "baseline_upper * usage_hours / 1000"),
    ("rate", "rate"),
    ("baseline_rate", "baseline_rate"),
    ("ratio", "ratio"),
    ("log_e", "log_e"),
    ("max_log_e", "max_log_e"),
    ("always_valid_p", "always_valid_p"),
];
const FIRST_RELEASE: &str = "2018-01-01";

type Record = HashMap<String, String>;

fn records(file: &str) -> Option<Vec<Record>> {
    let path = shared(&format!("golden/{file}"))?;
    let mut reader = csv::Reader::from_path(path).expect("a golden file");
    Some(reader.deserialize().map(|record| record.expect("a record")).collect())
}

fn number(record: &Record, name: &str) -> Option<f64> {
    record[name].parse().ok()
}

/// Release 4 is the oldest, release 0 the new one; each follows the one before it after 14 days.
fn version(release: i64) -> &'static str {
    ["14.0", "13.0", "12.0", "11.0", "10.0"][usize::try_from(release).expect("a release")]
}

fn release_at(release: i64) -> chrono::DateTime<chrono::Utc> {
    at(FIRST_RELEASE) + Duration::days(14 * (4 - release))
}

/// Each cell of the golden file is a channel.
fn rows(input: &[Record]) -> Vec<Row> {
    let mut rows: Vec<Row> = input
        .iter()
        .map(|record| {
            let [release, age, count] =
                ["release", "age_hour", "count"].map(|name| number(record, name).expect(name) as i64);
            let channel: &'static str = record["cell"].clone().leak();
            Row::new(release_at(release) + Duration::hours(age), channel, version(release))
                .hours(1000.0 * number(record, "usage_khours").expect("hours"))
                .main(count)
        })
        .collect();
    // The end of the last window of the last hour, without which that hour is not over.
    let mut channels: Vec<&'static str> = rows.iter().map(|row| row.channel).collect();
    channels.dedup();
    let ends = release_at(0) + Duration::minutes(336 * 60 - 5);
    rows.extend(channels.into_iter().map(|channel| Row::new(ends, channel, version(0))));
    rows
}

fn vocabulary(input: &[Record], board_cells: u32) -> Vocabulary {
    let mut channels: Vec<&str> = input.iter().map(|record| record["cell"].as_str()).collect();
    channels.dedup();
    let entries = channels.iter().flat_map(|channel| {
        (0..5).map(|release| {
            let mut entry = entry(channel, version(release), FIRST_RELEASE);
            entry.release_at_micros = release_at(release).timestamp_micros();
            entry
        })
    });
    Vocabulary {
        verdict: VerdictSettings {
            board_cells: Some(board_cells),
            ..VerdictSettings::default()
        },
        ..calendar(entries.collect())
    }
}

fn query() -> String {
    let columns: Vec<String> = NUMBERS
        .iter()
        .map(|(_, expression)| format!("CAST({expression} AS DOUBLE PRECISION)"))
        .collect();
    format!(
        "SELECT channel, CAST(release_age_hours AS TEXT), verdict, COALESCE(dropped_release, ''), \
         release_age_hours(regressed_at, TIMESTAMPTZ '{}'), {} \
         FROM release_verdict_history WHERE measure = 'main_crashes' AND version = '14.0'",
        release_at(0).format("%Y-%m-%d"),
        columns.join(", ")
    )
}

/// Asserts one row of the answer; numbers to 1e-9, relative.
fn assert_row(expected: &Record, cells: &[Option<String>]) {
    let place = format!("{} at {} h", expected["cell"], expected["age_hours"]);
    assert_eq!(cells[2].as_deref(), Some(&*expected["verdict"]), "{place}");
    let dropped = match expected["dropped_release"].parse() {
        Ok(release) => version(release),
        Err(_) => "",
    };
    assert_eq!(cells[3].as_deref(), Some(dropped), "{place}");
    let value = |cell: &Option<String>| cell.as_deref().map(|text| text.parse::<f64>().expect(text));
    assert_eq!(
        value(&cells[4]),
        number(expected, "hours_to_regressed"),
        "{place}: hours"
    );
    for ((name, expression), cell) in NUMBERS.iter().zip(&cells[5..]) {
        let (given, wanted) = (value(cell), number(expected, name));
        let is_near = match (given, wanted) {
            (Some(given), Some(wanted)) => (given - wanted).abs() <= 1e-9 * wanted.abs(),
            (given, wanted) => given == wanted,
        };
        assert!(is_near, "{place}, {expression}: {given:?} instead of {wanted:?}");
    }
}

fn assert_all(expected: &[Record], board_cells: u32, answer: &[Vec<Option<String>>]) {
    let mut compared = 0;
    for record in expected
        .iter()
        .filter(|record| record["m_cells"] == board_cells.to_string())
    {
        let age = format!("{}", number(record, "age_hours").expect("an age"));
        let row = answer.iter().find(|cells| {
            let age_given = cells[1].as_deref().map(|text| text.trim_end_matches(".0").to_string());
            cells[0].as_deref() == Some(&*record["cell"]) && age_given.as_deref() == Some(&*age)
        });
        let row = row.unwrap_or_else(|| panic!("no row for {} at {age}", record["cell"]));
        assert_row(record, row);
        compared += 1;
    }
    assert_eq!(compared, expected.len() / 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_have_their_golden_values_over_both_wires() {
    let (Some(input), Some(expected)) = (records("verdict_input.csv"), records("verdict_expected.csv")) else {
        return;
    };
    for board_cells in [1, 18] {
        let server = TestServer::over_rows(&super::rows::batch(&rows(&input)), vocabulary(&input, board_cells)).await;
        assert_all(&expected, board_cells, &server.postgres_rows(&query()).await);
        assert_all(&expected, board_cells, &server.flight_rows(&query()).await);
    }
}

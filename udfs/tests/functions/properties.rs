//! What holds whatever the data: bounds in order, the cut of a table into batches and partitions changes nothing.

use crate::session::{query, session_with};
use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::Float64Type;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use std::sync::Arc;

/// Made-up windows of two releases: NULLs, empty windows, crashes before their hours, large and small counts.
fn windows() -> RecordBatch {
    let rows = 3000u64;
    // A multiplicative generator: the same rows every time.
    let number = |row: u64, salt: u64| {
        let mixed = (row + 1)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(salt as u32 * 11 + 5)
            ^ salt;
        mixed.wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 32
    };
    let count = |salt: u64| -> ArrayRef {
        let counts = (0..rows).map(|row| match number(row, salt) {
            drawn if drawn % 17 == 0 => None,
            drawn if drawn % 29 == 0 => Some((drawn % 900_000) as i64),
            drawn => Some((drawn % 9) as i64),
        });
        Arc::new(counts.collect::<Int64Array>())
    };
    let hours = |salt: u64| -> ArrayRef {
        let hours = (0..rows).map(|row| match number(row, salt) {
            drawn if drawn % 19 == 0 => None,
            drawn if drawn % 23 == 0 => Some(0.0),
            drawn => Some((drawn % 1_000_000) as f64 / 977.0 + 0.1),
        });
        Arc::new(hours.collect::<Float64Array>())
    };
    let labels = (0..rows).map(|row| Some(["58.0", "58.0.1", "59.0b3"][(number(row, 7) % 3) as usize]));
    let position: ArrayRef = Arc::new((0..rows as i64).collect::<Int64Array>());
    let block: ArrayRef = Arc::new((0..rows).map(|row| (row % 7 * 12) as f64).collect::<Float64Array>());
    RecordBatch::try_from_iter([
        ("t", position),
        ("k1", count(1)),
        ("h1", hours(2)),
        ("k0", count(3)),
        ("h0", hours(4)),
        ("version", Arc::new(labels.collect::<StringArray>())),
        ("block", block),
    ])
    .unwrap()
}

/// A session in which the windows lie in batches of `batch_rows` spread over `partitions` partitions.
fn cut(batch_rows: usize, partitions: usize) -> SessionContext {
    let windows = windows();
    let mut parts = vec![Vec::new(); partitions];
    let mut start = 0;
    while start < windows.num_rows() {
        let length = batch_rows.min(windows.num_rows() - start);
        parts[start / batch_rows % partitions].push(windows.slice(start, length));
        start += length;
    }
    let config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_batch_size(batch_rows.max(2));
    let session = session_with(config);
    session
        .register_table("windows", Arc::new(MemTable::try_new(windows.schema(), parts).unwrap()))
        .unwrap();
    session
}

/// Asserts that a query answers the same, to the last digit that is printed, however the table is cut.
async fn assert_cut_changes_nothing(sql: &str) {
    let mut expected: Option<String> = None;
    for (batch_rows, partitions) in [(8192, 1), (1, 1), (97, 3), (64, 8)] {
        let batches = query(&cut(batch_rows, partitions), sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let whole = concat_batches(&batches[0].schema(), &batches).unwrap();
        let shown = pretty_format_batches(&[whole]).unwrap().to_string();
        match &expected {
            None => expected = Some(shown),
            Some(expected) => assert_eq!(
                &shown, expected,
                "batches of {batch_rows} in {partitions} partitions: {sql}"
            ),
        }
    }
}

#[tokio::test]
async fn slicing_a_batch_changes_no_scalar() {
    for call in [
        "rate_per_khour(k1, h1)",
        "rate_lower(k1, h1)",
        "rate_upper(k1, h1, 0.9, 'score')",
        "rate_ci(k1, h1, 1 - 0.001 * (t % 100 + 1))",
        "rate_ci_quasi(k1, h1, 1.5)",
        "rate_posterior(k1, h1, 2, 4)",
        "rate_ratio_ci(k1, h1, k0, h0)",
        "rate_ratio_test(k1, h1, k0, h0, 1.1, 'greater')",
        "version_group(version, CASE WHEN t % 2 = 0 THEN 'major' ELSE 'point' END)",
        "version_sort_key(version)",
        "age_block_hours(h1, 12)",
    ] {
        assert_cut_changes_nothing(&format!("SELECT t, {call} AS result FROM windows ORDER BY t")).await;
    }
}

#[tokio::test]
async fn merging_partial_aggregates_in_any_split_changes_nothing() {
    for call in AGGREGATES {
        assert_cut_changes_nothing(&format!("SELECT {call} AS result FROM windows")).await;
        assert_cut_changes_nothing(&format!(
            "SELECT version, {call} AS r FROM windows GROUP BY version ORDER BY 1"
        ))
        .await;
    }
}

const AGGREGATES: &[&str] = &[
    "khour_rate(k1, h1)",
    "khour_rate(k1, h1) FILTER (WHERE t % 3 = 0)",
    "dispersion(k1, h1)",
    "dispersion_aligned(t % 5, block, k1, h1)",
    "dispersion_aligned_fit(t % 5, block, k1, h1)",
    "nb_size_mom(k1, h1)",
    "standardized_rate(k1, h1, block + 1, 0.9, 'tiwari', 'drop')",
    "standardized_ratio(k1, h1, k0, h0)",
    // Its sums are in the order of the rows: the last digits may differ.
    "round(gamma_poisson_fit(k1, h1)['shape'], 10)",
    "rate_ratio_eprocess(k1, h1, k0, h0)",
    "rate_ratio_eprocess(k1, h1, k0, h0, 1.2, 4.6, 'normal')",
    "rate_ratio_log_e(k1, h1, k0, h0, 1.2, 4.6)",
    "rate_ratio_log_e(k1, h1, k0, h0, 0.9, 4.6, 'less')",
    "round(e_combine(k1 / 1000.0), 12)",
];

const FRAMED: &[&str] = &[
    "khour_rate(k1, h1){over}",
    "dispersion(k1, h1){over}",
    "dispersion_aligned(t % 2, block, k1, h1){over}",
    "nb_size_mom(k1, h1){over}",
    "standardized_rate(k1, h1, block + 1, 0.9, 'tiwari', 'drop'){over}['upper']",
    "standardized_ratio(k1, h1, k0, h0){over}['lower']",
    "gamma_poisson_fit(k1, h1){over}['shape']",
    "rate_ratio_eprocess(k1, h1, k0, h0){over}",
    "rate_ratio_eprocess(k1, h1, k0, h0, 1.2, 4.6, 'normal'){over}",
    "e_combine(k1 / 1000.0){over}",
];

/// A sliding frame must give what a fresh aggregate over the same rows gives; only the order of the sums differs.
#[tokio::test]
async fn rows_that_leave_a_frame_leave_no_trace() {
    let session = cut(97, 1);
    for call in FRAMED {
        let slid = call.replace("{over}", " OVER (ORDER BY t ROWS BETWEEN 30 PRECEDING AND CURRENT ROW)");
        let fresh = call.replace("{over}", "");
        let sql = format!(
            "SELECT slid.r, fresh.r FROM (SELECT t, {slid} AS r FROM windows) AS slid JOIN \
             (SELECT last, {fresh} AS r FROM (SELECT t AS last FROM windows) AS ends \
              JOIN windows ON t BETWEEN last - 30 AND last GROUP BY last) AS fresh ON slid.t = fresh.last"
        );
        let mut values = 0;
        for batch in query(&session, &sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
        {
            let [slid, fresh] = [0, 1].map(|column| batch.column(column).as_primitive::<Float64Type>().clone());
            for (slid, fresh) in slid.iter().zip(fresh.iter()) {
                values += i32::from(slid.is_some());
                match (slid, fresh) {
                    (Some(slid), Some(fresh)) => {
                        assert!((slid - fresh).abs() <= 1e-10 * fresh.abs(), "{call}: {slid} {fresh}");
                    }
                    (slid, fresh) => assert_eq!(slid, fresh, "{call}"),
                }
            }
        }
        assert!(values > 1000, "{call}: only {values} values");
    }
}

/// The number in the first cell.
async fn count_of(session: &SessionContext, sql: &str) -> i64 {
    let batches = query(session, sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    batches[0]
        .column(0)
        .as_primitive::<datafusion::arrow::datatypes::Int64Type>()
        .value(0)
}

#[tokio::test]
async fn bounds_stand_in_order_and_move_with_their_arguments() {
    let session = session_with(SessionConfig::new());
    for method in [
        "exact",
        "midp",
        "score",
        "byar",
        "jeffreys",
        "anscombe",
        "freeman_tukey",
        "wald",
    ] {
        let cases = "(SELECT a.value AS k, b.value * 10.5 AS h, 0.5 + c.value / 25.0 AS c FROM generate_series(0, 40) AS a(value), \
                     generate_series(1, 9, 4) AS b(value), generate_series(0, 12, 3) AS c(value))";
        let wrong = format!(
            "SELECT count(*) FROM {cases} WHERE NOT (0 <= rate_lower(k, h, c, '{method}') \
             AND rate_lower(k, h, c, '{method}') <= rate_per_khour(k, h) \
             AND rate_per_khour(k, h) <= rate_upper(k, h, c, '{method}') \
             AND rate_lower(k, h, c, '{method}') <= rate_lower(k + 1, h, c, '{method}') \
             AND rate_upper(k, h, c, '{method}') <= rate_upper(k + 1, h, c, '{method}') \
             AND rate_lower(k, h, c, '{method}') >= rate_lower(k, h + 1, c, '{method}') \
             AND rate_upper(k, h, c, '{method}') >= rate_upper(k, h + 1, c, '{method}') \
             AND rate_lower(k, h, c, '{method}') >= rate_lower(k, h, c + 0.01, '{method}') \
             AND rate_upper(k, h, c, '{method}') <= rate_upper(k, h, c + 0.01, '{method}'))"
        );
        assert_eq!(count_of(&session, &wrong).await, 0, "{method}");
    }
}

/// Nothing that a double can hold makes a function panic; a refusal is an error and the twin's NULL.
#[tokio::test]
async fn no_double_panics() {
    let session = session_with(SessionConfig::new());
    let extremes = "(VALUES (0.0), (-0.0), (1.0), (-1.0), (0.5), (4.9e-324), (1.7976931348623157e308), (9007199254740993.0), (1e12), \
                    (CAST('NaN' AS DOUBLE)), (CAST('Infinity' AS DOUBLE)), (CAST('-Infinity' AS DOUBLE)), (NULL))";
    let cases = format!(
        "(SELECT a.x AS a, b.x AS b, c.x AS c FROM {extremes} AS a(x), {extremes} AS b(x), {extremes} AS c(x))"
    );
    for function in mission_control_udfs::all_scalar_functions() {
        let name = function.name().to_string();
        let Some(parameters) = function.signature().parameter_names.clone() else {
            continue;
        };
        let is_twin_or_sure = name.starts_with("try_") || name == "always_valid_p";
        let has_texts = parameters
            .iter()
            .any(|parameter| ["version", "build_id", "os_name", "window_start"].contains(&parameter.as_str()));
        if !is_twin_or_sure || has_texts || name == "try_group_sequential_boundary" {
            continue;
        }
        let choices = ["method", "alternative", "on_zero"];
        let numbers = parameters
            .iter()
            .filter(|parameter| !choices.contains(&parameter.as_str()))
            .count();
        let arguments: Vec<&str> = ["a", "b", "c", "a", "b", "c"].into_iter().take(numbers).collect();
        let sql = format!("SELECT {name}({}) FROM {cases}", arguments.join(", "));
        query(&session, &sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

/// Every version of the product-details files is read, and none of them is too large to sort.
#[test]
fn every_version_of_the_calendar_is_understood() {
    let Some(folder) = crate::session::shared("data/product-details") else {
        return;
    };
    let mut versions = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        // Keys are versions in the history files, `firefox-58.0.2` in firefox.json; other words hold no digit first.
        for word in text.split('"').skip(1).step_by(2) {
            let word = word.strip_prefix("firefox-").unwrap_or(word);
            let is_version = word.contains('.') && word.starts_with(|first: char| first.is_ascii_digit());
            if is_version {
                let version = mission_control_udfs::Version::parse(word);
                assert!(
                    version.and_then(|version| version.sort_key()).is_some(),
                    "{word} in {}",
                    path.display()
                );
                versions += 1;
            }
        }
    }
    assert!(versions > 3000, "only {versions} versions were found");
    println!("{versions} versions understood");
}

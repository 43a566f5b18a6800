//! Functions about the server, its sizes and what the session may do.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::datatypes::DataType::{Boolean, Int32, Int64, Utf8};
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;

use super::{Definition, lenient, number, strict, text, truth};

/// When this process began to serve, in microseconds since 1970.
static STARTED: LazyLock<i64> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or_default()
});

pub fn all() -> Vec<Definition> {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut all = vec![
        lenient("pg_is_in_recovery", Boolean, |_, _| Ok(truth(false))),
        lenient("pg_is_wal_replay_paused", Boolean, |_, _| Ok(truth(false))),
        lenient("pg_relation_is_publishable", Boolean, |_, _| Ok(truth(false))),
        lenient("pg_is_other_temp_schema", Boolean, |_, _| Ok(truth(false))),
        lenient("pg_my_temp_schema", Int64, |_, _| Ok(number(Some(0)))),
        lenient("inet_server_addr", Utf8, |_, _| Ok(text(None))),
        lenient("inet_client_addr", Utf8, |_, _| Ok(text(None))),
        lenient("inet_server_port", Int32, |_, _| Ok(ScalarValue::Int32(None))),
        lenient("inet_client_port", Int32, |_, _| Ok(ScalarValue::Int32(None))),
        // Nothing here waits for a lock.
        lenient("pg_blocking_pids", DataType::new_list(Int32, true), |_, _| {
            Ok(ScalarValue::List(ScalarValue::new_list_nullable(&[], &Int32)))
        }),
        // Nothing here is locked; pools ask for this when a connection comes back.
        lenient("pg_advisory_unlock_all", Utf8, |_, _| Ok(text(Some(String::new())))),
        lenient("txid_current", Int64, |_, _| Ok(number(Some(1)))),
        lenient("pg_export_snapshot", Utf8, |_, _| {
            Ok(text(Some("00000001-00000001-1".to_string())))
        }),
        lenient("pg_tablespace_location", Utf8, |_, _| Ok(text(Some(String::new())))),
        lenient("getdatabaseencoding", Utf8, |_, _| Ok(text(Some("UTF8".to_string())))),
        lenient("pg_client_encoding", Utf8, |_, _| Ok(text(Some("UTF8".to_string())))),
        strict("pg_encoding_to_char", Utf8, |arguments, _| {
            let name = match arguments.number(0) {
                Some(0) => "SQL_ASCII",
                Some(6) => "UTF8",
                Some(8) => "LATIN1",
                _ => "",
            };
            Ok(text(Some(name.to_string())))
        }),
        strict("pg_char_to_encoding", Int32, |arguments, _| {
            let name = arguments.text(0).unwrap_or_default().to_uppercase();
            let code = match name.as_str() {
                "SQL_ASCII" => 0,
                "UTF8" | "UNICODE" => 6,
                "LATIN1" => 8,
                _ => -1,
            };
            Ok(ScalarValue::Int32(Some(code)))
        }),
        strict("pg_size_pretty", Utf8, |arguments, _| {
            Ok(text(arguments.number(0).map(size_pretty)))
        }),
        strict("pg_has_role", Boolean, |_, _| Ok(truth(true))),
        lenient("current_schemas", list_of_text(), |arguments, _| {
            let with_own = matches!(arguments.value(0), Some(ScalarValue::Boolean(Some(true))));
            let names = if with_own {
                vec!["pg_catalog", "public"]
            } else {
                vec!["public"]
            };
            let values: Vec<ScalarValue> = names.into_iter().map(ScalarValue::from).collect();
            Ok(ScalarValue::List(ScalarValue::new_list_nullable(&values, &Utf8)))
        }),
    ];
    for name in ["pg_postmaster_start_time", "pg_conf_load_time"] {
        all.push(lenient(name, time.clone(), |_, _| {
            Ok(ScalarValue::TimestampMicrosecond(Some(*STARTED), Some("UTC".into())))
        }));
    }
    // What is stored belongs to the source, not to this server.
    for name in [
        "pg_database_size",
        "pg_indexes_size",
        "pg_relation_size",
        "pg_table_size",
        "pg_tablespace_size",
        "pg_total_relation_size",
    ] {
        all.push(strict(name, Int64, |_, _| Ok(number(Some(0)))));
    }
    all
}

fn list_of_text() -> DataType {
    DataType::new_list(Utf8, true)
}

/// As PostgreSQL rounds sizes: the next unit from 10 of the one before on.
fn size_pretty(bytes: i64) -> String {
    const UNITS: [&str; 6] = ["bytes", "kB", "MB", "GB", "TB", "PB"];
    let mut size = i128::from(bytes);
    for (index, unit) in UNITS.iter().enumerate() {
        let is_last = index == UNITS.len() - 1;
        if size.abs() < 10 * 1024 || is_last {
            return format!("{size} {unit}");
        }
        // Halves are rounded away from zero.
        size = (size + size.signum() * 512) / 1024;
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::size_pretty;

    /// As PostgreSQL 15 answers `pg_size_pretty`.
    #[test]
    fn sizes_are_rounded_as_in_postgresql() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (10_239, "10239 bytes"),
            (10_240, "10 kB"),
            (10_000_000, "9766 kB"),
            (123_456_789, "118 MB"),
            (-123_456_789, "-118 MB"),
            (5_000_000_000_000, "4657 GB"),
        ] {
            assert_eq!(size_pretty(bytes), shown, "{bytes}");
        }
    }
}

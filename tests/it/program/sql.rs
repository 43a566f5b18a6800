//! `sql`: the formats, files that are complete or absent, and the exit status.

use std::fs::{self, File};
use std::io::Read;
use std::process::Stdio;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use arrow::ipc::reader::FileReader;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use tempfile::TempDir;

use super::{demo_folder, demo_location, program, run, stderr, stdout};

/// Values of every kind that the formats treat in their own way.
const VALUES: &str = "SELECT * FROM (VALUES
    (1::bigint, 1.5::double precision, 'plain', NULL::text),
    (2, 'NaN'::double precision, 'with \"quotes\", and a comma', 'there'),
    (3, 'Infinity'::double precision, '', NULL)) AS v(number, rate, text, perhaps) ORDER BY number";

#[test]
fn a_table_for_people() {
    let output = run(&["sql", "SELECT 1::bigint AS one, NULL::text AS nothing"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let expected = "\
+-----+---------+
| one | nothing |
+-----+---------+
| 1   |         |
+-----+---------+
(1 row)
";
    assert_eq!(stdout(&output), expected);
    let empty = run(&["sql", "SELECT 1::bigint AS one WHERE false"]);
    assert!(
        stdout(&empty).contains("| one |") && stdout(&empty).ends_with("(0 rows)\n"),
        "{}",
        stdout(&empty)
    );
}

#[test]
fn comma_separated_values() {
    let output = run(&["sql", "--format", "csv", VALUES]);
    let expected =
        "number,rate,text,perhaps\n1,1.5,plain,\n2,NaN,\"with \"\"quotes\"\", and a comma\",there\n3,inf,\"\",\n";
    assert_eq!(
        stdout(&output).replace(",\"\",", ",,"),
        expected.replace(",\"\",", ",,")
    );
    let empty = run(&["sql", "--format", "csv", "SELECT 1 AS one, 2 AS two WHERE false"]);
    assert_eq!(stdout(&empty), "one,two\n", "the header is there without rows");
}

#[test]
fn json_has_no_nan() {
    let output = run(&["sql", VALUES, "--format", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let expected = json!([
        { "number": 1, "rate": 1.5, "text": "plain", "perhaps": null },
        { "number": 2, "rate": null, "text": "with \"quotes\", and a comma", "perhaps": "there" },
        { "number": 3, "rate": null, "text": "", "perhaps": null },
    ]);
    assert_eq!(rows, expected);
    let empty = run(&["sql", "SELECT 1 WHERE false", "--format", "json"]);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&stdout(&empty)).expect("JSON"),
        json!([])
    );
}

#[test]
fn parquet_and_arrow_files() {
    let folder = TempDir::new().expect("a folder");
    let parquet = folder.path().join("rows.parquet");
    let arrow = folder.path().join("rows.arrow");
    for path in [&parquet, &arrow] {
        let output = run(&["sql", VALUES, "-o", path.to_str().expect("a path")]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&parquet).expect("a file")).expect("Parquet");
    let from_parquet: Vec<_> = reader
        .build()
        .expect("a reader")
        .collect::<Result<_, _>>()
        .expect("rows");
    let reader = FileReader::try_new(File::open(&arrow).expect("a file"), None).expect("an Arrow file");
    let from_arrow: Vec<_> = reader.collect::<Result<_, _>>().expect("rows");
    for batches in [from_parquet, from_arrow] {
        let rows = arrow::compute::concat_batches(&batches[0].schema(), &batches).expect("one batch");
        assert_eq!(rows.column(0).as_primitive::<Int64Type>().values(), &[1, 2, 3]);
        let rates = rows.column(1).as_primitive::<Float64Type>();
        assert!(rates.value(0) == 1.5 && rates.value(1).is_nan() && rates.value(2).is_infinite());
        assert_eq!(
            rows.column(2).as_string::<i32>().value(1),
            "with \"quotes\", and a comma"
        );
        assert!(rows.column(3).is_null(0) && rows.column(3).is_valid(1));
    }
    let left: Vec<_> = fs::read_dir(folder.path()).expect("the folder").collect();
    assert_eq!(left.len(), 2, "no temporary file stays: {left:?}");
}

#[test]
fn a_query_that_fails_leaves_no_file_and_keeps_the_old_one() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("rows.csv");
    fs::write(&path, "old\n").expect("a file");
    // The division fails only in the last of many rows, when some have been written already.
    let query = "SELECT 1 / (199999 - value) FROM generate_series(0, 199999) AS t(value)";
    let output = run(&["sql", query, "-o", path.to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: "), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&path).expect("the old file"), "old\n");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
}

#[test]
fn rows_of_a_source() {
    let query =
        "SELECT count(*) AS rows, min(submission_date) AS first, max(submission_date) AS last FROM error_aggregates";
    let output = run(&["sql", "--source", demo_location(), query, "--format", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(
        (&rows[0]["first"], &rows[0]["last"]),
        (&json!("2018-06-05"), &json!("2018-06-06"))
    );
    let number = rows[0]["rows"].as_i64().expect("a number");
    assert!((3500..=5000).contains(&number), "about 2000 rows a day: {number}");
}

#[test]
fn wrong_statements_end_with_status_1() {
    for (query, expected) in [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM nothing", "relation \"nothing\" does not exist"),
        ("SELECT 1; SELECT 2", "more than one statement"),
        ("", "empty"),
        ("DROP TABLE error_aggregates", ""),
        ("COPY (SELECT 1) TO '/tmp/x'", ""),
        ("SELECT 1 / 0", "division by zero"),
    ] {
        let output = run(&["sql", query]);
        assert_eq!(output.status.code(), Some(1), "{query}");
        let text = stderr(&output);
        assert!(
            text.starts_with("error: ") && text.contains(expected),
            "{query}: {text}"
        );
    }
    let unknown = stderr(&run(&["sql", "SELECT * FROM error_aggregates"]));
    assert!(unknown.contains("hint: no source was given"), "{unknown}");
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    let query = "SELECT value FROM generate_series(1, 5000000) AS t(value)";
    let mut child = program(&["sql", "--format", "csv", query])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut start = [0; 20];
    child
        .stdout
        .as_mut()
        .expect("piped")
        .read_exact(&mut start)
        .expect("the first rows");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert!(output.status.success(), "{:?}: {}", output.status, stderr(&output));
    assert_eq!(stderr(&output), "");
}

/// A release calendar can lie beside the data, in any of its forms.
#[test]
fn the_calendar_is_a_file_of_the_source() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("a folder");
    let day = demo_folder().join("submission_date=2018-06-06");
    for file in fs::read_dir(day).expect("a day of the demo").flatten() {
        fs::copy(file.path(), data.join(file.file_name())).expect("a copy");
    }
    let made = program(&["sql", "--format", "parquet", "-o"])
        .arg(data.join("releases.parquet"))
        .arg(
            "SELECT 'Firefox' AS application, 'release' AS channel, '60.0' AS version, DATE '2018-05-11' AS release_at",
        )
        .output()
        .expect("the program runs");
    assert!(made.status.success(), "{}", stderr(&made));
    let config = folder.path().join("mission-control.toml");
    let text = "[source]\nlocation = \"data\"\n[calendar]\ntable = \"releases.parquet\"\n";
    fs::write(&config, text).expect("a configuration");
    let sql = "SELECT CAST(calendar_date AS DATE) AS day FROM releases \
               WHERE application = 'Firefox' AND channel = 'release' AND version = '60.0'";
    let output = run(&[
        "sql",
        "--config",
        config.to_str().expect("a path"),
        "--format",
        "csv",
        sql,
    ]);
    assert_eq!(stdout(&output), "day\n2018-05-11\n", "{}", stderr(&output));
}

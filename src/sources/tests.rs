//! What a source notices between two looks, and what it leaves out.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::TempDir;

use super::testing::*;
use super::{Source, SourceSettings, SourceSnapshot};

fn problems(snapshot: &SourceSnapshot) -> Vec<(String, &'static str)> {
    let named = |problem: &super::SourceProblem| (problem.file.clone().unwrap_or_default(), problem.check_name);
    snapshot.problems.iter().map(named).collect()
}

async fn count(source: &Source, snapshot: &SourceSnapshot) -> String {
    let context = session(source, &std::sync::Arc::new(snapshot.clone()));
    rows(
        &context,
        "SELECT count(*), sum(usage_hours) FROM error_aggregates WHERE usage_hours > 0",
    )
    .await
    .remove(0)
}

async fn startup_error(location: &str) -> crate::error::Error {
    let settings = SourceSettings {
        location: location.into(),
        ..SourceSettings::default()
    };
    match super::open(&settings).await {
        Ok(source) => source.scan(None).await.expect_err(location),
        Err(error) => error,
    }
}

#[tokio::test]
async fn new_replaced_and_removed_files_are_noticed() {
    let folder = TempDir::new().expect("folder");
    let file = |name: &str| folder.path().join(name);
    one_day(&file("a.parquet"), JUNE_4, 24);
    let (source, first) = opened(folder.path()).await;
    assert!(first.changed);
    assert_eq!(count(&source, &first).await, "24|24.0");

    let second = source.scan(Some(&first)).await.expect("look");
    assert!(!second.changed);

    one_day(&file("deep/er/b.parquet"), JUNE_4 + DAY, 24);
    let third = source.scan(Some(&second)).await.expect("look");
    assert!(third.changed);
    assert_eq!(count(&source, &third).await, "48|48.0");
    assert_eq!(source.metrics().files(), 2);
    assert_eq!(source.metrics().rows(), 48);

    let columns = vec![
        ("window_start", times([JUNE_4])),
        ("usage_hours", hours([0.5])),
        ("remark", texts(["x"])),
    ];
    write(&file("a.parquet"), columns, 10);
    let fourth = source.scan(Some(&third)).await.expect("look");
    assert!(fourth.changed);
    assert_eq!(count(&source, &fourth).await, "25|24.5");
    assert!(fourth.table_schema.field_with_name("remark").is_ok());

    fs::remove_file(file("deep/er/b.parquet")).expect("removed");
    let fifth = source.scan(Some(&fourth)).await.expect("look");
    assert_eq!(count(&source, &fifth).await, "1|0.5");

    fs::remove_file(file("a.parquet")).expect("removed");
    let empty = source.scan(Some(&fifth)).await.expect("look");
    assert_eq!(count(&source, &empty).await, "0|NULL");
    assert_eq!(empty.table_schema, fifth.table_schema);
}

#[tokio::test]
async fn hidden_and_temporary_files_are_skipped() {
    let folder = TempDir::new().expect("folder");
    one_day(&folder.path().join("_day=1/a.parquet"), JUNE_4, 24);
    for name in [
        ".a.parquet.crc",
        "_temporary/0/b.parquet",
        ".c.parquet",
        "_SUCCESS",
        "d.parquet.tmp",
        "e.csv",
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folder made");
        fs::write(path, "not Parquet").expect("file made");
    }
    let (source, snapshot) = opened(folder.path()).await;
    assert_eq!(problems(&snapshot), []);
    assert_eq!(count(&source, &snapshot).await, "24|24.0");
}

fn spoil(folder: &Path) {
    let whole = folder.join("z.parquet");
    one_day(&whole, JUNE_4 + 5 * DAY, 24);
    let bytes = fs::read(&whole).expect("bytes");
    fs::remove_file(whole).expect("removed");
    fs::write(folder.join("b-zero.parquet"), "").expect("file made");
    fs::write(folder.join("c-truncated.parquet"), &bytes[..bytes.len() / 2]).expect("file made");
    let noise: Vec<u8> = (0..5000_u32)
        .map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    fs::write(folder.join("d-noise.parquet"), noise).expect("file made");
    fs::write(
        folder.join("e-text.parquet"),
        "window_start,usage_hours\n2018-06-04,1\n",
    )
    .expect("file made");
}

#[tokio::test]
async fn corrupt_files_are_left_out_and_named_until_they_are_repaired() {
    let folder = TempDir::new().expect("folder");
    one_day(&folder.path().join("a.parquet"), JUNE_4, 24);
    spoil(folder.path());
    let (source, snapshot) = opened(folder.path()).await;
    let expected = [
        ("b-zero.parquet".to_string(), "empty_file"),
        ("c-truncated.parquet".to_string(), "unreadable_file"),
        ("d-noise.parquet".to_string(), "unreadable_file"),
        ("e-text.parquet".to_string(), "unreadable_file"),
    ];
    assert_eq!(problems(&snapshot), expected);
    assert_eq!(count(&source, &snapshot).await, "24|24.0");
    assert_eq!(source.metrics().problems(), 4);

    let again = source.scan(Some(&snapshot)).await.expect("look");
    assert!(!again.changed, "known problems are no news");
    assert_eq!(again.problems, snapshot.problems, "the time of notice stays");

    one_day(&folder.path().join("c-truncated.parquet"), JUNE_4 + 5 * DAY, 24);
    let repaired = source.scan(Some(&again)).await.expect("look");
    assert_eq!(problems(&repaired).len(), 3);
    assert_eq!(count(&source, &repaired).await, "48|48.0");
}

#[tokio::test]
async fn damaged_pages_are_found_by_reading_everything() {
    let folder = TempDir::new().expect("folder");
    one_day(&folder.path().join("a.parquet"), JUNE_4, 24);
    let damaged = folder.path().join("b.parquet");
    one_day(&damaged, JUNE_4 + DAY, 24);
    let mut file = fs::OpenOptions::new().write(true).open(&damaged).expect("file opens");
    file.seek(SeekFrom::Start(4)).expect("seek");
    file.write_all(&[0xFF; 120]).expect("garbage written");
    drop(file);
    let (source, snapshot) = opened(folder.path()).await;
    assert_eq!(problems(&snapshot), [], "the footer alone looks well");
    let context = session(&source, &snapshot);
    assert!(
        try_rows(
            &context,
            "SELECT sum(usage_hours), max(channel), min(window_end) FROM error_aggregates WHERE usage_hours > 0"
        )
        .await
        .is_err()
    );

    let found = source.verify_all(&snapshot).await;
    assert_eq!(found.len(), 1);
    let next = source.scan(Some(&snapshot)).await.expect("look");
    assert!(next.changed);
    assert_eq!(problems(&next), [("b.parquet".to_string(), "unreadable_file")]);
    assert_eq!(count(&source, &next).await, "24|24.0");

    one_day(&damaged, JUNE_4 + DAY, 12);
    let repaired = source.scan(Some(&next)).await.expect("look");
    assert_eq!(problems(&repaired), []);
    assert_eq!(count(&source, &repaired).await, "48|48.0");
}

#[tokio::test]
async fn files_that_contradict_the_others_are_left_out() {
    let folder = TempDir::new().expect("folder");
    let file = |name: &str| folder.path().join(name);
    let with_flag = |flag| {
        vec![
            ("window_start", times([JUNE_4])),
            ("usage_hours", hours([1.0])),
            ("flag", flag),
        ]
    };
    write(&file("a.parquet"), with_flag(texts(["yes"])), 10);
    write(&file("b.parquet"), with_flag(flags(&[true])), 10);
    write(&file("c.parquet"), with_flag(flags(&[false])), 10);
    write(
        &file("d.parquet"),
        vec![("name", texts(["someone"])), ("age", counts(&[Some(4)]))],
        10,
    );
    let (source, snapshot) = opened(folder.path()).await;
    let details: Vec<&str> = snapshot
        .problems
        .iter()
        .map(|problem| problem.detail.as_str())
        .collect();
    assert_eq!(
        problems(&snapshot),
        [
            ("a.parquet".to_string(), "foreign_schema"),
            ("d.parquet".to_string(), "foreign_schema")
        ]
    );
    assert_eq!(
        details,
        [
            "column flag is text here and a boolean elsewhere",
            "column window_start is missing"
        ]
    );
    assert_eq!(count(&source, &snapshot).await, "2|2.0");
    let again = source.scan(Some(&snapshot)).await.expect("look");
    assert!(!again.changed);
}

#[tokio::test]
async fn a_source_that_vanishes_is_served_from_what_is_known() {
    let folder = TempDir::new().expect("folder");
    let inner = folder.path().join("data");
    one_day(&inner.join("a.parquet"), JUNE_4, 24);
    let (source, snapshot) = opened(&inner.join("a.parquet")).await;
    fs::remove_file(inner.join("a.parquet")).expect("removed");
    let kept = source.scan(Some(&snapshot)).await.expect("the previous files stay");
    assert_eq!(problems(&kept), [(String::new(), "source_unreachable")]);
    assert_eq!(kept.files.len(), 1);
    assert!(kept.changed);
    assert_eq!(source.metrics().refresh_failures(), 1);
    let still = source.scan(Some(&kept)).await.expect("still there");
    assert!(!still.changed);
    one_day(&inner.join("a.parquet"), JUNE_4, 24);
    let back = source.scan(Some(&still)).await.expect("look");
    assert_eq!(problems(&back), []);
}

#[tokio::test]
async fn what_cannot_be_a_source_is_refused_with_a_hint() {
    let empty = TempDir::new().expect("folder");
    let path = empty.path().display().to_string();
    let useless = TempDir::new().expect("folder");
    fs::write(useless.path().join("a.parquet"), "no").expect("file made");
    let delta = TempDir::new().expect("folder");
    one_day(&delta.path().join("part-0.parquet"), JUNE_4, 24);
    fs::create_dir(delta.path().join("_delta_log")).expect("folder made");
    fs::write(delta.path().join("_delta_log/00000000000000000000.json"), "{}").expect("file made");
    for (location, message) in [
        ("", "location is empty"),
        ("/no/such/folder", "cannot read the source /no/such/folder"),
        ("ftp://example.org/x.parquet", "a source cannot be at ftp://"),
        ("file://relative/x", "cannot open the source"),
        ("http://127.0.0.1:1/folder/", "a web server's folder cannot be listed"),
        ("https://example.org/x.parquet?token=1", "cannot open the source"),
        (path.as_str(), "no Parquet file found in"),
        (
            delta.path().to_str().expect("a path"),
            "the log of the delta table is damaged",
        ),
        (
            useless.path().to_str().expect("a path"),
            "no usable Parquet file found in",
        ),
    ] {
        let error = startup_error(location).await;
        assert!(error.message.contains(message), "{location}: {error}");
        assert!(error.hint.is_some(), "{location}: {error}");
        assert_eq!(error.kind, crate::error::ErrorKind::Configuration, "{location}");
    }
    let options = [("endpoint".to_string(), "x".to_string())].into();
    let settings = SourceSettings {
        location: path,
        options,
        ..SourceSettings::default()
    };
    assert!(
        super::open(&settings)
            .await
            .expect_err("no options")
            .message
            .contains("no option \"endpoint\"")
    );
}

#[tokio::test]
async fn a_calendar_among_the_files_is_no_data_and_is_read_again() {
    let folder = TempDir::new().expect("folder");
    one_day(&folder.path().join("a.parquet"), JUNE_4, 24);
    let calendar = folder.path().join("releases.parquet");
    std::fs::write(&calendar, "one").expect("a file");
    let settings = SourceSettings {
        location: folder.path().display().to_string(),
        calendar: Some("releases.parquet".into()),
        ..SourceSettings::default()
    };
    let (source, first) = opened_with(settings).await;
    assert_eq!(first.calendar.as_ref().map(|file| &file.content[..]), Some(&b"one"[..]));
    assert!(first.problems.is_empty(), "{:?}", first.problems);

    let second = source.scan(Some(&first)).await.expect("look");
    assert!(!second.changed);
    std::fs::write(&calendar, "another").expect("a file");
    let third = source.scan(Some(&second)).await.expect("look");
    assert!(third.changed);
    assert_eq!(
        third.calendar.as_ref().map(|file| &file.content[..]),
        Some(&b"another"[..])
    );

    std::fs::remove_file(&calendar).expect("removed");
    let fourth = source.scan(Some(&third)).await.expect("look");
    assert_eq!(
        fourth.calendar, third.calendar,
        "a calendar that is gone stays in force"
    );
}

#[tokio::test]
async fn a_calendar_that_is_not_there_stops_the_start() {
    let folder = TempDir::new().expect("folder");
    one_day(&folder.path().join("a.parquet"), JUNE_4, 24);
    for (table, message) in [
        (
            "releases.csv",
            "the calendar's table releases.csv cannot be read from the source",
        ),
        (
            "../releases.csv",
            "the calendar's table \"../releases.csv\" is no path below the source's location",
        ),
    ] {
        let settings = SourceSettings {
            location: folder.path().display().to_string(),
            calendar: Some(table.into()),
            ..SourceSettings::default()
        };
        let error = match super::open(&settings).await {
            Ok(source) => source.scan(None).await.expect_err(table),
            Err(error) => error,
        };
        assert_eq!(error.message, message);
    }
}

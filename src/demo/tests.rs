//! The demo as a reader of its files sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::calendar::{Application, Build, Channel, MINUTES_PER_DAY, builds_of, days_from_civil, iso_date};
use super::day::{MEASURES, Model, Row, rows_of_day};
use super::model::hours_completeness;
use super::population::Platform;
use super::*;

const RELEASE: usize = 0;
const BETA: usize = 1;

/// The rows of some days, as the writer gets them.
fn rows_of(rows_per_day: u64, days: impl IntoIterator<Item = (i64, i64, i64)>) -> (Model, Vec<Row>) {
    let model = Model::new(DemoSpec {
        rows_per_day,
        ..DemoSpec::default()
    });
    let mut all = Vec::new();
    for (year, month, day) in days {
        let collected: Result<(), ()> = rows_of_day(&model, days_from_civil(year, month, day), &mut |rows| {
            all.extend_from_slice(rows);
            Ok(())
        });
        assert!(collected.is_ok());
    }
    (model, all)
}

fn build<'a>(model: &'a Model, row: &Row) -> &'a Build {
    &model.trains[row.train].builds[row.build]
}

fn measure(row: &Row, name: &str) -> Option<i64> {
    let index = MEASURES
        .iter()
        .position(|measure| *measure == name)
        .expect("a measure's name");
    row.measures[index]
}

fn is_population(row: &&Row) -> bool {
    row.branch.is_none()
}

/// The files below a folder with their bytes, by their path in it.
fn files_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(
                    path.strip_prefix(folder).unwrap().to_path_buf(),
                    fs::read(&path).unwrap(),
                );
            }
        }
    }
    files
}

fn read(file: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> &'a ArrayRef {
    batch.column_by_name(name).unwrap()
}

#[test]
fn the_same_arguments_give_the_same_files() {
    let spec = DemoSpec {
        days: 3,
        rows_per_day: 2_000,
        seed: 7,
    };
    let (one, other, different) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let mut days_seen = Vec::new();
    let totals = generate(&spec, one.path(), &mut |progress| days_seen.push(progress.days_done)).unwrap();
    assert_eq!(days_seen, [1, 2, 3]);
    assert!((5_400..=6_600).contains(&totals.rows), "{} rows", totals.rows);
    assert_eq!(generate(&spec, other.path(), &mut |_| ()).unwrap(), totals);
    generate(&DemoSpec { seed: 8, ..spec }, different.path(), &mut |_| ()).unwrap();

    let files = files_of(one.path());
    let names: Vec<_> = files.keys().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            ".complete.json",
            "submission_date=2018-06-04/part-0.parquet",
            "submission_date=2018-06-05/part-0.parquet",
            "submission_date=2018-06-06/part-0.parquet"
        ]
    );
    assert!(files == files_of(other.path()));
    assert!(files != files_of(different.path()));
}

#[test]
fn a_day_does_not_depend_on_how_many_days_there_are() {
    let spec = DemoSpec {
        days: 2,
        rows_per_day: 1_000,
        seed: 7,
    };
    let (longer, shorter) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    generate(&spec, longer.path(), &mut |_| ()).unwrap();
    generate(&DemoSpec { days: 1, ..spec }, shorter.path(), &mut |_| ()).unwrap();
    let last_day = Path::new("submission_date=2018-06-06/part-0.parquet");
    assert!(files_of(longer.path())[last_day] == files_of(shorter.path())[last_day]);
}

#[test]
fn files_have_the_streaming_schema_sorted_by_window() {
    let folder = tempfile::tempdir().unwrap();
    let spec = DemoSpec {
        days: 1,
        rows_per_day: 20_000,
        seed: 1,
    };
    let totals = generate(&spec, folder.path(), &mut |_| ()).unwrap();
    let batch = read(&folder.path().join("submission_date=2018-06-06/part-0.parquet"));
    assert_eq!(batch.num_rows() as u64, totals.rows);
    let types: Vec<String> = batch
        .schema()
        .fields()
        .iter()
        .map(|field| format!("{} {}", field.name(), field.data_type()))
        .collect();
    let mut expected = vec![
        "window_start Timestamp(µs, \"UTC\")".to_owned(),
        "window_end Timestamp(µs, \"UTC\")".to_owned(),
    ];
    let names = "channel version display_version build_id application os_name os_version architecture country \
                 experiment_id experiment_branch";
    expected.extend(names.split(' ').map(|name| format!("{name} Utf8")));
    expected.push("usage_hours Float64".to_owned());
    expected.extend(["count"].iter().chain(&MEASURES).map(|name| format!("{name} Int64")));
    assert_eq!(types, expected);

    let starts = column(&batch, "window_start")
        .as_primitive::<TimestampMicrosecondType>()
        .values();
    let ends = column(&batch, "window_end")
        .as_primitive::<TimestampMicrosecondType>()
        .values();
    let midnight = days_from_civil(2018, 6, 6) * MINUTES_PER_DAY * 60_000_000;
    assert!(starts.is_sorted());
    assert_eq!(
        (starts[0], starts[starts.len() - 1]),
        (midnight, midnight + 287 * 300_000_000)
    );
    assert!(
        starts
            .iter()
            .zip(ends.iter())
            .all(|(start, end)| end - start == 300_000_000)
    );
    assert!(
        column(&batch, "usage_hours")
            .as_primitive::<Float64Type>()
            .values()
            .iter()
            .all(|hours| *hours >= 0.0)
    );
    let main_crashes = column(&batch, "main_crashes").as_primitive::<Int64Type>();
    assert!(
        main_crashes.null_count() > batch.num_rows() / 2,
        "an absent count is NULL"
    );
    assert!(
        main_crashes.iter().flatten().any(|count| count == 0),
        "some absent counts are 0"
    );
}

#[test]
fn bad_arguments_and_strange_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let message = |spec: DemoSpec| generate(&spec, folder.path(), &mut |_| ()).unwrap_err().to_string();
    let spec = DemoSpec::default();
    assert_eq!(
        message(DemoSpec { days: 304, ..spec }),
        "days must be between 1 and 303 (got 304): the demo's calendar starts on 2017-08-08"
    );
    assert!(message(DemoSpec { days: 0, ..spec }).starts_with("days must be"));
    assert_eq!(
        message(DemoSpec {
            rows_per_day: 10,
            ..spec
        }),
        "rows per day must be between 288 and 10000000 (got 10)"
    );
    fs::write(folder.path().join("mine.txt"), "keep").unwrap();
    assert!(message(spec).starts_with("the output folder is not empty"));
}

#[test]
fn the_cache_is_filled_once_and_repaired() {
    let cache = tempfile::tempdir().unwrap();
    let spec = DemoSpec {
        days: 1,
        rows_per_day: 500,
        seed: 3,
    };
    let mut days_written = 0;
    let mut ask = || {
        let mut written = 0;
        let folder = ensure_cached(cache.path(), &spec, &mut |_| written += 1).unwrap();
        days_written += written;
        (folder, written)
    };
    let (folder, written) = ask();
    assert_eq!(written, 1);
    assert_eq!(ask(), (folder.clone(), 0));
    fs::remove_file(folder.join(".complete.json")).unwrap();
    assert_eq!(ask(), (folder.clone(), 1));
    assert_eq!(days_written, 2);
    assert_eq!(files_of(&folder).len(), 2);
}

#[test]
fn the_default_demo_is_as_large_as_promised() {
    let spec = DemoSpec::default();
    assert_eq!(iso_date(HORIZON_DAY - i64::from(spec.days)), "2018-01-08");
    assert!(spec.days as f64 * spec.rows_per_day as f64 > 5_000_000.0 * 1.05);
    // A Sunday in the quiet part of the calendar: fewer rows per window than on average.
    let (_, rows) = rows_of(spec.rows_per_day, [(2018, 2, 25)]);
    let mut per_window = BTreeMap::new();
    for row in rows.iter().filter(is_population) {
        let clients = (row.clients.os_version, row.clients.architecture, row.clients.country);
        let tuple = (row.train, row.build, row.platform.index(), clients);
        per_window.entry(row.minute).or_insert_with(BTreeSet::new).insert(tuple);
    }
    let mut sizes: Vec<usize> = per_window.values().map(BTreeSet::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes.len(), 288);
    assert!(sizes[144] >= 100, "median {}", sizes[144]);
    assert!((33_000..38_000).contains(&rows.len()), "{} rows", rows.len());
}

#[test]
fn planted_faults_are_those_of_the_days_asked_for() {
    assert_eq!(planted_faults(&DemoSpec::default()).len(), PLANTED_FAULTS.len());
    let short = planted_faults(&DemoSpec {
        days: 3,
        ..DemoSpec::default()
    });
    let kinds: Vec<FaultKind> = short.iter().map(|fault| fault.kind).collect();
    assert_eq!(
        kinds,
        [
            FaultKind::Regression,
            FaultKind::MeasureStopped,
            FaultKind::NegativeCount
        ]
    );
    let negative = short[2];
    assert_eq!(negative.first_window().to_rfc3339(), "2018-06-04T10:15:00+00:00");
    assert_eq!(negative.end().to_rfc3339(), "2018-06-04T10:20:00+00:00");
}

#[test]
fn gmplugin_crashes_stop_on_windows_only() {
    let (_, rows) = rows_of(5_000, [(2018, 3, 18), (2018, 3, 19), (2018, 3, 20), (2018, 3, 21)]);
    let last_day_before = days_from_civil(2018, 3, 20) * MINUTES_PER_DAY;
    let counted = |platform: Platform, after: bool| {
        let chosen = rows
            .iter()
            .filter(|row| row.platform == platform && (row.minute >= last_day_before) == after);
        chosen
            .filter_map(|row| measure(row, "gmplugin_crashes"))
            .collect::<Vec<_>>()
    };
    assert!(counted(Platform::Windows, false).iter().sum::<i64>() > 20);
    assert!(counted(Platform::Windows, true).is_empty());
    assert!(counted(Platform::Mac, true).iter().sum::<i64>() > 0);
}

#[test]
fn shutdown_crashes_exceed_content_crashes_in_the_planted_week_only() {
    let (_, rows) = rows_of(5_000, [(2018, 4, 11), (2018, 4, 12)]);
    let planted = days_from_civil(2018, 4, 12) * MINUTES_PER_DAY;
    let exceeding = |row: &Row| {
        measure(row, "content_shutdown_crashes").unwrap_or(0) > measure(row, "content_crashes").unwrap_or(0)
    };
    for row in rows.iter().filter(|row| exceeding(row)) {
        assert_eq!(
            (row.train, row.platform, row.minute >= planted),
            (RELEASE, Platform::Mac, true),
            "{row:?}"
        );
    }
    assert!(rows.iter().filter(|row| exceeding(row)).count() > 20);
}

#[test]
fn the_gap_is_the_only_one_and_the_negative_count_too() {
    let (_, rows) = rows_of(36_000, [(2018, 2, 26)]);
    let windows: BTreeSet<i64> = rows
        .iter()
        .filter(|row| row.train == RELEASE && row.platform == Platform::Mac)
        .map(|row| row.minute)
        .collect();
    let midnight = days_from_civil(2018, 2, 26) * MINUTES_PER_DAY;
    let missing: Vec<i64> = (0..288)
        .map(|window| midnight + window * 5)
        .filter(|minute| !windows.contains(minute))
        .collect();
    let gap: Vec<i64> = (96..144).map(|window| midnight + window * 5).collect();
    assert_eq!(missing, gap);

    for rows_per_day in [300, 36_000] {
        let (_, rows) = rows_of(rows_per_day, [(2018, 6, 4)]);
        let is_negative = |row: &&Row| row.measures.iter().flatten().any(|count| *count < 0);
        let negative: Vec<&Row> = rows.iter().filter(is_negative).collect();
        assert_eq!(negative.len(), 1);
        let (row, midnight) = (negative[0], days_from_civil(2018, 6, 4) * MINUTES_PER_DAY);
        assert_eq!(
            (row.train, row.platform, row.minute - midnight),
            (RELEASE, Platform::Linux, 10 * 60 + 15)
        );
        assert_eq!(measure(row, "content_crashes"), Some(-4));
    }
}

#[test]
fn each_row_of_the_experiment_is_also_in_the_population() {
    let (model, rows) = rows_of(8_000, [(2018, 4, 9), (2018, 4, 10)]);
    let first_window = days_from_civil(2018, 4, 10) * MINUTES_PER_DAY;
    let mut branches = [0, 0];
    for (place, row) in rows.iter().enumerate() {
        let Some(branch) = row.branch else { continue };
        branches[branch] += 1;
        assert!(row.minute >= first_window);
        assert_eq!(build(&model, row).channel, Channel::Release);
        let twin = &rows[place - 1];
        assert_eq!(
            format!("{twin:?}"),
            format!(
                "{:?}",
                Row {
                    branch: None,
                    ..row.clone()
                }
            )
        );
    }
    assert!(branches.iter().all(|count| *count > 100), "{branches:?}");
}

#[test]
fn the_planted_beta_crashes_more_often_than_its_neighbours() {
    // The last full day of 60.0b6, of 60.0b7 and of 60.0b8 in the field.
    let rate = |day: (i64, i64, i64), version: &str| {
        let (model, rows) = rows_of(36_000, [day]);
        let of_version = |row: &&Row| row.train == BETA && build(&model, row).display_version == version;
        let (mut crashes, mut hours) = (0, 0.0);
        for row in rows.iter().filter(of_version) {
            crashes += measure(row, "main_crashes").unwrap_or(0) + measure(row, "content_crashes").unwrap_or(0);
            hours += row.usage_hours;
        }
        assert!(crashes > 1_000, "{crashes} crashes of {version}");
        crashes as f64 / hours
    };
    let before = rate((2018, 3, 26), "60.0b6");
    let planted = rate((2018, 3, 29), "60.0b7");
    let after = rate((2018, 4, 2), "60.0b8");
    // 1.6 within the spread between versions and the noise of about 1500 crashes; b7 is a day younger than the others.
    assert!((1.35..2.1).contains(&(planted / before)), "{planted} against {before}");
    assert!((1.35..2.1).contains(&(planted / after)), "{planted} against {after}");
}

#[test]
fn hours_arrive_late() {
    // A constant true rate and adopters with a time constant of 20 hours, accumulated over 5-minute windows.
    let (mut crashes, mut reported) = (0.0, 0.0);
    let mut excess_at = BTreeMap::new();
    for window in 0..96 * 12_i64 {
        let in_use = 1.0 - (-(window as f64 / 12.0 + 1.0 / 24.0) / 20.0).exp();
        crashes += in_use;
        reported += in_use * hours_completeness(window * 5);
        excess_at.insert((window + 1) / 12, crashes / reported);
    }
    assert!((10.0..50.0).contains(&excess_at[&1]), "{}", excess_at[&1]);
    assert!((1.35..1.65).contains(&excess_at[&24]), "{}", excess_at[&24]);
    assert!((1.05..1.15).contains(&excess_at[&96]), "{}", excess_at[&96]);
}

#[test]
fn releases_have_the_dates_of_product_details() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = root
        .ancestors()
        .map(|folder| folder.join("shared"))
        .find(|shared| shared.join("data").is_dir());
    let Some(folder) = shared.map(|shared| shared.join("data/product-details")) else {
        println!("skipped: the product-details files are not beside this checkout");
        return;
    };
    let json =
        |name: &str| -> serde_json::Value { serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap() };
    let (firefox, majors, stability) = (
        json("firefox.json"),
        json("mobile_history_major_releases.json"),
        json("mobile_history_stability_releases.json"),
    );
    let mut checked = 0;
    for channel in [Channel::Release, Channel::Beta, Channel::Esr] {
        for build in builds_of(Application::Firefox, channel) {
            let facts = &firefox["releases"][format!("firefox-{}", build.display_version)];
            assert_eq!(
                facts["date"],
                iso_date(build.starts_at / MINUTES_PER_DAY),
                "{}",
                build.display_version
            );
            checked += 1;
        }
    }
    for build in builds_of(Application::Fennec, Channel::Release) {
        let date = majors.get(&build.version).or_else(|| stability.get(&build.version));
        assert_eq!(
            date.unwrap(),
            &iso_date(build.starts_at / MINUTES_PER_DAY),
            "Fennec {}",
            build.version
        );
        checked += 1;
    }
    assert!(checked > 140, "{checked}");

    // Nothing that product-details has for these months is missing.
    for (key, facts) in firefox["releases"].as_object().unwrap() {
        let date = facts["date"].as_str().unwrap();
        if ("2017-06-13".."2018-06-07").contains(&date) {
            let version = key.trim_start_matches("firefox-");
            let known = [Channel::Release, Channel::Beta, Channel::Esr]
                .into_iter()
                .flat_map(|channel| builds_of(Application::Firefox, channel))
                .any(|build| build.display_version == version);
            assert!(known, "{version} of {date}");
        }
    }
}

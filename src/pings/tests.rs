//! Lines to rows as a whole: the streaming job's own test, sums that neither order nor restarts change, hostile lines.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::error::{Error, ErrorKind, Result};

/// The number of pings in the streaming job's test.
const K: usize = 42;
/// 2016-04-07 13:35:16.829920 UTC, the arrival in that test.
const ARRIVAL_NANOSECONDS: i64 = 1_460_036_116_829_920_000;
/// Later than any arrival here.
const NOW_MICROSECONDS: i64 = 4_000_000_000_000_000;

/// A main ping as its client and the second pipeline write it.
pub fn main_ping(arrival: &str, seconds: i64) -> String {
    json!({
        "type": "main",
        "submission_timestamp": arrival,
        "normalized_channel": "beta",
        "metadata": {"geo": {"country": "DE"}},
        "application": {"name": "Firefox", "displayVersion": "61.0b9"},
        "environment": {
            "build": {"version": "61.0", "buildId": "20180528125023", "architecture": "x86-64"},
            "system": {"os": {"name": "Windows_NT", "version": "10.0"}},
        },
        "payload": {"info": {"subsessionLength": seconds}},
    })
    .to_string()
}

/// A ping of the streaming job's test: one experiment of the old kind, one of the new.
fn vector_ping(doc_type: &str, payload: &Value) -> String {
    json!({
        "meta": {
            "Timestamp": ARRIVAL_NANOSECONDS, "docType": doc_type, "appName": "Firefox", "appBuildId": "20170101000000",
            "normalizedChannel": "release", "geoCountry": "IT", "submissionDate": "20170101",
        },
        "application": {
            "architecture": "x86", "buildId": "20170101000000", "channel": "release", "name": "Firefox",
            "platformVersion": "42.0", "vendor": "Mozilla", "version": "42.0", "displayVersion": "42.0b1",
        },
        "environment": {
            "build": {"architecture": "x86", "buildId": "20170101000000", "version": "42.0"},
            "system": {"os": {"name": "Linux", "version": "42"}},
            "addons": {"activeExperiment": {"id": "experiment1", "branch": "control"}, "activeAddons": {}},
            "experiments": {"experiment2": {"branch": "chaos"}},
        },
        "payload": payload,
    })
    .to_string()
}

/// The pings of the streaming job's test: `K` main crashes, one of them at startup, a content crash, a shutdown, and `K`
/// main pings of an hour.
fn vector() -> Vec<String> {
    let crash = |payload: Value| vector_ping("crash", &payload);
    let mut pings = vec![crash(json!({"crashDate": "2017-01-01", "metadata": {}})); K - 2];
    pings.push(crash(json!({"metadata": {"StartupCrash": "0"}})));
    pings.push(crash(json!({"metadata": {"StartupCrash": "1"}})));
    pings.push(crash(
        json!({"metadata": {"ipc_channel_error": "ShutDownKill"}, "processType": "content"}),
    ));
    pings.push(crash(json!({"metadata": {}, "processType": "content"})));
    let one = json!({"values": {"0": 1}});
    let main = vector_ping(
        "main",
        &json!({
            "info": {"subsessionLength": 3600, "subsessionCounter": 1},
            "histograms": {"BROWSER_SHIM_USAGE_BLOCKED": one},
            "keyedHistograms": {"SUBPROCESS_CRASHES_WITH_DUMP":
                {"content": one, "gpu": one, "plugin": one, "gmplugin": one}},
        }),
    );
    pings.extend(vec![main; K]);
    pings
}

fn rejected(line: &str) -> Option<Reason> {
    parse(line.as_bytes(), NOW_MICROSECONDS).err()
}

fn settings() -> RunSettings {
    RunSettings {
        threads: 2,
        closed_every: Duration::ZERO,
        ..RunSettings::default()
    }
}

/// A stream that gives a few bytes at a time.
#[derive(Clone)]
struct Drops {
    stream: Cursor<Vec<u8>>,
    bytes: usize,
}

impl Drops {
    fn of(stream: &[u8], bytes: usize) -> Self {
        let stream = Cursor::new(stream.to_vec());
        Self { stream, bytes }
    }
}

impl Read for Drops {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(self.bytes);
        self.stream.read(&mut buffer[..length])
    }
}

impl Seek for Drops {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.stream.seek(to)
    }
}

/// Reads a stream to its end without a checkpoint; all rows by emission.
fn rows_of(stream: &[u8], settings: &RunSettings) -> (Vec<RecordBatch>, Outcome) {
    rows_of_drops(Drops::of(stream, usize::MAX), 1 << 20, settings)
}

fn rows_of_drops(stream: Drops, block_bytes: usize, settings: &RunSettings) -> (Vec<RecordBatch>, Outcome) {
    let input = Input::new(stream).expect("input").with_blocks_of(block_bytes);
    let mut batches = Vec::new();
    let mut keep = |given: &[RecordBatch], _: &str| -> Result<()> {
        batches.extend_from_slice(given);
        Ok(())
    };
    let start = Checkpoint::new("test".to_string());
    let outcome = run(
        settings,
        input,
        start,
        None,
        &|| NOW_MICROSECONDS,
        &mut keep,
        &mut |_| Ok(()),
    );
    (batches, outcome.expect("read"))
}

/// Sums by window and group. Hours in seconds or milliseconds, so that they are whole.
type Totals = BTreeMap<Vec<Option<String>>, Vec<Option<i64>>>;

const FIRST_SUM: usize = 14;

fn totals(batches: &[RecordBatch]) -> Totals {
    let mut totals = Totals::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let key = (0..FIRST_SUM).map(|column| text_at(batch, column, row)).collect();
            let sums = (FIRST_SUM..batch.num_columns()).map(|column| whole_at(batch, column, row));
            let known = totals
                .entry(key)
                .or_insert_with(|| vec![None; batch.num_columns() - FIRST_SUM]);
            for (known, more) in known.iter_mut().zip(sums) {
                *known = match (*known, more) {
                    (Some(known), Some(more)) => Some(known + more),
                    (known, more) => known.or(more),
                };
            }
        }
    }
    totals
}

fn text_at(batch: &RecordBatch, column: usize, row: usize) -> Option<String> {
    let texts = cast(batch.column(column), &DataType::Utf8).expect("texts");
    let texts = texts.as_string::<i32>();
    texts.is_valid(row).then(|| texts.value(row).to_string())
}

fn whole_at(batch: &RecordBatch, column: usize, row: usize) -> Option<i64> {
    let values = batch.column(column);
    if values.is_null(row) {
        return None;
    }
    let schema = batch.schema();
    let units_per_hour = match schema.field(column).name().as_str() {
        "usage_hours" => 3600.0,
        name if name.ends_with("_hours") => 3_600_000.0,
        _ => return Some(values.as_primitive::<Int64Type>().value(row)),
    };
    let units = values.as_primitive::<Float64Type>().value(row) * units_per_hour;
    assert!((units - units.round()).abs() < 1e-3, "{units}");
    Some(units.round() as i64)
}

#[test]
fn the_streaming_jobs_own_test() {
    let (batches, outcome) = rows_of(vector().join("\n").as_bytes(), &settings());
    assert_eq!(outcome.counted, 2 * K as u64 + 2);
    assert_eq!(outcome.rows, 3, "one for each experiment and one for the population");
    let batch = &batches[0];
    let column = |name: &str| -> Vec<Option<String>> {
        let place = batch.schema().index_of(name).expect(name);
        (0..batch.num_rows()).map(|row| text_at(batch, place, row)).collect()
    };
    let same = |name: &str, value: &str| assert_eq!(column(name), vec![Some(value.to_string()); 3], "{name}");
    same("submission_date", "2016-04-07");
    same("window_start", "2016-04-07T13:35:00Z");
    same("window_end", "2016-04-07T13:40:00Z");
    same("channel", "release");
    same("version", "42.0");
    same("display_version", "42.0b1");
    same("build_id", "20170101000000");
    same("application", "Firefox");
    same("os_name", "Linux");
    same("os_version", "42");
    same("architecture", "x86");
    same("country", "IT");
    same("main_crashes", "42");
    same("content_crashes", "1");
    same("gpu_crashes", "42");
    same("plugin_crashes", "42");
    same("gmplugin_crashes", "42");
    same("content_shutdown_crashes", "1");
    same("startup_crashes", "1");
    same("count", "86");
    same("usage_hours", "42.0");
    same("browser_shim_usage_blocked", "42");
    let mut experiments: Vec<_> = column("experiment_id")
        .into_iter()
        .zip(column("experiment_branch"))
        .collect();
    experiments.sort();
    let some = |text: &str| Some(text.to_string());
    let expected = [
        (None, None),
        (some("experiment1"), some("control")),
        (some("experiment2"), some("chaos")),
    ];
    assert_eq!(experiments, expected);
}

#[test]
fn core_pings_of_fennec_beside_its_crash_pings() {
    let core = json!({
        "meta": {
            "Timestamp": ARRIVAL_NANOSECONDS, "docType": "core", "appName": "Fennec", "appVersion": "59.0",
            "appBuildId": "20160301000000", "normalizedChannel": "release", "geoCountry": "IT",
        },
        "durations": 3600, "displayVersion": "59.0b1", "experiments": ["experiment1"], "arch": "arm64-v8a",
        "os": "Android", "osversion": "42", "created": "2018-04-29",
    });
    let crash = json!({
        "meta": {
            "Timestamp": ARRIVAL_NANOSECONDS, "docType": "crash", "appName": "Fennec", "normalizedChannel": "release",
            "geoCountry": "IT",
        },
        "application": {"displayVersion": "59.0b1"},
        "environment": {
            "build": {"architecture": "arm64-v8a", "buildId": "20160301000000", "version": "59.0"},
            "system": {"os": {"name": "Linux", "version": "42"}}, "addons": {}, "experiments": {},
        },
        "payload": {"metadata": {}},
    });
    let lines = format!(
        "{}\n",
        [vec![core.to_string(); K], vec![crash.to_string(); K]]
            .concat()
            .join("\n")
    );
    let (batches, outcome) = rows_of(lines.as_bytes(), &settings());
    assert_eq!(
        outcome.rows, 1,
        "experiments of core pings are not unpacked, Fennec's Linux is Android"
    );
    let place = |name: &str| batches[0].schema().index_of(name).expect(name);
    assert_eq!(whole_at(&batches[0], place("usage_hours"), 0), Some(42 * 3600));
    assert_eq!(whole_at(&batches[0], place("main_crashes"), 0), Some(42));
    assert_eq!(text_at(&batches[0], place("os_name"), 0).as_deref(), Some("Android"));
    // Core pings are not clamped above, nor is less than nothing usage.
    let seconds = |durations: i64| {
        let mut ping = core.clone();
        ping["durations"] = durations.into();
        parse(ping.to_string().as_bytes(), NOW_MICROSECONDS).map(|ping| ping.sums.get(sums::Sum::UsageSeconds))
    };
    assert_eq!(seconds(-5), Ok(Some(0)));
    assert_eq!(seconds(100 * 3600), Ok(Some(360_000)));
    assert_eq!(seconds(i64::from(i32::MAX) + 1), Err(Reason::InvalidUsage));
}

#[test]
fn usage_of_main_pings_is_clamped_to_25_hours() {
    for (seconds, counted) in [
        (-1, 0),
        (0, 0),
        (89_999, 89_999),
        (90_000, 90_000),
        (90_001, 90_000),
        (i64::MAX, 90_000),
    ] {
        let ping = parse(main_ping("2018-06-05T11:02:03Z", seconds).as_bytes(), NOW_MICROSECONDS).expect("counts");
        assert_eq!(ping.sums.get(sums::Sum::UsageSeconds), Some(counted), "{seconds}");
    }
    let huge = main_ping("2018-06-05T11:02:03Z", 7).replace(":7}", ":123456789012345678901234567890}");
    let ping = parse(huge.as_bytes(), NOW_MICROSECONDS).expect("counts");
    assert_eq!(ping.sums.get(sums::Sum::UsageSeconds), Some(90_000));
}

#[test]
fn the_delay_until_arrival_is_known_where_the_creation_is() {
    let delay = |created: &str, arrived: &str| {
        let mut ping: Value = serde_json::from_str(&main_ping(arrived, 60)).expect("a ping");
        ping["creationDate"] = created.into();
        let sums = parse(ping.to_string().as_bytes(), NOW_MICROSECONDS)
            .expect("counts")
            .sums;
        assert_eq!(
            sums.get(sums::Sum::UsageDelayPings).is_some(),
            sums.get(sums::Sum::UsageDelayMilliseconds).is_some()
        );
        sums.get(sums::Sum::UsageDelayMilliseconds)
    };
    let arrived = "2018-06-05T11:00:00Z";
    assert_eq!(delay("2018-06-05T10:59:57.250Z", arrived), Some(2750));
    assert_eq!(delay("2018-06-05T12:59:00.000+02:00", arrived), Some(60_000));
    assert_eq!(
        delay("2018-06-05T11:30:00Z", arrived),
        Some(0),
        "a clock that is a little ahead"
    );
    assert_eq!(delay("2018-06-07T11:00:00Z", arrived), None, "a clock that is wrong");
    assert_eq!(delay("2016-06-05T11:00:00Z", arrived), None);
    assert_eq!(delay("yesterday", arrived), None);
    assert_eq!(
        delay("2018-06-05T10:59:00Z", "2018-06-05 11:00:00.000000 UTC"),
        Some(60_000)
    );
}

#[test]
fn every_reason_is_met() {
    let good: Value = serde_json::from_str(&main_ping("2018-06-05T11:02:03Z", 60)).expect("a ping");
    let with = |path: &str, value: Value| {
        let mut ping = good.clone();
        *ping.pointer_mut(path).unwrap_or_else(|| panic!("{path}")) = value;
        ping.to_string()
    };
    let mut many = good.clone();
    many["environment"]["experiments"] = (0..101).map(|id| (id.to_string(), json!({"branch": "a"}))).collect();
    let mut negative = good.clone();
    negative["payload"]["histograms"] = json!({"SLOW_SCRIPT_PAGE_COUNT": {"values": {"0": -1}}});
    let mut gpu = good.clone();
    gpu["type"] = "crash".into();
    gpu["payload"] = json!({"processType": "gpu"});
    let mut core = good.clone();
    core["type"] = "core".into();
    core["os"] = "iOS".into();
    let cases = [
        (Reason::InvalidJson, "{\"type\": \"main\"".to_string()),
        (
            Reason::InvalidJson,
            with("/payload/info/subsessionLength", json!(7)).replace(":7}", ":NaN}"),
        ),
        (Reason::InvalidField, "[]".to_string()),
        (Reason::InvalidField, with("/payload/info/subsessionLength", json!(1.5))),
        (
            Reason::InvalidField,
            with("/payload/info/subsessionLength", json!("3600")),
        ),
        (Reason::InvalidField, with("/environment/build", json!(3))),
        (Reason::InvalidField, with("/payload/info", json!([3600]))),
        (
            Reason::InvalidField,
            with("/environment/build", json!(["61.0", "20180528125023"])),
        ),
        (Reason::InvalidText, with("/normalized_channel", json!("x".repeat(257)))),
        (Reason::InvalidText, with("/normalized_channel", json!("a\u{1f}b"))),
        (Reason::InvalidTime, with("/submission_timestamp", Value::Null)),
        (
            Reason::InvalidTime,
            with("/submission_timestamp", json!("1999-12-31T23:59:59Z")),
        ),
        (Reason::InvalidTime, with("/submission_timestamp", json!("noon"))),
        (
            Reason::FutureArrival,
            with("/submission_timestamp", json!("2300-01-01T00:00:00Z")),
        ),
        (Reason::InvalidBuildId, with("/environment/build/buildId", Value::Null)),
        (Reason::InvalidBuildId, with("/environment", Value::Null)),
        (
            Reason::InvalidUsage,
            with("/payload/info/subsessionLength", Value::Null),
        ),
        (Reason::InvalidUsage, with("/payload", Value::Null)),
        (Reason::InvalidCount, negative.to_string()),
        (Reason::TooManyExperiments, many.to_string()),
        (Reason::OtherType, with("/type", json!("event"))),
        (Reason::OtherApplication, with("/application/name", json!("Icefox"))),
        (Reason::OtherChannel, with("/normalized_channel", json!("Other"))),
        (Reason::OtherChannel, with("/normalized_channel", Value::Null)),
        (Reason::OtherProcess, gpu.to_string()),
        (Reason::OtherSystem, core.to_string()),
        (
            Reason::OldBuild,
            with("/environment/build/buildId", json!("20171105000000")),
        ),
        (
            Reason::FutureBuild,
            with("/environment/build/buildId", json!("20180705000000")),
        ),
    ];
    assert_eq!(rejected(&good.to_string()), None);
    let mut met: Vec<Reason> = cases.iter().map(|(reason, _)| *reason).collect();
    for (reason, line) in cases {
        assert_eq!(rejected(&line), Some(reason), "{line}");
    }
    assert_eq!(
        parse(b"{\"type\": \"\xff\"}", NOW_MICROSECONDS).err(),
        Some(Reason::InvalidUtf8)
    );
    met.extend([Reason::InvalidUtf8, Reason::LineTooLong]);
    assert!(
        Reason::all().all(|reason| met.contains(&reason)),
        "a reason without a case"
    );
}

#[test]
fn hostile_lines_are_counted_and_stop_nothing() {
    let good = main_ping("2018-06-05T11:02:03Z", 3600);
    let deep = |open: &str, close: &str| format!("{{\"payload\":{}1{}}}", open.repeat(200_000), close.repeat(200_000));
    let hostile: Vec<Vec<u8>> = vec![
        format!("{{\"type\":\"{}\"}}", "x".repeat(10_000_000)).into_bytes(),
        deep("[", "]").into_bytes(),
        deep("{\"info\":", "}").into_bytes(),
        b"\0\0\0".to_vec(),
        b"\xc3\x28".to_vec(),
        b"{\"a\":1e400}".to_vec(),
        b"{\"type\":\"\\ud800\"}".to_vec(),
    ];
    let mut stream = Vec::new();
    for line in &hostile {
        stream.extend_from_slice(good.as_bytes());
        stream.push(b'\n');
        stream.extend_from_slice(line);
        stream.extend_from_slice(b"\n\n");
    }
    let (batches, outcome) = rows_of(&stream, &settings());
    assert_eq!(outcome.counted, hostile.len() as u64);
    assert_eq!(outcome.rejected.total(), hostile.len() as u64);
    assert_eq!(outcome.rejected.of(Reason::LineTooLong), 1);
    assert_eq!(outcome.rejected.of(Reason::InvalidUtf8), 1);
    assert_eq!(totals(&batches).len(), 1);
    // What is not looked at may be as deep as it likes.
    let unread = good.replacen(
        '{',
        &format!("{{\"x\":{}1{},", "[".repeat(100_000), "]".repeat(100_000)),
        1,
    );
    assert_eq!(rejected(&unread), None);
}

#[test]
fn a_last_line_that_is_cut_off_is_left_for_later() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("pings");
    let file = CheckpointFile::open(folder.path().join("pings.checkpoint")).expect("a lock");
    let line = main_ping("2018-06-05T11:02:03Z", 3600);
    let mut counted = Vec::new();
    for length in [
        line.len() / 2,
        line.len(),
        line.len() + 1 + line.len() / 3,
        2 * line.len() + 1,
    ] {
        std::fs::write(&path, &format!("{line}\n{line}")[..length]).expect("written");
        let open = || std::fs::File::open(&path).expect("a file");
        let (input, start) = match file.load().expect("readable") {
            None => (Input::new(open()).expect("input"), Checkpoint::new("test".to_string())),
            Some(saved) => (
                Input::resume_file(open(), saved.position, &saved.head).expect("input"),
                saved,
            ),
        };
        let now = || NOW_MICROSECONDS;
        let outcome = run(
            &settings(),
            input,
            start,
            Some(&file),
            &now,
            &mut |_, _| Ok(()),
            &mut |_| Ok(()),
        );
        let outcome = outcome.expect("read");
        counted.push((outcome.counted, outcome.rejected.total(), outcome.unfinished_bytes > 0));
    }
    assert_eq!(counted, [(0, 0, true), (1, 0, false), (1, 0, true), (2, 0, false)]);
}

#[test]
fn another_input_is_not_taken_for_the_one_that_was_read() {
    let first = main_ping("2018-06-05T11:02:03Z", 3600) + "\n";
    let input = Input::new(Cursor::new(first.clone().into_bytes())).expect("input");
    let mut last = Checkpoint::new("test".to_string());
    let folder = tempfile::tempdir().expect("folder");
    let file = CheckpointFile::open(folder.path().join("a")).expect("a lock");
    run(
        &settings(),
        input,
        last,
        Some(&file),
        &|| NOW_MICROSECONDS,
        &mut |_, _| Ok(()),
        &mut |_| Ok(()),
    )
    .expect("read");
    last = file.load().expect("readable").expect("saved");
    assert_eq!(last.position, first.len() as u64);
    let resumed = |text: &str| {
        let stream = Cursor::new(text.as_bytes().to_vec());
        let by_stream = Input::resume_stream(stream.clone(), last.position, &last.head).map(drop);
        let by_file = Input::resume_file(stream, last.position, &last.head).map(drop);
        assert_eq!(by_stream, by_file, "{text}");
        by_stream.map_err(|error| error.kind)
    };
    assert_eq!(resumed(&(first.clone() + "more")), Ok(()));
    assert_eq!(resumed(&first.replace("3600", "3601")), Err(ErrorKind::Configuration));
    assert_eq!(resumed(&first[..20]), Err(ErrorKind::Configuration));
}

/// Pings of a few hours, their arrivals up to `disorder_seconds` out of order.
fn stream(pings: usize, disorder_seconds: u64, seed: u64) -> Vec<String> {
    // A plain linear congruence: the lines only have to differ.
    let mut state = seed | 1;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let one = |draw: &mut dyn FnMut(u64) -> u64, at: usize| {
        let seconds = 1_528_196_400 + (at as u64) * 20 + draw(disorder_seconds + 1);
        let arrival = chrono::DateTime::from_timestamp(seconds as i64, 0)
            .expect("a time")
            .to_rfc3339();
        let mut ping: Value = serde_json::from_str(&main_ping(&arrival, draw(100_000) as i64)).expect("a ping");
        ping["metadata"]["geo"]["country"] = ["DE", "FR", "US"][draw(3) as usize].into();
        ping["creationDate"] = "2018-06-05T10:59:57.250Z".into();
        if draw(3) == 0 {
            ping["environment"]["experiments"] = json!({"flip": {"branch": (["a", "b"][draw(2) as usize])}});
        }
        match draw(5) {
            0 => {
                ping["type"] = "crash".into();
                ping["payload"] = json!({"processType": (["main", "content", "gpu"][draw(3) as usize])});
            }
            1 => return "{\"type\": 1}".to_string(),
            _ => {}
        }
        ping.to_string()
    };
    (0..pings).map(|at| one(&mut draw, at)).collect()
}

/// A keeper of rows that counts a key once, as `run` asks of it, and may fail after it has kept them.
#[derive(Default)]
struct Kept(BTreeMap<String, Vec<RecordBatch>>);

impl Kept {
    fn keep(&mut self, batches: &[RecordBatch], key: &str, fail: bool) -> Result<()> {
        let known = self.0.insert(key.to_string(), batches.to_vec());
        if let Some(known) = known {
            assert_eq!(known, batches, "the same key with other rows");
        }
        if fail {
            Err(Error::new(ErrorKind::Io, "ended after"))
        } else {
            Ok(())
        }
    }

    fn totals(&self) -> Totals {
        totals(&self.0.values().flatten().cloned().collect::<Vec<_>>())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Order, memory and the size of reads change which rows there are, not what they add up to.
    #[test]
    fn sums_do_not_depend_on_order_chunks_or_memory(
        seed in any::<u64>(),
        disorder_seconds in 0u64..4000,
        memory_bytes in prop_oneof![Just(1usize), 1_000usize..60_000, Just(1 << 28)],
        read_bytes in 500usize..20_000,
        block_bytes in 1usize..30_000,
    ) {
        let mut lines = stream(300, disorder_seconds, seed);
        let (expected, outcome) = rows_of(lines.join("\n").as_bytes(), &settings());
        lines.sort_unstable();
        let mut bounded = settings();
        bounded.aggregator.memory_bytes = memory_bytes;
        bounded.aggregator.lateness_seconds = (seed % 600) as i64;
        let text = lines.join("\r\n") + "\n";
        let (batches, again) = rows_of_drops(Drops::of(text.as_bytes(), read_bytes), block_bytes, &bounded);
        prop_assert_eq!(totals(&batches), totals(&expected));
        prop_assert_eq!((again.counted, again.rejected), (outcome.counted, outcome.rejected));
    }

    /// A run that ends anywhere, before or after rows were kept, and goes on, counts every ping once.
    #[test]
    fn restarts_lose_nothing_and_count_nothing_twice(
        seed in any::<u64>(),
        mut failures in proptest::collection::vec((0usize..6, any::<bool>()), 0..8),
        growth in proptest::collection::vec(0.0f64..1.0, 0..4),
    ) {
        let text = stream(300, 900, seed).join("\n") + "\n";
        let (expected, outcome) = rows_of(text.as_bytes(), &settings());
        let folder = tempfile::tempdir().expect("folder");
        let file = CheckpointFile::open(folder.path().join("checkpoint")).expect("a lock");
        let mut kept = Kept::default();
        // The file grows between runs; the last run sees all of it.
        let mut lengths: Vec<usize> = growth.iter().map(|share| (share * text.len() as f64) as usize).collect();
        lengths.sort_unstable();
        lengths.push(text.len());
        let mut last = None;
        for length in lengths {
            while let Err(error) = go_on(&text.as_bytes()[..length], &file, failures.pop(), &mut kept, &mut last) {
                prop_assert_eq!(error.kind, ErrorKind::Io);
            }
        }
        let last = last.expect("a last run");
        prop_assert!(kept.0.len() > 3, "{} emissions", kept.0.len());
        prop_assert_eq!(kept.totals(), totals(&expected));
        prop_assert_eq!((last.counted, last.rejected), (outcome.counted, outcome.rejected));
    }
}

/// Reads on from the checkpoint, and fails at the emission of that number, before its rows are kept or after.
fn go_on(
    text: &[u8],
    file: &CheckpointFile,
    failure: Option<(usize, bool)>,
    kept: &mut Kept,
    last: &mut Option<Outcome>,
) -> Result<()> {
    let source = Drops::of(text, 3000);
    let (input, start) = match file.load()? {
        None => (Input::new(source)?, Checkpoint::new("test".to_string())),
        Some(saved) => (Input::resume_file(source, saved.position, &saved.head)?, saved),
    };
    let mut emissions = 0;
    let mut keep = |batches: &[RecordBatch], key: &str| {
        let fails = failure.filter(|(at, _)| *at == emissions);
        emissions += 1;
        match fails {
            Some((_, false)) => Err(Error::new(ErrorKind::Io, "ended before")),
            fails => kept.keep(batches, key, fails.is_some()),
        }
    };
    let mut bounded = settings();
    bounded.aggregator.memory_bytes = 10_000;
    let input = input.with_blocks_of(4000);
    *last = Some(run(
        &bounded,
        input,
        start,
        Some(file),
        &|| NOW_MICROSECONDS,
        &mut keep,
        &mut |_| Ok(()),
    )?);
    Ok(())
}

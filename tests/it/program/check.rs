//! `check`: what it finds, that it names every problem, and that it changes nothing.

use std::fs;

use tempfile::TempDir;

use super::{demo_folder, demo_location, run, stderr, stdout};

#[test]
fn a_good_source_is_described() {
    let output = run(&["check", "--source", demo_location()]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    for (name, value) in [
        ("files", "2"),
        ("time range", "2018-06-05 00:00 to 2018-06-06 23:55 UTC"),
        ("columns", "window_start, "),
        ("absent (NULL)", "none"),
        ("measures", "main_crashes, startup_crashes, "),
        ("postgres", "127.0.0.1:7432"),
        ("problems", "none"),
    ] {
        let line = text.lines().find(|line| line.starts_with(name));
        assert!(
            line.is_some_and(|line| line[name.len()..].trim().starts_with(value)),
            "{name}: {text}"
        );
    }
}

#[test]
fn every_problem_is_named() {
    let folder = TempDir::new().expect("a folder");
    let good = demo_folder().join("submission_date=2018-06-05/part-0.parquet");
    let whole = fs::read(&good).expect("a file");
    fs::copy(&good, folder.path().join("good.parquet")).expect("a copy");
    fs::write(folder.path().join("half.parquet"), &whole[..whole.len() / 2]).expect("half a file");
    let mut damaged = whole.clone();
    let pages = 4..whole.len() / 2;
    damaged[pages].fill(0xff);
    fs::write(folder.path().join("damaged.parquet"), damaged).expect("a file with damaged pages");
    let before = listing(&folder);

    let output = run(&["check", "--source", folder.path().to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(1), "problems were found");
    let text = stdout(&output);
    assert!(
        text.lines()
            .any(|line| line.starts_with("problems") && line.ends_with(" 2")),
        "{text}"
    );
    for name in ["half.parquet", "damaged.parquet"] {
        let line = text.lines().find(|line| line.contains(name));
        assert!(
            line.is_some_and(|line| line.trim().starts_with("error unreadable_file")),
            "{name}: {text}"
        );
    }
    assert!(
        text.lines()
            .any(|line| line.starts_with("files") && line.ends_with(" 1")),
        "{text}"
    );
    assert_eq!(listing(&folder), before, "check changes nothing");
}

fn listing(folder: &TempDir) -> Vec<(String, u64)> {
    let mut files: Vec<_> = fs::read_dir(folder.path())
        .expect("the folder")
        .map(|entry| entry.expect("an entry"))
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                entry.metadata().expect("a file").len(),
            )
        })
        .collect();
    files.sort();
    files
}

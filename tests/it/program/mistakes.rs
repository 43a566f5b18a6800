//! Bad input: one clear line with a hint, exit status 2, nothing half-started.

use std::fs;
use std::net::TcpListener;

use tempfile::TempDir;

use super::{demo_location, run, stderr, stdout};

/// The program refuses with exit status 2; the message and the hint say what is in `expected`.
fn refused(arguments: &[&str], expected: &[&str]) {
    let output = run(arguments);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    assert_eq!(stdout(&output), "", "{arguments:?} printed before it was refused");
    assert!(text.starts_with("error: "), "{arguments:?}: {text}");
    assert!(text.contains("\nhint: "), "{arguments:?} gives no hint: {text}");
    assert!(text.lines().count() <= 3, "{arguments:?}: {text}");
    for part in expected {
        assert!(text.contains(part), "{arguments:?} does not say {part:?}: {text}");
    }
}

#[test]
fn sources_that_cannot_be_read() {
    let empty = TempDir::new().expect("a folder");
    let folder = empty.path().to_str().expect("a path");
    refused(&["serve", "--http", "off"], &["no source", "--demo"]);
    refused(&["serve", "--source", "/nowhere/at/all"], &["/nowhere/at/all"]);
    refused(&["serve", "--source", folder], &["no Parquet file", folder]);
    refused(&["check", "--source", "ftp://example.org/x"], &["ftp://"]);
    refused(
        &["sql", "--source", "/nowhere/at/all", "SELECT 1"],
        &["/nowhere/at/all"],
    );
    fs::write(empty.path().join("noise.parquet"), "no Parquet at all").expect("a file");
    refused(&["serve", "--source", folder], &[folder]);
}

#[test]
fn addresses_that_cannot_be_listened_on() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let serve = |listeners: &[&str], expected: &[&str]| {
        let mut arguments = vec!["serve", "--source", demo_location()];
        arguments.extend(listeners);
        refused(&arguments, expected);
    };
    let off = ["--flight", "off", "--http", "off"];
    serve(
        &[&["--postgres", &address], &off[..]].concat(),
        &["postgres", &address, "another program"],
    );
    serve(
        &[
            "--postgres",
            "127.0.0.1:0",
            "--flight",
            "127.0.0.1:0",
            "--http",
            &address,
        ],
        &["http", &address],
    );
    serve(
        &[&["--postgres", "0.0.0.0:0"], &off[..]].concat(),
        &["0.0.0.0:0", "--insecure"],
    );
    serve(
        &["--postgres", "off", "--flight", "127.0.0.1:0", "--http", "[::]:0"],
        &["[::]:0", "--insecure"],
    );
    serve(
        &[&["--postgres", "203.0.113.7:1", "--insecure"], &off[..]].concat(),
        &["203.0.113.7:1"],
    );
    serve(
        &[&["--postgres", "no-such-host.invalid:1"], &off[..]].concat(),
        &["no-such-host.invalid"],
    );
    serve(&["--postgres", "off", "--flight", "off"], &["--postgres or --flight"]);
    serve(&["--postgres", "7432"], &["host:port"]);
}

#[test]
fn command_lines_that_mean_nothing() {
    refused(&["serve", "--sorce", "x"], &["--sorce", "did you mean --source"]);
    refused(&["srve"], &["srve", "did you mean serve"]);
    refused(&["serve", "--demo", "--source", "x"], &["--source"]);
    refused(&["sql"], &["<QUERY>"]);
    refused(&["sql", "SELECT 1", "--format", "xml"], &["xml"]);
    refused(&["generate", "--out", "/nowhere/x", "--days", "0"], &["days"]);
    refused(
        &["generate", "--out", "/nowhere/x", "--rows-per-day", "1"],
        &["rows per day"],
    );
    refused(&["generate", "--out", demo_location(), "--seed", "99"], &["not empty"]);
    refused(
        &["sql", "SELECT 1", "-o", "/nowhere/at/all/x.csv"],
        &["/nowhere/at/all/x.csv"],
    );
    refused(
        &[
            "serve",
            "--source",
            demo_location(),
            "--ready-file",
            "/nowhere/at/all/r",
        ],
        &["/nowhere/at/all"],
    );
}

#[test]
fn configurations_that_cannot_be_used() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("mission-control.toml");
    let path = file.to_str().expect("a path");
    let with = |text: &str, expected: &[&str]| {
        fs::write(&file, text).expect("a file");
        for command in ["serve", "check"] {
            refused(&[command, "--config", path], expected);
        }
    };
    with(
        "[postgres]\nlistn = \"off\"\n",
        &["mission-control.toml:2", "listn", "did you mean \"listen\"?"],
    );
    with("[postgres\n", &["mission-control.toml:1", "TOML"]);
    with("[postgres]\nlisten = \"off\"\n", &["no source"]);
    refused(&["serve", "--config", "/nowhere.toml"], &["/nowhere.toml"]);
}

#[test]
fn an_environment_variable_that_sets_nothing() {
    let output = super::program(&["serve", "--source", demo_location()])
        .env("MISSION_CONTROL_HTTP__LISTN", "off")
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("did you mean MISSION_CONTROL_HTTP__LISTEN?"), "{text}");
}

#[test]
fn help_and_version_are_no_mistakes() {
    let help = run(&["--help"]);
    assert!(help.status.success());
    for command in ["serve", "sql", "generate", "check"] {
        assert!(stdout(&help).contains(command), "{}", stdout(&help));
        assert!(run(&[command, "--help"]).status.success());
    }
    let version = run(&["--version"]);
    assert_eq!(
        stdout(&version),
        format!("mission-control {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(run(&[]).status.code(), Some(2), "no command at all");
}

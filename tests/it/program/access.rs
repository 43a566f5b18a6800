//! Users, certificates and addresses as an operator sets them up, with the program itself.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use mission_control::access::Verifier;

use super::{Serving, demo_location, program, run, stderr, stdout};

/// A verifier of the password `pencil`, made by PostgreSQL 15.
const PENCIL: &str = "SCRAM-SHA-256$4096:F0fqxXQuaM1DEXiM3CJKVQ==$oj/4I6GPQFoH96biZOgjuBARcq9YJ/SYcMd2kZqXW5A=:\
    t9b/U7aVPwgrXEwvScJQxXtzSzzQ54f9oW6L1ZHi980=";

/// A folder with a configuration over the demo data.
fn folder_with(configuration: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = format!("[source]\nlocation = {:?}\n{configuration}", demo_location());
    fs::write(folder.path().join("server.toml"), source).expect("a configuration");
    folder
}

/// What a start says that has to fail.
fn refused(configuration: &str, more: &[&str]) -> String {
    let folder = folder_with(configuration);
    refused_in(folder.path(), more)
}

fn refused_in(folder: &Path, more: &[&str]) -> String {
    let file = folder.join("server.toml");
    let mut arguments = vec!["serve", "--config", file.to_str().expect("a path"), "--http", "off"];
    arguments.extend_from_slice(more);
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    stderr(&output)
}

fn hashed(input: &str) -> Output {
    let mut command = program(&["hash-password"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), input.as_bytes()).expect("input");
    child.wait_with_output().expect("the program ends")
}

#[test]
fn a_hashed_password_fits_and_every_one_has_its_own_salt() {
    let [one, other] = [hashed("pencil\n"), hashed("pencil")].map(|output| {
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    });
    for text in [&one, &other] {
        let verifier: Verifier = text.trim().parse().expect("a verifier");
        assert!(verifier.fits("pencil") && !verifier.fits("pencil\n"));
        assert_eq!(verifier.iterations.get(), 4096, "as PostgreSQL makes them");
    }
    assert_ne!(one, other);
    assert_eq!(hashed("\n").status.code(), Some(2));
}

#[test]
fn an_address_that_others_can_reach_needs_tls_and_users() {
    let everywhere = ["--postgres", "0.0.0.0:0", "--flight", "off"];
    let neither = refused("", &everywhere);
    assert!(
        neither.contains("postgres: refusing to listen on 0.0.0.0:0"),
        "{neither}"
    );
    assert!(
        neither.contains("needs TLS and users") && neither.contains("--insecure"),
        "{neither}"
    );
    let users = format!("[[users]]\nname = \"ada\"\nscram = \"{PENCIL}\"\n");
    let without_tls = refused(&users, &everywhere);
    assert!(without_tls.contains("needs TLS: add [tls]"), "{without_tls}");
    let flight = refused(&users, &["--postgres", "off", "--flight", "[::]:0"]);
    assert!(flight.contains("flight: refusing to listen on [::]:0"), "{flight}");
}

#[test]
fn a_certificate_that_does_not_load_stops_the_start() {
    let folder = folder_with("[tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n");
    let nothing = refused_in(folder.path(), &[]);
    assert!(nothing.contains("tls.certificate: cannot read"), "{nothing}");
    assert!(nothing.contains("there is no such file"), "{nothing}");
    for (name, text) in [("server.pem", "no PEM at all"), ("server.key", "")] {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    let empty = refused_in(folder.path(), &[]);
    assert!(empty.contains("holds no certificate"), "{empty}");
    // A PEM section whose content is no certificate.
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    fs::write(folder.path().join("server.pem"), nonsense).expect("a file");
    let no_key = refused_in(folder.path(), &[]);
    assert!(no_key.contains("tls.key: cannot read"), "{no_key}");
    assert_eq!(no_key.lines().count(), 2, "a line and a hint: {no_key}");
}

#[test]
fn secrets_that_cannot_be_read_stop_the_start() {
    let user = |secret: &str| format!("[[users]]\nname = \"ada\"\n{secret}\n");
    for (secret, expected) in [
        ("password_file = \"nowhere\"", "there is no such file"),
        ("scram_file = \"server.toml\"", "not a SCRAM-SHA-256 verifier"),
        (
            "password_env = \"NO_SUCH_VARIABLE\"",
            "NO_SUCH_VARIABLE with the secret of ada is not set",
        ),
        ("token_file = \"short\"", "shorter than 20 characters"),
    ] {
        let folder = folder_with(&user(secret));
        fs::write(folder.path().join("short"), "1234\n").expect("a file");
        let said = refused_in(folder.path(), &[]);
        assert!(said.contains(expected), "{secret}: {said}");
        assert!(!said.contains("1234"), "a secret stays secret: {said}");
    }
    let twice = refused(&user("password_env = \"PATH\"").repeat(2), &[]);
    assert!(twice.contains("there are two of the name ada"), "{twice}");
}

#[test]
fn check_looks_at_users_and_certificates_too() {
    let folder = folder_with("[tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n");
    let file = folder.path().join("server.toml");
    let output = run(&["check", "--config", file.to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn the_version_is_printed() {
    let output = run(&["--version"]);
    assert!(output.status.success());
    assert_eq!(
        stdout(&output),
        format!("mission-control {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn log_lines_can_be_json() {
    let folder = folder_with("");
    let file = folder.path().join("server.toml");
    let mut serving = Serving::start(&["--config", file.to_str().expect("a path"), "--log-format", "json"]);
    serving.signal("-HUP");
    std::thread::sleep(Duration::from_millis(500));
    serving.signal("-TERM");
    assert!(serving.ended_within(Duration::from_secs(20)).success());
    let mut text = String::new();
    std::io::Read::read_to_string(serving.child.stderr.as_mut().expect("piped"), &mut text).expect("UTF-8");
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect();
    let read_again = lines
        .iter()
        .any(|line| line["fields"]["message"] == "the configuration has been read again");
    assert!(read_again, "{text}");
}

//! The files of `tests/configurations`: the good ones are read, the refused ones with the message of their first line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mission_control::access::Role;
use mission_control::config::{Config, Listen, load};
use mission_control::error::{Error, ErrorKind};

fn files(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/configurations")
        .join(kind);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("a folder of configurations")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no files in {}", folder.display());
    files
}

fn with_environment(file: Option<&Path>, variables: &[(&str, &str)]) -> Result<Config, Error> {
    let variables = variables
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()));
    load(file, variables)
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/configurations/good")
        .join(name)
}

#[test]
fn good_files_are_read() {
    for file in files("good") {
        if let Err(error) = with_environment(Some(&file), &[]) {
            panic!("{}: {error}", file.display());
        }
    }
}

#[test]
fn refused_files_are_refused_with_file_line_and_reason() {
    let mut wrong = BTreeMap::new();
    for file in files("refused") {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).expect("a file");
        let expected = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# "))
            .expect("a message")
            .to_string();
        let answer = match with_environment(Some(&file), &[]) {
            Ok(_) => "accepted".to_string(),
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::Configuration, "{name}");
                assert!(error.hint.is_some(), "{name} gives no hint");
                error.message.replace(&file.display().to_string(), &name)
            }
        };
        if answer != expected {
            wrong.insert(name, format!("expected {expected}\n     got {answer}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}",
        wrong.into_values().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn every_key_arrives() {
    let config = with_environment(Some(&example("everything.toml")), &[]).expect("a good file");
    let folder = example("");
    assert_eq!(
        config.source.location.map(PathBuf::from),
        Some(folder.join("data/error_aggregates")),
        "relative to the file's folder"
    );
    assert_eq!(config.source.refresh_seconds.get(), 30);
    assert_eq!(config.source.kept_folder, Some(folder.join("run/computed")));
    assert_eq!(config.source.options["aws_region"], "eu-central-1");
    assert_eq!(config.columns.measures["timeouts"].column, "n_timeouts");
    assert_eq!(config.postgres.listen, Listen::At("127.0.0.1:5432".to_string()));
    assert_eq!(config.flight.listen, Listen::At("localhost:0".to_string()));
    assert_eq!(config.http.listen, Listen::Off);
    assert_eq!(config.postgres.socket, Some(folder.join("run")));
    assert_eq!(config.flight.token_lifetime_seconds.get(), 3600);
    assert_eq!(config.tls.certificate, Some(folder.join("tls/server.pem")));
    assert_eq!(config.tls.client_ca, Some(PathBuf::from("/etc/ssl/clients.pem")));
    assert_eq!(config.tls.require, Some(true));
    assert_eq!(config.users.len(), 5);
    assert_eq!(config.users[1].password_file, Some(folder.join("secrets/bert")));
    assert_eq!(config.users[1].role, Role::Ingest);
    assert_eq!(config.users[2].role, Role::Reader, "unless another is given");
    assert_eq!(config.server.trusted_role, Role::Reader);
    let engine = config.limits.engine_options();
    assert_eq!(engine.memory_bytes, 1 << 30);
    assert_eq!(engine.spill_folder, Some(PathBuf::from("/var/tmp")));
    assert_eq!(engine.spill_bytes, 10 << 30);
    assert_eq!(engine.threads_per_query, 4);
    assert_eq!(
        engine.limits.statement_timeout.map(|timeout| timeout.as_secs()),
        Some(60)
    );
    assert_eq!(config.limits.max_connections.map(|number| number.get()), Some(100));
    assert_eq!(
        config.limits.max_statement_bytes.map(|number| number.get()),
        Some(1 << 20)
    );
    let limits = engine.limits;
    assert_eq!(limits.max_connections_per_user, 20);
    assert_eq!(limits.idle_timeout.map(|timeout| timeout.as_secs()), Some(3600));
    assert_eq!(
        limits.idle_in_transaction_timeout.map(|timeout| timeout.as_secs()),
        Some(60)
    );
    assert_eq!(limits.max_result_rows, Some(10_000_000));
    assert_eq!(limits.max_result_bytes, Some(4 << 30));
    assert_eq!(limits.memory_per_query_bytes, Some(512 << 20));
    assert_eq!((limits.max_nesting, limits.max_parameters), (32, 1000));
    assert_eq!((limits.max_prepared_statements, limits.max_portals), (100, 10));
    assert_eq!((limits.max_concurrent_queries, limits.max_queued_queries), (16, 0));
    assert_eq!(limits.queue_timeout.as_secs(), 5);
    assert!(config.audit.statements && config.audit.text);
    assert_eq!(config.audit.slow_statement_ms.map(|number| number.get()), Some(5000));
    assert_eq!(config.server.shutdown_grace_seconds, 0);
}

#[test]
fn defaults_are_the_documented_ones() {
    let config = with_environment(None, &[]).expect("nothing set");
    assert_eq!(config.source.location, None);
    assert_eq!(config.source.refresh_seconds.get(), 10);
    assert_eq!(config.postgres.listen.to_string(), "127.0.0.1:7432");
    assert_eq!(config.flight.listen.to_string(), "127.0.0.1:7433");
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:7434");
    assert_eq!(config.server.shutdown_grace_seconds, 10);
    assert!(!config.server.insecure);
    assert_eq!(config.server.trusted_role, Role::Admin);
    assert_eq!(config.tls.require, None);
    assert!(config.users.is_empty());
}

#[test]
fn the_environment_goes_before_the_file() {
    let config = with_environment(
        Some(&example("everything.toml")),
        &[
            ("MISSION_CONTROL_SOURCE__REFRESH_SECONDS", "2"),
            ("MISSION_CONTROL_SOURCE__LOCATION", "2018"),
            (
                "MISSION_CONTROL_SOURCE__OPTIONS__AWS_ENDPOINT_URL",
                "http://127.0.0.1:9000",
            ),
            ("MISSION_CONTROL_POSTGRES__LISTEN", "off"),
            ("MISSION_CONTROL_SERVER__INSECURE", "true"),
            ("MISSION_CONTROL_COLUMNS__MEASURES__HANGS", "n_hangs"),
            ("MISSION_CONTROL_CACHE", "/tmp/cache"),
            ("HOME", "/root"),
        ],
    )
    .expect("good variables");
    assert_eq!(config.source.refresh_seconds.get(), 2);
    assert_eq!(
        config.source.location.as_deref(),
        Some("2018"),
        "a text that looks like a number"
    );
    assert_eq!(config.source.options["aws_endpoint_url"], "http://127.0.0.1:9000");
    assert_eq!(config.source.options["aws_region"], "eu-central-1");
    assert_eq!(config.postgres.listen, Listen::Off);
    assert!(config.server.insecure);
    assert_eq!(config.columns.measures["hangs"].column, "n_hangs");
    assert_eq!(
        config.flight.listen,
        Listen::At("localhost:0".to_string()),
        "the file's"
    );
}

#[test]
fn wrong_variables_are_named() {
    for (name, value, expected) in [
        (
            "MISSION_CONTROL_POSTGRES__LISTN",
            "off",
            "environment variable MISSION_CONTROL_POSTGRES__LISTN is no known setting; did you mean \
             MISSION_CONTROL_POSTGRES__LISTEN?",
        ),
        (
            "MISSION_CONTROL_POSTGERS__LISTEN",
            "off",
            "environment variable MISSION_CONTROL_POSTGERS__LISTEN is no known setting; did you mean \
             MISSION_CONTROL_POSTGRES__LISTEN?",
        ),
        (
            "MISSION_CONTROL_SOURCE__REFRESH_SECONDS",
            "soon",
            "environment variable MISSION_CONTROL_SOURCE__REFRESH_SECONDS: wrong type: string \"soon\", expected a \
             whole number above 0",
        ),
        (
            "MISSION_CONTROL_SOURCE__",
            "x",
            "environment variable MISSION_CONTROL_SOURCE__ names no setting",
        ),
    ] {
        let error = with_environment(None, &[(name, value)]).expect_err(name);
        assert_eq!(error.kind, ErrorKind::Configuration);
        assert_eq!(error.message, expected);
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = with_environment(Some(Path::new("/nowhere/mission-control.toml")), &[]).expect_err("no such file");
    assert_eq!(error.kind, ErrorKind::Configuration);
    assert_eq!(
        error.message,
        "cannot read /nowhere/mission-control.toml: there is no such file"
    );
}

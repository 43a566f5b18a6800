//! The built program, driven as its users drive it.

mod access;
mod check;
mod configuration;
mod hostile;
mod metrics;
mod mistakes;
mod serve;
mod sql;
mod verdict;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The program with these arguments, without what the machine's environment may set.
fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mission-control"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars() {
        if name.starts_with("MISSION_CONTROL_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    program(arguments).output().expect("the program runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8 on standard output")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8 on standard error")
}

/// Two days of demo data, made by the program once for all tests. 2018-06-05 and 2018-06-06.
fn demo_folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = TempDir::new().expect("a temporary folder");
            let path = folder.path().to_str().expect("a path");
            let made = run(&[
                "generate",
                "--out",
                path,
                "--days",
                "2",
                "--rows-per-day",
                "2000",
                "--seed",
                "3",
            ]);
            assert!(made.status.success(), "{}", stderr(&made));
            folder
        })
        .path()
}

fn demo_location() -> &'static str {
    demo_folder().to_str().expect("a path")
}

/// `serve` on free ports, ended with the test.
struct Serving {
    child: Child,
    _folder: TempDir,
    postgres: String,
    http: String,
}

impl Serving {
    fn start(arguments: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let ready = folder.path().join("ready.json");
        let child = program(&["serve", "--ready-file", ready.to_str().expect("a path")])
            .args([
                "--postgres",
                "127.0.0.1:0",
                "--flight",
                "127.0.0.1:0",
                "--http",
                "127.0.0.1:0",
            ])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let addresses = wait_for(&ready);
        let address = |name: &str| addresses[name].as_str().expect("an address").to_string();
        Self {
            child,
            postgres: address("postgres"),
            http: address("http"),
            _folder: folder,
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    fn ended_within(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < deadline, "still running after {limit:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Everything that the ended program printed.
    fn printed(&mut self) -> String {
        let mut text = String::new();
        let stdout = self.child.stdout.as_mut().expect("piped");
        stdout.read_to_string(&mut text).expect("UTF-8");
        text
    }

    /// Status code, head and body of an answer.
    fn get(&self, request: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(&self.http).expect("the http listener");
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .expect("a status");
        (status, head.to_lowercase(), body.to_string())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for(ready: &Path) -> serde_json::Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !ready.exists() {
        assert!(Instant::now() < deadline, "no ready file within a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
    let text = std::fs::read_to_string(ready).expect("the ready file");
    serde_json::from_str(&text).expect("JSON")
}

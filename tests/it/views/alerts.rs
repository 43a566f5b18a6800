//! Alerts: each regression once, whatever later data say; told to a webhook that fails at first.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use datafusion::catalog::{MemTable, TableProvider};
use mission_control::alerts::AlertSettings;
use mission_control::session::{EngineOptions, Relations};
use tempfile::TempDir;

use super::rows::{MEASURES, answer, batch, calendar, session};
use super::verdicts::{Releases, releases};
use crate::support::TestServer;

fn relations(data: &Releases) -> Relations {
    let rows = batch(&data.rows);
    let table = MemTable::try_new(rows.schema(), vec![vec![rows]]).expect("a table");
    let table: Arc<dyn TableProvider> = Arc::new(table);
    Relations {
        public: BTreeMap::from([("error_aggregates".to_string(), table)]),
        measures: MEASURES.iter().map(ToString::to_string).collect(),
        ..Relations::default()
    }
}

const ALERTS: &str = "SELECT version, measure, first_moment, sentence FROM alerts ORDER BY version, measure";

#[tokio::test(flavor = "multi_thread")]
async fn late_data_neither_take_an_alert_back_nor_repeat_it() {
    let worse = releases(&[40, 41, 39, 40, 41, 64]);
    let session = session(&worse.rows, &calendar(worse.entries.clone())).await;
    let raised = answer(&session, ALERTS).await;
    assert_eq!(raised.len(), 2, "{raised:?}");
    assert!(raised[0].starts_with("15.0 content_crashes 2018-01-"), "{raised:?}");
    assert!(raised[1].contains("times the baseline"), "{raised:?}");
    // The first moment is that of the verdict's history.
    let history =
        "SELECT version, measure, regressed_at FROM release_verdicts WHERE verdict = 'regressed' ORDER BY 1, 2";
    for (alert, verdict) in raised.iter().zip(answer(&session, history).await) {
        assert!(alert.starts_with(&verdict), "{alert} {verdict}");
    }
    // Usage that was reported late makes the release as good as the others.
    let healed = releases(&[40, 41, 39, 40, 41, 40]);
    session.engine().publish(relations(&healed)).await.expect("published");
    let now = "SELECT DISTINCT verdict FROM release_verdicts WHERE version = '15.0' AND measure = 'main_crashes'";
    assert_eq!(answer(&session, now).await, ["ok"]);
    assert_eq!(answer(&session, ALERTS).await, raised);
    session.engine().publish(relations(&worse)).await.expect("published");
    assert_eq!(answer(&session, ALERTS).await, raised);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_release_raises_no_alert() {
    let mut worse = releases(&[40, 41, 39, 40, 41, 64]);
    worse.entries[5].flag = Some("acknowledged".to_string());
    let session = session(&worse.rows, &calendar(worse.entries.clone())).await;
    assert!(answer(&session, ALERTS).await.is_empty());
    let found = "SELECT verdict, is_acknowledged, regressed_at IS NOT NULL FROM release_verdicts \
                 WHERE version = '15.0' AND measure = 'main_crashes'";
    assert_eq!(answer(&session, found).await, ["watch true true"]);
    let reason = "SELECT reason FROM release_verdicts WHERE version = '15.0' AND measure = 'main_crashes'";
    let reason = answer(&session, reason).await.concat();
    assert!(reason.contains("which the calendar acknowledges"), "{reason}");
}

/// Answers 503 to the first request and 200 to the others, and hands on the bodies.
pub fn receiver() -> (String, Receiver<serde_json::Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let (bodies, received) = channel();
    std::thread::spawn(move || {
        for (index, stream) in listener.incoming().flatten().enumerate() {
            let status = if index == 0 {
                "503 Service Unavailable"
            } else {
                "200 OK"
            };
            if let Some(body) = serve(stream, status)
                && bodies.send(body).is_err()
            {
                return;
            }
        }
    });
    (address, received)
}

fn serve(stream: TcpStream, status: &str) -> Option<serde_json::Value> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(given) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = given.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    reader.into_inner().write_all(answer.as_bytes()).ok()?;
    serde_json::from_slice(&body).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_gets_each_alert_once_and_is_tried_again() {
    let folder = TempDir::new().expect("a folder");
    let (address, received) = receiver();
    let worse = releases(&[40, 41, 39, 40, 41, 64]);
    let options = EngineOptions {
        vocabulary: calendar(worse.entries.clone()),
        alerts: AlertSettings {
            folder: Some(folder.path().to_path_buf()),
            webhook: Some(address),
            webhook_wait_seconds: Some(0.05),
            ..AlertSettings::default()
        },
        ..EngineOptions::default()
    };
    let server = TestServer::over_rows_with(&batch(&worse.rows), options).await;
    let wait =
        |received: &Receiver<serde_json::Value>| received.recv_timeout(Duration::from_secs(120)).expect("an alert");
    let bodies = [wait(&received), wait(&received), wait(&received)];
    assert_eq!(bodies[0], bodies[1], "the first one was refused and came again");
    let measures = [&bodies[1]["measure"], &bodies[2]["measure"]];
    assert_eq!(measures, ["content_crashes", "main_crashes"]);
    assert_eq!(bodies[2]["version"], "15.0");
    assert!(
        bodies[2]["sentence"]
            .as_str()
            .is_some_and(|text| text.contains("times the baseline"))
    );
    assert!(
        received.recv_timeout(Duration::from_millis(500)).is_err(),
        "an alert was repeated"
    );
    let rows = server.postgres_rows(ALERTS).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(
        server.flight_rows("SELECT COUNT(*) FROM alerts").await,
        [[Some("2".to_string())]]
    );
    let stored = std::fs::read_to_string(folder.path().join("alerts.ndjson")).expect("the file");
    assert_eq!(stored.matches("{\"raised\"").count(), 2, "{stored}");
    assert_eq!(stored.matches("{\"settled\"").count(), 2, "{stored}");
}

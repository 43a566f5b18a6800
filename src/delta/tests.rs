//! What is refused of other writers' tables, and logs that are not whole.

use std::sync::Arc;

use object_store::memory::InMemory;

use super::*;

async fn table(commits: &[&str]) -> Result<Option<DeltaLog>> {
    let storage = Storage::of_objects(Arc::new(InMemory::new()));
    for (version, text) in (0i64..).zip(commits) {
        if !text.is_empty() {
            storage.replace(&commit_path(version), text.to_string().into()).await?;
        }
    }
    DeltaLog::open(storage).await
}

const METADATA: &str = r#"{"metaData":{"id":"x","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[]}","partitionColumns":[],"configuration":{}}}"#;

fn first(protocol: &str) -> String {
    format!("{{\"protocol\":{protocol}}}\n{METADATA}\n")
}

#[tokio::test]
async fn plain_tables_are_read_and_others_refused_by_the_feature_that_they_need() {
    assert!(table(&[]).await.unwrap().is_none());
    for plain in [
        r#"{"minReaderVersion":1,"minWriterVersion":2}"#,
        r#"{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["appendOnly","changeDataFeed"]}"#,
        r#"{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}"#,
    ] {
        assert!(table(&[&first(plain)]).await.unwrap().is_some(), "{plain}");
    }
    for (protocol, feature) in [
        (r#"{"minReaderVersion":2,"minWriterVersion":5}"#, "columnMapping"),
        (
            r#"{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["v2Checkpoint"]}"#,
            "v2Checkpoint",
        ),
        (r#"{"minReaderVersion":4,"minWriterVersion":8}"#, "reader version 4"),
    ] {
        let error = table(&[&first(protocol)]).await.expect_err(protocol);
        assert!(error.message.ends_with(feature), "{}", error.message);
    }
}

#[tokio::test]
async fn deleted_rows_inside_a_file_are_refused() {
    let protocol = r#"{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}"#;
    let add = r#"{"add":{"path":"a.parquet","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true,"deletionVector":{"storageType":"u"}}}"#;
    let error = table(&[&first(protocol), add]).await.expect_err("a deletion vector");
    assert!(error.message.ends_with("deletionVectors"), "{}", error.message);
}

#[tokio::test]
async fn a_log_with_a_gap_or_garbage_is_damaged() {
    let plain = first(r#"{"minReaderVersion":1,"minWriterVersion":2}"#);
    let add = r#"{"add":{"path":"a.parquet","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true}}"#;
    for commits in [
        vec![plain.as_str(), "", add],
        vec!["garbage"],
        vec![add],
        vec![plain.as_str(), "{\"add\":{}}"],
    ] {
        let error = table(&commits).await.expect_err("a damaged log");
        assert_eq!(error.message, "the log of the delta table is damaged", "{commits:?}");
    }
}

#[tokio::test]
async fn a_commit_decided_on_an_older_version_is_overtaken() {
    let plain = first(r#"{"minReaderVersion":1,"minWriterVersion":2}"#);
    let log = table(&[&plain]).await.unwrap().expect("a table");
    log.commit(0, json!({}), vec![]).await.expect("the first");
    let second = log.commit(0, json!({}), vec![]).await;
    assert!(matches!(second, Err(CommitError::Overtaken)));
    assert_eq!(log.state().version, 1);
}

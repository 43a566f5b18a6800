//! Statement queries: columns exactly as announced, errors before the first row, cancelling, deadlines, the end.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow_flight::sql::{CommandStatementQuery, ProstMessageExt};
use arrow_flight::{CancelFlightInfoRequest, CancelStatus, FlightClient, FlightDescriptor};
use futures::StreamExt;
use prost::Message;
use tonic::Code;

use super::*;

/// Queries and how many rows each gives.
const QUERIES: &[(&str, usize)] = &[
    ("SELECT * FROM types", 3),
    ("SELECT * FROM empty", 0),
    ("SELECT * FROM big_types", 1),
    ("SELECT * FROM mission_control.status", 1),
    ("SELECT * FROM types WHERE false", 0),
    ("SELECT nothing FROM types", 3),
    ("SELECT NULL AS n", 1),
    ("SELECT 1", 1),
    ("SELECT 1 AS a, 1 AS b, 'x' AS c, 1.5 AS d, 2.5::float8 AS e", 1),
    ("SELECT true, false, NULL::boolean", 1),
    ("SELECT 'text', 'more'::varchar, 'abc'::bytea", 1),
    (
        "SELECT DATE '2018-06-04', TIMESTAMP '2018-06-04 12:00:00', TIMESTAMPTZ '2018-06-04 12:00:00+02'",
        1,
    ),
    ("SELECT instant, local, day, clock FROM types", 3),
    ("SELECT instant AT TIME ZONE 'Europe/Berlin' FROM types", 3),
    (
        "SELECT date_trunc('hour', instant) AS hour, count(*) FROM types GROUP BY 1 ORDER BY 1",
        3,
    ),
    ("SELECT date_bin(INTERVAL '5 minutes', instant) FROM types", 3),
    ("SELECT INTERVAL '1 day 2 hours'", 1),
    ("SELECT now() AS n", 1),
    ("SELECT now() - instant FROM types WHERE big = 1", 1),
    ("SELECT nested FROM types", 3),
    ("SELECT nested['number'] AS number FROM types", 3),
    ("SELECT list FROM types", 3),
    ("SELECT ARRAY[1, 2, 3] AS numbers", 1),
    ("SELECT array_agg(label ORDER BY big) FROM types", 1),
    ("SELECT array_agg(nested) FROM types", 1),
    ("SELECT unnest(list) FROM types", 2),
    ("SELECT struct(1, 'a') AS s", 1),
    (
        "SELECT count(*), sum(big), avg(double), min(label), max(instant) FROM types",
        1,
    ),
    ("SELECT count(*), sum(medium), min(day) FROM empty", 1),
    ("SELECT label, count(*) AS n FROM types GROUP BY label", 3),
    ("SELECT label, count(*) AS n FROM empty GROUP BY label", 0),
    ("SELECT word, large, bytes FROM types ORDER BY word", 3),
    (
        "SELECT label, row_number() OVER (ORDER BY big) AS position FROM types",
        3,
    ),
    ("SELECT big, lag(big) OVER (ORDER BY medium) FROM types", 3),
    ("SELECT exact * 2, exact / 3, sum(exact) OVER () FROM types", 3),
    (
        "SELECT a.label, b.big FROM types a LEFT JOIN types b ON a.big = b.big",
        3,
    ),
    ("SELECT label FROM types UNION ALL SELECT word FROM types", 6),
    ("SELECT big FROM types UNION SELECT 1.5", 4),
    ("WITH t AS (SELECT big FROM types) SELECT * FROM t WHERE big IS NULL", 1),
    (
        "SELECT CASE WHEN big > 1 THEN 'many' ELSE 'few' END AS size FROM types",
        3,
    ),
    ("SELECT coalesce(label, 'none') FROM types", 3),
    ("SELECT (SELECT max(big) FROM types) AS most", 1),
    ("SELECT label FROM types WHERE big IN (SELECT big FROM types)", 2),
    ("SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS v(n, t)", 2),
    ("VALUES (1), (2)", 2),
    ("SELECT * FROM generate_series(1, 10)", 10),
    ("SELECT DISTINCT flag FROM types", 3),
    ("SELECT label FROM types ORDER BY label LIMIT 1", 1),
    ("SELECT version(), current_user, current_setting('server_version')", 1),
    ("SHOW server_version", 1),
    ("SHOW ALL", 0),
    ("EXPLAIN (FORMAT json, ANALYZE) SELECT * FROM types", 1),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_announced_columns_are_those_of_the_stream() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let mut plain = FlightClient::new(server.channel().await);
    for (sql, rows) in QUERIES {
        let info = client
            .execute((*sql).to_string(), None)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let announced = info.clone().try_decode_schema().unwrap();
        let stream = client
            .do_get(ticket(&info))
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let result = collect(stream).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(result.schema().as_ref(), &announced, "{sql}");
        let command = CommandStatementQuery {
            query: (*sql).to_string(),
            transaction_id: None,
        };
        let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
        assert_eq!(plain.get_schema(descriptor).await.unwrap(), announced, "{sql}");
        let prepared = client.prepare((*sql).to_string(), None).await.unwrap();
        assert_eq!(prepared.dataset_schema().unwrap(), &announced, "{sql}");
        if *sql == "SHOW ALL" {
            assert!(result.num_rows() > 10);
        } else {
            assert_eq!(result.num_rows(), *rows, "{sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_arrives_plain_and_with_its_values() {
    let server = Server::start().await;
    let result = query(&mut server.client().await, "SELECT * FROM types").await.unwrap();
    let item = Field::new_list_field(DataType::Int32, true);
    let inner = vec![
        Field::new("number", DataType::Int64, true),
        Field::new("text", DataType::Utf8, true),
    ];
    let expected = [
        ("flag", DataType::Boolean),
        ("small", DataType::Int16),
        ("medium", DataType::Int32),
        ("big", DataType::Int64),
        ("single", DataType::Float32),
        ("double", DataType::Float64),
        ("exact", DataType::Decimal128(10, 2)),
        ("label", DataType::Utf8),
        ("large", DataType::Utf8),
        ("word", DataType::Utf8),
        ("bytes", DataType::Binary),
        ("day", DataType::Date32),
        ("clock", DataType::Time64(TimeUnit::Microsecond)),
        (
            "instant",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ),
        ("local", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("list", DataType::List(Arc::new(item))),
        ("nested", DataType::Struct(inner.into())),
        ("nothing", DataType::Int64),
    ];
    let fields: Vec<Field> = expected
        .map(|(name, data_type)| Field::new(name, data_type, true))
        .into();
    assert_eq!(result.schema().as_ref(), &Schema::new(fields));
    let source = every_type();
    for (column, field) in result.columns().iter().zip(result.schema().fields()) {
        let original = source.column_by_name(field.name()).unwrap();
        let plain = arrow::compute::cast(original, field.data_type()).unwrap();
        assert_eq!(column, &plain, "{}", field.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_that_the_engine_makes_are_in_microseconds_too() {
    let server = Server::start().await;
    let sql = "SELECT now() AS a, to_timestamp(1528070400) AS b, ARRAY[now()] AS c, now()::time AS d";
    let result = query(&mut server.client().await, sql).await.unwrap();
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    assert_eq!(result.schema().field(0).data_type(), &instant);
    assert_eq!(
        result.schema().field(3).data_type(),
        &DataType::Time64(TimeUnit::Microsecond)
    );
    let local = result
        .column(1)
        .as_any()
        .downcast_ref::<TimestampMicrosecondArray>()
        .unwrap();
    assert_eq!(local.value(0), 1_528_070_400_000_000);
    let list = DataType::List(Arc::new(Field::new_list_field(instant, true)));
    assert_eq!(result.schema().field(2).data_type(), &list);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_come_with_code_and_sqlstate() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for (sql, code, sqlstate) in [
        ("SELECT * FROM missing", Code::NotFound, "42P01"),
        ("SELECT missing FROM types", Code::InvalidArgument, "42703"),
        ("SELEC 1", Code::InvalidArgument, "42601"),
        ("", Code::InvalidArgument, "42601"),
        ("SELECT 1; SELECT 2", Code::InvalidArgument, "42601"),
        ("SELECT nofunction(1)", Code::InvalidArgument, "42883"),
        ("SELECT 1/0", Code::InvalidArgument, "22012"),
        ("SELECT 'x'::int", Code::InvalidArgument, "22P02"),
        ("SELECT big / 0 FROM types", Code::InvalidArgument, "22012"),
        ("SELECT $1::int", Code::InvalidArgument, "08P01"),
        (
            "COPY (SELECT 1) TO '/tmp/x.parquet' STORED AS PARQUET",
            Code::PermissionDenied,
            "42501",
        ),
        ("SET timezone = 'UTC'", Code::Unimplemented, "0A000"),
        ("BEGIN", Code::Unimplemented, "0A000"),
        ("COPY types TO STDOUT", Code::Unimplemented, "0A000"),
    ] {
        let status = query(&mut client, sql).await.expect_err(sql);
        assert_refused(&status, code, sqlstate);
    }
    let status = query(&mut client, "SELECT * FROM missing").await.unwrap_err();
    assert_eq!(
        status.message().lines().next(),
        Some("relation \"missing\" does not exist")
    );
    assert_eq!(server.count(|counts| counts.statement_errors_total.load(Relaxed)), 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_fails_at_once_fails_the_call_itself() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client
        .execute("SELECT big / (big - big) FROM types".to_string(), None)
        .await
        .unwrap();
    let Err(error) = client.do_get(ticket(&info)).await else {
        panic!("a stream began where an error was due");
    };
    assert_refused(&status_of(error), Code::InvalidArgument, "22012");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_longer_than_allowed_is_refused() {
    let limits = Limits {
        max_statement_bytes: 100,
        ..Limits::default()
    };
    let server = Server::start_with_limits(FlightOptions::default(), limits).await;
    let mut client = server.client().await;
    let long = format!("SELECT '{}'", "x".repeat(100));
    assert_refused(
        &query(&mut client, &long).await.unwrap_err(),
        Code::ResourceExhausted,
        "54000",
    );
    let status = client
        .prepare(long, None)
        .await
        .map(|_| ())
        .map_err(status_of)
        .unwrap_err();
    assert_refused(&status, Code::ResourceExhausted, "54000");
    assert!(query(&mut client, "SELECT 1").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_of_megabytes_runs() {
    let server = Server::start().await;
    let sql = format!("SELECT length('{}') AS n", "x".repeat(6 << 20));
    let mut client =
        FlightSqlServiceClient::new_from_inner(server.plain_client().await.max_decoding_message_size(16 << 20));
    let result = query(&mut client, &sql).await.unwrap();
    assert_eq!(result.num_rows(), 1);
}

const ENDLESS: &str = "SELECT a.a FROM generate_series(1, 100000000) a, generate_series(1, 100000) b";

#[tokio::test(flavor = "multi_thread")]
async fn a_download_is_cancelled_by_its_flight_info() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.execute(ENDLESS.to_string(), None).await.unwrap();
    let mut rows = client.do_get(ticket(&info)).await.unwrap();
    assert!(rows.next().await.unwrap().is_ok());
    let mut canceller = FlightClient::new(server.channel().await);
    let request = CancelFlightInfoRequest::new(info.clone());
    let started = Instant::now();
    let result = canceller.cancel_flight_info(request.clone()).await.unwrap();
    assert_eq!(result.status(), CancelStatus::Cancelled);
    let status = loop {
        match rows.next().await.expect("an error, not an end") {
            Ok(_) => {}
            Err(error) => break status_of(error),
        }
    };
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_refused(&status, Code::Cancelled, "57014");
    let again = canceller.cancel_flight_info(request).await.unwrap();
    assert_eq!(again.status(), CancelStatus::NotCancellable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_s_deadline_ends_its_rows() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.execute(ENDLESS.to_string(), None).await.unwrap();
    client.set_header("grpc-timeout", "2S");
    let started = Instant::now();
    let status = rows_of(&mut client, &info).await.unwrap_err();
    assert_refused(&status, Code::DeadlineExceeded, "57014");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_server_ends_downloads_and_closes_what_is_idle() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let idle = server.client().await;
    let info = client.execute(ENDLESS.to_string(), None).await.unwrap();
    let mut rows = client.do_get(ticket(&info)).await.unwrap();
    assert!(rows.next().await.unwrap().is_ok());
    server.shutdown.drain();
    eventually("the idle connection is closed", || server.open_connections() == 1).await;
    assert!(rows.next().await.unwrap().is_ok());
    let endpoint = Channel::from_shared(server.address.clone()).unwrap();
    assert!(endpoint.connect().await.is_err());
    server.shutdown.end();
    let status = loop {
        match rows.next().await.expect("an error, not an end") {
            Ok(_) => {}
            Err(error) => break status_of(error),
        }
    };
    assert_refused(&status, Code::Unavailable, "57P01");
    drop((rows, client, idle));
    eventually("the server has stopped", || server.serving.is_finished()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_download_stops_and_is_counted() {
    let server = Server::start().await;
    let mut client = server.client().await;
    assert_eq!(
        query(&mut client, "SELECT * FROM generate_series(1, 1000)")
            .await
            .unwrap()
            .num_rows(),
        1000
    );
    assert_eq!(server.count(|counts| counts.rows_sent_total.load(Relaxed)), 1000);
    assert!(server.count(|counts| counts.bytes_sent_total.load(Relaxed)) > 8000);
    let info = client.execute(ENDLESS.to_string(), None).await.unwrap();
    let mut rows = client.do_get(ticket(&info)).await.unwrap();
    assert!(rows.next().await.unwrap().is_ok());
    drop((rows, client));
    eventually("the connection is closed", || server.open_connections() == 0).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let sent = server.count(|counts| counts.rows_sent_total.load(Relaxed));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.count(|counts| counts.rows_sent_total.load(Relaxed)), sent);
    assert_eq!(server.count(|counts| counts.statements_total.load(Relaxed)), 2);
    assert_eq!(server.count(|counts| counts.statement_errors_total.load(Relaxed)), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_message_is_larger_than_clients_take() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let sql = "SELECT repeat('x', 2000) AS text FROM generate_series(1, 8192)";
    let info = client.execute(sql.to_string(), None).await.unwrap();
    let stream = client.inner_mut().do_get(ticket(&info)).await.unwrap().into_inner();
    let sizes: Vec<usize> = stream.map(|message| message.unwrap().encoded_len()).collect().await;
    assert!(sizes.iter().sum::<usize>() > 16_000_000);
    assert!(sizes.iter().all(|size| *size < 2 << 20), "{sizes:?}");
    assert!(sizes.len() < 100, "{} messages", sizes.len());
}

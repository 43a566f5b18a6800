//! Prepared statements: parameters by number, several rows, types, owners, limits.

use arrow::array::Float64Array;
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, CommandPreparedStatementQuery, CommandStatementIngest, ProstMessageExt,
};
use arrow_flight::{Action, FlightClient, FlightData, FlightDescriptor};
use prost::Message;

use super::*;

fn parameters(columns: Vec<ArrayRef>) -> RecordBatch {
    let named = columns
        .into_iter()
        .enumerate()
        .map(|(index, column)| (format!("p{index}"), column));
    RecordBatch::try_from_iter(named).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn eleven_parameters_keep_their_numbers() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let list: Vec<String> = (1..=11)
        .rev()
        .map(|number| format!("1000 * {number} + ${number} AS p{number}"))
        .collect();
    let mut statement = client
        .prepare(format!("SELECT {}", list.join(", ")), None)
        .await
        .unwrap();
    let names: Vec<&str> = statement
        .parameter_schema()
        .unwrap()
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(
        names,
        ["$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11"]
    );
    let columns = (1..=11)
        .map(|number| Arc::new(Int64Array::from(vec![number])) as ArrayRef)
        .collect();
    statement.set_parameters(parameters(columns)).unwrap();
    let info = statement.execute().await.unwrap();
    let result = rows_of(&mut client, &info).await.unwrap();
    assert_eq!(result.schema().as_ref(), statement.dataset_schema().unwrap());
    for (column, number) in (1..=11).rev().enumerate() {
        assert_eq!(integers(&result, column), [Some(1001 * number)], "p{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_parameters_gives_its_rows_in_order() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let sql = "SELECT value * $2 AS product FROM generate_series(1, 3) AS s(value) WHERE value >= $1 ORDER BY value";
    let mut statement = client.prepare(sql.to_string(), None).await.unwrap();
    let least: ArrayRef = Arc::new(Int32Array::from(vec![Some(2), Some(9), None, Some(1)]));
    let factor: ArrayRef = Arc::new(Int64Array::from(vec![10, 10, 10, 100]));
    statement.set_parameters(parameters(vec![least, factor])).unwrap();
    let info = statement.execute().await.unwrap();
    let result = rows_of(&mut client, &info).await.unwrap();
    let expected = [20, 30, 100, 200, 300].map(Some);
    assert_eq!(integers(&result, 0), expected);
    assert_eq!(statement.execute_update().await.unwrap(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_take_the_types_of_the_statement() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let sql = "SELECT label FROM types WHERE big = $1 AND label = $2 AND double < $3 AND instant > $4";
    let mut statement = client.prepare(sql.to_string(), None).await.unwrap();
    let types: Vec<DataType> = statement
        .parameter_schema()
        .unwrap()
        .fields()
        .iter()
        .map(|field| field.data_type().clone())
        .collect();
    let instant = DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()));
    assert_eq!(types, [DataType::Int64, DataType::Utf8, DataType::Float64, instant]);
    let bound = parameters(vec![
        Arc::new(StringArray::from(vec!["1"])),
        Arc::new(LargeStringArray::from(vec!["release"])),
        Arc::new(Int32Array::from(vec![1])),
        Arc::new(StringArray::from(vec!["2018-06-03T23:59:59Z"])),
    ]);
    statement.set_parameters(bound).unwrap();
    let info = statement.execute().await.unwrap();
    assert_eq!(texts(&rows_of(&mut client, &info).await.unwrap(), 0), [Some("release")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_binding_leaves_older_tickets_as_they_were() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let mut statement = client.prepare("SELECT 1 + $1 AS n".to_string(), None).await.unwrap();
    let mut infos = Vec::new();
    for number in 0..6 {
        statement
            .set_parameters(parameters(vec![Arc::new(Int64Array::from(vec![number]))]))
            .unwrap();
        infos.push(statement.execute().await.unwrap());
    }
    assert_eq!(integers(&rows_of(&mut client, &infos[4]).await.unwrap(), 0), [Some(5)]);
    assert_eq!(integers(&rows_of(&mut client, &infos[5]).await.unwrap(), 0), [Some(6)]);
    assert_refused(
        &rows_of(&mut client, &infos[0]).await.unwrap_err(),
        Code::NotFound,
        "42704",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_bindings_are_refused() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let mut statement = client.prepare("SELECT 1 + $1 AS n".to_string(), None).await.unwrap();
    let unbound = statement.execute().await.unwrap();
    assert_refused(
        &rows_of(&mut client, &unbound).await.unwrap_err(),
        Code::InvalidArgument,
        "08P01",
    );
    let one: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    statement.set_parameters(parameters(vec![one.clone(), one])).unwrap();
    let status = Status::from(statement.execute().await.unwrap_err());
    assert_refused(&status, Code::InvalidArgument, "08P01");
    statement
        .set_parameters(parameters(vec![Arc::new(StringArray::from(vec!["one"]))]))
        .unwrap();
    let status = Status::from(statement.execute().await.unwrap_err());
    assert_refused(&status, Code::InvalidArgument, "22P02");
    assert!(
        status
            .message()
            .starts_with("parameter $1 is Utf8 and does not become Int64"),
        "{status}"
    );
    statement
        .set_parameters(parameters(vec![Arc::new(Float64Array::from(Vec::<f64>::new()))]))
        .unwrap();
    let info = statement.execute().await.unwrap();
    assert_eq!(rows_of(&mut client, &info).await.unwrap().num_rows(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_belongs_to_its_user_until_closed() {
    let server = Server::start().await;
    let mut ada = server.client().await;
    ada.handshake("ada", "secret").await.unwrap();
    let mut bob = server.client().await;
    bob.handshake("bob", "secret").await.unwrap();
    let mut statement = ada.prepare("SELECT current_user".to_string(), None).await.unwrap();
    let info = statement.execute().await.unwrap();
    assert_eq!(texts(&rows_of(&mut ada, &info).await.unwrap(), 0), [Some("ada")]);
    let handle = handle_of(&server, "ada").await;
    for (client, code, sqlstate) in [(&mut bob, Code::NotFound, "26000")] {
        let descriptor = FlightDescriptor::new_cmd(handle.as_any().encode_to_vec());
        let mut request = tonic::Request::new(descriptor);
        let bearer = format!("Bearer {}", client.token().unwrap());
        request.metadata_mut().insert("authorization", bearer.parse().unwrap());
        let status = client.inner_mut().get_flight_info(request).await.unwrap_err();
        assert_refused(&status, code, sqlstate);
    }
    statement.close().await.unwrap();
    let status = rows_of(&mut ada, &info).await.unwrap_err();
    assert_refused(&status, Code::NotFound, "26000");
}

/// A prepared statement's handle, which the client of arrow-flight keeps to itself.
async fn handle_of(server: &Server, user: &str) -> CommandPreparedStatementQuery {
    let mut client = FlightClient::new(server.channel().await);
    let basic = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("{user}:secret"));
    client.add_header("authorization", &format!("Basic {basic}")).unwrap();
    let request = arrow_flight::sql::ActionCreatePreparedStatementRequest {
        query: "SELECT 1".to_string(),
        transaction_id: None,
    };
    let body = request.as_any().encode_to_vec();
    let results: Vec<bytes::Bytes> = client
        .do_action(Action::new("CreatePreparedStatement", body))
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let any = arrow_flight::sql::Any::decode(results[0].clone()).unwrap();
    let result: arrow_flight::sql::ActionCreatePreparedStatementResult = any.unpack().unwrap().unwrap();
    CommandPreparedStatementQuery {
        prepared_statement_handle: result.prepared_statement_handle,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_limited_in_number() {
    let options = FlightOptions {
        max_prepared_statements: 2,
        ..FlightOptions::default()
    };
    let server = Server::start_with(options).await;
    let mut client = server.client().await;
    let first = client.prepare("SELECT 1".to_string(), None).await.unwrap();
    let _second = client.prepare("SELECT 2".to_string(), None).await.unwrap();
    let status = client
        .prepare("SELECT 3".to_string(), None)
        .await
        .map(|_| ())
        .map_err(status_of)
        .unwrap_err();
    assert_refused(&status, Code::ResourceExhausted, "53400");
    first.close().await.unwrap();
    assert!(client.prepare("SELECT 3".to_string(), None).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_without_use_are_forgotten() {
    let options = FlightOptions {
        max_prepared_statements: 1,
        prepared_idle_lifetime: Duration::from_millis(50),
        ..FlightOptions::default()
    };
    let server = Server::start_with(options).await;
    let mut client = server.client().await;
    let mut old = client.prepare("SELECT 1".to_string(), None).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_refused(&status_of(old.execute().await.unwrap_err()), Code::NotFound, "26000");
    assert!(client.prepare("SELECT 2".to_string(), None).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_write_is_refused() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let status = client
        .execute_update("DELETE FROM types".to_string(), None)
        .await
        .map_err(status_of)
        .unwrap_err();
    assert_refused(&status, Code::PermissionDenied, "25006");
    let status = client
        .prepare("INSERT INTO types (big) VALUES ($1)".to_string(), None)
        .await
        .map(|_| ());
    assert_refused(&status.map_err(status_of).unwrap_err(), Code::PermissionDenied, "25006");
    let rows = futures::stream::iter(vec![Ok(every_type())]);
    let ingest = CommandStatementIngest {
        table: "types".to_string(),
        ..CommandStatementIngest::default()
    };
    let status = client
        .execute_ingest(ingest, rows)
        .await
        .map_err(status_of)
        .unwrap_err();
    assert_refused(&status, Code::PermissionDenied, "25006");
    let status = status_of(client.begin_transaction().await.unwrap_err());
    assert_refused(&status, Code::Unimplemented, "0A000");
    assert_eq!(
        client
            .execute_update("SELECT * FROM types".to_string(), None)
            .await
            .unwrap(),
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_uploads_and_actions_is_refused() {
    let server = Server::start().await;
    let mut plain = server.plain_client().await;
    let command = handle_of(&server, "").await;
    let garbage = FlightData::new()
        .with_data_header(vec![9; 64])
        .with_data_body(vec![1; 3]);
    for (first, code) in [
        (FlightData::new(), Code::InvalidArgument),
        (garbage.clone(), Code::InvalidArgument),
        (
            garbage.clone().with_descriptor(FlightDescriptor::new_cmd(vec![255; 9])),
            Code::InvalidArgument,
        ),
        (
            garbage
                .clone()
                .with_descriptor(FlightDescriptor::new_path(vec!["t".into()])),
            Code::PermissionDenied,
        ),
        (
            garbage.with_descriptor(FlightDescriptor::new_cmd(command.as_any().encode_to_vec())),
            Code::InvalidArgument,
        ),
    ] {
        let status = plain.do_put(futures::stream::iter([first])).await.unwrap_err();
        assert_eq!(status.code(), code, "{status:?}");
    }
    for name in [
        "CreatePreparedStatement",
        "ClosePreparedStatement",
        "CancelFlightInfo",
        "CancelQuery",
    ] {
        for body in [vec![], vec![255; 20], b"SELECT 1".to_vec()] {
            let status = plain.do_action(Action::new(name, body)).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument, "{name}: {status:?}");
        }
    }
    let unknown = ActionClosePreparedStatementRequest {
        prepared_statement_handle: vec![1; 16].into(),
    };
    let action = Action::new("ClosePreparedStatement", unknown.as_any().encode_to_vec());
    assert_refused(&plain.do_action(action).await.unwrap_err(), Code::NotFound, "26000");
    let status = plain.do_action(Action::new("Unknown", "")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

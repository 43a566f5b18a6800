//! Tickets that were forged, have expired or belong to somebody else, and bytes that are no ticket at all.

use arrow_flight::FlightDescriptor;
use arrow_flight::sql::{Any, CommandGetTables, ProstMessageExt, TicketStatementQuery};
use prost::Message;

use super::*;

async fn refusal(client: &mut Client, bytes: Vec<u8>) -> Status {
    match client.do_get(Ticket::new(bytes)).await {
        Ok(stream) => collect(stream).await.expect_err("a refusal"),
        Err(error) => status_of(error),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_unchanged_tickets_of_this_server_are_taken() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.execute("SELECT 1".to_string(), None).await.unwrap();
    let good = ticket(&info).ticket.to_vec();
    for index in 0..good.len() {
        let mut forged = good.clone();
        forged[index] ^= 1;
        let status = refusal(&mut client, forged).await;
        assert_refused(&status, Code::InvalidArgument, "22023");
    }
    let other = Server::start().await;
    let foreign = other
        .client()
        .await
        .execute("SELECT 1".to_string(), None)
        .await
        .unwrap();
    let status = refusal(&mut client, ticket(&foreign).ticket.to_vec()).await;
    assert_refused(&status, Code::InvalidArgument, "22023");
    assert_eq!(rows_of(&mut client, &info).await.unwrap().num_rows(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_ticket_are_refused() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let statement = TicketStatementQuery {
        statement_handle: b"SELECT 1".as_slice().into(),
    };
    let unknown = Any {
        type_url: "type.googleapis.com/x".to_string(),
        value: vec![1, 2, 3].into(),
    };
    let lies = Any {
        type_url: TicketStatementQuery::type_url().to_string(),
        value: vec![255; 30].into(),
    };
    let mut cases = vec![
        vec![],
        b"SELECT 1".to_vec(),
        vec![0; 100],
        vec![255; 100],
        statement.as_any().encode_to_vec(),
        CommandGetTables::default().as_any().encode_to_vec(),
        unknown.encode_to_vec(),
        lies.encode_to_vec(),
    ];
    // A small generator with a fixed seed: the same bytes every time.
    let mut state = 42_u64;
    for length in 0..200 {
        let random = (0..length).map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        });
        cases.push(random.collect());
    }
    for bytes in cases {
        assert_refused(&refusal(&mut client, bytes).await, Code::InvalidArgument, "22023");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_expire_and_belong_to_their_user() {
    let options = FlightOptions {
        ticket_lifetime: Duration::from_millis(1),
        ..FlightOptions::default()
    };
    let server = Server::start_with(options).await;
    let mut client = server.client().await;
    let info = client.execute("SELECT 1".to_string(), None).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_refused(&rows_of(&mut client, &info).await.unwrap_err(), Code::NotFound, "42704");

    let server = Server::start().await;
    let mut ada = server.client().await;
    ada.handshake("ada", "any").await.unwrap();
    let info = ada.execute("SELECT current_user".to_string(), None).await.unwrap();
    let mut nobody = server.client().await;
    assert_refused(
        &rows_of(&mut nobody, &info).await.unwrap_err(),
        Code::PermissionDenied,
        "42501",
    );
    assert_eq!(texts(&rows_of(&mut ada, &info).await.unwrap(), 0), [Some("ada")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_commands_are_refused() {
    let server = Server::start().await;
    let mut plain = server.plain_client().await;
    let lies = Any {
        type_url: CommandGetTables::type_url().to_string(),
        value: vec![255; 30].into(),
    };
    let unknown = Any {
        type_url: "type.googleapis.com/arrow.flight.protocol.sql.Unheard".to_string(),
        value: vec![].into(),
    };
    for (descriptor, code) in [
        (FlightDescriptor::default(), Code::InvalidArgument),
        (FlightDescriptor::new_cmd(vec![]), Code::InvalidArgument),
        (FlightDescriptor::new_cmd(vec![255; 50]), Code::InvalidArgument),
        (FlightDescriptor::new_cmd(vec![0; 50]), Code::InvalidArgument),
        (FlightDescriptor::new_cmd(lies.encode_to_vec()), Code::InvalidArgument),
        (FlightDescriptor::new_cmd(unknown.encode_to_vec()), Code::Unimplemented),
        (FlightDescriptor::new_path(vec![]), Code::InvalidArgument),
        (FlightDescriptor::new_path(vec!["missing".into()]), Code::NotFound),
        (
            FlightDescriptor::new_path(vec!["../../etc/passwd".into()]),
            Code::PermissionDenied,
        ),
    ] {
        let status = plain.get_flight_info(descriptor.clone()).await.unwrap_err();
        assert_eq!(status.code(), code, "{descriptor:?}: {status:?}");
        let status = plain.get_schema(descriptor.clone()).await.unwrap_err();
        assert_eq!(status.code(), code, "{descriptor:?}: {status:?}");
    }
}

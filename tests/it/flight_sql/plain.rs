//! Plain Flight: listing, paths, queries as commands, and the handshake.

use arrow_flight::{FlightClient, FlightDescriptor};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_relation_is_listed_and_can_be_read() {
    let server = Server::start().await;
    let mut client = FlightClient::new(server.channel().await);
    let listed: Vec<FlightInfo> = client.list_flights("").await.unwrap().try_collect().await.unwrap();
    let paths: Vec<String> = listed
        .iter()
        .map(|info| info.flight_descriptor.as_ref().unwrap().path.join("/"))
        .collect();
    assert_eq!(
        paths,
        [
            "mission_control/sessions",
            "mission_control/status",
            "big_types",
            "empty",
            "types"
        ]
    );
    for (info, rows) in listed.into_iter().zip([1, 1, 1, 0, 3]) {
        let announced = info.clone().try_decode_schema().unwrap();
        let result = collect(client.do_get(ticket(&info)).await.unwrap()).await.unwrap();
        assert_eq!((result.schema().as_ref(), result.num_rows()), (&announced, rows));
        let again = client.get_flight_info(info.flight_descriptor.unwrap()).await.unwrap();
        assert_eq!(again.try_decode_schema().unwrap(), announced);
    }
    let some: Vec<FlightInfo> = client.list_flights("big").await.unwrap().try_collect().await.unwrap();
    assert_eq!(some.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_may_be_a_query() {
    let server = Server::start().await;
    let mut client = FlightClient::new(server.channel().await);
    let descriptor = FlightDescriptor::new_cmd("SELECT count(*) AS n FROM types");
    let info = client.get_flight_info(descriptor.clone()).await.unwrap();
    assert_eq!(info.flight_descriptor, Some(descriptor.clone()));
    assert_eq!(
        client.get_schema(descriptor).await.unwrap(),
        info.clone().try_decode_schema().unwrap()
    );
    let result = collect(client.do_get(ticket(&info)).await.unwrap()).await.unwrap();
    assert_eq!(integers(&result, 0), [Some(3)]);
    let refused = client
        .get_flight_info(FlightDescriptor::new_cmd("DROP TABLE types"))
        .await;
    assert_refused(&status_of(refused.unwrap_err()), Code::PermissionDenied, "25006");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_who_they_say_where_none_are_configured() {
    let server = Server::start().await;
    let mut client = server.client().await;
    assert_eq!(
        texts(&query(&mut client, "SELECT current_user").await.unwrap(), 0),
        [Some("anonymous")]
    );
    client.handshake("ada", "any password").await.unwrap();
    assert_eq!(
        texts(&query(&mut client, "SELECT current_user").await.unwrap(), 0),
        [Some("ada")]
    );
    client.set_token("a token of somebody else".to_string());
    assert_eq!(
        texts(&query(&mut client, "SELECT current_user").await.unwrap(), 0),
        [Some("anonymous")]
    );
    client.clear_token();
    client.set_header("authorization", "Nonsense");
    let status = query(&mut client, "SELECT 1").await.unwrap_err();
    assert_refused(&status, Code::Unauthenticated, "28000");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_not_offered_say_so() {
    let server = Server::start().await;
    let mut client = server.plain_client().await;
    let status = client
        .poll_flight_info(FlightDescriptor::new_cmd("SELECT 1"))
        .await
        .unwrap_err();
    assert_refused(&status, Code::Unimplemented, "0A000");
    let status = client.do_exchange(futures::stream::iter([])).await.unwrap_err();
    assert_refused(&status, Code::Unimplemented, "0A000");
}

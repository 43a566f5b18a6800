//! Flight SQL commands, tickets, actions and uploads, through the whole service without a network: the same decoding,
//! limits and statuses as behind the listener.

use std::convert::Infallible;
use std::time::Duration;

use arrow::array::{Int64Array, RecordBatch};
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, Any, CommandGetCatalogs, CommandGetCrossReference, CommandGetDbSchemas,
    CommandGetExportedKeys, CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables,
    CommandGetXdbcTypeInfo, CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest,
    CommandStatementQuery, CommandStatementSubstraitPlan, CommandStatementUpdate, ProstMessageExt,
    TicketStatementQuery,
};
use arrow_flight::{Action, CancelFlightInfoRequest, Criteria, FlightData, FlightDescriptor, HandshakeRequest, Ticket};
use bytes::Bytes;
use futures::TryStreamExt;
use http_body_util::{BodyExt, Full};
use mission_control::wire::flight_sql::{FlightOptions, service};
use prost::Message;
use rand::Rng;
use rand::seq::IndexedRandom;
use tonic::codegen::Service;
use tonic::codegen::http;
use tonic::{Code, Request, Status};

use super::mutate::{self, EDGES};
use super::statements::Grammar;
use super::world::World;
use super::{Random, Run, Verdict, shown};

/// The longest that a call may take; statements end after half a second.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);
/// The messages that are taken of a result.
const MOST_MESSAGES: usize = 4;

const METHODS: [&str; 11] = [
    "Handshake",
    "ListFlights",
    "GetFlightInfo",
    "PollFlightInfo",
    "GetSchema",
    "DoGet",
    "DoPut",
    "DoExchange",
    "DoAction",
    "ListActions",
    "Nothing",
];

const ACTIONS: [&str; 12] = [
    "CreatePreparedStatement",
    "ClosePreparedStatement",
    "CancelFlightInfo",
    "CancelQuery",
    "BeginTransaction",
    "EndTransaction",
    "CreatePreparedSubstraitPlan",
    "SetSessionOptions",
    "GetSessionOptions",
    "CloseSession",
    "",
    "Nothing🦊",
];

const HEADERS: [&str; 8] = [
    "Basic ZnV6ejp4",
    "Basic !!!",
    "Basic",
    "Bearer x",
    "Bearer ",
    "Digest x",
    "",
    "Basic YTpiOmM6ZA",
];

/// The service, what was learnt from it, and the pieces to make calls of.
struct Calls<'a, S> {
    client: FlightServiceClient<S>,
    grammar: &'a Grammar,
    tickets: Vec<Vec<u8>>,
    handles: Vec<Vec<u8>>,
}

#[test]
fn flight_messages() {
    let world = World::new("flight");
    let grammar = Grammar::new(&world);
    let options = FlightOptions {
        max_message_bytes: 200_000,
        max_prepared_statements: 50,
        max_parameter_bytes: 1 << 20,
        ..FlightOptions::default()
    };
    let server = service(
        world.engine.clone(),
        options,
        world.metrics.clone(),
        world.shutdown.clone(),
    )
    .expect("a service");
    let mut calls = Calls {
        client: FlightServiceClient::new(server.clone()),
        grammar: &grammar,
        tickets: vec![],
        handles: vec![],
    };
    world.runtime.block_on(calls.learn());
    let mut run = Run::begin("flight", 1500);
    while let Some(mut case) = run.next() {
        let mut random = case.random.clone();
        let (verdict, input) = if case.random.random_ratio(1, 6) {
            let method = METHODS.choose(&mut case.random).copied().unwrap_or_default();
            let body = calls.raw_body(&mut case.random);
            let answered = world.runtime.block_on(raw_call(server.clone(), method, body.clone()));
            (answered, format!("{method} {}", shown(&body)))
        } else {
            let mut told = String::new();
            let answered = world.runtime.block_on(calls.call(&mut random, &mut told));
            (answered, told)
        };
        run.judge(&case, verdict, || input);
        if case.number.is_multiple_of(200) {
            world.runtime.block_on(calls.learn());
        }
    }
    run.end();
}

impl<S> Calls<'_, S>
where
    S: tonic::client::GrpcService<tonic::body::Body> + Clone + Send + 'static,
    S::Error: Into<tonic::codegen::StdError>,
    S::Future: Send,
    S::ResponseBody: tonic::codegen::Body<Data = Bytes> + Send + 'static,
    <S::ResponseBody as tonic::codegen::Body>::Error: Into<tonic::codegen::StdError> + Send,
{
    /// Good calls, which must succeed; their tickets and handles are what later cases forge.
    async fn learn(&mut self) {
        self.tickets.clear();
        self.handles.clear();
        for sql in ["SELECT 1 AS one", "SELECT * FROM types"] {
            let command = CommandStatementQuery {
                query: sql.to_string(),
                transaction_id: None,
            };
            let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
            let info = self
                .client
                .get_flight_info(descriptor)
                .await
                .expect("a good query")
                .into_inner();
            let ticket = info.endpoint[0].ticket.clone().expect("a ticket");
            let rows = self.client.do_get(ticket.clone()).await.expect("rows").into_inner();
            let messages: Vec<FlightData> = rows.try_collect().await.expect("rows");
            assert!(messages.len() >= 2, "a schema and rows");
            self.tickets.push(ticket.ticket.to_vec());
        }
        let request = ActionCreatePreparedStatementRequest {
            query: "SELECT $1::bigint + 1, $2::text".to_string(),
            transaction_id: None,
        };
        let made = self
            .client
            .do_action(Action::new("CreatePreparedStatement", request.as_any().encode_to_vec()))
            .await;
        // Cases before may have left as many statements as are allowed.
        if let Ok(made) = made
            && let Ok(Some(result)) = made.into_inner().message().await
        {
            let any = Any::decode(result.body).expect("a message");
            let result: ActionCreatePreparedStatementResult = any.unpack().expect("its type").expect("a result");
            self.handles.push(result.prepared_statement_handle.to_vec());
        }
    }

    /// One call with a message of its own kind, perhaps changed.
    async fn call(&mut self, random: &mut Random, told: &mut String) -> Verdict {
        let mut client = self.client.clone();
        let headers = random
            .random_ratio(1, 12)
            .then(|| HEADERS.choose(random).copied().unwrap_or_default());
        let with_headers = move |metadata: &mut tonic::metadata::MetadataMap| {
            if let Some(Ok(header)) = headers.map(str::parse) {
                metadata.insert("authorization", header);
            }
        };
        macro_rules! call {
            ($method:ident, $message:expr) => {{
                let message = $message;
                *told = format!("{} {headers:?} {}", stringify!($method), debug(&message));
                let mut request = Request::new(message);
                with_headers(request.metadata_mut());
                tokio::spawn(async move { drained(client.$method(request).await?.into_inner()).await })
            }};
            (single $method:ident, $message:expr) => {{
                let message = $message;
                *told = format!("{} {headers:?} {}", stringify!($method), debug(&message));
                let mut request = Request::new(message);
                with_headers(request.metadata_mut());
                tokio::spawn(async move { client.$method(request).await.map(|_| ()) })
            }};
        }
        let answering = match random.random_range(0..16) {
            0..4 => call!(single get_flight_info, self.descriptor(random)),
            4..6 => call!(single get_schema, self.descriptor(random)),
            6 => call!(single poll_flight_info, self.descriptor(random)),
            7..10 => call!(do_get, Ticket::new(self.ticket(random))),
            10..13 => call!(do_action, self.action(random)),
            13 => call!(
                list_flights,
                Criteria {
                    expression: self.some_bytes(random).into()
                }
            ),
            14 => {
                let upload = self.upload(random).await;
                *told = format!("do_put {headers:?} {}", debug(&upload));
                let mut request = Request::new(futures::stream::iter(upload));
                with_headers(request.metadata_mut());
                tokio::spawn(async move { drained(client.do_put(request).await?.into_inner()).await })
            }
            _ => {
                let shake = HandshakeRequest {
                    protocol_version: 0,
                    payload: self.some_bytes(random).into(),
                };
                *told = format!("handshake {headers:?} {}", debug(&shake));
                let mut request = Request::new(futures::stream::iter([shake]));
                with_headers(request.metadata_mut());
                tokio::spawn(async move { drained(client.handshake(request).await?.into_inner()).await })
            }
        };
        match tokio::time::timeout(ANSWERED_WITHIN, answering).await {
            Err(_) => Err("no answer".to_string()),
            Ok(Err(_)) => Err("the call panicked".to_string()),
            Ok(Ok(Ok(()))) => Ok("OK".to_string()),
            Ok(Ok(Err(status))) => refusal(&status),
        }
    }

    fn descriptor(&self, random: &mut Random) -> FlightDescriptor {
        match random.random_range(0..10) {
            0 => FlightDescriptor::new_path(
                (0..random.random_range(0..5))
                    .map(|_| {
                        ["types", "public", "mission_control", "", "..", "🦊\"'", "a/b"]
                            .choose(random)
                            .unwrap_or(&"")
                            .to_string()
                    })
                    .collect(),
            ),
            1 => FlightDescriptor {
                r#type: *EDGES.choose(random).unwrap_or(&0) as i32,
                cmd: self.some_bytes(random).into(),
                path: vec![],
            },
            2 => FlightDescriptor::new_cmd(self.grammar.statement(random)),
            _ => FlightDescriptor::new_cmd(self.command(random)),
        }
    }

    /// A command as it is packed into a descriptor, mostly whole.
    fn command(&self, random: &mut Random) -> Vec<u8> {
        let text = |random: &mut Random| -> Option<String> {
            [
                "types",
                "%",
                "_",
                "",
                "public",
                "mission_control",
                "\\",
                "%%%%%%%%%%%%%%%%x",
                "🦊",
            ]
            .choose(random)
            .filter(|_| random_bool(random.clone()))
            .map(ToString::to_string)
        };
        let mut bytes = match random.random_range(0..15) {
            0..3 => CommandStatementQuery {
                query: self.sql(random),
                transaction_id: random.random_ratio(1, 20).then(|| Bytes::from_static(b"x")),
            }
            .as_any(),
            3 => CommandStatementUpdate {
                query: self.sql(random),
                transaction_id: None,
            }
            .as_any(),
            4 => CommandPreparedStatementQuery {
                prepared_statement_handle: self.handle(random),
            }
            .as_any(),
            5 => CommandPreparedStatementUpdate {
                prepared_statement_handle: self.handle(random),
            }
            .as_any(),
            6 => CommandGetTables {
                catalog: text(random),
                db_schema_filter_pattern: text(random),
                table_name_filter_pattern: text(random),
                table_types: text(random).into_iter().collect(),
                include_schema: random.random(),
            }
            .as_any(),
            7 => CommandGetDbSchemas {
                catalog: text(random),
                db_schema_filter_pattern: text(random),
            }
            .as_any(),
            8 => CommandGetSqlInfo {
                info: (0..random.random_range(0..5))
                    .map(|_| *EDGES.choose(random).unwrap_or(&0) as u32)
                    .collect(),
            }
            .as_any(),
            9 => CommandGetXdbcTypeInfo {
                data_type: Some(*EDGES.choose(random).unwrap_or(&0) as i32),
            }
            .as_any(),
            10 => CommandGetPrimaryKeys {
                catalog: text(random),
                db_schema: text(random),
                table: "types".to_string(),
            }
            .as_any(),
            11 => [
                CommandGetCatalogs {}.as_any(),
                CommandGetTableTypes {}.as_any(),
                CommandGetCrossReference::default().as_any(),
                CommandGetExportedKeys::default().as_any(),
            ]
            .choose(random)
            .cloned()
            .unwrap_or_default(),
            12 => CommandStatementSubstraitPlan::default().as_any(),
            13 => CommandStatementIngest::default().as_any(),
            _ => TicketStatementQuery {
                statement_handle: self.handle(random),
            }
            .as_any(),
        }
        .encode_to_vec();
        self.perhaps_changed(random, &mut bytes);
        bytes
    }

    fn sql(&self, random: &mut Random) -> String {
        const CHEAP: [&str; 5] = [
            "SELECT 1",
            "SELECT * FROM types",
            "SELECT $1",
            "",
            "SELECT generate_series(1, 100)",
        ];
        if random.random() {
            CHEAP.choose(random).unwrap_or(&"").to_string()
        } else {
            self.grammar.statement(random)
        }
    }

    fn handle(&self, random: &mut Random) -> Bytes {
        let mut handle = self.handles.choose(random).cloned().unwrap_or_default();
        self.perhaps_changed(random, &mut handle);
        handle.into()
    }

    fn ticket(&self, random: &mut Random) -> Vec<u8> {
        if random.random_ratio(1, 4) {
            return self.command(random);
        }
        let mut ticket = self.tickets.choose(random).cloned().unwrap_or_default();
        self.perhaps_changed(random, &mut ticket);
        ticket
    }

    fn action(&self, random: &mut Random) -> Action {
        let mut body = match random.random_range(0..6) {
            0..3 => ActionCreatePreparedStatementRequest {
                query: self.sql(random),
                transaction_id: None,
            }
            .as_any()
            .encode_to_vec(),
            3 => ActionClosePreparedStatementRequest {
                prepared_statement_handle: self.handle(random),
            }
            .as_any()
            .encode_to_vec(),
            4 => {
                let info = arrow_flight::FlightInfo::new()
                    .with_endpoint(arrow_flight::FlightEndpoint::new().with_ticket(Ticket::new(self.ticket(random))));
                if random.random() {
                    CancelFlightInfoRequest { info: Some(info) }.encode_to_vec()
                } else {
                    ActionCancelQueryRequest {
                        info: info.encode_to_vec().into(),
                    }
                    .as_any()
                    .encode_to_vec()
                }
            }
            _ => self.some_bytes(random),
        };
        self.perhaps_changed(random, &mut body);
        let kind = match random.random_range(0..3) {
            0 => ACTIONS.choose(random).copied().unwrap_or_default(),
            _ => ACTIONS[..4].choose(random).copied().unwrap_or_default(),
        };
        Action::new(kind, body)
    }

    /// A descriptor, a schema and a batch, of which any byte may be wrong.
    async fn upload(&self, random: &mut Random) -> Vec<FlightData> {
        let numbers = Int64Array::from_iter((0..random.random_range(0..20)).map(Some));
        let batch = RecordBatch::try_from_iter([("a", std::sync::Arc::new(numbers) as arrow::array::ArrayRef)])
            .expect("a batch");
        let encoded = FlightDataEncoderBuilder::new().build(futures::stream::iter([Ok(batch)]));
        let mut messages: Vec<FlightData> = encoded.try_collect().await.expect("encoded");
        if let Some(first) = messages.first_mut().filter(|_| random.random_ratio(19, 20)) {
            let bound = CommandPreparedStatementQuery {
                prepared_statement_handle: self.handle(random),
            };
            let command = if random.random() {
                bound.as_any().encode_to_vec()
            } else {
                self.command(random)
            };
            first.flight_descriptor = Some(FlightDescriptor::new_cmd(command));
        }
        for message in &mut messages {
            for part in [&mut message.data_header, &mut message.data_body] {
                let mut bytes = part.to_vec();
                self.perhaps_changed(random, &mut bytes);
                *part = bytes.into();
            }
        }
        messages
    }

    fn some_bytes(&self, random: &mut Random) -> Vec<u8> {
        (0..random.random_range(0..60)).map(|_| random.random()).collect()
    }

    fn perhaps_changed(&self, random: &mut Random, bytes: &mut Vec<u8>) {
        if random.random_ratio(1, 3) {
            mutate::bytes(random, bytes, &self.tickets);
        }
    }

    /// A request's body as bytes: frames whose lengths and contents may be anything.
    fn raw_body(&self, random: &mut Random) -> Vec<u8> {
        let message = match random.random_range(0..3) {
            0 => self.descriptor(random).encode_to_vec(),
            1 => Ticket::new(self.ticket(random)).encode_to_vec(),
            _ => self.action(random).encode_to_vec(),
        };
        let mut body = vec![u8::from(random.random_ratio(1, 10))];
        let length = if random.random_ratio(1, 5) {
            *EDGES.choose(random).unwrap_or(&0) as u32
        } else {
            message.len() as u32
        };
        body.extend(length.to_be_bytes());
        body.extend(message);
        if random.random() {
            mutate::bytes(random, &mut body, &self.tickets);
        }
        body
    }
}

fn random_bool(mut random: Random) -> bool {
    random.random()
}

fn debug(message: &impl std::fmt::Debug) -> String {
    format!("{message:?}").chars().take(1500).collect()
}

async fn drained<T: Send + 'static>(mut answers: tonic::Streaming<T>) -> Result<(), Status> {
    for _ in 0..MOST_MESSAGES {
        if answers.message().await?.is_none() {
            break;
        }
    }
    Ok(())
}

/// Sends a body that no client would make.
async fn raw_call<S>(mut server: S, method: &str, body: Vec<u8>) -> Verdict
where
    S: Service<http::Request<Full<Bytes>>, Response = http::Response<tonic::body::Body>, Error = Infallible>
        + Send
        + 'static,
    S::Future: Send,
{
    let request = http::Request::post(format!("/arrow.flight.protocol.FlightService/{method}"))
        .header("content-type", "application/grpc")
        .body(Full::new(Bytes::from(body)))
        .expect("a request");
    let answering = tokio::spawn(async move {
        let Ok(response) = server.call(request).await;
        let head = Status::from_header_map(response.headers());
        let mut body = response.into_body();
        let mut trailer = None;
        for _ in 0..=MOST_MESSAGES {
            match body.frame().await {
                Some(Ok(frame)) => trailer = frame.trailers_ref().and_then(Status::from_header_map).or(trailer),
                Some(Err(status)) => return Err(status),
                None => break,
            }
        }
        match head.or(trailer) {
            Some(status) if status.code() != Code::Ok => Err(status),
            _ => Ok(()),
        }
    });
    match tokio::time::timeout(ANSWERED_WITHIN, answering).await {
        Err(_) => Err("no answer".to_string()),
        Ok(Err(_)) => Err("the call panicked".to_string()),
        Ok(Ok(Ok(()))) => Ok("raw OK".to_string()),
        Ok(Ok(Err(status))) => refusal(&status).map(|code| format!("raw {code}")),
    }
}

/// The codes of the contract. What the transport itself refuses has no SQLSTATE, everything else has.
fn refusal(status: &Status) -> Verdict {
    let state = status.metadata().get("sqlstate").and_then(|value| value.to_str().ok());
    let is_transports = state.is_none()
        && matches!(
            status.code(),
            Code::Internal | Code::OutOfRange | Code::Unimplemented | Code::ResourceExhausted | Code::InvalidArgument
        );
    match (state, status.code()) {
        (Some("XX000"), _) => Ok("XX000 internal error".to_string()),
        (Some(state), Code::Unknown | Code::Ok | Code::Aborted | Code::DataLoss) => {
            Err(format!("{:?} with {state}: {status:?}", status.code()))
        }
        (Some(state), code) if !status.message().is_empty() => Ok(format!("{code:?} {state}")),
        (None, code) if is_transports => Ok(format!("{code:?} of the transport")),
        _ => Err(format!("a refusal without code or words: {status:?}")),
    }
}

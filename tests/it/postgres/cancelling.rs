//! What ends a statement from outside, and that its work ends with it: threads and memory come back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{Session, TableProvider};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use mission_control::metrics::Protocol;
use mission_control::session::Relations;

use super::client::{Client, Message, Server, kinds};
use super::limits::wait_until;

const JOIN: &str = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
/// One batch of it takes minutes.
const OWN_FUNCTION: &str = "SELECT sum(rate_ratio_test(250000 + a, 1000, 250000, 1000, 1, 'two-sided', 'etest'))
     FROM generate_series(1, 8000) AS t(a)";
const SORT: &str = "SELECT * FROM generate_series(1, 3000000) AS t(a) ORDER BY md5(a::text) LIMIT 1 OFFSET 2900000";
const ROWS: &str = "SELECT * FROM generate_series(1, 100000000) a";

fn error(messages: &[Message]) -> &Message {
    let found = messages.iter().find(|message| message.kind == 'E');
    found.unwrap_or_else(|| panic!("no error: {}", kinds(messages)))
}

fn cancel(server: &Server, client: &Client) {
    let key = client.key.clone().unwrap();
    let request = [&[0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e][..], &key].concat();
    assert_eq!(server.connect().raw(&request).next(), None);
}

/// Nothing is left of the statement: no task, no memory.
fn assert_all_came_back(server: &Server) {
    wait_until(|| server.tasks_alive() == 0);
    wait_until(|| server.engine.environment().memory_pool.reserved() == 0);
    assert_eq!(server.engine.admission().counts(), (0, 0));
}

#[test]
fn a_cancel_request_stops_the_work_wherever_it_is() {
    let server = Server::start();
    for sql in [JOIN, OWN_FUNCTION, SORT, ROWS] {
        let mut client = server.session();
        client.message(b'Q', &[sql.as_bytes(), b"\0"].concat());
        std::thread::sleep(Duration::from_millis(300));
        let asked = Instant::now();
        cancel(&server, &client);
        let messages = client.until_ready();
        assert_eq!(error(&messages).sqlstate(), "57014", "{sql}");
        assert!(asked.elapsed() < Duration::from_secs(5), "{sql}: {:?}", asked.elapsed());
        assert_eq!(kinds(&client.query("SELECT 1")), "TDCZ");
        assert_all_came_back(&server);
    }
}

/// What the kernel has taken is sent before the error of a cancel, so it may not take the megabytes that it could.
#[test]
fn little_is_sent_ahead_to_a_client_that_does_not_read() {
    let server = Server::start();
    let sent_bytes = || {
        let counts = server.metrics.protocol(Protocol::Postgres);
        counts.bytes_sent_total.load(Ordering::Relaxed)
    };
    let mut client = server.session();
    client.message(b'Q', &[ROWS.as_bytes(), b"\0"].concat());
    wait_until(|| sent_bytes() > 64 * 1024);
    wait_until(|| {
        let before = sent_bytes();
        std::thread::sleep(Duration::from_millis(500));
        sent_bytes() == before
    });
    assert!(sent_bytes() < 1 << 20, "{} bytes were sent ahead", sent_bytes());
    cancel(&server, &client);
    assert_eq!(error(&client.until_ready()).sqlstate(), "57014");
}

#[test]
fn a_client_that_leaves_stops_its_work() {
    let server = Server::start();
    for sql in [JOIN, OWN_FUNCTION, ROWS] {
        let mut client = server.session();
        client.message(b'Q', &[sql.as_bytes(), b"\0"].concat());
        wait_until(|| server.tasks_alive() > 0);
        drop(client);
        assert_all_came_back(&server);
        wait_until(|| server.engine.sessions().rows().is_empty());
    }
}

#[test]
fn a_timeout_stops_the_work() {
    let server = Server::start();
    let mut client = server.session();
    client.query("SET statement_timeout = '200ms'");
    for sql in [JOIN, OWN_FUNCTION, SORT] {
        let messages = client.query(sql);
        let error = error(&messages);
        assert_eq!(error.sqlstate(), "57014");
        assert_eq!(
            error.field(b'M').unwrap(),
            "canceling statement due to statement timeout"
        );
        assert_all_came_back(&server);
    }
}

#[test]
fn sessions_are_seen_cancelled_and_ended_by_others() {
    let server = Server::start();
    publish(&server, Relations::default());
    let (mut admin, mut busy) = (server.session(), server.session());
    busy.query("SET application_name = 'panel'");
    busy.message(b'Q', &[JOIN.as_bytes(), b"\0"].concat());
    wait_until(|| server.tasks_alive() > 0);
    let ask = |admin: &mut Client, sql: &str| {
        let messages = admin.query(sql);
        let row = messages.iter().find(|message| message.kind == 'D');
        row.unwrap_or_else(|| panic!("no row: {messages:?}")).value()
    };
    let of_panel = "FROM pg_stat_activity WHERE application_name = 'panel'";
    assert_eq!(ask(&mut admin, &format!("SELECT state {of_panel}")), "active");
    assert_eq!(ask(&mut admin, &format!("SELECT query {of_panel}")), JOIN);
    let own = "SELECT statement FROM mission_control.sessions WHERE pid = pg_backend_pid()";
    assert_eq!(ask(&mut admin, own), own);
    assert_eq!(ask(&mut admin, "SELECT pg_cancel_backend(2147483647)"), "f");
    assert_eq!(
        ask(&mut admin, &format!("SELECT pg_cancel_backend(pid) {of_panel}")),
        "t"
    );
    let messages = busy.until_ready();
    assert_eq!(
        error(&messages).field(b'M').unwrap(),
        "canceling statement due to user request"
    );
    busy.query("BEGIN");
    assert_eq!(
        ask(&mut admin, &format!("SELECT state {of_panel}")),
        "idle in transaction"
    );
    assert_eq!(
        ask(&mut admin, &format!("SELECT pg_terminate_backend(pid) {of_panel}")),
        "t"
    );
    let last = busy.fatal();
    assert_eq!(last.sqlstate(), "57P01");
    assert_eq!(
        last.field(b'M').unwrap(),
        "terminating connection due to administrator command"
    );
    wait_until(|| server.engine.sessions().rows().len() == 1);
}

/// A relation that panics while it is planned or while it is read.
#[derive(Debug)]
struct Panicking {
    when_planned: bool,
    schema: SchemaRef,
}

impl PartitionStream for Panicking {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = futures::stream::poll_fn(|_| panic!("the secret inside /srv/source.rs"));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}

#[async_trait]
impl TableProvider for Panicking {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        assert!(!self.when_planned, "the secret inside /srv/source.rs");
        let stream = Arc::new(Self {
            when_planned: false,
            schema: Arc::clone(&self.schema),
        });
        let table = StreamingTable::try_new(Arc::clone(&self.schema), vec![stream])?;
        table.scan(state, projection, filters, limit).await
    }
}

fn publish(server: &Server, relations: Relations) {
    server.block_on(server.engine.publish(relations)).unwrap();
}

#[test]
fn a_panic_ends_its_statement_and_nothing_else() {
    let server = Server::start();
    let mut relations = Relations::default();
    for (name, when_planned) in [("panics_planned", true), ("panics_read", false)] {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
        let table = Panicking { when_planned, schema };
        relations.public.insert(name.to_string(), Arc::new(table));
    }
    publish(&server, relations);
    let mut client = server.session();
    for sql in [
        "SELECT * FROM panics_planned",
        "SELECT * FROM panics_read",
        "SELECT count(*) FROM panics_read AS a JOIN generate_series(1, 10) AS t(b) ON a.a = t.b GROUP BY a.a",
    ] {
        let messages = client.query(sql);
        let error = error(&messages);
        assert_eq!(error.sqlstate(), "XX000", "{sql}");
        let message = error.field(b'M').unwrap();
        assert!(message.starts_with("internal error (id "), "{message}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        assert_eq!(kinds(&client.query("SELECT 1")), "TDCZ", "the connection goes on");
    }
    assert_eq!(kinds(&server.session().query("SELECT 1")), "TDCZ", "the server goes on");
    assert_all_came_back(&server);
}

//! `/health`, `/ready` and `/metrics` for the programs that watch over this one.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::metrics::Metrics;
use crate::metrics::process_memory::resident_bytes;
use crate::session::Engine;
use crate::shutdown::Shutdown;
use crate::wire::stream::Stream;
use crate::wire::tls::{Inside, Security};

/// Connections at one time; a monitoring system needs one or two.
const MAX_CONNECTIONS: usize = 64;
/// How long a client may take for its request's head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may last, so that none is kept for ever by one that does not read its answer.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(300);
/// The largest head of a request.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Whether the source has been loaded.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// From now on queries are answered.
    pub fn loaded(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_loaded(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What the answers are made of.
pub struct HttpState {
    metrics: Arc<Metrics>,
    engine: Arc<Engine>,
    readiness: Readiness,
    started: SystemTime,
    started_instant: Instant,
}

impl HttpState {
    pub fn new(metrics: Arc<Metrics>, engine: Arc<Engine>, readiness: Readiness) -> Arc<Self> {
        Arc::new(Self {
            metrics,
            engine,
            readiness,
            started: SystemTime::now(),
            started_instant: Instant::now(),
        })
    }
}

/// Answers until the shutdown's second step, so that `/ready` can say that the server drains.
pub async fn serve(listener: TcpListener, security: Security, state: Arc<HttpState>, shutdown: Shutdown) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = shutdown.ended() => return,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, for example: others may close theirs.
                tracing::warn!(%error, "the http listener could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Beyond the limit the connection is closed without an answer.
        if let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
            let (security, state, shutdown) = (security.clone(), Arc::clone(&state), shutdown.clone());
            tokio::spawn(async move {
                let _slot = slot;
                if let Ok(stream) = security.accept(Inside::Http, stream).await {
                    serve_connection(stream, state, shutdown).await;
                }
            });
        }
    }
}

async fn serve_connection(stream: Stream, state: Arc<HttpState>, shutdown: Shutdown) {
    let ended = shutdown.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer(&request, &state, &shutdown);
        async move { Ok::<_, Infallible>(answer) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = ended.ended() => {}
        // A client that hangs up or sends nonsense is no event worth a line in the log.
        _ = tokio::time::timeout(CONNECTION_LIFETIME, connection) => {}
    }
}

fn answer(request: &Request<Incoming>, state: &HttpState, shutdown: &Shutdown) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if !matches!(path, "/health" | "/ready" | "/metrics") {
        return text(StatusCode::NOT_FOUND, "not found: see /health, /ready and /metrics\n");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n");
        refused
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/health" => text(StatusCode::OK, "ok\n"),
        "/ready" => ready(state, shutdown),
        _ => metrics(state),
    }
}

fn ready(state: &HttpState, shutdown: &Shutdown) -> Response<Full<Bytes>> {
    if shutdown.is_draining() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down\n");
    }
    if !state.readiness.is_loaded() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "the source is being loaded\n");
    }
    text(StatusCode::OK, "ready\n")
}

fn metrics(state: &HttpState) -> Response<Full<Bytes>> {
    let mut body = state.metrics.render();
    render_process(&mut body, state);
    let mut answer = text(StatusCode::OK, body);
    answer.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    answer
}

fn render_process(body: &mut String, state: &HttpState) {
    let started = state
        .started
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64());
    let environment = state.engine.environment();
    let reserved = environment.memory_pool.reserved();
    let (running, waiting) = state.engine.admission().counts();
    let gauges = [
        (
            "mission_control_query_memory_bytes",
            "Memory that running queries hold for sorts, joins and aggregations.",
            Some(reserved as f64),
        ),
        (
            "mission_control_queries_running",
            "Queries that compute.",
            Some(running as f64),
        ),
        (
            "mission_control_queries_waiting",
            "Queries that wait for others to end.",
            Some(waiting as f64),
        ),
        (
            "mission_control_spilled_bytes",
            "Temporary files of running queries.",
            Some(environment.disk_manager.used_disk_space() as f64),
        ),
        (
            "mission_control_uptime_seconds",
            "Time since the start.",
            Some(state.started_instant.elapsed().as_secs_f64()),
        ),
        (
            "process_start_time_seconds",
            "When the process started, in seconds since 1970.",
            Some(started),
        ),
        (
            "process_resident_memory_bytes",
            "Resident memory of the process.",
            resident_bytes().map(|bytes| bytes as f64),
        ),
    ];
    for (name, help, value) in gauges {
        if let Some(value) = value {
            let _ = writeln!(body, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
        }
    }
    let _ = writeln!(
        body,
        "# HELP mission_control_build_info The version that runs.\n# TYPE mission_control_build_info gauge\n\
         mission_control_build_info{{version=\"{}\"}} 1",
        env!("CARGO_PKG_VERSION")
    );
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

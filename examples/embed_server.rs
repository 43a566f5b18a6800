//! The whole server inside another program: on free ports, over data made for the occasion, asked one question, stopped.
//!
//! `cargo run --example embed_server`

use std::error::Error;
use std::sync::Arc;

use arrow::util::pretty::print_batches;
use mission_control::config::Config;
use mission_control::demo::{DemoSpec, generate};
use mission_control::metrics::Metrics;
use mission_control::server::{Server, ServerSettings};
use mission_control::shutdown::Shutdown;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let few_days = DemoSpec {
        days: 2,
        rows_per_day: 2000,
        seed: 1,
    };
    generate(&few_days, folder.path(), &mut |_| {})?;

    let mut config = Config::default();
    config.source.location = Some(folder.path().display().to_string());
    config.postgres.listen = "127.0.0.1:0".parse()?;
    config.flight.listen = "127.0.0.1:0".parse()?;
    config.http.listen = "off".parse()?;

    let shutdown = Shutdown::new();
    let server = Server::start(
        ServerSettings::from_config(&config)?,
        Arc::new(Metrics::default()),
        shutdown.clone(),
    )
    .await?;
    println!("PostgreSQL clients connect to {:?}", server.postgres);
    println!("Flight SQL clients connect to {:?}", server.flight);

    // The program itself needs no connection: a session answers as either protocol would.
    let rows = server
        .engine
        .session("embedder")
        .query("SELECT channel, count(*) AS rows, sum(usage_hours) AS usage_hours FROM error_aggregates GROUP BY channel ORDER BY channel")
        .await?;
    print_batches(&rows.collect().await?)?;

    shutdown.drain();
    server.finished().await?;
    Ok(())
}

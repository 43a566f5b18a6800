//! `serve`: starts the server, says how to connect, and stops it on SIGTERM or Ctrl-C.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tokio::runtime::Builder;

use super::{SourceArguments, banner, start_logging, warn_of_problems};
use crate::config::{Config, Listen, LogFormat};
use crate::error::{Error, ErrorKind, Result};
use crate::server::{AccessSettings, Reload, Running, Server, ServerSettings, THREAD_STACK_BYTES};
use crate::shutdown::Shutdown;

#[derive(Debug, Args)]
pub struct ServeArguments {
    #[command(flatten)]
    source: SourceArguments,
    /// Where to listen for PostgreSQL clients: HOST:PORT (port 0 picks a free one) or off [default: 127.0.0.1:7432]
    #[arg(long, value_name = "ADDRESS")]
    postgres: Option<Listen>,
    /// Where to listen for Flight SQL clients [default: 127.0.0.1:7433]
    #[arg(long, value_name = "ADDRESS")]
    flight: Option<Listen>,
    /// Where to answer /health, /ready and /metrics [default: 127.0.0.1:7434]
    #[arg(long, value_name = "ADDRESS")]
    http: Option<Listen>,
    /// Write the addresses to this file, as JSON, once every listener answers queries
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    /// Allow addresses that other machines can reach, without encryption and passwords
    #[arg(long)]
    insecure: bool,
    /// How log lines look [default: text]
    #[arg(long, value_name = "FORMAT", value_enum)]
    log_format: Option<LogFormat>,
}

impl ServeArguments {
    fn configuration(&self) -> Result<Config> {
        let mut config = self.source.configuration()?;
        for (flag, setting) in [
            (&self.postgres, &mut config.postgres.listen),
            (&self.flight, &mut config.flight.listen),
            (&self.http, &mut config.http.listen),
        ] {
            if let Some(listen) = flag {
                *setting = listen.clone();
            }
        }
        config.server.insecure |= self.insecure;
        if let Some(format) = self.log_format {
            config.server.log_format = format;
        }
        Ok(config)
    }
}

pub fn run(arguments: ServeArguments) -> Result<ExitCode> {
    let mut config = arguments.configuration()?;
    if !arguments.source.demo {
        // Before anything is bound or generated, so that the first mistake named is the first one made.
        ServerSettings::from_config(&config)?;
    }
    if let Some(path) = &arguments.ready_file {
        check_folder_of(path)?;
    }
    let log_format = config.server.log_format;
    let demo_note = arguments.source.demo;
    arguments.source.prepare_demo(&mut config)?;
    let settings = ServerSettings::from_config(&config)?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("listener")
        .thread_stack_size(THREAD_STACK_BYTES)
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("the listeners' threads cannot be started: {error}")))?;
    runtime.block_on(async move {
        let shutdown = Shutdown::new();
        tokio::spawn(stop_on_signal(shutdown.clone())?);
        let location = served_locations(&settings);
        let start = Server::start(settings, Arc::default(), shutdown.clone());
        let running = tokio::select! {
            started = start => started?,
            () = shutdown.drained() => return Ok(ExitCode::SUCCESS),
        };
        start_logging(log_format, "info");
        warn_of_problems(&running.snapshot);
        if let Some(path) = &arguments.ready_file {
            write_ready_file(path, &running)?;
        }
        banner::print(&running, &location, demo_note)?;
        tokio::spawn(reload_on_signal(arguments, running.reload())?);
        running.finished().await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// What is served, for people.
fn served_locations(settings: &ServerSettings) -> String {
    let source = Some(settings.source.location.clone()).filter(|location| !location.is_empty());
    let managed = settings.managed.as_ref().map(|managed| managed.location.clone());
    let locations: Vec<String> = source.into_iter().chain(managed).collect();
    locations.join(" and ")
}

/// The first signal drains, the second ends at once.
fn stop_on_signal(shutdown: Shutdown) -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| Error::internal(format!("signals cannot be received: {error}")));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: running queries may finish within the grace period");
        shutdown.drain();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        shutdown.end();
    })
}

/// SIGHUP reads the configuration again. A mistake in it changes nothing, and the log says what it is.
fn reload_on_signal(arguments: ServeArguments, reload: Reload) -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hang_up = signal(SignalKind::hangup())
        .map_err(|error| Error::internal(format!("signals cannot be received: {error}")))?;
    Ok(async move {
        while hang_up.recv().await.is_some() {
            let settings = arguments.configuration();
            let applied = settings
                .and_then(|config| Ok((AccessSettings::from_config(&config)?, config.limits.client_limits())))
                .and_then(|(access, limits)| reload.apply(&access, limits));
            match applied {
                Ok(()) => tracing::info!("the configuration has been read again"),
                Err(error) => tracing::error!(%error, "the configuration was not taken over; the old one stays"),
            }
        }
    })
}

fn check_folder_of(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => Err(Error::configuration(format!(
            "--ready-file: there is no folder {}",
            folder.display()
        ))
        .with_hint("give a file in a folder that exists")),
        _ => Ok(()),
    }
}

/// Under another name first, so that whoever waits for the file never reads half of it.
fn write_ready_file(path: &Path, running: &Running) -> Result<()> {
    let address = |address: Option<std::net::SocketAddr>| address.map(|address| address.to_string());
    let content = json!({
        "postgres": address(running.postgres),
        "flight": address(running.flight),
        "http": address(running.http),
    });
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.partial", std::process::id()));
    let written: io::Result<()> =
        fs::write(&temporary, format!("{content}\n")).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        Error::new(
            ErrorKind::Io,
            format!("cannot write the ready file {}: {error}", path.display()),
        )
    })
}

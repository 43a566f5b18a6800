//! New regressions found after every change of the data, and told to the webhook.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;

use crate::alerts::{AlertSettings, deliver};
use crate::error::{Error, Result};
use crate::session::Engine;
use crate::shutdown::Shutdown;

/// The user of the server's own queries.
const OWN_USER: &str = "mission_control";

/// Looks for regressions whenever other relations were published; `interval` is how often that is asked.
pub async fn watch(engine: Arc<Engine>, settings: AlertSettings, interval: Duration, shutdown: Shutdown) {
    let mut looked_at = None;
    loop {
        let published = engine.published_version();
        if looked_at != Some(published) {
            match look(&engine).await {
                Ok(()) => looked_at = Some(published),
                Err(error) => tracing::warn!(%error, "regressions could not be looked for; tried again later"),
            }
            if let Err(error) = tell(&engine, &settings, &shutdown).await {
                tracing::warn!(%error, "alerts could not be told");
            }
        }
        tokio::select! {
            () = shutdown.drained() => return,
            () = tokio::time::sleep(interval) => {}
        }
    }
}

/// Reading the relation stores what is new.
async fn look(engine: &Arc<Engine>) -> Result<()> {
    if !engine.relations().public.contains_key("alerts") {
        return Ok(());
    }
    engine
        .session(OWN_USER)
        .query("SELECT COUNT(*) FROM alerts")
        .await?
        .collect()
        .await
        .map(|_| ())
}

/// Tells of regressions of the newest releases. Those of releases that have been superseded help nobody any more.
async fn tell(engine: &Arc<Engine>, settings: &AlertSettings, shutdown: &Shutdown) -> Result<()> {
    if settings.webhook.is_none() {
        return Ok(());
    }
    let log = engine.alerts();
    let unsettled = log.unsettled();
    if unsettled.is_empty() {
        return Ok(());
    }
    let newest = newest_releases(engine).await?;
    let (current, past): (Vec<_>, Vec<_>) = unsettled.into_iter().partition(|alert| {
        let key = &alert.key;
        newest.contains(&[key.application.clone(), key.channel.clone(), key.version.clone()])
    });
    let keys = past.into_iter().map(|alert| alert.key).collect();
    let settled = Arc::clone(&log);
    tokio::task::spawn_blocking(move || settled.settle(keys))
        .await
        .map_err(|_| Error::internal("remembering alerts stopped unexpectedly"))??;
    deliver(settings, &log, current, shutdown).await.map(|_| ())
}

/// Application, channel and version of each.
async fn newest_releases(engine: &Arc<Engine>) -> Result<HashSet<[String; 3]>> {
    let sql = "SELECT application, channel, version FROM releases WHERE is_latest";
    let mut newest = HashSet::new();
    for batch in engine.session(OWN_USER).query(sql).await?.collect().await? {
        let texts = |index: usize| arrow::compute::cast(batch.column(index), &arrow::datatypes::DataType::Utf8);
        let (application, channel, version) = (texts(0)?, texts(1)?, texts(2)?);
        let columns = [application, channel, version].map(|column| column.as_string::<i32>().clone());
        newest.extend((0..batch.num_rows()).map(|row| columns.each_ref().map(|column| column.value(row).to_string())));
    }
    Ok(newest)
}

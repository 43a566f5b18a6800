//! What `ingest --pings` writes beside the rows about pings that it did not count, read again for `data_quality`.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};

use super::snapshot::{Fingerprint, SourceProblem};

/// A report says one line for each of a few reasons; what is larger is none.
const LARGEST_REPORT_BYTES: u64 = 64 << 10;

/// One stream's report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedPings {
    /// Pings that were counted.
    pub counted: u64,
    pub reasons: Vec<RejectedReason>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedReason {
    pub name: String,
    pub meaning: String,
    /// Such pings are left out as a rule; nothing is wrong with them.
    pub by_design: bool,
    pub pings: u64,
}

impl RejectedPings {
    /// The folder below the source where reports lie; the underscore keeps readers of Parquet away.
    pub const FOLDER: &str = "_pings";
    /// How the names of reports end.
    pub const ENDING: &str = ".rejected.json";

    pub(super) fn is_report(location: &Path) -> bool {
        let folder = location.parts().next();
        folder.is_some_and(|name| name.as_ref() == Self::FOLDER) && location.as_ref().ends_with(Self::ENDING)
    }
}

/// Reports as they were read last.
pub(super) type Reports = HashMap<Path, (Fingerprint, RejectedPings)>;

/// Reads reports that are new or changed. One that cannot be read says nothing: the rows do not depend on it.
pub(super) async fn read(store: &dyn ObjectStore, listed: Vec<ObjectMeta>, known: Option<&Reports>) -> Reports {
    let mut reports = Reports::new();
    for meta in listed {
        let fingerprint = Fingerprint::of(&meta);
        let same = known.and_then(|known| known.get(&meta.location));
        let report = match same.filter(|(print, _)| *print == fingerprint) {
            Some((_, report)) => Some(report.clone()),
            None => read_one(store, &meta).await,
        };
        if let Some(report) = report {
            reports.insert(meta.location, (fingerprint, report));
        }
    }
    reports
}

async fn read_one(store: &dyn ObjectStore, meta: &ObjectMeta) -> Option<RejectedPings> {
    if meta.size > LARGEST_REPORT_BYTES {
        return None;
    }
    let bytes = store.get(&meta.location).await.ok()?.bytes().await.ok()?;
    serde_json::from_slice(&bytes)
        .inspect_err(|error| tracing::debug!(file = %meta.location, %error, "a report on pings could not be read"))
        .ok()
}

/// One finding for each reason, over all reports.
pub(super) fn findings(reports: &Reports, noticed_at: DateTime<Utc>) -> Vec<SourceProblem> {
    let mut by_reason: BTreeMap<&str, (&RejectedReason, u64)> = BTreeMap::new();
    for reason in reports.values().flat_map(|(_, report)| &report.reasons) {
        let (_, pings) = by_reason.entry(&reason.name).or_insert((reason, 0));
        *pings = pings.saturating_add(reason.pings);
    }
    by_reason
        .into_values()
        .map(|(reason, pings)| SourceProblem {
            file: None,
            check_name: if reason.by_design {
                "filtered_pings"
            } else {
                "rejected_pings"
            },
            detail: format!("pings not counted: {pings}, {}: {}", reason.name, reason.meaning),
            rows_affected: Some(pings),
            noticed_at,
        })
        .collect()
}

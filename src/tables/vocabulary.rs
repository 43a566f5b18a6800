//! The words of the data as tables: measures, channels, platforms, targets and the release calendar, with Mozilla's as
//! the default and whatever the configuration says over it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{MemTable, TableProvider};

use super::channels::{self, ChannelSettings};
use super::measures::{self, MeasureSettings};
use super::platforms::{self, PlatformSettings};
use super::release_calendar::{self, Calendar};
use super::targets::{self, TargetSettings};
use super::verdict_settings::{self, VerdictSettings};
use crate::error::{Error, Result};

/// What the configuration says of measures, channels, platforms and targets, and the calendar it leads to.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    pub measures: BTreeMap<String, MeasureSettings>,
    pub channels: BTreeMap<String, ChannelSettings>,
    pub platforms: BTreeMap<String, PlatformSettings>,
    pub targets: Vec<TargetSettings>,
    pub calendar: Calendar,
    pub verdict: VerdictSettings,
}

impl Vocabulary {
    /// Refuses rates that are none, and parameters of which no verdict can be made.
    pub fn check(&self) -> Result<()> {
        self.verdict.check()?;
        let negligible = self.measures.iter().map(|(name, measure)| {
            let place = format!("negligible_rate of measure {name}");
            (place, measure.negligible_rate)
        });
        let targets = self.targets.iter().flat_map(|target| {
            let rates = [
                ("target_rate", target.target_rate),
                ("critical_rate", target.critical_rate),
            ];
            rates.map(|(name, rate)| (format!("{name} in [[targets]]"), rate))
        });
        match negligible
            .chain(targets)
            .find(|(_, rate)| rate.is_some_and(|rate| !(0.0..f64::INFINITY).contains(&rate)))
        {
            Some((place, Some(rate))) => Err(Error::configuration(format!(
                "{place} must be finite and >= 0 (got {rate})"
            ))
            .with_hint("rates are events per 1000 usage hours")),
            _ => Ok(()),
        }
    }

    /// The tables by name, for the measures that the source has.
    pub fn tables(&self, measure_names: &[String]) -> Result<BTreeMap<String, Arc<dyn TableProvider>>> {
        let tables = [
            ("measures", measures::batch(measure_names, &self.measures)?),
            ("channels", channels::batch(&self.channels)?),
            ("platforms", platforms::batch(&self.platforms)?),
            ("targets", targets::batch(&self.targets)?),
            ("release_calendar", release_calendar::batch(&self.calendar)?),
            ("verdict_settings", verdict_settings::batch(&self.verdict)?),
        ];
        tables
            .into_iter()
            .map(|(name, batch)| Ok((name.to_string(), table(batch)?)))
            .collect()
    }
}

pub(super) fn table(batch: RecordBatch) -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
}

/// A column of a vocabulary table with its one-line description, which travels as the field's metadata.
pub(super) fn column(name: &str, comment: &str, values: ArrayRef) -> (Field, ArrayRef) {
    let nullable = values.null_count() > 0 || values.is_empty();
    let field = Field::new(name, values.data_type().clone(), nullable);
    let metadata = [("comment".to_string(), comment.to_string())].into();
    (field.with_metadata(metadata), values)
}

pub(super) fn batch(columns: Vec<(Field, ArrayRef)>) -> Result<RecordBatch> {
    let (fields, values): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), values)?)
}

/// The type of every time in every relation.
pub(super) fn timestamp_type() -> DataType {
    DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()))
}

/// A label for a name that nobody labelled: `tab_crashes` reads "Tab crashes".
pub(super) fn label_of(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

//! The alerts so far: in memory, and in a file that is only ever appended to.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Alert, AlertKey, AlertSettings};
use crate::error::{Error, ErrorKind, Result};

const FILE_NAME: &str = "alerts.ndjson";

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// A regression was found.
    Raised(Alert),
    /// The webhook took it, or nobody was to be told.
    Settled(AlertKey),
}

/// Every alert once, in the order in which they were found.
#[derive(Debug, Default)]
pub struct AlertLog {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    alerts: Vec<Alert>,
    known: HashSet<AlertKey>,
    settled: HashSet<AlertKey>,
    /// `None` where alerts are kept in memory only.
    file: Option<File>,
}

impl AlertLog {
    /// Reads what is known; alerts found from now on stay in memory.
    pub fn open(settings: &AlertSettings) -> Result<Self> {
        let state = match &settings.folder {
            Some(folder) => State::read(folder).map_err(unusable)?,
            None => State::default(),
        };
        Ok(Self {
            state: Mutex::new(state),
        })
    }

    /// From now on alerts are stored. The file belongs to one process at a time.
    pub fn keep(&self, settings: &AlertSettings) -> Result<()> {
        let Some(folder) = &settings.folder else {
            tracing::info!("[alerts] names no folder: alerts are kept in memory and found anew at the next start");
            return Ok(());
        };
        let Some(state) = State::keep(folder).map_err(unusable)? else {
            return Err(
                Error::configuration("another server keeps its alerts in the folder of [alerts]")
                    .with_hint("give each server a folder of its own"),
            );
        };
        *self.state() = state;
        Ok(())
    }

    /// Whether alerts outlive the process.
    pub fn is_stored(&self) -> bool {
        self.state().file.is_some()
    }

    /// Adds the alerts that are not known yet, on disk before in memory, and gives all of them. An alert once raised
    /// stays as it is, whatever later data say.
    pub fn raise(&self, found: Vec<Alert>) -> Result<Vec<Alert>> {
        let mut state = self.state();
        let mut new: HashMap<AlertKey, Alert> = HashMap::new();
        for alert in found {
            if !state.known.contains(&alert.key) {
                new.entry(alert.key.clone()).or_insert(alert);
            }
        }
        let mut new: Vec<Alert> = new.into_values().collect();
        new.sort_by(|one, other| {
            let order = |alert: &Alert| {
                let key = &alert.key;
                let names = [
                    &key.application,
                    &key.channel,
                    &key.version,
                    &key.platform,
                    &key.measure,
                ];
                (alert.first_moment_micros, names.map(String::clone))
            };
            order(one).cmp(&order(other))
        });
        if !new.is_empty() {
            state.append(new.iter().cloned().map(Line::Raised))?;
        }
        for alert in new {
            state.known.insert(alert.key.clone());
            state.alerts.push(alert);
        }
        Ok(state.alerts.clone())
    }

    /// The alerts that have not been settled.
    pub fn unsettled(&self) -> Vec<Alert> {
        let state = self.state();
        let open = state.alerts.iter().filter(|alert| !state.settled.contains(&alert.key));
        open.cloned().collect()
    }

    /// Remembers that nobody needs to be told of these any more.
    pub fn settle(&self, keys: Vec<AlertKey>) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut state = self.state();
        state.append(keys.iter().cloned().map(Line::Settled))?;
        state.settled.extend(keys);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What the file says, if there is one.
    fn read(folder: &Path) -> std::io::Result<Self> {
        match fs::read_to_string(folder.join(FILE_NAME)) {
            Ok(text) => Self::parse(whole_lines(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// The file for this process alone, made if there is none; `None` where another process has it.
    fn keep(folder: &Path) -> std::io::Result<Option<Self>> {
        fs::create_dir_all(folder)?;
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(folder.join(FILE_NAME))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = whole_lines(&text);
        if whole.len() < text.len() {
            file.set_len(whole.len() as u64)?;
        }
        let state = Self::parse(whole)?;
        Ok(Some(Self {
            file: Some(file),
            ..state
        }))
    }

    fn parse(text: &str) -> std::io::Result<Self> {
        let mut state = Self::default();
        for (number, line) in text.lines().enumerate() {
            match serde_json::from_str(line) {
                Ok(Line::Raised(alert)) => {
                    if state.known.insert(alert.key.clone()) {
                        state.alerts.push(alert);
                    }
                }
                Ok(Line::Settled(key)) => {
                    state.settled.insert(key);
                }
                Err(error) => {
                    let what = format!("line {} of {FILE_NAME}: {error}", number + 1);
                    return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, what));
                }
            }
        }
        Ok(state)
    }

    /// Writes whole lines at once and waits until they are on the disk.
    fn append(&mut self, lines: impl Iterator<Item = Line>) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut text = String::new();
        for line in lines {
            let line = serde_json::to_string(&line)
                .map_err(|error| Error::internal(format!("an alert cannot be written as JSON: {error}")))?;
            text.push_str(&line);
            text.push('\n');
        }
        let before = file.seek(SeekFrom::End(0));
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        written.map_err(|error| {
            // Half a line must not stand before the next one.
            if let Ok(before) = before {
                let _ = file.set_len(before);
            }
            Error::new(ErrorKind::Io, format!("alerts cannot be stored: {error}"))
        })
    }
}

/// A crash in the middle of a write leaves a line without an end, which was never acted on.
fn whole_lines(text: &str) -> &str {
    let end = text.rfind('\n').map_or(0, |end| end + 1);
    text.get(..end).unwrap_or_default()
}

fn unusable(error: std::io::Error) -> Error {
    Error::configuration(format!("the alerts in the folder of [alerts] cannot be read: {error}"))
        .with_hint("folder must be one that this user can read and write")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(version: &str, first_moment_micros: i64) -> Alert {
        Alert {
            key: AlertKey {
                application: "Firefox".to_string(),
                channel: "beta".to_string(),
                platform: "windows".to_string(),
                measure: "main_crashes".to_string(),
                version: version.to_string(),
            },
            first_moment_micros,
            release_age_hours: 31.0,
            log_e: 6.5,
            always_valid_p: 0.0015,
            ratio: 1.6,
            events: 812.0,
            expected_events: 507.5,
            sentence: format!("regressed since {first_moment_micros}"),
        }
    }

    fn kept(folder: &Path) -> AlertLog {
        let log = AlertLog::default();
        log.keep(&settings(folder)).expect("a log of one's own");
        log
    }

    fn settings(folder: &Path) -> AlertSettings {
        AlertSettings {
            folder: Some(folder.to_path_buf()),
            ..AlertSettings::default()
        }
    }

    #[test]
    fn an_alert_neither_vanishes_nor_repeats_nor_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = kept(folder.path());
        assert!(log.is_stored());
        assert_eq!(
            log.raise(vec![alert("60.0b7", 5)]).expect("stored"),
            [alert("60.0b7", 5)]
        );
        // Late data: the same regression found at another time, and then not at all.
        assert_eq!(
            log.raise(vec![alert("60.0b7", 9)]).expect("known"),
            [alert("60.0b7", 5)]
        );
        assert_eq!(log.raise(vec![]).expect("kept"), [alert("60.0b7", 5)]);
        drop(log);
        let again = kept(folder.path());
        assert_eq!(
            again.raise(vec![alert("60.0b7", 7)]).expect("known"),
            [alert("60.0b7", 5)]
        );
        assert_eq!(again.unsettled(), [alert("60.0b7", 5)]);
        again.settle(vec![alert("60.0b7", 5).key]).expect("stored");
        drop(again);
        let third = kept(folder.path());
        assert!(third.unsettled().is_empty());
    }

    #[test]
    fn a_line_cut_off_by_a_crash_is_forgotten_and_the_rest_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = kept(folder.path());
        log.raise(vec![alert("60.0b7", 5)]).expect("stored");
        drop(log);
        let path = folder.path().join(FILE_NAME);
        let mut text = fs::read_to_string(&path).expect("the file");
        text.push_str("{\"raised\":{\"applic");
        fs::write(&path, text).expect("a torn file");
        let log = kept(folder.path());
        let both = log.raise(vec![alert("60.0b8", 6)]).expect("stored");
        assert_eq!(both, [alert("60.0b7", 5), alert("60.0b8", 6)]);
        drop(log);
        let log = kept(folder.path());
        assert_eq!(log.raise(vec![]).expect("kept").len(), 2);
    }

    #[test]
    fn a_second_process_reads_and_does_not_write() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = kept(folder.path());
        first.raise(vec![alert("60.0b7", 5)]).expect("stored");
        let second = AlertLog::open(&settings(folder.path())).expect("the same log");
        assert!(!second.is_stored());
        assert_eq!(second.raise(vec![alert("60.0b8", 6)]).expect("in memory").len(), 2);
        assert_eq!(first.raise(vec![]).expect("kept").len(), 1);
        let error = second.keep(&settings(folder.path())).expect_err("it is taken");
        assert!(error.message.contains("another server"), "{}", error.message);
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(FILE_NAME), "not JSON\n").expect("a file");
        let error = AlertLog::open(&settings(folder.path())).expect_err("no log");
        assert!(error.message.contains("line 1 of alerts.ndjson"), "{}", error.message);
    }
}

//! How far a stream has been read, and what is not given out yet, so that a restart goes on from there.
//!
//! A checkpoint is written before windows are given out, and says which ones will be, under which key. After a crash
//! at any moment they are given out again under the same key with the same rows; whoever keeps them counts a key once.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::reason::RejectedCounts;
use super::sums::Sums;
use super::windows::{GroupKey, Windows};
use crate::error::{Error, ErrorKind, Result};

/// The first line names the format and its version, the length of the rest and its checksum.
const FORMAT: &str = "mission-control-pings 1";

/// The beginning of a stream, to know it again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub bytes: u64,
    pub sha256: String,
}

/// Windows that are being given out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emission {
    pub window_starts: Vec<i64>,
}

/// Everything that reading on needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Names the stream in the keys of what it gives out.
    pub stream: String,
    /// Bytes that were read.
    pub position: u64,
    pub head: Head,
    pub counted: u64,
    pub rejected: RejectedCounts,
    pub latest_arrival_microseconds: Option<i64>,
    /// The number of the next emission, or of the one under way.
    pub emission_number: u64,
    pub emission: Option<Emission>,
    pub(super) windows: Vec<(i64, Vec<(String, Sums)>)>,
}

impl Checkpoint {
    /// The beginning of a stream.
    pub fn new(stream: String) -> Self {
        Self {
            stream,
            ..Self::default()
        }
    }

    pub(super) fn set_windows(&mut self, windows: &Windows) {
        let groups = |groups: &super::windows::Groups| {
            let groups = groups.iter();
            groups.map(|(key, sums)| (key.as_str().to_string(), *sums)).collect()
        };
        self.windows = windows.iter().map(|(start, window)| (start, groups(window))).collect();
    }

    pub(super) fn take_windows(&mut self) -> Windows {
        let mut windows = Windows::default();
        for (start, groups) in std::mem::take(&mut self.windows) {
            for (key, sums) in groups {
                windows.add(start, GroupKey::from_checkpoint(key), &sums);
            }
        }
        windows
    }
}

/// The file of a checkpoint, held so that no second program reads on from it at the same time.
#[derive(Debug)]
pub struct CheckpointFile {
    path: PathBuf,
    // Unlocked by the system when the program ends, however it ends.
    _lock: File,
}

impl CheckpointFile {
    /// Locks the file's name; the file itself need not exist.
    pub fn open(path: PathBuf) -> Result<Self> {
        let folder = folder_of(&path);
        fs::create_dir_all(folder).map_err(|error| unusable(&error))?;
        let lock = File::create(with_ending(&path, "lock")).map_err(|error| unusable(&error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(Error::new(
                ErrorKind::ObjectNotInPrerequisiteState,
                "these pings are being read by another program",
            )
            .with_hint("wait until it ends, or name another file with --checkpoint")),
            Err(fs::TryLockError::Error(error)) => Err(unusable(&error)),
        }
    }

    /// What was saved last; nothing at the first time.
    pub fn load(&self) -> Result<Option<Checkpoint>> {
        let content = match fs::read(&self.path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(&error)),
        };
        decode(&content).map(Some)
    }

    /// Replaces what was saved, wholly or not at all, and lastingly.
    pub fn save(&self, checkpoint: &Checkpoint) -> Result<()> {
        let content = encode(checkpoint)?;
        replace_file(&self.path, &content).map_err(|error| unusable(&error))
    }
}

/// Writes a file under another name and renames it, so that nobody sees a part and a crash leaves the old one.
pub(super) fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let partial = with_ending(path, "partial");
    let mut file = File::create(&partial)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    File::open(folder_of(path))?.sync_all()
}

pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

fn encode(checkpoint: &Checkpoint) -> Result<Vec<u8>> {
    let body = serde_json::to_vec(checkpoint)
        .map_err(|error| Error::internal("the checkpoint cannot be written").with_detail(error.to_string()))?;
    let mut content = first_line(&body).into_bytes();
    content.extend(body);
    Ok(content)
}

fn first_line(body: &[u8]) -> String {
    let checksum = hexadecimal(digest(&SHA256, body).as_ref());
    format!("{FORMAT} bytes={} sha256={checksum}\n", body.len())
}

fn decode(content: &[u8]) -> Result<Checkpoint> {
    let end = content
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(content.len(), |end| end + 1);
    let (line, body) = content.split_at(end);
    if !line.starts_with(format!("{FORMAT} ").as_bytes()) {
        return Err(damaged("it is of another version, or no checkpoint"));
    }
    if line != first_line(body).as_bytes() {
        return Err(damaged("its checksum is wrong"));
    }
    serde_json::from_slice(body).map_err(|error| damaged(&error.to_string()))
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn damaged(detail: &str) -> Error {
    Error::configuration("the checkpoint cannot be used")
        .with_detail(detail)
        .with_hint("without it the input would be counted from its start: name another file with --checkpoint for that")
}

fn unusable(error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull => ErrorKind::DiskFull,
        _ => ErrorKind::Io,
    };
    Error::new(kind, "the checkpoint cannot be read or written").with_detail(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pings::Tally;

    fn filled() -> Checkpoint {
        let line = crate::pings::tests::main_ping("2018-06-05T11:02:03Z", 3600);
        let tally = Tally::of_lines(line.as_bytes(), i64::MAX);
        assert_eq!(tally.counted, 1);
        let mut checkpoint = Checkpoint::new("stream".to_string());
        checkpoint.position = 17;
        checkpoint.set_windows(&tally.windows);
        checkpoint.emission = Some(Emission {
            window_starts: vec![1_528_196_400],
        });
        checkpoint
    }

    #[test]
    fn what_was_saved_comes_back() {
        let folder = tempfile::tempdir().expect("folder");
        let file = CheckpointFile::open(folder.path().join("deep/er/a.checkpoint")).expect("a lock");
        assert_eq!(file.load().expect("nothing yet"), None);
        let checkpoint = filled();
        file.save(&checkpoint).expect("saved");
        let mut loaded = file.load().expect("readable").expect("there");
        assert_eq!(loaded, checkpoint);
        assert_eq!(loaded.take_windows().iter().count(), 1);
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let content = encode(&filled()).expect("encoded");
        assert!(decode(&content).is_ok());
        for place in 0..content.len() {
            let mut changed = content.clone();
            changed[place] ^= 1;
            assert!(decode(&changed).is_err(), "byte {place} changed");
            assert!(decode(&content[..place]).is_err(), "cut at {place}");
        }
    }

    #[test]
    fn a_second_reader_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.checkpoint");
        let first = CheckpointFile::open(path.clone()).expect("a lock");
        let refused = CheckpointFile::open(path.clone()).expect_err("locked");
        assert_eq!(refused.kind, ErrorKind::ObjectNotInPrerequisiteState);
        drop(first);
        CheckpointFile::open(path).expect("free again");
    }
}

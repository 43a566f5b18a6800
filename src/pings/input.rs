//! A stream of bytes as blocks of whole lines, each with the place where it ends.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use ring::digest::{SHA256, digest};
use serde::de::IgnoredAny;
use serde_json::error::Category;

use super::checkpoint::Head;
use crate::error::{Error, ErrorKind, Result};

/// The longest line that is read; of longer ones only that they were there is kept. Servers of pings take less.
pub const LONGEST_LINE_BYTES: usize = 8 << 20;

const BLOCK_BYTES: usize = 1 << 20;
const CHUNK_BYTES: usize = 256 << 10;
const CHUNKS_AHEAD: usize = 8;

/// So much of a stream's beginning tells it from another one.
const HEAD_BYTES: usize = 64 << 10;

/// Whole lines, and what was passed over before them.
#[derive(Debug, Default)]
pub struct Block {
    pub lines: Vec<u8>,
    /// Where in the stream the block ends.
    pub end: u64,
    /// Lines before this end that were too long to keep.
    pub lines_too_long: u64,
}

/// What there is to read at the moment.
#[derive(Debug)]
pub enum Next {
    Block(Block),
    /// Nothing came in the time given.
    Waiting,
    End,
}

/// The stream, read ahead by a thread of its own so that a pause of the sender holds nobody up.
#[derive(Debug)]
pub struct Input {
    chunks: Receiver<io::Result<Vec<u8>>>,
    buffer: Vec<u8>,
    /// A buffer of this size is worth a block.
    block_bytes: usize,
    /// Where in the stream the buffer begins.
    position: u64,
    head: Vec<u8>,
    /// In the middle of a line that is too long.
    passing_over: bool,
    lines_too_long: u64,
    ended: bool,
}

impl Input {
    /// A stream from its beginning.
    pub fn new(reader: impl Read + Send + 'static) -> Result<Self> {
        Self::start(reader, Vec::new(), 0)
    }

    /// A file from where it was left. It has to begin as it did then.
    pub fn resume_file(mut file: impl Read + Seek + Send + 'static, position: u64, head: &Head) -> Result<Self> {
        let bytes = read_head(&mut file, head)?;
        let length = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
        if length < position {
            return Err(other_input());
        }
        file.seek(SeekFrom::Start(position)).map_err(unreadable)?;
        Self::start(file, bytes, position)
    }

    /// A stream that is sent again from its beginning: what was read of it before is passed over.
    pub fn resume_stream(mut stream: impl Read + Send + 'static, position: u64, head: &Head) -> Result<Self> {
        let bytes = read_head(&mut stream, head)?;
        let rest = position.saturating_sub(bytes.len() as u64);
        let passed = io::copy(&mut stream.by_ref().take(rest), &mut io::sink()).map_err(unreadable)?;
        if passed < rest {
            return Err(other_input());
        }
        Self::start(stream, bytes, position)
    }

    fn start(reader: impl Read + Send + 'static, head: Vec<u8>, position: u64) -> Result<Self> {
        let (sender, chunks) = sync_channel(CHUNKS_AHEAD);
        thread::Builder::new()
            .name("pings".to_string())
            .spawn(move || read_ahead(reader, &sender))
            .map_err(unreadable)?;
        Ok(Self {
            chunks,
            buffer: Vec::new(),
            block_bytes: BLOCK_BYTES,
            position,
            head,
            passing_over: false,
            lines_too_long: 0,
            ended: false,
        })
    }

    /// Smaller blocks, so that a short stream has many.
    #[cfg(test)]
    pub fn with_blocks_of(mut self, bytes: usize) -> Self {
        self.block_bytes = bytes;
        self
    }

    /// The stream's beginning, as far as it lies before a place.
    pub fn head(&self, before: u64) -> Head {
        let length = usize::try_from(before).unwrap_or(usize::MAX).min(self.head.len());
        head_of(&self.head[..length])
    }

    /// The next block; one that is not full if no more comes in the time given.
    pub fn next(&mut self, wait: Duration) -> Result<Next> {
        let deadline = Instant::now() + wait;
        loop {
            if self.ended {
                return Ok(self.last_block());
            }
            if self.buffer.len() >= self.block_bytes {
                if let Some(block) = self.whole_lines() {
                    return Ok(Next::Block(block));
                }
                self.give_up_long_line();
            }
            match self
                .chunks
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(chunk) => self.append(&chunk.map_err(unreadable)?),
                Err(RecvTimeoutError::Disconnected) => self.ended = true,
                Err(RecvTimeoutError::Timeout) => return Ok(self.whole_lines().map_or(Next::Waiting, Next::Block)),
            }
        }
    }

    fn append(&mut self, chunk: &[u8]) {
        let wanted = HEAD_BYTES.saturating_sub(self.head.len()).min(chunk.len());
        self.head.extend_from_slice(&chunk[..wanted]);
        let mut kept = chunk;
        if self.passing_over {
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let passed = end.map_or(chunk.len(), |end| end + 1);
            self.position += passed as u64;
            kept = &chunk[passed..];
            if end.is_some() {
                self.passing_over = false;
                self.lines_too_long += 1;
            }
        }
        self.buffer.extend_from_slice(kept);
    }

    /// The buffer up to its last end of a line.
    fn whole_lines(&mut self) -> Option<Block> {
        let length = self
            .buffer
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        (length > 0 || self.lines_too_long > 0 && !self.passing_over).then(|| self.take(length))
    }

    fn take(&mut self, length: usize) -> Block {
        let rest = self.buffer.split_off(length);
        let lines = std::mem::replace(&mut self.buffer, rest);
        self.position += length as u64;
        Block {
            lines,
            end: self.position,
            lines_too_long: std::mem::take(&mut self.lines_too_long),
        }
    }

    fn give_up_long_line(&mut self) {
        if self.buffer.len() > LONGEST_LINE_BYTES {
            self.passing_over = true;
            self.position += self.buffer.len() as u64;
            self.buffer.clear();
        }
    }

    /// What is left at the end. A line that was cut off in the middle is left to whoever reads on when the file has
    /// grown.
    fn last_block(&mut self) -> Next {
        if std::mem::take(&mut self.passing_over) {
            self.lines_too_long += 1;
        }
        let length = if is_cut_off(&self.buffer) {
            self.buffer
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |end| end + 1)
        } else {
            self.buffer.len()
        };
        if length == 0 && self.lines_too_long == 0 {
            Next::End
        } else {
            Next::Block(self.take(length))
        }
    }

    /// Bytes at the end that are no whole line yet.
    pub fn unfinished_bytes(&self) -> usize {
        self.buffer.len()
    }
}

/// Whether the last line has no end and is the beginning of a JSON value.
fn is_cut_off(buffer: &[u8]) -> bool {
    let line = buffer.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let ends = serde_json::from_slice::<IgnoredAny>(line);
    !line.is_empty() && ends.is_err_and(|error| error.classify() == Category::Eof)
}

fn read_ahead(mut reader: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = match reader.read(&mut chunk) {
            Ok(0) => return,
            Ok(length) => {
                chunk.truncate(length);
                Ok(chunk)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = read.is_err();
        if sender.send(read).is_err() || failed {
            return;
        }
    }
}

fn read_head(reader: &mut impl Read, expected: &Head) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = expected.bytes.min(HEAD_BYTES as u64);
    reader
        .by_ref()
        .take(length)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if head_of(&bytes) == *expected {
        Ok(bytes)
    } else {
        Err(other_input())
    }
}

fn head_of(bytes: &[u8]) -> Head {
    Head {
        bytes: bytes.len() as u64,
        sha256: super::checkpoint::hexadecimal(digest(&SHA256, bytes).as_ref()),
    }
}

fn other_input() -> Error {
    Error::configuration("the input is not the one that was read before: it begins otherwise, or is shorter")
        .with_hint("name another file with --checkpoint to read it from its start")
}

fn unreadable(error: io::Error) -> Error {
    Error::new(ErrorKind::Io, "the pings cannot be read").with_detail(error.to_string())
}

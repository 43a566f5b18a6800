//! What clients send after the start-up: messages decoded with checked reads, so that a body whose counts or lengths
//! lie is an error and nothing is allocated by a number that the client gave.

use bytes::{Buf, Bytes};

use crate::error::{Error, ErrorKind, Result};

/// A complete message from the client.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    Query(String),
    Parse {
        name: String,
        query: String,
        type_oids: Vec<u32>,
    },
    Bind(Bind),
    Describe(Target),
    Execute {
        portal: String,
        max_rows: i32,
    },
    Close(Target),
    Flush,
    Sync,
    Terminate,
    /// The old fast-path call of a function by its oid.
    FunctionCall,
    /// COPY data while no COPY runs: PostgreSQL ignores it.
    StrayCopy,
    /// A password while none was asked for.
    Password,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Bind {
    pub portal: String,
    pub statement: String,
    pub parameter_formats: Vec<i16>,
    pub parameters: Vec<Option<Bytes>>,
    pub result_formats: Vec<i16>,
}

/// What Describe and Close speak of.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    Statement(String),
    Portal(String),
}

/// How a message type limits its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Carries a name at most: more than this many bytes is a violation of the protocol.
    Small,
    /// Carries a statement's text.
    Statement,
    /// Carries parameters' values.
    Values,
}

/// The longest message that carries no statement and no value, as in PostgreSQL.
pub const SMALL_MESSAGE_BYTES: usize = 10_000;

/// The size class of a message type, `None` for a byte that is no message type.
pub fn size_class(type_byte: u8) -> Option<Size> {
    match type_byte {
        b'Q' | b'P' => Some(Size::Statement),
        b'B' | b'F' | b'd' => Some(Size::Values),
        b'D' | b'E' | b'C' | b'H' | b'S' | b'X' | b'c' | b'f' | b'p' => Some(Size::Small),
        _ => None,
    }
}

/// Decodes the body of a complete message.
pub fn decode(type_byte: u8, body: Bytes) -> Result<Message> {
    let mut reader = Reader { body };
    let message = match type_byte {
        b'Q' => Message::Query(reader.text()?),
        b'P' => Message::Parse {
            name: reader.text()?,
            query: reader.text()?,
            type_oids: reader.counted(4, |reader| Ok(reader.i32()? as u32))?,
        },
        b'B' => Message::Bind(reader.bind()?),
        b'D' => Message::Describe(reader.target("DESCRIBE")?),
        b'C' => Message::Close(reader.target("CLOSE")?),
        b'E' => Message::Execute {
            portal: reader.text()?,
            max_rows: reader.i32()?,
        },
        b'H' => Message::Flush,
        b'S' => Message::Sync,
        b'X' => return Ok(Message::Terminate),
        b'F' => return Ok(Message::FunctionCall),
        b'd' | b'c' | b'f' => return Ok(Message::StrayCopy),
        b'p' => return Ok(Message::Password),
        other => return Err(violation(format!("invalid frontend message type {other}"))),
    };
    if reader.body.has_remaining() {
        return Err(violation("invalid message format"));
    }
    Ok(message)
}

pub fn violation(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::ProtocolViolation, message)
}

struct Reader {
    body: Bytes,
}

impl Reader {
    fn i16(&mut self) -> Result<i16> {
        self.body.try_get_i16().map_err(|_| insufficient())
    }

    fn i32(&mut self) -> Result<i32> {
        self.body.try_get_i32().map_err(|_| insufficient())
    }

    /// Text up to a NUL.
    fn text(&mut self) -> Result<String> {
        let end = self
            .body
            .iter()
            .position(|byte| *byte == 0)
            .ok_or_else(|| violation("invalid string in message"))?;
        let text = self.body.split_to(end);
        self.body.advance(1);
        utf8(&text).map(str::to_string)
    }

    /// A 16-bit count and as many items, each of at least `least_bytes`; the count must fit into what is there.
    fn counted<T>(&mut self, least_bytes: usize, item: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = usize::from(self.i16()? as u16);
        if count * least_bytes > self.body.remaining() {
            return Err(insufficient());
        }
        (0..count).map(|_| item(self)).collect()
    }

    fn bind(&mut self) -> Result<Bind> {
        Ok(Bind {
            portal: self.text()?,
            statement: self.text()?,
            parameter_formats: self.counted(2, Self::i16)?,
            parameters: self.counted(4, Self::value)?,
            result_formats: self.counted(2, Self::i16)?,
        })
    }

    fn value(&mut self) -> Result<Option<Bytes>> {
        let length = self.i32()?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| insufficient())?;
        if length > self.body.remaining() {
            return Err(insufficient());
        }
        Ok(Some(self.body.split_to(length)))
    }

    fn target(&mut self, message: &str) -> Result<Target> {
        let kind = self.body.try_get_u8().map_err(|_| insufficient())?;
        match kind {
            b'S' => self.text().map(Target::Statement),
            b'P' => self.text().map(Target::Portal),
            other => Err(violation(format!("invalid {message} message subtype {other}"))),
        }
    }
}

fn insufficient() -> Error {
    violation("insufficient data left in message")
}

/// Bytes as text, or PostgreSQL's error about the first bytes that are none.
pub fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let shown: Vec<String> = bytes[error.valid_up_to()..]
            .iter()
            .take(error.error_len().unwrap_or(4).max(1))
            .map(|byte| format!("0x{byte:02x}"))
            .collect();
        Error::new(
            ErrorKind::CharacterNotInRepertoire,
            format!("invalid byte sequence for encoding \"UTF8\": {}", shown.join(" ")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_lie_are_violations() {
        let bodies: [(u8, &'static [u8]); 7] = [
            (b'B', b"\0\0\xff\xff"),
            (b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xffabc\0\0"),
            (b'B', b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0"),
            (b'P', b"\0select 1"),
            (b'P', b"\0select 1\0\x7f\xff"),
            (b'E', b"\0\0\0"),
            (b'D', b"X\0"),
        ];
        for (type_byte, body) in bodies {
            let error = decode(type_byte, Bytes::from_static(body)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::ProtocolViolation, "{body:?}");
        }
    }

    #[test]
    fn text_must_be_utf8_and_nothing_may_follow() {
        let error = decode(b'Q', Bytes::from_static(b"select '\xff'\0")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::CharacterNotInRepertoire);
        assert_eq!(error.message, "invalid byte sequence for encoding \"UTF8\": 0xff");
        let error = decode(b'Q', Bytes::from_static(b"select 1\0more")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::ProtocolViolation);
    }
}

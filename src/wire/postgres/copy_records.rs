//! COPY's text, CSV and binary forms taken apart: from bytes as they arrive, in pieces of any size, to the fields of one
//! row after the other.

use super::copy_options::{Form, Kind};
use super::frontend::violation;
use crate::error::{Error, ErrorKind, Result};

/// What a binary copy begins with.
const BINARY_SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// The signature, flags and the length of an extension.
const BINARY_HEADER_BYTES: usize = 19;
/// A row longer than this is taken for a mistake.
const LONGEST_ROW_BYTES: usize = 16 << 20;

/// One row's fields.
#[derive(Debug, Default)]
pub struct Record {
    bytes: Vec<u8>,
    fields: Vec<Field>,
    /// Of its first byte, from 1.
    pub line: u64,
}

#[derive(Debug, Clone, Copy)]
struct Field {
    end: usize,
    is_null: bool,
    quoted: bool,
}

impl Record {
    fn clear(&mut self, line: u64) {
        self.bytes.clear();
        self.fields.clear();
        self.line = line;
    }

    fn end_field(&mut self, is_null: bool, quoted: bool) {
        self.fields.push(Field {
            end: self.bytes.len(),
            is_null,
            quoted,
        });
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// A field's bytes, `None` for NULL; with whether it stood in quotes.
    pub fn field(&self, index: usize) -> (Option<&[u8]>, bool) {
        let start = index
            .checked_sub(1)
            .and_then(|before| self.fields.get(before))
            .map_or(0, |field| field.end);
        match self.fields.get(index) {
            Some(field) if field.is_null => (None, false),
            Some(field) => (self.bytes.get(start..field.end), field.quoted),
            None => (None, false),
        }
    }

    /// The row as a person may read it.
    pub fn shown(&self) -> String {
        let fields = (0..self.len()).map(|index| match self.field(index).0 {
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            None => "NULL".to_string(),
        });
        fields.collect::<Vec<_>>().join(", ")
    }
}

/// What there is after looking for the next row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Row,
    /// More bytes are needed.
    Nothing,
    /// The data said that it ends here.
    End,
}

/// Bytes that came and have not become rows.
pub struct Records {
    kind: Kind,
    delimiter: u8,
    null: Vec<u8>,
    quote: u8,
    escape: u8,
    buffer: Vec<u8>,
    at: usize,
    line: u64,
    header_read: bool,
    ended: bool,
}

impl Records {
    pub fn new(form: &Form) -> Self {
        Self {
            kind: form.kind,
            delimiter: form.delimiter,
            null: form.null.as_bytes().to_vec(),
            quote: form.quote,
            escape: form.escape,
            buffer: vec![],
            at: 0,
            line: 1,
            header_read: false,
            ended: false,
        }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        if self.ended {
            return;
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Reads the next row. `complete` says that no more bytes will come.
    pub fn next(&mut self, record: &mut Record, complete: bool) -> Result<Next> {
        if self.ended {
            return Ok(Next::End);
        }
        record.clear(self.line);
        let next = match self.kind {
            Kind::Text => self.text_row(record, complete),
            Kind::Csv => self.csv_row(record, complete)?,
            Kind::Binary => self.binary_row(record, complete)?,
        };
        if next == Next::Nothing && self.buffer.len() - self.at > LONGEST_ROW_BYTES {
            return Err(Error::new(
                ErrorKind::ProgramLimitExceeded,
                format!("line {}: a row is longer than {LONGEST_ROW_BYTES} bytes", self.line),
            ));
        }
        self.ended = next == Next::End;
        Ok(next)
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// The text form: a backslash takes away the next byte's meaning or gives it one.
    fn text_row(&mut self, record: &mut Record, complete: bool) -> Next {
        let rest = self.rest();
        let mut end = None;
        let mut place = 0;
        while let Some(byte) = rest.get(place) {
            match byte {
                b'\\' => place += 1,
                b'\n' => {
                    end = Some(place);
                    break;
                }
                _ => {}
            }
            place += 1;
        }
        let (length, taken) = match end {
            Some(end) => (end, end + 1),
            None if complete && !rest.is_empty() => (rest.len(), rest.len()),
            None if complete => return Next::End,
            None => return Next::Nothing,
        };
        let start = self.at;
        self.at += taken;
        self.line += 1;
        let mut line = self.buffer.get(start..start + length).unwrap_or_default();
        if let Some(without) = line.strip_suffix(b"\r") {
            line = without;
        }
        if line == b"\\." {
            return Next::End;
        }
        let mut field_start = 0;
        let mut place = 0;
        loop {
            match line.get(place) {
                Some(b'\\') => place += 2,
                Some(byte) if *byte == self.delimiter => {
                    put_text_field(record, line.get(field_start..place).unwrap_or_default(), &self.null);
                    place += 1;
                    field_start = place;
                }
                Some(_) => place += 1,
                None => break,
            }
        }
        put_text_field(record, line.get(field_start..).unwrap_or_default(), &self.null);
        Next::Row
    }

    /// The CSV form: what stands in quotes may hold anything, line ends too.
    fn csv_row(&mut self, record: &mut Record, complete: bool) -> Result<Next> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let (mut place, mut lines) = (0, 0);
        let mut in_quotes = false;
        let mut quoted = false;
        let mut field_start = 0;
        let taken = loop {
            let Some(byte) = rest.get(place).copied() else {
                if !complete {
                    return Ok(Next::Nothing);
                }
                if in_quotes {
                    return Err(bad_format(self.line, "unterminated CSV quoted field"));
                }
                if rest.is_empty() {
                    return Ok(Next::End);
                }
                break rest.len();
            };
            if in_quotes {
                let next = rest.get(place + 1).copied();
                if byte == self.escape && next.is_some_and(|next| next == self.quote || next == self.escape) {
                    record.bytes.push(next.unwrap_or_default());
                    place += 2;
                } else if byte == self.escape && byte == self.quote && next.is_none() && !complete {
                    // Whether this quote ends the field is for the next byte to say.
                    return Ok(Next::Nothing);
                } else {
                    match byte == self.quote {
                        true => in_quotes = false,
                        false => record.bytes.push(byte),
                    }
                    lines += u64::from(byte == b'\n');
                    place += 1;
                }
            } else if byte == self.quote {
                (in_quotes, quoted) = (true, true);
                place += 1;
            } else if byte == self.delimiter {
                end_csv_field(record, field_start, quoted, &self.null);
                (field_start, quoted) = (record.bytes.len(), false);
                place += 1;
            } else if byte == b'\n' {
                break place + 1;
            } else if byte == b'\r' {
                match rest.get(place + 1) {
                    Some(b'\n') => break place + 2,
                    Some(_) => break place + 1,
                    None if complete => break place + 1,
                    None => return Ok(Next::Nothing),
                }
            } else {
                record.bytes.push(byte);
                place += 1;
            }
        };
        self.at += taken;
        self.line += lines + 1;
        if record.fields.is_empty() && !quoted && record.bytes == b"\\." {
            return Ok(Next::End);
        }
        end_csv_field(record, field_start, quoted, &self.null);
        Ok(Next::Row)
    }

    /// The binary form: counts and lengths before everything.
    fn binary_row(&mut self, record: &mut Record, complete: bool) -> Result<Next> {
        if !self.header_read && !self.binary_header(complete)? {
            return Ok(Next::Nothing);
        }
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let cut_off = |line| match complete {
            true => Err(bad_format(line, "unexpected EOF in COPY data")),
            false => Ok(Next::Nothing),
        };
        let Some(count) = rest.get(..2) else {
            return cut_off(self.line);
        };
        let Ok(count) = u16::try_from(i16::from_be_bytes([count[0], count[1]])) else {
            self.at += 2;
            return Ok(Next::End);
        };
        let mut place = 2;
        for _ in 0..count {
            let Some(length) = rest.get(place..place + 4) else {
                return cut_off(self.line);
            };
            let length = i32::from_be_bytes([length[0], length[1], length[2], length[3]]);
            place += 4;
            if length == -1 {
                record.end_field(true, false);
                continue;
            }
            let length = usize::try_from(length).map_err(|_| bad_format(self.line, "invalid field size"))?;
            let Some(bytes) = place.checked_add(length).and_then(|end| rest.get(place..end)) else {
                return cut_off(self.line);
            };
            record.bytes.extend_from_slice(bytes);
            record.end_field(false, false);
            place += length;
        }
        self.at += place;
        self.line += 1;
        Ok(Next::Row)
    }

    fn binary_header(&mut self, complete: bool) -> Result<bool> {
        let header = self.buffer.get(self.at..self.at + BINARY_HEADER_BYTES);
        let Some(header) = header else {
            return match complete {
                true => Err(bad_format(1, "COPY file signature not recognized")),
                false => Ok(false),
            };
        };
        if !header.starts_with(BINARY_SIGNATURE) {
            return Err(bad_format(1, "COPY file signature not recognized"));
        }
        if header.get(11..15) != Some(&[0; 4]) {
            return Err(bad_format(1, "unrecognized critical flags in COPY file header"));
        }
        if header.get(15..19) != Some(&[0; 4]) {
            return Err(violation("a binary copy with a header extension is not supported"));
        }
        self.at += BINARY_HEADER_BYTES;
        self.header_read = true;
        Ok(true)
    }
}

pub fn bad_format(line: u64, message: &str) -> Error {
    Error::new(ErrorKind::BadCopyFileFormat, format!("line {line}: {message}"))
}

fn end_csv_field(record: &mut Record, start: usize, quoted: bool, null: &[u8]) {
    let is_null = !quoted && record.bytes.get(start..) == Some(null);
    record.end_field(is_null, quoted);
}

fn put_text_field(record: &mut Record, raw: &[u8], null: &[u8]) {
    if raw == null {
        return record.end_field(true, false);
    }
    let mut rest = raw.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            record.bytes.push(byte);
            continue;
        }
        let unescaped = match rest.next() {
            None => b'\\',
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'v') => 0x0b,
            Some(digit @ b'0'..=b'7') => {
                let mut value = u32::from(digit - b'0');
                for _ in 0..2 {
                    let Some(digit) = rest.next_if(|next| matches!(next, b'0'..=b'7')) else {
                        break;
                    };
                    value = value * 8 + u32::from(digit - b'0');
                }
                (value & 0xff) as u8
            }
            Some(b'x') if rest.peek().is_some_and(u8::is_ascii_hexdigit) => {
                let mut value = 0;
                for _ in 0..2 {
                    let Some(digit) = rest.next_if(u8::is_ascii_hexdigit) else {
                        break;
                    };
                    value = value * 16 + char::from(digit).to_digit(16).unwrap_or(0);
                }
                (value & 0xff) as u8
            }
            Some(other) => other,
        };
        record.bytes.push(unescaped);
    }
    record.end_field(false, false);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::copy_statement::{CopyOption, CopyValue};

    fn form(kind: &str) -> Form {
        let option = CopyOption {
            name: "format".to_string(),
            value: CopyValue::Text(kind.to_string()),
        };
        Form::of(&[option]).unwrap()
    }

    /// The rows of `input` fed in pieces of every size, which must not matter.
    fn rows(kind: &str, input: &[u8]) -> Vec<Vec<Option<String>>> {
        let read = |size: usize| {
            let mut records = Records::new(&form(kind));
            let mut record = Record::default();
            let mut rows = vec![];
            let mut pieces = input.chunks(size);
            loop {
                let piece = pieces.next();
                records.feed(piece.unwrap_or_default());
                while let Next::Row = records.next(&mut record, piece.is_none()).unwrap() {
                    let fields = (0..record.len()).map(|index| record.field(index).0);
                    rows.push(
                        fields
                            .map(|field| field.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
                            .collect(),
                    );
                }
                if piece.is_none() {
                    return rows;
                }
            }
        };
        let whole: Vec<Vec<Option<String>>> = read(input.len().max(1));
        for size in 1..=7 {
            assert_eq!(read(size), whole, "in pieces of {size}");
        }
        whole
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_string())
    }

    #[test]
    fn text_rows_have_escapes_nulls_and_an_end() {
        let input = b"a\tb\\tc\t\\N\r\n\\\\N\t\\x41\\101\t\nlast\t\t\\n\n\\.\nafter\n";
        let expected = vec![
            vec![some("a"), some("b\tc"), None],
            vec![some("\\N"), some("AA"), some("")],
            vec![some("last"), some(""), some("\n")],
        ];
        assert_eq!(rows("text", input), expected);
    }

    #[test]
    fn csv_rows_have_quotes_and_lines_inside_them() {
        let input = b"a,\"b,\"\"c\"\"\nd\",\r\n\"\",x,y\nlast,,\"z\"";
        let expected = vec![
            vec![some("a"), some("b,\"c\"\nd"), None],
            vec![some(""), some("x"), some("y")],
            vec![some("last"), None, some("z")],
        ];
        assert_eq!(rows("csv", input), expected);
    }

    #[test]
    fn binary_rows_have_lengths() {
        let mut input = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
        input.extend_from_slice(b"\0\x02\0\0\0\x03abc\xff\xff\xff\xff");
        input.extend_from_slice(b"\xff\xff");
        assert_eq!(rows("binary", &input), vec![vec![some("abc"), None]]);
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        for (kind, input) in [
            ("csv", &b"a,\"b"[..]),
            ("binary", b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x09abc"),
            ("binary", b"no signature at all"),
        ] {
            let mut records = Records::new(&form(kind));
            records.feed(input);
            let error = records.next(&mut Record::default(), true).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadCopyFileFormat, "{kind}");
        }
    }
}

//! Booleans, text and bytes.

use std::fmt::Write;

use arrow::array::{Array, BinaryArray, BooleanArray, StringArray};
use bytes::{BufMut, BytesMut};

use super::Cell;
use crate::error::Result;

/// A column of the type NULL.
pub struct Nothing;

impl Cell for Nothing {
    fn is_null(&self, _: usize) -> bool {
        true
    }

    fn text(&self, _: usize, _: &mut BytesMut) -> Result<()> {
        Ok(())
    }

    fn binary(&self, _: usize, _: &mut BytesMut) -> Result<()> {
        Ok(())
    }
}

pub struct Boolean<'a>(pub &'a BooleanArray);

impl Cell for Boolean<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_u8(if self.0.value(row) { b't' } else { b'f' });
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_u8(u8::from(self.0.value(row)));
        Ok(())
    }
}

pub struct Text<'a>(pub &'a StringArray);

impl Cell for Text<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_slice(self.0.value(row).as_bytes());
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        self.text(row, out)
    }
}

/// Bytes, and whether their text is in the escape form rather than in hexadecimal.
pub struct Bytea<'a>(pub &'a BinaryArray, pub bool);

impl Cell for Bytea<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let value = self.0.value(row);
        if self.1 {
            escaped(value, out);
        } else {
            hexadecimal(value, out);
        }
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_slice(self.0.value(row));
        Ok(())
    }
}

fn hexadecimal(value: &[u8], out: &mut BytesMut) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.put_slice(b"\\x");
    for byte in value {
        out.put_u8(DIGITS[usize::from(byte >> 4)]);
        out.put_u8(DIGITS[usize::from(byte & 15)]);
    }
}

fn escaped(value: &[u8], out: &mut BytesMut) {
    for byte in value {
        match byte {
            b'\\' => out.put_slice(b"\\\\"),
            b' '..=b'~' => out.put_u8(*byte),
            other => {
                // Writing into a growing buffer cannot fail.
                let _ = write!(out, "\\{other:03o}");
            }
        }
    }
}

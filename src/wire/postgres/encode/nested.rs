//! Arrays and records.

use arrow::array::{Array, ListArray, StructArray};
use bytes::{BufMut, BytesMut};

use super::{Cell, Style, cell, field, too_many_columns};
use crate::error::{Error, ErrorKind, Result};
use crate::wire::postgres::types::{Format, innermost, postgres_type};

/// An array, of one dimension or more.
pub struct List<'a> {
    array: &'a ListArray,
    items: Items<'a>,
}

enum Items<'a> {
    Lists(Box<List<'a>>),
    Values { cell: Box<dyn Cell + 'a>, oid: u32 },
}

impl<'a> List<'a> {
    pub fn new(array: &'a ListArray, style: &'a Style) -> Result<Self> {
        let values = array.values();
        let items = match values.as_any().downcast_ref::<ListArray>() {
            Some(lists) => Items::Lists(Box::new(Self::new(lists, style)?)),
            None => Items::Values {
                cell: cell(values, style)?,
                oid: postgres_type(innermost(values.data_type()))?.oid(),
            },
        };
        Ok(Self { array, items })
    }

    /// Elements that are written as another type than their Arrow type's.
    pub fn of(array: &'a ListArray, cell: Box<dyn Cell + 'a>, oid: u32) -> Self {
        let items = Items::Values { cell, oid };
        Self { array, items }
    }

    fn range(&self, row: usize) -> std::ops::Range<usize> {
        let offsets = self.array.value_offsets();
        // Offsets count items in memory: they are never negative.
        offsets[row] as usize..offsets[row + 1] as usize
    }

    /// The lengths of a value's dimensions; they must be the same in every part.
    fn dimensions(&self, row: usize, level: usize, lengths: &mut Vec<usize>) -> Result<()> {
        let length = self.range(row).len();
        match lengths.get(level) {
            None => lengths.push(length),
            Some(known) if *known == length => {}
            Some(_) => return Err(not_rectangular()),
        }
        if let Items::Lists(inner) = &self.items {
            for item in self.range(row) {
                if inner.array.is_null(item) {
                    return Err(not_rectangular());
                }
                inner.dimensions(item, level + 1, lengths)?;
            }
        }
        Ok(())
    }

    fn values(&self, row: usize, out: &mut BytesMut) -> Result<bool> {
        let mut any_null = false;
        for item in self.range(row) {
            match &self.items {
                Items::Lists(inner) => any_null |= inner.values(item, out)?,
                Items::Values { cell, .. } => {
                    any_null |= cell.is_null(item);
                    field(cell.as_ref(), Format::Binary, item, out)?;
                }
            }
        }
        Ok(any_null)
    }

    fn item_oid(&self) -> u32 {
        match &self.items {
            Items::Lists(inner) => inner.item_oid(),
            Items::Values { oid, .. } => *oid,
        }
    }
}

impl Cell for List<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row)
    }

    fn text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_u8(b'{');
        let mut scratch = BytesMut::new();
        for (index, item) in self.range(row).enumerate() {
            if index > 0 {
                out.put_u8(b',');
            }
            match &self.items {
                Items::Lists(inner) if !inner.is_null(item) => inner.text(item, out)?,
                Items::Values { cell, .. } if !cell.is_null(item) => {
                    scratch.clear();
                    cell.text(item, &mut scratch)?;
                    array_item(&scratch, out);
                }
                _ => out.put_slice(b"NULL"),
            }
        }
        out.put_u8(b'}');
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let mut lengths = Vec::new();
        self.dimensions(row, 0, &mut lengths)?;
        if lengths.contains(&0) {
            lengths.clear();
        }
        out.put_i32(lengths.len() as i32);
        let flags = out.len();
        out.put_i32(0);
        out.put_u32(self.item_oid());
        for length in &lengths {
            out.put_i32(i32::try_from(*length).map_err(|_| not_rectangular())?);
            out.put_i32(1);
        }
        if !lengths.is_empty() && self.values(row, out)? {
            out[flags + 3] = 1;
        }
        Ok(())
    }
}

fn not_rectangular() -> Error {
    Error::new(
        ErrorKind::FeatureNotSupported,
        "multidimensional arrays must have sub-arrays with matching dimensions",
    )
}

/// Quotes an array's element where its text could be misread.
fn array_item(text: &[u8], out: &mut BytesMut) {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',') || is_space(*byte);
    if !text.is_empty() && !text.eq_ignore_ascii_case(b"null") && !text.iter().any(special) {
        return out.put_slice(text);
    }
    out.put_u8(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// A struct as a record of its fields.
pub struct Record<'a> {
    array: &'a StructArray,
    fields: Vec<(Box<dyn Cell + 'a>, u32)>,
}

impl<'a> Record<'a> {
    pub fn new(array: &'a StructArray, style: &'a Style) -> Result<Self> {
        let fields: Result<Vec<_>> = array
            .columns()
            .iter()
            .map(|column| Ok((cell(column, style)?, postgres_type(column.data_type())?.oid())))
            .collect();
        if array.num_columns() > i16::MAX as usize {
            return Err(too_many_columns());
        }
        Ok(Self { array, fields: fields? })
    }
}

impl Cell for Record<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row)
    }

    fn text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_u8(b'(');
        let mut scratch = BytesMut::new();
        for (index, (cell, _)) in self.fields.iter().enumerate() {
            if index > 0 {
                out.put_u8(b',');
            }
            if !cell.is_null(row) {
                scratch.clear();
                cell.text(row, &mut scratch)?;
                record_field(&scratch, out);
            }
        }
        out.put_u8(b')');
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_i32(self.fields.len() as i32);
        for (cell, oid) in &self.fields {
            out.put_u32(*oid);
            field(cell.as_ref(), Format::Binary, row, out)?;
        }
        Ok(())
    }
}

/// Quotes a record's field where its text could be misread; an empty text is quoted because nothing means NULL.
fn record_field(text: &[u8], out: &mut BytesMut) {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'(' | b')' | b',') || is_space(*byte);
    if !text.is_empty() && !text.iter().any(special) {
        return out.put_slice(text);
    }
    out.put_u8(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(*byte);
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

//! Whole numbers, decimals and floats.

use std::fmt::{Display, Write};

use arrow::array::{Array, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, Float16Type, Float32Type, Float64Type};
use bytes::{BufMut, BytesMut};

use super::Cell;
use crate::error::{Error, ErrorKind, Result};

/// Whole numbers that go out as `int2`, `int4` or `int8`, by their size in bytes.
pub struct Whole<'a, T: ArrowPrimitiveType, const BYTES: usize>(pub &'a PrimitiveArray<T>);

impl<T: ArrowPrimitiveType, const BYTES: usize> Cell for Whole<'_, T, BYTES>
where
    T::Native: Into<i64>,
{
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let value: i64 = self.0.value(row).into();
        whole_text(value, out);
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let value: i64 = self.0.value(row).into();
        // The type's range fits into its size, so only sign bits are cut off.
        out.put_slice(&value.to_be_bytes()[8 - BYTES..]);
        Ok(())
    }
}

/// Decimal digits without the formatting machinery: this is the inner loop of most results.
fn whole_text(value: i64, out: &mut BytesMut) {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.put_u8(b'-');
    }
    out.put_slice(&digits[start..]);
}

/// Decimals of any width as `numeric`, with their scale.
pub struct Numeric<'a, T: ArrowPrimitiveType>(pub &'a PrimitiveArray<T>, pub i8);

impl<T: ArrowPrimitiveType> Cell for Numeric<'_, T>
where
    T::Native: Display,
{
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let digits = self.0.value(row).to_string();
        let number = Digits::new(&digits, self.1);
        if number.negative {
            out.put_u8(b'-');
        }
        out.put_slice(number.whole.as_bytes());
        if !number.fraction.is_empty() {
            out.put_u8(b'.');
            out.put_slice(number.fraction.as_bytes());
        }
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let digits = self.0.value(row).to_string();
        numeric_binary(&Digits::new(&digits, self.1), out)
    }
}

/// A decimal number taken apart at its point.
struct Digits {
    negative: bool,
    whole: String,
    fraction: String,
}

impl Digits {
    fn new(unscaled: &str, scale: i8) -> Self {
        let negative = unscaled.starts_with('-');
        let mut digits = unscaled.trim_start_matches('-').to_string();
        if scale < 0 && digits != "0" {
            digits.extend(std::iter::repeat_n('0', usize::from(scale.unsigned_abs())));
        }
        let scale = usize::try_from(scale).unwrap_or(0);
        if digits.len() <= scale {
            digits.insert_str(0, &"0".repeat(scale + 1 - digits.len()));
        }
        let fraction = digits.split_off(digits.len() - scale);
        Self {
            negative,
            whole: digits,
            fraction,
        }
    }
}

/// PostgreSQL's binary numeric: groups of four decimal digits, the weight of the first, the sign, the scale shown.
fn numeric_binary(number: &Digits, out: &mut BytesMut) -> Result<()> {
    let out_of_range = || Error::new(ErrorKind::NumericValueOutOfRange, "value overflows numeric format");
    let whole_padding = (4 - number.whole.len() % 4) % 4;
    let fraction_padding = (4 - number.fraction.len() % 4) % 4;
    let padded = format!(
        "{}{}{}{}",
        &"000"[..whole_padding],
        number.whole,
        number.fraction,
        &"000"[..fraction_padding]
    );
    let groups: Vec<i16> = padded
        .as_bytes()
        .chunks(4)
        .map(|group| group.iter().fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0')))
        .collect();
    let leading_zeros = groups.iter().take_while(|group| **group == 0).count();
    let trailing_zeros = groups[leading_zeros..]
        .iter()
        .rev()
        .take_while(|group| **group == 0)
        .count();
    let kept = &groups[leading_zeros..groups.len() - trailing_zeros];
    let weight = if kept.is_empty() {
        0
    } else {
        ((number.whole.len() + whole_padding) / 4) as i64 - 1 - leading_zeros as i64
    };
    out.put_i16(i16::try_from(kept.len()).map_err(|_| out_of_range())?);
    out.put_i16(i16::try_from(weight).map_err(|_| out_of_range())?);
    out.put_u16(if number.negative && !kept.is_empty() { 0x4000 } else { 0 });
    out.put_i16(i16::try_from(number.fraction.len()).map_err(|_| out_of_range())?);
    for group in kept {
        out.put_i16(*group);
    }
    Ok(())
}

/// `float8`, with the setting `extra_float_digits`.
pub struct DoubleFloat<'a>(pub &'a PrimitiveArray<Float64Type>, pub i32);

impl Cell for DoubleFloat<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let value = self.0.value(row);
        float_text(value, &scientific(value, 15, self.1), 15, self.1, out);
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_f64(self.0.value(row));
        Ok(())
    }
}

/// `float4`.
pub struct SingleFloat<'a>(pub &'a PrimitiveArray<Float32Type>, pub i32);

impl Cell for SingleFloat<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        single_text(self.0.value(row), self.1, out);
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_f32(self.0.value(row));
        Ok(())
    }
}

/// Half floats go out as `float4`, which holds each of them exactly.
pub struct HalfFloat<'a>(pub &'a PrimitiveArray<Float16Type>, pub i32);

impl Cell for HalfFloat<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        single_text(self.0.value(row).to_f32(), self.1, out);
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_f32(self.0.value(row).to_f32());
        Ok(())
    }
}

fn single_text(value: f32, extra_digits: i32, out: &mut BytesMut) {
    float_text(
        f64::from(value),
        &scientific(value, 6, extra_digits),
        6,
        extra_digits,
        out,
    );
}

/// `d.ddde±x` with the fewest digits that read back as the same number, or with as many as the setting wants.
fn scientific<T: std::fmt::LowerExp>(value: T, sure_digits: i32, extra_digits: i32) -> String {
    if extra_digits > 0 {
        return format!("{value:e}");
    }
    let after_point = usize::try_from((sure_digits + extra_digits - 1).max(0)).unwrap_or(0);
    format!("{value:.after_point$e}")
}

/// PostgreSQL's choice between plain and scientific notation.
fn float_text(value: f64, scientific: &str, sure_digits: i32, extra_digits: i32, out: &mut BytesMut) {
    if value.is_nan() {
        return out.put_slice(b"NaN");
    }
    if value.is_infinite() {
        return out.put_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if extra_digits <= 0 {
        digits.truncate(digits.trim_end_matches('0').len().max(1));
    }
    out.put_slice(sign.as_bytes());
    let most_plain = if extra_digits > 0 {
        sure_digits
    } else {
        (sure_digits + extra_digits).max(1)
    };
    if (-4..most_plain).contains(&exponent) {
        plain(&digits, exponent, out);
    } else {
        out.put_slice(&digits.as_bytes()[..1]);
        if digits.len() > 1 {
            out.put_u8(b'.');
            out.put_slice(&digits.as_bytes()[1..]);
        }
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        // Writing into a growing buffer cannot fail.
        let _ = write!(out, "e{exponent_sign}{:02}", exponent.abs());
    }
}

fn plain(digits: &str, exponent: i32, out: &mut BytesMut) {
    let Ok(exponent) = usize::try_from(exponent) else {
        out.put_slice(b"0.");
        out.put_bytes(b'0', exponent.unsigned_abs() as usize - 1);
        out.put_slice(digits.as_bytes());
        return;
    };
    let whole = exponent + 1;
    if digits.len() <= whole {
        out.put_slice(digits.as_bytes());
        out.put_bytes(b'0', whole - digits.len());
    } else {
        out.put_slice(&digits.as_bytes()[..whole]);
        out.put_u8(b'.');
        out.put_slice(&digits.as_bytes()[whole..]);
    }
}

//! `dispersion_aligned_fit(release, age_block, count, hours [, prior_sd])`: all that earlier releases say, at equal age.

use crate::FunctionError;
use crate::aggregate_function::{AggregateFunction, Constant, State};
use crate::arguments::{COUNT, HOURS, Parameter, Row};
use crate::results::Output;
use crate::statistics::arguments::positive;
use crate::statistics::dispersion_aligned::{AlignedFit, AlignedState, PRIOR_TAU};
use arrow::array::{ArrayBuilder, NullBufferBuilder};
use arrow::array::{ArrayRef, Float64Builder, Int64Builder, ListBuilder, StringBuilder, StructArray, StructBuilder};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::logical_expr::Documentation;
use datafusion_macros::user_doc;
use std::sync::Arc;

#[user_doc(
    doc_section(label = "Overdispersion"),
    description = "What earlier releases say of the next one, as a struct: `phi` (dispersion, the number that \
`dispersion_aligned` gives), `df` (its degrees of freedom), `tau` (standard deviation between releases of the \
logarithm of their rate, drawn towards `prior_sd`), `k` (releases that count), `factors` (a list of `release, factor`: \
each release's events relative to those that the rates of its blocks give it) and `dropped` (the one release of three \
or more that lies so far from the others that it was left out; NULL where none does). NULL with fewer than two releases \
or two blocks. Rows with a NULL argument are skipped; a NaN makes the numbers NaN. Errors: a negative or infinite count \
or usage_hours, a prior_sd that is not above 0.",
    syntax_example = "dispersion_aligned_fit(release, age_block, count, hours [, prior_sd])",
    sql_example = r#"```sql
> SELECT round(f['phi'], 4) AS phi, f['df'] AS df, round(f['tau'], 4) AS tau, f['k'] AS k, f['dropped'] AS dropped FROM (SELECT dispersion_aligned_fit(v, b, k, h) AS f FROM (VALUES ('57', 0, 40, 10.0), ('57', 12, 70, 30.0), ('58', 0, 20, 10.0), ('58', 12, 95, 30.0)) AS t(v, b, k, h)) AS fitted;
+---------+-----+--------+---+---------+
| phi     | df  | tau    | k | dropped |
+---------+-----+--------+---+---------+
| 10.3485 | 1.0 | 0.0894 | 2 |         |
+---------+-----+--------+---+---------+
```"#,
    argument(name = "release", description = "Name of the release."),
    argument(
        name = "age_block",
        description = "Block of release age, such as `age_block_hours` gives; 6 to 24 hours long."
    ),
    argument(
        name = "count",
        description = "Number of events of a row, such as a 5-minute window or an hour."
    ),
    argument(name = "hours", description = "Usage hours of the row."),
    argument(
        name = "prior_sd",
        description = "By how much releases differ as a rule: standard deviation of the logarithm of their rates, \
default 0.1. The same in every row of a group."
    )
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DispersionAlignedFit;

impl AggregateFunction for DispersionAlignedFit {
    const NAME: &'static str = "dispersion_aligned_fit";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::name("release"),
        Parameter::label("age_block"),
        COUNT,
        HOURS,
        Parameter::number_or("prior_sd", PRIOR_TAU),
    ];
    type State = NamedCells;
    type Output = AlignedFit<String>;

    fn update(&self, state: &mut NamedCells, row: &Row) -> Result<(), FunctionError> {
        let prior_sd = positive("prior_sd", row.number(4))?;
        state.prior_sd.set("prior_sd", prior_sd)?;
        let release = row.name(0).to_string();
        Ok(state
            .cells
            .update(release, row.label(1), row.number(2), row.number(3))?)
    }

    fn evaluate(&self, state: &NamedCells) -> Result<Option<AlignedFit<String>>, FunctionError> {
        let prior_sd = state.prior_sd.value().unwrap_or(PRIOR_TAU);
        Ok(state.cells.fit_with_prior(prior_sd))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// Releases by name, blocks by the hashes of their labels.
#[derive(Debug, Clone, Default)]
pub(crate) struct NamedCells {
    prior_sd: Constant,
    cells: AlignedState<String, u64>,
}

impl State for NamedCells {
    const HOLDS_HEAP: bool = true;

    fn merge(&mut self, other: Self) -> Result<(), FunctionError> {
        self.prior_sd.merge("prior_sd", other.prior_sd)?;
        self.cells.merge(&other.cells);
        Ok(())
    }

    fn write(&self, values: &mut Vec<f64>) {
        values.push(self.prior_sd.stored());
        for (release, block, parts) in self.cells.cells() {
            write_text(values, release);
            values.extend(super::halves(*block));
            values.extend(parts);
        }
    }

    fn read(values: &[f64]) -> Self {
        let mut state = Self::default();
        let Some((prior_sd, mut rest)) = values.split_first() else {
            return state;
        };
        state.prior_sd = Constant::from_stored(*prior_sd);
        while let Some((release, cell)) = read_text(rest)
            && let Some((&[block_high, block_low, a, b, c, d], following)) = cell.split_first_chunk()
        {
            let block = super::whole([block_high, block_low]);
            state.cells.insert_parts(release, block, [a, b, c, d]);
            rest = following;
        }
        state
    }

    fn heap_size(&self) -> usize {
        let cell = |release: &String| release.capacity() + size_of::<String>() + 5 * size_of::<f64>();
        self.cells.cells().map(|(release, _, _)| cell(release)).sum()
    }
}

/// A double holds six bytes of text exactly.
const BYTES_PER_NUMBER: usize = 6;

/// The length in bytes, then the bytes.
fn write_text(values: &mut Vec<f64>, text: &str) {
    values.push(text.len() as f64);
    let packed = text.as_bytes().chunks(BYTES_PER_NUMBER).map(|bytes| {
        let number = bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        number as f64
    });
    values.extend(packed);
}

/// The text that `write_text` wrote, and the values behind it.
fn read_text(values: &[f64]) -> Option<(String, &[f64])> {
    let (length, rest) = values.split_first()?;
    let length = *length as usize;
    let (packed, rest) = rest.split_at_checked(length.div_ceil(BYTES_PER_NUMBER))?;
    let mut bytes = Vec::with_capacity(length);
    for (index, number) in packed.iter().enumerate() {
        let held = BYTES_PER_NUMBER.min(length - index * BYTES_PER_NUMBER);
        bytes.extend_from_slice(&(*number as u64).to_be_bytes()[8 - held..]);
    }
    Some((String::from_utf8(bytes).ok()?, rest))
}

fn factor_fields() -> Fields {
    Fields::from(vec![
        Field::new("release", DataType::Utf8, true),
        Field::new("factor", DataType::Float64, true),
    ])
}

fn fit_fields() -> Fields {
    let factors = DataType::List(Arc::new(Field::new_list_field(DataType::Struct(factor_fields()), true)));
    Fields::from(vec![
        Field::new("phi", DataType::Float64, true),
        Field::new("df", DataType::Float64, true),
        Field::new("tau", DataType::Float64, true),
        Field::new("k", DataType::Int64, true),
        Field::new("factors", factors, true),
        Field::new("dropped", DataType::Utf8, true),
    ])
}

impl Output for AlignedFit<String> {
    fn data_type() -> DataType {
        DataType::Struct(fit_fields())
    }

    fn nan() -> Option<Self> {
        Some(Self {
            dispersion: f64::NAN,
            degrees_of_freedom: f64::NAN,
            tau: f64::NAN,
            releases: vec![],
            dropped: None,
        })
    }

    fn into_array(rows: Vec<Option<Self>>) -> ArrayRef {
        let (mut phi, mut df, mut tau) = (Float64Builder::new(), Float64Builder::new(), Float64Builder::new());
        let (mut k, mut dropped) = (Int64Builder::new(), StringBuilder::new());
        let element: Vec<Box<dyn ArrayBuilder>> = vec![Box::new(StringBuilder::new()), Box::new(Float64Builder::new())];
        let mut factors = ListBuilder::new(StructBuilder::new(factor_fields(), element));
        let mut nulls = NullBufferBuilder::new(rows.len());
        for row in rows {
            nulls.append(row.is_some());
            let fit = row.as_ref();
            phi.append_option(fit.map(|fit| fit.dispersion));
            df.append_option(fit.map(|fit| fit.degrees_of_freedom));
            tau.append_option(fit.map(|fit| fit.tau));
            k.append_option(fit.map(|fit| fit.releases.len() as i64));
            dropped.append_option(fit.and_then(|fit| fit.dropped.as_deref()));
            for release in fit.iter().flat_map(|fit| &fit.releases) {
                let entry = factors.values();
                if let Some(name) = entry.field_builder::<StringBuilder>(0) {
                    name.append_value(&release.release);
                }
                if let Some(factor) = entry.field_builder::<Float64Builder>(1) {
                    factor.append_value(release.count / release.expected);
                }
                entry.append(true);
            }
            factors.append(row.is_some());
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(phi.finish()),
            Arc::new(df.finish()),
            Arc::new(tau.finish()),
            Arc::new(k.finish()),
            Arc::new(factors.finish()),
            Arc::new(dropped.finish()),
        ];
        Arc::new(StructArray::new(fit_fields(), columns, nulls.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_length_survive_the_way_between_partitions() {
        let mut state = NamedCells::default();
        for (index, name) in ["", "60.0b7", "60.0.1", "a name of many letters", "Nächte 🦊"]
            .iter()
            .enumerate()
        {
            state
                .cells
                .update(name.to_string(), u64::MAX - index as u64, 3.0, 0.1)
                .unwrap();
        }
        let mut values = vec![];
        state.write(&mut values);
        assert_eq!(NamedCells::read(&values).cells, state.cells);
    }
}

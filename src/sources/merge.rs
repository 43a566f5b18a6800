//! One schema for all files: standard columns, measures, then every other column; files that contradict the others are
//! left out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Statistics};

use super::columns::ColumnMap;
use super::normalise::{NormalisedColumn, standard_type, type_name};
use super::snapshot::{ServedFile, SourceFile};
use super::standard::{self, Measure, STANDARD_COLUMNS};

/// The key of a column's one-line description in the schema's field metadata.
pub const COMMENT_KEY: &str = "comment";

/// What the files add up to.
pub(super) struct Merged {
    pub table_schema: SchemaRef,
    pub measures: Vec<Measure>,
    pub files: Vec<ServedFile>,
    /// Files left out, each with the contradiction.
    pub foreign: Vec<(Arc<SourceFile>, String)>,
}

/// Merges readable files, which are sorted by path.
pub(super) fn merge(readable: Vec<Arc<SourceFile>>, map: &ColumnMap) -> Merged {
    let types = agreed_types(&readable);
    let (served, foreign) = split(readable, &types);
    let measures = present_measures(&served, map);
    let table_schema = table_schema(&measures, &served, &types);
    let files = served
        .into_iter()
        .map(|file| ServedFile {
            statistics: Arc::new(file_statistics(&file, &table_schema)),
            file,
        })
        .collect();
    Merged {
        table_schema,
        measures,
        files,
        foreign,
    }
}

/// The schema of a table without any file: the standard columns alone.
pub(super) fn empty_table_schema() -> SchemaRef {
    table_schema(&standard::standard_measures().collect::<Vec<_>>(), &[], &HashMap::new())
}

/// The type that most files give a column; of two as frequent, the one seen first. Integers and floating-point numbers
/// agree on the latter.
fn agreed_types(files: &[Arc<SourceFile>]) -> HashMap<String, DataType> {
    let mut votes: BTreeMap<&str, Vec<(&DataType, usize)>> = BTreeMap::new();
    for file in files {
        for (name, column) in &file.plan.columns {
            let counted = votes.entry(name).or_default();
            match counted
                .iter_mut()
                .find(|(data_type, _)| *data_type == &column.data_type)
            {
                Some((_, count)) => *count += 1,
                None => counted.push((&column.data_type, 1)),
            }
        }
    }
    votes
        .into_iter()
        .filter_map(|(name, counted)| {
            let most = counted.iter().map(|(_, count)| *count).max()?;
            let (first, _) = counted.iter().find(|(_, count)| *count == most)?;
            let widened = first.is_integer() && counted.iter().any(|(data_type, _)| data_type.is_floating());
            let agreed = if widened { DataType::Float64 } else { (*first).clone() };
            Some((name.to_string(), agreed))
        })
        .collect()
}

type Split = (Vec<Arc<SourceFile>>, Vec<(Arc<SourceFile>, String)>);

fn split(readable: Vec<Arc<SourceFile>>, types: &HashMap<String, DataType>) -> Split {
    let mut served = Vec::with_capacity(readable.len());
    let mut foreign = Vec::new();
    for file in readable {
        match contradiction(&file, types) {
            Some(detail) => foreign.push((file, detail)),
            None => served.push(file),
        }
    }
    (served, foreign)
}

fn contradiction(file: &SourceFile, types: &HashMap<String, DataType>) -> Option<String> {
    file.plan
        .columns
        .iter()
        .find_map(|(name, NormalisedColumn { data_type, .. })| {
            let agreed = types.get(name)?;
            let fits = data_type == agreed || (data_type.is_integer() && agreed.is_floating());
            let message = || {
                format!(
                    "column {name} is {} here and {} elsewhere",
                    type_name(data_type),
                    type_name(agreed)
                )
            };
            (!fits).then(message)
        })
}

fn present_measures(files: &[Arc<SourceFile>], map: &ColumnMap) -> Vec<Measure> {
    let present = |measure: &Measure| files.iter().any(|file| file.plan.columns.contains_key(&measure.name));
    let mut measures: Vec<Measure> = standard::standard_measures().collect();
    measures.extend(standard::further_measures().filter(present));
    for (name, source) in &map.measures {
        let label = source.label.clone().unwrap_or_else(|| name.replace('_', " "));
        let unit = source.unit.clone().unwrap_or_else(|| "events".into());
        match measures.iter_mut().find(|measure| measure.name == *name) {
            Some(known) => {
                known.label = source.label.clone().unwrap_or_else(|| known.label.clone());
                known.unit = source.unit.clone().unwrap_or_else(|| known.unit.clone());
            }
            // A declared measure is one even where no file has it yet, so that views over it stay valid.
            None => measures.push(Measure {
                name: name.clone(),
                label,
                unit,
                standard: false,
            }),
        }
    }
    measures
}

fn table_schema(measures: &[Measure], files: &[Arc<SourceFile>], types: &HashMap<String, DataType>) -> SchemaRef {
    let mut fields: Vec<Field> = STANDARD_COLUMNS
        .iter()
        .map(|column| commented(column.name, standard_type(column.kind), column.comment.to_string()))
        .collect();
    for measure in measures {
        let comment = format!("{}: number of {}.", measure.label, measure.unit);
        fields.push(commented(&measure.name, DataType::Int64, comment));
    }
    let mut known: std::collections::HashSet<String> = fields.iter().map(|field| field.name().clone()).collect();
    for file in files {
        // In the order of the file, folders' names last.
        let in_file = file.schema.fields().iter().map(|field| field.name());
        for name in in_file.chain(file.plan.columns.keys()) {
            if let Some(data_type) = types.get(name)
                && known.insert(name.clone())
            {
                fields.push(commented(
                    name,
                    data_type.clone(),
                    "Column of the source, as it is.".into(),
                ));
            }
        }
    }
    Arc::new(Schema::new(fields))
}

fn commented(name: &str, data_type: DataType, comment: String) -> Field {
    Field::new(name, data_type, true).with_metadata(HashMap::from([(COMMENT_KEY.to_string(), comment)]))
}

fn file_statistics(file: &SourceFile, table_schema: &Schema) -> Statistics {
    let column_statistics = table_schema
        .fields()
        .iter()
        .map(|field| match file.plan.columns.get(field.name()) {
            Some(column) if column.data_type == *field.data_type() => file
                .column_statistics
                .get(field.name())
                .cloned()
                .unwrap_or_else(ColumnStatistics::new_unknown),
            Some(_) => ColumnStatistics::new_unknown(),
            None => ColumnStatistics::new_unknown().with_null_count(Precision::Exact(file.rows)),
        })
        .collect();
    Statistics {
        num_rows: Precision::Exact(file.rows),
        total_byte_size: Precision::Absent,
        column_statistics,
    }
}

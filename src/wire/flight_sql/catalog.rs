//! The catalog calls: catalogs, schemas, tables, keys. Each answer is one batch, made when asked.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{GetCatalogsBuilder, SqlInfoData};
use arrow_flight::sql::{Command, CommandGetDbSchemas, CommandGetTables};
use datafusion::datasource::{TableProvider, TableType};

use super::{sql_info, type_info};
use crate::error::{Error, ErrorKind, Result};
use crate::session::{DATABASE, PUBLIC_SCHEMA, Relations, SYSTEM_SCHEMA, wire_schema};

/// A relation as clients see it.
pub struct Relation<'a> {
    pub schema_name: &'static str,
    pub name: &'a str,
    pub table: &'a Arc<dyn TableProvider>,
}

impl Relation<'_> {
    /// The columns that `SELECT *` gives.
    pub fn columns(&self) -> SchemaRef {
        wire_schema(&self.table.schema())
    }

    fn kind(&self) -> &'static str {
        match self.table.table_type() {
            TableType::View => "VIEW",
            _ => "TABLE",
        }
    }
}

/// Every relation, by schema and name.
pub fn relations(relations: &Relations) -> impl Iterator<Item = Relation<'_>> {
    let schemas = [(SYSTEM_SCHEMA, &relations.system), (PUBLIC_SCHEMA, &relations.public)];
    schemas.into_iter().flat_map(|(schema_name, tables)| {
        tables.iter().map(move |(name, table)| Relation {
            schema_name,
            name,
            table,
        })
    })
}

/// The answer to a catalog call; nothing where the command is not one.
pub fn answer(command: Command, known: &Relations, infos: &SqlInfoData) -> Result<Option<RecordBatch>> {
    let answer = match command {
        Command::CommandGetCatalogs(_) => {
            let mut builder = GetCatalogsBuilder::new();
            builder.append(DATABASE);
            builder.build().map_err(from_builder)?
        }
        Command::CommandGetDbSchemas(command) => schemas(command)?,
        Command::CommandGetTables(command) => tables(command, known)?,
        Command::CommandGetTableTypes(command) => {
            let mut builder = command.into_builder();
            builder.append("TABLE");
            builder.append("VIEW");
            builder.build().map_err(from_builder)?
        }
        Command::CommandGetPrimaryKeys(_) => RecordBatch::new_empty(primary_key_schema()),
        Command::CommandGetExportedKeys(_)
        | Command::CommandGetImportedKeys(_)
        | Command::CommandGetCrossReference(_) => RecordBatch::new_empty(foreign_key_schema()),
        Command::CommandGetXdbcTypeInfo(command) => type_info::answer(command.data_type)?,
        Command::CommandGetSqlInfo(command) => sql_info::answer(infos, command)?,
        _ => return Ok(None),
    };
    Ok(Some(answer))
}

fn schemas(command: CommandGetDbSchemas) -> Result<RecordBatch> {
    let mut builder = command.into_builder();
    for schema in [SYSTEM_SCHEMA, PUBLIC_SCHEMA] {
        builder.append(DATABASE, schema);
    }
    builder.build().map_err(from_builder)
}

fn tables(command: CommandGetTables, known: &Relations) -> Result<RecordBatch> {
    let mut builder = command.into_builder();
    for one in relations(known) {
        builder
            .append(DATABASE, one.schema_name, one.name, one.kind(), &one.columns())
            .map_err(from_builder)?;
    }
    builder.build().map_err(from_builder)
}

/// The builders fail on a client's pattern only.
pub fn from_builder(error: FlightError) -> Error {
    Error::new(ErrorKind::InvalidParameterValue, "the catalog cannot be filtered so").with_detail(error.to_string())
}

fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
}

fn primary_key_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("catalog_name", true),
        text("db_schema_name", true),
        text("table_name", false),
        text("column_name", false),
        text("key_name", true),
        Field::new("key_sequence", DataType::Int32, false),
    ]))
}

fn foreign_key_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("pk_catalog_name", true),
        text("pk_db_schema_name", true),
        text("pk_table_name", false),
        text("pk_column_name", false),
        text("fk_catalog_name", true),
        text("fk_db_schema_name", true),
        text("fk_table_name", false),
        text("fk_column_name", false),
        Field::new("key_sequence", DataType::Int32, false),
        text("fk_key_name", true),
        text("pk_key_name", true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ]))
}

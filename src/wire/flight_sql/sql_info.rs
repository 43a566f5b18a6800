//! GetSqlInfo: what the server says it can do. Every entry of the specification is answered.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    CommandGetSqlInfo, SqlInfo, SqlNullOrdering, SqlOuterJoinsSupportLevel, SqlSupportedCaseSensitivity,
    SqlSupportedTransaction, SqlSupportsConvert, SqlTransactionIsolationLevel,
};

use super::FlightOptions;
use super::catalog::from_builder;
use crate::error::Result;
use crate::session::Limits;

/// Words that PostgreSQL's dialect adds to those of SQL:2003.
const KEYWORDS: &[&str] = &["ANALYZE", "EXPLAIN", "ILIKE", "LIMIT", "OFFSET", "RETURNING", "SIMILAR"];

const NUMERIC_FUNCTIONS: &[&str] = &[
    "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cot", "degrees", "exp", "floor", "ln", "log", "log10",
    "pi", "power", "radians", "random", "round", "signum", "sin", "sqrt", "tan", "trunc",
];

const STRING_FUNCTIONS: &[&str] = &[
    "ascii",
    "bit_length",
    "btrim",
    "character_length",
    "chr",
    "concat",
    "concat_ws",
    "initcap",
    "left",
    "length",
    "lower",
    "lpad",
    "ltrim",
    "octet_length",
    "position",
    "repeat",
    "replace",
    "reverse",
    "right",
    "rpad",
    "rtrim",
    "split_part",
    "strpos",
    "substr",
    "translate",
    "upper",
];

const SYSTEM_FUNCTIONS: &[&str] = &["coalesce", "current_user", "current_database", "nullif", "version"];

const DATETIME_FUNCTIONS: &[&str] = &[
    "current_date",
    "current_time",
    "date_bin",
    "date_part",
    "date_trunc",
    "from_unixtime",
    "make_date",
    "now",
    "to_char",
    "to_timestamp",
];

/// All entries, to be made once.
pub fn data(options: &FlightOptions, limits: &Limits, writable: bool) -> Result<SqlInfoData> {
    let mut infos = SqlInfoDataBuilder::new();
    append_server(&mut infos, options, writable);
    append_syntax(&mut infos);
    append_queries(&mut infos);
    append_terms(&mut infos);
    append_limits(&mut infos, limits);
    append_transactions(&mut infos);
    infos.build().map_err(from_builder)
}

/// The entries that a command names, or all.
pub fn answer(data: &SqlInfoData, command: CommandGetSqlInfo) -> Result<RecordBatch> {
    command.into_builder(data).build().map_err(from_builder)
}

fn append_server(infos: &mut SqlInfoDataBuilder, options: &FlightOptions, writable: bool) {
    infos.append(SqlInfo::FlightSqlServerName, "Mission Control SQL");
    infos.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    infos.append(SqlInfo::FlightSqlServerArrowVersion, "1.5.0");
    infos.append(SqlInfo::FlightSqlServerReadOnly, !writable);
    infos.append(SqlInfo::FlightSqlServerSql, true);
    infos.append(SqlInfo::FlightSqlServerSubstrait, false);
    infos.append(SqlInfo::FlightSqlServerSubstraitMinVersion, "");
    infos.append(SqlInfo::FlightSqlServerSubstraitMaxVersion, "");
    infos.append(
        SqlInfo::FlightSqlServerTransaction,
        SqlSupportedTransaction::None as i32,
    );
    infos.append(SqlInfo::FlightSqlServerCancel, true);
    infos.append(SqlInfo::FlightSqlServerBulkIngestion, writable);
    infos.append(SqlInfo::FlightSqlServerIngestTransactionsSupported, false);
    let idle_ms = i32::try_from(options.prepared_idle_lifetime.as_millis()).unwrap_or(i32::MAX);
    infos.append(SqlInfo::FlightSqlServerStatementTimeout, idle_ms);
    infos.append(SqlInfo::FlightSqlServerTransactionTimeout, 0);
}

fn append_syntax(infos: &mut SqlInfoDataBuilder) {
    for unsupported in [SqlInfo::SqlDdlCatalog, SqlInfo::SqlDdlSchema, SqlInfo::SqlDdlTable] {
        infos.append(unsupported, false);
    }
    infos.append(
        SqlInfo::SqlIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i32,
    );
    infos.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    // Quoted names keep their case and are told apart by it, for which the specification has no value.
    infos.append(
        SqlInfo::SqlQuotedIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityUnknown as i32,
    );
    infos.append(SqlInfo::SqlAllTablesAreSelectable, true);
    infos.append(SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i32);
    infos.append(SqlInfo::SqlKeywords, KEYWORDS);
    infos.append(SqlInfo::SqlNumericFunctions, NUMERIC_FUNCTIONS);
    infos.append(SqlInfo::SqlStringFunctions, STRING_FUNCTIONS);
    infos.append(SqlInfo::SqlSystemFunctions, SYSTEM_FUNCTIONS);
    infos.append(SqlInfo::SqlDatetimeFunctions, DATETIME_FUNCTIONS);
    infos.append(SqlInfo::SqlSearchStringEscape, "\\");
    infos.append(SqlInfo::SqlExtraNameCharacters, "$");
    infos.append(SqlInfo::SqlSupportsConvert, conversions());
}

fn append_queries(infos: &mut SqlInfoDataBuilder) {
    for supported in [
        SqlInfo::SqlSupportsColumnAliasing,
        SqlInfo::SqlNullPlusNullIsNull,
        SqlInfo::SqlSupportsTableCorrelationNames,
        SqlInfo::SqlSupportsExpressionsInOrderBy,
        SqlInfo::SqlSupportsOrderByUnrelated,
        SqlInfo::SqlSupportsLikeEscapeClause,
        SqlInfo::SqlCorrelatedSubqueriesSupported,
    ] {
        infos.append(supported, true);
    }
    for unsupported in [
        SqlInfo::SqlSupportsDifferentTableCorrelationNames,
        SqlInfo::SqlSupportsNonNullableColumns,
        SqlInfo::SqlSupportsIntegrityEnhancementFacility,
        SqlInfo::SqlSelectForUpdateSupported,
        SqlInfo::SqlStoredProceduresSupported,
        SqlInfo::SqlNamedParametersSupported,
        SqlInfo::SqlLocatorsUpdateCopy,
        SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported,
    ] {
        infos.append(unsupported, false);
    }
    // Bitmasks: both forms of GROUP BY, the minimum and core grammars, entry level SQL-92, all four places of
    // subqueries, UNION and UNION ALL.
    infos.append(SqlInfo::SqlSupportedGroupBy, 0b11);
    infos.append(SqlInfo::SqlSupportedGrammar, 0b11);
    infos.append(SqlInfo::SqlAnsi92SupportedLevel, 0b1);
    infos.append(SqlInfo::SqlSupportedSubqueries, 0b1111);
    infos.append(SqlInfo::SqlSupportedUnions, 0b11);
    infos.append(
        SqlInfo::SqlOuterJoinsSupportLevel,
        SqlOuterJoinsSupportLevel::SqlFullOuterJoins as i32,
    );
}

fn append_terms(infos: &mut SqlInfoDataBuilder) {
    infos.append(SqlInfo::SqlSchemaTerm, "schema");
    infos.append(SqlInfo::SqlProcedureTerm, "function");
    infos.append(SqlInfo::SqlCatalogTerm, "database");
    infos.append(SqlInfo::SqlCatalogAtStart, true);
    infos.append(SqlInfo::SqlSchemasSupportedActions, 0);
    infos.append(SqlInfo::SqlCatalogsSupportedActions, 0);
    infos.append(SqlInfo::SqlSupportedPositionedCommands, 0);
}

/// 0 where there is no limit, or none that is known.
fn append_limits(infos: &mut SqlInfoDataBuilder, limits: &Limits) {
    for unlimited in [
        SqlInfo::SqlMaxBinaryLiteralLength,
        SqlInfo::SqlMaxCharLiteralLength,
        SqlInfo::SqlMaxColumnNameLength,
        SqlInfo::SqlMaxColumnsInGroupBy,
        SqlInfo::SqlMaxColumnsInIndex,
        SqlInfo::SqlMaxColumnsInOrderBy,
        SqlInfo::SqlMaxColumnsInSelect,
        SqlInfo::SqlMaxColumnsInTable,
        SqlInfo::SqlMaxConnections,
        SqlInfo::SqlMaxCursorNameLength,
        SqlInfo::SqlMaxIndexLength,
        SqlInfo::SqlDbSchemaNameLength,
        SqlInfo::SqlMaxProcedureNameLength,
        SqlInfo::SqlMaxCatalogNameLength,
        SqlInfo::SqlMaxRowSize,
        SqlInfo::SqlMaxStatements,
        SqlInfo::SqlMaxTableNameLength,
        SqlInfo::SqlMaxTablesInSelect,
    ] {
        infos.append(unlimited, 0_i64);
    }
    infos.append(SqlInfo::SqlMaxRowSizeIncludesBlobs, true);
    let statement_bytes = i64::try_from(limits.max_statement_bytes).unwrap_or(i64::MAX);
    infos.append(SqlInfo::SqlMaxStatementLength, statement_bytes);
    infos.append(SqlInfo::SqlMaxUsernameLength, 63_i64);
}

fn append_transactions(infos: &mut SqlInfoDataBuilder) {
    let none = SqlTransactionIsolationLevel::SqlTransactionNone as i32;
    infos.append(SqlInfo::SqlDefaultTransactionIsolation, none);
    infos.append(SqlInfo::SqlSupportedTransactionsIsolationLevels, 1 << none);
    for unsupported in [
        SqlInfo::SqlTransactionsSupported,
        SqlInfo::SqlDataDefinitionCausesTransactionCommit,
        SqlInfo::SqlDataDefinitionsInTransactionsIgnored,
        SqlInfo::SqlBatchUpdatesSupported,
        SqlInfo::SqlSavepointsSupported,
    ] {
        infos.append(unsupported, false);
    }
    // Bitmasks: forward-only results, read-only.
    infos.append(SqlInfo::SqlSupportedResultSetTypes, 0b10);
    infos.append(SqlInfo::SqlSupportedConcurrenciesForResultSetUnspecified, 0b10);
    infos.append(SqlInfo::SqlSupportedConcurrenciesForResultSetForwardOnly, 0b10);
    infos.append(SqlInfo::SqlSupportedConcurrenciesForResultSetScrollSensitive, 0);
    infos.append(SqlInfo::SqlSupportedConcurrenciesForResultSetScrollInsensitive, 0);
}

/// From each type to those that CAST makes of it.
fn conversions() -> BTreeMap<i32, Vec<i32>> {
    use SqlSupportsConvert as Type;
    let numbers = [
        Type::SqlConvertBigint,
        Type::SqlConvertDecimal,
        Type::SqlConvertFloat,
        Type::SqlConvertInteger,
        Type::SqlConvertNumeric,
        Type::SqlConvertReal,
        Type::SqlConvertSmallint,
    ];
    let texts = [
        Type::SqlConvertChar,
        Type::SqlConvertLongvarchar,
        Type::SqlConvertVarchar,
    ];
    let times = [Type::SqlConvertDate, Type::SqlConvertTimestamp];
    let to = |groups: &[&[Type]]| groups.concat().into_iter().map(|one| one as i32).collect::<Vec<_>>();
    let from_number = to(&[&numbers, &texts]);
    let from_time = to(&[&times, &texts]);
    let from_text = to(&[&numbers, &texts, &times, &[Type::SqlConvertBit, Type::SqlConvertTime]]);
    let mut conversions = BTreeMap::new();
    conversions.extend(numbers.map(|one| (one as i32, from_number.clone())));
    conversions.extend(times.map(|one| (one as i32, from_time.clone())));
    conversions.extend(texts.map(|one| (one as i32, from_text.clone())));
    conversions
}

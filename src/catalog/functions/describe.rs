//! Functions that write out what an object is: `format_type`, `obj_description`, `pg_get_viewdef` and their kin.

use arrow::datatypes::DataType::{Boolean, Utf8};

use super::{Arguments, Context, Definition, lenient, strict, text, truth};
use crate::catalog::live::{PG_CLASS, PG_DATABASE, PG_NAMESPACE, PG_PROC, is_visible};
use crate::catalog::reg::RegKind;
use crate::catalog::rows::shared_descriptions;
use crate::catalog::types::format_type;
use crate::error::Result;
use datafusion::common::ScalarValue;

pub fn all() -> Vec<Definition> {
    let mut all = vec![
        lenient("format_type", Utf8, |arguments, _| {
            let named = arguments.number(0).map(|oid| format_type(oid, arguments.number(1)));
            Ok(text(named))
        }),
        strict("pg_get_userbyid", Utf8, |arguments, context| {
            let oid = arguments.number(0).unwrap_or_default();
            let owner = &context.catalog.owner;
            let known = [owner, &context.session.user]
                .into_iter()
                .find(|role| context.catalog.role_oid(role) == oid);
            Ok(text(Some(
                known.cloned().unwrap_or_else(|| format!("unknown (OID={oid})")),
            )))
        }),
        strict("obj_description", Utf8, |arguments, context| {
            let classes: &[i64] = match arguments.text(1).as_deref() {
                Some("pg_class") => &[PG_CLASS],
                Some("pg_proc") => &[PG_PROC],
                Some("pg_namespace") => &[PG_NAMESPACE],
                Some(_) => &[],
                None => &[PG_CLASS, PG_PROC, PG_NAMESPACE],
            };
            Ok(text(description(context, classes, arguments.number(0), 0)))
        }),
        strict("col_description", Utf8, |arguments, context| {
            let part = arguments.number(1).unwrap_or_default();
            let words = (part > 0).then(|| description(context, &[PG_CLASS], arguments.number(0), part));
            Ok(text(words.flatten()))
        }),
        strict("shobj_description", Utf8, |arguments, _| {
            let wanted = (arguments.text(1).as_deref() == Some("pg_database")).then_some(PG_DATABASE);
            let found = shared_descriptions()
                .into_iter()
                .find(|(oid, class, _)| Some(*oid) == arguments.number(0) && Some(*class) == wanted);
            Ok(text(found.map(|(_, _, words)| words)))
        }),
        strict("pg_get_viewdef", Utf8, |arguments, context| {
            let oid = arguments
                .object(0, RegKind::Class, &context.catalog)?
                .unwrap_or_default();
            let relation = context.catalog.relation(oid);
            Ok(text(relation.and_then(|one| one.definition.clone())))
        }),
        strict("pg_get_function_result", Utf8, |arguments, context| {
            let found = context.catalog.function(arguments.number(0).unwrap_or_default());
            Ok(text(found.map(|one| format_type(one.result, None))))
        }),
        // Expressions are stored as they are shown.
        strict("pg_get_expr", Utf8, |arguments, _| Ok(text(arguments.text(0)))),
        strict("pg_table_is_visible", Boolean, |arguments, context| {
            let found = context.catalog.relation_name(arguments.number(0).unwrap_or_default());
            Ok(found.map_or(ScalarValue::Boolean(None), |(schema, _)| truth(is_visible(schema))))
        }),
        strict("pg_function_is_visible", Boolean, |arguments, context| {
            let found = context.catalog.function(arguments.number(0).unwrap_or_default());
            Ok(truth(found.is_none_or(|one| is_visible(one.schema))))
        }),
    ];
    for name in ["pg_get_function_arguments", "pg_get_function_identity_arguments"] {
        all.push(strict(name, Utf8, function_arguments));
    }
    for name in [
        "pg_type_is_visible",
        "pg_operator_is_visible",
        "pg_opclass_is_visible",
        "pg_opfamily_is_visible",
        "pg_collation_is_visible",
        "pg_conversion_is_visible",
        "pg_statistics_obj_is_visible",
        "pg_ts_config_is_visible",
        "pg_ts_dict_is_visible",
        "pg_ts_parser_is_visible",
        "pg_ts_template_is_visible",
    ] {
        all.push(strict(name, Boolean, |_, _| Ok(truth(true))));
    }
    // Of these there is none here, so there is nothing to write out.
    for name in [
        "pg_get_constraintdef",
        "pg_get_function_sqlbody",
        "pg_get_functiondef",
        "pg_get_indexdef",
        "pg_get_partition_constraintdef",
        "pg_get_partkeydef",
        "pg_get_ruledef",
        "pg_get_serial_sequence",
        "pg_get_statisticsobjdef",
        "pg_get_statisticsobjdef_columns",
        "pg_get_statisticsobjdef_expressions",
        "pg_get_triggerdef",
        "pg_describe_object",
        "pg_identify_object",
    ] {
        all.push(strict(name, Utf8, |_, _| Ok(text(None))));
    }
    all
}

fn function_arguments(arguments: &Arguments<'_>, context: &Context) -> Result<ScalarValue> {
    let found = context.catalog.function(arguments.number(0).unwrap_or_default());
    Ok(text(found.map(|one| one.arguments.clone())))
}

/// The first description of an object among the catalogs that it may be in.
fn description(context: &Context, classes: &[i64], oid: Option<i64>, part: i64) -> Option<String> {
    let mut found = classes
        .iter()
        .filter_map(|class| context.catalog.description(*class, oid?, part));
    found.next().map(str::to_string)
}

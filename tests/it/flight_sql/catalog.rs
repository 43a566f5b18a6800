//! The catalog calls, with and without a catalog and a schema named.

use arrow::array::{Array, BinaryArray, BooleanArray, UInt32Array, UnionArray};
use arrow_flight::IpcMessage;
use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetTables, CommandGetXdbcTypeInfo, SqlInfo,
};

use super::*;

fn some(text: &str) -> Option<String> {
    Some(text.to_string())
}

async fn answer(client: &mut Client, info: FlightInfo) -> RecordBatch {
    let announced = info.clone().try_decode_schema().unwrap();
    let answer = rows_of(client, &info).await.unwrap();
    assert_eq!(answer.schema().as_ref(), &announced);
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn catalogs_and_schemas() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.get_catalogs().await.unwrap();
    assert_eq!(texts(&answer(&mut client, info).await, 0), [Some("mission_control")]);
    for (catalog, pattern, expected) in [
        (None, None, vec!["mission_control", "public"]),
        (some("mission_control"), None, vec!["mission_control", "public"]),
        (None, some("pub%"), vec!["public"]),
        (some("mission_control"), some("publi_"), vec!["public"]),
        (some("other"), None, vec![]),
        (some(""), None, vec![]),
        (None, some("PUBLIC"), vec![]),
    ] {
        let command = CommandGetDbSchemas {
            catalog: catalog.clone(),
            db_schema_filter_pattern: pattern.clone(),
        };
        let info = client.get_db_schemas(command).await.unwrap();
        let answer = answer(&mut client, info).await;
        let names: Vec<&str> = texts(&answer, 1).into_iter().flatten().collect();
        assert_eq!(names, expected, "{catalog:?} {pattern:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_in_every_variant() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let all = vec!["sessions", "status", "big_types", "empty", "types"];
    for (catalog, schema, table, types, expected) in [
        (None, None, None, vec![], all.clone()),
        (some("mission_control"), None, None, vec![], all),
        (some("other"), None, None, vec![], vec![]),
        (None, some("public"), None, vec![], vec!["big_types", "empty", "types"]),
        (None, some("mission\\_%"), None, vec![], vec!["sessions", "status"]),
        (None, None, some("%types"), vec![], vec!["big_types", "types"]),
        (None, None, some("_ypes"), vec![], vec!["types"]),
        (None, None, None, vec!["VIEW"], vec!["big_types"]),
        (
            None,
            None,
            None,
            vec!["TABLE", "VIEW"],
            vec!["sessions", "status", "big_types", "empty", "types"],
        ),
        (None, None, None, vec!["SYSTEM TABLE"], vec![]),
        (
            some("mission_control"),
            some("public"),
            some("types"),
            vec!["TABLE"],
            vec!["types"],
        ),
    ] {
        for include_schema in [false, true] {
            let command = CommandGetTables {
                catalog: catalog.clone(),
                db_schema_filter_pattern: schema.clone(),
                table_name_filter_pattern: table.clone(),
                table_types: types.iter().map(ToString::to_string).collect(),
                include_schema,
            };
            let info = client.get_tables(command.clone()).await.unwrap();
            let answer = answer(&mut client, info).await;
            assert_eq!(answer.num_columns(), if include_schema { 5 } else { 4 });
            let names: Vec<&str> = texts(&answer, 2).into_iter().flatten().collect();
            assert_eq!(names, expected, "{command:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schemas_of_tables_are_those_of_their_rows() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let command = CommandGetTables {
        include_schema: true,
        ..CommandGetTables::default()
    };
    let info = client.get_tables(command).await.unwrap();
    let tables = answer(&mut client, info).await;
    let encoded = tables.column(4).as_any().downcast_ref::<BinaryArray>().unwrap();
    for row in 0..tables.num_rows() {
        let (schema, name) = (texts(&tables, 1)[row].unwrap(), texts(&tables, 2)[row].unwrap());
        let listed = Schema::try_from(IpcMessage(encoded.value(row).to_vec().into())).unwrap();
        let rows = query(&mut client, &format!("SELECT * FROM {schema}.{name}"))
            .await
            .unwrap();
        assert_eq!(rows.schema().as_ref(), &listed, "{schema}.{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn table_types_and_keys() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.get_table_types().await.unwrap();
    assert_eq!(
        texts(&answer(&mut client, info).await, 0),
        [Some("TABLE"), Some("VIEW")]
    );
    let table = "types".to_string();
    let primary = CommandGetPrimaryKeys {
        table: table.clone(),
        ..CommandGetPrimaryKeys::default()
    };
    let exported = CommandGetExportedKeys {
        table: table.clone(),
        ..CommandGetExportedKeys::default()
    };
    let imported = CommandGetImportedKeys {
        table: table.clone(),
        ..CommandGetImportedKeys::default()
    };
    let cross = CommandGetCrossReference {
        pk_table: table.clone(),
        fk_table: table,
        ..CommandGetCrossReference::default()
    };
    for (info, columns) in [
        (client.get_primary_keys(primary).await.unwrap(), 6),
        (client.get_exported_keys(exported).await.unwrap(), 13),
        (client.get_imported_keys(imported).await.unwrap(), 13),
        (client.get_cross_reference(cross).await.unwrap(), 13),
    ] {
        let answer = answer(&mut client, info).await;
        assert_eq!((answer.num_rows(), answer.num_columns()), (0, columns));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn types_are_described() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client
        .get_xdbc_type_info(CommandGetXdbcTypeInfo { data_type: None })
        .await
        .unwrap();
    let types = answer(&mut client, info).await;
    let names: Vec<&str> = texts(&types, 0).into_iter().flatten().collect();
    for name in [
        "bigint",
        "double precision",
        "text",
        "timestamptz",
        "date",
        "boolean",
        "numeric",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
        assert!(
            query(&mut client, &format!("SELECT NULL::{name}")).await.is_ok(),
            "{name}"
        );
    }
    // -5 is XDBC_BIGINT.
    let info = client
        .get_xdbc_type_info(CommandGetXdbcTypeInfo { data_type: Some(-5) })
        .await
        .unwrap();
    assert_eq!(texts(&answer(&mut client, info).await, 0), [Some("bigint")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_entry_of_sql_info_is_given() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.get_sql_info(vec![]).await.unwrap();
    let all = answer(&mut client, info).await;
    let given: Vec<u32> = all
        .column(0)
        .as_any()
        .downcast_ref::<UInt32Array>()
        .unwrap()
        .values()
        .iter()
        .copied()
        .collect();
    let specified = (0..=11).chain(100..=101).chain(500..=576);
    assert_eq!(given, specified.collect::<Vec<u32>>());
    let info = client
        .get_sql_info(vec![SqlInfo::FlightSqlServerReadOnly])
        .await
        .unwrap();
    let one = answer(&mut client, info).await;
    let values = one.column(1).as_any().downcast_ref::<UnionArray>().unwrap();
    let value = values.value(0);
    assert_eq!(
        value.as_any().downcast_ref::<BooleanArray>().unwrap(),
        &BooleanArray::from(vec![true])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_are_named_exist() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let lists = [
        SqlInfo::SqlNumericFunctions,
        SqlInfo::SqlStringFunctions,
        SqlInfo::SqlSystemFunctions,
        SqlInfo::SqlDatetimeFunctions,
    ];
    let info = client.get_sql_info(lists.to_vec()).await.unwrap();
    let answer = answer(&mut client, info).await;
    let values = answer.column(1).as_any().downcast_ref::<UnionArray>().unwrap();
    let mut named: Vec<String> = Vec::new();
    for row in 0..values.len() {
        let list = values.value(row);
        let list = list.as_any().downcast_ref::<ListArray>().unwrap().value(0);
        let names = list.as_any().downcast_ref::<StringArray>().unwrap();
        named.extend(names.iter().flatten().map(ToString::to_string));
    }
    assert!(named.len() > 50);
    let sql = "SELECT DISTINCT routine_name FROM information_schema.routines";
    let routines = query(&mut client, sql).await.unwrap();
    let known = texts(&routines, 0);
    let missing: Vec<&String> = named
        .iter()
        .filter(|name| !known.contains(&Some(name.as_str())))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

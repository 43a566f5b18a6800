"""Types as drivers are told them: of the catalog's columns and of parameters, here and in PostgreSQL 15."""

from __future__ import annotations

import asyncio

import asyncpg
import psycopg
import psycopg.pq
import pytest
import adbc_driver_postgresql.dbapi

# Types of the catalog that come as another: as the names that they are shown by, or as the text they are written as.
INSTEAD = {
    "regproc": "text", "regtype": "text", "regclass": "text", "int2vector": "text", "oidvector": "text",
    "pg_node_tree": "text", "aclitem[]": "text[]", "anyarray": "text", "regtype[]": "bigint[]", "pg_lsn": "text",
    "inet": "text", "numeric": "double precision", "xid": "xid", "pg_ndistinct": "text", "pg_dependencies": "text",
    "pg_mcv_list": "text", "pg_statistic[]": "text[]",
}
PARAMETERS = [
    "SELECT $1::oid, $2::oid[], $3::name, $4::int2[], $5::int4[], $6::text[], $7::name[]",
    "SELECT relname FROM pg_class WHERE relkind = ANY($1) AND oid = ANY($2)",
    "SELECT count(*) FROM pg_class WHERE relnatts = ANY ($1) AND reltuples <> ALL ($2) AND relname = ANY($3)",
]


@pytest.fixture(scope="module")
def both(server, postgresql):
    with psycopg.connect(server.dsn, autocommit=True) as own, psycopg.connect(postgresql.dsn, autocommit=True) as theirs:
        yield own, theirs


def described(connection, sql: str) -> tuple[list[int], list[int]]:
    """The oids of a statement's parameters and columns, as Parse and Describe give them."""
    raw = connection.pgconn
    parsed = raw.prepare(b"", sql.encode())
    assert parsed.status == psycopg.pq.ExecStatus.COMMAND_OK, parsed.error_message.decode()
    found = raw.describe_prepared(b"")
    return [found.param_type(at) for at in range(found.nparams)], [found.ftype(at) for at in range(found.nfields)]


def test_the_catalog_s_columns_have_postgresql_s_types(both):
    own, theirs = both
    names = dict(theirs.execute("SELECT oid, format_type(oid, NULL) FROM pg_type").fetchall())
    relations = theirs.execute(
        "SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname IN ('pg_catalog', 'information_schema') AND relkind IN ('r', 'v') "
        # Only a superuser of PostgreSQL may read this one.
        "AND relname <> 'pg_largeobject' ORDER BY 1"
    ).fetchall()
    assert len(relations) > 190
    wrong, same = [], 0
    for (relation,) in relations:
        here, there = (described(one, f"SELECT * FROM {relation}")[1] for one in both)
        shown = [names[oid] for oid in here]
        expected = [INSTEAD.get(names[oid], names[oid]) for oid in there]
        same += sum(map(str.__eq__, shown, (names[oid] for oid in there)))
        if shown != expected:
            wrong += [f"{relation}: {pair}" for pair in zip(shown, expected, strict=True) if pair[0] != pair[1]]
    assert not wrong, "\n".join(wrong)
    assert same > 1400


@pytest.mark.parametrize("sql", PARAMETERS)
def test_parameters_have_postgresql_s_types(sql, both):
    here, there = (described(connection, sql)[0] for connection in both)
    assert here == there


# Expressions whose type is not that of the column within, and numbers that are written out.
EXPRESSIONS = """SELECT relname::text, oid::int8, max(oid), array_agg(oid), min(relkind::text), count(*), 1 AS one,
    -5 AS less, CASE WHEN relhasindex THEN 1 ELSE 0 END AS truth, 4000000000 AS large, NULL AS nothing, ARRAY(SELECT oid FROM pg_class),
    (SELECT max(oid) FROM pg_class)
    FROM pg_class GROUP BY relname, oid, relhasindex"""


@pytest.mark.parametrize("sql", [EXPRESSIONS, "VALUES (1, 'a'), (NULL, 'b')"])
def test_expressions_have_postgresql_s_types(sql, both):
    here, there = (described(connection, sql)[1] for connection in both)
    assert here == there


def test_values_of_these_types_are_read_in_binary(both):
    sql = "SELECT oid, relname, relkind, relnatts FROM pg_catalog.pg_class WHERE oid IN (1259, 1249) ORDER BY oid"
    rows = []
    for connection in both:
        with connection.cursor(binary=True) as cursor:
            cursor.execute(sql)
            rows.append((cursor.fetchall(), [column.type_code for column in cursor.description]))
    assert rows[0][1] == rows[1][1] == [26, 19, 18, 21]
    # How many columns the two have is the same: ours are PostgreSQL 15's.
    assert rows[0][0] == rows[1][0]


def test_asyncpg_reads_and_sends_arrays_of_every_kind(server):
    async def read():
        connection = await asyncpg.connect(
            host=server.host, port=server.port, user="analyst", database="mission_control"
        )
        try:
            row = await connection.fetchrow("SELECT ARRAY[1, NULL]::int4[], ARRAY[2]::int2[], ARRAY['a']::name[], "
                                            "ARRAY[1.5]::float8[], ARRAY[date '2018-06-03']")
            names = await connection.fetch(
                "SELECT typname FROM pg_type WHERE oid = ANY($1::oid[]) AND typname = ANY($2) ORDER BY oid",
                [16, 23, 25], ["int4", "text"],
            )
            return list(row.values()), [name["typname"] for name in names]
        finally:
            await connection.close()

    values, names = asyncio.run(read())
    assert values[:4] == [[1, None], [2], ["a"], [1.5]] and str(values[4]) == "[datetime.date(2018, 6, 3)]"
    assert names == ["int4", "text"]


@pytest.mark.parametrize("depth", ["catalogs", "db_schemas", "tables", "columns", "all"])
def test_adbc_postgresql_lists_objects_at_every_depth(depth, server):
    with adbc_driver_postgresql.dbapi.connect(f"postgresql://{server.host}:{server.port}/mission_control?user=analyst") as own:
        [catalog] = own.adbc_get_objects(depth=depth).read_all().to_pylist()
        assert catalog["catalog_name"] == "mission_control"
        if depth == "catalogs":
            return
        schemas = {one["db_schema_name"]: one["db_schema_tables"] for one in catalog["catalog_db_schemas"]}
        assert {"public", "mission_control"} <= set(schemas)
        if depth == "db_schemas":
            return
        tables = {one["table_name"]: one for one in schemas["public"]}
        assert tables["error_aggregates"]["table_type"] == "table" and tables["measure_timeseries"]["table_type"] == "view"
        if depth == "tables":
            return
        columns = {one["column_name"]: one for one in tables["measure_timeseries"]["table_columns"]}
        assert list(columns)[:3] == ["window_start", "application", "channel"]
        assert "1000 usage hours" in columns["rate"]["remarks"]
        assert tables["error_aggregates"]["table_constraints"] in (None, [])

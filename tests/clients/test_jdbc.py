"""pgjdbc (Debian's): metadata as DBeaver, DataGrip and Metabase read it, prepared statements, paging, cancels."""

from __future__ import annotations

import time

import jdbc
import polars
import pytest

LONG = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE a * b % 7 = 3"
VIEW = "measure_timeseries"


@pytest.fixture(scope="module")
def driver(server, jdbc_classes):
    with jdbc.Jdbc(jdbc_classes, f"{server.postgres}/mission_control") as connection:
        yield connection


def test_it_lists_relations_with_comments(driver):
    answer = driver.metadata("getTables", None, "public", "%", "TABLE,VIEW")
    found = {row["TABLE_NAME"]: row for row in answer.dicts()}
    assert {"error_aggregates", "channels", VIEW} <= set(found)
    assert found["error_aggregates"]["TABLE_TYPE"] == "TABLE"
    assert found[VIEW]["TABLE_TYPE"] == "VIEW"
    assert all(len(row["REMARKS"] or "") > 10 for row in found.values())
    assert {"public", "mission_control"} <= {row["table_schem"] for row in driver.metadata("getSchemas").dicts()}


def test_it_lists_columns_with_types_and_comments(driver):
    columns = {row["COLUMN_NAME"]: row for row in driver.metadata("getColumns", None, "public", VIEW, "%").dicts()}
    assert columns["window_start"]["TYPE_NAME"] == "timestamptz"
    assert columns["events"]["TYPE_NAME"] == "int8"
    assert columns["usage_hours"]["TYPE_NAME"] == "float8"
    assert "1000 usage hours" in columns["rate"]["REMARKS"]
    positions = [int(row["ORDINAL_POSITION"]) for row in columns.values()]
    assert positions == list(range(1, len(positions) + 1))


@pytest.mark.parametrize(
    "method, arguments",
    [
        ("getPrimaryKeys", [None, "public", VIEW]),
        ("getImportedKeys", [None, "public", VIEW]),
        ("getExportedKeys", [None, "public", VIEW]),
        ("getIndexInfo", [None, "public", VIEW, "false", "false"]),
        ("getBestRowIdentifier", [None, "public", VIEW, "0", "true"]),
        ("getCrossReference", [None, "public", VIEW, None, "public", "channels"]),
        ("getUDTs", [None, "public", "%", None]),
        ("getProcedures", [None, "public", "%"]),
    ],
)
def test_there_are_no_keys_and_that_is_an_answer(driver, method, arguments):
    answer = driver.metadata(method, *arguments)
    assert answer.columns and answer.rows == []


def test_the_rest_of_its_metadata_answers(driver):
    functions = {row["function_name"] for row in driver.metadata("getFunctions", None, "public", "%").dicts()}
    assert {"rate_lower", "rate_upper"} <= functions
    assert {row["TYPE_NAME"] for row in driver.metadata("getTypeInfo").dicts()} >= {"int8", "float8", "timestamptz"}
    assert [row["TABLE_CAT"] for row in driver.metadata("getCatalogs").dicts()] == ["mission_control"]
    assert {"TABLE", "VIEW"} <= {row["TABLE_TYPE"] for row in driver.metadata("getTableTypes").dicts()}
    granted = {row["PRIVILEGE"] for row in driver.metadata("getTablePrivileges", None, "public", "channels").dicts()}
    assert "SELECT" in granted
    assert driver.metadata("getVersionColumns", None, "public", "error_aggregates").columns
    assert driver.metadata("getFunctionColumns", None, "public", "rate_lower", "%").rows
    # The rows of pg_get_keywords, but for the words of standard SQL: PostgreSQL 15's own.
    keywords = driver.metadata("getSQLKeywords").value.split(",")
    assert {"ilike", "limit", "vacuum"} <= set(keywords) and "select" not in keywords
    # pg_settings' max_index_keys and pg_type's length of a name.
    assert driver.metadata("getMaxColumnsInIndex").value == "32"
    assert driver.metadata("getMaxColumnNameLength").value == "63"
    assert driver.metadata("getDatabaseProductName").value == "PostgreSQL"
    assert driver.metadata("getDatabaseProductVersion").value.startswith("15.")


def test_it_reads_every_type(driver):
    answer = driver.query(
        """SELECT true AS b, 7::int2 AS s, 8::int4 AS i, 9::int8 AS l, 1.5::float4 AS r, 2.25::float8 AS d,
                  1.50::numeric(10, 2) AS n, 'ü'::text AS t, decode('00ff', 'hex') AS x, DATE '2018-06-03' AS day,
                  TIMESTAMP '2018-06-03 01:02:03.000004' AS at, TIME '10:11:12' AS clock,
                  interval '1 day 2 hours' AS span, ARRAY[1, NULL, 3] AS list, NULL::bigint AS nothing"""
    )
    cells = dict(zip(answer.columns, answer.rows[0], strict=True))
    kinds = dict(zip(answer.columns, answer.classes, strict=True))
    assert cells["b"] == "t" and cells["t"] == "ü" and cells["nothing"] is None
    assert (cells["s"], cells["i"], cells["l"]) == ("7", "8", "9")
    assert (cells["r"], cells["d"], cells["n"]) == ("1.5", "2.25", "1.50")
    assert cells["day"] == "2018-06-03" and cells["at"] == "2018-06-03 01:02:03.000004" and cells["clock"] == "10:11:12"
    assert cells["list"] == "{1,NULL,3}"
    assert kinds["l"] == "java.lang.Long" and kinds["n"] == "java.math.BigDecimal" and kinds["x"] == "[B"
    assert kinds["at"] == "java.sql.Timestamp" and kinds["list"] == "java.sql.Array"


def test_it_prepares_on_the_server_from_the_fifth_run_on(driver, truth):
    expected = truth.filter((polars.col("channel") == "beta") & (polars.col("usage_hours") > 1.5)).height
    sql = "SELECT count(*) FROM error_aggregates WHERE channel = ? AND usage_hours > ?"
    # The driver counts the runs of a text, also over several PreparedStatements.
    for runs, kept in ((3, False), (2, True), (5, True)):
        answer = driver.prepared(sql, "text:beta", "double:1.5", times=runs)
        assert answer.rows == [[str(expected)]]
        assert answer.kept is kept
    typed = driver.prepared(
        "SELECT ?::int + 1, ?, ? > DATE '2018-06-01', ?", "int:41", "text:x", "date:2018-06-03", "decimal:1.25", times=6
    )
    assert typed.rows[0][:3] == ["42", "x", "t"] and float(typed.rows[0][3]) == 1.25


def test_it_pages_through_a_transaction(driver, truth):
    driver.connection("setAutoCommit", "false")
    try:
        rows = driver.query("SELECT usage_hours FROM error_aggregates", fetch_size=1000).rows
        assert len(rows) == truth.height
        assert sum(float(row[0]) for row in rows) == pytest.approx(truth["usage_hours"].sum(), rel=1e-9)
        driver.connection("commit")
    finally:
        driver.connection("rollback")
        driver.connection("setAutoCommit", "true")


def test_it_cancels_and_times_out(driver):
    begun = time.monotonic()
    with pytest.raises(jdbc.JdbcError) as cancelled:
        driver.cancelled(LONG, after_ms=300)
    assert cancelled.value.sqlstate == "57014"
    with pytest.raises(jdbc.JdbcError) as late:
        driver.query(LONG, timeout_s=1)
    assert late.value.sqlstate == "57014"
    assert time.monotonic() - begun < 20
    assert driver.query("SELECT 1").rows == [["1"]]


@pytest.mark.parametrize(
    "sql, sqlstate",
    [
        ("SELECT * FROM nowhere", "42P01"),
        ("SELECT nothing FROM error_aggregates", "42703"),
        ("SELEC 1", "42601"),
        ("SELECT 1 / 0", "22012"),
        ("INSERT INTO channels VALUES (1)", "25006"),
    ],
)
def test_it_sees_errors(driver, sql, sqlstate):
    with pytest.raises(jdbc.JdbcError) as refused:
        driver.query(sql)
    assert refused.value.sqlstate == sqlstate


def test_an_error_aborts_its_transaction_only(driver):
    driver.connection("setAutoCommit", "false")
    try:
        with pytest.raises(jdbc.JdbcError):
            driver.query("SELECT * FROM nowhere")
        with pytest.raises(jdbc.JdbcError) as aborted:
            driver.query("SELECT 1")
        assert aborted.value.sqlstate == "25P02"
    finally:
        driver.connection("rollback")
        driver.connection("setAutoCommit", "true")
    assert driver.query("SELECT 1").rows == [["1"]]

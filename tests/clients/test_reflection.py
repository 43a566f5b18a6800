"""Clients that look at the catalog before they ask for rows: what they find, and that they need no patch."""

from __future__ import annotations

import math

import adbc_driver_postgresql.dbapi
import pg8000.native
import polars
import psycopg
import pytest
import sqlalchemy

VIEW = "measure_timeseries"


@pytest.fixture(scope="module")
def inspector(server):
    engine = sqlalchemy.create_engine(server.url)
    yield sqlalchemy.inspect(engine)
    engine.dispose()


def test_sqlalchemy_lists_relations(inspector):
    assert {"error_aggregates", "channels", "measures"} <= set(inspector.get_table_names())
    assert {VIEW, "channel_summary", "release_summary"} <= set(inspector.get_view_names())
    assert {"public", "mission_control"} <= set(inspector.get_schema_names())
    assert inspector.default_schema_name == "public"
    assert inspector.has_table("error_aggregates") and not inspector.has_table("nowhere")


def test_sqlalchemy_reads_columns_with_types_and_comments(inspector):
    columns = {column["name"]: column for column in inspector.get_columns(VIEW)}
    assert list(columns)[:3] == ["window_start", "application", "channel"]
    assert isinstance(columns["window_start"]["type"], sqlalchemy.types.TIMESTAMP)
    assert columns["window_start"]["type"].timezone
    assert isinstance(columns["events"]["type"], sqlalchemy.types.BIGINT)
    assert isinstance(columns["usage_hours"]["type"], sqlalchemy.types.Float)
    assert "(hours)" in columns["usage_hours"]["comment"]
    assert "1000 usage hours" in columns["rate"]["comment"]
    comment = inspector.get_table_comment("error_aggregates")["text"]
    assert "one row per row of the source" in comment


def test_sqlalchemy_is_told_that_there_are_no_keys(inspector):
    assert inspector.get_pk_constraint("error_aggregates")["constrained_columns"] == []
    assert inspector.get_foreign_keys("error_aggregates") == []
    assert inspector.get_indexes("error_aggregates") == []
    assert inspector.get_unique_constraints("error_aggregates") == []
    assert inspector.get_check_constraints("error_aggregates") == []
    assert "FROM measure_windows" in inspector.get_view_definition(VIEW)


def test_sqlalchemy_reflects_everything_at_once(server):
    engine = sqlalchemy.create_engine(server.url)
    metadata = sqlalchemy.MetaData()
    metadata.reflect(engine, views=True)
    assert len(metadata.tables) >= 25
    table = metadata.tables[VIEW]
    with engine.connect() as connection:
        query = sqlalchemy.select(sqlalchemy.func.count()).select_from(table).where(table.c.channel == "release")
        assert connection.execute(query).scalar_one() > 0
    engine.dispose()


def test_pg8000_reads_every_type(server):
    with_rows = "SELECT window_start, channel, usage_hours, main_crashes FROM error_aggregates LIMIT 3"
    connection = pg8000.native.Connection("analyst", host=server.host, port=server.port, database="mission_control")
    try:
        rows = connection.run(with_rows)
        assert len(rows) == 3 and rows[0][0].tzinfo is not None
        assert connection.run("SELECT :value::int8 + 1 AS n", value=41) == [[42]]
        assert connection.run("SELECT ARRAY[1, 2] AS a, true AS b, NULL AS c") == [[[1, 2], True, None]]
        with pytest.raises(pg8000.native.DatabaseError) as refused:
            connection.run("SELECT * FROM nowhere")
        assert refused.value.args[0]["C"] == "42P01"
    finally:
        connection.close()


def test_connectorx_reads_by_copy(server, truth):
    uri = f"postgresql://analyst@{server.host}:{server.port}/mission_control"
    query = "SELECT channel, sum(usage_hours) AS hours, count(*) AS rows FROM error_aggregates GROUP BY channel"
    frame = polars.read_database_uri(query, uri, engine="connectorx").sort("channel")
    expected = truth.group_by("channel").agg(polars.col("usage_hours").sum(), polars.len()).sort("channel")
    assert frame["channel"].to_list() == expected["channel"].to_list()
    assert frame["rows"].to_list() == expected["len"].to_list()
    pairs = zip(frame["hours"].to_list(), expected["usage_hours"].to_list(), strict=True)
    assert all(math.isclose(own, other, rel_tol=1e-9) for own, other in pairs)


def test_adbc_postgresql_reads_by_copy(server, truth):
    with adbc_driver_postgresql.dbapi.connect(f"postgresql://analyst@{server.host}:{server.port}/mission_control") as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT window_start, channel, usage_hours, main_crashes FROM error_aggregates")
            table = cursor.fetch_arrow_table()
        assert table.num_rows == truth.height
        assert [str(field.type) for field in table.schema] == ["timestamp[us, tz=UTC]", "string", "double", "int64"]


FOREIGN = """
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE SERVER release_health FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host '{host}', port '{port}', dbname 'mission_control');
CREATE USER MAPPING FOR CURRENT_USER SERVER release_health OPTIONS (user 'analyst', password_required 'false');
CREATE SCHEMA health;
IMPORT FOREIGN SCHEMA public LIMIT TO (error_aggregates, channels) FROM SERVER release_health INTO health;
"""


def test_a_postgresql_server_reads_ours_through_postgres_fdw(server, postgresql, truth):
    with psycopg.connect(postgresql.dsn, autocommit=True) as connection:
        connection.execute(FOREIGN.format(host=server.host, port=server.port))
        try:
            rows = connection.execute("SELECT count(*), sum(usage_hours) FROM health.error_aggregates").fetchone()
            assert rows[0] == truth.height
            assert math.isclose(rows[1], truth["usage_hours"].sum(), rel_tol=1e-9)
            filtered = "SELECT count(*) FROM health.error_aggregates WHERE channel = 'release' AND usage_hours > 1"
            expected = truth.filter((polars.col("channel") == "release") & (polars.col("usage_hours") > 1)).height
            assert connection.execute(filtered).fetchone()[0] == expected
        finally:
            connection.execute("DROP SCHEMA health CASCADE; DROP SERVER release_health CASCADE")

"""Python's PostgreSQL drivers and what stands on them: psycopg 3 and 2, asyncpg, SQLAlchemy, pandas."""

import asyncio
import datetime

import asyncpg
import pandas
import polars
import psycopg
import psycopg2
import pytest
import sqlalchemy

COUNT = "SELECT count(*) FROM error_aggregates"
SUMS = """SELECT channel, sum(usage_hours) AS usage_hours, sum(main_crashes) AS main_crashes
          FROM error_aggregates GROUP BY channel ORDER BY channel"""


@pytest.fixture(scope="module")
def sums(truth):
    return (
        truth.group_by("channel")
        .agg(polars.col("usage_hours").sum(), polars.col("main_crashes").sum())
        .sort("channel")
        .rows()
    )


def check_sums(rows, sums):
    assert len(rows) == len(sums) > 1
    for row, expected in zip(rows, sums, strict=True):
        assert row[0] == expected[0]
        assert row[1] == pytest.approx(expected[1], rel=1e-9)
        assert row[2] == expected[2]


@pytest.mark.parametrize("binary", [False, True])
def test_psycopg_3_reads_every_type_in_text_and_binary(server, binary):
    query = """SELECT true, 32767::smallint, 7::int, 8::bigint, 1.5::real, 2.25::double precision, 'ü'::text,
                      DATE '2018-06-04', TIMESTAMP '2018-06-04 01:02:03.000004',
                      window_start, NULL::bigint
               FROM error_aggregates ORDER BY window_start LIMIT 1"""
    with psycopg.connect(server.dsn) as connection, connection.cursor(binary=binary) as cursor:
        row = cursor.execute(query).fetchone()
    assert row[:7] == (True, 32767, 7, 8, 1.5, 2.25, "ü")
    assert row[7] == datetime.date(2018, 6, 4)
    assert row[8] == datetime.datetime(2018, 6, 4, 1, 2, 3, 4)
    assert row[9] == datetime.datetime(2018, 6, 3, 0, 0, tzinfo=datetime.timezone.utc)
    assert row[10] is None


def test_psycopg_3_sends_parameters(server, truth):
    expected = truth.filter((polars.col("channel") == "beta") & (polars.col("usage_hours") > 1.5)).height
    with psycopg.connect(server.dsn) as connection:
        query = COUNT + " WHERE channel = %s AND usage_hours > %s"
        assert connection.execute(query, ("beta", 1.5)).fetchone() == (expected,)
        assert connection.execute(query, ("beta", 1.5), prepare=True).fetchone() == (expected,)


def test_psycopg_3_streams_through_a_server_side_cursor(server, truth):
    with psycopg.connect(server.dsn) as connection, connection.cursor("pages") as cursor:
        cursor.itersize = 1000
        cursor.execute("SELECT usage_hours FROM error_aggregates")
        assert sum(1 for _ in cursor) == truth.height


def test_psycopg_3_pipelines(server):
    with psycopg.connect(server.dsn) as connection, connection.pipeline():
        cursors = [connection.execute("SELECT %s::int + 1", (number,)) for number in range(20)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(1, 21))


def test_psycopg_2_reads(server, sums):
    with psycopg2.connect(server.dsn) as connection, connection.cursor() as cursor:
        cursor.execute(SUMS)
        check_sums(cursor.fetchall(), sums)


def test_asyncpg_reads_in_binary_and_goes_back_to_its_pool(server, sums):
    async def run():
        async with asyncpg.create_pool(
            host=server.host, port=server.port, user="analyst", database="mission_control", min_size=1, max_size=2
        ) as pool:
            for _ in range(3):
                rows = await pool.fetch(SUMS)
            beta = await pool.fetchval(COUNT + " WHERE channel = $1", "beta")
        return rows, beta

    rows, beta = asyncio.run(run())
    check_sums([tuple(row) for row in rows], sums)
    assert beta > 0


def test_sqlalchemy_and_pandas(server, sums):
    engine = sqlalchemy.create_engine(server.url)
    frame = pandas.read_sql(sqlalchemy.text(SUMS), engine)
    check_sums(list(frame.itertuples(index=False, name=None)), sums)
    with engine.connect() as connection:
        windows = pandas.read_sql(sqlalchemy.text("SELECT window_start FROM error_aggregates LIMIT 5"), connection)
    assert str(windows["window_start"].dtype).endswith("UTC]")


@pytest.mark.parametrize(
    ("query", "sqlstate"),
    [
        ("SELEC 1", "42601"),
        ("SELECT * FROM nowhere", "42P01"),
        ("SELECT nothing FROM error_aggregates", "42703"),
        ("SELECT no_such_function(1)", "42883"),
        ("SELECT 1/0", "22012"),
        ("SELECT 'abc'::int", "22P02"),
        ("SELECT rate_lower(5, 100, 95)", "22023"),
        ("DROP TABLE error_aggregates", "25006"),
        ("COPY error_aggregates TO '/tmp/stolen.csv'", "42501"),
    ],
)
def test_errors_carry_postgresqls_codes(server, query, sqlstate):
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(query).fetchall()
        assert caught.value.sqlstate == sqlstate
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_running_statement_is_cancelled(server):
    import threading

    with psycopg.connect(server.dsn, autocommit=True) as connection:
        threading.Timer(0.5, connection.cancel).start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT count(*) FROM generate_series(1, 10000000000)")
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_statement_timeout_ends_a_statement(server):
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("SET statement_timeout = '200ms'")
        with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
            connection.execute("SELECT count(*) FROM generate_series(1, 10000000000)")

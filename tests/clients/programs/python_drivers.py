"""Python's drivers and what stands on them."""

from __future__ import annotations

import asyncio
import threading
import time

from . import COMMENTS, LONG, REFUSED, SERIES, TYPES


def missing() -> None:
    """They are in requirements.txt."""


def url(target, driver: str = "") -> str:
    return f"postgresql{driver}://{target.user}@{target.host}:{target.port}/{target.database}"


def psycopg3(target):
    import psycopg

    return psycopg.connect(url(target), autocommit=True)


def psycopg3_types(target):
    shown = []
    for binary in (False, True):
        with psycopg3(target) as connection, connection.cursor(binary=binary) as cursor:
            cursor.execute(TYPES)
            shown.append([repr(cursor.fetchone()), [column.type_code for column in cursor.description]])
    return shown


def psycopg3_pages(target):
    with psycopg3(target) as connection, connection.transaction(), connection.cursor("pages") as cursor:
        cursor.itersize = 700
        cursor.execute(SERIES)
        return [row[0] for row in cursor]


def cancelled(connect, run, cancel, sqlstate):
    """The code with which a statement ends that is cancelled while it runs, and that the connection goes on."""
    connection = connect()
    try:
        timer = threading.Timer(0.3, cancel, [connection])
        timer.start()
        begun = time.monotonic()
        try:
            run(connection, LONG)
        except Exception as error:  # each driver has its own kinds
            code = sqlstate(error)
        else:
            code = "it ran to its end"
        timer.join()
        return [code, time.monotonic() - begun < 20, run(connection, "SELECT 1")]
    finally:
        connection.close()


def refused(run, sqlstate):
    codes = []
    for sql in REFUSED:
        try:
            run(sql)
            codes.append("answered")
        except Exception as error:  # each driver has its own kinds
            codes.append(sqlstate(error))
    return codes


def psycopg_run(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()]


def psycopg2(target):
    import psycopg2 as driver

    connection = driver.connect(url(target))
    connection.autocommit = True
    return connection


def psycopg2_pages(target):
    connection = psycopg2(target)
    connection.autocommit = False
    try:
        with connection.cursor("pages") as cursor:
            cursor.itersize = 700
            cursor.execute(SERIES)
            return [row[0] for row in cursor]
    finally:
        connection.close()


def once(connect, run):
    """Opens a connection for one piece of work."""

    def with_connection(target):
        connection = connect(target)
        try:
            return run(connection)
        finally:
            connection.close()

    return with_connection


def shown(run, sql):
    return lambda connection: [repr(row) for row in run(connection, sql)]


def pg8000(target):
    import pg8000.native

    return pg8000.native.Connection(target.user, host=target.host, port=target.port, database=target.database)


def pg8000_run(connection, sql):
    return [tuple(row) for row in connection.run(sql)]


def asyncpg(work):
    """Runs a coroutine with a connection."""

    def run(target):
        async def with_connection():
            import asyncpg as driver

            connection = await driver.connect(url(target))
            try:
                return await work(connection)
            finally:
                await connection.close()

        return asyncio.run(with_connection())

    return run


async def asyncpg_pages(connection):
    async with connection.transaction():
        return [row["n"] async for row in connection.cursor(SERIES, prefetch=700)]


async def asyncpg_cancels(connection):
    try:
        await connection.fetch(LONG, timeout=0.5)
    except (asyncio.TimeoutError, TimeoutError):
        return ["timed out", await connection.fetchval("SELECT 1")]
    return "it ran to its end"


async def asyncpg_errors(connection):
    codes = []
    for sql in REFUSED:
        try:
            await connection.fetch(sql)
        except Exception as error:  # asyncpg has a kind for each code
            codes.append(error.sqlstate)
    return codes


async def asyncpg_types(connection):
    row = await connection.fetchrow(TYPES)
    return [repr(value) for value in row.values()]


async def asyncpg_lists(connection):
    return [tuple(row) for row in await connection.fetch(COMMENTS)]


async def asyncpg_connects(connection):
    await connection.reset()
    return await connection.fetchval("SELECT 1 + $1::int4", 1)


def sqlalchemy_lists(target):
    import sqlalchemy

    engine = sqlalchemy.create_engine(url(target, "+psycopg"))
    try:
        inspector = sqlalchemy.inspect(engine)
        names = inspector.get_table_names() + inspector.get_view_names()
        for name in names:
            inspector.get_columns(name)
            inspector.get_pk_constraint(name)
            inspector.get_foreign_keys(name)
            inspector.get_indexes(name)
        return [(name, inspector.get_table_comment(name)["text"]) for name in names]
    finally:
        engine.dispose()


def sqlalchemy_run(target, sql, **options):
    import sqlalchemy

    engine = sqlalchemy.create_engine(url(target, "+psycopg"))
    try:
        with engine.connect().execution_options(**options) as connection:
            return [tuple(row) for row in connection.execute(sqlalchemy.text(sql.replace(":", r"\:")))]
    finally:
        engine.dispose()


def frame(target, sql, **options):
    import pandas
    import sqlalchemy

    engine = sqlalchemy.create_engine(url(target, "+psycopg"))
    try:
        with engine.connect().execution_options(stream_results=True) as connection:
            return pandas.read_sql(sqlalchemy.text(sql.replace(":", r"\:")), connection, **options)
    finally:
        engine.dispose()


def pandas_types(target):
    read = frame(target, TYPES.replace("decode('00ff', 'hex')", "7::int4"))
    return [read.dtypes.astype(str).to_dict(), read.astype(str).to_dict("records")]


def pandas_pages(target):
    import pandas
    import sqlalchemy

    engine = sqlalchemy.create_engine(url(target, "+psycopg"))
    try:
        with engine.connect().execution_options(stream_results=True, max_row_buffer=700) as connection:
            chunks = pandas.read_sql(sqlalchemy.text(SERIES.replace(":", r"\:")), connection, chunksize=700)
            return [len(chunk) for chunk in chunks]
    finally:
        engine.dispose()


# connectorx knows neither intervals nor the names of every array.
SIMPLE_TYPES = """SELECT true AS b, 7::int2 AS s, 8::int4 AS i, 9::int8 AS l, 1.5::float4 AS r, 2.25::float8 AS d,
    'ü'::text AS t, date '2018-06-03' AS day, timestamp '2018-06-03 01:02:03.000004' AS clock,
    timestamptz '2018-06-03 01:02:03+02' AS moment, NULL::int8 AS nothing"""


def polars_read(target, sql):
    import polars

    return polars.read_database_uri(sql, url(target), engine="connectorx")


def polars_types(target):
    read = polars_read(target, SIMPLE_TYPES)
    return [str(read.schema), read.rows()]


def adbc(target):
    import adbc_driver_postgresql.dbapi

    return adbc_driver_postgresql.dbapi.connect(url(target))


def adbc_table(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table()


def adbc_types(connection):
    read = adbc_table(connection, SIMPLE_TYPES)
    return [str(read.schema.remove_metadata()), read.to_pylist()]


def adbc_pages(connection):
    with connection.cursor() as cursor:
        cursor.execute(SERIES)
        return sum(batch.num_rows for batch in cursor.fetch_record_batch())


def adbc_lists(connection):
    connection.adbc_get_objects(depth="all", db_schema_filter="public").read_all()
    return [tuple(row.values()) for row in adbc_table(connection, COMMENTS).to_pylist()]


def duckdb_of_copy(target, sql):
    """DuckDB reads what COPY sends as CSV."""
    import duckdb

    with psycopg3(target) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv, HEADER)") as copy:
            text = b"".join(bytes(part) for part in copy)
    import pathlib
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "rows.csv"
        path.write_bytes(text)
        return duckdb.sql(f"SELECT * FROM read_csv('{path}', header = true)").fetchall()


def of_sqlstate(error):
    return error.sqlstate


CLIENTS = {
    "psycopg 3": {
        "connects": once(psycopg3, shown(psycopg_run, "SELECT 1 + 1")),
        "lists": once(psycopg3, lambda connection: psycopg_run(connection, COMMENTS)),
        "types": psycopg3_types,
        "pages": psycopg3_pages,
        "cancels": lambda target: cancelled(
            lambda: psycopg3(target), psycopg_run, lambda connection: connection.cancel_safe(), of_sqlstate
        ),
        "errors": once(psycopg3, lambda own: refused(lambda sql: psycopg_run(own, sql), of_sqlstate)),
    },
    "psycopg 2": {
        "connects": once(psycopg2, shown(psycopg_run, "SELECT 1 + 1")),
        "lists": once(psycopg2, lambda connection: psycopg_run(connection, COMMENTS)),
        "types": once(psycopg2, shown(psycopg_run, TYPES.replace("decode('00ff', 'hex')", "7::int4"))),
        "pages": psycopg2_pages,
        "cancels": lambda target: cancelled(
            lambda: psycopg2(target), psycopg_run, lambda connection: connection.cancel(), lambda error: error.pgcode
        ),
        "errors": once(psycopg2, lambda own: refused(lambda sql: psycopg_run(own, sql), lambda error: error.pgcode)),
    },
    "asyncpg": {
        "connects": asyncpg(asyncpg_connects),
        "lists": asyncpg(asyncpg_lists),
        "types": asyncpg(asyncpg_types),
        "pages": asyncpg(asyncpg_pages),
        "cancels": asyncpg(asyncpg_cancels),
        "errors": asyncpg(asyncpg_errors),
    },
    "pg8000": {
        "connects": once(pg8000, shown(pg8000_run, "SELECT 1 + 1")),
        "lists": once(pg8000, lambda connection: pg8000_run(connection, COMMENTS)),
        "types": once(pg8000, shown(pg8000_run, TYPES)),
        "errors": once(
            pg8000, lambda own: refused(lambda sql: pg8000_run(own, sql), lambda error: error.args[0]["C"])
        ),
    },
    "SQLAlchemy": {
        "connects": lambda target: sqlalchemy_run(target, "SELECT 1 + 1"),
        "lists": sqlalchemy_lists,
        "types": lambda target: repr(sqlalchemy_run(target, TYPES)),
        "pages": lambda target: sqlalchemy_run(target, SERIES, stream_results=True, max_row_buffer=700),
        "errors": lambda target: refused(
            lambda sql: sqlalchemy_run(target, sql), lambda error: error.orig.sqlstate
        ),
    },
    "pandas": {
        "connects": lambda target: frame(target, "SELECT 1 + 1 AS two").to_dict("records"),
        "lists": lambda target: list(frame(target, COMMENTS).itertuples(index=False, name=None)),
        "types": pandas_types,
        "pages": pandas_pages,
    },
    "Polars (connectorx)": {
        "connects": lambda target: polars_read(target, "SELECT 1::int8 AS one").rows(),
        "lists": lambda target: polars_read(target, COMMENTS).rows(),
        "types": polars_types,
        "pages": lambda target: polars_read(target, SERIES)["n"].to_list(),
    },
    "ADBC PostgreSQL": {
        "connects": once(adbc, lambda connection: adbc_table(connection, "SELECT 1::int8 AS one").to_pylist()),
        "lists": once(adbc, adbc_lists),
        "types": once(adbc, adbc_types),
        "pages": once(adbc, adbc_pages),
        "errors": lambda target: refused(
            lambda sql: once(adbc, lambda connection: adbc_table(connection, sql))(target), of_sqlstate
        ),
    },
    "DuckDB (from COPY)": {
        "connects": lambda target: duckdb_of_copy(target, "SELECT 1 AS one"),
        "lists": lambda target: [row for row in duckdb_of_copy(target, COMMENTS)],
        "types": lambda target: repr(duckdb_of_copy(target, TYPES)),
        "pages": lambda target: duckdb_of_copy(target, SERIES),
    },
}

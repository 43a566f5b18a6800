"""Clients of Arrow Flight SQL. A PostgreSQL has no such door, so what they should read is what ADBC reads from it."""

from __future__ import annotations

import threading
import time

from . import COMMENTS, LONG, SERIES
from .python_drivers import SIMPLE_TYPES, adbc, adbc_table, once, refused


def missing() -> None:
    """They are in requirements.txt."""


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def command(sql: str) -> bytes:
    """CommandStatementQuery in an Any, which pyarrow leaves to its users."""
    name = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
    return field(1, name) + field(2, field(1, sql.encode()))


def adbc_flight(target):
    import adbc_driver_flightsql.dbapi

    return adbc_driver_flightsql.dbapi.connect(f"grpc://{target.flight}", autocommit=True)


def adbc_read(target, sql):
    return once(adbc_flight, lambda connection: adbc_table(connection, sql))(target)


def pyarrow_client(target):
    import pyarrow.flight

    return pyarrow.flight.connect(f"grpc://{target.flight}")


def pyarrow_reader(client, sql, options=None):
    import pyarrow.flight

    options = options or pyarrow.flight.FlightCallOptions()
    info = client.get_flight_info(pyarrow.flight.FlightDescriptor.for_command(command(sql)), options)
    return client.do_get(info.endpoints[0].ticket, options)


def pyarrow_read(target, sql):
    with pyarrow_client(target) as client:
        return pyarrow_reader(client, sql).read_all()


def polars_read(target, sql):
    import polars

    def read(connection):
        return polars.read_database(sql, connection=connection).to_arrow()

    return once(adbc_flight, read)(target)


def from_either(read):
    """Reads by Flight where the target has it, else what ADBC reads from the PostgreSQL."""

    def run(target, sql):
        if target.flight is None:
            return once(adbc, lambda connection: adbc_table(connection, sql))(target)
        return read(target, sql)

    return run


def rows(table) -> list[tuple]:
    return [tuple(row.values()) for row in table.to_pylist()]


def lists(read):
    """Relations with comments by SQL, and for ADBC also by its own call, down to the columns."""

    def run(target):
        return rows(from_either(read)(target, COMMENTS))

    return run


def adbc_lists(target):
    found = rows(from_either(adbc_read)(target, COMMENTS))
    if target.flight is not None:
        with adbc_flight(target) as connection:
            objects = connection.adbc_get_objects(depth="all", db_schema_filter="public").read_all().to_pylist()
        tables = {one["table_name"] for one in objects[0]["catalog_db_schemas"][0]["db_schema_tables"]}
        assert tables == {name for name, _ in found}, tables ^ {name for name, _ in found}
    return found


def types(read):
    """Types and values; text is called text in whatever width."""

    def run(target):
        table = from_either(read)(target, SIMPLE_TYPES)
        shown = [str(kind).replace("large_", "") for kind in table.schema.types]
        return [table.schema.names, shown, table.to_pylist()]

    return run


def adbc_pages(target):
    def count(connection):
        with connection.cursor() as cursor:
            cursor.execute(SERIES)
            return sum(batch.num_rows for batch in cursor.fetch_record_batch())

    return once(adbc if target.flight is None else adbc_flight, count)(target)


def pyarrow_pages(target):
    if target.flight is None:
        return adbc_pages(target)
    with pyarrow_client(target) as client:
        return sum(chunk.data.num_rows for chunk in pyarrow_reader(client, SERIES))


def polars_pages(target):
    import polars

    def count(connection):
        batches = polars.read_database(SERIES, connection=connection, iter_batches=True, batch_size=700)
        return sum(batch.height for batch in batches)

    return once(adbc if target.flight is None else adbc_flight, count)(target)


def ends_early(run) -> bool:
    """Whether a query that takes minutes ended in an error soon after it was cancelled."""
    begun = time.monotonic()
    try:
        run()
    except Exception:  # each client has its own kind
        return time.monotonic() - begun < 20
    return False


def adbc_cancels(target):
    with (adbc if target.flight is None else adbc_flight)(target) as connection, connection.cursor() as cursor:
        def run():
            cursor.execute(LONG)
            cursor.fetch_arrow_table()

        timer = threading.Timer(0.5, cursor.adbc_cancel)
        timer.start()
        early = ends_early(run)
        timer.join()
    return [early, rows(from_either(adbc_read)(target, "SELECT 1::int8 AS one"))]


def pyarrow_cancels(target):
    import pyarrow.flight

    if target.flight is None:
        return adbc_cancels(target)
    with pyarrow_client(target) as client:
        options = pyarrow.flight.FlightCallOptions(timeout=0.5)
        early = ends_early(lambda: pyarrow_reader(client, LONG, options).read_all())
        return [early, rows(pyarrow_reader(client, "SELECT 1::int8 AS one").read_all())]


def sqlstate(error) -> str:
    """ADBC has the code from PostgreSQL as such, and from Flight SQL among the details."""
    details = dict(getattr(error, "details", None) or [])
    return error.sqlstate or details.get(b"sqlstate", b"").decode()


# Ours are refused for the same reasons, which Flight tells pyarrow by their classes.
CLASSES = {
    "42P01": "ArrowKeyError", "42703": "ArrowInvalid", "42601": "ArrowInvalid", "22012": "ArrowInvalid",
    "42883": "ArrowInvalid", "22P02": "ArrowInvalid", "42803": "ArrowInvalid",
}


def adbc_errors(target):
    return refused(lambda sql: from_either(adbc_read)(target, sql), sqlstate)


def pyarrow_errors(target):
    if target.flight is None:
        return [CLASSES[code] for code in adbc_errors(target)]
    return refused(lambda sql: pyarrow_read(target, sql), lambda error: type(error).__name__)


CLIENTS = {
    "ADBC Flight SQL": {
        "connects": lambda target: rows(from_either(adbc_read)(target, "SELECT 1::int8 AS one")),
        "lists": adbc_lists,
        "types": types(adbc_read),
        "pages": adbc_pages,
        "cancels": adbc_cancels,
        "errors": adbc_errors,
    },
    "pyarrow.flight": {
        "connects": lambda target: rows(from_either(pyarrow_read)(target, "SELECT 1::int8 AS one")),
        "lists": lists(pyarrow_read),
        "types": types(pyarrow_read),
        "pages": pyarrow_pages,
        "cancels": pyarrow_cancels,
        "errors": pyarrow_errors,
    },
    "Polars (ADBC)": {
        "connects": lambda target: rows(from_either(polars_read)(target, "SELECT 1::int8 AS one")),
        "lists": lists(polars_read),
        "types": types(polars_read),
        "pages": polars_pages,
        "errors": lambda target: refused(lambda sql: from_either(polars_read)(target, sql), sqlstate),
    },
}

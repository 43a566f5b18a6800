"""psqlODBC (Debian's) through pyodbc."""

from __future__ import annotations

import ctypes.util
import pathlib
import threading

from . import COMMENTS, LONG, REFUSED, SERIES, TYPES

DRIVERS = pathlib.Path("/etc/odbcinst.ini")
DRIVER = "PostgreSQL Unicode"


def missing() -> str | None:
    if ctypes.util.find_library("odbc") is None:
        return "no unixODBC (Debian: unixodbc)"
    if not DRIVERS.exists() or DRIVER not in DRIVERS.read_text():
        return "no psqlODBC (Debian: odbc-postgresql)"
    return None


def connection(target):
    import pyodbc

    address = f"Server={target.host};Port={target.port};Database={target.database};Uid={target.user}"
    # As Excel and Power BI open it: fetching through cursors, numbers as they are.
    return pyodbc.connect(f"Driver={{{DRIVER}}};{address};UseDeclareFetch=1;Fetch=700", autocommit=True)


def with_connection(work):
    def run(target):
        own = connection(target)
        try:
            return work(own)
        finally:
            own.close()

    return run


def lists(own):
    cursor = own.cursor()
    for name in ("error_aggregates", "measure_timeseries"):
        cursor.columns(table=name, schema="public").fetchall()
        cursor.primaryKeys(table=name, schema="public").fetchall()
        cursor.foreignKeys(table=name, schema="public").fetchall()
        cursor.statistics(table=name, schema="public").fetchall()
    cursor.procedures(schema="public").fetchall()
    cursor.getTypeInfo().fetchall()
    names = {row.table_name for row in cursor.tables(schema="public").fetchall()}
    comments = dict(tuple(row) for row in cursor.execute(COMMENTS).fetchall())
    return [(name, comments.get(name)) for name in names]


def types(own):
    cursor = own.cursor().execute(TYPES)
    # Names and kinds; of a numeric PostgreSQL also says the digits.
    return [repr(cursor.fetchone()), [column[:2] for column in cursor.description]]


def pages(own):
    return [row[0] for row in own.cursor().execute(SERIES)]


def cancels(own):
    cursor = own.cursor()
    timer = threading.Timer(0.5, cursor.cancel)
    timer.start()
    try:
        cursor.execute(LONG).fetchall()
        code = "it ran to its end"
    except Exception as error:  # pyodbc has a kind for each class of codes
        code = error.args[0]
    timer.join()
    return [code, own.cursor().execute("SELECT 1").fetchone()[0]]


def errors(own):
    codes = []
    for sql in REFUSED:
        try:
            own.cursor().execute(sql).fetchall()
        except Exception as error:  # pyodbc has a kind for each class of codes
            codes.append(error.args[0])
    return codes


CLIENTS = {
    "psqlODBC (pyodbc)": {
        "connects": with_connection(lambda own: own.cursor().execute("SELECT 1 + ?::int4", 1).fetchone()[0]),
        "lists": with_connection(lists),
        "types": with_connection(types),
        "pages": with_connection(pages),
        "cancels": with_connection(cancels),
        "errors": with_connection(errors),
    },
}

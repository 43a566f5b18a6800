"""pgjdbc (Debian's), led through jdbc/."""

from __future__ import annotations

import functools
import pathlib
import tempfile

import jdbc

from . import LONG, REFUSED, SERIES, TYPES


def missing() -> str | None:
    return jdbc.missing()


@functools.cache
def classes() -> pathlib.Path:
    return jdbc.compiled(pathlib.Path(tempfile.mkdtemp(prefix="jdbc-")))


def connection(target) -> jdbc.Jdbc:
    return jdbc.Jdbc(classes(), f"{target.host}:{target.port}/{target.database}", target.user)


def with_connection(work):
    def run(target):
        with connection(target) as own:
            return work(own)

    return run


def lists(own):
    own.metadata("getSchemas")
    own.metadata("getTableTypes")
    own.metadata("getTypeInfo")
    own.metadata("getSQLKeywords")
    own.metadata("getColumns", None, "public", "%", "%")
    for method in ("getPrimaryKeys", "getImportedKeys", "getExportedKeys", "getVersionColumns"):
        own.metadata(method, None, "public", "error_aggregates")
    own.metadata("getIndexInfo", None, "public", "error_aggregates", "false", "false")
    own.metadata("getBestRowIdentifier", None, "public", "error_aggregates", "0", "true")
    own.metadata("getFunctions", None, "public", "%")
    own.metadata("getFunctionColumns", None, "public", "%", "%")
    own.metadata("getProcedures", None, "public", "%")
    own.metadata("getTablePrivileges", None, "public", "%")
    own.metadata("getMaxColumnsInIndex")
    own.metadata("getMaxColumnNameLength")
    rows = own.metadata("getTables", None, "public", "%", "TABLE,VIEW").dicts()
    return [(row["TABLE_NAME"], row["REMARKS"]) for row in rows]


def types(own):
    simple = own.query(TYPES)
    prepared = own.prepared(TYPES, times=6)
    return [simple.types, simple.classes, simple.rows, prepared.classes, prepared.rows, prepared.kept]


def pages(own):
    own.connection("setAutoCommit", "false")
    rows = own.query(SERIES, fetch_size=700).rows
    own.connection("commit")
    return rows


def cancels(own):
    codes = []
    for run in (lambda: own.cancelled(LONG, after_ms=300), lambda: own.query(LONG, timeout_s=1)):
        try:
            run()
        except jdbc.JdbcError as error:
            codes.append(error.sqlstate)
    return [codes, own.query("SELECT 1").rows]


def errors(own):
    codes = []
    for sql in REFUSED:
        try:
            own.query(sql)
        except jdbc.JdbcError as error:
            codes.append(error.sqlstate)
    return codes


CLIENTS = {
    "pgjdbc": {
        "connects": with_connection(lambda own: own.prepared("SELECT 1 + ?", "int:1").rows),
        "lists": with_connection(lists),
        "types": with_connection(types),
        "pages": with_connection(pages),
        "cancels": with_connection(cancels),
        "errors": with_connection(errors),
    },
}

"""postgres_fdw of a real PostgreSQL 15, which reads the target as a foreign server: ours, or itself."""

from __future__ import annotations

import threading
import time

SET_UP = """
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
DROP SERVER IF EXISTS target CASCADE;
DROP SCHEMA IF EXISTS away CASCADE;
CREATE SERVER target FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host '{host}', port '{port}', dbname '{database}', fetch_size '70');
CREATE USER MAPPING FOR CURRENT_USER SERVER target OPTIONS (user '{user}', password_required 'false');
CREATE SCHEMA away;
IMPORT FOREIGN SCHEMA pg_catalog LIMIT TO (pg_class, pg_namespace, pg_description, pg_type, pg_proc)
    FROM SERVER target INTO away;
"""
COMMENTS = """SELECT c.relname::text, d.description FROM away.pg_class c JOIN away.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN away.pg_description d ON d.objoid = c.oid AND d.objsubid = 0
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'v') ORDER BY 1"""
# Rows that every PostgreSQL 15 has: types of its own, whose oids are fixed.
TYPES = """SELECT oid, typname, typlen, typbyval, typtype, typelem, typnamespace, typstorage
    FROM away.pg_type WHERE oid IN (16, 17, 20, 21, 23, 25, 26, 700, 701, 1007, 1082, 1184, 1186, 1700) ORDER BY oid"""
PAGES = "SELECT oid, typname FROM away.pg_type WHERE oid < 3000 AND typtype = 'b' AND typelem = 0 ORDER BY oid"
LONG = "SELECT count(*) FROM away.pg_proc a, away.pg_proc b, away.pg_proc c WHERE a.oid * b.oid::int8 + c.oid::int8 < 0"


def missing() -> None:
    """The PostgreSQL that answers are compared with has it."""


def away(work):
    """Runs work with a connection of the PostgreSQL to which the target is foreign."""

    def run(target):
        import psycopg

        with psycopg.connect(target.postgresql, autocommit=True) as connection:
            address = {"host": target.host, "port": target.port, "database": target.database, "user": target.user}
            connection.execute(SET_UP.format(**address))
            try:
                return work(connection)
            finally:
                connection.execute("DROP SCHEMA away CASCADE; DROP SERVER target CASCADE")

    return run


def read(sql: str):
    return away(lambda connection: connection.execute(sql).fetchall())


def cancels(connection):
    import psycopg

    connection.execute("SELECT count(*) FROM away.pg_type").fetchone()
    timer = threading.Timer(0.5, connection.cancel_safe)
    timer.start()
    begun = time.monotonic()
    try:
        connection.execute(LONG)
        code = "it ran to its end"
    except psycopg.Error as error:
        code = error.sqlstate
    timer.join()
    alive = connection.execute("SELECT typname FROM away.pg_type WHERE oid = 23").fetchall()
    return [code, time.monotonic() - begun < 20, alive]


def errors(connection):
    """What goes wrong over there: a relation and a column that are not, a value that is no number."""
    import psycopg

    connection.execute("CREATE FOREIGN TABLE away.nowhere (a int) SERVER target OPTIONS (schema_name 'public')")
    connection.execute(
        "CREATE FOREIGN TABLE away.other (oid oid, nothing int) SERVER target "
        "OPTIONS (schema_name 'pg_catalog', table_name 'pg_type')"
    )
    codes = []
    for sql in ("SELECT * FROM away.nowhere", "SELECT nothing FROM away.other"):
        try:
            connection.execute(sql)
            codes.append("answered")
        except psycopg.Error as error:
            codes.append(error.sqlstate)
    return codes


CLIENTS = {
    "postgres_fdw (PostgreSQL 15)": {
        "connects": read("SELECT typname FROM away.pg_type WHERE oid = 23"),
        "lists": read(COMMENTS),
        "types": read(TYPES),
        "pages": read(PAGES),
        "cancels": away(cancels),
        "errors": away(errors),
    },
}

"""What pgAdmin 4 needs when it connects and opens a tree: the facts it asks for, asked through its driver, psycopg 3.
The questions are ours; pgAdmin itself is not run."""

from __future__ import annotations

from . import COMMENTS
from .python_drivers import psycopg3

QUESTIONS = [
    "SET DateStyle = ISO",
    "SET client_min_messages = notice",
    "SELECT set_config('bytea_output', 'hex', false) FROM pg_show_all_settings() WHERE name = 'bytea_output'",
    "SELECT set_config('application_name', 'pgAdmin 4', false)",
    "SET client_encoding = 'UTF8'",
    "SELECT version()",
    "SELECT db.oid AS did, db.datname, db.datallowconn, pg_encoding_to_char(db.encoding) AS serverencoding, "
    "has_database_privilege(db.oid, 'CREATE') AS cancreate, datistemplate "
    "FROM pg_catalog.pg_database db WHERE db.datname = current_database()",
    "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_catalog.pg_roles WHERE rolname = current_user",
    "SELECT CASE WHEN pg_is_in_recovery() THEN 'in recovery' ELSE 'running' END",
    "SELECT pg_is_in_recovery(), CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END",
    "SELECT nsp.oid, nsp.nspname, has_schema_privilege(nsp.oid, 'CREATE'), has_schema_privilege(nsp.oid, 'USAGE') "
    "FROM pg_catalog.pg_namespace nsp WHERE nspname NOT LIKE 'pg\\_%' ORDER BY nspname",
    "SELECT rel.oid, rel.relname, pg_get_userbyid(rel.relowner), rel.reltuples, "
    "(SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid = rel.oid AND tgisinternal = false) AS triggers "
    "FROM pg_catalog.pg_class rel WHERE rel.relkind IN ('r', 's', 't', 'p') ORDER BY rel.relname",
    "SELECT c.oid, c.relname, pg_get_viewdef(c.oid, true) FROM pg_catalog.pg_class c WHERE c.relkind = 'v' ORDER BY 2",
    "SELECT att.attname, att.attnum, format_type(att.atttypid, att.atttypmod), att.attnotnull, "
    "pg_get_expr(def.adbin, def.adrelid), col_description(att.attrelid, att.attnum) "
    "FROM pg_catalog.pg_attribute att LEFT JOIN pg_catalog.pg_attrdef def "
    "ON def.adrelid = att.attrelid AND def.adnum = att.attnum "
    "WHERE att.attrelid = 'pg_class'::regclass AND att.attnum > 0 ORDER BY att.attnum",
    "SELECT pid, datname, usename, application_name, state, query FROM pg_catalog.pg_stat_activity "
    "WHERE datname = current_database() ORDER BY pid",
    "SELECT 'session_stats' AS chart_name, count(*) FROM pg_catalog.pg_stat_activity",
    "SELECT gss_authenticated, encrypted FROM pg_catalog.pg_stat_gssapi WHERE pid = pg_backend_pid()",
]


def missing() -> None:
    """psycopg is in requirements.txt."""


def connects(target):
    """Which of the questions are answered."""
    with psycopg3(target) as connection:
        for question in QUESTIONS:
            connection.execute(question)
        shown = connection.execute("SELECT current_setting('application_name')").fetchone()
    return [shown, len(QUESTIONS)]


def lists(target):
    with psycopg3(target) as connection:
        return connection.execute(COMMENTS).fetchall()


CLIENTS = {"pgAdmin's questions": {"connects": connects, "lists": lists}}

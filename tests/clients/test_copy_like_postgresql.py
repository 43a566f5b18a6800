"""COPY … TO STDOUT, results and parameters, byte by byte as PostgreSQL 15 sends them."""

from __future__ import annotations

import datetime
import decimal

import psycopg
import pytest

VALUES = {
    "bool": ["true", "false", "NULL::bool"],
    "int2": ["0::int2", "(-32768)::int2", "32767::int2"],
    "int4": ["0::int4", "(-2147483648)::int4", "2147483647::int4"],
    "int8": ["0::int8", "(-9223372036854775807)::int8", "9223372036854775807"],
    "float4": ["0.1::float4", "'NaN'::float4", "'-Infinity'::float4", "1e-30::float4", "16777216::float4"],
    "float8": ["0.1::float8", "'NaN'::float8", "'Infinity'::float8", "1e300::float8", "'-0'::float8", "123456789012345680::float8"],
    "numeric": ["1.50::numeric(10,2)", "(-0.01)::numeric(10,2)", "12345678.90::numeric(10,2)", "0::numeric(10,2)"],
    "text": ["'plain'", "''", "E'tab\\there'", "E'line\\nbreak\\r'", "E'back\\\\slash'", "'a \"quote\", and commas'", "'Größe ✓'", "E'\\\\.'", "'NULL'", "E'\\b\\f\\v'"],
    "bytea": ["decode('00ff10', 'hex')", "decode('', 'hex')"],
    "date": ["date '2018-06-03'", "date '0001-01-01'", "date '9999-12-31'"],
    "time": ["time '00:00:00'", "time '23:59:59.999999'", "time '12:30:00.5'"],
    "timestamp": ["timestamp '2018-06-03 12:00:00'", "timestamp '1969-12-31 23:59:59.000001'"],
    "timestamptz": ["timestamptz '2018-06-03 12:00:00+02'", "timestamptz '1900-01-01 00:00:00Z'"],
    "interval": ["interval '1 day 2 hours 3 minutes 4.5 seconds'", "interval '-1 month 3 days'", "interval '14 months'", "interval '0 seconds'"],
    "int4[]": ["ARRAY[1, NULL, 3]::int4[]", "ARRAY[]::int4[]"],
    "text[]": ["ARRAY['a', 'b c', NULL, '']", "ARRAY['x\"y', 'null', 'a,b']"],
    "float8[]": ["ARRAY[0.5::float8, 'NaN'::float8]"],
    "timestamptz[]": ["ARRAY[timestamptz '2018-06-03 12:00:00Z']"],
    "numeric[]": ["ARRAY[1.50::numeric(10,2), NULL]"],
}

OPTIONS = [
    "",
    "(FORMAT text)",
    "(FORMAT csv)",
    "(FORMAT binary)",
    "(FORMAT csv, HEADER)",
    "(FORMAT text, HEADER true)",
    "(FORMAT csv, HEADER false, DELIMITER ';')",
    "(FORMAT csv, DELIMITER E'\\t', NULL 'nothing')",
    "(DELIMITER '|', NULL '')",
    "(FORMAT csv, FORCE_QUOTE *)",
    "(FORMAT csv, FORCE_QUOTE (v))",
    "(FORMAT csv, QUOTE '''', ESCAPE '#')",
    "(FORMAT csv, NULL 'NULL')",
    "(ENCODING 'UTF8')",
    "CSV HEADER",
    "CSV DELIMITER ';' QUOTE '''' FORCE QUOTE v",
    "WITH CSV NULL 'x'",
    "BINARY",
    "DELIMITER ',' NULL 'N'",
]

REFUSED = [
    "(FORMAT nothing)",
    "(FORMAT text, FORMAT csv)",
    "(DELIMITER 'ab')",
    "(FORMAT csv, QUOTE 'ab')",
    "(FORMAT csv, DELIMITER '\"')",
    "(FORMAT text, QUOTE '\"')",
    "(FORMAT binary, DELIMITER ',')",
    "(FORMAT binary, HEADER)",
    "(FORMAT csv, FORCE_QUOTE (nothing))",
    "(FORMAT text, FORCE_QUOTE *)",
    "(DELIMITER 'a')",
    "(DELIMITER E'\\\\')",
    "(ENCODING 'nothing')",
    "(NOTHING 1)",
    "(FORMAT csv, FORCE_NOT_NULL (v))",
]


@pytest.fixture(scope="module")
def both(server, postgresql):
    with (
        psycopg.connect(server.dsn, autocommit=True) as own,
        psycopg.connect(postgresql.dsn, autocommit=True) as theirs,
    ):
        yield own, theirs


def rows_of(type_name: str) -> str:
    rows = " UNION ALL ".join(f"SELECT {number}::int4, {value}" for number, value in enumerate(VALUES[type_name]))
    return f"SELECT n, v FROM ({rows}) AS t(n, v) ORDER BY n"


def copied(connection, statement: str):
    try:
        with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            return b"".join(bytes(part) for part in copy)
    except psycopg.Error as error:
        return error.sqlstate


@pytest.mark.parametrize("type_name", VALUES)
def test_copy_sends_postgresql_s_bytes(both, type_name):
    different = []
    for options in OPTIONS:
        statement = f"COPY ({rows_of(type_name)}) TO STDOUT {options}"
        own, theirs = (copied(connection, statement) for connection in both)
        assert isinstance(theirs, bytes), f"PostgreSQL refuses {statement}: {theirs}"
        if own != theirs:
            different.append(f"{options}\n  ours   {own!r}\n  theirs {theirs!r}")
    assert not different, "\n".join(different)


@pytest.mark.parametrize("options", REFUSED)
def test_copy_refuses_as_postgresql_does(both, options):
    statement = f"COPY (SELECT 1 AS v) TO STDOUT {options}"
    own, theirs = (copied(connection, statement) for connection in both)
    assert isinstance(theirs, str), f"PostgreSQL answers {statement}"
    assert own == theirs


@pytest.mark.parametrize("setting", ["SET TIME ZONE 'Asia/Kolkata'", "SET bytea_output = 'escape'", "SET IntervalStyle = 'iso_8601'", "SET extra_float_digits = 0"])
def test_settings_change_both_alike(both, setting):
    for connection in both:
        connection.execute(setting)
    try:
        for type_name in ("timestamptz", "bytea", "interval", "float8", "float4"):
            own, theirs = (copied(connection, f"COPY ({rows_of(type_name)}) TO STDOUT") for connection in both)
            assert own == theirs, type_name
    finally:
        for connection in both:
            connection.execute("RESET ALL")


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("type_name", VALUES)
def test_results_are_postgresql_s_bytes(both, type_name, binary):
    sent = []
    for connection in both:
        with connection.cursor(binary=binary) as cursor:
            cursor.execute(rows_of(type_name).encode(), [], prepare=False) if binary else cursor.execute(rows_of(type_name).encode())
            result = cursor.pgresult
            values = [result.get_value(row, 1) for row in range(result.ntuples)]
            sent.append((result.ftype(1), result.fformat(1), values))
    assert sent[0] == sent[1]


PARAMETERS = [
    ("bool", True),
    ("int2", -5),
    ("int4", 2**31 - 1),
    ("int8", -(2**63)),
    ("float4", 0.5),
    ("float8", float("nan")),
    ("float8", float("-inf")),
    ("numeric(10,2)", decimal.Decimal("12.50")),
    ("text", "a'b\\c ✓"),
    ("bytea", b"\x00\xff"),
    ("date", datetime.date(2018, 6, 3)),
    ("time", datetime.time(1, 2, 3, 4)),
    ("timestamp", datetime.datetime(2018, 6, 3, 1, 2, 3)),
    ("timestamptz", datetime.datetime(2018, 6, 3, 1, 2, 3, tzinfo=datetime.timezone.utc)),
    ("interval", datetime.timedelta(days=3, seconds=5)),
    ("int4[]", [1, None, 3]),
    ("text[]", ["a", None, "b,c"]),
    ("float8[]", [0.5, 1.5]),
    ("timestamptz[]", [datetime.datetime(2018, 6, 3, tzinfo=datetime.timezone.utc)]),
]


@pytest.mark.parametrize("place", ["%s", "%b", "%t"], ids=["any", "binary", "text"])
@pytest.mark.parametrize(("type_name", "value"), PARAMETERS)
def test_parameters_arrive_as_in_postgresql(both, type_name, value, place):
    got = []
    for connection in both:
        row = connection.execute(f"SELECT {place}::{type_name} AS v".encode(), [value]).fetchone()
        got.append(repr(row))
    assert got[0] == got[1]


def test_psql_copies_to_a_file(server, tmp_path):
    target = tmp_path / "rows.csv"
    done = server.psql("-c", f"\\copy (SELECT g FROM generate_series(1, 3) g) TO '{target}' WITH (FORMAT csv, HEADER)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "COPY 3"
    assert target.read_text() == "g\n1\n2\n3\n"


def test_a_table_is_copied_with_chosen_columns(server, truth):
    with psycopg.connect(server.dsn) as connection, connection.cursor() as cursor:
        with cursor.copy("COPY error_aggregates (channel, usage_hours) TO STDOUT") as copy:
            rows = list(copy.rows())
    assert len(rows) == truth.height
    assert all(len(row) == 2 for row in rows)

"""dialect.sql here and in PostgreSQL 15: rows, names and types of columns, or the code of the refusal."""

from __future__ import annotations

import pathlib

import psycopg
import pytest
from dialect import DialectQuery, dialect_queries, reasons

README = pathlib.Path(__file__).with_name("README.md")
QUERIES = dialect_queries()
FEWEST = 300

# Types that stand for one another in every query; README.md says so.
WHOLE_NUMBERS = {"int2": "a whole number", "int4": "a whole number", "int8": "a whole number"}
TEXTS = {name: "a text" for name in ("text", "varchar", "bpchar", "name", "unknown", "regtype", "json", "jsonb", "void")}
ALIKE = WHOLE_NUMBERS | TEXTS
# Ours for PostgreSQL's: arithmetic with literals is in double precision, and sums and parts are not numeric.
INSTEAD_OF_NUMERIC = {"a whole number", "float8"}


@pytest.fixture(scope="module")
def both(server, postgresql):
    with (
        psycopg.connect(server.dsn, autocommit=True) as own,
        psycopg.connect(postgresql.dsn, autocommit=True) as theirs,
    ):
        yield own, theirs


@pytest.fixture(scope="module")
def type_names(postgresql):
    with psycopg.connect(postgresql.dsn) as connection:
        return dict(connection.execute("SELECT oid, typname FROM pg_type").fetchall())


def answer(connection, sql: str):
    """What people see: the rows as text; and the columns' names and types."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.encode(), prepare=False)
            result = cursor.pgresult
            columns = range(result.nfields)
            rows = [[result.get_value(row, column) for column in columns] for row in range(result.ntuples)]
            names = [result.fname(column) for column in columns]
            return rows, names, [result.ftype(column) for column in columns]
    except psycopg.Error as error:
        return error.sqlstate


def kind(name: str) -> str:
    array = name.startswith("_")
    found = ALIKE.get(name.removeprefix("_"), name.removeprefix("_"))
    return f"array of {found}" if array else found


def may_stand_for(own: str, theirs: str) -> bool:
    own, theirs = kind(own), kind(theirs)
    return own == theirs or (theirs == "numeric" and own in INSTEAD_OF_NUMERIC)


def differences(query: DialectQuery, both, type_names) -> list[str]:
    own, theirs = (answer(connection, query.sql) for connection in both)
    if isinstance(own, str) or isinstance(theirs, str):
        return [] if own == theirs else [f"here {own!r}, in PostgreSQL {theirs!r}"]
    found = []
    if own[0] != theirs[0]:
        found.append(f"rows: here {own[0]}, in PostgreSQL {theirs[0]}")
    if own[1] != theirs[1]:
        found.append(f"names: here {own[1]}, in PostgreSQL {theirs[1]}")
    types = [[type_names.get(oid, str(oid)) for oid in one[2]] for one in (own, theirs)]
    if len(types[0]) != len(types[1]) or not all(map(may_stand_for, *types)):
        found.append(f"types: here {types[0]}, in PostgreSQL {types[1]}")
    return found


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"line {query.line}")
def test_the_answer_is_postgresql_s_or_differs_as_said(query, both, type_names):
    found = differences(query, both, type_names)
    if query.reason:
        assert found, f"it differs no more, so dialect.sql must not say that it does: {query.written}"
    else:
        assert not found, f"{query.written}\n" + "\n".join(found)


def test_enough_is_compared():
    assert len(QUERIES) >= FEWEST
    assert len({query.written for query in QUERIES}) == len(QUERIES)
    alike = [query for query in QUERIES if not query.reason]
    assert len(alike) >= 0.75 * len(QUERIES), f"only {len(alike)} of {len(QUERIES)} are answered alike"


def test_the_readme_lists_the_differences():
    """The page says each reason with an example, in the file's words and order."""
    listed = [line for line in README.read_text().splitlines() if line.startswith("| ") and "dialect" not in line]
    for reason, queries in reasons().items():
        example = queries[0].written.replace("|", r"\|")
        assert f"| {reason} | `{example}` | {len(queries)} |" in listed, (
            f"tests/clients/README.md does not list: | {reason} | `{example}` | {len(queries)} |"
        )

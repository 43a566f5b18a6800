"""Metabase cannot be installed here; what it sends can be tried: the statements of its connect and sync sequence
(`metabase.sql`), and every question of `examples/metabase` with its variables as parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import jdbc
import psycopg
import pytest
from conftest import REPOSITORY

STEPS = dict(
    re.findall(
        r"^-- step: (.+)\n((?:(?!-- step:).*\n)+)", (REPOSITORY / "tests/clients/metabase.sql").read_text(), re.MULTILINE
    )
)


@dataclass
class Question:
    """A native question: its text and the values its variables have by default."""

    name: str
    variables: dict[str, str]
    optional: list[str]
    text: str

    def filled(self, values: dict[str, str]) -> tuple[str, list[str]]:
        """The text with numbered parameters. A part in [[ ]] stays if its variable has a value."""
        kept = re.sub(r"\[\[(.*?)\]\]", lambda part: part[1] if variable_of(part[1]) in values else "", self.text)
        names = re.findall(r"\{\{(\w+)\}\}", kept)
        return re.sub(r"\{\{\w+\}\}", "%s", kept.replace("%", "%%")), [values[name] for name in names]


def variable_of(part: str) -> str:
    return re.search(r"\{\{(\w+)\}\}", part)[1]


def questions() -> list[Question]:
    text = (REPOSITORY / "examples/metabase/questions.sql").read_text()
    found = []
    for name, body in re.findall(r"^-- question: (.+)\n((?:(?!-- question:).*\n)+)", text, re.MULTILINE):
        listed = re.search(r"^-- variables: (.+)$", body, re.MULTILINE)
        variables, optional = {}, []
        for one in listed[1].split(", ") if listed else []:
            if one.endswith(" (optional)"):
                optional.append(one.removesuffix(" (optional)"))
            else:
                variable, value = one.split(" = ")
                variables[variable] = value
        sql = "\n".join(line for line in body.splitlines() if not line.startswith("--"))
        found.append(Question(name, variables, optional, sql.strip()))
    return found


QUESTIONS = questions()


def test_the_questions_name_all_of_their_variables():
    assert len(QUESTIONS) == 11
    for question in QUESTIONS:
        assert set(re.findall(r"\{\{(\w+)\}\}", question.text)) == {*question.variables, *question.optional}


@pytest.fixture(scope="module")
def connection(history_server):
    with psycopg.connect(history_server.dsn, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
@pytest.mark.parametrize("prepared", [False, True], ids=["once", "prepared"])
def test_every_question_has_an_answer(connection, question, prepared):
    chosen = {"platform": "windows", "version": "60.0.1"}
    for optional in ({}, {name: chosen[name] for name in question.optional}):
        query, values = question.filled(question.variables | optional)
        # Metabase puts a comment before every query.
        cursor = connection.execute("-- Metabase:: userID: 1\n" + query, values, prepare=prepared)
        assert cursor.fetchall(), f"{question.name} {values}"


def test_a_rate_by_the_hour_lies_within_its_bounds(connection):
    question = next(one for one in QUESTIONS if one.name == "One measure by the hour")
    query, values = question.filled(question.variables)
    rows = connection.execute(query, values).fetchall()
    hours = [row[0] for row in rows]
    start = datetime(2018, 6, 5, tzinfo=timezone.utc)
    assert hours == [start + timedelta(hours=index) for index in range(48)]
    assert all(events / usage_hours * 1000 == pytest.approx(rate) for _, events, usage_hours, rate, *_ in rows)
    assert all(lower < rate < upper for *_, rate, lower, upper in rows)


def sync(run) -> dict[str, list]:
    """Runs all steps in order and gives the rows of each."""
    return {name: run(statement.strip()) for name, statement in STEPS.items()}


def assert_synchronised(rows: dict[str, list]):
    assert rows["database: version"][0][0].startswith("PostgreSQL 15.")
    assert [row[0] for row in rows["database: time zone"]] == ["UTC"]
    assert [row[0] for row in rows["database: catalog"]] == ["mission_control"]
    assert {"public", "mission_control"} <= {row[0] for row in rows["schemas"]}
    tables = {row[1]: row for row in rows["tables"]}
    assert tables["measure_timeseries"][2] == "VIEW" and tables["error_aggregates"][2] == "TABLE"
    assert all(row[3] for row in tables.values()), "a relation without a description"
    readable = {row[2] for row in rows["privileges"] if row[1] == "public" and row[3] in (True, "t", "true")}
    assert readable == set(tables)
    fields = {(row[4], row[0]): row for row in rows["fields"]}
    assert {table for table, _ in fields} == set(tables)
    assert fields["measure_timeseries", "window_start"][1] == "timestamptz"
    assert fields["measure_timeseries", "rate"][1] == "float8" and fields["releases", "major_version"][1] == "int4"
    assert "(hours)" in fields["measure_timeseries", "usage_hours"][6]
    for nothing in ("enums", "foreign keys", "indexes", "probe of a table"):
        assert rows[nothing] == [], nothing
    assert len(rows["fingerprint: sample"]) > 1000 and len(rows["fingerprint: values of a field"]) == 4
    assert len(rows["question: by the hour"]) == 48 and len(rows["question: by the day"]) == 150
    sums = [float(row[1]) for row in rows["question: top versions"]]
    assert len(sums) == 10 and sums == sorted(sums, reverse=True)


@pytest.mark.parametrize("prepared", [False, True], ids=["simple", "extended"])
def test_the_sync_finds_everything(history_server, prepared):
    with psycopg.connect(history_server.dsn, autocommit=True) as connection:

        def run(statement):
            cursor = connection.execute(statement, prepare=prepared)
            return cursor.fetchall() if cursor.description else []

        assert_synchronised(sync(run))


def test_the_sync_finds_everything_through_pgjdbc(history_server, jdbc_classes):
    """By the driver that Metabase uses, as prepared statements."""
    with jdbc.Jdbc(jdbc_classes, f"{history_server.postgres}/mission_control") as driver:

        def run(statement):
            if statement.startswith("SET "):
                return driver.query(statement).rows
            return driver.prepared(statement).rows

        assert_synchronised(sync(run))

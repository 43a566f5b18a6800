"""EXPLAIN as PostgreSQL 15 has it: its options, its four forms, and what tools read in them."""

from __future__ import annotations

import json
import xml.etree.ElementTree

import psycopg
import pytest
import yaml

QUERY = "SELECT channel, count(*) FROM error_aggregates WHERE usage_hours > 1 GROUP BY channel ORDER BY 2"
JSON_TYPE, XML_TYPE, TEXT_TYPE = 114, 142, 25

# What both accept or refuse alike.
OPTIONS = [
    "", "ANALYZE", "VERBOSE", "ANALYZE VERBOSE", "(ANALYZE)", "(ANALYZE true, BUFFERS, VERBOSE)", "(COSTS off)",
    "(ANALYZE 1, TIMING off, SUMMARY on)", "(FORMAT json)", "(FORMAT 'json', ANALYZE)", "(FORMAT 'JSON')", "(format xml)", "(FORMAT yaml)",
    "(FORMAT text, SETTINGS, WAL off)", "(ANALYZE, WAL)", "(SUMMARY)", "(BUFFERS)",
    "(FORMAT html)", "(FORMAT)", "(COLOUR)", "(VERBOSE maybe)", "(ANALYZE 2)", "(WAL)", "(TIMING)", "FORMAT json", "()",
]


@pytest.fixture(scope="module")
def own(server):
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def theirs(postgresql):
    with psycopg.connect(postgresql.dsn, autocommit=True) as connection:
        yield connection


def explained(connection, options: str, query: str):
    """The column's name and type and the rows, or the code of the refusal."""
    try:
        cursor = connection.execute(f"EXPLAIN {options} {query}".encode())
        return [(column.name, column.type_code) for column in cursor.description], cursor.fetchall()
    except psycopg.Error as error:
        return error.sqlstate


def steps(plan: dict):
    yield plan
    for inner in plan.get("Plans", []):
        yield from steps(inner)


@pytest.mark.parametrize("options", OPTIONS)
def test_options_are_those_of_postgresql(options, own, theirs):
    here, there = (explained(connection, options, "SELECT 1 AS one") for connection in (own, theirs))
    if isinstance(there, str):
        assert here == there
    else:
        assert not isinstance(here, str), f"refused with {here}"
        assert here[0] == there[0]


def test_json_is_a_tree_of_steps(own):
    columns, [(document,)] = explained(own, "(FORMAT json)", QUERY)
    assert columns == [("QUERY PLAN", JSON_TYPE)]
    [whole] = document if isinstance(document, list) else json.loads(document)
    assert list(whole) == ["Plan"]
    found = list(steps(whole["Plan"]))
    kinds = [step["Node Type"] for step in found]
    assert {"Aggregate", "Sort", "Seq Scan"} <= set(kinds), kinds
    for step in found:
        assert isinstance(step["Parallel Aware"], bool) and isinstance(step.get("Plan Rows", 0), int)
        assert "Actual Rows" not in step
    assert "Parent Relationship" not in found[0] and found[1]["Parent Relationship"] == "Outer"
    assert next(step for step in found if step["Node Type"] == "Aggregate")["Group Key"] == ["channel"]


def test_what_is_said_of_a_step_and_of_the_whole_is_what_postgresql_says(own, theirs):
    """But for the costs, which the engine has not, and the engine's own line."""
    options = "(FORMAT json, ANALYZE, BUFFERS off)"
    (own_plan,), (their_plan,) = (
        explained(connection, options, "SELECT 1 AS one")[1][0][0] for connection in (own, theirs)
    )
    assert list(own_plan) == list(their_plan) == ["Plan", "Planning Time", "Triggers", "Execution Time"]
    without = {"Startup Cost", "Total Cost", "Plan Width", "Actual Startup Time"}
    assert set(their_plan["Plan"]) - without <= set(own_plan["Plan"])
    assert set(own_plan["Plan"]) - set(their_plan["Plan"]) <= {"Detail", "Plans"}


def test_analyze_counts_the_rows_that_came(own, truth):
    [(document,)] = explained(own, "(ANALYZE, FORMAT json)", QUERY)[1]
    plan = document[0]["Plan"]
    channels = own.execute(QUERY).fetchall()
    assert plan["Actual Rows"] == len(channels) and plan["Actual Loops"] == 1
    scan = next(step for step in steps(plan) if step["Node Type"] == "Seq Scan")
    assert 0 < scan["Actual Rows"] <= truth.height
    assert document[0]["Execution Time"] > 0
    times = [step["Actual Total Time"] for step in steps(plan)]
    assert times[0] == max(times) > 0


def test_costs_and_times_can_be_left_out(own):
    [(document,)] = explained(own, "(ANALYZE, COSTS off, TIMING off, SUMMARY off, FORMAT json)", QUERY)[1]
    assert list(document[0]) == ["Plan"]
    for step in steps(document[0]["Plan"]):
        assert not {"Plan Rows", "Plan Width", "Actual Total Time"} & set(step)


def test_xml_and_yaml_say_the_same(own):
    # Letters that mean something in XML, JSON and YAML.
    query = """SELECT version, count(*) FROM error_aggregates WHERE version <> '<&"''# : -' GROUP BY version"""
    [(document,)] = explained(own, "(FORMAT json)", query)[1]
    expected = [step["Node Type"] for step in steps(document[0]["Plan"])]
    details = [step.get("Detail") for step in steps(document[0]["Plan"])]
    columns, [(text,)] = explained(own, "(FORMAT xml)", query)
    assert columns == [("QUERY PLAN", XML_TYPE)]
    space = "{http://www.postgresql.org/2009/explain}"
    tree = xml.etree.ElementTree.fromstring(text)
    plans = list(tree.iter(f"{space}Plan"))
    assert tree.tag == f"{space}explain" and [plan.findtext(f"{space}Node-Type") for plan in plans] == expected
    assert [plan.findtext(f"{space}Detail") for plan in plans] == details
    columns, [(text,)] = explained(own, "(FORMAT yaml)", query)
    assert columns == [("QUERY PLAN", TEXT_TYPE)]
    found = list(steps(yaml.safe_load(text)[0]["Plan"]))
    assert [step["Node Type"] for step in found] == expected
    assert [step.get("Detail") for step in found] == details


def test_text_is_a_line_for_each_step(own):
    columns, rows = explained(own, "(ANALYZE)", QUERY)
    assert columns == [("QUERY PLAN", TEXT_TYPE)]
    lines = [row[0] for row in rows]
    assert "->" not in lines[0] and sum(line.lstrip().startswith("->  ") for line in lines) >= 3
    assert any("Aggregate" in line and "actual time=" in line for line in lines)
    assert lines[-2].startswith("Planning Time: ") and lines[-1].startswith("Execution Time: ")


@pytest.mark.parametrize("options", ["", "ANALYZE", "(FORMAT json)"])
def test_a_table_is_explained_as_its_rows(options, own):
    shown = str(explained(own, options, "TABLE error_aggregates LIMIT 1")[1])
    assert "Seq Scan" in shown


def test_a_statement_with_parameters_is_explained(own):
    cursor = own.execute("EXPLAIN (FORMAT json) SELECT * FROM error_aggregates WHERE channel = %s", ["beta"])
    assert "beta" in json.dumps(cursor.fetchone()[0])


def test_what_may_not_run_is_not_explained(own):
    assert explained(own, "(FORMAT json)", "DELETE FROM error_aggregates") == "25006"
    assert explained(own, "ANALYZE", "SELECT 1/0") == "22012"

"""psql's backslash commands: what it shows of relations, columns and functions, from its own catalog queries."""

from __future__ import annotations

import pytest

# Every command of psql 15 that asks the server something and takes no file.
COMMANDS = r"""
\d
\d+
\dS
\d measure_timeseries
\d error_aggregates
\d mission_control.*
\d pg_class
\d information_schema.columns
\da
\dA+
\dAc
\dAf
\dAo
\dAp
\db+
\dc
\dC
\dconfig
\dd
\ddp
\dD
\des
\det
\deu
\dew
\dE
\df
\df pg_catalog.*
\dF
\dFd
\dFp
\dFt
\dg
\di+
\dl
\dL
\dm+
\dn+
\do
\dO
\dp
\dPt
\drds
\dRp
\dRs
\ds
\dt+
\dt *.*
\dT+
\du+
\dv+
\dx
\dX
\dy
\l+
\z
\conninfo
\sv measure_timeseries
""".split("\n")[1:-1]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_answer(server, command):
    shown = server.psql("-v", "ON_ERROR_STOP=1", "-c", command)
    assert shown.returncode == 0, f"{command}: {shown.stderr}"
    assert "ERROR" not in shown.stderr, f"{command}: {shown.stderr}"


def lines_of(server, command: str) -> list[list[str]]:
    """The rows of a command's table; unaligned, so that each cell is whole."""
    shown = server.psql("-v", "ON_ERROR_STOP=1", "-A", "-t", "-R", "\x1e", "-F", "\x1f", "-c", command)
    assert shown.returncode == 0, shown.stderr
    return [row.split("\x1f") for row in shown.stdout.strip("\n").split("\x1e") if row]


def test_every_relation_says_what_it_is(server):
    for command in (r"\dt+ public.*", r"\dv+ public.*"):
        rows = lines_of(server, command)
        assert len(rows) >= 5, rows
        silent = [row[1] for row in rows if len(row[-1]) < 10]
        assert not silent, f"{command}: {silent}"


def test_every_column_says_what_it_is(server):
    names = [row[1] for row in lines_of(server, r"\d public.*") if len(row) > 3 and row[0] == "public"]
    names = names or [row[1] for command in (r"\dt", r"\dv") for row in lines_of(server, command)]
    assert len(names) >= 25, names
    for name in names:
        shown = server.psql("-v", "ON_ERROR_STOP=1", "-A", "-t", "-F", "\x1f", "-c", rf"\d+ {name}")
        assert shown.returncode == 0, f"{name}: {shown.stderr}"
        columns = [line.split("\x1f") for line in shown.stdout.splitlines() if line.count("\x1f") >= 5]
        assert columns, f"{name}: {shown.stdout}"
        silent = [column[0] for column in columns if not column[-1].strip()]
        assert not silent, f"{name}: {silent}"
        units = [column for column in columns if column[0] in ("usage_hours", "rate", "rate_lower", "rate_upper")]
        for column in units:
            assert "hour" in column[-1], f"{name}.{column[0]} does not say its unit: {column[-1]}"


def test_every_function_says_what_it_does(server):
    rows = lines_of(server, r"\df+ public.*")
    names = {row[1] for row in rows}
    assert {"rate_lower", "rate_upper", "khour_rate", "eb_rate", "version_major"} <= names
    described = {row[1]: row[-1] for row in rows if not row[1].startswith("try_")}
    silent = [name for name, words in described.items() if len(words.strip()) < 20]
    assert not silent, silent
    assert "1000 usage hours" in described["rate_lower"]
    arguments = {row[1]: row[3] for row in lines_of(server, r"\df public.*")}
    assert arguments["rate_lower"] == "count, hours [, confidence [, method]]"


def test_names_are_found_as_psql_looks_for_them(server):
    assert lines_of(server, r"\dt error_agg*")[0][1] == "error_aggregates"
    assert lines_of(server, r"\dt nothing_*") == []
    assert "Did not find any relation" in server.psql("-c", r"\d nothing_here").stderr
    definition = server.psql("-At", "-c", r"\sv measure_timeseries").stdout
    assert definition.startswith("CREATE OR REPLACE VIEW public.measure_timeseries AS")
    assert "FROM measure_windows" in definition


def test_the_server_describes_itself(server):
    assert lines_of(server, r"\l")[0][:3] == ["mission_control", "mission_control", "UTF8"]
    assert {row[0] for row in lines_of(server, r"\dn")} >= {"public", "mission_control"}
    assert "analyst" in {row[0] for row in lines_of(server, r"\du")}
    assert 'database "mission_control" as user "analyst"' in server.psql("-c", r"\conninfo").stdout


def test_gdesc_names_columns_and_types(server):
    shown = server.psql("-At", stdin="SELECT now() AS at, 1.5::float8 AS rate, ARRAY['a'] AS names \\gdesc\n")
    assert shown.stdout.splitlines() == [
        "at|timestamp with time zone",
        "rate|double precision",
        "names|text[]",
    ], shown.stderr


def test_numbers_of_objects_are_the_same_on_every_machine(server):
    question = "SELECT relname, oid FROM pg_class WHERE relname IN ('error_aggregates', 'measure_timeseries') ORDER BY 1"
    rows = server.psql("-At", "-c", question).stdout.split()
    # 16384 + FNV-1a("public." + name) mod (2^31 - 16384), computed apart from the program.
    assert rows == ["error_aggregates|2004756757", "measure_timeseries|78878507"]

"""Grafana cannot be installed here; its files and what it sends can be tried: every variable and every panel of
`examples/grafana`, expanded as Grafana expands them, as simple queries, all panels of a dashboard at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import polars
import psycopg
import pytest
import yaml
from conftest import REPOSITORY
from grafana import Macros, Value, csv, singlequote, sqlstring, with_variables

FOLDER = REPOSITORY / "examples/grafana"
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((FOLDER / "dashboards").glob("*.json"))}

# The types that Grafana knows, by PostgreSQL's number, and what a series takes for a value.
TIMESTAMPTZ, TEXT = 1184, 25
NUMBERS = {21: "int2", 23: "int4", 20: "int8", 700: "float4", 701: "float8", 1700: "numeric"}
KNOWN = NUMBERS | {TIMESTAMPTZ: "timestamptz", TEXT: "text", 16: "bool", 1082: "date"}

# Panels that may have no rows, and why.
EMPTY = {("data_quality", "Files left out"): "the demo has no unreadable file"}

START = datetime(2018, 4, 12, 18, 0, tzinfo=timezone.utc)
FIVE_MINUTES = Macros(START, START + timedelta(minutes=5), "5m")


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("$__time(t)", 't AS "time"'),
        ("$__timeEpoch(t)", 'extract(epoch from t) as "time"'),
        ("$__timeFilter(t)", "t BETWEEN '2018-04-12T18:00:00Z' AND '2018-04-12T18:05:00Z'"),
        ("t > $__timeFrom() AND t < $__timeTo()", "t > '2018-04-12T18:00:00Z' AND t < '2018-04-12T18:05:00Z'"),
        ("$__timeGroup(t,'5m')", "floor(extract(epoch from t)/300)*300"),
        ("$__timeGroup(t , '12d') AS x", "floor(extract(epoch from t)/1036800)*1036800 AS x"),
        ("$__timeGroup(t,'5m'), v", 'floor(extract(epoch from t)/300)*300 AS "time", v'),
        ("$__timeGroupAlias(t, $__interval, NULL)", 'floor(extract(epoch from t)/300)*300 AS "time"'),
        ("$__timeGroup(t, '20ms')", "floor(extract(epoch from t)/0.02)*0.02"),
        ("$__unixEpochFilter(t)", "t >= 1523556000 AND t <= 1523556300"),
        ("$__unixEpochFrom(), $__unixEpochTo()", "1523556000, 1523556300"),
        ("$__unixEpochNanoFilter(t)", "t >= 1523556000000000000 AND t <= 1523556300000000000"),
        ("$__unixEpochNanoFrom(), $__unixEpochNanoTo()", "1523556000000000000, 1523556300000000000"),
        ("$__unixEpochGroup(t+1, '5m')", "floor((t+1)/300)*300"),
        ("$__unixEpochGroupAlias(t, '1h')", 'floor((t)/3600)*3600 AS "time"'),
        ("$__interval_ms", "300000"),
    ],
)
def test_macros_expand_as_documented(written, sent):
    assert FIVE_MINUTES.expand(written) == sent


def test_an_unknown_macro_is_refused():
    with pytest.raises(ValueError, match="__timeFlter"):
        FIVE_MINUTES.expand("SELECT 1 WHERE $__timeFlter(t)")


def test_variables_are_written_in_every_format():
    values: dict[str, Value] = {"one": "it's", "many": ["a", "b'c"]}
    assert with_variables("'$one' ${one:sqlstring} ${one}", values) == "'it''s' 'it''s' it''s"
    assert with_variables("($many) (${many:sqlstring})", values) == "('a','b''c') ('a','b''c')"
    assert with_variables("${many:csv} $__timeFilter(t) $other", values) == "a,b'c $__timeFilter(t) $other"
    assert (sqlstring(["a", "b"]), singlequote(["a'b"]), csv(["1", "2"])) == ("'a','b'", "'a\\'b'", "1,2")


def test_the_files_fit_together():
    source = yaml.safe_load((FOLDER / "provisioning/datasources/mission_control.yaml").read_text())["datasources"][0]
    reference = {"type": source["type"], "uid": source["uid"]}
    assert source["jsonData"]["database"] == "mission_control" and source["type"] == "grafana-postgresql-datasource"
    provider = yaml.safe_load((FOLDER / "provisioning/dashboards/mission_control.yaml").read_text())["providers"][0]
    assert provider["type"] == "file" and provider["options"]["path"].endswith("/dashboards")
    assert set(DASHBOARDS) == {"channel_overview", "release_comparison", "detail_48_hours", "data_quality"}
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)
    for dashboard in DASHBOARDS.values():
        panels = dashboard["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        targets = [target for panel in panels for target in panel["targets"]]
        targets += [annotation["target"] for annotation in dashboard["annotations"]["list"]]
        asks = [*targets, *panels, *(one for one in dashboard["templating"]["list"] if one["type"] == "query")]
        assert all(one["datasource"] == reference for one in asks)
        assert_no_panels_overlap(panels)


def assert_no_panels_overlap(panels):
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in panels
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells) and all(x < 24 for x, _ in cells)


@dataclass
class Frame:
    """One answer as Grafana takes it: names, types by number, and rows of text."""

    names: list[str]
    types: list[int]
    rows: list[list[str | None]]

    def column(self, name: str) -> list[str | None]:
        index = self.names.index(name)
        return [row[index] for row in self.rows]


def ask(server, query: str) -> Frame:
    """Over a connection of its own, by the simple protocol and in text, as Grafana's pgx asks."""
    with psycopg.connect(server.dsn, application_name="Grafana", autocommit=True) as connection:
        result = connection.pgconn.exec_(query.encode())
        if result.status != psycopg.pq.ExecStatus.TUPLES_OK:
            raise AssertionError(f"{result.get_error_message()}\n{query}")
        columns = range(result.nfields)
        texts = [[result.get_value(row, column) for column in columns] for row in range(result.ntuples)]
        return Frame(
            [result.fname(column).decode() for column in columns],
            [result.ftype(column) for column in columns],
            [[None if text is None else text.decode() for text in row] for row in texts],
        )


def options(frame: Frame) -> list[str]:
    """The choices of a variable: the column named __value, else the first."""
    return frame.column("__value") if "__value" in frame.names else [row[0] for row in frame.rows]


def chosen(server, dashboard, macros, **wanted: Value) -> dict[str, Value]:
    """Every variable's value as the dashboard opens, or the one that is wanted; all of its choices for All."""
    values: dict[str, Value] = {}
    for variable in dashboard["templating"]["list"]:
        name = variable["name"]
        if variable["type"] == "custom":
            choices = variable["query"].split(",")
        else:
            choices = options(ask(server, macros.expand(with_variables(variable["query"], values))))
        assert choices, f"no choice for {name}"
        value = wanted.get(name, variable["current"]["value"])
        values[name] = choices if value == ["$__all"] else value
        assert set([values[name]] if isinstance(values[name], str) else values[name]) <= set(choices), name
    return values


def macros_of(dashboard, panel) -> Macros:
    start, end = (datetime.fromisoformat(dashboard["time"][side]) for side in ("from", "to"))
    return Macros(start, end, panel.get("interval", "5m"))


def queries(dashboard, values) -> list[tuple[dict, dict, str]]:
    """Every panel's and annotation's query as it is sent."""
    asked = [(panel, target) for panel in dashboard["panels"] for target in panel["targets"]]
    for annotation in dashboard["annotations"]["list"]:
        asked.append(({"title": annotation["name"]}, annotation["target"]))
    return [
        (panel, target, macros_of(dashboard, panel).expand(with_variables(target["rawSql"], values)))
        for panel, target in asked
    ]


def run_dashboard(server, name, **wanted) -> dict[str, Frame]:
    """All panels at once, each on a connection of its own."""
    dashboard = DASHBOARDS[name]
    asked = queries(dashboard, chosen(server, dashboard, macros_of(dashboard, {}), **wanted))
    with ThreadPoolExecutor(len(asked)) as pool:
        frames = list(pool.map(lambda one: ask(server, one[2]), asked))
    for (panel, target, query), frame in zip(asked, frames, strict=True):
        assert set(frame.types) <= set(KNOWN), f"{panel['title']}: a type that Grafana does not know\n{query}"
        if target["format"] == "time_series":
            assert_is_series(frame, target["rawSql"])
    return {panel["title"]: frame for (panel, *_), frame in zip(asked, frames, strict=True)}


def assert_is_series(frame: Frame, written: str):
    """What Grafana needs to make series of rows: times in order, and numbers; texts name the series."""
    kind = dict(zip(frame.names, frame.types, strict=True))
    grouped = "$__timeGroup" in written
    assert kind["time"] in NUMBERS if grouped else kind["time"] == TIMESTAMPTZ
    assert all(number in NUMBERS or number == TEXT for name, number in kind.items() if name != "time")
    times = [float(time) if grouped else time for time in frame.column("time")]
    assert times == sorted(times)
    assert any(number in NUMBERS for name, number in kind.items() if name != "time")


@pytest.mark.parametrize("name", sorted(DASHBOARDS))
def test_every_panel_of_a_dashboard_at_once(history_server, name):
    for title, frame in run_dashboard(history_server, name).items():
        assert frame.rows or (name, title) in EMPTY, f"{title} has no rows"


def test_every_channel_can_be_chosen(history_server):
    channels = ask(history_server, "SELECT DISTINCT application, channel FROM horizons ORDER BY 1, 2").rows
    assert len(channels) == 7
    for application, channel in channels:
        frames = run_dashboard(history_server, "channel_overview", application=application, channel=channel)
        assert frames["Newest major"].rows and frames["Adoption"].rows


def test_releases_are_compared_by_version_too(history_server):
    frames = run_dashboard(history_server, "release_comparison", channel="beta", platform="mac", grouping="version")
    assert len(frames["Rate ratio to the release before"].rows) > 10
    assert frames["Rate ratio to the release before"].types == [TIMESTAMPTZ, 701, 701, 701]


def test_the_detail_is_what_the_files_hold(history_server, history_truth):
    """The 48 hours of one version on two platforms, added up from the files."""
    frames = run_dashboard(history_server, "detail_48_hours", platform=["windows", "mac"], version=["60.0.1"])
    rows = history_truth.filter(
        (polars.col("channel") == "release")
        & (polars.col("application") == "Firefox")
        & (polars.col("display_version") == "60.0.1")
        & polars.col("os_name").is_in(["Windows_NT", "Darwin"])
        & polars.col("experiment_id").is_null()
        & (polars.col("window_start").cast(polars.Datetime("us", "UTC")) >= datetime(2018, 6, 5, tzinfo=timezone.utc))
    )
    events, hours = rows["main_crashes"].sum(), rows["usage_hours"].sum()
    assert events > 0
    assert sum(int(value) for value in frames["Events"].column("events")) == events
    assert sum(float(value) for value in frames["Usage"].column("usage_hours")) == pytest.approx(hours)
    builds = frames["By build"]
    assert sum(int(value) for value in builds.column("events")) == events
    bounds = [builds.column(name) for name in ("lower", "rate", "upper")]
    assert all(float(lower) <= float(rate) <= float(upper) for lower, rate, upper in zip(*bounds, strict=True))


def search_path_parts(column: str) -> str:
    """Whether a schema is on the search path, asked the way Grafana's query builder asks."""
    parts = "string_to_array(current_setting('search_path'), ',')"
    return f"""quote_ident({column}) IN (
        SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
        FROM generate_series(array_lower({parts}, 1), array_upper({parts}, 1)) AS i, {parts} s)"""


def test_the_query_builder_lists_tables(history_server):
    on_path = search_path_parts("table_schema")
    frame = ask(
        history_server,
        f"""SELECT CASE WHEN {on_path} THEN quote_ident(table_name)
                   ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table"
            FROM information_schema.tables
            WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog')
            ORDER BY CASE WHEN {on_path} THEN 0 ELSE 1 END, 1""",
    )
    tables = frame.column("table")
    assert {"error_aggregates", "measure_timeseries", "release_comparison", "channel_summary"} <= set(tables)
    # Those outside the search path stand last, with their schema.
    assert "mission_control.sessions" in tables[-5:] and not any("." in name for name in tables[:20])


@pytest.mark.parametrize("table", ["measure_timeseries", "mission_control.sessions"])
def test_the_query_builder_lists_columns(history_server, table):
    parts = f"parse_ident('{table}')"
    frame = ask(
        history_server,
        f"""SELECT quote_ident(column_name) AS "column", data_type AS "type"
            FROM information_schema.columns
            WHERE CASE WHEN array_length({parts}, 1) = 2
                  THEN quote_ident(table_schema) = ({parts})[1] AND quote_ident(table_name) = ({parts})[2]
                  ELSE quote_ident(table_name) = '{table}' AND {search_path_parts("table_schema")} END""",
    )
    columns = dict(frame.rows)
    if table == "measure_timeseries":
        assert columns["window_start"] == "timestamp with time zone" and columns["rate"] == "double precision"
        assert columns["version"] == "text" and columns["events"] == "bigint"
    else:
        assert columns["connected_at"] == "timestamp with time zone" and columns["pid"] == "integer"


def test_the_data_source_is_told_the_version(history_server):
    frame = ask(history_server, "SELECT current_setting('server_version_num')::int/100 AS version")
    assert frame.rows == [["1500"]] and frame.types[0] in NUMBERS
    assert ask(history_server, "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'").rows == []


def test_a_query_that_the_builder_writes(history_server):
    built = (
        "SELECT $__timeGroupAlias(window_start, $__interval), AVG(rate) AS \"avg\", platform FROM measure_timeseries "
        "WHERE ($__timeFilter(window_start) AND channel = 'release' AND measure IN ('main_crashes')) "
        "GROUP BY platform, $__timeGroup(window_start, $__interval) ORDER BY 1 LIMIT 50 "
    )
    two_days = Macros(datetime(2018, 6, 5, tzinfo=timezone.utc), datetime(2018, 6, 7, tzinfo=timezone.utc), "5m")
    frame = ask(history_server, two_days.expand(built))
    assert len(frame.rows) == 50
    assert_is_series(frame, built)

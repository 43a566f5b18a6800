"""The dashboard of `examples/superset` without Superset: every dataset and every chart, in the SQL that Superset writes.
`tests/long/test_superset.py` starts Superset itself, imports the same files and looks at them in a browser."""

from __future__ import annotations

import psycopg
import psycopg.rows
import pytest
from superset import CHARTS, DASHBOARD, DATABASE, DATASETS, Query, placed

# Superset's names for the types of PostgreSQL.
TYPES = {"TEXT", "BIGINT", "INTEGER", "BOOLEAN", "DOUBLE PRECISION", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "DATE"}


@pytest.fixture(scope="module")
def connection(history_server):
    with psycopg.connect(history_server.dsn, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
        yield connection


def test_the_export_is_whole():
    assert DATABASE["sqlalchemy_uri"] == "postgresql+psycopg2://superset@127.0.0.1:7432/mission_control"
    assert len(CHARTS) == 10 and {chart["dataset_uuid"] for chart in CHARTS.values()} == set(DATASETS)
    assert {dataset["database_uuid"] for dataset in DATASETS.values()} == {DATABASE["uuid"]}
    assert {item["meta"]["uuid"] for item in placed()} == {chart["uuid"] for chart in CHARTS.values()}
    filters = DASHBOARD["metadata"]["native_filter_configuration"]
    assert [one["targets"][0]["column"]["name"] for one in filters] == ["application", "channel", "platform", "measure"]
    assert {one["targets"][0]["datasetUuid"] for one in filters} <= set(DATASETS)


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset["table_name"])
def test_every_dataset_has_the_view_s_columns(connection, dataset):
    columns = {column["column_name"]: column["type"] for column in dataset["columns"]}
    row = connection.execute(f"SELECT * FROM {dataset['schema']}.{dataset['table_name']} LIMIT 1").fetchone()
    assert set(columns) == set(row) and set(columns.values()) <= TYPES
    metrics = ", ".join(f"{one['expression']} AS {one['metric_name']}" for one in dataset["metrics"])
    values = connection.execute(f"SELECT {metrics} FROM {dataset['table_name']} WHERE channel = 'nightly'").fetchone()
    assert all(value is not None for value in values.values())


@pytest.mark.parametrize("chart", CHARTS.values(), ids=lambda chart: chart["slice_name"])
def test_every_chart_has_rows(connection, chart):
    assert connection.execute(Query(chart).text()).fetchall()


def test_the_half_hours_lie_within_their_bounds(connection):
    rows = connection.execute(Query(CHARTS["Rate with bounds, 48 hours"]).text()).fetchall()
    assert len(rows) == 96 and {row["window_start"].minute for row in rows} == {0, 30}
    assert all(row["rate_lower"] <= row["rate"] <= row["rate_upper"] for row in rows)


def test_the_largest_series_are_drawn(connection):
    rows = connection.execute(Query(CHARTS["Adoption of versions"]).text()).fetchall()
    assert len({row["version"] for row in rows}) == 8

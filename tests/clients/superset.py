"""The export in `examples/superset`, and the SQL that Superset writes for its charts over PostgreSQL."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

import yaml

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples/superset/mission_control"

# How Superset cuts times over PostgreSQL, of the grains that the charts use.
GRAINS = {
    "P1D": "DATE_TRUNC('day', {column})",
    "PT1H": "DATE_TRUNC('hour', {column})",
    "PT30M": "DATE_TRUNC('hour', {column}) + INTERVAL '30 minutes' * FLOOR(EXTRACT(MINUTE FROM {column}) / 30)",
}


def documents(kind: str) -> list[dict]:
    return [yaml.safe_load(path.read_text()) for path in sorted((FOLDER / kind).rglob("*.yaml"))]


DATABASE = documents("databases")[0]
DATASETS = {dataset["uuid"]: dataset for dataset in documents("datasets")}
CHARTS = {chart["slice_name"]: chart for chart in documents("charts")}
DASHBOARD = documents("dashboards")[0]


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def moment(day: str) -> str:
    """A time of day as Superset writes it for PostgreSQL."""
    return f"TO_TIMESTAMP('{day.replace('T', ' ')}.000000', 'YYYY-MM-DD HH24:MI:SS.US')"


def dashboard_filters(chart: dict) -> list[str]:
    """The dashboard's filters with their defaults, as far as the chart is in their scope."""
    ids = {item["meta"]["uuid"]: item["meta"]["chartId"] for item in placed()}
    found = []
    for one in DASHBOARD["metadata"]["native_filter_configuration"]:
        if ids[chart["uuid"]] in one["scope"]["excluded"]:
            continue
        for default in one["defaultDataMask"]["extraFormData"]["filters"]:
            found.append(f"{default['col']} IN ({', '.join(literal(value) for value in default['val'])})")
    return found


def placed() -> list[dict]:
    """The charts on the dashboard's grid."""
    return [item for item in DASHBOARD["position"].values() if isinstance(item, dict) and item.get("type") == "CHART"]


def own_filters(parameters: dict) -> list[str]:
    found = []
    for one in parameters["adhoc_filters"]:
        column, value = one["subject"], one["comparator"]
        match one["operator"]:
            case "TEMPORAL_RANGE" if value == "No filter":
                pass
            case "TEMPORAL_RANGE":
                start, end = value.split(" : ")
                found += [f"{column} >= {moment(start)}", f"{column} < {moment(end)}"]
            case "IN":
                found.append(f"{column} IN ({', '.join(literal(one) for one in value)})")
            case "==":
                found.append(f"{column} = {literal(value)}")
            case other:
                raise ValueError(f"a filter that is not known here: {other}")
    return found


@dataclass
class Query:
    """A chart's SQL in the forms that Superset writes: every column named, every expression repeated in GROUP BY."""

    chart: dict

    @property
    def parameters(self) -> dict:
        return self.chart["params"]

    @property
    def dataset(self) -> dict:
        return DATASETS[self.chart["dataset_uuid"]]

    @property
    def table(self) -> str:
        return f"{self.dataset['schema']}.{self.dataset['table_name']}"

    @property
    def where(self) -> str:
        conditions = dashboard_filters(self.chart) + own_filters(self.parameters)
        return " AND ".join(conditions)

    def metric(self, name: str) -> str:
        return next(one["expression"] for one in self.dataset["metrics"] if one["metric_name"] == name)

    @property
    def metrics(self) -> list[str]:
        return self.parameters.get("metrics") or [self.parameters["metric"]]

    @property
    def dimensions(self) -> dict[str, str]:
        """Names and expressions of what is grouped by."""
        dimensions = {}
        axis = self.parameters.get("x_axis")
        if axis:
            grain = self.parameters.get("time_grain_sqla")
            dimensions[axis] = GRAINS[grain].format(column=axis) if grain else axis
        return dimensions | {name: name for name in self.parameters.get("groupby", [])}

    def text(self) -> str:
        if self.parameters.get("query_mode") == "raw":
            return self.raw()
        selected = [f"{expression} AS {name}" for name, expression in self.dimensions.items()]
        selected += [f"{self.metric(name)} AS {name}" for name in self.metrics]
        lines = [f"SELECT {', '.join(selected)}", f"FROM {self.table}{self.series_limit()}", f"WHERE {self.where}"]
        if self.dimensions:
            first = self.parameters.get("timeseries_limit_metric") or self.metrics[0]
            lines += [f"GROUP BY {', '.join(self.dimensions.values())}", f"ORDER BY {first} DESC"]
        return "\n".join([*lines, f" LIMIT {self.parameters.get('row_limit', 50_000)}"])

    def raw(self) -> str:
        columns = ", ".join(f"{name} AS {name}" for name in self.parameters["all_columns"])
        orders = [yaml.safe_load(one) for one in self.parameters["order_by_cols"]]
        order = ", ".join(f"{column} {'ASC' if ascending else 'DESC'}" for column, ascending in orders)
        limit = self.parameters["row_limit"]
        return f"SELECT {columns}\nFROM {self.table}\nWHERE {self.where} ORDER BY {order}\n LIMIT {limit}"

    def series_limit(self) -> str:
        """The join that leaves the largest series, where a chart limits them."""
        limit = self.parameters.get("limit")
        if not limit:
            return ""
        (series,) = self.parameters["groupby"]
        largest = self.metric(self.parameters["timeseries_limit_metric"])
        return (
            f" JOIN (SELECT {series} AS {series}__, {largest} AS mme_inner__\nFROM {self.table}\nWHERE {self.where}"
            f" GROUP BY {series} ORDER BY {largest} DESC\n LIMIT {limit}) AS series_limit ON {series} = {series}__"
        )

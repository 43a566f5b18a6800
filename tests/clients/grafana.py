"""What Grafana does to a query before PostgreSQL sees it: variables in the browser, macros in the server.

As its documentation describes them: "Variable syntax" and the PostgreSQL data source's "Macros".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone

VARIABLE = re.compile(r"\$\{(?P<braced>\w+)(?::(?P<format>\w+))?\}|\$(?P<plain>\w+)")
MACRO = re.compile(r"\$(?P<name>__\w+)\((?P<arguments>[^)]*)\)")
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

Value = str | list[str]


def listed(value: Value) -> list[str]:
    return value if isinstance(value, list) else [value]


def sqlstring(value: Value) -> str:
    return ",".join("'" + one.replace("'", "''") + "'" for one in listed(value))


def singlequote(value: Value) -> str:
    return ",".join("'" + one.replace("'", "\\'") + "'" for one in listed(value))


def csv(value: Value) -> str:
    return ",".join(listed(value))


def unformatted(value: Value) -> str:
    """The PostgreSQL source's own form: several values are quoted, a single one is only escaped."""
    return sqlstring(value) if isinstance(value, list) else value.replace("'", "''")


FORMATS = {"sqlstring": sqlstring, "singlequote": singlequote, "csv": csv, "raw": csv, None: unformatted}


def with_variables(text: str, values: dict[str, Value]) -> str:
    """Variables replaced by their values; what is no variable, as `$__timeFilter`, stays."""

    def value_of(found: re.Match) -> str:
        name = found["braced"] or found["plain"]
        return FORMATS[found["format"]](values[name]) if name in values else found[0]

    return VARIABLE.sub(value_of, text)


def seconds(interval: str) -> str:
    """An interval such as 5m as the number of seconds, written as short as possible."""
    number, unit = re.fullmatch(r"(\d+)(ms|[smhdw])", interval.strip("'")).groups()
    length = int(number) * SECONDS[unit]
    return str(int(length)) if length == int(length) else repr(length)


def utc(moment: datetime) -> str:
    """A moment as RFC 3339 with no more digits of the second than it has."""
    shown = moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"'{shown}Z'"


@dataclass
class Macros:
    """The macros of one query: the dashboard's time range and the panel's step."""

    start: datetime
    end: datetime
    interval: str

    def expand(self, text: str) -> str:
        step_ms = round(float(seconds(self.interval)) * 1000)
        text = text.replace("$__interval_ms", str(step_ms)).replace("$__interval", self.interval)
        text = text.replace("$__unixEpochFrom()", self.epoch(self.start))
        text = text.replace("$__unixEpochTo()", self.epoch(self.end))
        expanded = MACRO.sub(self.one, text)
        left = re.search(r"\$__\w+", expanded)
        if left:
            raise ValueError(f"not a macro of the PostgreSQL source: {left[0]}")
        return expanded

    @staticmethod
    def epoch(moment: datetime) -> str:
        return str(int(moment.timestamp()))

    @staticmethod
    def epoch_nanoseconds(moment: datetime) -> str:
        return str(int(moment.timestamp() * 1_000_000) * 1000)

    def one(self, found: re.Match) -> str:
        name, arguments = found["name"], [argument.strip(" ") for argument in found["arguments"].split(",")]
        # A group that is followed by a comma is named, as it was before Grafana 5.3.
        if name == "__timeGroup" and found.string[found.end() : found.end() + 1] == ",":
            name = "__timeGroupAlias"
        column = arguments[0]
        match name:
            case "__time":
                return f'{column} AS "time"'
            case "__timeEpoch":
                return f'extract(epoch from {column}) as "time"'
            case "__timeFilter":
                return f"{column} BETWEEN {utc(self.start)} AND {utc(self.end)}"
            case "__timeFrom":
                return utc(self.start)
            case "__timeTo":
                return utc(self.end)
            case "__timeGroup":
                step = seconds(arguments[1])
                return f"floor(extract(epoch from {column})/{step})*{step}"
            case "__unixEpochFilter":
                return f"{column} >= {self.epoch(self.start)} AND {column} <= {self.epoch(self.end)}"
            case "__unixEpochNanoFilter":
                start, end = self.epoch_nanoseconds(self.start), self.epoch_nanoseconds(self.end)
                return f"{column} >= {start} AND {column} <= {end}"
            case "__unixEpochNanoFrom":
                return self.epoch_nanoseconds(self.start)
            case "__unixEpochNanoTo":
                return self.epoch_nanoseconds(self.end)
            case "__unixEpochGroup":
                step = seconds(arguments[1])
                return f"floor(({column})/{step})*{step}"
            case "__timeGroupAlias" | "__unixEpochGroupAlias":
                inner = "$" + name.removesuffix("Alias") + "(" + ",".join(arguments) + ")"
                return self.one(MACRO.fullmatch(inner)) + ' AS "time"'
        raise ValueError(f"not a macro of the PostgreSQL source: {found[0]}")

"""Reads dialect.sql: the queries, the rows they read, and which of them are known to differ from PostgreSQL 15."""

from __future__ import annotations

import pathlib
import re
from dataclasses import dataclass

FILE = pathlib.Path(__file__).with_name("dialect.sql")
HEADING, DIFFERS = "--: ", "-- differs: "
SHARED_ROWS = re.compile(r"\b(releases|counts|readings|lists)\b", re.IGNORECASE)


@dataclass(frozen=True)
class DialectQuery:
    """One line of the file; `reason` says why it differs, if it is known to."""

    heading: str
    line: int
    written: str
    sql: str
    reason: str | None


def dialect_queries() -> list[DialectQuery]:
    queries, data, heading, reason = [], [], "", None
    for number, line in enumerate(FILE.read_text().splitlines(), 1):
        if line.startswith(HEADING):
            heading, reason = line.removeprefix(HEADING), None
        elif line.startswith(DIFFERS):
            reason = line.removeprefix(DIFFERS)
        elif not line.strip():
            reason = None
        elif line.startswith("--"):
            continue
        elif heading == "data":
            data.append(line)
        else:
            queries.append(DialectQuery(heading, number, line, with_rows(line, "\n".join(data)), reason))
    return queries


def with_rows(query: str, data: str) -> str:
    """The query with the shared rows before it, if it reads them."""
    if not SHARED_ROWS.search(query):
        return query
    return f"{data}\n{query}"


def reasons() -> dict[str, list[DialectQuery]]:
    """The known differences by reason, in the file's order."""
    found: dict[str, list[DialectQuery]] = {}
    for query in dialect_queries():
        if query.reason:
            found.setdefault(query.reason, []).append(query)
    return found

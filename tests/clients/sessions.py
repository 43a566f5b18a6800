"""Runs the statements of sessions.txt one after the other and writes down what came back.

What is expected there was recorded from PostgreSQL 15:

    python tests/clients/sessions.py "host=… dbname=…" > tests/clients/sessions.expected
"""

from __future__ import annotations

import pathlib
import sys

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

STATEMENTS = pathlib.Path(__file__).with_name("sessions.txt")
EXPECTED = pathlib.Path(__file__).with_name("sessions.expected")
STATUS = {TransactionStatus.IDLE: "I", TransactionStatus.INTRANS: "T", TransactionStatus.INERROR: "E"}


def sections() -> dict[str, list[str]]:
    """Each section is a connection of its own."""
    found: dict[str, list[str]] = {}
    for line in STATEMENTS.read_text().splitlines():
        if line.startswith("# "):
            found[line[2:]] = []
        elif line.startswith("> "):
            found[list(found)[-1]].append(line[2:])
    return found


def text(value: bytes | None) -> str:
    return "NULL" if value is None else value.decode()


def outcome(result) -> str:
    if result.status == ExecStatus.FATAL_ERROR:
        return result.error_field(psycopg.pq.DiagnosticField.SQLSTATE).decode()
    if result.status == ExecStatus.EMPTY_QUERY:
        return "empty"
    rows = [
        "|".join(text(result.get_value(row, column)) for column in range(result.nfields))
        for row in range(result.ntuples)
    ]
    return result.command_status.decode() + "".join(f" ({row})" for row in rows)


def answers(dsn: str, statements: list[str]) -> list[str]:
    """For each statement: warnings, tags with their rows or the SQLSTATE, and the state of the transaction."""
    lines = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        raw, notices = connection.pgconn, []
        raw.notice_handler = lambda notice: notices.append(
            notice.error_field(psycopg.pq.DiagnosticField.SEVERITY_NONLOCALIZED).decode()
            + " "
            + notice.error_field(psycopg.pq.DiagnosticField.SQLSTATE).decode()
        )
        for statement in statements:
            notices.clear()
            raw.send_query(statement.encode())
            outcomes = []
            while result := raw.get_result():
                outcomes.append(outcome(result))
            lines.append(f"> {statement}")
            lines.append("; ".join([*notices, *outcomes, STATUS[TransactionStatus(raw.transaction_status)]]))
    return lines


def recorded(dsn: str) -> dict[str, list[str]]:
    return {name: answers(dsn, statements) for name, statements in sections().items()}


def expected() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in EXPECTED.read_text().splitlines():
        if line.startswith("# "):
            found[line[2:]] = []
        elif line:
            found[list(found)[-1]].append(line)
    return found


if __name__ == "__main__":
    for name, lines in recorded(sys.argv[1]).items():
        print(f"# {name}", *lines, "", sep="\n")

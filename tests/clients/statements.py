"""What the clients sent to a PostgreSQL 15, one file of statements for each: read from its log, and written anew by
`python tests/clients/matrix.py --record`."""

from __future__ import annotations

import csv
import pathlib
import re

FOLDER = pathlib.Path(__file__).with_name("statements")
# Columns of PostgreSQL 15's csvlog.
MESSAGE, DETAIL = 13, 14
SENT = re.compile(r"^(?:statement|execute (?:<unnamed>|[^:]+)): (.*)$", re.DOTALL)
PARAMETER = re.compile(r"\$(\d+) = ('(?:[^']|'')*'|NULL)")
BETWEEN = "\n;\n"
# What a client sends for the tests' own purposes, and what is none of a catalog's business.
LEFT_OUT = re.compile(r"generate_series\(1, 1000000\)|^(?:BEGIN|COMMIT|ROLLBACK|FETCH|CLOSE|DECLARE)\b", re.IGNORECASE)
read_so_far: dict[str, int] = {}


def sent(row: list[str]) -> str | None:
    """The statement of a line of the log, with its parameters' values in their places."""
    found = SENT.match(row[MESSAGE])
    if not found:
        return None
    statement = found[1].strip().rstrip(";")
    values = dict(PARAMETER.findall(row[DETAIL]))
    return re.sub(r"\$(\d+)", lambda place: values.get(place[1], place[0]), statement)


def record(client: str, postgresql) -> None:
    """Writes what the log has got since this was asked last, each statement once."""
    log = pathlib.Path(postgresql.folder) / "data/log/statements.csv"
    with log.open(newline="") as lines:
        rows = list(csv.reader(lines))
    begun = read_so_far.get(str(log), 0)
    read_so_far[str(log)] = len(rows)
    found = dict.fromkeys(filter(None, map(sent, rows[begun:])))
    kept = [statement for statement in found if statement and not LEFT_OUT.search(statement)]
    name = re.sub(r"\W+", "-", client.lower()).strip("-")
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.sql").write_text(BETWEEN.join(kept) + BETWEEN)


def statements() -> dict[str, list[str]]:
    """The statements by file."""
    return {
        path.stem: [one.strip() for one in path.read_text().split(BETWEEN) if one.strip()]
        for path in sorted(FOLDER.glob("*.sql"))
    }

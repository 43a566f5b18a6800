"""Which client can do what, found by doing it: each client runs against this server and against a PostgreSQL 15, and
what it reads has to be the same.

    python tests/clients/matrix.py            prints the table, as the README shows it
    python tests/clients/matrix.py --record   also writes anew what the clients sent to PostgreSQL: statements/*.sql
"""

from __future__ import annotations

import argparse
import pathlib
import tempfile
from dataclasses import dataclass

from programs import fdw, flight, go, jdbc_driver, node, odbc, pgadmin, pgcli, psql, python_drivers

ABILITIES = ["connects", "lists", "types", "pages", "cancels", "errors"]
NOT_HAD = "–"
# What clients find in the PostgreSQL while they are recorded, so that they ask all that they ask of relations.
RELATIONS = """CREATE TABLE example (id int, name text); COMMENT ON TABLE example IS 'a table';
    COMMENT ON COLUMN example.name IS 'a column'; CREATE VIEW example_names AS SELECT name FROM example"""


@dataclass(frozen=True)
class Target:
    """Where a client connects to."""

    host: str
    port: int
    user: str = "analyst"
    database: str = "mission_control"
    # The address of Flight SQL, which only this server has.
    flight: str | None = None
    # A PostgreSQL from which the target can be read as a foreign server.
    postgresql: str = ""


@dataclass(frozen=True)
class Client:
    """A client: why it cannot run here, if it cannot, and what it does for each ability that it has."""

    name: str
    missing: object
    does: dict
    # Whether PostgreSQL's log says what it sends, and nothing else.
    recorded: bool = True

    def run(self, ability: str, target: Target):
        return self.does[ability](target)


CLIENTS = [
    Client(name, module.missing, does, recorded=module not in (fdw, flight))
    for module in (psql, python_drivers, flight, jdbc_driver, odbc, node, go, pgcli, pgadmin, fdw)
    for name, does in module.CLIENTS.items()
]


def targets(server, postgresql) -> tuple[Target, Target]:
    """This server and the PostgreSQL that it is compared with."""
    ours = Target(server.host, server.port, flight=server.flight, postgresql=postgresql.dsn)
    return ours, Target("127.0.0.1", postgresql.port, postgresql=postgresql.dsn)


def check(client: Client, ability: str, ours: Target, theirs: Target) -> None:
    """What the client reads here is what it reads from PostgreSQL; of relations, that ours are found with comments."""
    expected = client.run(ability, theirs)
    found = client.run(ability, ours)
    if ability == "lists":
        comments = dict(found)
        assert {"error_aggregates", "measure_timeseries", "channels"} <= set(comments), sorted(comments)
        assert "one row per row of the source" in comments["error_aggregates"], comments["error_aggregates"]
    else:
        assert found == expected, f"{client.name} {ability}: {found!r}, and from PostgreSQL {expected!r}"
        assert found, f"{client.name} {ability}: nothing read"


def table(cells: dict[tuple[str, str], str]) -> str:
    """The table in Markdown."""
    lines = ["| client | " + " | ".join(ABILITIES) + " |", "|---" * (len(ABILITIES) + 1) + "|"]
    for client in CLIENTS:
        shown = [cells[client.name, ability] for ability in ABILITIES]
        lines.append(f"| {client.name} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def promised() -> str:
    """The table as it is when every client does what it can."""
    return table({(c.name, a): "yes" if a in c.does else NOT_HAD for c in CLIENTS for a in ABILITIES})


def cell(client: Client, ability: str, ours: Target, theirs: Target) -> str:
    if ability not in client.does:
        return NOT_HAD
    if reason := client.missing():
        return f"not run: {reason}"
    try:
        check(client, ability, ours, theirs)
    except Exception as error:  # the table says what failed, whatever it was
        first_line = (str(error) or repr(error)).splitlines()[0]
        return "no: " + first_line.replace("|", "/")[:200]
    return "yes"


def main() -> None:
    import conftest
    import statements

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the statements that PostgreSQL was sent")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, conftest.running_postgresql() as postgresql:
        folder = pathlib.Path(name)
        demo = conftest.generated_demo(folder / "demo")
        with conftest.Server(["--source", str(demo)], folder) as server:
            ours, theirs = targets(server, postgresql)
            postgresql.psql("-q", "-c", RELATIONS)
            cells = {}
            for client in CLIENTS:
                for ability in ABILITIES:
                    cells[client.name, ability] = cell(client, ability, ours, theirs)
                if arguments.record and client.recorded and not client.missing():
                    statements.record(client.name, postgresql)
    print(table(cells))


if __name__ == "__main__":
    main()

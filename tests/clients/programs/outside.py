"""Programs in other languages: they get the ability, the address and the queries, and print JSON."""

from __future__ import annotations

import json
import subprocess

from . import COMMENTS, LONG, REFUSED, SERIES, TYPES

QUERIES = json.dumps({"types": TYPES, "series": SERIES, "long": LONG, "comments": COMMENTS, "refused": REFUSED})


def ability(program, name: str):
    """Runs a program (a function that gives its command) for one ability."""

    def run(target):
        address = json.dumps({
            "host": target.host, "port": target.port, "user": target.user, "database": target.database,
        })
        command, folder = program()
        done = subprocess.run(
            [*command, name, address, QUERIES], capture_output=True, text=True, timeout=120, cwd=folder
        )
        assert done.returncode == 0, (done.stderr or done.stdout)[-2000:]
        return json.loads(done.stdout)

    return run


def abilities(program, names) -> dict:
    return {name: ability(program, name) for name in names}

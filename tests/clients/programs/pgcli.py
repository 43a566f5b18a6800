"""pgcli (Debian's): the module that asks the server for it, in the Python that it is installed for."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

from .outside import abilities

# In a folder of its own: a program finds the modules beside it before those that are installed.
PROGRAM = pathlib.Path(__file__).parent / "pgcli_program" / "client.py"
PYTHON = "/usr/bin/python3"


def missing() -> str | None:
    if shutil.which("pgcli") is None or not pathlib.Path(PYTHON).exists():
        return "no pgcli (Debian: pgcli)"
    found = subprocess.run([PYTHON, "-c", "import pgcli.pgexecute"], capture_output=True)
    return None if found.returncode == 0 else "pgcli is there without its Python package"


CLIENTS = {
    "pgcli": abilities(
        lambda: ([PYTHON, str(PROGRAM)], PROGRAM.parent), ["connects", "lists", "types", "errors"]
    ),
}

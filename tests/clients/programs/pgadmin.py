"""pgAdmin 4 itself, led by pgadmin_program.py. It needs a Python of its own, whose packages would not go with the other
clients': `PGADMIN_PYTHON` names it, or it lies in the target folder, where `tests/run --all` puts it."""

from __future__ import annotations

import functools
import os
import pathlib
import subprocess
import tempfile

from .outside import abilities

HERE = pathlib.Path(__file__).parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parents[2] / "target"))
PYTHON = pathlib.Path(os.environ.get("PGADMIN_PYTHON", TARGET / "pgadmin/bin/python"))


@functools.cache
def missing() -> str | None:
    if not PYTHON.exists():
        return f"no pgAdmin 4 (PyPI: pgadmin4, in an environment of its own at {PYTHON.parents[1].name}/ or PGADMIN_PYTHON)"
    found = subprocess.run([PYTHON, "-c", "import pgadmin4"], capture_output=True)
    return None if found.returncode == 0 else "no pgadmin4 in PGADMIN_PYTHON"


@functools.cache
def folder() -> pathlib.Path:
    """Its own data: the servers that it knows."""
    return pathlib.Path(tempfile.mkdtemp(prefix="pgadmin-"))


def program():
    os.environ["PGADMIN_DATA"] = str(folder())
    return [str(PYTHON), str(HERE / "pgadmin_program.py")], folder()


CLIENTS = {"pgAdmin 4": abilities(program, ["connects", "lists", "types", "pages", "cancels", "errors"])}

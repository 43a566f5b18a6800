"""Node's `pg` with `pg-cursor`, and `postgres`, from npm."""

from __future__ import annotations

import functools
import os
import pathlib
import shutil
import subprocess

from .outside import abilities

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
FOLDER = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "node-clients"


@functools.cache
def missing() -> str | None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "no node or npm (Debian: nodejs, npm)"
    if not (FOLDER / "node_modules" / "postgres").exists() and not installed():
        return "npm could not install pg, pg-cursor and postgres"
    return None


def installed() -> bool:
    """Installs the packages beside the other things of the tests."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / "node" / name, FOLDER / name)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    return subprocess.run(command, cwd=FOLDER, capture_output=True, timeout=300).returncode == 0


def program(library: str):
    def command():
        shutil.copy(HERE / "node" / "client.mjs", FOLDER / "client.mjs")
        return ["node", str(FOLDER / "client.mjs"), library], FOLDER

    return command


ALL = ["connects", "lists", "types", "pages", "cancels", "errors"]
CLIENTS = {
    "node pg, pg-cursor": abilities(program("pg"), ALL),
    "node postgres": abilities(program("postgres"), ALL),
}

"""Go's lib/pq and pgx, from Debian."""

from __future__ import annotations

import functools
import os
import pathlib
import shutil
import subprocess

from .outside import abilities

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
SOURCES = pathlib.Path("/usr/share/gocode")
FOLDER = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "go-clients"


def missing() -> str | None:
    if shutil.which("go") is None:
        return "no go (Debian: golang-go)"
    for package, debian in (("lib/pq", "golang-github-lib-pq-dev"), ("jackc/pgx/v4", "golang-github-jackc-pgx-v4-dev")):
        if not (SOURCES / "src/github.com" / package).exists():
            return f"no {package} (Debian: {debian})"
    return None


@functools.cache
def binary() -> pathlib.Path:
    """The program, built from Debian's sources without asking any registry."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "go" / "client.go", FOLDER / "client.go")
    environment = os.environ | {"GO111MODULE": "off", "GOPATH": str(SOURCES), "GOCACHE": str(FOLDER / "cache")}
    # PostgreSQL's drivers are Go throughout, so that no C compiler is needed.
    environment |= {"CGO_ENABLED": "0", "GOFLAGS": "-p=2"}
    command = ["go", "build", "-o", str(FOLDER / "client"), str(FOLDER / "client.go")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return FOLDER / "client"


def program(driver: str):
    return lambda: ([str(binary()), driver], FOLDER)


ALL = ["connects", "lists", "types", "pages", "cancels", "errors"]
CLIENTS = {
    "Go lib/pq": abilities(program("postgres"), ALL),
    "Go pgx": abilities(program("pgx"), ALL),
}

"""pgAdmin 4 for real: installed into the target folder, it connects, opens its tree, and runs its query tool, its plans and
its cancel, here and on a PostgreSQL 15."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))
from conftest import Server, generated_demo, running_postgresql  # noqa: E402
from matrix import CLIENTS, check, targets  # noqa: E402
from programs import pgadmin  # noqa: E402

REQUIREMENTS = HERE / "pgadmin-requirements.txt"
INSTALL_WITHIN_S = 1800
PGADMIN = next(client for client in CLIENTS if client.name == "pgAdmin 4")


@pytest.fixture(scope="module")
def installed():
    environment = pgadmin.PYTHON.parents[1]
    marker = environment / ".installed"
    if pgadmin.missing() and not (marker.exists() and marker.read_text() == REQUIREMENTS.read_text()):
        shutil.rmtree(environment, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        install = [pgadmin.PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
        subprocess.run(install, check=True, timeout=INSTALL_WITHIN_S)
        marker.write_text(REQUIREMENTS.read_text())
        pgadmin.missing.cache_clear()
    assert pgadmin.missing() is None


@pytest.fixture(scope="module")
def both(tmp_path_factory, installed):
    demo = generated_demo(tmp_path_factory.mktemp("demo") / "data")
    with running_postgresql() as postgresql, Server(["--source", str(demo)], tmp_path_factory.mktemp("server")) as server:
        yield targets(server, postgresql)


@pytest.mark.parametrize("ability", PGADMIN.does)
def test_pgadmin_reads_what_it_reads_from_postgresql(ability, both):
    check(PGADMIN, ability, *both)

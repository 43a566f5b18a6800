"""The programs of `examples/python`: run against the demo, and their pictures looked into. What they read is compared with
the views; what they draw must be a picture with curves in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.image
import matplotlib.pyplot as plt
import psycopg
import pytest
from conftest import REPOSITORY

FOLDER = REPOSITORY / "examples/python"


@pytest.fixture(scope="module")
def addresses(history_server) -> dict[str, str]:
    return {"MISSION_CONTROL_URL": history_server.url, "MISSION_CONTROL_FLIGHT": history_server.flight_uri}


def colours(picture) -> int:
    """How many colours a picture has: a blank one has one, axes without a curve few."""
    pixels = matplotlib.image.imread(picture)[:, :, :3].reshape(-1, 3)
    return len({tuple(pixel) for pixel in pixels.round(2)})


@pytest.mark.parametrize("name", ["compare_releases", "last_48_hours"])
def test_a_script_draws_its_picture(name, addresses, tmp_path):
    program = [sys.executable, str(FOLDER / f"{name}.py")]
    ran = subprocess.run(program, cwd=tmp_path, env=os.environ | addresses, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip()
    picture = tmp_path / f"{name}.png"
    assert picture.stat().st_size > 10_000 and colours(picture) > 100


def cells() -> list[str]:
    notebook = json.loads((FOLDER / "release_health.ipynb").read_text())
    assert notebook["nbformat"] == 4
    assert all(not cell.get("outputs") for cell in notebook["cells"]), "the notebook is kept without outputs"
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_runs_from_top_to_bottom(addresses, history_server, monkeypatch, tmp_path):
    for name, value in addresses.items():
        monkeypatch.setenv(name, value)
    plt.close("all")
    names: dict = {}
    for cell in cells():
        exec(compile(cell, "release_health.ipynb", "exec"), names)  # noqa: S102
    comparison, ages = names["comparison"], names["ages"]
    with psycopg.connect(history_server.dsn) as connection:
        worse = connection.execute(
            """SELECT version FROM release_comparison
               WHERE application = 'Firefox' AND channel = 'beta' AND platform = 'windows' AND measure = 'main_crashes'
                 AND grouping = 'version' AND rate_ratio_lower > 1.25 AND rate_ratio_upper < 10 ORDER BY version"""
        ).fetchall()
    assert sorted(comparison["version"][comparison["rate_ratio_lower"] > 1.25]) == [version for (version,) in worse]
    assert len(comparison) > 20 and set(ages["major"]) == {58, 59, 60}
    assert (ages["lower"] <= ages["rate"]).all() and (ages["rate"] <= ages["upper"]).all()
    assert len(plt.get_fignums()) == 2
    for number in plt.get_fignums():
        plt.figure(number).savefig(tmp_path / f"{number}.png")
        assert colours(tmp_path / f"{number}.png") > 50
    plt.close("all")

"""How soon a cancel ends its query on a busy server, in a release build."""

import pathlib
import sys

# The server of the client tests, and the measurement.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))
import cancels  # noqa: E402
from conftest import Server, demo_folder  # noqa: E402, F401

CANCELS, P99_WITHIN_S = 200, 0.100


def test_cancels_end_their_queries_soon(demo_folder, tmp_path):  # noqa: F811
    with Server(["--source", str(demo_folder)], tmp_path) as server:
        seconds = cancels.measure(server.dsn, CANCELS)
    print(f"\n{cancels.summary(seconds)}")
    assert cancels.statistics.quantiles(seconds, n=100)[98] <= P99_WITHIN_S

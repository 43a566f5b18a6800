"""Apache Superset for real: installed into the target folder, started on a local SQLite, our server as its database, the
dashboard of `examples/superset` imported, and looked at in a headless Chromium."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile

import psycopg
import psycopg.rows
import pytest

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(REPOSITORY / "tests/clients"))
from conftest import Server  # noqa: E402
from superset import CHARTS, FOLDER, Query  # noqa: E402

REQUIREMENTS = HERE / "superset-requirements.txt"
WORKSHOP = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "superset"
BINARIES = WORKSHOP / "venv/bin"
SCREENSHOT = WORKSHOP / "mission-control.png"
INSTALL_WITHIN_S, START_WITHIN_S, LOOK_WITHIN_S = 1800, 120, 400


@pytest.fixture(scope="module")
def installed():
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: chromium, chromium-driver)")
    marker = WORKSHOP / "venv/.installed"
    if not marker.exists() or marker.read_text() != REQUIREMENTS.read_text():
        shutil.rmtree(WORKSHOP / "venv", ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", WORKSHOP / "venv"], check=True)
        install = [BINARIES / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
        subprocess.run(install, check=True, timeout=INSTALL_WITHIN_S)
        marker.write_text(REQUIREMENTS.read_text())
    return BINARIES


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    cache = {"MISSION_CONTROL_CACHE": str(WORKSHOP / "demo")}
    with Server(["--demo"], tmp_path_factory.mktemp("server"), cache) as running:
        yield running


def export_for(server, path: pathlib.Path) -> pathlib.Path:
    """The example's files as the archive that Superset imports, with this server's address."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(FOLDER.rglob("*.yaml")):
            text = file.read_text().replace("127.0.0.1:7432", server.postgres)
            archive.writestr(str(file.relative_to(FOLDER.parent)), text)
    return path


class Superset:
    """A running Superset, asked through its REST API as its administrator."""

    def __init__(self, address: str):
        self.address, self.token = address, None
        signed_in = self.call("POST", "/security/login", username="admin", password="admin", provider="db")
        self.token = signed_in["access_token"]

    def call(self, method: str, path: str, **body) -> dict:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(f"{self.address}/api/v1{path}", data, headers, method=method)
        try:
            return json.load(urllib.request.urlopen(request, timeout=120))
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()[:2000]}") from error


@pytest.fixture(scope="module")
def superset(installed, demo, tmp_path_factory):
    home = tmp_path_factory.mktemp("superset")
    # An example's key and a local password, good for this folder alone.
    (home / "superset_config.py").write_text(
        f'SECRET_KEY = "{"mission-control-" * 2}"\nSQLALCHEMY_DATABASE_URI = "sqlite:///{home}/superset.db"\n'
        "WTF_CSRF_ENABLED = False\nTALISMAN_ENABLED = False\nRATELIMIT_ENABLED = False\n"
    )
    environment = os.environ | {
        "SUPERSET_HOME": str(home),
        "SUPERSET_CONFIG_PATH": str(home / "superset_config.py"),
        "FLASK_APP": "superset",
    }
    log = open(home / "superset.log", "ab")

    def run(*arguments: str) -> None:
        command = [str(installed / "superset"), *arguments]
        subprocess.run(command, check=True, env=environment, stdout=log, stderr=log, timeout=600)

    run("db", "upgrade")
    person = ["--username", "admin", "--firstname", "A", "--lastname", "B", "--email", "a@example.org"]
    run("fab", "create-admin", *person, "--password", "admin")
    run("init")
    run("import-dashboards", "--path", str(export_for(demo, home / "export.zip")), "--username", "admin")
    port = free_port()
    command = [str(installed / "superset"), "run", "-p", str(port), "--with-threads"]
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/health", process)
        yield Superset(address)
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(url: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5)
            return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError(f"Superset did not start: no answer at {url}")


@pytest.fixture(scope="module")
def seen(superset, installed):
    """What a browser sees of the dashboard."""
    SCREENSHOT.unlink(missing_ok=True)
    command = [str(installed / "python"), str(HERE / "superset_browser.py"), superset.address, str(SCREENSHOT)]
    look = subprocess.run(command, check=True, capture_output=True, text=True, timeout=LOOK_WITHIN_S)
    return json.loads(look.stdout)


def test_a_database_is_added_and_a_dataset_synchronised(superset, demo):
    uri = f"postgresql+psycopg2://superset@{demo.postgres}/mission_control"
    database = superset.call("POST", "/database/", database_name="Tried", sqlalchemy_uri=uri)["id"]
    assert "public" in superset.call("GET", f"/database/{database}/schemas/")["result"]
    tables = superset.call("GET", f"/database/{database}/tables/?q=(force:!t,schema_name:public)")["result"]
    assert {"error_aggregates", "measure_timeseries"} <= {table["value"] for table in tables}
    created = superset.call("POST", "/dataset/", database=database, schema="public", table_name="release_trend")
    dataset = superset.call("GET", f"/dataset/{created['id']}")["result"]
    columns = {column["column_name"]: column for column in dataset["columns"]}
    assert columns["rate"]["type"] == "DOUBLE PRECISION" and columns["major_version"]["type"] == "INTEGER"
    assert "1000 usage hours" in columns["rate"]["description"]
    superset.call("PUT", f"/dataset/{created['id']}/refresh")


def test_every_chart_is_drawn_without_an_alert(seen):
    assert seen["title"] == "Mission Control" and seen["alerts"] == []
    assert seen["charts"] == 10 and seen["drawings"] >= 5
    assert [answer["status"] for answer in seen["answers"]] == [200] * len(seen["answers"])
    assert len(seen["answers"]) >= 14  # ten charts and four filters
    assert SCREENSHOT.stat().st_size > 50_000


def rows_drawn(seen, columns: set[str]) -> list[dict]:
    """The rows that the page was sent with these columns."""
    results = [result for answer in seen["answers"] for result in answer["body"]["result"]]
    found = [result["data"] for result in results if set(result["colnames"]) == columns]
    assert len(found) == 1, f"{len(found)} answers with {columns}"
    return found[0]


def ours(server, query: str) -> list[dict]:
    with psycopg.connect(server.dsn, row_factory=psycopg.rows.dict_row) as connection:
        return connection.execute(query).fetchall()


def numbers(rows: list[dict], names: list[str]) -> list[list[float | None]]:
    return [[None if row[name] is None else float(row[name]) for name in names] for row in rows]


def test_the_total_is_what_the_view_says(seen, demo):
    drawn = rows_drawn(seen, {"events"})
    (row,) = ours(
        demo,
        """SELECT sum(events) AS events FROM measure_timeseries
           WHERE application = 'Firefox' AND channel = 'release' AND platform = 'windows' AND measure = 'main_crashes'
             AND window_start >= '2018-06-05T00:00:00Z' AND window_start < '2018-06-07T00:00:00Z'""",
    )
    assert [one["events"] for one in drawn] == [row["events"]] and row["events"] > 1000


def test_the_rates_are_what_the_view_says(seen, demo):
    drawn = rows_drawn(seen, {"window_start", "rate", "rate_lower", "rate_upper"})
    rows = ours(
        demo,
        """SELECT date_bin(INTERVAL '30 minutes', window_start) AS at, rate_per_khour(sum(events), sum(usage_hours)) AS rate,
                  rate_lower(sum(events), sum(usage_hours)) AS rate_lower,
                  rate_upper(sum(events), sum(usage_hours)) AS rate_upper
           FROM measure_timeseries
           WHERE application = 'Firefox' AND channel = 'release' AND platform = 'windows' AND measure = 'main_crashes'
             AND window_start >= '2018-06-05T00:00:00Z' AND window_start < '2018-06-07T00:00:00Z'
           GROUP BY 1 ORDER BY 1""",
    )
    assert len(rows) == len(drawn) == 96
    drawn = sorted(drawn, key=lambda row: row["window_start"])
    # The page is sent milliseconds since 1970.
    assert [row["window_start"] for row in drawn] == [row["at"].timestamp() * 1000 for row in rows]
    names = ["rate", "rate_lower", "rate_upper"]
    for one, other in zip(numbers(drawn, names), numbers(rows, names), strict=True):
        assert one == pytest.approx(other)


@pytest.mark.parametrize("name", ["Key measures of the newest major, at equal age", "Releases", "Versions in 48 hours"])
def test_the_tables_are_what_the_views_say(seen, demo, name):
    query = Query(CHARTS[name])
    rows = ours(demo, query.text())
    drawn = rows_drawn(seen, set(rows[0]))
    assert len(drawn) == len(rows)
    figures = [column for column, value in rows[0].items() if isinstance(value, (int, float)) and value is not None]
    key = "version" if "version" in rows[0] else "adjusted_events"
    by_key = {str(row[key]): row for row in drawn}
    for row in rows:
        (one,), (other,) = numbers([by_key[str(row[key])]], figures), numbers([row], figures)
        assert one == pytest.approx(other)

"""A server for the client tests: the real program over a small demo data set, on free ports."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

import jdbc
import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
DEMO_DAYS, DEMO_ROWS_PER_DAY, DEMO_SEED = 4, 12_000, 7
# Long enough for releases to be compared: the days of the default demo, with few rows each.
HISTORY_DAYS, HISTORY_ROWS_PER_DAY = 150, 1_200
START_TIMEOUT_S = 120


def binary() -> str:
    path = os.environ.get("MISSION_CONTROL_BINARY", str(REPOSITORY / "target/debug/mission-control"))
    if not pathlib.Path(path).exists():
        pytest.exit(f"no program at {path}: build it, or set MISSION_CONTROL_BINARY", returncode=1)
    return path


@dataclass
class Server:
    """A running `mission-control serve` with every listener on a free port."""

    arguments: list[str]
    folder: pathlib.Path
    environment: dict[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"

    def __enter__(self) -> "Server":
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        self.log = open(self.folder / "server.log", "ab")
        command = [binary(), "serve", *self.arguments, "--ready-file", str(ready)]
        for listener in ("--postgres", "--flight", "--http"):
            command += [listener, f"{self.address}:0"]
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, env=os.environ | self.environment
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError("the server did not start:\n" + (self.folder / "server.log").read_text()[-4000:])
            time.sleep(0.05)
        addresses = json.loads(ready.read_text())
        self.postgres, self.flight, self.http = (addresses[name] for name in ("postgres", "flight", "http"))
        self.host, port = self.postgres.rsplit(":", 1)
        self.port = int(port)
        return self

    def __exit__(self, *_exception) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.log.close()

    @property
    def dsn(self) -> str:
        return f"host={self.host} port={self.port} user=analyst dbname=mission_control"

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://analyst@{self.host}:{self.port}/mission_control"

    @property
    def flight_uri(self) -> str:
        return f"grpc://{self.flight}"

    def psql(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess:
        """Runs psql without a start-up file; the caller looks at output and exit status."""
        if shutil.which("psql") is None:
            pytest.skip("psql is not installed")
        command = ["psql", "-X", "-h", self.host, "-p", str(self.port), "-U", "analyst", "-d", "mission_control"]
        return subprocess.run([*command, *arguments], input=stdin, capture_output=True, text=True, timeout=120)

    def resident_bytes(self) -> int:
        """The memory that the process holds now, as the operating system counts it."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")


def generate_demo(folder: pathlib.Path, days: int, rows_per_day: int, seed: int) -> None:
    """Writes demo data with the program itself."""
    command = [binary(), "generate", "--out", str(folder), "--days", str(days)]
    command += ["--rows-per-day", str(rows_per_day), "--seed", str(seed)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)


def generated_demo(folder: pathlib.Path) -> pathlib.Path:
    """A few days of demo data."""
    generate_demo(folder, DEMO_DAYS, DEMO_ROWS_PER_DAY, DEMO_SEED)
    return folder


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory) -> pathlib.Path:
    return generated_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def server(demo_folder, tmp_path_factory):
    with Server(["--source", str(demo_folder)], tmp_path_factory.mktemp("server")) as running:
        yield running


def rows_of(folder: pathlib.Path):
    """A folder's rows read by Polars from the files, without our program."""
    import polars

    return polars.read_parquet(str(folder) + "/**/*.parquet", hive_partitioning=True)


@pytest.fixture(scope="session")
def truth(demo_folder):
    """The same rows as the server's, read without our program."""
    return rows_of(demo_folder)


@pytest.fixture(scope="session")
def history_folder(tmp_path_factory) -> pathlib.Path:
    """Several releases of every channel: what dashboards are for."""
    folder = tmp_path_factory.mktemp("history")
    generate_demo(folder, HISTORY_DAYS, HISTORY_ROWS_PER_DAY, DEMO_SEED)
    return folder


@pytest.fixture(scope="session")
def history_server(history_folder, tmp_path_factory):
    with Server(["--source", str(history_folder)], tmp_path_factory.mktemp("history-server")) as running:
        yield running


@pytest.fixture(scope="session")
def history_truth(history_folder):
    """The same rows as the history server's, read without our program."""
    return rows_of(history_folder)


@pytest.fixture(scope="session")
def shared_folder() -> pathlib.Path:
    """Reference data that lies beside the repository; tests that need it are skipped where it does not exist."""
    for parent in REPOSITORY.parents:
        if (parent / "shared/data/error_aggregates_sample.parquet").exists():
            return parent / "shared"
    pytest.skip("the reference data (shared/data) is not beside the repository")


@pytest.fixture(scope="session")
def jdbc_classes(tmp_path_factory) -> pathlib.Path:
    """The program that speaks to pgjdbc, compiled."""
    if reason := jdbc.missing():
        pytest.skip(reason)
    return jdbc.compiled(tmp_path_factory.mktemp("jdbc"))


POSTGRESQL = pathlib.Path("/usr/lib/postgresql/15/bin")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@dataclass
class PostgreSql:
    """A real PostgreSQL 15 on a socket and a port of its own, to compare answers with."""

    folder: pathlib.Path
    port: int = field(default_factory=lambda: free_port())

    def run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_user, str(POSTGRESQL / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)

    def __enter__(self) -> "PostgreSql":
        data = str(self.folder / "data")
        self.run("initdb", "-D", data, "-A", "trust", "-U", "analyst", "--locale=C.UTF-8", "-E", "UTF8")
        options = f"-k {self.folder} -p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -c timezone=UTC {self.logging}"
        self.run("pg_ctl", "-D", data, "-w", "-o", options, "-l", str(self.folder / "log"), "start")
        self.run("createdb", "-h", str(self.folder), "-p", str(self.port), "-U", "analyst", "mission_control")
        return self

    @property
    def logging(self) -> str:
        """Every statement in a log that can be read back."""
        return "-c logging_collector=on -c log_destination=csvlog -c log_statement=all -c log_filename=statements"

    def __exit__(self, *_exception) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    @property
    def dsn(self) -> str:
        return f"host={self.folder} port={self.port} user=analyst dbname=mission_control"

    def psql(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess:
        command = ["psql", "-X", "-h", str(self.folder), "-p", str(self.port), "-U", "analyst", "-d", "mission_control"]
        return subprocess.run([*command, *arguments], input=stdin, capture_output=True, text=True, timeout=120)


@contextlib.contextmanager
def running_postgresql():
    # A socket's path may have about 100 characters, which pytest's own folders exceed.
    with tempfile.TemporaryDirectory(prefix="pg15-") as name:
        folder = pathlib.Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        with PostgreSql(folder) as running:
            yield running


@pytest.fixture(scope="session")
def postgresql():
    if not (POSTGRESQL / "postgres").exists() or shutil.which("psql") is None:
        pytest.skip("PostgreSQL 15 is not installed")
    with running_postgresql() as running:
        yield running

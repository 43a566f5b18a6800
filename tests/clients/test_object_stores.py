"""A folder in a bucket, read from real servers on loopback: moto speaks S3, and the XML form of it that Google's storage
speaks too; Azurite is Microsoft's own emulator of Azure's blobs."""

from __future__ import annotations

import functools
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
from collections.abc import Callable
from dataclasses import dataclass

import boto3
import psycopg
import pytest
from azure.storage.blob import ContainerClient
from conftest import REPOSITORY, Server, binary

BUCKET, FOLDER = "telemetry", "error_aggregates"
NOTICED_WITHIN_S = 15
AZURITE = "azurite@3.37.0"
AZURITE_FOLDER = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "azurite"
# The account that every Azurite has, published with it.
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass
class Store:
    """A bucket that exists, with a way to put a file there and what the server has to know of it."""

    scheme: str
    environment: dict[str, str]
    put: Callable[[str, bytes], None]

    def location(self, bucket: str) -> str:
        return f"{self.scheme}://{bucket}/{FOLDER}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def started(command: list[str], endpoint: str) -> subprocess.Popen:
    """The server's process, once it answers anything at all."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(endpoint, timeout=1)
            return process
        except urllib.error.HTTPError:
            return process
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"{command[0]} does not answer")


@pytest.fixture
def moto():
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    process = started([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], endpoint)
    yield endpoint
    process.terminate()
    process.wait(timeout=10)


def made_bucket(endpoint: str) -> Callable[[str, bytes], None]:
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=endpoint, **credentials)
    client.create_bucket(Bucket=BUCKET)
    # Public, because Google's client signs as Google's servers want it, which moto cannot check.
    return lambda path, content: client.put_object(Bucket=BUCKET, Key=path, Body=content, ACL="public-read")


@pytest.fixture
def s3(moto):
    environment = {
        "AWS_ENDPOINT_URL": moto,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
    return Store("s3", environment, made_bucket(moto))


@pytest.fixture
def gs(moto):
    account = {"gcs_base_url": moto, "disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
    environment = {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(account)}
    return Store("gs", environment, made_bucket(moto))


@functools.cache
def azurite_program() -> pathlib.Path:
    """Azurite's blob server, installed from npm beside the other things of the tests."""
    program = AZURITE_FOLDER / "node_modules" / ".bin" / "azurite-blob"
    if program.exists():
        return program
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("no node or npm (Debian: nodejs, npm), which Azurite needs")
    AZURITE_FOLDER.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", AZURITE]
    installed = subprocess.run(command, cwd=AZURITE_FOLDER, capture_output=True, text=True, timeout=600)
    if installed.returncode != 0:
        pytest.skip(f"npm could not install {AZURITE}: {installed.stderr.strip()[-200:]}")
    return program


@pytest.fixture
def az(tmp_path):
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    command = [str(azurite_program()), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"]
    process = started([*command, "--disableTelemetry", "--skipApiVersionCheck", "--silent"], endpoint)
    container = ContainerClient(f"{endpoint}/{AZURITE_ACCOUNT}", BUCKET, credential=AZURITE_KEY)
    container.create_container()
    environment = {"AZURE_STORAGE_USE_EMULATOR": "true", "AZURITE_BLOB_STORAGE_URL": endpoint}
    yield Store("az", environment, container.upload_blob)
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture(params=["s3", "gs", "az"])
def store(request):
    return request.getfixturevalue(request.param)


def put_folder(store: Store, folder: pathlib.Path, paths: list[pathlib.Path]) -> None:
    for path in paths:
        store.put(f"{FOLDER}/{path.relative_to(folder)}", path.read_bytes())


def counted(server: Server) -> tuple[int, float]:
    with psycopg.connect(server.dsn) as connection:
        return connection.execute("SELECT count(*), sum(usage_hours) FROM error_aggregates").fetchone()


def test_a_folder_in_a_bucket_is_served_and_its_new_files_noticed(store, demo_folder, truth, tmp_path):
    first, *others = sorted(demo_folder.rglob("*.parquet"))
    put_folder(store, demo_folder, others)
    configuration = tmp_path / "mission-control.toml"
    configuration.write_text(f'[source]\nlocation = "{store.location(BUCKET)}"\nrefresh_seconds = 1\n')
    with Server(["--config", str(configuration)], tmp_path, store.environment) as server:
        rows, _hours = counted(server)
        assert 0 < rows < truth.height
        put_folder(store, demo_folder, [first])
        deadline = time.monotonic() + NOTICED_WITHIN_S
        while (found := counted(server))[0] != truth.height and time.monotonic() < deadline:
            time.sleep(0.2)
        assert found == (truth.height, pytest.approx(truth["usage_hours"].sum(), rel=1e-9))


def test_a_bucket_that_does_not_exist_stops_the_start(store):
    command = [binary(), "serve", "--source", store.location("nowhere"), "--postgres", "127.0.0.1:0"]
    command += ["--flight", "off", "--http", "off"]
    environment = os.environ | store.environment
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2
    assert "hint:" in ended.stderr and len(ended.stderr.strip().splitlines()) <= 3, ended.stderr

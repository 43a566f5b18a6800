"""The default demo as a newcomer meets it, and the memory that downloads take, in a release build."""

import os
import pathlib
import re
import sys
import threading
import time
import urllib.request

import adbc_driver_flightsql.dbapi as flight_sql
import psycopg
import pytest

# The server of the client tests.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))
from conftest import Server  # noqa: E402

FIRST_START_WITHIN_S, NEXT_START_WITHIN_S = 120, 3
ROWS_AT_LEAST, TUPLES_PER_WINDOW_AT_LEAST = 5_000_000, 100
DOWNLOAD_ROWS = 3_000_000
GROWTH_AT_MOST_BYTES = 200 << 20


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def start(cache, folder):
    folder.mkdir(exist_ok=True)
    begun = time.monotonic()
    server = Server(["--demo"], folder, {"MISSION_CONTROL_CACHE": str(cache)})
    server.__enter__()
    return server, time.monotonic() - begun


@pytest.fixture(scope="module")
def demo(cache, tmp_path_factory):
    server, first_s = start(cache, tmp_path_factory.mktemp("first"))
    server.__exit__()
    server, next_s = start(cache, tmp_path_factory.mktemp("next"))
    print(f"\nfirst start {first_s:.1f} s, next start {next_s:.2f} s")
    yield server, first_s, next_s
    server.__exit__()


def test_the_demo_is_ready_in_time(demo):
    _, first_s, next_s = demo
    assert first_s < FIRST_START_WITHIN_S
    assert next_s < NEXT_START_WITHIN_S


def test_the_demo_is_large_enough(demo):
    server, *_ = demo
    with psycopg.connect(server.dsn) as connection:
        rows, days = connection.execute(
            "SELECT count(*), count(DISTINCT submission_date) FROM error_aggregates"
        ).fetchone()
        tuples = connection.execute(
            """SELECT median(tuples) FROM (SELECT window_start, count(*) AS tuples FROM error_aggregates
               GROUP BY window_start) AS per_window"""
        ).fetchone()[0]
    print(f"\n{rows} rows on {days} days, a median of {tuples} dimension tuples per window")
    assert rows >= ROWS_AT_LEAST and days == 150
    assert tuples >= TUPLES_PER_WINDOW_AT_LEAST


def test_of_all_releases_of_the_demo_only_the_planted_regression_is_called_one(demo):
    server, *_ = demo
    with psycopg.connect(server.dsn) as connection:
        judged, found = connection.execute(
            """SELECT count(DISTINCT (application, channel, version)) FILTER (WHERE verdict <> 'insufficient_data'),
                      array_agg(DISTINCT concat_ws(' ', channel, version)) FILTER (WHERE verdict = 'regressed')
               FROM release_verdict_history"""
        ).fetchone()
    print(f"\n{judged} releases were judged")
    assert found == ["beta 60.0b7"]
    assert judged > 50


def peak_while(server, work):
    """The most memory the server held while `work` ran, sampled every 20 ms from outside."""
    # The server judges the releases in the background when it starts; idle is what it holds after that.
    with psycopg.connect(server.dsn) as connection:
        connection.execute("SELECT count(*) FROM alerts").fetchone()
    idle = peak = server.resident_bytes()
    done = threading.Event()

    def watch():
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, server.resident_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return idle, peak


def over_postgres(server):
    rows = 0
    with psycopg.connect(server.dsn) as connection, connection.cursor("all") as cursor:
        cursor.itersize = 10_000
        cursor.execute(f"SELECT * FROM error_aggregates LIMIT {DOWNLOAD_ROWS}")
        while batch := cursor.fetchmany(10_000):
            rows += len(batch)
    assert rows == DOWNLOAD_ROWS


def over_postgres_at_once(server):
    command = ["-Atc", f"SELECT * FROM error_aggregates LIMIT {DOWNLOAD_ROWS}", "-o", os.devnull]
    assert server.psql(*command).returncode == 0


def over_flight(server):
    rows = 0
    with flight_sql.connect(server.flight_uri) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM error_aggregates LIMIT {DOWNLOAD_ROWS}")
        for batch in cursor.fetch_record_batch():
            rows += batch.num_rows
    assert rows == DOWNLOAD_ROWS


@pytest.mark.parametrize("download", [over_postgres, over_postgres_at_once, over_flight])
def test_a_download_of_three_million_rows_streams(demo, download):
    server, *_ = demo
    begun = time.monotonic()
    idle, peak = peak_while(server, lambda: download(server))
    took = time.monotonic() - begun
    print(f"\n{download.__name__}: {took:.1f} s, idle {idle >> 20} MiB, peak {peak >> 20} MiB")
    assert peak - idle < GROWTH_AT_MOST_BYTES


def test_metrics_count_what_was_sent(demo):
    server, *_ = demo
    text = urllib.request.urlopen(f"http://{server.http}/metrics", timeout=5).read().decode()
    sent = re.findall(r'^mission_control_rows_sent_total\{protocol="(\w+)"\} (\d+)$', text, re.MULTILINE)
    assert {protocol: int(count) >= DOWNLOAD_ROWS for protocol, count in sent} == {"postgres": True, "flight": True}

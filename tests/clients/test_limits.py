"""Sessions as PostgreSQL has them, cancels and limits, with real drivers."""

import re
import threading
import time
import urllib.request
import zoneinfo

import adbc_driver_flightsql.dbapi as flight_sql
import psycopg
import pytest

import cancels
import sessions
from conftest import Server

LIMITS = """
[limits]
statement_timeout_ms = 60000
max_connections_per_user = 2
max_result_rows = 1000
[audit]
statements = true
slow_statement_ms = 1
[server]
log_format = "json"
"""


@pytest.mark.parametrize("name", list(sessions.sections()))
def test_sessions_behave_as_in_postgresql(server, name):
    """The expected answers were recorded from PostgreSQL 15."""
    assert sessions.answers(server.dsn, sessions.sections()[name]) == sessions.expected()[name]


def test_two_connections_never_see_each_others_settings(server):
    with psycopg.connect(server.dsn, autocommit=True) as one, psycopg.connect(server.dsn, autocommit=True) as other:
        one.execute("SET TIME ZONE 'Asia/Tokyo'")
        other.execute("SET statement_timeout = '7s'")
        shown = [
            [connection.execute(f"SHOW {name}").fetchone()[0] for name in ("TimeZone", "statement_timeout")]
            for connection in (one, other)
        ]
        assert shown == [["Asia/Tokyo", "0"], ["UTC", "7s"]]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "America/New_York"])
@pytest.mark.parametrize("unit", ["hour", "day", "week", "month"])
def test_date_trunc_cuts_a_column_in_the_sessions_zone(server, zone, unit):
    """Against Python's own calendar."""
    import datetime

    def cut(time):
        local = time.astimezone(zoneinfo.ZoneInfo(zone)).replace(minute=0, second=0, microsecond=0)
        if unit != "hour":
            local = local.replace(hour=0)
        if unit == "week":
            local -= datetime.timedelta(days=local.weekday())
        if unit == "month":
            local = local.replace(day=1)
        return local

    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"SET TIME ZONE '{zone}'")
        rows = connection.execute(
            f"SELECT window_start, date_trunc('{unit}', window_start) FROM error_aggregates GROUP BY 1, 2"
        ).fetchall()
    assert len(rows) > 500
    assert [start for _, start in rows] == [cut(window_start) for window_start, _ in rows]


def test_cancels_end_their_queries(server):
    """Only that they do, and not how fast on a machine that does other things too."""
    seconds = cancels.measure(server.dsn, 10)
    print(cancels.summary(seconds))
    assert max(seconds) < 10


def wait_for(reached):
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def sessions_with(connection, text):
    query = "SELECT pid, protocol, state FROM mission_control.sessions WHERE statement LIKE %s AND pid <> pg_backend_pid()"
    return connection.execute(query, [f"%{text}%"]).fetchall()


def test_an_administrator_sees_and_ends_what_runs_over_flight(server):
    failure = []

    def run():
        with flight_sql.connect(server.flight_uri) as connection, connection.cursor() as cursor:
            try:
                cursor.execute("SELECT count(*) AS endless FROM range(1, 10000000) a, range(1, 10000000) b")
                cursor.fetchall()
            except Exception as error:
                failure.append(str(error))

    client = threading.Thread(target=run)
    client.start()
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        wait_for(lambda: sessions_with(admin, "AS endless"))
        [(pid, protocol, state)] = sessions_with(admin, "AS endless")
        assert (protocol, state) == ("flight", "active")
        assert admin.execute("SELECT pg_cancel_backend(%s)", [pid]).fetchone() == (True,)
        client.join(timeout=20)
        assert "canceling statement due to user request" in failure[0]


def test_a_flight_client_that_leaves_stops_its_query(server):
    connection = flight_sql.connect(server.flight_uri)
    cursor = connection.cursor()
    cursor.execute("SELECT a FROM range(1, 100000000000) AS t(a)")
    reader = cursor.fetch_record_batch()
    reader.read_next_batch()
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        assert sessions_with(admin, "100000000000")
        reader.close()
        cursor.close()
        connection.close()
        wait_for(lambda: not [one for one in sessions_with(admin, "100000000000") if one[2] == "active"])


def test_limits_are_kept_recorded_and_counted(demo_folder, tmp_path):
    (tmp_path / "limits.toml").write_text(LIMITS)
    with Server(["--source", str(demo_folder), "--config", str(tmp_path / "limits.toml")], tmp_path) as server:
        with psycopg.connect(server.dsn, autocommit=True) as one, psycopg.connect(server.dsn) as _other:
            with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
                psycopg.connect(server.dsn)
            with pytest.raises(psycopg.errors.ConfigurationLimitExceeded):
                one.execute("SELECT * FROM error_aggregates")
            one.execute("SET statement_timeout = '1h'")
            assert one.execute("SHOW statement_timeout").fetchone() == ("1min",)
            one.execute("SELECT 'a secret in the text'").fetchall()
            flight = flight_sql.connect(
                server.flight_uri, db_kwargs={"username": "analyst", "password": ""}, autocommit=True
            )
            with pytest.raises(Exception, match="too many connections for role"), flight.cursor() as cursor:
                cursor.execute("SELECT 1")
            flight.close()
        metrics = urllib.request.urlopen(f"http://{server.http}/metrics", timeout=5).read().decode()
    reached = dict(re.findall(r'^mission_control_limits_reached_total\{limit="(\w+)"\} (\d+)$', metrics, re.MULTILINE))
    assert int(reached["connections"]) >= 2 and reached["results_queue_or_spilling"] == "1"
    assert "mission_control_queries_running 0" in metrics
    log = (tmp_path / "server.log").read_text()
    assert '"target":"audit"' in log and '"outcome":"53400"' in log and '"target":"slow"' in log
    assert '"user":"analyst"' in log and '"peak_memory_bytes"' in log
    assert "a secret in the text" not in log

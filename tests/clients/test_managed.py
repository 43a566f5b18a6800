"""The managed table: rows that come in by every way, seen at once, durable, and readable by other programs meanwhile."""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
import subprocess
import threading
import time
import urllib.request

import polars
import psycopg
import pytest
from adbc_driver_flightsql import DatabaseOptions
from adbc_driver_flightsql import dbapi as flight
from adbc_driver_manager import ProgrammingError as AdbcError
from deltalake import DeltaTable, write_deltalake

from conftest import Server, binary
from test_access import verifier_of

START = dt.datetime(2018, 6, 4, tzinfo=dt.timezone.utc)
COLUMNS = "window_start, channel, version, build_id, application, os_name, usage_hours, main_crashes"
KILLS = int(os.environ.get("MISSION_CONTROL_KILLS", "5"))


def configuration(folder, more: str = "", table: str = "table") -> list[str]:
    path = folder / "server.toml"
    path.write_text(f'[managed]\nlocation = "{folder / table}"\nflush_seconds = 1\n{more}')
    return ["--config", str(path)]


def connect(server: Server, **more) -> psycopg.Connection:
    return psycopg.connect(server.dsn, autocommit=True, **more)


def totals(connection) -> tuple[int, float]:
    return connection.execute("SELECT count(*), coalesce(sum(usage_hours), 0) FROM error_aggregates").fetchone()


def frame(count: int, hours: float = 1.0, start: dt.datetime = START) -> polars.DataFrame:
    return polars.DataFrame({
        "window_start": [start + dt.timedelta(minutes=5 * index) for index in range(count)],
        "channel": ["release"] * count,
        "version": ["60.0"] * count,
        "build_id": ["20180503143129"] * count,
        "application": ["Firefox"] * count,
        "os_name": ["Windows_NT"] * count,
        "usage_hours": [hours] * count,
        "main_crashes": [1] * count,
    })


@pytest.fixture
def managed(tmp_path):
    with Server(configuration(tmp_path), tmp_path) as server:
        yield server


def outside(tmp_path) -> polars.DataFrame:
    return polars.read_delta(str(tmp_path / "table"))


def test_rows_are_seen_by_the_next_query_on_any_connection_and_by_other_programs(managed, tmp_path):
    with connect(managed) as writer, connect(managed) as reader:
        assert totals(reader) == (0, 0)
        for count in range(1, 6):
            done = writer.execute(f"INSERT INTO error_aggregates ({COLUMNS}) VALUES"
                                  " ('2018-06-04 00:00+00', 'release', '60.0', '20180503143129', 'Firefox',"
                                  " 'Darwin', 1.5, 2)")
            assert done.statusmessage == "INSERT 0 1"
            assert totals(reader) == (count, 1.5 * count)
        rate = reader.execute("SELECT events, usage_hours, rate FROM measure_timeseries"
                              " WHERE measure = 'main_crashes' AND platform = 'mac'").fetchall()
        assert rate == [(10, 7.5, pytest.approx(10 / 7.5 * 1000))]
    table = outside(tmp_path)
    assert table["usage_hours"].sum() == 7.5
    assert table["window_end"].to_list() == [START + dt.timedelta(minutes=5)] * 5
    assert table["submission_date"].to_list() == [START.date()] * 5
    assert DeltaTable(str(tmp_path / "table")).metadata().partition_columns == ["submission_date"]


def test_insert_takes_parameters_queries_and_defaults(managed):
    with connect(managed) as connection:
        cursor = connection.cursor()
        cursor.executemany(
            "INSERT INTO error_aggregates (window_start, channel, usage_hours, main_crashes) VALUES (%s, %s, %s, %s)",
            [(START, "beta", 0.5, 1), (START, "beta", 0.25, None)],
        )
        done = connection.execute("INSERT INTO public.error_aggregates (window_start, channel, usage_hours, count)"
                                  " SELECT window_start + INTERVAL '1 day', 'nightly', sum(usage_hours), count(*)"
                                  " FROM error_aggregates GROUP BY 1")
        assert done.statusmessage == "INSERT 0 1"
        rows = connection.execute("SELECT channel, usage_hours, count, main_crashes, window_start"
                                  " FROM error_aggregates ORDER BY 1, 2").fetchall()
        assert rows == [("beta", 0.25, None, None, START), ("beta", 0.5, None, 1, START),
                        ("nightly", 0.75, 2, None, START + dt.timedelta(days=1))]
        for statement, code in [
            ("INSERT INTO error_aggregates (window_start, crashes) VALUES (now(), 1)", "42703"),
            ("INSERT INTO error_aggregates (window_start, window_start) VALUES (now(), now())", "42701"),
            ("INSERT INTO error_aggregates (channel) VALUES ('x')", "23502"),
            ("INSERT INTO error_aggregates (window_start, channel) VALUES (now())", "42601"),
            ("INSERT INTO error_aggregates (window_start, count) VALUES (now(), 'x')", "22P02"),
            ("INSERT INTO error_aggregates (window_start, usage_hours) VALUES (now(), 'NaN')", "23514"),
            ("INSERT INTO error_aggregates (window_start, usage_hours) VALUES (now(), -1)", "23514"),
            ("INSERT INTO error_aggregates (window_start) VALUES ('2199-01-01')", "23514"),
            ("INSERT INTO error_aggregates (window_start) VALUES (now()) RETURNING *", "0A000"),
            ("INSERT INTO releases SELECT * FROM releases", "42809"),
            ("INSERT INTO nowhere VALUES (1)", "42P01"),
            ("UPDATE error_aggregates SET count = 1", "25006"),
            ("DELETE FROM error_aggregates", "25006"),
            ("TRUNCATE error_aggregates", "25006"),
        ]:
            with pytest.raises(psycopg.Error) as refused:
                connection.execute(statement)
            assert refused.value.sqlstate == code, (statement, refused.value)
        assert totals(connection) == (3, 1.5)


def test_a_transaction_is_kept_whole_or_not_at_all(managed):
    insert = "INSERT INTO error_aggregates (window_start, usage_hours) VALUES ('2018-06-04', 1)"
    with connect(managed) as connection:
        for statement in ["BEGIN", insert, insert, "ROLLBACK"]:
            connection.execute(statement)
        assert totals(connection) == (0, 0)
        connection.execute("BEGIN READ ONLY")
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(insert)
        assert refused.value.sqlstate == "25006"
        connection.execute("ROLLBACK")
        for statement in ["BEGIN", insert, "SAVEPOINT a", insert, insert, "ROLLBACK TO a", insert, "COMMIT"]:
            connection.execute(statement)
        assert totals(connection) == (2, 2)
        connection.execute("BEGIN")
        connection.execute(insert)
        with pytest.raises(psycopg.Error):
            connection.execute("SELECT 1/0")
        assert connection.execute("COMMIT").statusmessage == "ROLLBACK"
        assert totals(connection) == (2, 2)


def copy(connection, data: bytes, options: str = "", columns: str = "(window_start, channel, usage_hours, main_crashes)"):
    cursor = connection.cursor()
    with cursor.copy(f"COPY error_aggregates {columns} FROM STDIN {options}") as stream:
        for start in range(0, len(data), 7):
            stream.write(data[start : start + 7])
    return cursor.statusmessage


def copied(connection, what: str) -> bytes:
    with connection.cursor().copy(f"COPY {what} TO STDOUT") as rows:
        return b"".join(rows)


def test_copy_reads_every_form(managed):
    with connect(managed) as connection:
        text = b"2018-06-04 00:00:00+00\tre\\x6cease\t1.5\t\\N\n2018-06-04 00:05:00+00\t\\N\t0.5\t3\n\\.\n"
        assert copy(connection, text) == "COPY 2"
        csv = b'start;channel;hours;crashes\r\n2018-06-04;"a;""b""\nc";2;1\r\n2018-06-04;;"4";\r\n'
        assert copy(connection, csv, "(FORMAT csv, HEADER, DELIMITER ';')") == "COPY 2"
        cursor = connection.cursor()
        with cursor.copy("COPY error_aggregates (window_start, channel, usage_hours, main_crashes)"
                         " FROM STDIN (FORMAT binary)") as stream:
            stream.set_types(["timestamptz", "text", "float8", "int8"])
            stream.write_row((START, "esr", 8.0, 7))
            stream.write_row((START, None, None, None))
        assert cursor.statusmessage == "COPY 2"
        rows = connection.execute("SELECT channel, usage_hours, main_crashes FROM error_aggregates"
                                  " ORDER BY usage_hours, 1").fetchall()
        assert rows == [(None, 0.5, 3), ("release", 1.5, None), ('a;"b"\nc', 2, 1), (None, 4, None), ("esr", 8, 7),
                        (None, None, None)]
        everything = copied(connection, "error_aggregates")
        cursor = connection.cursor()
        with cursor.copy("COPY error_aggregates FROM STDIN") as stream:
            stream.write(everything)
        assert cursor.statusmessage == "COPY 6"
        assert totals(connection) == (12, 32)


def test_a_bad_row_is_refused_with_its_line_and_column_and_its_batch_left_out(managed):
    header = "2018-06-04\trelease\t1\t1\n".encode()
    with connect(managed) as connection:
        for row, code, words in [
            (b"2018-06-04\trelease\tNaN\t1\n", "23514", "line 3, column usage_hours: NaN"),
            (b"2018-06-04\trelease\t-1\t1\n", "23514", "line 3, column usage_hours: -1"),
            (b"2018-06-04\trelease\tmany\t1\n", "22P02", "line 3, column usage_hours: invalid input syntax"),
            (b"2018-06-04\trelease\t1\t1.5\n", "22P02", "line 3, column main_crashes: invalid input syntax"),
            (b"2018-06-04\trelease\t1\n", "22P04", "line 3, column main_crashes: missing data"),
            (b"2018-06-04\trelease\t1\t1\t1\n", "22P04", "line 3, column (the whole row): extra data"),
            (b"2999-06-04\trelease\t1\t1\n", "23514", "line 3, column window_start: it is more than a day"),
            (b"yesterdayish\trelease\t1\t1\n", "22007", "line 3, column window_start: invalid input syntax"),
            (b"2018-06-04\t\xff\t1\t1\n", "22021", "line 3, column channel: invalid byte sequence"),
        ]:
            with pytest.raises(psycopg.Error) as refused:
                copy(connection, header * 2 + row + header)
            assert refused.value.sqlstate == code, refused.value
            assert str(refused.value).startswith(words), refused.value
        assert totals(connection) == (0, 0)
        with pytest.raises(RuntimeError, match="changes its mind"):
            with connection.cursor().copy("COPY error_aggregates (window_start) FROM STDIN") as stream:
                stream.write(b"2018-06-04\n")
                raise RuntimeError("the client changes its mind")
        assert totals(connection) == (0, 0)
        gone = connect(managed)
        with pytest.raises(psycopg.Error), gone.cursor().copy("COPY error_aggregates (window_start) FROM STDIN") as stream:
            stream.write(b"2018-06-04\n" * 100_000)
            os.close(gone.fileno())
        assert totals(connection) == (0, 0)


def test_bad_rows_go_to_quarantine_where_that_is_wanted(managed):
    with connect(managed) as connection:
        notices = []
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        data = b"2018-06-04\trelease\t1\t1\n2018-06-04\trelease\tNaN\t1\n2018-06-04\trelease\tx\t1\n"
        assert copy(connection, data, "(ON_ERROR quarantine, IDEMPOTENCY_KEY 'one')") == "COPY 1"
        assert notices == ["2 rows went to mission_control.quarantine"]
        assert copy(connection, data, "(ON_ERROR quarantine, IDEMPOTENCY_KEY 'one')") == "COPY 0"
        assert notices[1].startswith("a batch with this idempotency key")
        rows = connection.execute("SELECT origin, batch, line, column_name, reason FROM mission_control.quarantine"
                                  " ORDER BY line").fetchall()
        assert rows == [("copy", "one", 2, "usage_hours", "NaN is given where hours are finite and not negative"),
                        ("copy", "one", 3, "usage_hours", 'invalid input syntax for type double precision: "x"')]
        assert totals(connection) == (1, 1)


def test_psql_copies_a_file(managed, tmp_path):
    frame(1000).write_csv(tmp_path / "rows.csv")
    shown = managed.psql("-c", f"\\copy error_aggregates({COLUMNS}) FROM '{tmp_path}/rows.csv' (FORMAT csv, HEADER match)")
    assert (shown.stdout, shown.stderr) == ("COPY 1000\n", "")


def test_flight_ingests_frames(managed, tmp_path):
    with flight.connect(managed.flight_uri, autocommit=True) as connection, connect(managed) as reader:
        with connection.cursor() as cursor:
            assert cursor.adbc_ingest("error_aggregates", frame(70_000).to_arrow(), mode="append") == 70_000
            assert totals(reader) == (70_000, 70_000)
            with pytest.raises(AdbcError, match="already exists"):
                cursor.adbc_ingest("error_aggregates", frame(1).to_arrow(), mode="create")
            bad = frame(3).with_columns(usage_hours=polars.Series([1.0, 2.0, float("nan")]))
            with pytest.raises(AdbcError, match="row 3, column usage_hours: NaN"):
                cursor.adbc_ingest("error_aggregates", bad.to_arrow(), mode="append")
        assert frame(5).write_database("error_aggregates", connection, engine="adbc", if_table_exists="append") == 5
        assert totals(reader) == (70_005, 70_005)
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO error_aggregates (window_start, usage_hours) VALUES ($1, $2)",
                               [(START, 0.5), (START, 0.5)])
        assert totals(reader) == (70_007, 70_006)
    header = DatabaseOptions.RPC_CALL_HEADER_PREFIX.value + "idempotency-key"
    for rows in (5, 0):
        with flight.connect(managed.flight_uri, db_kwargs={header: "a-batch"}, autocommit=True) as connection:
            with connection.cursor() as cursor:
                assert cursor.adbc_ingest("error_aggregates", frame(5).to_arrow(), mode="append") == rows
    assert outside(tmp_path).height == 70_012


def ingest(folder, *arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess:
    command = [binary(), "ingest", "--config", str(folder / "server.toml"), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=120)


def test_the_command_line_ingests_files_beside_a_server(managed, tmp_path):
    rows = frame(100)
    rows.write_parquet(tmp_path / "rows.parquet")
    rows.with_columns(usage_hours=2.0).write_csv(tmp_path / "rows.csv")
    rows.with_columns(usage_hours=4.0).write_ndjson(tmp_path / "rows.ndjson")
    rows.with_columns(usage_hours=8.0).write_ipc(tmp_path / "rows.arrow")
    files = [str(tmp_path / f"rows.{ending}") for ending in ("parquet", "csv", "ndjson", "arrow")]
    for words in (": 100 rows", ": is in the table already, nothing was added"):
        done = ingest(tmp_path, *files)
        assert done.returncode == 0, done.stderr
        assert done.stdout.decode().splitlines() == [file + words for file in files]
    with connect(managed) as connection:
        deadline = time.monotonic() + 15
        while totals(connection) != (400, 1500) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert totals(connection) == (400, 1500)
    csv = b"window_start,usage_hours\n2018-06-04T00:00:00Z,1\n2018-06-04,-1\n"
    refused = ingest(tmp_path, "-", stdin=csv)
    assert refused.returncode == 1
    assert refused.stderr.decode().startswith("error: -: line 3, column usage_hours: -1")
    kept = ingest(tmp_path, "-", "--on-error", "quarantine", stdin=csv)
    assert kept.stdout.decode().startswith("-: 1 rows, and 1 in quarantine")
    wrong = ingest(tmp_path, str(tmp_path / "server.toml"))
    assert wrong.returncode == 2 and b"does not say what the file is" in wrong.stderr
    (tmp_path / "broken.parquet").write_bytes((tmp_path / "rows.parquet").read_bytes()[:-100])
    broken = ingest(tmp_path, str(tmp_path / "broken.parquet"))
    assert broken.returncode == 2 and b"not readable as parquet" in broken.stderr


def test_other_writers_rows_are_served(managed, tmp_path):
    rows = frame(10).with_columns(submission_date=polars.lit(START.date()))
    write_deltalake(str(tmp_path / "table"), rows.to_arrow(), mode="append", schema_mode="merge")
    with connect(managed) as connection:
        deadline = time.monotonic() + 20
        while totals(connection)[0] != 10 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert totals(connection) == (10, 10)
        connection.execute("INSERT INTO error_aggregates (window_start, usage_hours) VALUES ('2018-06-05', 1)")
        assert totals(connection) == (11, 11)
    assert outside(tmp_path).height == 11


def test_a_delta_table_is_a_source(tmp_path):
    table = tmp_path / "foreign"
    rows = frame(10)
    write_deltalake(str(table), rows.with_columns(usage_hours=99.0).to_arrow())
    write_deltalake(str(table), rows.to_arrow(), mode="overwrite")
    DeltaTable(str(table)).create_checkpoint()
    write_deltalake(str(table), rows.to_arrow(), mode="append")
    with Server(["--source", str(table)], tmp_path) as server, connect(server) as connection:
        assert totals(connection) == (20, 20)
        with pytest.raises(psycopg.Error) as refused:
            connection.execute("INSERT INTO error_aggregates (window_start) VALUES (now())")
        assert refused.value.sqlstate == "25006"


def test_the_managed_table_stands_beside_a_source(tmp_path, demo_folder):
    with Server([*configuration(tmp_path), "--source", str(demo_folder)], tmp_path) as server:
        with connect(server) as connection:
            rows, hours = totals(connection)
            assert rows > 0
            connection.execute("INSERT INTO error_aggregates (window_start, usage_hours, os_name)"
                               " VALUES ('2018-06-06 12:00+00', 1000, 'Linux')")
            after = totals(connection)
            assert after[0] == rows + 1 and after[1] == pytest.approx(hours + 1000)
            everything = copied(connection, "(SELECT * FROM error_aggregates LIMIT 50)")
            cursor = connection.cursor()
            with cursor.copy("COPY error_aggregates FROM STDIN") as stream:
                stream.write(everything)
            assert cursor.statusmessage == "COPY 50"


def test_roles_and_the_second_server(tmp_path):
    users = "".join(f'[[users]]\nname = "{role}"\nscram = "{verifier_of("secret")}"\nrole = "{role}"\n'
                    for role in ("reader", "ingest", "admin"))
    insert = "INSERT INTO error_aggregates (window_start, usage_hours) VALUES ('2018-06-04', 1)"
    with Server(configuration(tmp_path, users), tmp_path) as server:
        def as_user(name):
            return psycopg.connect(host=server.host, port=server.port, user=name, password="secret",
                                   dbname="mission_control", autocommit=True)
        with as_user("reader") as connection:
            for statement in [insert, "COPY error_aggregates FROM STDIN"]:
                with pytest.raises(psycopg.Error) as refused:
                    connection.execute(statement)
                assert refused.value.sqlstate == "42501", refused.value
            assert connection.execute("SHOW transaction_read_only").fetchone() == ("on",)
        for name in ("ingest", "admin"):
            with as_user(name) as connection:
                connection.execute(insert)
                assert connection.execute("SHOW transaction_read_only").fetchone() == ("off",)
                connection.execute("SET transaction_read_only = on")
                with pytest.raises(psycopg.Error) as refused:
                    connection.execute(insert)
                assert refused.value.sqlstate == "25006"
        second_folder = tmp_path / "second"
        second_folder.mkdir()
        with Server(["--config", str(tmp_path / "server.toml")], second_folder) as second:
            with psycopg.connect(host=second.host, port=second.port, user="admin", password="secret",
                                 dbname="mission_control", autocommit=True) as connection:
                assert totals(connection) == (2, 2)
                with pytest.raises(psycopg.Error) as refused:
                    connection.execute(insert)
                assert refused.value.sqlstate == "55006"
                assert "another server holds the managed table" in str(refused.value)


def test_upkeep_merges_small_files_and_says_so(managed, tmp_path):
    with connect(managed) as connection:
        for _ in range(12):
            connection.execute("INSERT INTO error_aggregates (window_start, usage_hours) VALUES ('2018-06-04', 1)")
        deadline = time.monotonic() + 30
        done = []
        while not done and time.monotonic() < deadline:
            time.sleep(0.2)
            done = connection.execute("SELECT outcome, files_before >= 8, files_after FROM mission_control.maintenance"
                                      " WHERE task = 'compact'").fetchall()
        assert done[0] == ("ok", True, 1)
        assert totals(connection) == (12, 12)
    assert outside(tmp_path)["usage_hours"].sum() == 12
    with urllib.request.urlopen(f"http://{managed.http}/metrics", timeout=10) as answer:
        metrics = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))
    assert metrics["mission_control_managed_rows_total"] == "12"
    assert int(metrics["mission_control_managed_compactions_total"]) >= 1


def test_a_copy_of_the_folder_is_a_backup(tmp_path):
    table, backup = tmp_path / "table", tmp_path / "backup"
    insert = "INSERT INTO error_aggregates (window_start, usage_hours) VALUES ('2018-06-04', 1)"
    with Server(configuration(tmp_path), tmp_path) as server, connect(server) as connection:
        connection.execute(insert)
        subprocess.run(["cp", "-a", str(table), str(backup)], check=True)
        connection.execute(insert)
    with Server(configuration(tmp_path, table="backup"), tmp_path) as server, connect(server) as connection:
        assert totals(connection) == (1, 1)
        connection.execute(insert)
        assert totals(connection) == (2, 2)


def test_a_full_disk_refuses_batches_and_loses_none(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        kept = 0
        with Server(configuration(tmp_path, table="small/table"), tmp_path) as server, connect(server) as connection:
            noise = random.Random(3)
            for _ in range(200):
                rows = "".join(f"2018-06-04\t{noise.getrandbits(256):x}\t1\t1\n" for _ in range(500))
                try:
                    copy(connection, rows.encode())
                    kept += 500
                except psycopg.Error as full:
                    assert full.sqlstate == "53100", full
                    break
            else:
                pytest.fail("the disk was never full")
            assert totals(connection) == (kept, kept)
        with Server(configuration(tmp_path, table="small/table"), tmp_path) as server, connect(server) as connection:
            assert totals(connection) == (kept, kept)
    finally:
        subprocess.run(["umount", str(small)], check=True)


class Writer(threading.Thread):
    """Sends batches one after the other, each again until it is acknowledged; each batch's hours are a power of two of
    its own within the writer's rows, so that sums tell what is there."""

    def __init__(self, number: int, ways) -> None:
        super().__init__(daemon=True)
        self.number, self.ways, self.stopping = number, ways, threading.Event()
        self.acknowledged, self.sent = 0, 0

    def run(self) -> None:
        while not self.stopping.is_set():
            self.sent += 1
            if not self.deliver(f"{self.number}-{self.sent}"):
                return
            self.acknowledged = self.sent

    def deliver(self, key: str) -> bool:
        rows = b"".join(b"2018-06-0%d\twriter-%d\t1\t%d\n" % (1 + row % 5, self.number, self.sent) for row in range(40))
        while True:
            server = self.ways.server
            if server is not None:
                try:
                    with psycopg.connect(server.dsn, autocommit=True, connect_timeout=5) as connection:
                        copy(connection, rows, f"(IDEMPOTENCY_KEY '{key}')")
                    return True
                except psycopg.Error:
                    pass
            if self.stopping.is_set():
                return False
            time.sleep(0.02)


def test_killed_at_random_moments_everything_acknowledged_is_there_once(tmp_path):
    class Ways:
        server: Server | None = None

    rounds = random.Random(11)
    ways = Ways()
    writers = [Writer(number, ways) for number in range(4)]
    server = Server(configuration(tmp_path), tmp_path).__enter__()
    ways.server = server
    for writer in writers:
        writer.start()
    try:
        for _ in range(KILLS):
            time.sleep(rounds.uniform(0.05, 1.5))
            before = [writer.acknowledged for writer in writers]
            ways.server = None
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(timeout=30)
            server.log.close()
            server = Server(configuration(tmp_path), tmp_path).__enter__()
            with connect(server) as connection:
                counted = batches_of(connection)
            for writer, least in zip(writers, before):
                found = counted.get(f"writer-{writer.number}", {})
                assert all(rows == 40 for rows in found.values()), f"a part of a batch: {found}"
                assert set(range(1, least + 1)) <= set(found), "an acknowledged batch is missing"
                assert set(found) <= set(range(1, writer.sent + 1)), "a batch that nobody sent"
            ways.server = server
    finally:
        for writer in writers:
            writer.stopping.set()
        for writer in writers:
            writer.join(timeout=60)
    with connect(server) as connection:
        counted = batches_of(connection)
        for writer in writers:
            found = counted[f"writer-{writer.number}"]
            assert all(rows == 40 for rows in found.values())
            assert set(range(1, writer.acknowledged + 1)) <= set(found)
        print(f"{KILLS} kills, {sum(len(found) for found in counted.values())} batches, all acknowledged ones once")
    server.__exit__()
    assert outside(tmp_path).height == sum(rows for found in counted.values() for rows in found.values())


def batches_of(connection) -> dict[str, dict[int, int]]:
    counted: dict[str, dict[int, int]] = {}
    for channel, batch, rows in connection.execute(
        "SELECT channel, main_crashes, count(*) FROM error_aggregates GROUP BY 1, 2"
    ):
        counted.setdefault(channel, {})[batch] = rows
    return counted

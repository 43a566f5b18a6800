"""Where rows come from: the real sample, a folder that changes under the server, and a web server's file."""

import pathlib
import shutil
import time

import adbc_driver_flightsql.dbapi as flight_sql
import psycopg
import pytest

from conftest import Server

NOTICED_WITHIN_S = 15


def one(server, query):
    with psycopg.connect(server.dsn) as connection:
        return connection.execute(query).fetchone()


def eventually(server, query, expected):
    """The server looks at its source again by itself; the refresh interval in these tests is one second."""
    deadline = time.monotonic() + NOTICED_WITHIN_S
    while (answer := one_or_unreadable(server, query)) != expected and time.monotonic() < deadline:
        time.sleep(0.2)
    assert answer == expected


def one_or_unreadable(server, query):
    """Until a damaged file is noticed, a query that reads it fails; that is an answer to wait over, not the last one."""
    try:
        return one(server, query)
    except psycopg.errors.IoError as error:
        return error


# Facts of the sample, as published beside it: rows, hours, pings, and two rates of channel release.
SAMPLE = (100, 1176.4561175650451, 376)
SAMPLE_RATES = (2.0578566268, 3.0867849402)
SAMPLE_QUERY = 'SELECT count(*), sum(usage_hours), sum("count")::bigint FROM error_aggregates'
RATES_QUERY = """SELECT khour_rate(main_crashes, usage_hours), khour_rate(content_crashes, usage_hours)
                 FROM usage_windows WHERE channel = 'release'"""


def test_the_real_sample_over_both_wires(shared_folder, tmp_path):
    sample = shared_folder / "data/error_aggregates_sample.parquet"
    with Server(["--source", str(sample)], tmp_path) as server:
        for query, expected in ((SAMPLE_QUERY, SAMPLE), (RATES_QUERY, SAMPLE_RATES)):
            with flight_sql.connect(server.flight_uri) as connection, connection.cursor() as cursor:
                cursor.execute(query)
                over_flight = cursor.fetchone()
            for answer in (one(server, query), over_flight):
                assert answer == pytest.approx(expected, rel=1e-10)


def test_files_that_come_change_and_go_are_noticed(demo_folder, tmp_path):
    source = tmp_path / "source"
    days = sorted(path.name for path in demo_folder.iterdir() if path.name.startswith("submission_date="))
    shutil.copytree(demo_folder / days[0], source / days[0])
    configuration = tmp_path / "mission-control.toml"
    configuration.write_text(f'[source]\nlocation = "{source}"\nrefresh_seconds = 1\n')
    query = "SELECT count(DISTINCT submission_date) FROM error_aggregates"
    with Server(["--config", str(configuration)], tmp_path) as server:
        assert one(server, query) == (1,)
        shutil.copytree(demo_folder / days[1], source / days[1])
        eventually(server, query, (2,))
        # A file that is being written: left out with a finding, and everything else goes on.
        (source / days[2]).mkdir()
        whole = next((demo_folder / days[2]).glob("*.parquet"))
        half = source / days[2] / "part-0.parquet"
        half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        eventually(server, "SELECT count(*) FROM data_quality WHERE check_name = 'unreadable_file'", (1,))
        assert one(server, query) == (2,)
        half.write_bytes(whole.read_bytes())
        eventually(server, query, (3,))
        eventually(server, "SELECT count(*) FROM data_quality WHERE check_name = 'unreadable_file'", (0,))
        shutil.rmtree(source / days[0])
        eventually(server, query, (2,))


def test_a_damaged_file_is_found_when_it_is_read(demo_folder, tmp_path):
    """Its footer is whole, its pages are not: the first query fails clearly, later ones go without it."""
    source = tmp_path / "source"
    shutil.copytree(demo_folder, source)
    damaged = sorted(source.glob("submission_date=*/*.parquet"))[1]
    content = bytearray(damaged.read_bytes())
    content[4:-20_000] = b"\xff" * (len(content) - 20_004)
    damaged.write_bytes(content)
    configuration = tmp_path / "mission-control.toml"
    configuration.write_text(f'[source]\nlocation = "{source}"\nrefresh_seconds = 1\n')
    with Server(["--config", str(configuration)], tmp_path) as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            with pytest.raises(psycopg.Error) as caught:
                connection.execute("SELECT sum(usage_hours) FROM error_aggregates").fetchone()
            assert caught.value.sqlstate == "58030"
            assert str(source) not in str(caught.value)
        eventually(server, "SELECT count(*) FROM data_quality WHERE check_name = 'unreadable_file'", (1,))
        assert one(server, "SELECT sum(usage_hours) > 0 FROM error_aggregates") == (True,)


def test_a_file_over_http_is_served(demo_folder, tmp_path):
    import functools
    import http.server
    import threading

    class Files(http.server.SimpleHTTPRequestHandler):
        """Static files with byte ranges, which every object store has and Python's own handler lacks."""

        def do_GET(self):
            content = pathlib.Path(self.translate_path(self.path)).read_bytes()
            begin, end = 0, len(content)
            if wanted := self.headers.get("Range"):
                first, last = wanted.removeprefix("bytes=").split("-")
                begin = int(first) if first else len(content) - int(last)
                end = min(int(last) + 1, len(content)) if first and last else len(content)
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(content)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(end - begin))
            self.end_headers()
            self.wfile.write(content[begin:end])

        def log_message(self, *_arguments):
            pass

    path = next(demo_folder.rglob("*.parquet"))
    handler = functools.partial(Files, directory=str(path.parent))
    files = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=files.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{files.server_port}/{path.name}"
    with Server(["--source", address], tmp_path) as server:
        import polars

        assert one(server, "SELECT count(*) FROM error_aggregates") == (polars.read_parquet(path).height,)
    files.shutdown()

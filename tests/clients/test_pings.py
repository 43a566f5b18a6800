"""`ingest --pings` against an independent recomputation with pandas from the same lines, and killed in the middle."""

import calendar
import datetime
import json
import pathlib
import random
import re
import signal
import subprocess
import time

import pandas
import psycopg
import pytest
from conftest import Server, binary

PINGS, SEED = 9_000, 20180605
START = datetime.datetime(2018, 6, 5, 22, 0, tzinfo=datetime.timezone.utc)
DIMENSIONS = ["window_start", "submission_date", "channel", "version", "display_version", "build_id", "application",
              "os_name", "os_version", "architecture", "country", "experiment_id", "experiment_branch"]
HISTOGRAMS = ["BROWSER_SHIM_USAGE_BLOCKED", "PERMISSIONS_SQL_CORRUPTED", "DEFECTIVE_PERMISSIONS_SQL_REMOVED",
              "SLOW_SCRIPT_NOTICE_COUNT", "SLOW_SCRIPT_PAGE_COUNT"]
PROCESSES = ["gpu", "plugin", "gmplugin"]
# Times as whole numbers, so that sums are exact.
SUMS = ["usage_seconds", "usage_delay_ms", "crash_delay_ms", "count", "main_crashes", "startup_crashes", "content_crashes",
        "content_shutdown_crashes", *(f"{process}_crashes" for process in PROCESSES),
        *(name.lower() for name in HISTOGRAMS), "usage_delay_pings", "crash_delay_pings"]


def a_ping(draw: random.Random, at: int) -> dict:
    """A ping as one of the two pipelines passes it on, with what occurs in nature: absent parts, wrong values."""
    arrival = START + datetime.timedelta(seconds=at * 1.1 + draw.choice([0, 0, 0, draw.uniform(-3000, 0)]))
    kind = draw.choices(["main", "crash", "core", "event"], [60, 25, 10, 5])[0]
    application = "Fennec" if kind == "core" else draw.choices(["Firefox", "Fennec", "Icefox"], [90, 5, 5])[0]
    channel = draw.choice(["release", "beta", "nightly", "esr", "Other"])
    build = draw.choice(["20180528125023", "20180401", "20180705000000", "20180704000000", "20171105000000",
                         "20171106000000", "broken", None])
    ping = {"application": {"name": application, "displayVersion": draw.choice(["61.0b9", "60.0.1", None])}}
    if draw.random() < 0.7:
        ping["creationDate"] = (arrival - datetime.timedelta(milliseconds=draw.randrange(-60_000, 90_000_000))).isoformat()
    country = draw.choice(["DE", "FR", "US", "BR", "IN", "??"])
    if draw.random() < 0.5:
        # Whole microseconds: more would be lost on the way through a float.
        microseconds = calendar.timegm(arrival.timetuple()) * 10**6 + arrival.microsecond
        ping["meta"] = {"Timestamp": microseconds * 1000 + 999, "docType": kind, "appName": application,
                        "appVersion": "60.0", "appBuildId": build, "normalizedChannel": channel, "geoCountry": country}
    else:
        ping["submission_timestamp"] = arrival.isoformat()
        ping["normalized_channel"] = channel
        ping["metadata"] = {"document_type": kind, "geo": {"country": country},
                            "uri": {"app_name": application, "app_version": "60.0", "app_build_id": build}}
    if kind == "core":
        ping |= {"os": draw.choice(["Android", "Android", "iOS"]), "osversion": "24", "arch": "arm",
                 "durations": draw.choice([-5, 0, 600, 200_000, None]), "displayVersion": "60.0.2", "experiments": ["a"]}
        return ping
    ping["environment"] = {
        "build": {"version": draw.choice(["61.0", "60.0"]), "buildId": build, "architecture": draw.choice(["x86", "x86-64"])},
        "system": {"os": {"name": draw.choice(["Windows_NT", "Darwin", "Linux"]),
                          "version": draw.choice(["10.0", "6.1", "4.15.0-23-generic", "unknown"])}},
        "experiments": {name: {"branch": draw.choice("ab")} for name in ("one", "two") if draw.random() < 0.2},
        "addons": {"activeExperiment": {"id": "one", "branch": "a"}} if draw.random() < 0.2 else {},
    }
    if kind == "main":
        ping["payload"] = {
            "info": {"subsessionLength": draw.choice([-10, 0, 90_001, 10**30, None, *(draw.randrange(86_400) for _ in range(9))])},
            "histograms": {name: {"values": {"0": draw.randrange(5)}} for name in HISTOGRAMS if draw.random() < 0.3},
            "keyedHistograms": {"SUBPROCESS_CRASHES_WITH_DUMP": {
                process: {"values": {"0": draw.randrange(-1, 9) if draw.random() < 0.05 else 1}}
                for process in PROCESSES if draw.random() < 0.2}},
        }
    else:
        ping["payload"] = {"metadata": draw.choice([{}, {"StartupCrash": "1"}, {"ipc_channel_error": "ShutDownKill"}])}
        if process := draw.choice([None, "main", "content", "gpu"]):
            ping["payload"]["processType"] = process
    return ping


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    draw = random.Random(SEED)
    lines = [json.dumps(a_ping(draw, at)).encode() for at in range(PINGS)]
    for place, bad in enumerate([b"{", b"[]", b"\xff\xfe", b'{"type":"main","payload":' + b"[" * 50_000, b"NaN", b""]):
        lines.insert(place * 1000, bad)
    return lines


def whole_months(begin: datetime.date, end: datetime.date) -> int:
    """As java.time counts them: towards zero."""
    if end < begin:
        return -whole_months(end, begin)
    return (end.year - begin.year) * 12 + end.month - begin.month - (end.day < begin.day)


def contributions(ping: dict):
    """The rows that a ping adds to, or nothing: the rules of the streaming job, written down a second time."""
    meta, metadata = ping.get("meta", {}), ping.get("metadata", {"uri": {}, "geo": {}})
    kind = meta.get("docType") or metadata.get("document_type") or ping.get("type")
    application = meta.get("appName") or metadata["uri"].get("app_name")
    channel = meta.get("normalizedChannel") or ping.get("normalized_channel")
    if kind not in ("main", "crash", "core") or application not in ("Firefox", "Fennec") or channel == "Other":
        return
    arrival = (pandas.Timestamp(meta["Timestamp"] // 1000, unit="us", tz="UTC") if meta
               else pandas.Timestamp(ping["submission_timestamp"]))
    sums = {"count": 1}
    if kind == "core":
        if ping["os"] != "Android":
            return
        version, display, build = "60.0", ping["displayVersion"], meta.get("appBuildId") or metadata["uri"].get("app_build_id")
        os_name, os_version, architecture, experiments = ping["os"], ping["osversion"], ping["arch"], set()
        if ping["durations"] is not None:
            sums["usage_seconds"] = max(ping["durations"], 0)
    else:
        environment, payload = ping["environment"], ping["payload"]
        version, build = environment["build"]["version"], environment["build"]["buildId"]
        display, architecture = ping["application"]["displayVersion"], environment["build"]["architecture"]
        os_name, os_version = environment["system"]["os"]["name"], environment["system"]["os"]["version"]
        os_name = "Android" if (application, os_name) == ("Fennec", "Linux") else os_name
        experiments = {(name, branch["branch"]) for name, branch in environment["experiments"].items()}
        if old := environment["addons"].get("activeExperiment"):
            experiments.add((old["id"], old["branch"]))
    if not build or not re.match(r"\d{8}", build):
        return
    build_day = datetime.datetime.strptime(build[:8], "%Y%m%d").date()
    if not 0 <= whole_months(build_day, arrival.date()) <= 6:
        return
    if kind == "main":
        seconds = payload["info"]["subsessionLength"]
        keyed = payload["keyedHistograms"]["SUBPROCESS_CRASHES_WITH_DUMP"]
        counts = {name.lower(): histogram["values"]["0"] for name, histogram in payload["histograms"].items()}
        counts |= {f"{process}_crashes": histogram["values"]["0"] for process, histogram in keyed.items()}
        if seconds is None or any(count < 0 for count in counts.values()):
            return
        sums |= counts | {"usage_seconds": min(max(seconds, 0), 25 * 3600)}
    if kind == "crash":
        process, extra = payload.get("processType", "main"), payload["metadata"]
        if process not in ("main", "content"):
            return
        if process == "main":
            sums["main_crashes"] = 1
            if extra.get("StartupCrash") == "1":
                sums["startup_crashes"] = 1
        else:
            sums["content_shutdown_crashes" if "ipc_channel_error" in extra else "content_crashes"] = 1
    if "creationDate" in ping:
        delay = max((arrival - pandas.Timestamp(ping["creationDate"])) // pandas.Timedelta(milliseconds=1), 0)
        clock = "crash" if kind == "crash" else "usage"
        sums |= {f"{clock}_delay_ms": delay, f"{clock}_delay_pings": 1}
    numbers = re.match(r"(\d+(\.\d+)?(\.\d+)?)?", os_version).group(0) or None
    for experiment, branch in {(None, None), *experiments}:
        yield [arrival.floor("5min"), str(arrival.date()), channel, version, display, build, application, os_name, numbers,
               architecture, meta.get("geoCountry") or metadata["geo"].get("country"), experiment, branch, sums]


@pytest.fixture(scope="module")
def expected(lines) -> pandas.DataFrame:
    rows = []
    for line in lines:
        try:
            ping = json.loads(line)
        except (ValueError, RecursionError):
            continue
        for *dimensions, sums in contributions(ping) if isinstance(ping, dict) else ():
            rows.append(dict(zip(DIMENSIONS, dimensions)) | sums)
    return summed(pandas.DataFrame(rows, columns=DIMENSIONS + SUMS))


def summed(rows: pandas.DataFrame) -> pandas.DataFrame:
    rows = rows.assign(**{name: rows[name].astype("string").fillna("-") for name in DIMENSIONS[1:]})
    rows = rows.assign(window_start=rows["window_start"].astype("datetime64[us, UTC]"))
    rows = rows.assign(**{name: rows[name].astype("Int64") for name in SUMS})
    return rows.groupby(DIMENSIONS, sort=True)[SUMS].sum(min_count=1)


def written(folder: pathlib.Path) -> pandas.DataFrame:
    """The rows of the folder's files, without our program."""
    files = [file for file in folder.rglob("*.parquet") if not file.name.startswith(".")]
    parts = [pandas.read_parquet(file, partitioning=None).assign(submission_date=file.parent.name.split("=")[1]) for file in files]
    rows = pandas.concat(parts)
    rows["usage_seconds"] = (rows["usage_hours"] * 3600).round()
    for clock in ("usage", "crash"):
        rows[f"{clock}_delay_ms"] = (rows[f"{clock}_delay_hours"] * 3_600_000).round()
    assert (rows["window_end"] - rows["window_start"] == pandas.Timedelta(minutes=5)).all()
    return summed(rows)


def ingest(*arguments, **options) -> subprocess.CompletedProcess:
    return subprocess.run([binary(), "ingest", "--pings", *map(str, arguments)], capture_output=True, timeout=120, **options)


@pytest.fixture(scope="module")
def file(lines, tmp_path_factory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("pings") / "pings.ndjson"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


@pytest.fixture(scope="module")
def folder(file, tmp_path_factory) -> pathlib.Path:
    """The rows of all pings, read in one go."""
    folder = tmp_path_factory.mktemp("rows")
    ended = ingest(file, "--to", folder)
    assert ended.returncode == 0, ended.stderr
    return folder


def test_the_rows_are_those_of_pandas(folder, expected):
    assert len(expected) > 3000, "too few groups to say much"
    pandas.testing.assert_frame_equal(written(folder), expected, check_dtype=False)


def test_the_same_file_again_changes_nothing_and_a_longer_one_adds(folder, file, lines, tmp_path, expected):
    half = b"\n".join(lines[: len(lines) // 2])
    growing, rows = tmp_path / "growing.ndjson", tmp_path / "rows"
    for content in (half[:-20], half, half, b"\n".join(lines)):
        growing.write_bytes(content)
        ended = ingest(growing, "--to", rows)
        assert ended.returncode == 0, ended.stderr
    pandas.testing.assert_frame_equal(written(rows), expected, check_dtype=False)
    before = sorted(path.stat().st_mtime_ns for path in folder.rglob("*.parquet"))
    assert b"0 rows written now" in ingest(file, "--to", folder).stdout
    assert sorted(path.stat().st_mtime_ns for path in folder.rglob("*.parquet")) == before
    growing.write_bytes(b"{}\n" + growing.read_bytes())
    refused = ingest(growing, "--to", rows)
    assert refused.returncode == 2 and b"not the one that was read before" in refused.stderr


def test_killed_at_any_moment_every_ping_counts_once(file, tmp_path, expected):
    draw, kills, wait, times = random.Random(SEED), 0, 0.2, 6
    longer = tmp_path / "longer.ndjson"
    longer.write_bytes(file.read_bytes() * times)
    # So little memory that windows have to be given out all the time.
    command = [binary(), "ingest", "--pings", str(longer), "--to", str(tmp_path / "rows"), "--memory-mb", "1"]
    between = set()
    while True:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(draw.uniform(0, wait))
        process.send_signal(signal.SIGKILL)
        if process.wait() != -signal.SIGKILL:
            assert process.returncode == 0, process.stderr.read()
            break
        kills, wait = kills + 1, wait * 1.15
        between.add(len(list((tmp_path / "rows").rglob("pings-*.parquet"))))
    assert kills >= 5 and len(between) >= 3, f"{kills} kills at {between} files: too few to say much"
    pandas.testing.assert_frame_equal(written(tmp_path / "rows"), expected * times, check_dtype=False)


def test_a_stream_sent_again_goes_on_and_without_a_checkpoint_counts_anew(lines, tmp_path, expected):
    whole = b"\n".join(lines)
    arguments = ["-", "--to", tmp_path / "rows", "--checkpoint", tmp_path / "stream.checkpoint"]
    for sent in (whole[: len(whole) // 3], whole):
        ended = ingest(*arguments, input=sent)
        assert ended.returncode == 0, ended.stderr
    pandas.testing.assert_frame_equal(written(tmp_path / "rows"), expected, check_dtype=False)
    ended = ingest("-", "--to", tmp_path / "rows", input=whole)
    assert ended.returncode == 0, ended.stderr
    pandas.testing.assert_frame_equal(written(tmp_path / "rows"), expected * 2, check_dtype=False)


def test_the_folder_is_served_with_its_account_of_what_was_left_out(folder, lines, expected, tmp_path):
    with Server(["--source", str(folder)], tmp_path) as server, psycopg.connect(server.dsn) as connection:
        total = connection.execute(
            "SELECT sum(count), round(sum(usage_hours) * 3600), round(sum(crash_delay_hours) * 3600000) FROM error_aggregates"
        ).fetchone()
        sums = expected[["count", "usage_seconds", "crash_delay_ms"]].sum()
        assert [int(value) for value in total] == list(sums)
        found = dict(connection.execute(
            "SELECT split_part(split_part(detail, ', ', 2), ':', 1), rows_affected FROM data_quality "
            "WHERE check_name IN ('rejected_pings', 'filtered_pings')"
        ).fetchall())
        population = expected.reset_index().query("experiment_id == '-'")["count"].sum()
        assert sum(found.values()) + population == sum(bool(line) for line in lines)
        assert found["invalid_utf8"] == 1 and found["invalid_field"] == 2 and found["invalid_json"] == 2
        assert {"other_type", "other_channel", "old_build", "invalid_usage", "invalid_count"} <= set(found)


def test_what_cannot_be_used_is_said_in_a_sentence(tmp_path, file):
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"mission-control-pings 1 bytes=3 sha256=00\n{}\n")
    (tmp_path / "delta/_delta_log").mkdir(parents=True)
    rows = tmp_path / "rows"
    for arguments, words in [
        ([tmp_path / "nowhere", "--to", rows], b"cannot read"),
        ([tmp_path, "--to", rows], b"is a folder"),
        ([file], b"--to FOLDER"),
        ([file, "--to", tmp_path / "delta"], b"Delta table"),
        ([file, "--to", rows, "--checkpoint", damaged], b"checkpoint cannot be used"),
        ([file, file, "--to", rows, "--checkpoint", damaged], b"several files"),
        ([file, "--to", rows, "--memory-mb", "0"], b"0"),
    ]:
        ended = ingest(*arguments)
        assert ended.returncode == 2 and words in ended.stderr, (arguments, ended.stderr)
        assert len(ended.stderr.splitlines()) <= 3, ended.stderr

"""The views against an independent recomputation with pandas, straight from the demo's Parquet files.

Every figure here is computed from raw rows and the release dates of product-details; nothing of the product's SQL or
functions is used, apart from the answers that are checked.
"""

import math
import subprocess

import pandas as pd
import psycopg
import pytest
from conftest import Server, binary
from psycopg.rows import dict_row

DAYS, ROWS_PER_DAY, SEED = 150, 1500, 11
HORIZON = pd.Timestamp("2018-06-07", tz="UTC")
FIRST_WINDOW = pd.Timestamp("2018-01-08", tz="UTC")
HOUR = pd.Timedelta(hours=1)
PLATFORMS = {"Windows_NT": "windows", "Darwin": "mac", "Linux": "linux"}
# product-details: firefox_history_major_releases.json
MAJORS = {57: "2017-11-14", 58: "2018-01-23", 59: "2018-03-13", 60: "2018-05-09"}
# product-details: firefox_history_development_releases.json
BETAS = {"60.0b5": "2018-03-20", "60.0b6": "2018-03-23", "60.0b7": "2018-03-27", "60.0b8": "2018-03-30"}
MEASURES = ["main_crashes", "content_crashes", "content_shutdown_crashes", "gmplugin_crashes"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("views") / "demo"
    command = [binary(), "generate", "--out", str(out), "--days", str(DAYS), "--rows-per-day", str(ROWS_PER_DAY)]
    subprocess.run([*command, "--seed", str(SEED)], check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def ask(folder, tmp_path_factory):
    with Server(["--source", str(folder)], tmp_path_factory.mktemp("server")) as server:
        dsn = f"host={server.host} port={server.port} user=analyst dbname=mission_control"
        with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
            yield lambda sql: connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def rows(folder):
    """The population: no experiments, impossible counts absent."""
    raw = pd.concat([pd.read_parquet(file) for file in sorted(folder.glob("*/*.parquet"))], ignore_index=True)
    raw = raw[raw.experiment_id.isna()].copy()
    raw["window_start"] = pd.to_datetime(raw.window_start, utc=True)
    raw["platform"] = raw.os_name.map(PLATFORMS)
    raw["major"] = raw.display_version.str.extract(r"^(\d+)")[0].astype(int)
    for measure in MEASURES:
        raw[measure] = raw[measure].where(raw[measure] >= 0).fillna(0)
    raw["usage_hours"] = raw.usage_hours.where(raw.usage_hours >= 0).fillna(0)
    return raw


def channel(rows, name):
    return rows[(rows.application == "Firefox") & (rows.channel == name)]


def between(rows, release_at, from_hours, until_hours):
    start = pd.Timestamp(release_at, tz="UTC")
    ages = (rows.window_start - start) / HOUR
    return rows[(ages >= from_hours) & (ages < until_hours)]


def rate(part, measure):
    hours = math.fsum(part.usage_hours)
    return 1000 * part[measure].sum() / hours if hours else None


def close(given, expected):
    return given == expected if given is None or expected is None else given == pytest.approx(expected, rel=1e-9)


def test_release_summary_of_majors(ask, rows):
    release = channel(rows, "release")
    newest_age = (HORIZON - pd.Timestamp(MAJORS[60], tz="UTC")) / HOUR
    answered = ask(
        """SELECT platform, measure, version, events, usage_hours, rate, adjusted_events, adjusted_rate,
                  truncated_reason, usage_share
           FROM release_summary WHERE application = 'Firefox' AND channel = 'release' AND grouping = 'major'"""
    )
    found = {(row["platform"], row["measure"], row["version"]): row for row in answered}
    day = release[release.window_start >= HORIZON - 24 * HOUR]
    checked = 0
    for platform in PLATFORMS.values():
        hours_of_day = day[day.platform == platform].usage_hours.sum()
        for number, released in MAJORS.items():
            part = release[(release.platform == platform) & (release.major == number)]
            end = pd.Timestamp(MAJORS.get(number + 1, HORIZON.tz_localize(None)), tz="UTC")
            field_hours = (end - pd.Timestamp(released, tz="UTC")) / HOUR
            field = between(part, released, 0, field_hours)
            aligned = between(part, released, 24, min(newest_age, field_hours))
            share = part[part.window_start >= HORIZON - 24 * HOUR].usage_hours.sum() / hours_of_day
            for measure in MEASURES:
                row = found[platform, measure, str(number)]
                assert row["events"] == field[measure].sum()
                assert close(row["usage_hours"], math.fsum(field.usage_hours))
                assert close(row["rate"], rate(field, measure))
                assert close(row["usage_share"], share)
                if pd.Timestamp(released, tz="UTC") < FIRST_WINDOW:
                    assert row["adjusted_rate"] is None and row["truncated_reason"] == "left_censored"
                else:
                    assert row["adjusted_events"] == aligned[measure].sum()
                    assert close(row["adjusted_rate"], rate(aligned, measure))
                checked += 1
    assert checked == 3 * 4 * len(MEASURES)


def test_measure_timeseries(ask, rows):
    since = HORIZON - 48 * HOUR
    part = channel(rows, "release")
    part = part[(part.platform == "windows") & (part.window_start >= since)]
    keys = ["window_start", "display_version", "build_id"]
    expected = part.groupby(keys, as_index=False).agg(events=("main_crashes", "sum"), hours=("usage_hours", "sum"))
    answered = ask(
        """SELECT window_start, version, build_id, events, usage_hours, rate FROM measure_timeseries
           WHERE application = 'Firefox' AND channel = 'release' AND platform = 'windows' AND measure = 'main_crashes'
             AND window_start >= '2018-06-05T00:00:00Z'"""
    )
    assert len(answered) == len(expected) > 500
    found = {(pd.Timestamp(row["window_start"]), row["version"], row["build_id"]): row for row in answered}
    for line in expected.itertuples():
        row = found[line.window_start, line.display_version, line.build_id]
        assert row["events"] == line.events
        assert close(row["usage_hours"], line.hours)
        assert close(row["rate"], 1000 * line.events / line.hours if line.hours else None)


def test_a_regression_shows_at_equal_age(ask, rows):
    """P2, P6: 60.0b7 was made to crash 1.6 times as often; both betas on the ages 24 h to 72 h."""
    beta = channel(rows, "beta")
    beta = beta[beta.platform == "windows"]
    new, old = (
        between(beta[beta.display_version == version], BETAS[version], 24, 72) for version in ("60.0b7", "60.0b6")
    )
    (row,) = ask(
        """SELECT * FROM release_comparison WHERE application = 'Firefox' AND channel = 'beta' AND platform = 'windows'
             AND measure = 'main_crashes' AND grouping = 'version' AND version = '60.0b7'"""
    )
    assert (row["previous_version"], row["skipped_hours"], row["comparison_age_hours"]) == ("60.0b6", 24, 72)
    assert (row["events"], row["previous_events"]) == (new.main_crashes.sum(), old.main_crashes.sum())
    assert close(row["rate_ratio"], rate(new, "main_crashes") / rate(old, "main_crashes"))
    assert row["rate_ratio_lower"] > 1.2


def test_few_events_are_marked(ask, rows):
    """P1, P12: the wildest rate of a day stands on few events, and says so."""
    day = channel(rows, "beta")
    day = day[(day.platform == "linux") & (day.window_start >= HORIZON - 24 * HOUR)]
    windows = day.groupby(["window_start", "display_version", "build_id"])[["main_crashes", "usage_hours"]].sum()
    with_usage = windows[windows.usage_hours > 0]
    highest = (1000 * with_usage.main_crashes / with_usage.usage_hours).max()
    (row,) = ask(
        """SELECT max(rate) AS rate, min(events) AS fewest, count(*) FILTER (WHERE NOT low_sample) AS trusted
           FROM measure_timeseries WHERE application = 'Firefox' AND channel = 'beta' AND platform = 'linux'
             AND measure = 'main_crashes' AND window_start >= '2018-06-06T00:00:00Z'"""
    )
    assert close(row["rate"], highest)
    assert row["trusted"] == (windows.main_crashes >= 18).sum()


def test_adoption(ask, rows):
    """P3: the share of each version in an hour, a week into 60."""
    hour = pd.Timestamp("2018-05-16T12:00:00Z")
    part = channel(rows, "release")
    part = part[(part.platform == "windows") & (part.window_start >= hour) & (part.window_start < hour + HOUR)]
    hours = part.groupby("display_version").usage_hours.sum()
    answered = ask(
        """SELECT version, usage_share FROM adoption WHERE application = 'Firefox' AND channel = 'release'
             AND platform = 'windows' AND hour_start = '2018-05-16T12:00:00Z'"""
    )
    assert {row["version"] for row in answered} == set(hours.index)
    for row in answered:
        assert close(row["usage_share"], hours[row["version"]] / hours.sum())


def test_a_baseline_of_earlier_releases(ask, rows):
    """P4: the range of the adjusted rates of the majors before the newest."""
    release = channel(rows, "release")
    newest_age = (HORIZON - pd.Timestamp(MAJORS[60], tz="UTC")) / HOUR
    part = release[release.platform == "windows"]
    before = [
        rate(between(part[part.major == number], MAJORS[number], 24, newest_age), "content_crashes") for number in (58, 59)
    ]
    (row,) = ask(
        """SELECT min(adjusted_rate) AS lowest, max(adjusted_rate) AS highest FROM release_summary
           WHERE application = 'Firefox' AND channel = 'release' AND platform = 'windows' AND grouping = 'major'
             AND measure = 'content_crashes' AND version <> '60' AND adjusted_rate IS NOT NULL"""
    )
    assert close(row["lowest"], min(before)) and close(row["highest"], max(before))


def test_an_alert_that_counts_events(ask):
    """P5: of all betas, only the regressed one is surely more than 1.25 times as bad as its predecessor."""
    answered = ask(
        """SELECT version FROM release_comparison WHERE application = 'Firefox' AND channel = 'beta'
             AND platform = 'windows' AND measure = 'main_crashes' AND grouping = 'version'
             AND events + previous_events >= 100 AND rate_ratio_lower > 1.25"""
    )
    assert [row["version"] for row in answered] == ["60.0b7"]


def test_the_trend_over_majors(ask, rows):
    """P7: the first week of each major that the data have from its first hour."""
    part = channel(rows, "release")
    part = part[part.platform == "windows"]
    answered = ask(
        """SELECT major_version, events, rate FROM release_trend WHERE application = 'Firefox' AND channel = 'release'
             AND platform = 'windows' AND measure = 'main_crashes' AND age_hours = 168 ORDER BY 1"""
    )
    assert [row["major_version"] for row in answered] == [58, 59, 60]
    for row in answered:
        number = row["major_version"]
        week = between(part[part.major == number], MAJORS[number], 0, 168)
        assert row["events"] == week.main_crashes.sum()
        assert close(row["rate"], rate(week, "main_crashes"))


def test_the_planted_faults_are_found(ask):
    """P8: the faults of the demo's own list, and no other error or warning."""
    answered = ask(
        """SELECT check_name, channel, platform, measure, min(first_window) AS first_window
           FROM data_quality WHERE application = 'Firefox' AND check_name NOT IN ('zero_usage', 'unknown_country')
           GROUP BY check_name, channel, platform, measure"""
    )
    found = {(row["check_name"], row["channel"], row["platform"], row["measure"]): row["first_window"] for row in answered}
    planted = {
        ("negative_count", "release", "linux", "content_crashes"): "2018-06-04T10:15:00Z",
        ("measure_stopped", "release", "windows", "gmplugin_crashes"): "2018-03-20T00:00:00Z",
        ("shutdown_above_content", "release", "mac", "content_shutdown_crashes"): "2018-04-12T00:00:00Z",
        ("gap", "release", "mac", None): "2018-02-26T08:00:00Z",
        ("before_release", "release", "windows", None): "2018-05-06T09:10:00Z",
    }
    for key, first_window in planted.items():
        assert pd.Timestamp(found[key]) == pd.Timestamp(first_window), key
    assert any(name == "experiment_rows" for name, *_ in found)
    stopped = {key for key in found if key[0] == "measure_stopped"}
    assert {key[2:] for key in stopped} == {("windows", "gmplugin_crashes")}
    others = set(found) - set(planted) - stopped - {key for key in found if key[0] == "experiment_rows"}
    assert not others


def test_drill_down_adds_up(ask, rows):
    """P9, P10: channel, platform, version, build: the same events at every level, over 48 hours of windows."""
    part = channel(rows, "release")
    part = part[part.window_start >= HORIZON - 48 * HOUR]
    where = "application = 'Firefox' AND channel = 'release' AND measure = 'main_crashes' AND window_start >= '2018-06-05T00:00:00Z'"
    for keys, columns in ((["platform"], "platform"), (["platform", "display_version"], "platform, version")):
        answered = ask(f"SELECT {columns}, sum(events) AS events FROM measure_timeseries WHERE {where} GROUP BY {columns}")
        expected = part.groupby(keys).main_crashes.sum()
        assert len(answered) == len(expected)
        for row in answered:
            key = row["platform"] if len(keys) == 1 else (row["platform"], row["version"])
            assert row["events"] == expected[key]


def test_no_platform_dominates(ask, rows):
    """P14: the geometric mean of the platforms' rates of main and content crashes."""
    release = channel(rows, "release")
    newest_age = (HORIZON - pd.Timestamp(MAJORS[60], tz="UTC")) / HOUR
    product = 1.0
    for platform in PLATFORMS.values():
        part = between(
            release[(release.platform == platform) & (release.major == 60)], MAJORS[60], 24, newest_age
        )
        product *= rate(part, "main_crashes") + rate(part, "content_crashes")
    (row,) = ask("SELECT version, score, platforms FROM channel_score WHERE application = 'Firefox' AND channel = 'release'")
    assert (row["version"], row["platforms"]) == ("60", 3)
    assert close(row["score"], product ** (1 / 3))


def test_completeness_and_another_denominator(ask, rows):
    """P13, P15, P16: windows say whether they are complete; bounds stand beside rates; pings as the denominator."""
    part = channel(rows, "release")
    part = part[part.platform == "windows"]
    (row,) = ask(
        """SELECT sum(main_crashes) AS events, sum(ping_count) AS pings, count(*) FILTER (WHERE complete IS NULL) AS unknown
           FROM usage_windows WHERE application = 'Firefox' AND channel = 'release' AND platform = 'windows'"""
    )
    assert (row["events"], row["pings"], row["unknown"]) == (part.main_crashes.sum(), part["count"].sum(), 0)

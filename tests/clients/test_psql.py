"""psql: what a person types."""

import polars


def test_connects_and_counts_every_row(server, truth):
    answer = server.psql("-Atc", "SELECT count(*) FROM error_aggregates")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == str(truth.height)


def test_says_it_is_postgresql_15(server):
    answer = server.psql("-Atc", "SELECT version()")
    assert answer.stdout.startswith("PostgreSQL 15."), answer


def test_rates_come_with_their_bounds(server, truth):
    population = truth.filter(polars.col("experiment_id").is_null() & (polars.col("channel") == "release"))
    hours = population.filter(polars.col("usage_hours") >= 0)["usage_hours"].sum()
    crashes = population.filter(polars.col("main_crashes") >= 0)["main_crashes"].sum()
    query = """SELECT round(khour_rate(main_crashes, usage_hours), 6),
                      rate_lower(sum(main_crashes), sum(usage_hours)) < khour_rate(main_crashes, usage_hours)
               FROM usage_windows WHERE channel = 'release'"""
    answer = server.psql("-Atc", query)
    assert answer.returncode == 0, answer.stderr
    rate, bounded = answer.stdout.strip().split("|")
    assert abs(float(rate) - 1000 * crashes / hours) < 1e-6 * float(rate) + 1e-6
    assert bounded == "t"


def test_a_script_goes_on_in_the_same_session(server):
    answer = server.psql("-At", stdin="SET TIME ZONE 'Europe/Berlin';\nSHOW timezone;\nBEGIN;\nSELECT 1;\nCOMMIT;\n")
    assert answer.stdout.splitlines() == ["SET", "Europe/Berlin", "BEGIN", "1", "COMMIT"], answer


def test_errors_read_like_postgresql(server):
    answer = server.psql("-v", "VERBOSITY=verbose", "-c", "SELECT * FROM nowhere")
    assert answer.returncode != 0
    assert "42P01" in answer.stderr and 'relation "nowhere" does not exist' in answer.stderr


def test_the_wrong_database_is_named_and_the_right_one_hinted(server):
    answer = server.psql("-d", "postgres", "-c", "SELECT 1")
    assert answer.returncode != 0
    assert 'database "postgres" does not exist' in answer.stderr


def test_fetch_count_pages_through_a_cursor(server):
    script = "\\set FETCH_COUNT 100\nSELECT * FROM generate_series(1, 1000) AS t(n);\n"
    answer = server.psql("-At", stdin=script)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split() == [str(number) for number in range(1, 1001)]

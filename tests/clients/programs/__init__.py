"""One module per family of clients: `missing()` says why it cannot run here, and `CLIENTS` what each does for each
ability with a target (host, port, user, database). What they give back can be compared with `==`."""

TYPES = """SELECT true AS b, 7::int2 AS s, 8::int4 AS i, 9::int8 AS l, 1.5::float4 AS r, 2.25::float8 AS d,
    1.50::numeric(10, 2) AS n, 'ü'::text AS t, decode('00ff', 'hex') AS x, date '2018-06-03' AS day,
    timestamp '2018-06-03 01:02:03.000004' AS clock, timestamptz '2018-06-03 01:02:03+02' AS moment,
    time '10:11:12' AS hour, interval '1 day 2 hours' AS span, ARRAY[1, NULL, 3]::int4[] AS list,
    ARRAY['a', 'b c'] AS words, 1e300::float8 AS large, NULL::int8 AS nothing"""

SERIES_LENGTH = 10_000
SERIES = f"SELECT n::int8 AS n FROM generate_series(1, {SERIES_LENGTH}) AS n"

# Takes minutes in PostgreSQL and here.
LONG = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE a * b % 7 = 3"

COMMENTS = """SELECT c.relname::text, obj_description(c.oid, 'pg_class') AS comment
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'v') ORDER BY 1"""

# What both refuse, each for another reason.
REFUSED = [
    "SELECT * FROM nowhere",
    "SELECT nothing FROM pg_class",
    "SELEC 1",
    "SELECT 1 / 0",
    "SELECT nothing(1)",
    "SELECT 'x'::int4",
    "SELECT relname FROM pg_class GROUP BY relkind",
]

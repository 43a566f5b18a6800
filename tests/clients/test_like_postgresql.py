"""The same queries in this server and in PostgreSQL 15, row by row: what the rules on syntax and plans promise."""

from __future__ import annotations

import psycopg
import pytest

# Data that both know, as the queries' own.
DATA = """WITH
    releases(id, name, previous, hours) AS (VALUES
        (1, 'a', NULL::int, 10.0::float8), (2, 'b', 1, 20.0), (3, 'c', 1, NULL), (4, NULL, 2, 5.0)),
    counts(release, measure, events) AS (VALUES
        (1, 'm', 5), (1, 'n', 7), (2, 'm', NULL), (2, 'n', 0), (4, 'm', 3)),
    lists(id, items) AS (VALUES
        (1, ARRAY[3, 1, 2]), (2, ARRAY[]::int[]), (3, NULL), (4, ARRAY[NULL, 4]))
"""

QUERIES = """
SELECT r.id, (SELECT p.name FROM releases p WHERE p.id = r.previous) FROM releases r ORDER BY 1
SELECT r.id, (SELECT p.name FROM releases p WHERE p.id < r.id ORDER BY p.id DESC LIMIT 1) FROM releases r ORDER BY 1
SELECT r.id, (SELECT sum(c.events) FROM counts c WHERE c.release = r.id) FROM releases r ORDER BY 1
SELECT r.id, (SELECT count(*) FROM counts c WHERE c.release = r.id) FROM releases r ORDER BY 1
SELECT r.id, (SELECT count(*) FROM counts c WHERE c.release <= r.id) FROM releases r ORDER BY 1
SELECT r.id, (SELECT r.hours + 1) FROM releases r ORDER BY 1
SELECT r.id, (SELECT max(c.events + r.id) FROM counts c WHERE c.release = r.id) FROM releases r ORDER BY 1
SELECT r.id, (SELECT r.id WHERE false) FROM releases r ORDER BY 1
SELECT r.id FROM releases r WHERE (SELECT c.events FROM counts c WHERE c.release = r.id AND c.measure = 'm') > 3 ORDER BY 1
SELECT r.id, EXISTS (SELECT 1 FROM counts c WHERE c.release = r.id) FROM releases r ORDER BY 1
SELECT r.id, NOT EXISTS (SELECT 1 FROM counts c WHERE c.release = r.id AND c.events > 3) FROM releases r ORDER BY 1
SELECT r.id FROM releases r WHERE EXISTS (SELECT 1 FROM counts c WHERE c.release = r.id AND c.events > 3) ORDER BY 1
SELECT r.id FROM releases r WHERE NOT EXISTS (SELECT 1 FROM counts c WHERE c.release > r.id) ORDER BY 1
SELECT r.id FROM releases r WHERE EXISTS (SELECT 1 FROM counts c WHERE c.release = r.id LIMIT 1) OR r.id = 3 ORDER BY 1
SELECT r.id, r.id IN (SELECT c.release FROM counts c) FROM releases r ORDER BY 1
SELECT r.id, r.previous IN (SELECT c.release FROM counts c) FROM releases r ORDER BY 1
SELECT r.id, r.id NOT IN (SELECT c.events FROM counts c) FROM releases r ORDER BY 1
SELECT r.id FROM releases r WHERE r.id IN (SELECT c.release FROM counts c WHERE c.events > r.id) ORDER BY 1
SELECT r.id FROM releases r WHERE r.id = ANY (SELECT c.release FROM counts c) ORDER BY 1
SELECT r.id FROM releases r WHERE r.id <> ALL (SELECT c.release FROM counts c) ORDER BY 1
SELECT r.id, ARRAY(SELECT c.measure FROM counts c WHERE c.release = r.id ORDER BY c.measure DESC) FROM releases r ORDER BY 1
SELECT r.id, ARRAY(SELECT c.events FROM counts c WHERE c.release = r.id ORDER BY 1) FROM releases r ORDER BY 1
SELECT ARRAY(SELECT id FROM releases ORDER BY id DESC)
SELECT r.id, ARRAY(SELECT p.id FROM releases p WHERE p.id < r.id ORDER BY p.id LIMIT 2) FROM releases r ORDER BY 1
SELECT r.id, (SELECT array_agg(x ORDER BY x) FROM unnest(l.items) x) FROM releases r JOIN lists l ON l.id = r.id ORDER BY 1
SELECT l.id, ARRAY(SELECT x * 2 FROM unnest(l.items) x ORDER BY 1) FROM lists l ORDER BY 1
SELECT l.id, x FROM lists l, unnest(l.items) x ORDER BY 1, 2
SELECT l.id, x.value FROM lists l CROSS JOIN LATERAL unnest(l.items) AS x(value) ORDER BY 1, 2
SELECT l.id, x, n FROM lists l, unnest(l.items) WITH ORDINALITY AS t(x, n) ORDER BY 1, 3
SELECT l.id, t.* FROM lists l, unnest(l.items) WITH ORDINALITY t ORDER BY 1, 3
SELECT l.id, x FROM lists l LEFT JOIN LATERAL unnest(l.items) x ON true ORDER BY 1, 2
SELECT r.id, s.total FROM releases r, LATERAL (SELECT sum(c.events) AS total FROM counts c WHERE c.release = r.id) s ORDER BY 1
SELECT r.id, s.events FROM releases r LEFT JOIN LATERAL (SELECT c.events FROM counts c WHERE c.release = r.id ORDER BY c.events DESC NULLS LAST LIMIT 1) s ON true ORDER BY 1
SELECT r.id, s.events FROM releases r JOIN LATERAL (SELECT c.events FROM counts c WHERE c.release = r.id) s ON s.events > r.id ORDER BY 1, 2
SELECT r.id, g FROM releases r, generate_series(1, r.id) g ORDER BY 1, 2
SELECT r.id, g.n FROM releases r, generate_series(r.id, 4, 2) AS g(n) ORDER BY 1, 2
SELECT g FROM generate_series(1, 3) g
SELECT g.g + 1 FROM generate_series(1, 3) g ORDER BY 1
SELECT * FROM generate_series(3, 1, -1) AS t(n)
SELECT generate_series(1, 3) AS n
SELECT generate_series(1, 3) + 1 AS n
SELECT l.id, generate_subscripts(l.items, 1) AS n FROM lists l ORDER BY 1, 2
SELECT l.id, (information_schema._pg_expandarray(l.items)).n FROM lists l WHERE l.items IS NOT NULL ORDER BY 1, 2
SELECT k.id, (k.pair).x, (k.pair).n FROM (SELECT id, information_schema._pg_expandarray(items) AS pair FROM lists) k ORDER BY 1, 3
SELECT l.id, 4 = ANY (l.items), 1 <> ALL (l.items), 2 < ANY (l.items), 0 < ALL (l.items) FROM lists l ORDER BY 1
SELECT r.id FROM releases r WHERE r.name = ANY ('{a,c}') ORDER BY 1
SELECT r.id FROM releases r WHERE r.id = ANY (ARRAY[1, 3]) ORDER BY 1
SELECT 1 = ANY (NULL::int[]), NULL = ANY (ARRAY[1]), 1 = ANY (ARRAY[2, NULL]), 1 <> ALL (ARRAY[2, NULL]), 1 <> ALL (ARRAY[]::int[])
SELECT '{1,2}'::int[] = '{1,2}', '{a,NULL,"b c"}'::text[], ARRAY[1, 2] = '{1,2}'
SELECT name OPERATOR(pg_catalog.~) '^[ab]$' COLLATE pg_catalog.default FROM releases ORDER BY id
SELECT id FROM releases ORDER BY name COLLATE "C" DESC NULLS LAST, id
SELECT 'pg_class'::regclass::oid, 'pg_class'::regclass, 1259::regclass, 1259::oid::regclass::text, 'pg_catalog.pg_class'::regclass::text
SELECT 'int8'::regtype, 'double precision'::regtype::oid, 23::regtype::text, 'timestamptz'::regtype
SELECT to_regclass('nowhere'), to_regclass('pg_type'), to_regtype('nothing'), to_regtype('text')
SELECT 'pg_catalog'::regnamespace::oid, 11::regnamespace
SELECT format_type(1184, NULL), format_type(1043, 14), format_type(1700, 655366), format_type(0, NULL), format_type(1009, -1)
SELECT quote_ident('a b'), quote_ident('user'), quote_literal('it''s'), quote_nullable(NULL), format('%I.%I %L %s %%', 'a', 'B', 'x''y', 1)
SELECT format('%2$s %1$s', 'a', 'b'), format('%-5s|%5s', 'a', 'b')
SELECT array_upper(ARRAY[1, 2], 1), array_lower(ARRAY[1, 2], 1), array_upper(ARRAY[]::int[], 1), array_upper(ARRAY[1], 2)
SELECT parse_ident('Public."A.b""c"'), parse_ident(' a . b '), (parse_ident('a.b'))[2], array_length(parse_ident('a.b'), 1)
SELECT parse_ident('É$1._x'), parse_ident('a.b()', false), parse_ident('a b', false), parse_ident(NULL)
SELECT i, s[i] FROM generate_series(array_lower(string_to_array('a, b', ','), 1), array_upper(string_to_array('a, b', ','), 1)) AS i, string_to_array('a, b', ',') s ORDER BY 1
SELECT n FROM generate_series(1::int, 7::smallint, 3::int) AS n ORDER BY 1
SELECT to_timestamp('2018-06-05 07:08:09.012300', 'YYYY-MM-DD HH24:MI:SS.US'), to_timestamp('2018-06-05', 'YYYY-MM-DD'), to_timestamp('20180605070809', 'YYYYMMDDHH24MISS')
SELECT to_timestamp('03/06/18', 'DD/MM/YY'), to_timestamp('3 Jun 2018 04:05 PM', 'DD Mon YYYY HH12:MI AM'), to_timestamp('2018-06-05T01:02:03.5Z', 'YYYY-MM-DD"T"HH24:MI:SS.MS'), to_timestamp(NULL, 'YYYY')
SELECT to_date('2018-06-05', 'YYYY-MM-DD'), to_date('5 December 2018', 'DD Month YYYY'), to_timestamp('2018', 'YYYY-MM-DD') = '2018-01-01T00:00:00Z'
SELECT date_trunc('hour', t) + INTERVAL '5 minutes' * FLOOR(EXTRACT(MINUTE FROM t) / 5) FROM (VALUES (timestamptz '2018-06-05 01:13:14Z'), (timestamptz '2018-06-05 01:59:59Z')) AS v(t) ORDER BY 1
SELECT timestamptz '2018-06-05 00:00:00Z' + interval '1 day' * 2, timestamptz '2018-06-05 00:00:00Z' + 1.5 * interval '1 hour', timestamptz '2018-06-05 00:00:00Z' - interval '1 hour' / 8, timestamptz '2018-01-31 00:00:00Z' + interval '1 month' * 1.75
SELECT timestamp '2018-01-01' + interval '1 month 3 days 1 hour' / 7, timestamp '2018-01-01' + interval '1 day' * -0.3::float8, timestamp '2018-01-01' + interval '13 months 29 days' * 0.7::float8, NULL::int * interval '1 day'
SELECT true = 'f', 'on' = true, false <> 'no', relname FROM pg_class WHERE relname = 'pg_type' AND relisshared = 'f' AND 'false' = relisshared
SELECT i, k FROM string_to_array('a,b', ',') k, upper('x') AS i
SELECT * FROM abs(-2)
SELECT g, sum(x) AS x FROM (VALUES ('a', 1), ('b', 2), ('b', 5)) AS t(g, x) GROUP BY g ORDER BY sum(x) DESC
SELECT g, sum(x) AS x FROM (VALUES ('a', 1), ('b', 2), ('b', 5)) AS t(g, x) GROUP BY g ORDER BY sum(x) + 1 DESC
SELECT sum(x) AS x, avg(x)::float8 AS y FROM (VALUES ('a', 1), ('b', 2)) AS t(g, x) ORDER BY sum(x), (avg(x)::float8)
SELECT g, coalesce(sum(x), 0) AS x FROM (VALUES ('a', 1), ('b', 2)) AS t(g, x) GROUP BY g ORDER BY coalesce(sum(x), 0) DESC, g
SELECT g, sum(x) AS x FROM (VALUES ('a', 1), ('b', 2)) AS t(g, x) GROUP BY g ORDER BY coalesce(max(x), 0) DESC, lower(g)
SELECT -x AS x FROM (VALUES (1), (2), (5)) AS t(x) ORDER BY x + 0
SELECT -x AS x FROM (VALUES (1), (2), (5)) AS t(x) ORDER BY -x
SELECT -x AS x FROM (VALUES (1), (2), (5)) AS t(x) ORDER BY x
SELECT -x AS "X", x AS y FROM (VALUES (1), (2), (5)) AS t(x) ORDER BY x % 3, "X"
SELECT x AS y, -x AS x FROM (VALUES (1), (2), (5)) AS t(x) ORDER BY abs(x - 2), y
SELECT s.* FROM (SELECT g, sum(x) AS x FROM (VALUES ('a', 1), ('b', 2)) AS t(g, x) GROUP BY g ORDER BY sum(x) DESC LIMIT 1) s
SELECT a.n AS m, sum(b.n) AS n FROM (VALUES (1), (2)) AS a(n), (VALUES (3), (4)) AS b(n) GROUP BY a.n ORDER BY sum(b.n), a.n DESC
SELECT DISTINCT upper(g) AS g FROM (VALUES ('a'), ('b'), ('b')) AS t(g) ORDER BY upper(g) DESC
SELECT pg_size_pretty(123456789::bigint), pg_encoding_to_char(6), current_schemas(false), current_schema
SELECT pg_typeof(1::int), pg_typeof('a'::text), pg_typeof(1.5::float8), pg_typeof(ARRAY['a']), pg_typeof(now())
SELECT relname, relkind, relnamespace, relnatts FROM pg_class WHERE relname IN ('pg_class', 'pg_tables', 'columns') ORDER BY oid
SELECT attname, atttypid, attnum, attlen, attnotnull FROM pg_attribute WHERE attrelid = 'pg_type'::regclass AND attnum > 0 ORDER BY attnum
SELECT oid, typname, typlen, typtype, typelem, typarray, typinput, typreceive::text FROM pg_type WHERE oid < 3000 AND typrelid = 0 AND typelem NOT IN (SELECT oid FROM pg_type WHERE typrelid <> 0) ORDER BY oid
SELECT column_name, data_type, udt_name, is_nullable FROM information_schema.columns WHERE table_schema = 'pg_catalog' AND table_name = 'pg_type' ORDER BY ordinal_position
SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'information_schema' ORDER BY 1
SELECT c.tableoid, c.oid FROM pg_class c WHERE c.relname = 'pg_type'
SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast ORDER BY castsource, casttarget
SELECT rngtypid, rngsubtype FROM pg_range ORDER BY 1
SELECT amname, amtype FROM pg_am ORDER BY oid
SELECT sum, int4 FROM (SELECT sum(hours), 1::int FROM releases) s
SELECT * FROM (SELECT 0::int, 0::int2, count(*) FROM releases) AS t(a, b, c)
SELECT json_build_object('a', 1::int, 'b', NULL, 'c', true, 'd', 'x"y')::text, jsonb_build_object('a', 1::int)::text
TABLE pg_tablespace
""".strip().splitlines()

# What both refuse, with the same code.
REFUSED = """
SELECT (SELECT id FROM releases)
SELECT r.id, (SELECT c.events FROM counts c WHERE c.release = r.id) FROM releases r
SELECT 'nowhere'::regclass
SELECT 'nothing'::regtype
SELECT 'abc'::oid
SELECT '{1,2'::int[]
SELECT '{1,x}'::int[]
SELECT 'a' COLLATE "xx_YY"
SELECT format('%x', 1)
SELECT true = 'maybe'
SELECT interval '1 day' / 0
SELECT to_timestamp('2018-13-05', 'YYYY-MM-DD')
SELECT to_timestamp('2018-x', 'YYYY-MM')
SELECT to_timestamp('2018-06-05 13:00 PM', 'YYYY-MM-DD HH12:MI AM')
SELECT parse_ident('a.b c')
SELECT parse_ident('a.')
SELECT parse_ident('')
SELECT parse_ident('""')
SELECT parse_ident('"a')
SELECT parse_ident('1a')
SELECT parse_ident('a..b')
SELECT format('%s')
""".strip().splitlines()


@pytest.fixture(scope="module")
def both(server, postgresql):
    with (
        psycopg.connect(server.dsn, autocommit=True) as own,
        psycopg.connect(postgresql.dsn, autocommit=True) as theirs,
    ):
        yield own, theirs


def answer(connection, query):
    try:
        with connection.cursor() as cursor:
            # As text and by the simple protocol, so that what is compared is what people see.
            cursor.execute(query.encode(), prepare=False)
            return cursor.fetchall()
    except psycopg.Error as error:
        return error.sqlstate


def whole(query):
    return DATA + query if any(name in query for name in ("releases", "counts", "lists")) else query


@pytest.mark.parametrize("query", QUERIES)
def test_rows_are_postgresql_s(both, query):
    own, theirs = (answer(connection, whole(query)) for connection in both)
    assert isinstance(theirs, list), f"PostgreSQL refuses: {theirs}"
    assert own == theirs


@pytest.mark.parametrize("query", REFUSED)
def test_refusals_are_postgresql_s(both, query):
    own, theirs = (answer(connection, whole(query)) for connection in both)
    assert isinstance(theirs, str), f"PostgreSQL answers: {theirs}"
    assert own == theirs

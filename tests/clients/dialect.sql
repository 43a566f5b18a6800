-- What BI tools and people write. Each line is a query that this server and PostgreSQL 15 answer alike: the rows as
-- text, and the columns' names and types (or the same SQLSTATE where PostgreSQL refuses). The words after "differs:"
-- say why the queries beneath them do not, up to the next heading or empty line; a test fails when one of those is
-- answered alike after all. A query over "releases", "counts", "readings" or "lists" reads the rows below.

--: data
WITH
    releases(id, name, previous, hours) AS (VALUES
        (1::int, 'a', NULL::int, 10.0::float8), (2, 'b', 1, 20.0), (3, 'c', 1, NULL), (4, NULL, 2, 5.0)),
    counts(release, measure, events) AS (VALUES
        (1::int, 'm', 5::int), (1, 'n', 7), (2, 'm', NULL), (2, 'n', 0), (4, 'm', 3)),
    readings(at, channel, platform, events, hours) AS (VALUES
        (timestamptz '2018-06-03 00:00:00Z', 'release', 'windows', 40::bigint, 2500.5::float8),
        (timestamptz '2018-06-03 00:05:00Z', 'release', 'linux', 3, 120.25),
        (timestamptz '2018-06-03 23:55:00Z', 'beta', 'windows', 0, 60.0),
        (timestamptz '2018-06-04 00:00:00Z', 'beta', 'linux', NULL, 0.5),
        (timestamptz '2018-06-04 12:30:00Z', 'beta', 'windows', 9, NULL),
        (timestamptz '2018-07-01 06:00:00Z', 'nightly', NULL, 17, 33.125)),
    lists(id, items) AS (VALUES
        (1::int, ARRAY[3, 1, 2]::int[]), (2, ARRAY[]::int[]), (3, NULL), (4, ARRAY[NULL, 4]::int[]))

--: casts
SELECT '1'::int, '2'::int2, '3'::int8, '1.5'::float8, '2.5'::real
SELECT 't'::bool, 'no'::bool, 'on'::boolean, '0'::bool
SELECT 1::text, true::text, 1.5::float8::text, '2018-06-03'::date::text
SELECT (timestamptz '2018-06-03 10:11:12.5Z')::text, (timestamp '2018-06-03 10:11:12')::text
SELECT relname FROM pg_class WHERE relhasindex = 'x'
SELECT CAST('7' AS integer), CAST(7 AS text), CAST(7.9 AS numeric(4, 1))
SELECT 2.5::int, 3.5::int, (-2.5)::int
SELECT 2.5::float8::int, 3.5::float8::int, (-2.5)::float8::int, 0.5::float8::bigint, 1.5::float8::bigint
SELECT 7.99::numeric(10, 2)::int, 7.49::numeric(10, 2)::int
SELECT '2018-06-03'::date, '2018-06-03 10:11:12'::timestamp, '2018-06-03 10:11:12+02'::timestamptz
SELECT '2018-06-03 10:11:12'::timestamp::date, '2018-06-03 10:11:12'::timestamp::time
SELECT '10:11:12'::time, '1 day'::interval
SELECT timestamp '2018-06-03 10:00:00'::timestamptz
SELECT true::int, false::int, 1::int::bool, 0::int::bool

-- differs: Times are finite, `varchar(n)`, `char(n)` and `timestamp(n)` do not cut or fill, and intervals are compared part by part.
SELECT 'abc'::varchar(2), 'abc'::char(5), 'abc'::varchar

SELECT 12.345::numeric(5, 2), 12.344::numeric(5, 1)
SELECT 'abc'::int
SELECT ''::int
SELECT '99999999999'::int
SELECT '2018-13-01'::date
SELECT 'maybe'::bool
SELECT 300::int::int2, (-32768)::int2
SELECT 70000::int::int2
SELECT ' 42 '::int, '+7'::int, '-0'::float8
SELECT 'NaN'::float8, 'Infinity'::float8, '-inf'::float8
SELECT 1e3::float8, 1e-7::float8, 123456789.123456789::float8, 1e20::float8
SELECT 0.1::float8 + 0.2::float8, 1.0::float8, 100000000000000000000::float8
SELECT '{1,2,3}'::int[], '{a,b}'::text[], '{}'::int[]
SELECT NULL::int, NULL::text, NULL::timestamptz
SELECT int4 '5', float8 '1.5', bool 'true'
SELECT '1.50'::numeric, 1.50::numeric::text

-- differs: A number with a point is a `double precision`, not a `numeric`, and so are the parts of a time; a `numeric` is only what is cast to it, and keeps other digits in division and averages.
SELECT pg_typeof(1.5), pg_typeof(2.0 * 3), pg_typeof(1.5::float8 * 2)

--: numbers
SELECT 7::int / 2::int, (-7)::int / 2::int, 7::int % 2::int, (-7)::int % 2::int
SELECT 7::bigint / 2, 7 / 2::bigint, 1::int2 / 2::int2
SELECT 7.0::float8 / 2, 7 / 2.0::float8
SELECT 1 / 0

-- differs: Whole numbers that grow too large wrap instead of failing with 22003, and a float divided by zero or the logarithm of zero is infinite: the engine's arithmetic, which is not checked for speed.
SELECT 1.0::float8 / 0

SELECT 1 % 0

-- differs: Whole numbers that grow too large wrap instead of failing with 22003, and a float divided by zero or the logarithm of zero is infinite: the engine's arithmetic, which is not checked for speed.
SELECT 2147483647::int + 1::int
SELECT 9223372036854775807::bigint + 1::bigint

SELECT 2 ^ 10, 2::float8 ^ 0.5::float8
SELECT |/ 25.0, @ -5.0::float8
SELECT 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 4, 16 >> 2
SELECT abs(-5::int), abs(-5.5::float8), sign(-2.5::float8), sign(0::float8)
SELECT ceil(1.2::float8), floor(-1.2::float8), ceiling(1.2::float8), trunc(-1.7::float8)
SELECT round(2.5::float8), round(3.5::float8), round(-2.5::float8), round(0.5::float8)
SELECT round(2.5::numeric(5, 2)), round(3.455::numeric(6, 3), 2), round(1234.5::numeric(6, 1), -2)
SELECT round(2.5), round(3.5), round(-2.5), round(1.2345, 2)
SELECT trunc(1.789::numeric(6, 3), 2), trunc(-1.7)
SELECT mod(7::int, 3::int), mod(-7::int, 3::int)

-- differs: A number with a point is a `double precision`, not a `numeric`, and so are the parts of a time; a `numeric` is only what is cast to it, and keeps other digits in division and averages.
SELECT div(7::numeric, 2::numeric)

SELECT power(2::float8, 3::float8), sqrt(2::float8), exp(1::float8), ln(2::float8), log(100::float8)

-- differs: A text of truth is written `true`, capitals of `ß` are `SS`, and the last digit of a float function may differ: the engine's own functions.
SELECT cbrt(27::float8)

-- differs: A number with a point is a `double precision`, not a `numeric`, and so are the parts of a time; a `numeric` is only what is cast to it, and keeps other digits in division and averages.
SELECT log(2.0, 64.0)

SELECT log10(1000::float8), pi(), degrees(pi()), radians(180::float8)
SELECT sin(1::float8), cos(1::float8), tan(1::float8), asin(0.5::float8), acos(0.5::float8), atan(1::float8), atan2(1::float8, 2::float8)
SELECT sinh(1::float8), cosh(1::float8), tanh(1::float8), cot(1::float8)
SELECT greatest(1, 2, NULL), least(3, 1, NULL), greatest(NULL::int, NULL)
SELECT gcd(12::int, 18::int), lcm(4::int, 6::int), factorial(5)
SELECT width_bucket(5.35::float8, 0.024::float8, 10.06::float8, 5)
SELECT width_bucket(x::float8, 0::float8, 10::float8, 5) FROM generate_series(-1, 11, 3) AS x ORDER BY 1
SELECT width_bucket(5.5, 0, 10, 4)
SELECT width_bucket(timestamptz '2018-06-03 12:00:00Z', ARRAY['2018-06-03', '2018-06-04']::timestamptz[])

-- differs: This function, or this form of it, is not there.
SELECT width_bucket(now(), ARRAY['yesterday', 'today', 'tomorrow']::timestamptz[])

SELECT width_bucket(4::float8, ARRAY[1, 3, 5]::float8[]), width_bucket(0::float8, ARRAY[1, 3, 5]::float8[])
SELECT width_bucket(5::float8, 10::float8, 0::float8, 5), width_bucket(10::float8, 0::float8, 10::float8, 5)

-- differs: A number with a point is a `double precision`, not a `numeric`, and so are the parts of a time; a `numeric` is only what is cast to it, and keeps other digits in division and averages.
SELECT 1.1 + 2.2, 1.5 * 2.25, 10.0 / 4, 7.5 - 0.25
SELECT 10::numeric / 3::numeric

SELECT 1.10::numeric(4, 2) + 2.2::numeric(4, 1), 1.5::numeric(4, 1) * 1.25::numeric(4, 2)

-- differs: A number with a point is a `double precision`, not a `numeric`, and so are the parts of a time; a `numeric` is only what is cast to it, and keeps other digits in division and averages.
SELECT sum(x) FROM (VALUES (1.10::numeric(5, 2)), (2.25), (NULL)) t(x)
SELECT avg(x), min(x), max(x) FROM (VALUES (1.10::numeric(5, 2)), (2.25), (NULL)) t(x)
SELECT avg(x) FROM (VALUES (1::int), (2), (4)) t(x)

SELECT sum(x) FROM (VALUES (1::int), (2), (4)) t(x)
SELECT sum(x) FROM (VALUES (1::bigint), (2), (4)) t(x)
SELECT avg(x)::float8, sum(x)::float8 FROM (VALUES (1.5::float8), (2.5), (NULL)) t(x)
SELECT 5 = 5.0, 1 < 1.5, 2 <> 2.0::float8, 'NaN'::float8 = 'NaN'::float8, 'NaN'::float8 > 'Infinity'::float8
SELECT 5 BETWEEN 1 AND 10, 5 NOT BETWEEN 6 AND 10

-- differs: The SQL parser does not know this form.
SELECT 5 BETWEEN SYMMETRIC 10 AND 1

SELECT 1 IS DISTINCT FROM NULL, NULL IS NOT DISTINCT FROM NULL, 1 IS DISTINCT FROM 1
SELECT (1 > 0) IS TRUE, NULL::bool IS UNKNOWN, NULL::bool IS NOT TRUE, false IS FALSE
SELECT true AND NULL, false AND NULL, true OR NULL, false OR NULL, NOT NULL::bool

-- differs: Refused by both, with another SQLSTATE.
SELECT sqrt(-1::float8)

-- differs: Whole numbers that grow too large wrap instead of failing with 22003, and a float divided by zero or the logarithm of zero is infinite: the engine's arithmetic, which is not checked for speed.
SELECT ln(0::float8)

-- differs: `pg_typeof` of a literal says `text`, and `to_hex` counts in 64 bits: literals have types.
SELECT to_hex(255), to_hex(-1::int)

SELECT numeric '1.50' = 1.5

-- differs: This function, or this form of it, is not there.
SELECT scale(1.50)

SELECT random() BETWEEN 0 AND 1

-- differs: The engine is more lenient: it takes what PostgreSQL refuses.
SELECT 0x1F
SELECT 1_000

SELECT .5, 5., 1e2
SELECT -(-5), - 5, +5

--: text
SELECT 'a' || 'b', 'a' || 1, 1 || 'a', 'a' || NULL, 'a' || 1.5::float8, 'a' || true
SELECT concat('a', NULL, 1), concat_ws('-', 'a', NULL, 'b', 2)

-- differs: A text of truth is written `true`, capitals of `ß` are `SS`, and the last digit of a float function may differ: the engine's own functions.
SELECT concat('a', true)

SELECT upper('Grün'), lower('ÄBC'), initcap('hello wORLD foo-bar')

-- differs: A text of truth is written `true`, capitals of `ß` are `SS`, and the last digit of a float function may differ: the engine's own functions.
SELECT upper('Größe')

SELECT length('Größe'), char_length('abc'), octet_length('Größe'), bit_length('ab'), character_length('x')
SELECT left('abcdef', 2), right('abcdef', 2), left('abcdef', -2), right('abcdef', -2), left('abc', 0)
SELECT substring('abcdef' FROM 2 FOR 3), substring('abcdef', 2), substr('abcdef', 2, 2), substring('abc' FROM 0 FOR 2)
SELECT substring('Thomas' FROM '...$'), substring('foobar' FROM 'o(.)b'), substring('foobar' FROM 'x')
SELECT position('c' IN 'abc'), strpos('abc', 'z'), position('' IN 'abc')
SELECT trim('  a '), ltrim('xxa', 'x'), rtrim('axx', 'x'), btrim('xaxx', 'x'), trim(BOTH 'x' FROM 'xax'), trim(LEADING 'x' FROM 'xax'), trim(TRAILING 'x' FROM 'xax')
SELECT lpad('5', 3, '0'), rpad('5', 3, '0'), lpad('abcdef', 3), lpad('a', 4), rpad('a', 5, 'xy')
SELECT replace('abcabc', 'b', 'X'), translate('12345', '143', 'ax'), reverse('abc'), repeat('ab', 3), repeat('ab', 0)
SELECT split_part('a,b,c', ',', 2), split_part('a,b,c', ',', 9), split_part('a,b,c', ',', -1)
SELECT overlay('Txxxxas' PLACING 'hom' FROM 2 FOR 4), overlay('abcdef' PLACING 'X' FROM 3)
SELECT starts_with('alphabet', 'alph'), 'alphabet' ^@ 'alph'
SELECT ascii('x'), chr(120), md5('abc'), ascii('')
SELECT encode(sha256('abc'::bytea), 'hex'), encode('abc'::bytea, 'base64'), decode('YWJj', 'base64')

-- differs: A text cast to `bytea` gives the text's bytes, also where PostgreSQL reads `\x…`.
SELECT encode('\x00ff'::bytea, 'hex')

SELECT 'abc'::bytea

-- differs: A text cast to `bytea` gives the text's bytes, also where PostgreSQL reads `\x…`.
SELECT '\x6162'::bytea, length('\x616263'::bytea), E'\\x61'::bytea

SELECT regexp_replace('foobarbaz', 'b..', 'X'), regexp_replace('foobarbaz', 'b..', 'X', 'g'), regexp_replace('foobarbaz', 'b(..)', 'X\1Y', 'g')
SELECT regexp_replace('Thomas', '.[mN]a.', 'M'), regexp_replace('ABC', 'b', 'x', 'i')
SELECT regexp_match('foobarbequebaz', '(bar)(beque)'), regexp_match('abc', 'x'), regexp_match('foobar', 'ob')

-- differs: Regular expressions follow Rust's `regex`: all matches as rows, and patterns that match nothing, are not there.
SELECT regexp_matches('foobarbequebazilbarfbonk', '(b[^b]+)(b[^b]+)', 'g')

SELECT regexp_split_to_array('the quick  fox', '\s+'), regexp_split_to_array('aXbxc', 'x', 'i')

-- differs: Regular expressions follow Rust's `regex`: all matches as rows, and patterns that match nothing, are not there.
SELECT regexp_split_to_array('abc', '')

SELECT regexp_split_to_table('a b c', ' ')
SELECT regexp_count('ABCABCAXYaxy', 'A.'), regexp_like('Hello World', 'world$', 'i'), regexp_substr('ABCDEF', 'C.'), regexp_instr('ABCDEF', 'C(.)(..)')
SELECT string_to_array('a,b,,c', ','), string_to_array('a,b,NULL', ',', 'NULL'), string_to_array('abc', NULL), string_to_array('', ',')
SELECT array_to_string(ARRAY['a', NULL, 'b'], ','), array_to_string(ARRAY['a', NULL, 'b'], ',', '*')
SELECT string_to_table('a,b', ',')
SELECT 'abc' LIKE 'a%', 'abc' LIKE '_b_', 'abc' NOT LIKE 'a', 'a%c' LIKE 'a\%c', 'a%c' LIKE 'a!%c' ESCAPE '!'
SELECT 'ABC' ILIKE 'a%', 'ÄB' ILIKE 'äb', 'abc' NOT ILIKE 'A%'
SELECT 'abc' ~ '^a', 'abc' ~* 'B', 'abc' !~ 'x', 'abc' !~* 'B', 'abc' ~ 'a|x'
SELECT 'abc' SIMILAR TO 'a(b|x)c', 'abc' SIMILAR TO 'b', 'abc' SIMILAR TO '%(b|d)%', 'abc' NOT SIMILAR TO 'a%'
SELECT 'abc' ~~ 'a%', 'abc' !~~ 'a%', 'ABC' ~~* 'a%'
SELECT 'x' = 'X', 'a' < 'B', 'a' < 'b', 'Z' < 'a', '' < ' '
SELECT quote_ident('Weird Name'), quote_literal(E'O\'Reilly'), quote_nullable(NULL)
SELECT format('Hello %s, %1$s', 'World'), format('%I = %L', 'col', 'val'), format('%10s|%-10s|', 'a', 'b')
SELECT to_char(1234.5::numeric, '9,999.99'), to_char(-5::int, '999'), to_char(12::int, '0000')
SELECT E'tab\there', E'a\nb', 'it''s', $$dollar 'quoted'$$, $tag$x$tag$

-- differs: The SQL parser does not know this form.
SELECT U&'d\0061t\+000061'

-- differs: The engine is more lenient: it takes what PostgreSQL refuses.
SELECT 'a' 'b'

SELECT 'abc'::text || 'def'::varchar, length('a' || 'b')
SELECT 'abc' COLLATE "C" < 'abd', ('b' COLLATE "C") > 'a'
SELECT unistr('d\0061t')

-- differs: This function, or this form of it, is not there.
SELECT normalize('é')

SELECT parse_ident('"SomeSchema".someTable')
SELECT string_agg(name, ',' ORDER BY name DESC) FROM releases
SELECT string_agg(DISTINCT measure, '|' ORDER BY measure) FROM counts
SELECT string_agg(name, NULL ORDER BY name) FROM releases
SELECT release, string_agg(measure, ', ' ORDER BY measure) FROM counts GROUP BY release ORDER BY release

-- differs: This function, or this form of it, is not there.
SELECT to_number('1,234.5', '9,999.9')

--: time
SELECT date_trunc('day', timestamptz '2018-06-03 23:30:00+00'), date_trunc('hour', timestamp '2018-06-03 23:30:00')
SELECT date_trunc('day', timestamptz '2018-06-03 23:30:00+00', 'Europe/Berlin'), date_trunc('day', timestamptz '2018-06-03 02:30:00+00', 'America/New_York')
SELECT date_trunc('week', timestamp '2018-06-03 10:00:00'), date_trunc('quarter', timestamp '2018-06-15'), date_trunc('year', timestamp '2018-06-15')

-- differs: `date_trunc` of a date gives a time without a zone.
SELECT date_trunc('month', date '2018-06-15')

SELECT date_trunc('decade', timestamp '2018-06-15'), date_trunc('century', timestamp '2018-06-15'), date_trunc('millennium', timestamp '2018-06-15')
SELECT date_trunc('minute', timestamp '2018-06-03 10:11:12.5'), date_trunc('second', timestamp '2018-06-03 10:11:12.5'), date_trunc('milliseconds', timestamp '2018-06-03 10:11:12.123456')
SELECT date_trunc('hour', interval '2 days 3 hours 40 minutes')
SELECT date_trunc('nothing', timestamp '2018-06-03')
SELECT date_bin('15 minutes', timestamptz '2018-06-03 10:37:00Z', timestamptz '2018-01-01 00:00:00Z')
SELECT date_bin('15 minutes', timestamp '2018-06-03 10:37:00', timestamp '2018-01-01 00:05:00')
SELECT extract(year FROM timestamp '2018-06-03 10:11:12.5'), extract(month FROM date '2018-06-03'), extract(day FROM timestamp '2018-06-03'), extract(hour FROM timestamp '2018-06-03 10:11:12')

-- differs: A number with a point is a `double precision`, not a `numeric`, and so are the parts of a time; a `numeric` is only what is cast to it, and keeps other digits in division and averages.
SELECT extract(minute FROM timestamp '2018-06-03 10:11:12.5'), extract(second FROM timestamp '2018-06-03 10:11:12.5')
SELECT extract(epoch FROM timestamptz '2018-06-03 00:00:00Z'), extract(epoch FROM timestamp '2018-06-03 00:00:00.25'), extract(epoch FROM interval '1 day 2 hours')

SELECT extract(dow FROM date '2018-06-03'), extract(isodow FROM date '2018-06-03'), extract(doy FROM date '2018-06-03'), extract(week FROM date '2018-06-03'), extract(isoyear FROM date '2018-01-01'), extract(quarter FROM date '2018-06-03')

-- differs: A number with a point is a `double precision`, not a `numeric`, and so are the parts of a time; a `numeric` is only what is cast to it, and keeps other digits in division and averages.
SELECT extract(milliseconds FROM timestamp '2018-06-03 10:11:12.5'), extract(microseconds FROM timestamp '2018-06-03 10:11:12.5')

SELECT extract(century FROM date '2018-06-03'), extract(decade FROM date '2018-06-03'), extract(millennium FROM date '2018-06-03')
SELECT extract(day FROM interval '40 days 1 month'), extract(hour FROM interval '26 hours'), extract(month FROM interval '14 months')
SELECT extract(timezone FROM timestamptz '2018-06-03 00:00:00Z')
SELECT date_part('year', timestamp '2018-06-03'), date_part('epoch', timestamptz '2018-06-03 00:00:00Z'), date_part('dow', date '2018-06-03'), date_part('minute', time '10:11:12')
SELECT floor(extract(epoch FROM timestamptz '2018-06-03 00:07:00Z') / 300) * 300
SELECT to_timestamp(1528000000), to_timestamp(1528000000.5), to_timestamp(0)
SELECT to_timestamp('2018-06-03 10:11', 'YYYY-MM-DD HH24:MI'), to_timestamp('03/06/2018', 'DD/MM/YYYY'), to_timestamp('3 Jun 2018', 'DD Mon YYYY')
SELECT to_date('2018-06-03', 'YYYY-MM-DD'), to_date('03.06.2018', 'DD.MM.YYYY'), to_date('20180603', 'YYYYMMDD')
SELECT to_char(timestamp '2018-06-03 04:05:06', 'YYYY-MM-DD HH24:MI:SS'), to_char(timestamp '2018-06-03 16:05:06', 'HH12:MI AM'), to_char(timestamp '2018-06-03 16:05:06.123456', 'MS US')
SELECT to_char(timestamp '2018-06-03', 'Day'), to_char(timestamp '2018-06-03', 'FMDay, FMDD FMMonth YYYY'), to_char(timestamp '2018-06-03', 'DY MON'), to_char(timestamp '2018-06-03', 'Dy Mon DD')
SELECT to_char(timestamp '2018-06-03', 'IYYY-IW'), to_char(timestamp '2018-06-03', 'Q'), to_char(timestamp '2018-06-03', 'DDD WW D ID'), to_char(timestamp '2018-06-03', 'YY')
SELECT to_char(timestamptz '2018-06-03 04:05:06Z', 'YYYY-MM-DD"T"HH24:MI:SS'), to_char(timestamptz '2018-06-03 04:05:06Z', 'HH24:MI TZ')
SELECT to_char(date '2018-06-03', 'YYYY-MM'), to_char(interval '26 hours 5 minutes', 'HH24:MI')
SELECT to_char(1.5::float8, '990.00'), to_char(0.5::float8, 'FM990.00'), to_char(1234567::bigint, 'FM9,999,999'), to_char(12.34::float8, 'FM999.9')
SELECT to_char(0.1234::float8 * 100, 'FM990.0%')
SELECT timestamptz '2018-06-03 12:00:00Z' AT TIME ZONE 'Europe/Berlin', timestamp '2018-06-03 12:00:00' AT TIME ZONE 'America/New_York', timestamptz '2018-06-03 12:00:00Z' AT TIME ZONE 'UTC'
SELECT timestamptz '2018-01-03 12:00:00Z' AT TIME ZONE 'Europe/Berlin', timezone('Europe/Berlin', timestamptz '2018-06-03 12:00:00Z')

-- differs: This function, or this form of it, is not there.
SELECT timestamptz '2018-06-03 12:00:00Z' AT TIME ZONE interval '2 hours'

SELECT date_trunc('day', timestamptz '2018-06-03 23:30:00Z' AT TIME ZONE 'Europe/Berlin') AT TIME ZONE 'Europe/Berlin'
SELECT timestamptz '2018-06-03 12:00:00Z' AT TIME ZONE 'Nowhere/Land'
SELECT date '2018-06-03' + 1, date '2018-06-03' - 1, date '2018-06-03' - date '2018-05-03'
SELECT date '2018-06-03' + interval '1 month', date '2018-01-31' + interval '1 month', timestamp '2018-06-03 10:00:00' - interval '90 minutes'
SELECT timestamp '2018-06-03 10:00:00' - timestamp '2018-06-01 08:30:00', timestamptz '2018-06-03 10:00:00Z' - timestamptz '2018-06-03 09:59:59.5Z'
SELECT date '2018-06-03' + time '10:11:12', time '10:00' + interval '3 hours', time '10:00' - time '08:30'
SELECT interval '1 day' * 2, interval '1 hour' / 2, 1.5 * interval '1 hour', interval '1 day' + interval '2 hours', - interval '1 day'
SELECT interval '3 days ago', interval '-1 hour', interval '2 hours ago', - interval '1 month'
SELECT interval '1 year 2 months 3 days', interval '1 day 02:03:04', interval '-1 day', interval '90 minutes', interval '1.5 hours', interval '1 week'
SELECT interval '1' day, interval '2' hour, interval '1-2' year to month, interval 'P1Y2M3DT4H5M6S', interval '04:05'
SELECT interval '5', '300'::interval, interval '1 mon'

-- differs: Times are finite, `varchar(n)`, `char(n)` and `timestamp(n)` do not cut or fill, and intervals are compared part by part.
SELECT interval '1 day' = interval '24 hours', interval '1 month' > interval '29 days', interval '30 days' = interval '1 month'

SELECT make_date(2018, 6, 3), make_timestamp(2018, 6, 3, 10, 11, 12.5), make_interval(days => 10), make_interval(hours => 2, mins => 30)

-- differs: This function, or this form of it, is not there.
SELECT make_time(10, 11, 12.5)

SELECT make_timestamptz(2018, 6, 3, 10, 11, 12.5), make_timestamptz(2018, 6, 3, 10, 11, 12.5, 'Europe/Berlin')
SELECT age(timestamp '2018-06-03', timestamp '2017-01-01'), age(timestamp '2018-03-01', timestamp '2018-01-31'), age(timestamptz '2018-06-03 12:00:00Z', timestamptz '2018-06-01 13:00:00Z')
SELECT age(timestamp '2017-01-01', timestamp '2018-06-03 10:00:00'), age(date '2018-06-03', date '2018-06-01')
SELECT justify_days(interval '35 days'), justify_hours(interval '27 hours'), justify_interval(interval '1 mon -1 hour')
SELECT (timestamp '2018-06-03', timestamp '2018-06-05') OVERLAPS (timestamp '2018-06-04', timestamp '2018-06-06'), (date '2018-06-03', interval '1 day') OVERLAPS (date '2018-06-04', interval '1 day')
SELECT now() = current_timestamp, now()::date = current_date, transaction_timestamp() = now(), statement_timestamp() >= now(), clock_timestamp() >= now()
SELECT date_trunc('second', localtimestamp) = date_trunc('second', now()::timestamp), current_time IS NOT NULL, localtime IS NOT NULL
SELECT timestamp '2018-06-03 10:00:00' < timestamp '2018-06-04', date '2018-06-03' = timestamp '2018-06-03 00:00:00', timestamptz '2018-06-03 00:00:00Z' > date '2018-06-01'
SELECT at FROM readings WHERE at BETWEEN '2018-06-03T00:00:00Z' AND '2018-06-03T23:59:59Z' ORDER BY at
SELECT at FROM readings WHERE at >= '2018-06-04' AND at < '2018-06-04'::date + interval '1 day' ORDER BY at
SELECT at::date AS day, sum(events) FROM readings GROUP BY at::date ORDER BY 1
SELECT date_trunc('hour', at) AS hour, count(*) FROM readings GROUP BY 1 ORDER BY hour
SELECT date_trunc('week', at)::date, sum(events), sum(hours) FROM readings GROUP BY 1 ORDER BY 1 DESC
SELECT to_char(at, 'YYYY-MM-DD'), sum(events) / nullif(sum(hours), 0) FROM readings GROUP BY 1 ORDER BY 1
SELECT extract(hour FROM at)::int AS hour, count(*) FROM readings GROUP BY 1 ORDER BY 1
SELECT timestamp 'epoch' + 1528000000 * interval '1 second'
SELECT 'epoch'::timestamp, 'epoch'::date

-- differs: Times are finite, `varchar(n)`, `char(n)` and `timestamp(n)` do not cut or fill, and intervals are compared part by part.
SELECT 'infinity'::timestamp > now()::timestamp, '-infinity'::date < current_date

SELECT isfinite(timestamp '2018-06-03'), isfinite(interval '1 day')

-- differs: Times are finite, `varchar(n)`, `char(n)` and `timestamp(n)` do not cut or fill, and intervals are compared part by part.
SELECT isfinite(date 'infinity')

SELECT 'now'::timestamptz = now(), 'today'::date = current_date, 'yesterday'::date = current_date - 1
SELECT date '2018-06-03', date 'June 3, 2018', date '20180603', '2018-Jun-03'::date
SELECT timestamptz '2018-06-03 12:00:00 Europe/Berlin', timestamptz '2018-06-03T12:00:00.123+05:30', timestamptz '2018-06-03 12:00:00-08'
SELECT timestamp '2018-06-03 12:00:00.123456', timestamp '2018-06-03 12:00'

-- differs: Times are finite, `varchar(n)`, `char(n)` and `timestamp(n)` do not cut or fill, and intervals are compared part by part.
SELECT '2018-06-03 12:00:00.5'::timestamp(0)

SELECT generate_series(timestamp '2018-06-03', timestamp '2018-06-03 02:00:00', interval '1 hour')
SELECT s FROM generate_series(timestamptz '2018-06-03 00:00:00Z', timestamptz '2018-06-05 00:00:00Z', '12 hours') AS s
SELECT generate_series(date '2018-01-31', date '2018-05-31', '1 month')::date
SELECT d::date, count(r.at) FROM generate_series('2018-06-02'::date, '2018-06-05'::date, '1 day'::interval) d LEFT JOIN readings r ON r.at::date = d::date GROUP BY 1 ORDER BY 1
SELECT g.day FROM generate_series(timestamp '2018-06-05', timestamp '2018-06-03', interval '-1 day') AS g(day)
SELECT current_setting('TimeZone'), current_setting('server_version_num')::int / 100, current_setting('nothing.here', true), current_setting('search_path')
SELECT current_setting('nothing')
SELECT set_config('statement_timeout', '10s', false)
SELECT pg_sleep(0)
SELECT 1 + '1', '2.5' * 2.0::float8
SELECT timeofday() IS NOT NULL, extract(julian FROM date '2018-06-03')

--: sets
SELECT generate_series(1, 3)
SELECT generate_series(5, 1, -2), 'x'
SELECT * FROM generate_series(1, 10, 4) AS t(n)
SELECT n, n * n AS square FROM generate_series(1, 4) n WHERE n % 2 = 0
SELECT sum(g) FROM generate_series(1, 100) g

-- differs: This function, or this form of it, is not there.
SELECT generate_series(1.0, 2.0, 0.5)

SELECT unnest(ARRAY[1, 2, NULL])
SELECT * FROM unnest(ARRAY['a', 'b']) WITH ORDINALITY
SELECT * FROM unnest(ARRAY[1, 2], ARRAY['x', 'y', 'z']) AS t(a, b)
SELECT * FROM unnest(ARRAY['a', 'b']) WITH ORDINALITY AS t(item, n) ORDER BY n DESC
SELECT * FROM generate_series(10, 12) WITH ORDINALITY AS t(v, n)

-- differs: The SQL parser does not know this form.
SELECT * FROM ROWS FROM (generate_series(1, 2), generate_series(5, 7)) AS t(a, b)

SELECT id, unnest(items) FROM lists ORDER BY 1, 2
SELECT id, item, n FROM lists CROSS JOIN LATERAL unnest(items) WITH ORDINALITY AS t(item, n) ORDER BY 1, 3
SELECT * FROM (VALUES (1, 'one'), (2, 'two')) AS t(n, word) ORDER BY n DESC
VALUES (1, 'a'), (2, 'b')
SELECT DISTINCT ON (channel) channel, at, events FROM readings ORDER BY channel, at DESC
SELECT DISTINCT ON (channel, platform) channel, platform, events FROM readings ORDER BY channel, platform, at
SELECT DISTINCT channel FROM readings ORDER BY channel
SELECT count(*), count(events), count(DISTINCT channel), count(*) FILTER (WHERE events > 5) FROM readings
SELECT channel, sum(events) FILTER (WHERE platform = 'windows') AS windows, sum(events) FILTER (WHERE platform = 'linux') AS linux FROM readings GROUP BY channel ORDER BY channel
SELECT channel, platform, sum(events) FROM readings GROUP BY GROUPING SETS ((channel), (platform), ()) ORDER BY 1, 2, 3
SELECT channel, platform, sum(events), grouping(channel), grouping(channel, platform) FROM readings GROUP BY ROLLUP (channel, platform) ORDER BY 1, 2, 3, 4, 5
SELECT channel, platform, count(*) FROM readings GROUP BY CUBE (channel, platform) ORDER BY 1, 2, 3
SELECT channel FROM readings GROUP BY channel HAVING sum(events) > 5 ORDER BY channel
SELECT bool_and(events > 0), bool_or(events > 5), every(hours > 0) FROM readings
SELECT min(at), max(at), min(channel), max(platform) FROM readings
SELECT array_agg(events ORDER BY at), array_agg(DISTINCT channel ORDER BY channel) FROM readings
SELECT array_agg(events) FILTER (WHERE events > 100) FROM readings
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY hours) FROM readings
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY events) FROM readings
SELECT channel, percentile_cont(0.9) WITHIN GROUP (ORDER BY events) FROM readings GROUP BY channel ORDER BY channel
SELECT percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY hours) FROM readings
SELECT mode() WITHIN GROUP (ORDER BY channel) FROM readings
SELECT percentile_cont(0.25) WITHIN GROUP (ORDER BY x) FROM generate_series(1, 10) x
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY hours DESC) FROM readings
SELECT stddev(hours), stddev_samp(hours), stddev_pop(hours), variance(hours), var_pop(hours), var_samp(hours) FROM readings
SELECT corr(events, hours), covar_pop(events, hours), covar_samp(events, hours) FROM readings
SELECT regr_slope(events, hours), regr_intercept(events, hours), regr_r2(events, hours), regr_count(events, hours) FROM readings
SELECT bit_and(x), bit_or(x), bit_xor(x) FROM (VALUES (5::int), (3)) t(x)

-- differs: JSON values and functions but for `json_build_object` and `row_to_json` of a subquery are not there: no column here holds JSON.
SELECT json_agg(id ORDER BY id)::text FROM releases
SELECT jsonb_agg(name ORDER BY id)::text FROM releases
SELECT json_object_agg(measure, events ORDER BY measure)::text FROM counts WHERE release = 1
SELECT to_json('a"b'::text)::text, to_jsonb(1.5)::text, json_build_array(1, 'a', NULL)::text
SELECT '{"a": {"b": [1, 2]}}'::json -> 'a' ->> 'b', '{"a": 1}'::jsonb @> '{"a": 1}', '[1,2]'::json ->> 0, '{"a":{"b":"c"}}'::json #>> '{a,b}'

SELECT sum(events) FROM readings WHERE false
SELECT count(*) FROM readings WHERE false
SELECT channel FROM readings UNION SELECT name FROM releases ORDER BY 1 NULLS FIRST
SELECT id FROM releases UNION ALL SELECT release FROM counts ORDER BY 1
SELECT id FROM releases INTERSECT SELECT release FROM counts ORDER BY 1
SELECT id FROM releases EXCEPT SELECT release FROM counts ORDER BY 1

-- differs: Sets with duplicates (`EXCEPT ALL`) lose all copies at once.
SELECT release FROM counts EXCEPT ALL SELECT 1 ORDER BY 1

SELECT release FROM counts INTERSECT ALL SELECT release FROM counts ORDER BY 1
WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT sum(n) FROM t
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT * FROM a, b
WITH a AS MATERIALIZED (SELECT 1 AS x) SELECT * FROM a
WITH t(x, y) AS (SELECT 1, 2) SELECT y, x FROM t
SELECT * FROM releases ORDER BY hours, id
SELECT * FROM releases ORDER BY hours DESC, id
SELECT * FROM releases ORDER BY hours DESC NULLS LAST, id
SELECT * FROM releases ORDER BY name NULLS FIRST
SELECT id, name FROM releases ORDER BY 2 DESC, 1
SELECT id AS n FROM releases ORDER BY n DESC LIMIT 2
SELECT id FROM releases ORDER BY id OFFSET 1 LIMIT 2
SELECT id FROM releases ORDER BY id OFFSET 1 ROWS FETCH FIRST 2 ROWS ONLY
SELECT id FROM releases ORDER BY id FETCH FIRST ROW ONLY

-- differs: This function, or this form of it, is not there.
SELECT previous FROM releases ORDER BY previous FETCH FIRST 1 ROW WITH TIES

SELECT id FROM releases ORDER BY -id
SELECT name FROM releases ORDER BY lower(name) DESC NULLS LAST, id LIMIT ALL

-- differs: This function, or this form of it, is not there.
SELECT id FROM releases ORDER BY id LIMIT (SELECT 2)

SELECT * FROM releases r JOIN counts c ON c.release = r.id ORDER BY r.id, c.measure
SELECT r.id, c.events FROM releases r LEFT JOIN counts c ON c.release = r.id AND c.measure = 'm' ORDER BY 1
SELECT id, events FROM releases FULL JOIN counts ON release = id AND events > 4 ORDER BY 1, 2
SELECT * FROM (SELECT 1 AS id, 2 AS a) x JOIN (SELECT 1 AS id, 3 AS b) y USING (id)
SELECT * FROM (SELECT 1 AS id, 2 AS a) x NATURAL JOIN (SELECT 1 AS id, 3 AS b) y
SELECT a.id, b.id FROM releases a, releases b WHERE a.id < b.id ORDER BY 1, 2

-- differs: Rows as values (`SELECT r FROM t r`, `(r).column`, rows IN a subquery) are not there.
SELECT (r).name FROM releases r ORDER BY id
SELECT r FROM releases r ORDER BY id

SELECT ROW(1, 'a', NULL), (1, 2) = (1, 2), (1, 2) < (1, 3), ROW(1, NULL) IS NULL

-- differs: Rows as values (`SELECT r FROM t r`, `(r).column`, rows IN a subquery) are not there.
SELECT id FROM releases WHERE (id, name) IN (SELECT 1, 'a')

SELECT id FROM releases WHERE (id, name) IN ((1, 'a'), (2, 'x'))
SELECT coalesce(name, 'none'), nullif(id, 1), CASE WHEN hours > 5 THEN 'many' ELSE 'few' END, CASE id WHEN 1 THEN 'one' END FROM releases ORDER BY id
SELECT id NOT IN (1, NULL) FROM releases ORDER BY id
SELECT num_nulls(1, NULL, 2), num_nonnulls(1, NULL, 2)
SELECT channel, count(*) FROM readings GROUP BY 1 ORDER BY count(*) DESC, 1
SELECT upper(channel) AS c, count(*) FROM readings GROUP BY c ORDER BY c
SELECT count(*) c FROM readings
SELECT 1 one, 2 AS "Two", 3 AS "th ree", 4 AS value

-- differs: The engine is more lenient: it takes what PostgreSQL refuses.
SELECT any_value(1)
SELECT name FROM releases TABLESAMPLE SYSTEM (100)

SELECT sum(events), sum(events) FROM readings
SELECT FROM releases
SELECT 1 WHERE EXISTS (SELECT FROM releases)

SELECT DISTINCT ON (release) release, (SELECT name FROM releases r WHERE r.id = c.release), measure FROM counts c ORDER BY release, measure DESC
TABLE releases ORDER BY id DESC LIMIT 2
SELECT id, (SELECT ARRAY(SELECT c.events FROM counts c WHERE c.release = r.id ORDER BY 1)) FROM releases r ORDER BY id
SELECT row_to_json(r)::text FROM (SELECT 1::int AS a, 'x' AS b) r
SELECT row_to_json(t)::text FROM (SELECT 1 AS a, 'x "y"' AS "B c", true AS d, NULL AS e) t
SELECT date(timestamptz '2018-06-03 10:00:00Z'), date(at) FROM readings ORDER BY 2
SELECT int4(5.5), float8('1.5'), text(5), bool('t'), 'r' = ANY ('{"v", "r"}'::"char"[])

--: windows
SELECT id, row_number() OVER (ORDER BY hours DESC), rank() OVER (ORDER BY previous), dense_rank() OVER (ORDER BY previous) FROM releases ORDER BY id
SELECT id, lag(id) OVER (ORDER BY id), lead(id, 2, 0) OVER (ORDER BY id), first_value(name) OVER (ORDER BY id), last_value(name) OVER (ORDER BY id) FROM releases ORDER BY id
SELECT id, nth_value(id, 2) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), ntile(3) OVER (ORDER BY id), percent_rank() OVER (ORDER BY id), cume_dist() OVER (ORDER BY id) FROM releases ORDER BY id
SELECT at, sum(events) OVER (PARTITION BY channel ORDER BY at), avg(hours) OVER (PARTITION BY channel) FROM readings ORDER BY at
SELECT at, sum(events) OVER w, count(*) OVER w FROM readings WINDOW w AS (ORDER BY at ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) ORDER BY at
SELECT at, sum(events) OVER (ORDER BY at RANGE BETWEEN interval '1 day' PRECEDING AND CURRENT ROW) FROM readings ORDER BY at
SELECT id, sum(id) OVER (ORDER BY previous GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM releases ORDER BY id

-- differs: The SQL parser does not know this form.
SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM releases ORDER BY id

SELECT id, sum(hours) FILTER (WHERE hours > 5) OVER (ORDER BY id) FROM releases ORDER BY id
SELECT channel, sum(sum(events)) OVER (ORDER BY channel) FROM readings GROUP BY channel ORDER BY channel

-- differs: A number with a point is a `double precision`, not a `numeric`, and so are the parts of a time; a `numeric` is only what is cast to it, and keeps other digits in division and averages.
SELECT channel, sum(events) / sum(sum(events)) OVER () FROM readings GROUP BY channel ORDER BY channel

SELECT channel, count(*), rank() OVER (ORDER BY count(*) DESC) FROM readings GROUP BY channel ORDER BY 3, 1
SELECT * FROM (SELECT channel, at, row_number() OVER (PARTITION BY channel ORDER BY at DESC) AS n FROM readings) x WHERE n = 1 ORDER BY channel
SELECT id, max(hours) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING), min(name) OVER () FROM releases ORDER BY id
SELECT at, events - lag(events, 1, 0::bigint) OVER (ORDER BY at) FROM readings ORDER BY at
SELECT id, string_agg(name, ',') OVER (ORDER BY id) FROM releases ORDER BY id
SELECT id, array_agg(id) OVER (ORDER BY id ROWS 1 PRECEDING) FROM releases ORDER BY id

-- differs: A number with a point is a `double precision`, not a `numeric`, and so are the parts of a time; a `numeric` is only what is cast to it, and keeps other digits in division and averages.
SELECT id, avg(id) OVER (ORDER BY id) FROM releases ORDER BY id

--: arrays
SELECT (ARRAY[1, 2, 3])[2], (ARRAY[1, 2, 3])[2:3], (ARRAY['a', 'b'])[5]

-- differs: This function, or this form of it, is not there.
SELECT (ARRAY[1, 2, 3])[:2]

SELECT ARRAY[1, 2] || 3, ARRAY[1] || ARRAY[2, 3], 0 || ARRAY[1], array_append(ARRAY[1], 2), array_prepend(0, ARRAY[1]), array_cat(ARRAY[1], ARRAY[2])
SELECT array_length(ARRAY[1, 2, 3], 1), cardinality(ARRAY[1, 2]), array_length(ARRAY[]::int[], 1), cardinality(ARRAY[]::int[]), array_ndims(ARRAY[1])
SELECT array_position(ARRAY['a', 'b', 'c'], 'b'), array_positions(ARRAY[1, 2, 1], 1), array_remove(ARRAY[1, 2, 1], 1), array_replace(ARRAY[1, 2, 1], 1, 9)
SELECT ARRAY[1, 2] @> ARRAY[1], ARRAY[1] <@ ARRAY[1, 2], ARRAY[1, 2] && ARRAY[2, 3], ARRAY[1, 2] = ARRAY[1, 2], ARRAY[1, 2] < ARRAY[1, 3]
SELECT 2 = ANY (ARRAY[1, 2]), 2 <> ALL (ARRAY[1, 3]), 3 > ALL (ARRAY[1, 2])
SELECT ARRAY[[1, 2], [3, 4]], (ARRAY[[1, 2], [3, 4]])[2][1]

-- differs: This function, or this form of it, is not there.
SELECT array_dims(ARRAY[[1, 2], [3, 4]])

SELECT array_agg(x ORDER BY x DESC) FROM unnest(ARRAY[2, 1, 3]) x
SELECT ARRAY['a', NULL, 'b c', 'd"e', ''], ARRAY[true, false], ARRAY[1.5::float8, NULL], ARRAY[date '2018-06-03']
SELECT trim_array(ARRAY[1, 2, 3], 1)

-- differs: This function, or this form of it, is not there.
SELECT array_fill(7, ARRAY[3])

SELECT array_to_string(ARRAY[1, NULL, 3], ',', '-')

-- differs: JSON values and functions but for `json_build_object` and `row_to_json` of a subquery are not there: no column here holds JSON.
SELECT array_to_json(ARRAY[1, 2])::text

SELECT items[1], array_length(items, 1) FROM lists ORDER BY id
SELECT id FROM lists WHERE 3 = ANY (items)
SELECT id, cardinality(items), items IS NULL FROM lists ORDER BY id
SELECT ARRAY(SELECT id FROM releases ORDER BY id)

--: names
SELECT ID, Name FROM Releases WHERE ID = 1
SELECT "id" AS "Id", R."name" FROM releases R ORDER BY "Id"
SELECT "ID" FROM releases
SELECT 1 AS "Mixed Case", 2 AS Mixed, 3 AS "select"
SELECT releases.id FROM releases WHERE releases.name = 'a'
SELECT x."A b" FROM (SELECT 1 AS "A b") x
SELECT 1 AS a, 2 AS A
SELECT nothing FROM releases
SELECT * FROM nothing_here
SELECT nothing(1)
SELECT r.nothing FROM releases r

-- differs: Refused by both, with another SQLSTATE.
SELECT id FROM releases, counts, releases

SELECT a.id FROM releases b
SELECT id, count(*) FROM releases
SELECT sum(id) FROM releases WHERE sum(id) > 1
SELECT name FROM releases WHERE id = 'x'
SELECT id + name FROM releases
SELECT 1 FROM releases GROUP BY 5
SELECT 1 ORDER BY 5

-- differs: The engine is more lenient: it takes what PostgreSQL refuses.
SELECT id FROM releases UNION SELECT name FROM releases

-- differs: Refused by both, with another SQLSTATE.
SELECT * FROM releases LIMIT -1

SELECT (SELECT id FROM releases)
SELECT (SELECT id, name FROM releases LIMIT 1)
SELEC 1
SELECT 1 +
SELECT 'unfinished
SELECT upper(1, 2)

-- differs: The engine is more lenient: it takes what PostgreSQL refuses.
SELECT length(5)

-- differs: Refused by both, with another SQLSTATE.
SELECT substring('abc' FROM 1 FOR -1)

SELECT repeat('a', -1), lpad('abc', -1)
SELECT current_database(), current_schema(), current_user, session_user, current_catalog
SELECT version() LIKE 'PostgreSQL 15%', pg_backend_pid() > 0

-- differs: This function, or this form of it, is not there.
SELECT current_query() IS NOT NULL

SELECT pg_typeof(now()), pg_typeof(current_date), pg_typeof(interval '1 day'), pg_typeof(1::numeric(4, 1))

-- differs: `pg_typeof` of a literal says `text`, and `to_hex` counts in 64 bits: literals have types.
SELECT pg_typeof('x'), pg_typeof(NULL)

SELECT pg_typeof(sum(1::int)), pg_typeof(count(*)), pg_typeof(sum(1.5::float8))

-- differs: A number with a point is a `double precision`, not a `numeric`, and so are the parts of a time; a `numeric` is only what is cast to it, and keeps other digits in division and averages.
SELECT pg_typeof(avg(1::int))
SELECT pg_typeof(extract(epoch FROM now())), pg_typeof(date_part('epoch', now())), pg_typeof(round(1.5)), pg_typeof(1 / 2), pg_typeof(length('a'))

SELECT txid_current() IS NOT NULL, pg_is_in_recovery(), inet_server_port() IS NULL OR true
SELECT has_table_privilege('pg_class', 'SELECT'), has_schema_privilege('public', 'USAGE'), has_database_privilege(current_database(), 'CONNECT')
SELECT obj_description('pg_class'::regclass), col_description('pg_class'::regclass, 1)
SELECT nspname FROM pg_namespace WHERE nspname IN ('pg_catalog', 'public') ORDER BY 1
SELECT /* a comment /* nested */ */ 1 -- the end
SELECT 1;

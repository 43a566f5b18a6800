-- Statements that other servers, or earlier versions of this one, did not survive. One to a line.
SELECT $1::int, $2::text WHERE $3 IS NULL
SELECT * FROM types a, types b, types c, types d, types e, types f WHERE a.big = b.big AND b.big = c.big
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 100) SELECT max(n) FROM r
WITH a AS (SELECT 1 x), b AS (SELECT * FROM a, a a2), c AS (SELECT 1 FROM b, b b2), d AS (SELECT 1 FROM c, c c2) SELECT count(*) FROM d
SELECT ((((((((((((((((((((((((1))))))))))))))))))))))))
SELECT 1 IN (1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20)
SELECT repeat('x', 2147483647)
SELECT lpad('x', 2147483647, 'y')
SELECT array_repeat(1, 1000000000)
SELECT generate_series(1, 9223372036854775807)
SELECT range(1, 1000000000)
SELECT to_timestamp(9223372036854775807), make_date(294277, 1, 1)
SELECT timestamptz '294276-12-31' + interval '1 year'
SELECT date_bin(interval '0 minutes', at, at) FROM types
SELECT date_trunc('century', at), date_part('epoch', day) FROM types
SELECT -9223372036854775808 / -1, (-9223372036854775808) % -1, abs(-9223372036854775808)
SELECT sum(big), avg(big), stddev(real), median(real) FROM types
SELECT factorial(50), gcd(-9223372036854775808, 0), lcm(9223372036854775807, 2)
SELECT regexp_replace('aaaa', '(a+)+$', 'x'), 'x' ~ '(((((((((a{1000}){1000}'
SELECT substr('abc', -2147483648, 2147483647), overlay('abc' placing 'x' from -1)
SELECT round(1.5, 2147483647), power(10, 400), 10 ^ 400, ln(0), sqrt(-1)
SELECT rate_lower(9223372036854775807, 1e-300), rate_upper(0, 0), rate_ratio_ci(1, 0, 0, 1)
SELECT group_sequential_boundary(ARRAY[0.1, 0.5, 1.0], 0.05, 'obf')
SELECT to_char(at, 'YYYY'), to_date('x', 'y'), strpos(label, ''), chr(0), chr(1114112) FROM types
SELECT E'\u0000', U&'\0000', '\u{0}'
SELECT count(*) OVER (ORDER BY big RANGE BETWEEN 9223372036854775807 PRECEDING AND CURRENT ROW) FROM types
SELECT string_to_array('a,b', ','), array_to_string(ARRAY[1], NULL), array_resize(ARRAY[1], 1000000000)

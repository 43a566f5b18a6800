select pg_catalog.version()
;
select current_schema()
;
show transaction isolation level
;
show standard_conforming_strings
;
SAVEPOINT "_pg3_1"
;
SELECT
    typname AS name, oid, typarray AS array_oid,
    oid::regtype::text AS regtype, typdelim AS delimiter
FROM pg_type t
WHERE t.oid = to_regtype('hstore')
ORDER BY t.oid
;
RELEASE "_pg3_1"
;
SELECT 1 + 1
;
SELECT pg_catalog.pg_class.relname 
FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace 
WHERE pg_catalog.pg_class.relkind = ANY (ARRAY['r'::VARCHAR, 'p'::VARCHAR]) AND pg_catalog.pg_class.relpersistence != 't'::VARCHAR AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid) AND pg_catalog.pg_namespace.nspname != 'pg_catalog'::VARCHAR
;
SELECT pg_catalog.pg_class.relname 
FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace 
WHERE pg_catalog.pg_class.relkind = ANY (ARRAY['v'::VARCHAR]) AND pg_catalog.pg_class.relpersistence != 't'::VARCHAR AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid) AND pg_catalog.pg_namespace.nspname != 'pg_catalog'::VARCHAR
;
SELECT true AS b, 7::int2 AS s, 8::int4 AS i, 9::int8 AS l, 1.5::float4 AS r, 2.25::float8 AS d,
    1.50::numeric(10, 2) AS n, 'ü'::text AS t, decode('00ff', 'hex') AS x, date '2018-06-03' AS day,
    timestamp '2018-06-03 01:02:03.000004' AS clock, timestamptz '2018-06-03 01:02:03+02' AS moment,
    time '10:11:12' AS hour, interval '1 day 2 hours' AS span, ARRAY[1, NULL, 3]::int4[] AS list,
    ARRAY['a', 'b c'] AS words, 1e300::float8 AS large, NULL::int8 AS nothing
;
SELECT * FROM nowhere
;
SELECT nothing FROM pg_class
;
SELECT 1 / 0
;
SELECT nothing(1)
;
SELECT 'x'::int4
;
SELECT relname FROM pg_class GROUP BY relkind
;

COPY (SELECT 1::int8 AS one) TO STDOUT WITH BINARY
;
COPY (SELECT c.relname::text, obj_description(c.oid, 'pg_class') AS comment
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'v') ORDER BY 1) TO STDOUT WITH BINARY
;
COPY (SELECT true AS b, 7::int2 AS s, 8::int4 AS i, 9::int8 AS l, 1.5::float4 AS r, 2.25::float8 AS d,
    'ü'::text AS t, date '2018-06-03' AS day, timestamp '2018-06-03 01:02:03.000004' AS clock,
    timestamptz '2018-06-03 01:02:03+02' AS moment, NULL::int8 AS nothing) TO STDOUT WITH BINARY
;
COPY (SELECT n::int8 AS n FROM generate_series(1, 10000) AS n) TO STDOUT WITH BINARY
;

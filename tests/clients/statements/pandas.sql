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
SELECT 1 FROM pg_catalog.pg_cursors WHERE name = 'c_7f375b9afe90_3'
;
SELECT 1 FROM pg_catalog.pg_cursors WHERE name = 'c_7f376ea3d510_7'
;
SELECT 1 FROM pg_catalog.pg_cursors WHERE name = 'c_7f375b9e4b90_b'
;
SELECT 1 FROM pg_catalog.pg_cursors WHERE name = 'c_7f375ba03490_f'
;

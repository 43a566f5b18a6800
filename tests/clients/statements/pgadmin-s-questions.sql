SET DateStyle = ISO
;
SET client_min_messages = notice
;
SELECT set_config('bytea_output', 'hex', false) FROM pg_show_all_settings() WHERE name = 'bytea_output'
;
SELECT set_config('application_name', 'pgAdmin 4', false)
;
SET client_encoding = 'UTF8'
;
SELECT version()
;
SELECT db.oid AS did, db.datname, db.datallowconn, pg_encoding_to_char(db.encoding) AS serverencoding, has_database_privilege(db.oid, 'CREATE') AS cancreate, datistemplate FROM pg_catalog.pg_database db WHERE db.datname = current_database()
;
SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_catalog.pg_roles WHERE rolname = current_user
;
SELECT CASE WHEN pg_is_in_recovery() THEN 'in recovery' ELSE 'running' END
;
SELECT pg_is_in_recovery(), CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END
;
SELECT nsp.oid, nsp.nspname, has_schema_privilege(nsp.oid, 'CREATE'), has_schema_privilege(nsp.oid, 'USAGE') FROM pg_catalog.pg_namespace nsp WHERE nspname NOT LIKE 'pg\_%' ORDER BY nspname
;
SELECT rel.oid, rel.relname, pg_get_userbyid(rel.relowner), rel.reltuples, (SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid = rel.oid AND tgisinternal = false) AS triggers FROM pg_catalog.pg_class rel WHERE rel.relkind IN ('r', 's', 't', 'p') ORDER BY rel.relname
;
SELECT c.oid, c.relname, pg_get_viewdef(c.oid, true) FROM pg_catalog.pg_class c WHERE c.relkind = 'v' ORDER BY 2
;
SELECT att.attname, att.attnum, format_type(att.atttypid, att.atttypmod), att.attnotnull, pg_get_expr(def.adbin, def.adrelid), col_description(att.attrelid, att.attnum) FROM pg_catalog.pg_attribute att LEFT JOIN pg_catalog.pg_attrdef def ON def.adrelid = att.attrelid AND def.adnum = att.attnum WHERE att.attrelid = 'pg_class'::regclass AND att.attnum > 0 ORDER BY att.attnum
;
SELECT pid, datname, usename, application_name, state, query FROM pg_catalog.pg_stat_activity WHERE datname = current_database() ORDER BY pid
;
SELECT 'session_stats' AS chart_name, count(*) FROM pg_catalog.pg_stat_activity
;
SELECT gss_authenticated, encrypted FROM pg_catalog.pg_stat_gssapi WHERE pid = pg_backend_pid()
;
SELECT current_setting('application_name')
;
SELECT c.relname::text, obj_description(c.oid, 'pg_class') AS comment
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'v') ORDER BY 1
;

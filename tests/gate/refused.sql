-- Statements that this server never runs, whatever way they come in. One per line; the line before a group names why.
-- making, changing and dropping relations
CREATE TABLE mine (id INT)
CREATE TABLE mine AS SELECT * FROM error_aggregates
CREATE TEMPORARY TABLE mine (id INT)
CREATE VIEW mine AS SELECT 1
CREATE OR REPLACE VIEW error_aggregates AS SELECT 1
CREATE MATERIALIZED VIEW mine AS SELECT 1
CREATE SCHEMA mine
CREATE DATABASE mine
CREATE INDEX mine ON error_aggregates (channel)
CREATE FUNCTION mine() RETURNS INT LANGUAGE sql AS 'SELECT 1'
CREATE ROLE mine
CREATE EXTENSION dblink
ALTER TABLE error_aggregates ADD COLUMN mine INT
ALTER TABLE error_aggregates RENAME TO mine
DROP TABLE error_aggregates
DROP TABLE IF EXISTS error_aggregates
DROP VIEW usage_windows
DROP SCHEMA public
DROP DATABASE mission_control
TRUNCATE TABLE error_aggregates
COMMENT ON TABLE error_aggregates IS 'mine'
GRANT SELECT ON error_aggregates TO mine
REVOKE SELECT ON error_aggregates FROM mine
SELECT * INTO mine FROM error_aggregates
-- changing rows
INSERT INTO error_aggregates (channel) VALUES ('release')
INSERT INTO error_aggregates SELECT * FROM error_aggregates
UPDATE error_aggregates SET channel = 'beta'
DELETE FROM error_aggregates
MERGE INTO error_aggregates USING usage_windows ON true WHEN MATCHED THEN DELETE
WITH gone AS (DELETE FROM error_aggregates RETURNING *) SELECT * FROM gone
SELECT * FROM error_aggregates FOR UPDATE
-- files, programs and addresses
COPY error_aggregates TO '/tmp/stolen.csv'
COPY (SELECT * FROM error_aggregates) TO '/tmp/stolen.parquet'
COPY error_aggregates TO PROGRAM 'cat > /tmp/stolen'
COPY error_aggregates FROM '/etc/passwd'
COPY (SELECT 1) TO '/tmp/stolen.parquet' STORED AS PARQUET
CREATE EXTERNAL TABLE passwords (line TEXT) STORED AS CSV LOCATION '/etc/passwd'
CREATE EXTERNAL TABLE passwords STORED AS PARQUET LOCATION 'http://127.0.0.1:1/x.parquet'
SELECT * FROM '/etc/passwd'
SELECT * FROM 'data.parquet'
SELECT * FROM "/etc/passwd"
SELECT * FROM "data.csv"
SELECT * FROM "s3://bucket/data.parquet"
SELECT * FROM read_csv('/etc/passwd')
SELECT * FROM read_parquet('/tmp/data.parquet')
SELECT * FROM parquet_metadata('/tmp/data.parquet')
SELECT pg_read_file('/etc/passwd')
SELECT pg_ls_dir('/')
SELECT lo_import('/etc/passwd')
-- the engine's and the server's own options
SET datafusion.execution.batch_size = 1
SET datafusion.catalog.location = '/etc'
SET mission_control.limits = 'none'
RESET datafusion.execution.batch_size
SET ROLE postgres
SET SESSION AUTHORIZATION postgres
ALTER SYSTEM SET work_mem = '1GB'
-- programs in the server
DO 'BEGIN END'
CALL anything()
LOAD 'library'
VACUUM
REINDEX TABLE error_aggregates

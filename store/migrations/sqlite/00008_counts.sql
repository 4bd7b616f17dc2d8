-- +goose Up
-- What pages and judgements ask for again and again, without reading every row:
-- how many alerts there are of a state, and what is wanted of one host.
CREATE INDEX alerts_counted ON alerts (org, state, severity, attention);
DROP INDEX requests_open;
CREATE INDEX requests_open ON requests (org, host_id, due) WHERE state IN ('wanted', 'running');

-- SQLite takes any column for selective until it is told otherwise, org too, of
-- which there is one: to be spared a sort it read a whole table for the three rows
-- of one alert. It is told what 500 hosts lead to, and not what it would count
-- itself, so that the same question always goes the same way.
ANALYZE sqlite_schema; -- makes the table
DELETE FROM sqlite_stat1 WHERE tbl IN ('alerts', 'audit');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('alerts', 'sqlite_autoindex_alerts_1', '5000 5000 1'),
    ('alerts', 'alerts_host', '5000 5000 10 1'),
    ('alerts', 'alerts_open', '500 500 1'),
    ('alerts', 'alerts_attention', '500 500 1 1'),
    ('alerts', 'alerts_changed', '5000 5000 1 1'),
    ('alerts', 'alerts_counted', '5000 5000 100 50 50'),
    ('audit', 'sqlite_autoindex_audit_1', '15000 15000 1'),
    ('audit', 'audit_alert', '15000 15000 3 1'),
    ('audit', 'audit_time', '15000 15000 1 1'),
    ('audit', 'audit_people', '5000 5000 1 1');
ANALYZE sqlite_schema; -- takes note of it

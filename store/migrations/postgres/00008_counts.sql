-- +goose Up
-- What pages and judgements ask for again and again, without reading every row:
-- how many alerts there are of a state, and what is wanted of one host.
CREATE INDEX alerts_counted ON alerts (org, state, severity, attention);
DROP INDEX requests_open;
CREATE INDEX requests_open ON requests (org, host_id, due) WHERE state IN ('wanted', 'running');

-- +goose Up
-- Every table has an org. Ids are UUIDv7 text, times integer microseconds UTC
-- (0: never). body is the whole row as JSON and the truth; the columns beside it
-- are what rows are found by.

-- "PVgl": tells this database from any other program's.
PRAGMA application_id = 1347839852;

CREATE TABLE hosts (
    org  TEXT NOT NULL,
    id   TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, name)
) STRICT;

CREATE TABLE scope_rules (
    org    TEXT NOT NULL,
    prefix TEXT NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (org, prefix)
) STRICT;

-- One row a look, never changed.
CREATE TABLE looks (
    org      TEXT NOT NULL,
    id       TEXT NOT NULL,
    host_id  TEXT NOT NULL,
    run      TEXT NOT NULL,
    view     TEXT NOT NULL,
    vantage  TEXT NOT NULL,
    address  TEXT NOT NULL,
    proto    TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    started  INTEGER NOT NULL,
    ended    INTEGER NOT NULL,
    received INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, host_id) REFERENCES hosts (org, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX looks_series ON looks (org, host_id, view, vantage, address, proto, seq);
CREATE INDEX looks_run ON looks (org, run);

-- Derived from looks: one row a series.
CREATE TABLE trails (
    org     TEXT NOT NULL,
    host_id TEXT NOT NULL,
    view    TEXT NOT NULL,
    vantage TEXT NOT NULL,
    address TEXT NOT NULL,
    proto   TEXT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (org, host_id, view, vantage, address, proto),
    FOREIGN KEY (org, host_id) REFERENCES hosts (org, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE alerts (
    org     TEXT NOT NULL,
    id      TEXT NOT NULL,
    host    TEXT NOT NULL,
    family  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    state   TEXT NOT NULL,
    opened  INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    body    TEXT NOT NULL,
    memory  TEXT NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;
CREATE INDEX alerts_host ON alerts (org, host, opened);
CREATE INDEX alerts_open ON alerts (org, opened) WHERE state <> 'resolved';

CREATE TABLE audit (
    org   TEXT NOT NULL,
    id    TEXT NOT NULL,
    alert TEXT NOT NULL,
    time  INTEGER NOT NULL,
    body  TEXT NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;
CREATE INDEX audit_alert ON audit (org, alert, time);

CREATE TABLE baselines (
    org     TEXT NOT NULL,
    kind    TEXT NOT NULL,
    name    TEXT NOT NULL,
    version INTEGER NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (org, kind, name, version)
) STRICT;

-- secret is sealed under the key file; NULL where the channel has none.
CREATE TABLE channels (
    org    TEXT NOT NULL,
    id     TEXT NOT NULL,
    name   TEXT NOT NULL,
    body   TEXT NOT NULL,
    secret BLOB,
    PRIMARY KEY (org, id),
    UNIQUE (org, name)
) STRICT;

CREATE TABLE deliveries (
    org     TEXT NOT NULL,
    id      TEXT NOT NULL,
    alert   TEXT NOT NULL,
    channel TEXT NOT NULL,
    state   TEXT NOT NULL,
    created INTEGER NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;
CREATE INDEX deliveries_queued ON deliveries (org, created) WHERE state = 'queued';
CREATE INDEX deliveries_alert ON deliveries (org, alert);

CREATE TABLE requests (
    org     TEXT NOT NULL,
    id      TEXT NOT NULL,
    host_id TEXT NOT NULL,
    state   TEXT NOT NULL,
    due     INTEGER NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, host_id) REFERENCES hosts (org, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX requests_host ON requests (org, host_id);
CREATE INDEX requests_open ON requests (org, due) WHERE state IN ('wanted', 'running');

CREATE TABLE settings (
    org   TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (org, key)
) STRICT;

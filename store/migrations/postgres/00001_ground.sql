-- +goose Up
-- Every table has an org. Ids are UUIDv7 text, times integer microseconds UTC
-- (0: never). body is the whole row as JSON and the truth; the columns beside it
-- are what rows are found by. Text is in the order of its bytes, whatever the database's
-- language, as on SQLite.

CREATE TABLE hosts (
    org  TEXT COLLATE "C" NOT NULL,
    id   TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, name)
);

CREATE TABLE scope_rules (
    org    TEXT COLLATE "C" NOT NULL,
    prefix TEXT COLLATE "C" NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (org, prefix)
);

-- One row a look, never changed.
CREATE TABLE looks (
    org      TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    host_id  TEXT COLLATE "C" NOT NULL,
    run      TEXT COLLATE "C" NOT NULL,
    view     TEXT COLLATE "C" NOT NULL,
    vantage  TEXT COLLATE "C" NOT NULL,
    address  TEXT COLLATE "C" NOT NULL,
    proto    TEXT COLLATE "C" NOT NULL,
    seq      BIGINT NOT NULL,
    started  BIGINT NOT NULL,
    ended    BIGINT NOT NULL,
    received BIGINT NOT NULL,
    complete BIGINT NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, host_id) REFERENCES hosts (org, id) ON DELETE CASCADE
);
CREATE INDEX looks_series ON looks (org, host_id, view, vantage, address, proto, seq);
CREATE INDEX looks_run ON looks (org, run);

-- Derived from looks: one row a series.
CREATE TABLE trails (
    org     TEXT COLLATE "C" NOT NULL,
    host_id TEXT COLLATE "C" NOT NULL,
    view    TEXT COLLATE "C" NOT NULL,
    vantage TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    proto   TEXT COLLATE "C" NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (org, host_id, view, vantage, address, proto),
    FOREIGN KEY (org, host_id) REFERENCES hosts (org, id) ON DELETE CASCADE
);

CREATE TABLE alerts (
    org     TEXT COLLATE "C" NOT NULL,
    id      TEXT COLLATE "C" NOT NULL,
    host    TEXT COLLATE "C" NOT NULL,
    family  TEXT COLLATE "C" NOT NULL,
    kind    TEXT COLLATE "C" NOT NULL,
    state   TEXT COLLATE "C" NOT NULL,
    opened  BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    body    TEXT NOT NULL,
    memory  TEXT NOT NULL,
    PRIMARY KEY (org, id)
);
CREATE INDEX alerts_host ON alerts (org, host, opened);
CREATE INDEX alerts_open ON alerts (org, opened) WHERE state <> 'resolved';

CREATE TABLE audit (
    org   TEXT COLLATE "C" NOT NULL,
    id    TEXT COLLATE "C" NOT NULL,
    alert TEXT COLLATE "C" NOT NULL,
    time  BIGINT NOT NULL,
    body  TEXT NOT NULL,
    PRIMARY KEY (org, id)
);
CREATE INDEX audit_alert ON audit (org, alert, time);

CREATE TABLE baselines (
    org     TEXT COLLATE "C" NOT NULL,
    kind    TEXT COLLATE "C" NOT NULL,
    name    TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (org, kind, name, version)
);

-- secret is sealed under the key file; NULL where the channel has none.
CREATE TABLE channels (
    org    TEXT COLLATE "C" NOT NULL,
    id     TEXT COLLATE "C" NOT NULL,
    name   TEXT COLLATE "C" NOT NULL,
    body   TEXT NOT NULL,
    secret BYTEA,
    PRIMARY KEY (org, id),
    UNIQUE (org, name)
);

CREATE TABLE deliveries (
    org     TEXT COLLATE "C" NOT NULL,
    id      TEXT COLLATE "C" NOT NULL,
    alert   TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    state   TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (org, id)
);
CREATE INDEX deliveries_queued ON deliveries (org, created) WHERE state = 'queued';
CREATE INDEX deliveries_alert ON deliveries (org, alert);

CREATE TABLE requests (
    org     TEXT COLLATE "C" NOT NULL,
    id      TEXT COLLATE "C" NOT NULL,
    host_id TEXT COLLATE "C" NOT NULL,
    state   TEXT COLLATE "C" NOT NULL,
    due     BIGINT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, host_id) REFERENCES hosts (org, id) ON DELETE CASCADE
);
CREATE INDEX requests_host ON requests (org, host_id);
CREATE INDEX requests_open ON requests (org, due) WHERE state IN ('wanted', 'running');

CREATE TABLE settings (
    org   TEXT COLLATE "C" NOT NULL,
    key   TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (org, key)
);

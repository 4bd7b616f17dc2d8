-- +goose Up
-- What follows from looks, written in the transaction that stores one. A moment
-- is three columns: the look's number and id, and when it was received.

-- How far a view's looks are folded. Looks up to frozen are folded for good.
CREATE TABLE histories (
    org         TEXT NOT NULL,
    host_id     TEXT NOT NULL,
    view        TEXT NOT NULL,
    vantage     TEXT NOT NULL,
    address     TEXT NOT NULL,
    proto       TEXT NOT NULL,
    newest_seq  INTEGER NOT NULL,
    newest_look TEXT NOT NULL,
    newest_time INTEGER NOT NULL,
    frozen_seq  INTEGER NOT NULL,
    frozen_look TEXT NOT NULL,
    frozen_time INTEGER NOT NULL,
    PRIMARY KEY (org, host_id, view, vantage, address, proto),
    FOREIGN KEY (org, host_id) REFERENCES hosts (org, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- One row a time that a view saw something open whenever it looked. entrance is
-- the address where it was open; ended is empty while no look saw it shut.
CREATE TABLE intervals (
    org        TEXT NOT NULL,
    host_id    TEXT NOT NULL,
    view       TEXT NOT NULL,
    vantage    TEXT NOT NULL,
    address    TEXT NOT NULL,
    proto      TEXT NOT NULL,
    entrance   TEXT NOT NULL,
    door_proto TEXT NOT NULL,
    port       INTEGER NOT NULL,
    apart      INTEGER NOT NULL,
    after_time INTEGER NOT NULL,
    first_seq  INTEGER NOT NULL,
    first_look TEXT NOT NULL,
    first_time INTEGER NOT NULL,
    last_seq   INTEGER NOT NULL,
    last_look  TEXT NOT NULL,
    last_time  INTEGER NOT NULL,
    end_seq    INTEGER NOT NULL,
    end_look   TEXT NOT NULL,
    end_time   INTEGER NOT NULL,
    ended      TEXT NOT NULL,
    PRIMARY KEY (org, host_id, view, vantage, address, proto, entrance, door_proto, port, apart, first_look),
    FOREIGN KEY (org, host_id) REFERENCES hosts (org, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX intervals_lasting ON intervals (org, host_id, view, vantage, address, proto) WHERE ended = '';

-- One row a time that a view's complete looks covered the same without a long
-- pause. newest marks the last one of its kind in the view.
CREATE TABLE watched (
    org           TEXT NOT NULL,
    host_id       TEXT NOT NULL,
    view          TEXT NOT NULL,
    vantage       TEXT NOT NULL,
    address       TEXT NOT NULL,
    proto         TEXT NOT NULL,
    covered       TEXT NOT NULL,
    default_state TEXT NOT NULL,
    pause         INTEGER NOT NULL,
    newest        INTEGER NOT NULL,
    first_seq     INTEGER NOT NULL,
    first_look    TEXT NOT NULL,
    first_time    INTEGER NOT NULL,
    last_seq      INTEGER NOT NULL,
    last_look     TEXT NOT NULL,
    last_time     INTEGER NOT NULL,
    PRIMARY KEY (org, host_id, view, vantage, address, proto, first_look),
    FOREIGN KEY (org, host_id) REFERENCES hosts (org, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX watched_newest ON watched (org, host_id, view, vantage, address, proto) WHERE newest = 1;

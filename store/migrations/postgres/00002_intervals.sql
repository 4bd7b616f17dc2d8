-- +goose Up
-- What follows from looks, written in the transaction that stores one. A moment
-- is three columns: the look's number and id, and when it was received.

-- How far a view's looks are folded. Looks up to frozen are folded for good.
CREATE TABLE histories (
    org         TEXT COLLATE "C" NOT NULL,
    host_id     TEXT COLLATE "C" NOT NULL,
    view        TEXT COLLATE "C" NOT NULL,
    vantage     TEXT COLLATE "C" NOT NULL,
    address     TEXT COLLATE "C" NOT NULL,
    proto       TEXT COLLATE "C" NOT NULL,
    newest_seq  BIGINT NOT NULL,
    newest_look TEXT COLLATE "C" NOT NULL,
    newest_time BIGINT NOT NULL,
    frozen_seq  BIGINT NOT NULL,
    frozen_look TEXT COLLATE "C" NOT NULL,
    frozen_time BIGINT NOT NULL,
    PRIMARY KEY (org, host_id, view, vantage, address, proto),
    FOREIGN KEY (org, host_id) REFERENCES hosts (org, id) ON DELETE CASCADE
);

-- One row a time that a view saw something open whenever it looked. entrance is
-- the address where it was open; ended is empty while no look saw it shut.
CREATE TABLE intervals (
    org        TEXT COLLATE "C" NOT NULL,
    host_id    TEXT COLLATE "C" NOT NULL,
    view       TEXT COLLATE "C" NOT NULL,
    vantage    TEXT COLLATE "C" NOT NULL,
    address    TEXT COLLATE "C" NOT NULL,
    proto      TEXT COLLATE "C" NOT NULL,
    entrance   TEXT COLLATE "C" NOT NULL,
    door_proto TEXT COLLATE "C" NOT NULL,
    port       BIGINT NOT NULL,
    apart      BIGINT NOT NULL,
    after_time BIGINT NOT NULL,
    first_seq  BIGINT NOT NULL,
    first_look TEXT COLLATE "C" NOT NULL,
    first_time BIGINT NOT NULL,
    last_seq   BIGINT NOT NULL,
    last_look  TEXT COLLATE "C" NOT NULL,
    last_time  BIGINT NOT NULL,
    end_seq    BIGINT NOT NULL,
    end_look   TEXT COLLATE "C" NOT NULL,
    end_time   BIGINT NOT NULL,
    ended      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org, host_id, view, vantage, address, proto, entrance, door_proto, port, apart, first_look),
    FOREIGN KEY (org, host_id) REFERENCES hosts (org, id) ON DELETE CASCADE
);
CREATE INDEX intervals_lasting ON intervals (org, host_id, view, vantage, address, proto) WHERE ended = '';

-- One row a time that a view's complete looks covered the same without a long
-- pause. newest marks the last one of its kind in the view.
CREATE TABLE watched (
    org           TEXT COLLATE "C" NOT NULL,
    host_id       TEXT COLLATE "C" NOT NULL,
    view          TEXT COLLATE "C" NOT NULL,
    vantage       TEXT COLLATE "C" NOT NULL,
    address       TEXT COLLATE "C" NOT NULL,
    proto         TEXT COLLATE "C" NOT NULL,
    covered       TEXT COLLATE "C" NOT NULL,
    default_state TEXT COLLATE "C" NOT NULL,
    pause         BIGINT NOT NULL,
    newest        BIGINT NOT NULL,
    first_seq     BIGINT NOT NULL,
    first_look    TEXT COLLATE "C" NOT NULL,
    first_time    BIGINT NOT NULL,
    last_seq      BIGINT NOT NULL,
    last_look     TEXT COLLATE "C" NOT NULL,
    last_time     BIGINT NOT NULL,
    PRIMARY KEY (org, host_id, view, vantage, address, proto, first_look),
    FOREIGN KEY (org, host_id) REFERENCES hosts (org, id) ON DELETE CASCADE
);
CREATE INDEX watched_newest ON watched (org, host_id, view, vantage, address, proto) WHERE newest = 1;

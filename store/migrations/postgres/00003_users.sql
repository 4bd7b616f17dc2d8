-- +goose Up
-- Who may sign in on the pages, and which programs may use the API.

-- password is the hash in the PHC string format; an edit names the version that
-- it was made of.
CREATE TABLE users (
    org       TEXT COLLATE "C" NOT NULL,
    id        TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    version   BIGINT NOT NULL,
    signed_in BIGINT NOT NULL,
    password  TEXT NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, name)
);

-- hash is the SHA-256 of the secret, which nobody keeps.
CREATE TABLE tokens (
    org       TEXT COLLATE "C" NOT NULL,
    id        TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    hash      BYTEA NOT NULL,
    last_used BIGINT NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, name),
    UNIQUE (org, hash)
);

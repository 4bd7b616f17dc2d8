-- +goose Up
-- Who may sign in on the pages, and which programs may use the API.

-- password is the hash in the PHC string format; an edit names the version that
-- it was made of.
CREATE TABLE users (
    org       TEXT NOT NULL,
    id        TEXT NOT NULL,
    name      TEXT NOT NULL,
    version   INTEGER NOT NULL,
    signed_in INTEGER NOT NULL,
    password  TEXT NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, name)
) STRICT;

-- hash is the SHA-256 of the secret, which nobody keeps.
CREATE TABLE tokens (
    org       TEXT NOT NULL,
    id        TEXT NOT NULL,
    name      TEXT NOT NULL,
    hash      BLOB NOT NULL,
    last_used INTEGER NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, name),
    UNIQUE (org, hash)
) STRICT;

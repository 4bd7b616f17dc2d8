-- +goose Up
-- A user's second factor. factor is the secret that codes are made of, sealed;
-- NULL where there is none, or where it was lost with its key: the body says which.
-- factor_used is the latest time step of which a code was taken, recovery the
-- hashes of the recovery codes that are left, in hexadecimal.
ALTER TABLE users ADD COLUMN factor BYTEA;
ALTER TABLE users ADD COLUMN factor_used BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN recovery TEXT COLLATE "C" NOT NULL DEFAULT '';

-- +goose Up
-- What looks saw is stored once for all that saw the same, and looks that are
-- older than people want to keep are rolled up into what followed from them.

-- One row for each different thing that looks at a host saw. hash is the SHA-256
-- of the JSON, body the JSON compressed (RFC 1951); where base is not NULL, with
-- the JSON of the sight of that hash as the dictionary.
CREATE TABLE sights (
    org     TEXT NOT NULL,
    host_id TEXT NOT NULL,
    hash    BLOB NOT NULL,
    base    BLOB,
    body    BLOB NOT NULL,
    PRIMARY KEY (org, host_id, hash),
    FOREIGN KEY (org, host_id) REFERENCES hosts (org, id) ON DELETE CASCADE
) STRICT;

-- What the look saw; NULL where its body has it, as it was before there were sights.
ALTER TABLE looks ADD COLUMN sight BLOB;

-- A run is looked for among its host's looks, and requests by what is open: an
-- entry for each row was a tenth of what a host adds a day.
DROP INDEX looks_run;
DROP INDEX requests_host;

-- What followed from the looks of a view up to a number, those that are gone among
-- them: body is the trail and the history as they were then.
CREATE TABLE frozen (
    org     TEXT NOT NULL,
    host_id TEXT NOT NULL,
    view    TEXT NOT NULL,
    vantage TEXT NOT NULL,
    address TEXT NOT NULL,
    proto   TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    body    BLOB NOT NULL,
    PRIMARY KEY (org, host_id, view, vantage, address, proto),
    FOREIGN KEY (org, host_id) REFERENCES hosts (org, id) ON DELETE CASCADE
) STRICT;

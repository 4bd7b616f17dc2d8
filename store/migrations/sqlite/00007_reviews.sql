-- +goose Up
-- Who went through the baseline when, what was decided, and who signed for it.

-- signed is 0 while the review is open.
CREATE TABLE reviews (
    org    TEXT NOT NULL,
    id     TEXT NOT NULL,
    signed INTEGER NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;

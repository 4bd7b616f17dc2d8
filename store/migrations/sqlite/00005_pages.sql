-- +goose Up
-- What the pages ask for: alerts by what is seen of them, and who did what.

-- attention is 1 where somebody still has to look at the alert; words are what
-- people search it by. Rows of before get theirs when the database is opened.
ALTER TABLE alerts ADD COLUMN severity TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN attention INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN words TEXT NOT NULL DEFAULT '';
CREATE INDEX alerts_attention ON alerts (org, changed, id) WHERE attention = 1;
CREATE INDEX alerts_changed ON alerts (org, changed, id);

-- Who took the step: a person, or portvigil.
ALTER TABLE audit ADD COLUMN actor TEXT NOT NULL DEFAULT '';
CREATE INDEX audit_time ON audit (org, time, id);
CREATE INDEX audit_people ON audit (org, time, id) WHERE actor <> 'portvigil';

-- What people did that is no step of an alert's story.
CREATE TABLE acts (
    org   TEXT NOT NULL,
    id    TEXT NOT NULL,
    time  INTEGER NOT NULL,
    actor TEXT NOT NULL,
    host  TEXT NOT NULL,
    body  TEXT NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;
CREATE INDEX acts_time ON acts (org, time, id);

-- One text for SQLite and PostgreSQL, as in 0001.

ALTER TABLE leads ADD COLUMN taken_at BIGINT;      -- when a buyer's chat sent it to this store; not of what was taken in from a file
ALTER TABLE leads ADD COLUMN forgotten_at BIGINT;  -- when everything personal in it was wiped
CREATE INDEX leads_taken ON leads (user_id, taken_at) WHERE taken_at IS NOT NULL;
CREATE INDEX leads_taken_of_all ON leads (taken_at) WHERE taken_at IS NOT NULL;
CREATE INDEX leads_waiting_of_one ON leads (user_id, submitted_at, id) WHERE state = 'waiting';

-- Ids of requests and of forms whose people were forgotten: a copy that still knows them is made to forget them too.
CREATE TABLE forgotten (
    id           TEXT   NOT NULL PRIMARY KEY,
    forgotten_at BIGINT NOT NULL
);

-- One text for SQLite and PostgreSQL, as in 0001.

-- What becomes of a request after its buyer has sent it: an answer corrected, or the request taken back. The note that tells of
-- it is the row of late_notes with the same id. What stands here is brought up to date on the lead itself: compared first, sent
-- only where it differs.
CREATE TABLE amendments (
    id          TEXT   NOT NULL PRIMARY KEY,    -- the lead's id, a hyphen, what it is
    lead_id     TEXT   NOT NULL,
    number      TEXT   NOT NULL,
    kind        TEXT   NOT NULL,                -- corrected, taken_back
    body        TEXT   NOT NULL,                -- the lead as it is meant from then on, and which answers have changed
    created_at  BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    attempts    BIGINT NOT NULL DEFAULT 0,      -- refusals
    sent_at     BIGINT,                         -- when it last went out
    done_at     BIGINT                          -- amoCRM has it, or does not take it, or has no such lead any more
);
CREATE INDEX amendments_of_lead ON amendments (lead_id, created_at);
CREATE INDEX amendments_open ON amendments (due_at, id) WHERE done_at IS NULL;

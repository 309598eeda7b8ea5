-- One text for SQLite and PostgreSQL, as in 0001.

-- Who has withdrawn their consent. Ids of people stand here only until all of theirs is wiped; what stays proves that it was.
CREATE TABLE withdrawals (
    id          TEXT   NOT NULL PRIMARY KEY,    -- a hash of the chat and of the question that was answered
    person      TEXT   NOT NULL,                -- a hash of the account
    chat_id     BIGINT,
    user_id     BIGINT,
    lang        TEXT,
    asked_at    BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    wiped_at    BIGINT,                         -- nothing of the person is left in the tables
    leads       BIGINT,                         -- how many of them were wiped
    done_at     BIGINT                          -- nor in the file of the store, nor in those beside it
);
CREATE INDEX withdrawals_open ON withdrawals (due_at, id) WHERE done_at IS NULL;

-- Notes that are written under a lead which amoCRM has, after its own. That one is about to be sent is recorded before it
-- is; one that was sent and has no result is looked for before it is sent again.
CREATE TABLE late_notes (
    id              TEXT   NOT NULL PRIMARY KEY,    -- the lead's id, a hyphen, what the note is about
    lead_id         TEXT   NOT NULL,
    number          TEXT   NOT NULL,
    body            TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    due_at          BIGINT NOT NULL,
    attempts        BIGINT NOT NULL DEFAULT 0,      -- refusals
    sent_at         BIGINT,                         -- it went out, and it is not known what came of it
    lookups         BIGINT NOT NULL DEFAULT 0,      -- clean look-ups since that did not find it
    lookups_needed  BIGINT NOT NULL DEFAULT 0,      -- so many allow it to be sent again; 0: whoever sent it has not said
    note_id         BIGINT,                         -- amoCRM's id of it
    done_at         BIGINT                          -- it is there, or there is no place for it
);
CREATE INDEX late_notes_open ON late_notes (due_at, id) WHERE done_at IS NULL;

-- When the name, phone, answers and links of a delivered lead were wiped because it was old.
ALTER TABLE leads ADD COLUMN expired_at BIGINT;

-- One text for SQLite and PostgreSQL, as in 0001.

-- The way of each file of a lead into amoCRM, which begins when the lead itself is delivered. That something is about to be
-- sent is written down before it is: what was sent and has no result is looked for before it is sent again.
CREATE TABLE lead_files (
    id              TEXT   NOT NULL PRIMARY KEY,    -- the lead's id, a hyphen, the position
    lead_id         TEXT   NOT NULL,
    position        BIGINT NOT NULL,                -- from 1, as in the lead's document
    state           TEXT   NOT NULL DEFAULT 'waiting',  -- waiting, attached, copied, lost
    due_at          BIGINT NOT NULL,
    attempts        BIGINT NOT NULL DEFAULT 0,      -- failures that were about this file
    leased_by       TEXT,
    leased_until    BIGINT NOT NULL DEFAULT 0,
    upload_sent_at  BIGINT,                         -- its content went out, and it is not known what came of it
    file_uuid       TEXT,                           -- amoCRM's drive has it
    version_uuid    TEXT,
    attach_sent_at  BIGINT,                         -- its note went out, and it is not known what came of it
    lookups         BIGINT NOT NULL DEFAULT 0,      -- clean look-ups since that did not find it
    lookups_needed  BIGINT NOT NULL DEFAULT 0,      -- so many allow it to be sent again; 0: whoever sent it has not said
    note_id         BIGINT,                         -- amoCRM's id of its note
    last_error      TEXT,
    done_at         BIGINT
);
CREATE INDEX lead_files_of_lead ON lead_files (lead_id, position);
CREATE INDEX lead_files_waiting ON lead_files (due_at, id) WHERE state = 'waiting';

-- The album that an answer is for, which is taken back for the answer to a later part of it.
ALTER TABLE messages ADD COLUMN album TEXT;

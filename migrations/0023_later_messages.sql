-- One text for SQLite and PostgreSQL, as in 0001.

-- What a buyer says after a request was sent: which messages were kept, and in which note each is. Their words are in the note,
-- their files in the lead.
CREATE TABLE later_messages (
    id          TEXT   NOT NULL PRIMARY KEY,    -- the lead's id, a hyphen, the message's number in its chat; of an edit also its update's
    lead_id     TEXT   NOT NULL,
    chat_id     BIGINT NOT NULL,
    message_id  BIGINT NOT NULL,
    fingerprint TEXT   NOT NULL,                -- of its words: an edit that changes none is none
    note_id     TEXT   NOT NULL,                -- the row of late_notes
    kept_at     BIGINT NOT NULL
);
CREATE INDEX later_messages_of_lead ON later_messages (lead_id, kept_at);
CREATE INDEX later_messages_of_message ON later_messages (chat_id, message_id);

-- Of what kind a note is: `said` goes to where people read it, should its lead be closed or gone; all others stand under their lead.
ALTER TABLE late_notes ADD COLUMN kind TEXT;

-- Where it was sent last: `leads/7`, `contacts/8`; NULL is the lead itself.
ALTER TABLE late_notes ADD COLUMN place TEXT;

CREATE INDEX late_notes_of_lead ON late_notes (lead_id, created_at);

-- One text for SQLite and PostgreSQL, as in 0001.

-- What managers have said to buyers from their group: kept with the message to the buyer, until what became of that is known.
CREATE TABLE manager_messages (
    id          TEXT   NOT NULL PRIMARY KEY,    -- the group's id as Telegram had it then, a slash, the message's number there
    lead_id     TEXT   NOT NULL,
    number      TEXT   NOT NULL,
    message_id  BIGINT NOT NULL,
    kept_at     BIGINT NOT NULL,
    told        TEXT,                           -- under the message: waits, there, failed; NULL: nothing yet
    edited      BIGINT NOT NULL DEFAULT 0       -- 1: it was said that what is edited afterwards does not reach the buyer
);
CREATE INDEX manager_messages_open ON manager_messages (kept_at) WHERE told IS NULL OR told = 'waits';
CREATE INDEX manager_messages_of_lead ON manager_messages (lead_id);

-- One text for SQLite and PostgreSQL, as in 0001.

-- Rows that the running version cannot read are passed over and kept: 1 as long as nobody knows, 2 when the admin was told.
ALTER TABLE leads ADD COLUMN unreadable BIGINT NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN unreadable BIGINT NOT NULL DEFAULT 0;
CREATE INDEX leads_unreadable ON leads (unreadable) WHERE unreadable <> 0;
CREATE INDEX leads_of_no_state ON leads (id)
    WHERE state <> 'waiting' AND state <> 'delivered' AND state <> 'rejected' AND state <> 'discarded';
CREATE INDEX messages_unreadable ON messages (unreadable) WHERE unreadable <> 0;
CREATE INDEX messages_to_send ON messages (chat_id, id) WHERE unreadable = 0;

-- One text for SQLite and PostgreSQL, as in 0001.

-- Which message in a chat became what: written in the commit that deletes a message from the outbox, so that it can be edited and
-- answered later, and an answer to it in the chat be told from others.
CREATE TABLE sent_messages (
    id          TEXT   NOT NULL PRIMARY KEY,    -- what it is: a kind, a colon, which one
    chat_id     BIGINT NOT NULL,                -- the chat as the settings name it
    sent_to     BIGINT,                         -- the id under which Telegram took it: a supergroup has another one, and other messages
    topic       BIGINT,
    message_id  BIGINT,                         -- absent where Telegram will never take it
    failed      TEXT,                           -- closed, refused: why it will not
    sent_at     BIGINT NOT NULL
);
CREATE INDEX sent_messages_there ON sent_messages (sent_to, message_id);
CREATE INDEX sent_messages_old ON sent_messages (sent_at);

-- One text for SQLite and PostgreSQL, as in 0001.

-- The topic of each buyer in a managers' group that has topics. Nothing stands here of a buyer but the chat's id.
CREATE TABLE buyer_topics (
    id          TEXT   NOT NULL PRIMARY KEY,    -- the group as the settings name it, a slash, the buyer's chat
    chat_id     BIGINT NOT NULL,                -- the group as the settings name it
    buyer_chat  BIGINT NOT NULL,
    number      TEXT   NOT NULL,                -- the buyer's newest request there, which the title begins with
    created_at  BIGINT NOT NULL,
    asked_at    BIGINT,                         -- one is being created since then, and it is not known what came of it
    sent_to     BIGINT,                         -- the id under which Telegram has the group: a supergroup has another one, and other topics
    topic       BIGINT,                         -- absent while there is none
    opened_at   BIGINT
);
CREATE INDEX buyer_topics_there ON buyer_topics (sent_to, topic);
CREATE INDEX buyer_topics_of_buyer ON buyer_topics (buyer_chat);

-- The topic that a manager has written in: what becomes of the message is said there.
ALTER TABLE manager_messages ADD COLUMN topic BIGINT;

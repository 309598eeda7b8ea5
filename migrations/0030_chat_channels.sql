-- One text for SQLite and PostgreSQL, as in 0001.

-- A chat is a messenger (`channel`) and its number there. All that is here was of Telegram.

-- One row for each chat: the key takes the channel in, which SQLite does with a new table alone. The number comes first, as it
-- nearly always decides a comparison by itself.
CREATE TABLE dialogues_of_channels (
    chat_id     BIGINT NOT NULL,
    channel     TEXT   NOT NULL DEFAULT 'telegram',
    step        TEXT   NOT NULL,
    draft       TEXT   NOT NULL,
    update_id   BIGINT NOT NULL,                -- the last update taken
    update_at   BIGINT NOT NULL,
    replies     TEXT,                           -- what that update is answered with
    reminded    TEXT,                           -- the form that its chat was reminded of
    closed_at   BIGINT,                         -- when the messenger last said that the chat is closed to the bot
    looked_at   BIGINT,                         -- the last update with which its form was looked at
    CONSTRAINT dialogues_of_chat PRIMARY KEY (chat_id, channel)
);
INSERT INTO dialogues_of_channels (chat_id, step, draft, update_id, update_at, replies, reminded, closed_at, looked_at)
SELECT chat_id, step, draft, update_id, update_at, replies, reminded, closed_at, looked_at FROM dialogues;
DROP TABLE dialogues;
ALTER TABLE dialogues_of_channels RENAME TO dialogues;
CREATE INDEX dialogues_open ON dialogues (update_at) WHERE step <> 'idle';

CREATE TABLE live_buttons_of_channels (
    chat_id     BIGINT NOT NULL,
    channel     TEXT   NOT NULL DEFAULT 'telegram',
    messages    TEXT   NOT NULL,            -- each as `,7,`; `,r7,` has to lose its buttons, `,b7,` keeps them once more
    CONSTRAINT live_buttons_of_chat PRIMARY KEY (chat_id, channel)
);
INSERT INTO live_buttons_of_channels (chat_id, messages) SELECT chat_id, messages FROM live_buttons;
DROP TABLE live_buttons;
ALTER TABLE live_buttons_of_channels RENAME TO live_buttons;

-- The order of the outbox, by the one index that its table has of chats.
ALTER TABLE messages ADD COLUMN channel TEXT NOT NULL DEFAULT 'telegram';
DROP INDEX messages_to_send;
CREATE INDEX messages_to_send ON messages (chat_id, channel, id) WHERE unreadable = 0;

-- The rest have keys of their own, and their indexes of chats find so few rows that the channel is compared in those.
ALTER TABLE sent_messages ADD COLUMN channel TEXT NOT NULL DEFAULT 'telegram';   -- of chat_id and of sent_to
ALTER TABLE later_messages ADD COLUMN channel TEXT NOT NULL DEFAULT 'telegram';
ALTER TABLE withdrawals ADD COLUMN channel TEXT NOT NULL DEFAULT 'telegram';
ALTER TABLE consents ADD COLUMN channel TEXT NOT NULL DEFAULT 'telegram';
ALTER TABLE set_aside ADD COLUMN channel TEXT NOT NULL DEFAULT 'telegram';
ALTER TABLE lead_work ADD COLUMN channel TEXT NOT NULL DEFAULT 'telegram';
ALTER TABLE buyer_topics ADD COLUMN channel TEXT NOT NULL DEFAULT 'telegram';          -- of chat_id and of sent_to
ALTER TABLE buyer_topics ADD COLUMN buyer_channel TEXT NOT NULL DEFAULT 'telegram';    -- of buyer_chat

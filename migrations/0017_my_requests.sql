-- One text for SQLite and PostgreSQL, as in 0001.

-- The requests of one person that no chat has sent to this store: of the first version, and from files. Those that a chat has
-- sent are found by leads_taken.
CREATE INDEX leads_untaken ON leads (user_id, submitted_at) WHERE taken_at IS NULL;

-- The form that its chat was reminded of, by the id in its draft: each is once.
ALTER TABLE dialogues ADD COLUMN reminded TEXT;
-- When Telegram last said that the chat is closed to the bot.
ALTER TABLE dialogues ADD COLUMN closed_at BIGINT;
CREATE INDEX dialogues_open ON dialogues (update_at) WHERE step <> 'idle';

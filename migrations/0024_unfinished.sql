-- One text for SQLite and PostgreSQL, as in 0001.

-- The last update of this dialogue with which it was looked at whether its form is to be sent unfinished.
ALTER TABLE dialogues ADD COLUMN looked_at BIGINT;

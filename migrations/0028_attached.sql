-- One text for SQLite and PostgreSQL, as in 0001.

-- When it was decided that a request is a note under an open lead that amoCRM has of its buyer, in place of a lead of its own.
-- The id of that lead is the remote_id of its first step.
ALTER TABLE leads ADD COLUMN attached_at BIGINT;

-- One text for SQLite and PostgreSQL, as in 0001.

-- Under which name the source of a request is counted: its code where the dealer has described it, `other` for any other code
-- of a link, nothing for whoever came by no such link. It tells of nobody, so it stays when a request is wiped.
ALTER TABLE leads ADD COLUMN source TEXT;

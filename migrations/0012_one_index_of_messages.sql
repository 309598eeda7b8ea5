-- One text for SQLite and PostgreSQL, as in 0001.

-- messages_to_send says the same of all messages that can be read. Each answer to a buyer is written and deleted, and every
-- index of its table is a page more in both commits.
DROP INDEX messages_order;

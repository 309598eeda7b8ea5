-- One text for SQLite and PostgreSQL, as in 0001.

-- Proofs of consent to the dealer's document, each committed with the turn that the press makes. Ids of people stand here until
-- they are forgotten; what stays proves what was consented to and when.
CREATE TABLE consents (
    id              TEXT   NOT NULL PRIMARY KEY,    -- a hash of the form and the version
    person          TEXT   NOT NULL,                -- a hash of the account
    chat_id         BIGINT,
    user_id         BIGINT,
    version         TEXT   NOT NULL,
    document        TEXT   NOT NULL,                -- the name of its file, or its address
    document_sha256 TEXT,                           -- absent where it could not be fetched
    document_read_at BIGINT,                        -- when the bytes were read that this is the hash of
    policy          TEXT,                           -- the address of the policy that was linked beside it
    shown_text      TEXT   NOT NULL,                -- exactly what was asked
    shown_button    TEXT   NOT NULL,                -- what stood on the button
    lang            TEXT   NOT NULL,
    bot             TEXT   NOT NULL,
    question_id     BIGINT,                         -- the message with the button
    press_id        TEXT,                           -- the callback query of the press
    update_id       BIGINT NOT NULL,                -- its update
    given_at        BIGINT NOT NULL,
    ended_at        BIGINT                          -- it was withdrawn, or its person forgotten
);
CREATE INDEX consents_of_person ON consents (person, given_at);

-- One text for SQLite and PostgreSQL, as in 0001.

-- Messages of ours that have buttons which are over as soon as the form goes on, and those that still have to lose them.
CREATE TABLE live_buttons (
    chat_id     BIGINT NOT NULL PRIMARY KEY,
    messages    TEXT   NOT NULL             -- each as `,7,`; `,r7,` has to lose its buttons, `,b7,` keeps them once more
);

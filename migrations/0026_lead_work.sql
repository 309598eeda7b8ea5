-- One text for SQLite and PostgreSQL, as in 0001.

-- Whether managers are still to be given the lead: set in the commit that takes it.
ALTER TABLE leads ADD COLUMN work_owed BIGINT NOT NULL DEFAULT 0;
CREATE INDEX leads_work_owed ON leads (taken_at) WHERE work_owed = 1;

-- Leads as managers work on them. Names here are managers'; nothing stands here of buyers.
CREATE TABLE lead_work (
    lead_id         TEXT   NOT NULL PRIMARY KEY,
    number          TEXT   NOT NULL,
    chat_id         BIGINT,                     -- the chat that has its card, as the settings name it
    since           BIGINT NOT NULL,            -- when the request came
    shown           TEXT   NOT NULL,            -- what the card says of amoCRM: waiting, delivered, discarded, wiped
    assigned        BIGINT,                     -- amoCRM's user whose turn it was
    taken_by        BIGINT,                     -- Telegram's id of the manager who has it
    taken_name      TEXT,
    taken_at        BIGINT,
    outcome         TEXT,                       -- reached, no_answer, junk: what was pressed last
    outcome_name    TEXT,
    outcome_at      BIGINT,
    outcome_update  BIGINT,                     -- by which update
    asked_by        BIGINT,                     -- who is asked whether it is no lead
    asked_at        BIGINT,
    asked_update    BIGINT,
    touched_at      BIGINT,                     -- when somebody first dealt with it
    touched_by      TEXT,
    reminders       BIGINT NOT NULL DEFAULT 0,  -- how often it was said that nobody has
    remind_at       BIGINT                      -- when it is said next
);
CREATE INDEX lead_work_numbers ON lead_work (number);
CREATE INDEX lead_work_shown ON lead_work (lead_id) WHERE shown = 'waiting';
CREATE INDEX lead_work_untouched ON lead_work (remind_at) WHERE remind_at IS NOT NULL;

-- What managers' work leads to in amoCRM. Tasks are uncertain writes, as notes are; all else is compared before it is sent.
CREATE TABLE lead_actions (
    id              TEXT   NOT NULL PRIMARY KEY,    -- the lead's id, a hyphen, what it is
    lead_id         TEXT   NOT NULL,
    number          TEXT   NOT NULL,
    body            TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    due_at          BIGINT NOT NULL,
    attempts        BIGINT NOT NULL DEFAULT 0,      -- refusals
    sent_at         BIGINT,                         -- it went out, and it is not known what came of it
    lookups         BIGINT NOT NULL DEFAULT 0,      -- clean look-ups since that did not find it
    lookups_needed  BIGINT NOT NULL DEFAULT 0,      -- so many allow it to be sent again; 0: whoever sent it has not said
    remote_id       BIGINT,                         -- amoCRM's id of the task
    done_at         BIGINT                          -- it is there, or there is no place for it
);
CREATE INDEX lead_actions_open ON lead_actions (due_at, id) WHERE done_at IS NULL;

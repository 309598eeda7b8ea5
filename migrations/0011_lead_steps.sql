-- One text for SQLite and PostgreSQL, as in 0001.

-- The steps of a lead's way into amoCRM. A row is written before anything of its step is sent, so a row that is not done
-- says "it may be there": it is looked up before it is sent again. No row: nothing of that step was ever sent.
CREATE TABLE lead_steps (
    lead_id         TEXT   NOT NULL,
    step            TEXT   NOT NULL,            -- lead, note
    sent_at         BIGINT,                     -- when it last went out, or when somebody else may have sent it
    lookups         BIGINT NOT NULL DEFAULT 0,  -- clean look-ups since that did not find it
    lookups_needed  BIGINT NOT NULL DEFAULT 0,  -- so many allow it to be sent again; 0: whoever sent it has not said
    remote_id       BIGINT,                     -- amoCRM's id of what was made
    done_at         BIGINT,                     -- amoCRM has it
    PRIMARY KEY (lead_id, step)
);
CREATE INDEX lead_steps_open ON lead_steps (step, lead_id) WHERE done_at IS NULL;

-- What the columns of leads held. They stay where they are, since SQLite would write the whole table anew for each that
-- is dropped, and nothing reads them any more: sent_at, lookups, lookups_needed, crm_lead_id, note_sent_at.
INSERT INTO lead_steps (lead_id, step, sent_at, lookups, lookups_needed, remote_id, done_at)
SELECT id, 'lead', sent_at,
       CASE WHEN crm_lead_id IS NULL THEN lookups ELSE 0 END,
       CASE WHEN crm_lead_id IS NULL THEN lookups_needed ELSE 0 END,
       crm_lead_id,
       CASE WHEN crm_lead_id IS NOT NULL THEN COALESCE(delivered_at, submitted_at) END
FROM leads WHERE sent_at IS NOT NULL OR crm_lead_id IS NOT NULL;

-- Before the lead itself was known to be there, a note could only be somebody else's: one look tells.
INSERT INTO lead_steps (lead_id, step, sent_at, lookups, lookups_needed)
SELECT id, 'note', note_sent_at,
       CASE WHEN crm_lead_id IS NULL THEN 0 ELSE lookups END,
       CASE WHEN crm_lead_id IS NULL THEN 1 ELSE lookups_needed END
FROM leads WHERE note_sent_at IS NOT NULL AND state <> 'delivered';

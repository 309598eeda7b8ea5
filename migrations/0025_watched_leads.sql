-- One text for SQLite and PostgreSQL, as in 0001.

-- Delivered leads whose stage in amoCRM is asked about, so that their buyers hear of it. Neither a name nor a chat stands here,
-- and the row goes when its lead is forgotten.
CREATE TABLE watched_leads (
    lead_id     TEXT   NOT NULL PRIMARY KEY,
    since       BIGINT NOT NULL,                -- when the lead was delivered
    fresh       BIGINT NOT NULL DEFAULT 0,      -- it was delivered while leads were watched: where it began is known
    pipeline_id BIGINT,                         -- where it was seen last
    status_id   BIGINT,
    updated_at  BIGINT,                         -- when it had last been changed then, by amoCRM's clock, in seconds
    reached     TEXT,                           -- JSON: for each pipeline the open stage where it was seen last
    shown       TEXT,                           -- which [[status]] of the settings holds for it, as pipeline:status
    told        TEXT,                           -- JSON: those of which its buyer has heard, the last one last
    told_at     BIGINT,
    owed        TEXT,                           -- the one of which its buyer is to hear
    owed_at     BIGINT,
    gone_at     BIGINT,                         -- since when amoCRM does not show it
    ended_at    BIGINT,                         -- nobody asks and nobody is told any more
    ended       TEXT                            -- why: old, blocked, merged, nobody
);
CREATE INDEX watched_leads_open ON watched_leads (since, lead_id) WHERE ended_at IS NULL;
CREATE INDEX watched_leads_owed ON watched_leads (owed_at, lead_id) WHERE owed IS NOT NULL;
CREATE INDEX watched_leads_told ON watched_leads (told_at) WHERE told_at IS NOT NULL;

-- One text for SQLite and PostgreSQL: times are BIGINT milliseconds UTC, flags are BIGINT 0/1, documents are JSON as TEXT.

CREATE TABLE leads (
    id              TEXT   NOT NULL PRIMARY KEY,
    number          TEXT   NOT NULL UNIQUE,
    state           TEXT   NOT NULL,            -- waiting, delivered, rejected, discarded
    body            TEXT   NOT NULL,            -- the lead itself
    user_id         BIGINT NOT NULL,
    submitted_at    BIGINT NOT NULL,
    due_at          BIGINT NOT NULL,            -- no attempt before
    attempts        BIGINT NOT NULL DEFAULT 0,  -- answers that were about this lead; outages do not count
    leased_by       TEXT,
    leased_until    BIGINT NOT NULL DEFAULT 0,
    contact_id      BIGINT,                     -- recorded step: contact found or made
    sent_at         BIGINT,                     -- a create went out and its result is not known
    lookups         BIGINT NOT NULL DEFAULT 0,  -- clean look-ups since that did not find it
    lookups_needed  BIGINT NOT NULL DEFAULT 0,
    solo            BIGINT NOT NULL DEFAULT 0,  -- no batches for it any more
    degradation     TEXT,                       -- what amoCRM refused and is left out
    crm_lead_id     BIGINT,                     -- recorded step: lead created
    note_sent_at    BIGINT,                     -- a note went out and its result is not known
    delivered_at    BIGINT,                     -- recorded step: note written
    last_error      TEXT,
    last_error_at   BIGINT,
    buyer_told      BIGINT NOT NULL DEFAULT 0,  -- the buyer was told that it is saved
    admin_told      BIGINT NOT NULL DEFAULT 0,  -- the admin was told that it was rejected
    admin_copied    BIGINT NOT NULL DEFAULT 0   -- the admin has a copy of it
);
CREATE INDEX leads_waiting ON leads (submitted_at, id) WHERE state = 'waiting';
CREATE INDEX leads_rejected ON leads (submitted_at, id) WHERE state = 'rejected';
CREATE INDEX leads_untold ON leads (submitted_at, id) WHERE state = 'waiting' AND buyer_told = 0;
CREATE INDEX leads_uncopied ON leads (submitted_at, id) WHERE state = 'waiting' AND admin_copied = 0;
CREATE INDEX leads_leased ON leads (leased_by) WHERE leased_by IS NOT NULL;
CREATE INDEX leads_delivered ON leads (delivered_at) WHERE state = 'delivered';

CREATE TABLE dialogues (
    chat_id     BIGINT NOT NULL PRIMARY KEY,
    step        TEXT   NOT NULL,
    draft       TEXT   NOT NULL,
    update_id   BIGINT NOT NULL,                -- the last update taken
    update_at   BIGINT NOT NULL,
    replies     TEXT                            -- what that update is answered with
);

-- Messages owed to a chat until Telegram has taken them.
CREATE TABLE messages (
    id          TEXT   NOT NULL PRIMARY KEY,    -- ULID: its order is the order of sending
    chat_id     BIGINT NOT NULL,
    body        TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    attempts    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX messages_order ON messages (chat_id, id);

-- Contacts in amoCRM that we found or made, by phone.
CREATE TABLE customers (
    phone       TEXT   NOT NULL PRIMARY KEY,
    contact_id  BIGINT NOT NULL,
    seen_at     BIGINT NOT NULL
);

-- Entries of foreign backup files that were taken in, so that each is taken in once.
CREATE TABLE imports (
    fingerprint TEXT   NOT NULL PRIMARY KEY,
    lead_id     TEXT   NOT NULL,
    imported_at BIGINT NOT NULL
);

CREATE TABLE alerts (
    kind        TEXT   NOT NULL PRIMARY KEY,
    opened_at   BIGINT NOT NULL,
    body        TEXT   NOT NULL
);

-- Updates that failed again and again.
CREATE TABLE set_aside (
    update_id   BIGINT NOT NULL PRIMARY KEY,
    chat_id     BIGINT,
    kind        TEXT   NOT NULL,
    error       TEXT   NOT NULL,
    body        TEXT   NOT NULL,
    set_aside_at BIGINT NOT NULL
);

-- Small marks that processes leave for each other.
CREATE TABLE marks (
    name        TEXT   NOT NULL PRIMARY KEY,
    value       TEXT   NOT NULL,
    written_at  BIGINT NOT NULL
);

-- The pair of tokens where they live in the database: at most one row.
CREATE TABLE tokens (
    id                   BIGINT NOT NULL PRIMARY KEY,
    access_token         TEXT,
    refresh_token        TEXT,
    previous_access      TEXT,                  -- the pair before, until the present one has worked
    previous_refresh     TEXT,
    previous_replaced_by TEXT,
    written_at           BIGINT NOT NULL
);

-- Locks between processes that expire by themselves.
CREATE TABLE locks (
    name        TEXT   NOT NULL PRIMARY KEY,
    holder      TEXT   NOT NULL,
    held_until  BIGINT NOT NULL
);

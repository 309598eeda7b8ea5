//! What a copy says instead of its original, and what becomes of a row that the target has already.

/// What a copy says instead of what a column holds: nobody works on the copy.
pub(super) const COPY_OVERRIDES: &[(&str, &str, &str)] = &[
    ("leads", "leased_by", "NULL"),
    ("leads", "leased_until", "0"),
    ("lead_files", "leased_by", "NULL"),
    ("lead_files", "leased_until", "0"),
    // By the time the copy is used the original may have sent it.
    ("late_notes", "sent_at", "COALESCE(sent_at, created_at)"),
    ("lead_actions", "sent_at", "COALESCE(sent_at, created_at)"),
];

/// What becomes of a row that the target has already; otherwise it stays as it is.
pub(super) const ON_CONFLICT: &[(&str, &str)] = &[
    // What is over in one store is over; what one store may have sent is uncertain in both.
    (
        "leads",
        "(id) DO UPDATE SET \
         state = CASE WHEN excluded.state = 'waiting' THEN leads.state ELSE excluded.state END, \
         delivered_at = COALESCE(leads.delivered_at, excluded.delivered_at), \
         attached_at = CASE WHEN EXISTS (SELECT 1 FROM lead_steps WHERE lead_id = leads.id AND step = 'lead' \
         AND done_at IS NOT NULL) THEN leads.attached_at ELSE excluded.attached_at END \
         WHERE (leads.state IN ('waiting', 'rejected') AND excluded.state IN ('delivered', 'discarded')) \
         OR (leads.state = 'waiting' AND excluded.state = 'waiting')",
    ),
    // The same of files: whoever holds the copy looks for each before it is attached.
    (
        "lead_files",
        "(id) DO UPDATE SET state = excluded.state, note_id = excluded.note_id, done_at = excluded.done_at, \
         file_uuid = COALESCE(lead_files.file_uuid, excluded.file_uuid), \
         version_uuid = COALESCE(lead_files.version_uuid, excluded.version_uuid), \
         attach_sent_at = COALESCE(lead_files.attach_sent_at, excluded.attach_sent_at) \
         WHERE lead_files.state = 'waiting'",
    ),
    // What one store has carried out need not be carried out by the other; the person's ids go from both.
    (
        "withdrawals",
        "(id) DO UPDATE SET chat_id = NULL, user_id = NULL, lang = NULL, wiped_at = excluded.wiped_at, \
         leads = excluded.leads, done_at = excluded.done_at \
         WHERE withdrawals.wiped_at IS NULL AND excluded.wiped_at IS NOT NULL",
    ),
    // What was withdrawn in one store is withdrawn in both, and whoever is forgotten in one is nobody in the other.
    (
        "consents",
        "(id) DO UPDATE SET ended_at = COALESCE(consents.ended_at, excluded.ended_at), \
         chat_id = CASE WHEN excluded.user_id IS NULL THEN NULL ELSE consents.chat_id END, \
         user_id = CASE WHEN excluded.user_id IS NULL THEN NULL ELSE consents.user_id END, \
         press_id = CASE WHEN excluded.user_id IS NULL THEN NULL ELSE consents.press_id END \
         WHERE excluded.ended_at IS NOT NULL",
    ),
    (
        "late_notes",
        "(id) DO UPDATE SET done_at = excluded.done_at, note_id = excluded.note_id, \
         sent_at = COALESCE(late_notes.sent_at, excluded.sent_at), place = COALESCE(late_notes.place, excluded.place), \
         body = CASE WHEN late_notes.kind = 'said' AND LENGTH(excluded.body) > LENGTH(late_notes.body) \
         THEN excluded.body ELSE late_notes.body END WHERE late_notes.done_at IS NULL",
    ),
    (
        "lead_actions",
        "(id) DO UPDATE SET done_at = excluded.done_at, remote_id = excluded.remote_id, \
         sent_at = COALESCE(lead_actions.sent_at, excluded.sent_at) WHERE lead_actions.done_at IS NULL",
    ),
    // Who has taken a lead in one store has it in both; of what was said the later is so.
    (
        "lead_work",
        "(lead_id) DO UPDATE SET taken_by = excluded.taken_by, taken_name = excluded.taken_name, \
         taken_at = excluded.taken_at, outcome = excluded.outcome, outcome_name = excluded.outcome_name, \
         outcome_at = excluded.outcome_at, touched_at = COALESCE(lead_work.touched_at, excluded.touched_at), \
         touched_by = COALESCE(lead_work.touched_by, excluded.touched_by), remind_at = NULL \
         WHERE excluded.touched_at IS NOT NULL AND (lead_work.taken_by IS NULL OR lead_work.taken_by = excluded.taken_by) \
         AND COALESCE(excluded.outcome_at, 0) >= COALESCE(lead_work.outcome_at, 0)",
    ),
    (
        "amendments",
        "(id) DO UPDATE SET done_at = excluded.done_at, sent_at = COALESCE(amendments.sent_at, excluded.sent_at) \
         WHERE amendments.done_at IS NULL",
    ),
    // Whoever has seen the lead later knows more of it; a watch that is over in one store is over in both.
    (
        "watched_leads",
        "(lead_id) DO UPDATE SET pipeline_id = excluded.pipeline_id, status_id = excluded.status_id, \
         updated_at = excluded.updated_at, reached = excluded.reached, shown = excluded.shown, told = excluded.told, \
         told_at = excluded.told_at, owed = excluded.owed, owed_at = excluded.owed_at, gone_at = excluded.gone_at, \
         ended_at = COALESCE(watched_leads.ended_at, excluded.ended_at), ended = COALESCE(watched_leads.ended, excluded.ended) \
         WHERE COALESCE(excluded.updated_at, 0) > COALESCE(watched_leads.updated_at, 0) \
         OR (excluded.ended_at IS NOT NULL AND watched_leads.ended_at IS NULL)",
    ),
    // The topic that was opened last is the one that is written in.
    (
        "buyer_topics",
        "(id) DO UPDATE SET number = excluded.number, sent_to = excluded.sent_to, topic = excluded.topic, \
         opened_at = excluded.opened_at WHERE excluded.topic IS NOT NULL \
         AND excluded.opened_at > COALESCE(buyer_topics.opened_at, 0)",
    ),
    (
        "dialogues",
        "(chat_id, channel) DO UPDATE SET step = excluded.step, draft = excluded.draft, update_id = excluded.update_id, \
         update_at = excluded.update_at, replies = excluded.replies, reminded = excluded.reminded, \
         closed_at = excluded.closed_at, looked_at = excluded.looked_at WHERE excluded.update_at > dialogues.update_at \
         OR (excluded.update_at = dialogues.update_at AND excluded.update_id > dialogues.update_id)",
    ),
];

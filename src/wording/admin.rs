//! What the admin is told, in a dealer's words: what happened, how many wait, what to do, and buttons that do it.

use chrono::Utc;

use crate::{
    clock::date,
    lead::{one_line, shorten},
    notice::{AdminNotice, AdminPress, TalkMark, Trouble},
};

use super::{
    Lang, Rendered, Wording,
    admin_leads::{about_a_lead, unreadable, withdrawn},
    clip, keyboards,
    lead_copy::{copies, copy},
    time::{age, day, duration, moment},
    troubles::{advice_text, outage_buttons, page_trouble_text, short_name, shortage_text, trouble_text},
};

/// Words a message to the admin. Ages are counted up to `Utc::now()`.
pub fn render_admin(notice: &AdminNotice, lang: Lang, wording: &Wording) -> Rendered {
    let plain = |id: &str| Rendered::plain(lang.text(id, &[]));
    let advice = |trouble: &Trouble| advice_text(trouble, wording.can_authorize, lang);
    let buttons = |trouble: &Trouble| outage_buttons(trouble, wording.can_authorize);
    match notice {
        AdminNotice::OutageOpened { trouble, waiting, .. } => with_buttons(
            lang.text(
                "admin-outage-opened",
                &[
                    ("trouble", trouble_text(trouble, lang).into()),
                    ("waiting", waiting_text(*waiting, lang).into()),
                    ("advice", advice(trouble).into()),
                ],
            ),
            lang,
            buttons(trouble),
        ),
        AdminNotice::OutageChanged { trouble, waiting } => with_buttons(
            lang.text(
                "admin-outage-changed",
                &[
                    ("trouble", trouble_text(trouble, lang).into()),
                    ("waiting", waiting_text(*waiting, lang).into()),
                    ("advice", advice(trouble).into()),
                ],
            ),
            lang,
            buttons(trouble),
        ),
        AdminNotice::OutageGoesOn { trouble, since, waiting, oldest } => with_buttons(
            lang.text(
                "admin-outage-goes-on",
                &[
                    ("trouble", trouble_text(trouble, lang).into()),
                    ("waiting", waiting_text(*waiting, lang).into()),
                    ("advice", advice(trouble).into()),
                    ("lasted", age(*since, lang).into()),
                    ("oldest", oldest.map_or_else(|| lang.text("admin-never", &[]), |at| age(at, lang)).into()),
                ],
            ),
            lang,
            buttons(trouble),
        ),
        AdminNotice::OutageOver { lasted, delivered, oldest_waited, rejected } => {
            let mut text = lang.text(
                "admin-outage-over",
                &[
                    ("delivered", (*delivered).into()),
                    ("oldest", duration(*oldest_waited, lang).into()),
                    ("lasted", duration(*lasted, lang).into()),
                ],
            );
            if *rejected > 0 {
                text.push('\n');
                text.push_str(&lang.text("admin-outage-rejected", &[("count", (*rejected).into())]));
            }
            Rendered::plain(text)
        }
        AdminNotice::Rejected { number, error } => about_a_lead("admin-rejected", number, error, lang),
        AdminNotice::Stuck { number, error } => about_a_lead("admin-stuck", number, error, lang),
        AdminNotice::Unreadable { leads, chats } => unreadable(leads, chats, lang),
        AdminNotice::GoesOnWithout { shortages } => {
            let list = shortages.iter().map(|shortage| format!("• {}", shortage_text(shortage, lang)));
            let list = list.collect::<Vec<_>>().join("\n");
            Rendered::plain(clip(lang.text("admin-goes-on-without", &[("list", list.into())])))
        }
        AdminNotice::TakenAgain { shortages } => {
            let list = shortages.iter().map(|shortage| format!("• {}", short_name(shortage, lang)));
            let list = list.collect::<Vec<_>>().join("\n");
            Rendered::plain(clip(lang.text("admin-taken-again", &[("list", list.into())])))
        }
        AdminNotice::LimitReached { user_id, username, per_hour, per_day, again_at } => {
            let who =
                username.as_ref().map_or_else(|| format!("id {user_id}"), |name| format!("id {user_id}, @{name}"));
            let limit = |limit: &Option<u32>| limit.map_or_else(|| "∞".to_owned(), |limit| limit.to_string());
            Rendered::plain(lang.text(
                "admin-limit-reached",
                &[
                    ("who", who.into()),
                    ("hour", limit(per_hour).into()),
                    ("day", limit(per_day).into()),
                    ("at", moment(date(*again_at), lang).into()),
                ],
            ))
        }
        AdminNotice::Flood { leads, people, goes_on } => {
            let id = if *goes_on { "admin-flood-goes-on" } else { "admin-flood" };
            let text = lang.text(id, &[("leads", (*leads).into()), ("people", (*people).into())]);
            with_buttons(text, lang, &[AdminPress::Leads, AdminPress::Status])
        }
        AdminNotice::FloodOver { lasted, leads } => Rendered::plain(
            lang.text("admin-flood-over", &[("leads", (*leads).into()), ("lasted", duration(*lasted, lang).into())]),
        ),
        AdminNotice::Copies { leads } => Rendered::plain(clip(copies(leads, lang))),
        AdminNotice::NewLead { lead } => {
            let text = lang.text("admin-new-lead", &[("lead", copy(lead, lang).into())]);
            with_buttons(text, lang, &[AdminPress::ShowLead(lead.number.as_str().to_owned())])
        }
        AdminNotice::Corrected { number, changes } => {
            let lines = changes.iter().map(|change| shorten(&change.to_string(), 1000)).collect::<Vec<_>>().join("\n");
            let text = lang.text("admin-corrected", &[("number", number.as_str().into()), ("changes", lines.into())]);
            with_buttons(text, lang, &[AdminPress::ShowLead(number.as_str().to_owned())])
        }
        AdminNotice::TakenBack { number } => {
            let text = lang.text("admin-taken-back", &[("number", number.as_str().into())]);
            with_buttons(text, lang, &[AdminPress::ShowLead(number.as_str().to_owned())])
        }
        AdminNotice::Finished { lead } => {
            let text = lang.text("admin-finished", &[("lead", copy(lead, lang).into())]);
            with_buttons(text, lang, &[AdminPress::ShowLead(lead.number.as_str().to_owned())])
        }
        AdminNotice::AmendmentRefused { number, detail } => Rendered::plain(clip(lang.text(
            "admin-amendment-refused",
            &[("number", number.as_str().into()), ("detail", one_line(detail, 300).into())],
        ))),
        AdminNotice::Talk { mark } => plain(match mark {
            TalkMark::Waits => "talk-waits",
            TalkMark::There => "talk-there",
            TalkMark::Closed => "talk-closed",
            TalkMark::Refused => "talk-refused",
            TalkMark::Forgotten => "talk-forgotten",
            TalkMark::EditStays => "talk-edit-stays",
        }),
        AdminNotice::NoPlaceForWords { text, .. } => {
            Rendered::plain(clip(lang.text("admin-no-place-for-words", &[("text", text.as_str().into())])))
        }
        AdminNotice::Untouched { number, minutes } => {
            let arguments = [("number", number.as_str().into()), ("minutes", (*minutes).into())];
            let text = lang.text("admin-untouched", &arguments);
            with_buttons(text, lang, &[AdminPress::ShowLead(number.as_str().to_owned())])
        }
        AdminNotice::UserRefused { user_id, name, detail } => {
            let id = user_id.to_string();
            let who = name.as_ref().map_or_else(|| id.clone(), |name| format!("{name}, {id}"));
            let (who, detail) = (who.into(), one_line(detail, 300).into());
            Rendered::plain(clip(lang.text("admin-user-refused", &[("who", who), ("detail", detail)])))
        }
        AdminNotice::ActionRefused { number, detail } => Rendered::plain(clip(lang.text(
            "admin-action-refused",
            &[("number", number.as_str().into()), ("detail", one_line(detail, 300).into())],
        ))),
        AdminNotice::ConsentWithdrawn { in_crm, may_be_in_crm, given_up, unreadable } => {
            Rendered::plain(clip(withdrawn(in_crm, may_be_in_crm, given_up, unreadable, lang)))
        }
        AdminNotice::ConsentDocumentMissing { address, trouble, detail } => {
            let detail = trouble.map_or_else(|| one_line(detail, 300), |trouble| page_trouble_text(trouble, lang));
            let (address, detail) = (one_line(address, 300).into(), detail.into());
            Rendered::plain(lang.text("admin-consent-document-missing", &[("address", address), ("detail", detail)]))
        }
        AdminNotice::NoCrm => plain("admin-no-crm"),
        AdminNotice::FirstAccess => with_buttons(
            lang.text("admin-first-access", &[("advice", advice(&Trouble::NoTokens).into())]),
            lang,
            buttons(&Trouble::NoTokens),
        ),
        AdminNotice::EphemeralDisk => plain("admin-ephemeral-disk"),
        AdminNotice::StoreTrouble { detail } => {
            Rendered::plain(lang.text("admin-store-trouble", &[("detail", one_line(detail, 300).into())]))
        }
        AdminNotice::StoreWorks => plain("admin-store-works"),
        AdminNotice::CopiesFail { trouble, detail, newest_at } => {
            let label = || trouble.label().into();
            let newest = newest_at.map_or_else(|| lang.text("copies-none", &[]), |at| moment(date(at), lang));
            Rendered::plain(clip(lang.text(
                "admin-copies-fail",
                &[
                    ("trouble", lang.text("copies-trouble", &[("trouble", label())]).into()),
                    ("advice", lang.text("copies-advice", &[("trouble", label())]).into()),
                    ("detail", one_line(detail, 300).into()),
                    ("newest", newest.into()),
                ],
            )))
        }
        AdminNotice::CopiesWork => plain("admin-copies-work"),
        AdminNotice::SecondInstance => plain("admin-second-instance"),
        AdminNotice::PollsFail { trouble, since, still, leads } => {
            let id = if *still { "admin-polls-still" } else { "admin-polls-fail" };
            let label = || trouble.label().into();
            Rendered::plain(lang.text(
                id,
                &[
                    ("trouble", lang.text("polls-trouble", &[("trouble", label())]).into()),
                    ("advice", lang.text("polls-advice", &[("trouble", label())]).into()),
                    ("lasted", age(*since, lang).into()),
                    ("leads", leads.label().into()),
                ],
            ))
        }
        AdminNotice::ToldElsewhere { notices } => with_buttons(
            clip(lang.text("admin-told-elsewhere", &[("list", first_lines(notices, lang, wording).into())])),
            lang,
            STATE_BUTTONS,
        ),
        AdminNotice::PollsWork { since, until, told_elsewhere, .. } => {
            let mut text = lang.text(
                "admin-polls-work",
                &[
                    ("since", moment(date(*since), lang).into()),
                    ("until", moment(date(*until), lang).into()),
                    ("lasted", duration(until - since, lang).into()),
                ],
            );
            if !told_elsewhere.is_empty() {
                let list = first_lines(told_elsewhere, lang, wording);
                text.push('\n');
                text.push_str(&lang.text("admin-polls-elsewhere", &[("list", list.into())]));
            }
            with_buttons(clip(text), lang, STATE_BUTTONS)
        }
        AdminNotice::BackupUnreadable { moved_to } => {
            Rendered::plain(lang.text("admin-backup-unreadable", &[("name", moved_to.as_str().into())]))
        }
        AdminNotice::BackupEntriesSkipped { skipped, kept_in } => Rendered::plain(
            lang.text("admin-backup-skipped", &[("count", (*skipped).into()), ("name", kept_in.as_str().into())]),
        ),
        AdminNotice::BackupImported { imported } => {
            Rendered::plain(lang.text("admin-backup-imported", &[("count", (*imported).into())]))
        }
        AdminNotice::UpdateSetAside { update_id } => {
            Rendered::plain(lang.text("admin-set-aside", &[("id", update_id.to_string().into())]))
        }
        AdminNotice::TokenExpiring { long_lived, expires_at } => {
            let id = if *long_lived { "admin-token-expiring-long" } else { "admin-token-expiring" };
            let left = duration(expires_at - Utc::now().timestamp_millis(), lang);
            let text = lang.text(id, &[("date", day(date(*expires_at)).into()), ("left", left.into())]);
            if *long_lived { Rendered::plain(text) } else { with_buttons(text, lang, &[AdminPress::Auth]) }
        }
        AdminNotice::RefreshFailing { trouble, works_until } => with_buttons(
            lang.text(
                "admin-refresh-failing",
                &[
                    ("trouble", trouble_text(trouble, lang).into()),
                    ("advice", advice(trouble).into()),
                    (
                        "until",
                        works_until.map_or_else(|| lang.text("admin-soon", &[]), |at| moment(date(at), lang)).into(),
                    ),
                ],
            ),
            lang,
            buttons(trouble),
        ),
        AdminNotice::AccessLost { trouble } => with_buttons(
            lang.text(
                "admin-access-lost",
                &[("trouble", trouble_text(trouble, lang).into()), ("advice", advice(trouble).into())],
            ),
            lang,
            buttons(trouble),
        ),
        AdminNotice::GroupMoved { setting, chat } => {
            let setting = format!("{setting}={chat}");
            Rendered::plain(lang.text("admin-group-moved", &[("setting", setting.into())]))
        }
        AdminNotice::ManagersChatClosed { detail } => {
            Rendered::plain(lang.text("admin-managers-chat-closed", &[("detail", one_line(detail, 300).into())]))
        }
        AdminNotice::ManagersChatWorks { lasted } => {
            Rendered::plain(lang.text("admin-managers-chat-works", &[("lasted", duration(*lasted, lang).into())]))
        }
        AdminNotice::TopicsForbidden { detail } => {
            Rendered::plain(lang.text("admin-topics-forbidden", &[("detail", one_line(detail, 300).into())]))
        }
        AdminNotice::FilesComeHere { detail } => {
            Rendered::plain(lang.text("admin-files-come-here", &[("detail", one_line(detail, 300).into())]))
        }
        AdminNotice::FileLost { number, name } => Rendered::plain(
            lang.text("admin-file-lost", &[("number", number.as_str().into()), ("name", name.as_str().into())]),
        ),
        AdminNotice::TokensRenewed { waiting } => {
            Rendered::plain(lang.text("admin-tokens-renewed", &[("waiting", waiting_text(*waiting, lang).into())]))
        }
    }
}

/// Under what may be outdated by the time it is read: how things are now.
const STATE_BUTTONS: &[AdminPress] = &[AdminPress::Status, AdminPress::Leads];

/// The first line of each alert.
fn first_lines(notices: &[AdminNotice], lang: Lang, wording: &Wording) -> String {
    let lines = notices.iter().map(|notice| {
        let text = render_admin(notice, lang, wording).text;
        format!("• {}", shorten(text.lines().next().unwrap_or_default(), 200))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A message with buttons in one column.
fn with_buttons(text: String, lang: Lang, presses: &[AdminPress]) -> Rendered {
    Rendered { text: clip(text), markup: Some(keyboards::admin_column(lang, presses)) }
}

/// "3 leads are waiting."
pub fn waiting_text(count: i64, lang: Lang) -> String {
    lang.text("admin-waiting", &[("count", count.into())])
}

/// What stands under the file of undelivered leads.
pub fn backup_caption(leads: usize, lang: Lang) -> String {
    lang.text("admin-backup-caption", &[("count", i64::try_from(leads).unwrap_or(i64::MAX).into())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_agree_with_russian_grammar() {
        for (count, text) in [
            (0, "Заявок в ожидании нет."),
            (1, "Ждёт 1 заявка."),
            (2, "Ждут 2 заявки."),
            (5, "Ждут 5 заявок."),
            (11, "Ждут 11 заявок."),
            (21, "Ждёт 21 заявка."),
        ] {
            assert_eq!(waiting_text(count, Lang::ru()), text);
        }
    }
}

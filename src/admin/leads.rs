use tracing::info;

use crate::{
    bot::{
        admin_texts::{age, trouble_text},
        handlers::HandlerError,
        messages::{Lang, shorten},
    },
    lead::LeadNumber,
    store::{LeadRow, LeadState},
};

use super::{
    AdminDesk, Answer, button,
    second_press::{self, Second},
};

/// Leads shown as buttons; more would not fit a phone.
const SHOWN: usize = 20;

impl AdminDesk {
    /// Waiting and rejected leads, one button each.
    pub(super) async fn leads(&self, lang: Lang) -> Result<Answer, HandlerError> {
        let rows = self.store.undelivered(SHOWN as i64).await?;
        if rows.is_empty() {
            return Ok(Answer::plain(lang.text("admin-leads-none", &[])));
        }
        let now = self.store.clock().now();
        let totals = self.store.totals(now).await?;
        let mut text = lang.text("admin-leads-list", &[]);
        let more = totals.waiting + totals.rejected - rows.len() as i64;
        if more > 0 {
            text.push('\n');
            text.push_str(&lang.text("admin-leads-more", &[("count", more.into())]));
        }
        let show = |row: &LeadRow| {
            let number = row.lead.number.as_str();
            button(lang, "button-lead-show", Some(number), &format!("lead:{number}"))
        };
        let mut buttons: Vec<_> = rows.chunks(3).map(|row| row.iter().map(show).collect()).collect();
        buttons.push(vec![button(lang, "button-retry", None, "retry")]);
        Ok(Answer { text, buttons })
    }

    async fn find(&self, number: &str) -> Result<Option<LeadRow>, HandlerError> {
        match LeadNumber::parse(number) {
            Some(number) => Ok(self.store.lead_by_number(&number).await?),
            None => Ok(None),
        }
    }

    /// Everything about one lead, with buttons to retry and discard.
    pub(super) async fn show_lead(&self, number: &str, lang: Lang) -> Result<Answer, HandlerError> {
        let Some(row) = self.find(number).await? else {
            return Ok(Answer::plain(lang.text("admin-lead-unknown", &[])));
        };
        let lead = &row.lead;
        let number = lead.number.as_str();
        let state = match row.state {
            LeadState::Waiting => "state-waiting",
            LeadState::Rejected => "state-rejected",
            LeadState::Delivered => "state-delivered",
            LeadState::Discarded => "state-discarded",
        };
        let car =
            lead.car_link.as_ref().map_or_else(|| lang.text("no-car-link", &[]), |link| shorten(link.url(), 1000));
        let text = lang.text(
            "admin-lead",
            &[
                ("number", number.into()),
                ("state", lang.text(state, &[]).into()),
                ("name", lead.name.as_str().into()),
                ("phone", lead.phone.e164().into()),
                ("budget", lead.budget.typed().into()),
                ("car", car.into()),
                ("age", age(lead.submitted_at.timestamp_millis(), lang).into()),
                ("error", self.obstacle(&row, lang).into()),
            ],
        );
        let buttons = match row.state {
            LeadState::Delivered => Vec::new(),
            LeadState::Discarded => vec![vec![retry_button(lang, number)]],
            LeadState::Waiting | LeadState::Rejected => vec![vec![
                retry_button(lang, number),
                button(lang, "button-lead-discard", None, &format!("lead-discard:{number}")),
            ]],
        };
        Ok(Answer { text, buttons })
    }

    /// What keeps a lead from amoCRM: its own words where it refuses the data, else what is wrong in general.
    fn obstacle(&self, row: &LeadRow, lang: Lang) -> String {
        let nothing = || "—".to_owned();
        match row.state {
            LeadState::Rejected => row.last_error.as_deref().map_or_else(nothing, |error| shorten(error, 500)),
            LeadState::Waiting => match (self.trouble(), row.last_error.as_deref()) {
                (Some(trouble), _) => trouble_text(&trouble, lang),
                (None, Some(error)) if row.attempts > 0 => shorten(error, 500),
                (None, _) => nothing(),
            },
            LeadState::Delivered | LeadState::Discarded => nothing(),
        }
    }

    pub(super) async fn retry_lead(&self, number: &str, lang: Lang) -> Result<Answer, HandlerError> {
        let id = match self.find(number).await? {
            Some(row) if row.state != LeadState::Delivered => {
                self.store.retry_now(Some(&row.lead.number)).await?;
                info!(lead = %row.lead.number, "the admin sends a lead again");
                "admin-lead-retried"
            }
            Some(_) => "admin-lead-in-crm",
            None => "admin-lead-unknown",
        };
        Ok(Answer::plain(lang.text(id, &[("number", number.into())])))
    }

    /// The first press only asks.
    pub(super) async fn ask_discard(&self, number: &str, person: i64, lang: Lang) -> Result<Answer, HandlerError> {
        let Some(row) = self.find(number).await? else {
            return Ok(Answer::plain(lang.text("admin-lead-unknown", &[])));
        };
        let number = row.lead.number.as_str();
        let over = match row.state {
            LeadState::Delivered => Some("admin-lead-in-crm"),
            LeadState::Discarded => Some("admin-lead-discarded"),
            LeadState::Waiting | LeadState::Rejected => None,
        };
        if let Some(id) = over {
            return Ok(Answer::plain(lang.text(id, &[("number", number.into())])));
        }
        let nonce = second_press::ask(&self.store, &discarding(number), person).await?;
        let data = format!("lead-discard-sure:{number}:{nonce}");
        let sure = button(lang, "button-lead-discard-sure", Some(number), &data);
        let text = lang.text("admin-lead-discard-ask", &[("number", number.into())]);
        Ok(Answer { text, buttons: vec![vec![sure]] })
    }

    /// The second press does it, if it follows its first.
    pub(super) async fn discard(
        &self,
        number: &str,
        nonce: &str,
        person: i64,
        lang: Lang,
    ) -> Result<Answer, HandlerError> {
        let id = match self.find(number).await? {
            None => "admin-lead-unknown",
            Some(row) if row.state == LeadState::Discarded => "admin-lead-discarded",
            Some(row) if row.state == LeadState::Delivered => "admin-lead-in-crm",
            Some(row) => {
                let number = &row.lead.number;
                match second_press::second(&self.store, nonce, &discarding(number.as_str()), person).await? {
                    Second::Counts if self.store.discard(number).await? => {
                        info!(lead = %number, "the admin gives a lead up");
                        second_press::done(&self.store, nonce).await?;
                        "admin-lead-discarded"
                    }
                    Second::Counts => "admin-lead-busy",
                    refused => return Ok(not_second(refused, lang)),
                }
            }
        };
        Ok(Answer::plain(lang.text(id, &[("number", number.into())])))
    }
}

/// What the first and the second press are about.
fn discarding(number: &str) -> String {
    format!("discard {number}")
}

/// Why a second press did nothing.
fn not_second(second: Second, lang: Lang) -> Answer {
    let id = if second == Second::Foreign { "admin-press-foreign" } else { "admin-press-over" };
    Answer::plain(lang.text(id, &[]))
}

fn retry_button(lang: Lang, number: &str) -> crate::notice::Button {
    button(lang, "button-lead-retry", None, &format!("lead-retry:{number}"))
}

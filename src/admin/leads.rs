use tracing::info;

use crate::{
    lead::{Budget, CarLink, LeadNumber, LeadSource, Wish, shorten},
    notice::AdminPress,
    store::{LeadRow, LeadState, UnreadableLead},
    telegram::context::HandlerError,
    telemetry::lead_span,
    wording::{Lang, admin_button, age, answer_lines, is_pressable, source_line, trouble_text, wish_line},
};

use super::{
    AdminContext, Reply,
    second_press::{self, Second},
    status::when,
};

/// Leads shown as buttons; more would not fit a phone.
const SHOWN: usize = 20;

impl AdminContext {
    /// Waiting and rejected leads, one button each.
    pub(super) async fn leads(&self, lang: Lang) -> Result<Reply, HandlerError> {
        let rows = self.leads.undelivered(SHOWN as i64).await?;
        let unreadable = self.leads.unreadable(SHOWN as i64).await?;
        if rows.is_empty() && unreadable.is_empty() {
            return Ok(Reply::plain(lang.text("admin-leads-none", &[])));
        }
        let now = self.leads.clock().now();
        let totals = self.leads.totals(now).await?;
        let mut text = lang.text("admin-leads-list", &[]);
        let more = totals.waiting + totals.rejected - rows.len() as i64;
        if more > 0 {
            text.push('\n');
            text.push_str(&lang.text("admin-leads-more", &[("count", more.into())]));
        }
        if !unreadable.is_empty() {
            let list = unreadable.iter().map(|lead| format!("#{}", lead.name())).collect::<Vec<_>>().join(", ");
            text.push('\n');
            text.push_str(&lang.text("admin-leads-unreadable", &[("list", list.into())]));
        }
        let readable = rows.iter().map(|row| row.lead.number.as_str());
        let names: Vec<&str> =
            readable.chain(unreadable.iter().map(UnreadableLead::name).filter(|name| is_pressable(name))).collect();
        let show = |name: &&str| admin_button(lang, &AdminPress::ShowLead((*name).to_owned()));
        let mut buttons: Vec<_> = names.chunks(3).map(|row| row.iter().map(show).collect()).collect();
        buttons.push(vec![admin_button(lang, &AdminPress::Retry)]);
        Ok(Reply::with_buttons(text, buttons))
    }

    async fn find(&self, number: &str) -> Result<Option<LeadRow>, HandlerError> {
        match LeadNumber::parse(number) {
            Some(number) => Ok(self.leads.by_number(&number).await?),
            None => Ok(None),
        }
    }

    /// What is known of a lead that cannot be read, for whoever calls the buyer.
    fn show_unreadable(&self, lead: &UnreadableLead, lang: Lang) -> Reply {
        let state = match lead.state.as_str() {
            state @ ("waiting" | "rejected" | "delivered" | "discarded") => lang.text(&format!("state-{state}"), &[]),
            other => other.to_owned(),
        };
        let id = |id: Option<i64>| id.map_or_else(|| "—".to_owned(), |id| id.to_string());
        let text = lang.text(
            "admin-lead-unreadable",
            &[
                ("number", lead.name().into()),
                ("state", state.into()),
                ("at", when(lead.submitted_at, lang).into()),
                ("user", id(lead.user_id).into()),
                ("crm", id(lead.crm_lead_id).into()),
                ("reason", lead.reason.as_str().into()),
                ("body", shorten(&lead.body, 1500).into()),
            ],
        );
        let name = lead.name();
        let discard = admin_button(lang, &AdminPress::AskDiscard(name.to_owned()));
        let buttons = if is_pressable(name) { vec![vec![retry_button(lang, name), discard]] } else { Vec::new() };
        Reply::with_buttons(text, buttons)
    }

    /// Everything about one lead, with buttons to retry and discard.
    pub(super) async fn show_lead(&self, number: &str, lang: Lang) -> Result<Reply, HandlerError> {
        let Some(row) = self.find(number).await? else {
            return Ok(match self.leads.unreadable_one(number).await? {
                Some(lead) => self.show_unreadable(&lead, lang),
                None => Reply::plain(lang.text("admin-lead-unknown", &[])),
            });
        };
        let lead = &row.lead;
        let number = lead.number.as_str();
        let state = match row.state() {
            LeadState::Waiting => "state-waiting",
            LeadState::Rejected => "state-rejected",
            LeadState::Delivered => "state-delivered",
            LeadState::Discarded => "state-discarded",
        };
        if row.forgotten_at.is_none() && row.expired_at.is_some() {
            let args = [("number", number.into()), ("state", lang.text(state, &[]).into())];
            return Ok(Reply::plain(lang.text("admin-lead-expired", &args)));
        }
        if row.forgotten_at.is_some() {
            let args = [("number", number.into()), ("state", lang.text(state, &[]).into())];
            return Ok(Reply::plain(lang.text("admin-lead-forgotten", &args)));
        }
        let budget = lead.budget.as_ref().map(Budget::explained);
        let car_link = lead.car_link.as_ref().map(CarLink::shown);
        let answers = answer_lines(&lead.asked, budget.as_deref(), car_link.as_deref(), &lead.more, 1000, lang);
        let source = lead.source.as_ref().map(LeadSource::shown);
        let wish = wish_line("copy-wish", lead.wish.as_ref().map(Wish::as_str), lang);
        let text = lang.text(
            "admin-lead",
            &[
                ("number", number.into()),
                ("state", lang.text(state, &[]).into()),
                ("name", lead.name.as_str().into()),
                ("phone", lead.phone.e164().into()),
                ("answers", answers.into()),
                ("wish", (wish + &source_line(source.as_deref(), lang)).into()),
                ("age", age(lead.submitted_at.timestamp_millis(), lang).into()),
                ("error", self.obstacle(&row, lang).into()),
            ],
        );
        let buttons = match row.state() {
            LeadState::Delivered => Vec::new(),
            LeadState::Discarded => vec![vec![retry_button(lang, number)]],
            LeadState::Waiting | LeadState::Rejected => {
                vec![vec![retry_button(lang, number), admin_button(lang, &AdminPress::AskDiscard(number.to_owned()))]]
            }
        };
        Ok(Reply::with_buttons(text, buttons))
    }

    /// What keeps a lead from amoCRM: its own words where it refuses the data, else what is wrong in general.
    fn obstacle(&self, row: &LeadRow, lang: Lang) -> String {
        let nothing = || "—".to_owned();
        match row.state() {
            LeadState::Rejected => row.last_error.as_deref().map_or_else(nothing, |error| shorten(error, 500)),
            LeadState::Waiting => match (self.trouble(), row.last_error.as_deref()) {
                (Some(trouble), _) => trouble_text(&trouble, lang),
                (None, Some(error)) if row.attempts > 0 => shorten(error, 500),
                (None, _) => nothing(),
            },
            LeadState::Delivered | LeadState::Discarded => nothing(),
        }
    }

    pub(super) async fn retry_lead(&self, number: &str, lang: Lang) -> Result<Reply, HandlerError> {
        let id = match self.find(number).await? {
            Some(row) if row.forgotten_at.is_some() => return self.show_lead(number, lang).await,
            Some(row) if row.state() != LeadState::Delivered => {
                self.leads.retry_now(Some(&row.lead.number)).await?;
                lead_span(&row.lead.number).in_scope(|| info!("the admin sends a lead again"));
                "admin-lead-retried"
            }
            Some(_) => "admin-lead-in-crm",
            None => match self.leads.unreadable_one(number).await? {
                Some(lead) => {
                    self.leads.retry_unreadable(&lead).await?;
                    "admin-lead-retried"
                }
                None => "admin-lead-unknown",
            },
        };
        Ok(Reply::plain(lang.text(id, &[("number", number.into())])))
    }

    /// The first press only asks.
    pub(super) async fn ask_discard(&self, number: &str, person: i64, lang: Lang) -> Result<Reply, HandlerError> {
        let Some(row) = self.find(number).await? else {
            return Ok(match self.leads.unreadable_one(number).await? {
                Some(lead) => self.sure_of_discarding(lead.name(), person, lang).await?,
                None => Reply::plain(lang.text("admin-lead-unknown", &[])),
            });
        };
        let number = row.lead.number.as_str();
        let over = match row.state() {
            LeadState::Delivered => Some("admin-lead-in-crm"),
            LeadState::Discarded => Some("admin-lead-discarded"),
            LeadState::Waiting | LeadState::Rejected => None,
        };
        if let Some(id) = over {
            return Ok(Reply::plain(lang.text(id, &[("number", number.into())])));
        }
        self.sure_of_discarding(number, person, lang).await
    }

    async fn sure_of_discarding(&self, number: &str, person: i64, lang: Lang) -> Result<Reply, HandlerError> {
        let nonce = second_press::ask(&self.marks, &discarding(number), person).await?;
        let sure = admin_button(lang, &AdminPress::Discard { number: number.to_owned(), nonce: nonce.clone() });
        let keep = admin_button(lang, &AdminPress::Keep { nonce });
        let text = lang.text("admin-lead-discard-ask", &[("number", number.into())]);
        Ok(Reply::with_buttons(text, vec![vec![sure], vec![keep]]))
    }

    /// The second press does it, if it follows its first.
    pub(super) async fn discard(
        &self,
        number: &str,
        nonce: &str,
        person: i64,
        lang: Lang,
    ) -> Result<Reply, HandlerError> {
        let id = match self.find(number).await? {
            None => match self.leads.unreadable_one(number).await? {
                Some(lead) => match second_press::second(&self.marks, nonce, &discarding(lead.name()), person).await? {
                    Second::Counts => {
                        self.leads.discard_unreadable(&lead).await?;
                        info!(lead = lead.name(), "the admin gives a lead up that cannot be read");
                        second_press::done(&self.marks, nonce).await?;
                        "admin-lead-discarded"
                    }
                    refused => return Ok(not_second(refused, lang)),
                },
                None => "admin-lead-unknown",
            },
            Some(row) if row.state() == LeadState::Discarded => "admin-lead-discarded",
            Some(row) if row.state() == LeadState::Delivered => "admin-lead-in-crm",
            Some(row) => {
                let number = &row.lead.number;
                match second_press::second(&self.marks, nonce, &discarding(number.as_str()), person).await? {
                    Second::Counts if self.leads.discard(number).await? => {
                        lead_span(number).in_scope(|| info!("the admin gives a lead up"));
                        second_press::done(&self.marks, nonce).await?;
                        "admin-lead-discarded"
                    }
                    Second::Counts => "admin-lead-busy",
                    refused => return Ok(not_second(refused, lang)),
                }
            }
        };
        Ok(Reply::plain(lang.text(id, &[("number", number.into())])))
    }
}

/// What the first and the second press are about.
fn discarding(number: &str) -> String {
    format!("discard {number}")
}

/// Why a second press did nothing.
fn not_second(second: Second, lang: Lang) -> Reply {
    let id = if second == Second::Foreign { "admin-press-foreign" } else { "admin-press-over" };
    Reply::plain(lang.text(id, &[]))
}

fn retry_button(lang: Lang, number: &str) -> crate::notice::Button {
    admin_button(lang, &AdminPress::RetryLead(number.to_owned()))
}

//! A buyer has withdrawn their consent: everything of theirs until that moment is wiped, and whoever has to know is told, in
//! one commit.

use sqlx::{AnyConnection, AssertSqlSafe};

use crate::{
    clock::Millis,
    fault::point,
    store::{Forgetting, NewMessage, PersonalData, StoreError, Whom, Withdrawal, consents, json, late_notes, outbox},
};

use super::{
    super::forgotten::{person_id, remember_latest},
    Person, PersonLead, bind_key, find, traces, wipe_lead, with_key,
};

impl PersonalData {
    /// What there is of somebody that came before they said so.
    pub async fn of_withdrawal(&self, asked: &Withdrawal) -> Result<Person, StoreError> {
        self.again(|| async {
            let mut connection = self.pool.0.acquire().await?;
            Ok(until(find(&mut connection, self.engine, &Whom::User(asked.user_id)).await?, asked.asked_at))
        })
        .await
    }

    /// Wipes everything of somebody that came before they said so, gives up what amoCRM does not have, owes a note to each
    /// lead that it has or may have (`note`), and enqueues `messages`.
    pub async fn withdraw(
        &self,
        asked: &Withdrawal,
        note: impl Fn(&PersonLead) -> String,
        messages: impl Fn(&Person) -> Vec<NewMessage>,
    ) -> Result<Forgetting, StoreError> {
        let outcome = self.again(|| self.withdraw_once(asked, &note, &messages)).await?;
        if let Forgetting::Done(_) = outcome {
            self.leads_moved();
            self.wakes.late_notes.notify_one();
            self.wakes.messages.notify_one();
        }
        Ok(outcome)
    }

    async fn withdraw_once(
        &self,
        asked: &Withdrawal,
        note: &impl Fn(&PersonLead) -> String,
        messages: &impl Fn(&Person) -> Vec<NewMessage>,
    ) -> Result<Forgetting, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.begin().await?;
        let person = until(find(&mut transaction, self.engine, &Whom::User(asked.user_id)).await?, asked.asked_at);
        for lead in person.undelivered() {
            if !self.give_up(&mut transaction, lead, now).await? {
                transaction.rollback().await?;
                return Ok(Forgetting::Busy(lead.number.clone()));
            }
        }
        for lead in &person.leads {
            wipe_lead(&mut transaction, self.engine, lead, now).await?;
            if lead.crm_lead_id.is_some() || lead.uncertain {
                late_notes::insert(&mut transaction, (&lead.id, &lead.number), late_notes::WITHDRAWN, &note(lead), now)
                    .await?;
            }
        }
        // What answers the withdrawal itself was committed at the same moment.
        let before = asked.asked_at - 1;
        traces::wipe(&mut transaction, self.engine, &person, before, now).await?;
        consents::forget(&mut transaction, asked.user_id, asked.asked_at, now).await?;
        sqlx::query("DELETE FROM dialogues WHERE chat_id = $1 AND channel = $2 AND update_at <= $3")
            .bind(asked.chat.id)
            .bind(asked.chat.channel.as_str())
            .bind(asked.asked_at)
            .execute(&mut *transaction)
            .await?;
        remember_latest(&mut transaction, &person_id(asked.user_id), asked.asked_at).await?;
        for message in messages(&person) {
            outbox::insert(&mut transaction, message.chat, &json(&message.notice), message.due_at, now).await?;
        }
        sqlx::query(
            "UPDATE withdrawals SET chat_id = NULL, user_id = NULL, lang = NULL, wiped_at = $1, leads = $2 WHERE id = $3",
        )
        .bind(now)
        .bind(i64::try_from(person.leads.len()).unwrap_or(i64::MAX))
        .bind(&asked.id)
        .execute(&mut *transaction)
        .await?;
        point("withdrawal.in_commit");
        transaction.commit().await?;
        Ok(Forgetting::Done(person))
    }

    /// Gives up a lead that amoCRM does not have; `false` where it is being sent right now.
    pub(super) async fn give_up(
        &self,
        connection: &mut AnyConnection,
        lead: &PersonLead,
        now: Millis,
    ) -> Result<bool, StoreError> {
        // Also from a state that this version does not know.
        let sql = format!(
            "UPDATE leads SET state = 'discarded' WHERE {} AND state <> 'delivered' \
             AND (leased_by IS NULL OR leased_until < $2)",
            with_key(self.engine, "$1")
        );
        let query = sqlx::query(AssertSqlSafe(sql));
        let done = bind_key(query, self.engine, &lead.key).bind(now).execute(connection).await?;
        Ok(done.rows_affected() == 1)
    }
}

/// Without what came afterwards, under another consent.
fn until(mut person: Person, asked_at: Millis) -> Person {
    person.leads.retain(|lead| lead.taken_at <= asked_at);
    person
}

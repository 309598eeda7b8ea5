//! What a poll brings: updates to hand out, and what is set aside.

use std::sync::atomic::Ordering;

use teloxide::types::Update;
use tracing::{info, warn};

use super::{
    super::{
        answer::List,
        intake::{ATTEMPTS, Failure},
        reading,
        strays::{self, Numbered, Stray},
    },
    AGAIN_PAUSE, Listener, chat_of,
};
use crate::{
    notice::{Notice, Say},
    store::NewMessage,
};

/// Why an update goes to no handler.
#[derive(Debug)]
enum NotRead {
    /// Its kind was not asked for; Telegram sends such for a while after what is asked for has changed.
    NotAskedFor,
    /// There is nobody to answer in it.
    Unreadable,
}

impl Listener {
    pub(super) async fn take(&mut self, list: List<'_>) {
        let mut batch = strays::sort(&list.elements);
        match list.broken {
            Some(rest) if list.elements.is_empty() => {
                self.cut_off += 1;
                warn!(times = self.cut_off, "an answer breaks off within its first update");
                if self.cut_off <= ATTEMPTS {
                    let pause = self.batch_pause.grow();
                    return self.rest(pause).await;
                }
                // By now it is the update, not the network. Ids follow each other, so where none can be read in it, it
                // is the one that was asked for.
                batch.strays.push(Stray::cut_off(rest, self.offset));
                self.cut_off = 1;
            }
            _ => self.cut_off = 0,
        }
        for stray in &batch.strays {
            if self.strays.knows(stray) {
                continue;
            }
            if !self.keep_dead_letter(stray).await {
                // None of the batch is taken or confirmed: it comes again.
                let pause = self.batch_pause.grow();
                return self.rest(pause).await;
            }
            self.strays.add(stray);
        }
        let Some(last) = batch.updates.last() else {
            // Nothing but what is set aside: it goes when the offset passes it.
            match self.strays.next_offset(&batch.strays) {
                Some(offset) => (self.offset, self.passing) = (Some(offset), true),
                None => self.rest(AGAIN_PAUSE).await,
            }
            return;
        };
        self.strays.accompanied();
        if self.offset.is_some_and(|offset| i64::from(last.id) < offset) {
            // They were confirmed by asking for more, and came all the same.
            self.rest(AGAIN_PAUSE).await;
        }
        let read: Vec<_> =
            reading::on_deep_stack(|| batch.updates.iter().map(|update| (update, self.read(update))).collect());
        self.open = true;
        self.intake.open(read.iter().map(|(update, read)| (update.id, read.as_ref().ok().and_then(chat_of))));
        for (update, read) in read {
            if self.intake.is_done(update.id) {
                continue;
            }
            match read {
                Ok(read) => self.queue.push_back(read),
                Err(NotRead::NotAskedFor) => {
                    self.counters.not_asked_for.fetch_add(1, Ordering::Relaxed);
                    self.intake.hand_out(update.id);
                    self.intake.done(update.id);
                }
                Err(NotRead::Unreadable) => {
                    self.intake.hand_out(update.id);
                    if self.keep_dead_letter(&Stray::unreadable(update)).await {
                        self.intake.done(update.id);
                    } else {
                        self.intake.failed(update.id, &Failure::Store);
                    }
                }
            }
        }
    }

    fn read(&self, update: &Numbered) -> Result<Update, NotRead> {
        let body = update.body.as_ref().map_err(|_| NotRead::Unreadable)?;
        let kind = reading::kind_of(body).ok_or(NotRead::NotAskedFor)?;
        let read = reading::read(update.id, kind, &body[kind]).ok_or(NotRead::Unreadable)?;
        if !read.lost.is_empty() {
            self.counters.read_in_part.fetch_add(1, Ordering::Relaxed);
            info!(update = update.id, kind, lost = strays::names(&read.lost), "a part of an update cannot be read");
        }
        Ok(read.update)
    }

    /// Keeps what cannot be handled, and answers it where it came from a private chat; false when the store does not
    /// take it.
    async fn keep_dead_letter(&mut self, stray: &Stray) -> bool {
        self.counters.unparsable.fetch_add(1, Ordering::Relaxed);
        warn!(update = stray.id, kind = stray.kind, reason = stray.reason, "an update is set aside");
        // Enqueued and not sent from here, so that a slow chat holds nobody up.
        let answer = stray.chat.map(|chat| NewMessage {
            chat,
            notice: Notice::Reply(vec![Say::OnlyText]),
            due_at: self.clock.now(),
        });
        let kept = self
            .dialogues
            .keep_dead_letter(stray.key, stray.chat, &stray.kind, stray.reason, &stray.body, answer.as_ref())
            .await;
        if let Err(error) = &kept {
            self.store_failed = true;
            self.admin.store_failed(error.to_string());
        } else if std::mem::take(&mut self.store_failed) {
            self.admin.store_recovered();
        }
        kept.is_ok()
    }
}

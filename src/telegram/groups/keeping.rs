//! What is learnt of groups, written down as it is learnt and read by the next process.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    lead::ChatRef,
    notice::{AdminNotice, Notice},
    store::{Mark, MarkFamily, Marks, NewMessage, StoreError},
};

use super::{Groups, MOST_TOPICS};

impl Groups {
    /// Reads what earlier processes have learnt.
    pub async fn restore(&self, marks: &Marks) -> Result<(), StoreError> {
        let (moved, topics) =
            (marks.family(MarkFamily::GroupsMoved).await?, marks.family(MarkFamily::GroupTopics).await?);
        let mut learnt = self.learnt();
        for (mark, to) in moved {
            if let (Mark::GroupMoved(from), Ok(to)) = (mark, to.parse()) {
                learnt.moved.entry(from).or_insert(to);
            }
        }
        for (mark, topics) in topics {
            let topics = topics.split(',').filter_map(|topic| topic.parse().ok()).take(MOST_TOPICS).collect();
            if let Mark::GroupTopics(chat) = mark {
                learnt.topics.entry(chat).or_insert(topics);
            }
        }
        Ok(())
    }

    /// Writes down what is learnt, and has the admin told of it once; a second time nothing happens.
    pub async fn save(&self, marks: &Marks, admin_chat: Option<ChatRef>) -> Result<(), StoreError> {
        let (moved, topics) = {
            let learnt = self.learnt();
            (learnt.moved.clone(), learnt.topics.clone())
        };
        for (from, to) in moved {
            let setting = self.watched.iter().find(|watched| watched.chat == from);
            let message = admin_chat.zip(setting).map(|(chat, watched)| NewMessage {
                chat,
                notice: Notice::Admin(AdminNotice::GroupMoved { setting: watched.setting.into(), chat: to }),
                due_at: marks.clock().now(),
            });
            marks.set_once(&Mark::GroupMoved(from), &to.to_string(), message.as_ref()).await?;
        }
        for (chat, topics) in topics {
            let topics: Vec<String> = topics.iter().map(ToString::to_string).collect();
            marks.set(&Mark::GroupTopics(chat), &topics.join(",")).await?;
        }
        Ok(())
    }

    /// Writes down what is learnt as it is learnt, until stopped.
    pub async fn keep(self, marks: Marks, admin_chat: Option<ChatRef>, stop: CancellationToken) {
        let mut changes = self.changes();
        // What was learnt before anybody looked.
        let mut is_saved = *changes.borrow_and_update() == 0;
        loop {
            if !is_saved {
                match self.save(&marks, admin_chat).await {
                    Ok(()) => is_saved = true,
                    Err(error) => warn!(%error, "what is learnt of a group is not yet stored"),
                }
            }
            let again = marks.clock().period(Duration::from_secs(10));
            tokio::select! {
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    is_saved = false;
                }
                () = tokio::time::sleep(again), if !is_saved => {}
                () = stop.cancelled() => return,
            }
        }
    }
}

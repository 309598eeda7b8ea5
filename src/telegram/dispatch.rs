//! Hands updates to the tree: those of one chat in order, chats beside each other.
//!
//! teloxide's own dispatcher asks Telegram who the bot is before every start, through a client that reads an answer
//! whole however long it is; here nothing is asked.

use std::{collections::HashMap, ops::ControlFlow};

use teloxide::{
    dispatching::UpdateHandler,
    dptree::{self, di::DependencyMap},
    types::Update,
};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tracing::error;

use crate::lead::ChatRef;

use super::{
    context::HandlerError,
    groups::Groups,
    listener::{Listener, chat_of},
};

/// So many chats are remembered before those that have nothing under way are forgotten.
const CHATS_KEPT: usize = 1000;

/// The tree with what its handlers ask for.
pub struct Dispatch {
    groups: Groups,
    tree: UpdateHandler<HandlerError>,
    dependencies: DependencyMap,
}

impl Dispatch {
    /// Panics when a handler asks for something that is not there: a fault of the program, found by any start.
    pub fn new(groups: Groups, tree: UpdateHandler<HandlerError>, dependencies: DependencyMap) -> Self {
        dptree::type_check(tree.sig(), &dependencies, &[dptree::Type::of::<Update>()]);
        Self { groups, tree, dependencies }
    }

    /// Until the listener ends, and then until everything handed out is handled.
    pub async fn run(&self, mut listener: Listener) {
        let tasks = TaskTracker::new();
        let mut chats: HashMap<ChatRef, JoinHandle<()>> = HashMap::new();
        while let Some(update) = listener.next().await {
            // What comes next may already be said under the new id.
            self.groups.look_at(&update);
            let chat = chat_of(&update).map(|chat| self.groups.now(chat));
            let before = chat.and_then(|chat| chats.remove(&chat));
            let (tree, mut dependencies) = (self.tree.clone(), self.dependencies.clone());
            dependencies.insert(update);
            let task = tasks.spawn(async move {
                if let Some(before) = before {
                    // A panic was caught at the root of the tree.
                    let _ = before.await;
                }
                if let ControlFlow::Break(Err(error)) = tree.dispatch(dependencies).await {
                    error!(%error, "an update was not handled");
                }
            });
            if chats.len() >= CHATS_KEPT {
                chats.retain(|_, last| !last.is_finished());
            }
            if let Some(chat) = chat {
                chats.insert(chat, task);
            }
        }
        tasks.close();
        tasks.wait().await;
    }
}

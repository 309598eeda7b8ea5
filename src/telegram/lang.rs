//! The language of a chat, as its dialogue keeps it.

use serde_json::Value;

use crate::{
    form::stored::read,
    lead::ChatRef,
    store::{Dialogue, Dialogues, StoreError},
    wording::Lang,
};

/// The language of a chat; the default one where it has no dialogue.
pub async fn lang_of(dialogues: &Dialogues, chat: ChatRef) -> Result<Lang, StoreError> {
    Ok(dialogues.of_chat(chat).await?.as_ref().map_or(Lang::default(), stored_lang))
}

/// The language that a stored dialogue names.
pub fn stored_lang(stored: &Dialogue) -> Lang {
    let document: Value = serde_json::from_str(&stored.draft).unwrap_or_default();
    read(&document["lang"]).unwrap_or_default()
}

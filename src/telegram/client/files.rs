//! Buyers' files: had for the CRM, and sent on within Telegram.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use teloxide::{RequestError, types::ChatId};
use thiserror::Error;

use crate::{
    lead::{ChatRef, FileKind},
    notice::FileCopy,
};

use super::{
    super::{api, routes::Kind},
    LEAST_SEND, Telegram,
    failure::{SendError, decide, describe},
    place::{Manner, Place, Taken, taken},
    request::Call,
    way::DOCUMENT_TIMEOUT,
};

/// A buyer's file, of 20 MB at most.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(120);

/// Why a buyer's file cannot be had.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// Telegram does not have it, or not now.
    #[error("Telegram does not have the file: {0}")]
    Gone(String),
    /// Telegram has it, and a bot cannot have it: it is too large, or lies on the disk of a server of one's own.
    #[error("the file cannot be had: {0}")]
    Unreachable(String),
    /// Try again, not before the pause if one is named.
    #[error("the file cannot be had now: {cause}")]
    Later {
        /// What went wrong.
        cause: String,
        /// Telegram's own pause.
        after: Option<Duration>,
    },
}

impl Telegram {
    /// Sends on what a buyer has sent, as Telegram keeps it, with a caption: the message itself, or, where that is gone, the
    /// file.
    pub async fn send_copy(
        &self,
        to: impl Into<Place>,
        copy: &FileCopy,
        caption: &str,
        manner: Manner,
    ) -> Result<Option<Taken>, SendError> {
        let place = to.into();
        let FileCopy { from_chat, message_id, file_id, kind, .. } = copy;
        let from_chat = ChatId::from(*from_chat);
        let mut message = json!({"from_chat_id": from_chat, "message_id": message_id, "caption": caption});
        let (method, field) = method_for(*kind);
        let mut again = json!({ field: file_id, "caption": caption });
        for parameters in [&mut message, &mut again] {
            manner.put_into(parameters);
        }
        let call = Call::Copied { method: "copyMessage", parameters: &message };
        let mut result = self.within(self.reply_timeout, self.placed(place, &call)).await;
        if let Err(SendError::Refused(_)) = result {
            let call = Call::Copied { method, parameters: &again };
            result = self.within(self.reply_timeout, self.placed(place, &call)).await;
        }
        self.figures.count(&result);
        result.map(|(answer, place)| taken(&answer, place))
    }

    /// Copies a message as it is, or with another caption.
    pub async fn copy_message(
        &self,
        to: impl Into<Place>,
        (from_chat, message_id): (ChatRef, i32),
        caption: Option<&str>,
        manner: Manner,
    ) -> Result<Option<Taken>, SendError> {
        let mut parameters = json!({"from_chat_id": ChatId::from(from_chat), "message_id": message_id});
        if let Some(caption) = caption {
            parameters["caption"] = caption.into();
        }
        manner.put_into(&mut parameters);
        let call = Call::Copied { method: "copyMessage", parameters: &parameters };
        let result = self.within(self.reply_timeout, self.placed(to.into(), &call)).await;
        self.figures.count(&result);
        result.map(|(answer, place)| taken(&answer, place))
    }

    /// The content of a file that a buyer has sent, of at most `cap` bytes.
    pub async fn download(&self, file_id: &str, cap: usize) -> Result<Vec<u8>, DownloadError> {
        let (attempt, way) = self.begin(Kind::Send);
        let limit = self.clock.scaled(DOCUMENT_TIMEOUT).max(LEAST_SEND);
        let late = || RequestError::Io(Arc::new(std::io::Error::other("no answer in time")));
        let path = tokio::time::timeout(limit, way.send.file_path(file_id)).await.unwrap_or_else(|_| Err(late()));
        self.ended(attempt, path.as_ref().err());
        let path = path.map_err(|error| match decide(&error) {
            SendError::Refused(words) if words.contains("too big") => DownloadError::Unreachable(words),
            SendError::Refused(words) => DownloadError::Gone(words),
            SendError::Later { cause, after } => DownloadError::Later { cause, after },
            other => DownloadError::Later { cause: other.to_string(), after: None },
        })?;
        let Some(path) = path else {
            return Err(DownloadError::Unreachable("the server keeps its files to itself".into()));
        };
        match way.send.file(&path, cap, DOWNLOAD_TIMEOUT).await {
            Ok(Some(content)) => Ok(content),
            Ok(None) => Err(DownloadError::Gone("the file is not there any more".into())),
            Err(error) if api::is_too_large(&error) => Err(DownloadError::Unreachable("larger than it said".into())),
            Err(error) => Err(DownloadError::Later { cause: describe(&error), after: None }),
        }
    }
}

/// With which method a file of a kind is sent by its id, and as which of its parameters.
fn method_for(kind: FileKind) -> (&'static str, &'static str) {
    match kind {
        FileKind::Photo => ("sendPhoto", "photo"),
        FileKind::Document => ("sendDocument", "document"),
        FileKind::Video => ("sendVideo", "video"),
        FileKind::Animation => ("sendAnimation", "animation"),
        FileKind::Audio => ("sendAudio", "audio"),
        FileKind::Voice => ("sendVoice", "voice"),
        FileKind::VideoNote => ("sendVideoNote", "video_note"),
    }
}

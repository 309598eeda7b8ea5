//! An album, or a file by itself, as far as it has come.

use serde::{Deserialize, Serialize};

use crate::{
    lead::{BuyerFile, FileKind, LARGEST_FILE, MOST_FILES},
    notice::Say,
};

/// An album, or a file by itself, as far as it has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Album {
    /// Telegram's id of it.
    pub id: Option<String>,
    pub(super) added: usize,
    pub(super) too_many: bool,
    pub(super) too_large: bool,
    pub(super) only_photos: bool,
    /// What was said at its first file, such as the greeting of a form that it opened.
    #[serde(default)]
    pub(super) first: Vec<Say>,
}

impl Album {
    pub(super) fn take(&mut self, draft_files: &mut Vec<BuyerFile>, file: BuyerFile) {
        self.only_photos &= file.kind == FileKind::Photo;
        if file.is_too_large() {
            self.too_large = true;
        } else if draft_files.iter().any(|known| known.unique_id == file.unique_id) {
            self.added += 1;
        } else if draft_files.len() >= MOST_FILES {
            self.too_many = true;
        } else {
            self.added += 1;
            draft_files.push(file);
        }
    }

    pub(super) fn says(&self, total: usize) -> Vec<Say> {
        let kept = Say::FilesKept { added: self.added, total, only_photos: self.only_photos };
        let megabytes = usize::try_from(LARGEST_FILE / (1024 * 1024)).unwrap_or(usize::MAX);
        [
            (self.added > 0).then_some(kept),
            self.too_many.then_some(Say::TooManyFiles { most: MOST_FILES }),
            self.too_large.then_some(Say::FileTooLarge { megabytes }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

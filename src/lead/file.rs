//! A file that a buyer has sent. Telegram keeps its content; what it is known by there is kept with the lead.

use serde::{Deserialize, Serialize};

use super::{LeadNumber, one_line};

/// More files of one form are not kept.
pub const MOST_FILES: usize = 10;

/// Telegram lets a bot have no larger file (core.telegram.org/bots/api#getfile: 20 MB).
pub const LARGEST_FILE: u64 = 20 * 1024 * 1024;

/// No name is longer, in characters, without what it begins with.
const LONGEST_NAME: usize = 100;

/// How a file was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A picture, as JPEG.
    Photo,
    /// A file of any kind.
    Document,
    /// A film.
    Video,
    /// A film without sound.
    Animation,
    /// Music.
    Audio,
    /// A message that was spoken.
    Voice,
    /// A round film.
    VideoNote,
}

impl FileKind {
    /// What a file of this kind is called by where its name does not tell.
    fn extension(self) -> &'static str {
        match self {
            Self::Photo => "jpg",
            Self::Video | Self::Animation | Self::VideoNote => "mp4",
            Self::Audio => "mp3",
            Self::Voice => "ogg",
            Self::Document => "bin",
        }
    }

    fn mime(self) -> &'static str {
        match self {
            Self::Photo => "image/jpeg",
            Self::Video | Self::Animation | Self::VideoNote => "video/mp4",
            Self::Audio => "audio/mpeg",
            Self::Voice => "audio/ogg",
            Self::Document => "application/octet-stream",
        }
    }
}

/// A file as Telegram tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuyerFile {
    /// By which the bot can have it, or send it on.
    pub file_id: String,
    /// The same for every message with this file.
    pub unique_id: String,
    /// How it was sent.
    pub kind: FileKind,
    /// Its name, where it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its MIME type, where it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// Bytes, where they were told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The message it came with, in the buyer's chat.
    pub message_id: i32,
}

impl BuyerFile {
    /// Its name for managers, with a key of its own at the beginning: `K7M2QXA-1.jpg`, `K7M2QXA-2 Договор.pdf`.
    /// `position` counts from 1.
    pub fn name_in(&self, number: &LeadNumber, position: usize) -> String {
        let key = file_key(number, position);
        let name = self.name.as_deref().map(readable).unwrap_or_default();
        let (stem, extension) = match name.rsplit_once('.') {
            Some((stem, extension)) if is_extension(extension) => (stem.trim(), Some(extension)),
            _ => (name.as_str(), None),
        };
        let extension = extension.or_else(|| extension_of(self.mime.as_deref()?)).unwrap_or(self.kind.extension());
        match stem {
            "" => format!("{key}.{extension}"),
            stem => format!("{key} {stem}.{extension}"),
        }
    }

    /// Its MIME type, as far as it can be told.
    pub fn content_type(&self) -> &str {
        let told = self.mime.as_deref().filter(|mime| {
            let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "/+-._".contains(sign);
            mime.len() <= 100 && mime.contains('/') && mime.chars().all(is_plain)
        });
        told.unwrap_or(self.kind.mime())
    }

    /// Whether it is known to be larger than a bot can have.
    pub fn is_too_large(&self) -> bool {
        self.size.is_some_and(|size| size > LARGEST_FILE)
    }
}

/// What a file's name begins with, and no other's.
pub fn file_key(number: &LeadNumber, position: usize) -> String {
    format!("{number}-{position}")
}

/// Whether a name begins with this key.
pub fn has_file_key(name: &str, key: &str) -> bool {
    name.trim_start().strip_prefix(key).is_some_and(|rest| !rest.starts_with(|sign: char| sign.is_alphanumeric()))
}

/// A name that somebody has given a file, in one line and with nothing in it that amoCRM drops or takes for a folder.
fn readable(name: &str) -> String {
    let kept = |sign: &char| u32::from(*sign) <= 0xFFFF && !"/\\:*?\"<>|".contains(*sign);
    let name: String = one_line(name, LONGEST_NAME * 4).chars().filter(kept).collect();
    let length = name.chars().count();
    if length <= LONGEST_NAME {
        return name.trim().to_owned();
    }
    // Its end tells what kind of file it is.
    let end: String = name.chars().skip(length - 12).collect();
    let extension = end.rsplit_once('.').map(|(_, extension)| extension).filter(|text| is_extension(text));
    let stem: String = name.chars().take(LONGEST_NAME - 12).collect();
    match extension {
        Some(extension) => format!("{}.{extension}", stem.trim()),
        None => stem.trim().to_owned(),
    }
}

fn is_extension(text: &str) -> bool {
    (1..=8).contains(&text.len()) && text.chars().all(|sign| sign.is_ascii_alphanumeric())
}

fn extension_of(mime: &str) -> Option<&'static str> {
    Some(match mime {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "image/heic" => "heic",
        "application/pdf" => "pdf",
        "video/mp4" => "mp4",
        "video/quicktime" => "mov",
        "audio/mpeg" => "mp3",
        "audio/mp4" | "audio/x-m4a" => "m4a",
        "audio/ogg" => "ogg",
        "text/plain" => "txt",
        "application/zip" => "zip",
        "application/msword" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(kind: FileKind, name: Option<&str>, mime: Option<&str>) -> BuyerFile {
        let (name, mime) = (name.map(str::to_owned), mime.map(str::to_owned));
        BuyerFile { file_id: "a".into(), unique_id: "b".into(), kind, name, mime, size: None, message_id: 1 }
    }

    #[test]
    fn a_name_begins_with_the_files_own_key_and_ends_with_its_kind() {
        let number = LeadNumber::parse("K7M2QXA").expect("a number");
        let long = format!("{}.pdf", "а".repeat(300));
        let cut = format!("K7M2QXA-3 {}.pdf", "а".repeat(88));
        for (kind, name, mime, expected) in [
            (FileKind::Photo, None, None, "K7M2QXA-3.jpg"),
            (FileKind::Voice, None, Some("audio/ogg"), "K7M2QXA-3.ogg"),
            (FileKind::Document, None, None, "K7M2QXA-3.bin"),
            (FileKind::Document, None, Some("application/pdf"), "K7M2QXA-3.pdf"),
            (FileKind::Document, Some("Договор купли.PDF"), None, "K7M2QXA-3 Договор купли.PDF"),
            (FileKind::Document, Some("без расширения"), Some("image/png"), "K7M2QXA-3 без расширения.png"),
            (FileKind::Document, Some("🚗 авто.jpg"), None, "K7M2QXA-3 авто.jpg"),
            (FileKind::Document, Some("../../etc/passwd"), None, "K7M2QXA-3 ....etcpasswd.bin"),
            (FileKind::Document, Some("a\nb\u{202e}.exe"), None, "K7M2QXA-3 a b.exe"),
            (FileKind::Document, Some(".htaccess"), None, "K7M2QXA-3.htaccess"),
            (FileKind::Document, Some(""), None, "K7M2QXA-3.bin"),
            (FileKind::Document, Some(&long), None, &cut),
        ] {
            let named = file(kind, name, mime).name_in(&number, 3);
            assert_eq!(named, expected);
            assert!(has_file_key(&named, "K7M2QXA-3"), "{named}");
        }
    }

    #[test]
    fn a_key_is_no_other_files() {
        for (name, is) in [
            ("K7M2QXA-1.jpg", true),
            ("K7M2QXA-1", true),
            ("K7M2QXA-1_Dogovor.pdf", true),
            (" K7M2QXA-1 x", true),
            ("K7M2QXA-10.jpg", false),
            ("K7M2QXA-11", false),
            ("xK7M2QXA-1.jpg", false),
            ("N7HR3T9-1.jpg", false),
            ("", false),
        ] {
            assert_eq!(has_file_key(name, "K7M2QXA-1"), is, "{name}");
        }
    }

    #[test]
    fn a_type_that_is_none_goes_into_no_header() {
        assert_eq!(file(FileKind::Photo, None, None).content_type(), "image/jpeg");
        assert_eq!(file(FileKind::Document, None, Some("application/pdf")).content_type(), "application/pdf");
        for strange in ["", "pdf", "a/b\r\nX: y", "a/b; c=d"] {
            assert_eq!(file(FileKind::Document, None, Some(strange)).content_type(), "application/octet-stream");
        }
    }
}

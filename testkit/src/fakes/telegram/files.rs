//! Files: sent by people, had by getFile and a download (core.telegram.org/bots/api#getfile), sent on by their ids.

use serde_json::{Value, json};

use super::buyer::FakeUser;
use super::members::FakeGroup;
use super::messages::{self, content, send};
use super::params::{Answer, Params, Upload, bad};
use super::text::found_entities;
use super::world::World;
use super::{FakeTelegram, Shared};

/// A bot can have no larger file.
const LARGEST: u64 = 20 * 1024 * 1024;

const MAX_CAPTION: usize = 1024;

/// Kinds of media that a message may hold; of a photo the largest size counts, which comes last.
const MEDIA: [&str; 7] = ["photo", "document", "video", "animation", "audio", "voice", "video_note"];

/// What is copied as it is.
const COPIED_WHOLE: [&str; 6] = ["sticker", "venue", "location", "contact", "poll", "dice"];

/// A file that Telegram keeps.
#[derive(Clone)]
pub(super) struct TelegramFile {
    pub(super) id: String,
    unique_id: String,
    /// Its size, also where its content is not at hand.
    size: u64,
    path: String,
    name: String,
    bytes: Vec<u8>,
    gone: bool,
}

impl World {
    /// Keeps a file; `size` may claim more than there is.
    fn add_file(&mut self, folder: &str, name: &str, bytes: Vec<u8>, size: u64) -> TelegramFile {
        let number = self.files.len() + 1;
        let extension = name.rsplit_once('.').map_or("bin", |(_, extension)| extension);
        let file = TelegramFile {
            id: format!("AgACAgIAAxkBAAIB{number}m"),
            unique_id: format!("AQAD{number}x"),
            size,
            path: format!("{folder}/file_{number}.{extension}"),
            name: name.to_owned(),
            bytes,
            gone: false,
        };
        self.files.push(file.clone());
        file
    }

    fn file(&self, id: &str) -> Option<&TelegramFile> {
        self.files.iter().find(|file| file.id == id && !file.gone)
    }
}

impl TelegramFile {
    fn json(&self) -> Value {
        json!({"file_id": self.id, "file_unique_id": self.unique_id, "file_size": self.size})
    }
}

fn with(mut json: Value, more: Value) -> Value {
    if let (Some(json), Value::Object(more)) = (json.as_object_mut(), more) {
        json.extend(more);
    }
    json
}

impl FakeUser {
    fn keep(&self, folder: &str, name: &str, bytes: &[u8], size: Option<u64>) -> TelegramFile {
        let mut world = self.telegram.shared.world();
        world.add_file(folder, name, bytes.to_vec(), size.unwrap_or(bytes.len() as u64))
    }

    /// The `photo` of a message: sizes of a picture with this content, the largest last.
    pub(super) fn picture(&self, bytes: &[u8]) -> Value {
        let small = self.keep("photos", "thumb.jpg", &bytes[..bytes.len().min(90)], None);
        let large = self.keep("photos", "photo.jpg", bytes, None);
        json!([
            with(small.json(), json!({"width": 90, "height": 67})),
            with(large.json(), json!({"width": 1280, "height": 960})),
        ])
    }

    /// Sends a picture with this content.
    pub fn sends_photo(&self, bytes: &[u8]) -> i32 {
        self.message_with(json!({ "photo": self.picture(bytes) }), "(фото)")
    }

    /// Sends a picture with this content into a group, in answer to a message there if one is named.
    pub fn sends_photo_in(&self, group: &FakeGroup, to: Option<i32>, bytes: &[u8]) -> i32 {
        self.replies_in(group, to.unwrap_or_default(), json!({ "photo": self.picture(bytes) }), "(фото)")
    }

    /// Sends a document.
    pub fn sends_document(&self, name: &str, mime: &str, bytes: &[u8]) -> i32 {
        self.document_of(name, mime, bytes, None)
    }

    /// Sends a document that claims to have so many bytes.
    pub fn sends_document_of_size(&self, name: &str, size: u64) -> i32 {
        self.document_of(name, "application/pdf", b"%PDF", Some(size))
    }

    fn document_of(&self, name: &str, mime: &str, bytes: &[u8], size: Option<u64>) -> i32 {
        let file = self.keep("documents", name, bytes, size);
        let document = with(file.json(), json!({"file_name": name, "mime_type": mime}));
        self.message_with(json!({ "document": document }), &format!("(документ {name})"))
    }

    /// Sends a voice message with this content.
    pub fn sends_voice(&self, bytes: &[u8]) -> i32 {
        let file = self.keep("voice", "voice.oga", bytes, None);
        let voice = with(file.json(), json!({"duration": 3, "mime_type": "audio/ogg"}));
        self.message_with(json!({ "voice": voice }), "(голосовое)")
    }

    /// Sends a film with this content.
    pub fn sends_video(&self, bytes: &[u8]) -> i32 {
        let file = self.keep("videos", "film.mp4", bytes, None);
        let video =
            json!({"width": 640, "height": 480, "duration": 3, "mime_type": "video/mp4", "file_name": "film.mp4"});
        self.message_with(json!({ "video": with(file.json(), video) }), "(видео)")
    }

    /// Sends an album: pictures that come as messages of their own, with words under the first.
    pub fn sends_album(&self, pictures: &[&[u8]], caption: Option<&str>) {
        let group = rand::random::<u64>().to_string();
        for (at, picture) in pictures.iter().enumerate() {
            let mut fields = json!({ "photo": self.picture(picture), "media_group_id": group });
            if let Some(caption) = caption.filter(|_| at == 0) {
                fields["caption"] = caption.into();
                fields["caption_entities"] = found_entities(caption).into();
            }
            self.message_with(fields, "(фото из альбома)");
        }
    }

    /// Deletes a message of one's own for both sides.
    pub fn deletes(&self, message_id: i32) {
        let mut world = self.telegram.shared.world();
        world.chat(self.id).theirs.remove(&message_id);
    }
}

impl FakeTelegram {
    /// The content of a file that somebody has sent, by its id.
    pub fn file_content(&self, id: &str) -> Option<Vec<u8>> {
        self.shared.world().file(id).map(|file| file.bytes.clone())
    }

    /// Every file sent until now is gone.
    pub fn loses_files(&self) {
        self.shared.world().files.iter_mut().for_each(|file| file.gone = true);
    }
}

pub(super) fn get_file(world: &World, params: &Params) -> Answer {
    let id = params.string("file_id").ok_or_else(|| bad("file_id not specified"))?;
    let file = world.file(&id).ok_or_else(|| bad("wrong file_id or the file is temporarily unavailable"))?;
    if file.size > LARGEST {
        return Err(bad("file is too big"));
    }
    Ok(with(file.json(), json!({"file_path": file.path})))
}

/// The content of a file by its path.
pub(super) fn download(world: &World, path: &str) -> Option<Vec<u8>> {
    world.files.iter().find(|file| file.path == path && !file.gone).map(|file| file.bytes.clone())
}

/// What is sent by an id in place of an upload.
pub(super) fn by_id(world: &World, id: &str) -> Option<Upload> {
    world.file(id).map(|file| (file.name.clone(), file.bytes.clone()))
}

pub(super) fn copy_message(shared: &Shared, world: &mut World, params: &Params) -> Answer {
    let from = params.int("from_chat_id").ok_or_else(|| bad("from_chat_id is empty"))?;
    let id = params.int("message_id").ok_or_else(|| bad("message identifier is not specified"))?;
    messages::writable_chat(world, params)?;
    let not_found = || bad("message to copy not found");
    let original = world.chats.get(&from).and_then(|chat| chat.theirs.get(&(id as i32))).ok_or_else(not_found)?;
    let original = original.clone();
    let media = MEDIA.into_iter().find_map(|kind| Some((kind, original.get(kind)?)));
    let file = media.and_then(|(kind, media)| {
        let media = media.as_array().map_or(media, |sizes| &sizes[sizes.len() - 1]);
        Some((kind, by_id(world, media["file_id"].as_str()?)?))
    });
    let other = COPIED_WHOLE.into_iter().find(|kind| original.get(kind).is_some());
    let sent = match (file, original["text"].as_str(), other) {
        (Some(file), ..) => {
            // Its own caption is kept, unless another one is given.
            let mut params = params.clone();
            if params.get("caption").is_none()
                && let Some(caption) = original.get("caption")
            {
                params.values.insert("caption".into(), caption.clone());
            }
            let content = content(&params, "caption", MAX_CAPTION)?;
            send(shared, world, &params, content, Some(file))?
        }
        (None, Some(text), _) => {
            let mut params = params.clone();
            params.values.insert("text".into(), json!(text));
            let content = content(&params, "text", usize::MAX)?;
            send(shared, world, &params, content, None)?
        }
        (None, None, Some(kind)) => {
            let mut params = params.clone();
            params.values.insert("text".into(), json!(""));
            let content = content(&params, "text", usize::MAX)?;
            let sent = send(shared, world, &params, content, None)?;
            messages::put_into_last(world, &params, kind, &original[kind]);
            sent
        }
        (None, None, None) => return Err(bad("message can't be copied")),
    };
    Ok(json!({"message_id": sent["message_id"]}))
}

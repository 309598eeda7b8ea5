//! Keyboards as Telegram checks and shows them.

use serde_json::Value;

/// The most buttons one keyboard may have.
const MAX_BUTTONS: usize = 100;

/// A button under a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What the buyer reads on it.
    pub text: String,
    /// What a press sends to the bot, 1–64 bytes.
    pub data: Option<String>,
    /// What a press opens.
    pub url: Option<String>,
    /// What a press copies.
    pub copies: Option<String>,
    /// Its colour: `danger`, `success` or `primary`.
    pub style: Option<String>,
}

/// A key of a keyboard shown instead of the phone's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What the buyer reads on it, and what a press says.
    pub text: String,
    /// A press shares the buyer's phone number instead.
    pub request_contact: bool,
    /// A press shares the buyer's location instead.
    pub request_location: bool,
}

/// A keyboard shown instead of the phone's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyKeyboard {
    /// Keys from top to bottom.
    pub rows: Vec<Vec<Key>>,
    /// Shrunk to its keys.
    pub resize: bool,
    /// Folded away after one press.
    pub one_time: bool,
    /// Shown in the empty input field.
    pub placeholder: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Markup {
    None,
    Inline(Vec<Vec<Button>>),
    Reply(ReplyKeyboard),
    Remove,
    ForceReply,
}

/// Whether a button has what came after Bot API 7.10; servers of one's own may be older.
pub(super) fn is_new(value: Option<&Value>) -> bool {
    let buttons = value.and_then(|markup| markup["inline_keyboard"].as_array()).into_iter().flatten();
    let mut buttons = buttons.filter_map(Value::as_array).flatten();
    buttons.any(|button| button.get("style").is_some() || button.get("copy_text").is_some())
}

/// Reads a reply_markup; the error is what stands after `Bad Request: `.
pub(super) fn read(value: Option<&Value>, private_chat: bool) -> Result<Markup, String> {
    let Some(value) = value else {
        return Ok(Markup::None);
    };
    let fields = value.as_object().ok_or("object expected as reply markup")?;
    let kinds = ["inline_keyboard", "keyboard", "remove_keyboard", "force_reply"];
    // Telegram picks one of several; a bot that sends several is in error, so the fake refuses.
    if kinds.iter().filter(|kind| fields.contains_key(**kind)).count() > 1 {
        return Err("the fake Telegram takes one kind of reply markup at a time".to_owned());
    }
    if let Some(keyboard) = fields.get("inline_keyboard") {
        let rows = rows(keyboard, "inline_keyboard", "InlineKeyboardMarkup", |button| {
            inline_button(button).map_err(|why| match why.as_str() {
                "BUTTON_DATA_INVALID" | "BUTTON_URL_INVALID" | "BUTTON_STYLE_INVALID" => why,
                _ => format!("can't parse inline keyboard button: {why}"),
            })
        })?;
        return Ok(if rows.is_empty() { Markup::None } else { Markup::Inline(rows) });
    }
    if let Some(keyboard) = fields.get("keyboard") {
        let rows = rows(keyboard, "keyboard", "ReplyKeyboardMarkup", |button| {
            key(button).map_err(|why| format!("can't parse keyboard button: {why}"))
        })?;
        if rows.is_empty() {
            return Ok(Markup::None);
        }
        if !private_chat && rows.iter().flatten().any(|key| key.request_contact) {
            return Err("phone number can be requested in private chats only".to_owned());
        }
        if !private_chat && rows.iter().flatten().any(|key| key.request_location) {
            return Err("location can be requested in private chats only".to_owned());
        }
        return Ok(Markup::Reply(ReplyKeyboard {
            rows,
            resize: flag(value, "resize_keyboard")?,
            one_time: flag(value, "one_time_keyboard")?,
            placeholder: value["input_field_placeholder"].as_str().filter(|t| !t.is_empty()).map(str::to_owned),
        }));
    }
    if flag(value, "remove_keyboard")? {
        return Ok(Markup::Remove);
    }
    if flag(value, "force_reply")? {
        return Ok(Markup::ForceReply);
    }
    Ok(Markup::None)
}

fn flag(value: &Value, field: &str) -> Result<bool, String> {
    match &value[field] {
        Value::Null => Ok(false),
        Value::Bool(on) => Ok(*on),
        _ => Err(format!("field \"{field}\" of the reply markup must be of the type Boolean")),
    }
}

fn rows<T>(
    value: &Value,
    field: &str,
    owner: &str,
    read: impl Fn(&Value) -> Result<T, String>,
) -> Result<Vec<Vec<T>>, String> {
    let mut rows = Vec::new();
    for row in value.as_array().ok_or(format!("field \"{field}\" of the {owner} must be an Array"))? {
        let row = row.as_array().ok_or(format!("field \"{field}\" of the {owner} must be an Array of Arrays"))?;
        let row = row.iter().map(&read).collect::<Result<Vec<T>, String>>()?;
        if !row.is_empty() {
            rows.push(row);
        }
    }
    if rows.iter().map(Vec::len).sum::<usize>() > MAX_BUTTONS {
        return Err("reply markup is too long".to_owned());
    }
    Ok(rows)
}

fn inline_button(value: &Value) -> Result<Button, String> {
    let fields = value.as_object().ok_or("InlineKeyboardButton must be an Object")?;
    let text = button_text(value)?;
    let string = |field: &str| match &value[field] {
        Value::Null => Ok(None),
        Value::String(string) => Ok(Some(string.clone()).filter(|string| !string.is_empty())),
        _ => Err(format!("Field \"{field}\" must be of type String")),
    };
    let style = string("style")?;
    if style.as_deref().is_some_and(|style| !["danger", "success", "primary"].contains(&style)) {
        return Err("BUTTON_STYLE_INVALID".to_owned());
    }
    if let Some(url) = string("url")? {
        return if url_is_fine(&url) {
            Ok(Button { text, data: None, url: Some(url), copies: None, style })
        } else {
            Err("BUTTON_URL_INVALID".to_owned())
        };
    }
    if let Some(data) = string("callback_data")? {
        return if data.len() <= 64 {
            Ok(Button { text, data: Some(data), url: None, copies: None, style })
        } else {
            Err("BUTTON_DATA_INVALID".to_owned())
        };
    }
    if let Some(copy) = fields.get("copy_text") {
        let copies = copy["text"].as_str().filter(|text| (1..=256).contains(&text.chars().count()));
        let copies = copies.ok_or("BUTTON_COPY_TEXT_INVALID")?.to_owned();
        return Ok(Button { text, data: None, url: None, copies: Some(copies), style });
    }
    let others = ["switch_inline_query", "switch_inline_query_current_chat", "web_app", "login_url", "pay"];
    if others.iter().any(|other| fields.contains_key(*other)) {
        return Ok(Button { text, data: None, url: None, copies: None, style });
    }
    Err("Text buttons are unallowed in the inline keyboard".to_owned())
}

/// Telegram wants http, https or tg, and a host with a dot in it.
fn url_is_fine(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| match url.scheme() {
        "http" | "https" => url.host_str().is_some_and(|host| host.contains('.')),
        scheme => scheme == "tg",
    })
}

fn key(value: &Value) -> Result<Key, String> {
    if let Some(text) = value.as_str() {
        return Ok(Key { text: text.to_owned(), request_contact: false, request_location: false });
    }
    if !value.is_object() {
        return Err("KeyboardButton must be a String or an Object".to_owned());
    }
    Ok(Key {
        text: button_text(value)?,
        request_contact: flag(value, "request_contact")?,
        request_location: flag(value, "request_location")?,
    })
}

fn button_text(value: &Value) -> Result<String, String> {
    match &value["text"] {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        Value::String(_) => Err("Button text must be non-empty".to_owned()),
        Value::Null => Err("Can't find field \"text\"".to_owned()),
        _ => Err("Field \"text\" must be of type String".to_owned()),
    }
}

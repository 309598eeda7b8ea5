//! Proofs of consent: committed with the turn that the press makes, never changed, and ended when they are withdrawn.
//!
//! A proof outlives what it was given for: its person may be forgotten, then a hash of the account is what is left of them.

use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};

use crate::{
    clock::Millis,
    clock::date,
    form::GivenConsent,
    lead::{ChatRef, ConsentProof},
    notice::ConsentQuestion,
};

use super::{Consents, Dialogues, Engine, StoreError, forgotten::person_id, rows};

/// A consent as a turn commits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConsent {
    /// The id of its proof.
    pub id: String,
    /// Telegram's id of the person.
    pub user_id: i64,
    /// What was asked, as it was shown.
    pub question: ConsentQuestion,
    /// The bot's name, without the `@`.
    pub bot: String,
    /// The message with the button.
    pub question_id: Option<i32>,
    /// The callback query.
    pub press_id: Option<String>,
    /// Its update.
    pub update_id: i64,
    /// When it was given, in milliseconds UTC.
    pub given_at: Millis,
}

/// A proof of consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// 64 hex digits.
    pub id: String,
    /// A hash of the account.
    pub person: String,
    /// The chat; `None` when its person is forgotten.
    pub chat: Option<ChatRef>,
    /// Telegram's id of the person; `None` when they are forgotten.
    pub user_id: Option<i64>,
    /// The document's version.
    pub version: String,
    /// The name of its file, or its address.
    pub document: String,
    /// SHA-256 of its bytes in hex; `None` where it could not be fetched.
    pub sha256: Option<String>,
    /// When those bytes were read.
    pub read_at: Option<Millis>,
    /// The address of the policy that was linked beside it.
    pub policy: Option<String>,
    /// Exactly what was shown: the whole message that asked.
    pub text: String,
    /// Its buttons, each as `[label]` or `[label](address)`; empty in proofs of earlier versions.
    pub buttons: Vec<String>,
    /// What stood on the button.
    pub button: String,
    /// The language, as an IETF tag.
    pub lang: String,
    /// The bot's name, without the `@`.
    pub bot: String,
    /// The message with the button.
    pub question_id: Option<i64>,
    /// The callback query; `None` when its person is forgotten.
    pub press_id: Option<String>,
    /// Its update.
    pub update_id: Option<i64>,
    /// When it was given, in milliseconds UTC.
    pub given_at: Option<Millis>,
    /// When it was withdrawn, or its person forgotten.
    pub ended_at: Option<Millis>,
}

/// Parts the message that asked from its buttons in the column; stands in no text that is shown.
const BUTTONS: char = '\u{1e}';

/// All that was shown, as the column keeps it: of earlier versions the words alone.
fn shown(question: &ConsentQuestion) -> String {
    let buttons = question.shown_buttons();
    let text = question.shown_text().replace(BUTTONS, " ");
    if buttons.is_empty() { text } else { format!("{text}{BUTTONS}{}", buttons.join("\n")) }
}

/// Records a consent together with its turn.
pub(super) async fn insert(connection: &mut AnyConnection, chat: ChatRef, new: &NewConsent) -> Result<(), StoreError> {
    let question = &new.question;
    sqlx::query(
        "INSERT INTO consents (id, person, chat_id, user_id, version, document, document_sha256, document_read_at, policy, \
         shown_text, shown_button, lang, bot, question_id, press_id, update_id, given_at, channel) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT DO NOTHING",
    )
    .bind(&new.id)
    .bind(person_id(new.user_id))
    .bind(chat.id)
    .bind(new.user_id)
    .bind(&question.version)
    .bind(&question.document)
    .bind(question.sha256.as_deref())
    .bind(question.read_at)
    .bind(question.policy.as_deref())
    .bind(shown(question))
    .bind(&question.button)
    .bind(&question.lang)
    .bind(&new.bot)
    .bind(new.question_id.map(i64::from))
    .bind(new.press_id.as_deref())
    .bind(new.update_id)
    .bind(new.given_at)
    .bind(chat.channel.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends what a person has consented to until then: from now on they are asked again.
pub(super) async fn end(connection: &mut AnyConnection, user_id: i64, at: Millis) -> Result<(), StoreError> {
    sqlx::query("UPDATE consents SET ended_at = $2 WHERE person = $1 AND ended_at IS NULL AND given_at <= $2")
        .bind(person_id(user_id))
        .bind(at)
        .execute(connection)
        .await?;
    Ok(())
}

/// How many proofs name a person.
pub(super) async fn count_of(connection: &mut AnyConnection, user_id: i64) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM consents WHERE person = $1 AND user_id IS NOT NULL";
    let row = sqlx::query(sql).bind(person_id(user_id)).fetch_one(connection).await?;
    Ok(rows::number(&row, 0).unwrap_or(0))
}

/// Takes the person out of the proofs that were given until `until`, ends them, and remembers their ids among the forgotten, by
/// which an older copy takes the person out, too.
pub(super) async fn forget(
    connection: &mut AnyConnection,
    user_id: i64,
    until: Millis,
    now: Millis,
) -> Result<(), StoreError> {
    let person = person_id(user_id);
    sqlx::query(
        "INSERT INTO forgotten (id, forgotten_at) SELECT id, CAST($3 AS BIGINT) FROM consents \
         WHERE person = $1 AND given_at <= $2 AND user_id IS NOT NULL ON CONFLICT DO NOTHING",
    )
    .bind(&person)
    .bind(until)
    .bind(now)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE consents SET chat_id = NULL, user_id = NULL, press_id = NULL, ended_at = COALESCE(ended_at, $3) \
         WHERE person = $1 AND given_at <= $2 AND user_id IS NOT NULL",
    )
    .bind(&person)
    .bind(until)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// The same with whatever is known to be forgotten, where this is a copy of an older day.
pub(super) async fn forget_again(connection: &mut AnyConnection) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE consents SET chat_id = NULL, user_id = NULL, press_id = NULL, ended_at = COALESCE(ended_at, \
         (SELECT forgotten_at FROM forgotten WHERE forgotten.id = consents.id)) \
         WHERE user_id IS NOT NULL AND id IN (SELECT id FROM forgotten)",
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Dialogues {
    /// What a person has consented to last, in whatever version, and has not withdrawn.
    pub async fn consent_of(&self, user_id: i64) -> Result<Option<GivenConsent>, StoreError> {
        let (text, number) = (|column| rows::bytes(self.engine, column), |column| rows::numbers(self.engine, column));
        let sql = format!(
            "SELECT {}, {}, {} FROM consents WHERE person = $1 AND ended_at IS NULL ORDER BY given_at DESC LIMIT 1",
            text("id"),
            text("version"),
            number("given_at")
        );
        let row = sqlx::query(AssertSqlSafe(sql)).bind(person_id(user_id)).fetch_optional(&self.pool).await?;
        Ok(row.and_then(|row| {
            let (id, version) = (rows::lossy(&row, 0)?, rows::lossy(&row, 1)?);
            Some(GivenConsent { at: date(rows::number(&row, 2)?), proof: ConsentProof { version, id } })
        }))
    }
}

impl Consents {
    /// The proof with this id.
    pub async fn by_id(&self, id: &str) -> Result<Option<Consent>, StoreError> {
        let sql = format!("SELECT {} FROM consents WHERE id = $1", columns(self.engine));
        let row = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(read))
    }
}

fn columns(engine: Engine) -> String {
    let texts =
        ["id", "person", "version", "document", "document_sha256", "policy", "shown_text", "shown_button", "lang"];
    let texts = texts.into_iter().chain(["bot", "press_id"]).map(|column| rows::bytes(engine, column));
    let numbers = ["user_id", "document_read_at", "question_id", "update_id", "given_at", "ended_at"];
    let chat = rows::chats(engine, "chat_id", "channel");
    texts
        .chain([chat])
        .chain(numbers.into_iter().map(|column| rows::numbers(engine, column)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn read(row: &AnyRow) -> Consent {
    let (text, number) = (|at| rows::lossy(row, at), |at| rows::number(row, at));
    let whole = |at| text(at).unwrap_or_default();
    let shown = whole(6);
    let (message, buttons) = shown.split_once(BUTTONS).unwrap_or((&shown, ""));
    Consent {
        id: whole(0),
        person: whole(1),
        version: whole(2),
        document: whole(3),
        sha256: text(4),
        policy: text(5),
        text: message.to_owned(),
        buttons: buttons.lines().map(str::to_owned).collect(),
        button: whole(7),
        lang: whole(8),
        bot: whole(9),
        press_id: text(10),
        chat: rows::chat(row, 11),
        user_id: number(13),
        read_at: number(14),
        question_id: number(15),
        update_id: number(16),
        given_at: number(17),
        ended_at: number(18),
    }
}

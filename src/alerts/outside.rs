//! An alert as it may pass through others' hands: without names, phones, links and tokens.

use std::sync::LazyLock;

use regex::Regex;

use crate::{
    notice::{AdminNotice, Trouble},
    wording::{Lang, Wording, render_admin},
};

/// Stands where others' words stood.
const LEFT_OUT: &str = "…";

/// The text of an alert for a way that is not ours; `None` for what holds nothing but personal data.
pub fn text(notice: &AdminNotice, lang: Lang) -> Option<String> {
    let notice = match notice.clone() {
        AdminNotice::Copies { .. } | AdminNotice::NewLead { .. } => return None,
        // What amoCRM says of a lead may repeat what the buyer wrote.
        AdminNotice::Rejected { number, .. } => AdminNotice::Rejected { number, error: LEFT_OUT.into() },
        // A buyer has named it.
        AdminNotice::FileLost { number, .. } => AdminNotice::FileLost { number, name: LEFT_OUT.into() },
        AdminNotice::FilesComeHere { .. } => AdminNotice::FilesComeHere { detail: LEFT_OUT.into() },
        AdminNotice::Stuck { number, .. } => AdminNotice::Stuck { number, error: LEFT_OUT.into() },
        AdminNotice::OutageOpened { trouble, since, waiting } => {
            AdminNotice::OutageOpened { trouble: wordless(trouble), since, waiting }
        }
        AdminNotice::OutageGoesOn { trouble, since, waiting, oldest } => {
            AdminNotice::OutageGoesOn { trouble: wordless(trouble), since, waiting, oldest }
        }
        AdminNotice::OutageChanged { trouble, waiting } => {
            AdminNotice::OutageChanged { trouble: wordless(trouble), waiting }
        }
        AdminNotice::RefreshFailing { trouble, works_until } => {
            AdminNotice::RefreshFailing { trouble: wordless(trouble), works_until }
        }
        AdminNotice::AccessLost { trouble } => AdminNotice::AccessLost { trouble: wordless(trouble) },
        other => other,
    };
    let wording = Wording { can_authorize: true, ..Wording::default() };
    Some(without_secrets(&render_admin(&notice, lang, &wording).text))
}

fn wordless(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::AccountCannot { .. } => Trouble::AccountCannot { words: LEFT_OUT.into() },
        Trouble::Refuses { .. } => Trouble::Refuses { words: LEFT_OUT.into() },
        other => other,
    }
}

/// Takes out whatever looks like a link, a mail address, a phone or a token.
fn without_secrets(text: &str) -> String {
    static SECRETS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            // Links and addresses with a user and a password.
            r"(?i)[a-z][a-z0-9+.-]*://\S+|\bwww\.\S+|\bt\.me/\S+",
            // Mail addresses and names in Telegram.
            r"|\S+@\S+|@\w{4,}",
            // Tokens: a bot's, and any long run of letters and digits.
            r"|\d{5,}:[A-Za-z0-9_-]{8,}|[A-Za-z0-9_.-]{25,}",
            // Phones: at least ten digits, however they are written.
            r"|\+?\d(?:[ ()\u{a0}-]{0,2}\d){9,}",
        ))
        .expect("a constant expression")
    });
    SECRETS.replace_all(text, LEFT_OUT).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::LeadNumber;

    #[test]
    fn no_personal_data_and_no_secrets_get_out() {
        let number: LeadNumber = LeadNumber::random();
        let said = "Иван Петров +79991234567";
        for notice in [
            AdminNotice::Rejected { number: number.clone(), error: said.into() },
            AdminNotice::Stuck { number: number.clone(), error: said.into() },
            AdminNotice::OutageOpened { trouble: Trouble::Refuses { words: said.into() }, since: 0, waiting: 1 },
            AdminNotice::OutageChanged { trouble: Trouble::AccountCannot { words: said.into() }, waiting: 1 },
            AdminNotice::OutageGoesOn {
                trouble: Trouble::Refuses { words: said.into() },
                since: 0,
                waiting: 1,
                oldest: None,
            },
            AdminNotice::AccessLost { trouble: Trouble::Refuses { words: said.into() } },
        ] {
            for lang in [Lang::ru(), Lang::en()] {
                let text = text(&notice, lang).expect("an alert");
                assert!(!text.contains("Иван") && !text.contains("999") && text.len() > 20, "{text}");
            }
        }
        let rejected = AdminNotice::Rejected { number: number.clone(), error: said.into() };
        assert!(text(&rejected, Lang::ru()).expect("an alert").contains(number.as_str()));
        assert_eq!(text(&AdminNotice::Copies { leads: vec![] }, Lang::ru()), None);
    }

    #[test]
    fn whatever_looks_like_a_secret_is_taken_out() {
        for (text, left) in [
            ("see https://encar.com/x?id=1 now", "see … now"),
            ("postgres://u:p@db/leads failed", "… failed"),
            ("call 8 (999) 123-45-67 or +79991234567", "call … or …"),
            ("mail ivan@example.com, write @ivan_petrov", "mail … write …"),
            ("123456:AAFt2pQm7Zr-1KxY0wVbNc is revoked", "… is revoked"),
            ("def50200aabbccddeeff00112233445566 is used", "… is used"),
            ("since 07.09.2025 13:30 МСК, 3 leads, 2 500 000 ₽", "since 07.09.2025 13:30 МСК, 3 leads, 2 500 000 ₽"),
            (
                "Заявка #K7M2QXA: /leads, AMOCRM_PIPELINE_ID=123456",
                "Заявка #K7M2QXA: /leads, AMOCRM_PIPELINE_ID=123456",
            ),
        ] {
            assert_eq!(without_secrets(text), left);
        }
    }
}

//! `[[status]]`: what buyers are told when their lead reaches a stage.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    document::Value,
    sections::{ByLanguage, LONGEST_TEXT, no_doubles},
};
use crate::lead::CrmStatus;

/// Stands for any pipeline in a key.
const ANY: &str = "*";

/// One stage with what is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusText {
    /// In which pipeline; `None` for any.
    pub pipeline_id: Option<i64>,
    /// The stage.
    pub status_id: i64,
    /// What the buyer is told.
    pub text: ByLanguage,
}

impl StatusText {
    /// How it is remembered: pipeline and stage, `101:142` or `*:142`.
    pub fn key(&self) -> String {
        match self.pipeline_id {
            Some(pipeline_id) => format!("{pipeline_id}:{}", self.status_id),
            None => format!("{ANY}:{}", self.status_id),
        }
    }
}

/// All of them; clones are cheap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusTexts(Arc<[StatusText]>);

impl FromIterator<StatusText> for StatusTexts {
    fn from_iter<I: IntoIterator<Item = StatusText>>(texts: I) -> Self {
        Self(texts.into_iter().collect())
    }
}

impl StatusTexts {
    /// As they stand in the file.
    pub fn all(&self) -> &[StatusText] {
        &self.0
    }

    /// What is told of a stage: what is said of it in its pipeline, else in any.
    pub fn of(&self, at: CrmStatus) -> Option<&StatusText> {
        let of_stage = || self.0.iter().filter(|text| text.status_id == at.status_id);
        let own = of_stage().find(|text| text.pipeline_id == Some(at.pipeline_id));
        own.or_else(|| of_stage().find(|text| text.pipeline_id.is_none()))
    }

    /// The one that was remembered so, if it is still there.
    pub fn by_key(&self, key: &str) -> Option<&StatusText> {
        self.0.iter().find(|text| text.key() == key)
    }
}

pub fn statuses(list: &Value<'_>, first_language: &str) -> StatusTexts {
    let (mut statuses, mut seen) = (Vec::new(), BTreeSet::new());
    for value in list.list() {
        let Some(table) = value.table() else { continue };
        let pipeline_id = table.get("pipeline_id").and_then(|value| value.id());
        let status_id = table.need("status_id", "Such as status_id = 142").and_then(|value| value.id());
        let text = table.need("text", "Such as text = { ru = \"Автомобиль куплен\" }");
        let text = text.and_then(|value| value.words(LONGEST_TEXT, first_language));
        let place = status_id.map(|id| match pipeline_id {
            Some(pipeline) => format!("{id} of pipeline {pipeline}"),
            None => id.to_string(),
        });
        no_doubles(&mut seen, place, &value, "status");
        table.end();
        statuses.extend(status_id.zip(text).map(|(status_id, text)| StatusText { pipeline_id, status_id, text }));
    }
    statuses.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_stage_in_its_pipeline_goes_before_what_is_said_of_it_in_any() {
        let text = |pipeline_id, status_id, words: &str| StatusText {
            pipeline_id,
            status_id,
            text: vec![("ru".into(), words.into())],
        };
        let texts: StatusTexts =
            [text(None, 142, "любая"), text(Some(101), 142, "своя"), text(Some(101), 7, "седьмой")]
                .into_iter()
                .collect();
        for (pipeline_id, status_id, words) in [
            (101, 142, Some("своя")),
            (102, 142, Some("любая")),
            (101, 7, Some("седьмой")),
            (102, 7, None),
            (101, 143, None),
        ] {
            let found = texts.of(CrmStatus { pipeline_id, status_id });
            assert_eq!(found.map(|found| found.text[0].1.as_str()), words, "{pipeline_id} {status_id}");
            assert_eq!(found, found.and_then(|found| texts.by_key(&found.key())));
        }
        assert_eq!(texts.by_key("101:143"), None);
    }
}

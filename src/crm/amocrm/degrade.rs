//! What a refusal says of the settings and of one lead, and what the lead goes on without. No I/O.

use super::error::RejectedField;
use super::omitted::{OmittedFields, sent_tags, tags};
use super::payload::{NewLead, fields, sent_fields};
use crate::config::{AmocrmSettings, AnswerField};
use crate::form::{BUDGET, CAR_LINK};
use crate::lead::{Asked, Lead, UNFINISHED_TAG};
use crate::notice::Shortage;

/// What to leave out after a refusal, and what that says of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Degraded {
    /// What was left out before, and what more.
    pub to: OmittedFields,
    /// Settings that will be refused with every other lead, too.
    pub shortages: Vec<Shortage>,
    /// Custom fields of which the value was refused: of this lead's, or of every one's.
    pub values: Vec<Shortage>,
}

/// What to leave out after amoCRM refused these fields of a lead; `None` when nothing can be given up for it.
///
/// Of the answer to a request for several leads, give only the fields of this one. A value is given up only where it
/// was refused itself: where an attribute of it was, that goes first.
pub fn degrade(new: &NewLead<'_>, settings: &AmocrmSettings, refused: &[RejectedField]) -> Option<Degraded> {
    let before = &new.degradation;
    let mut to = before.clone();
    let (mut shortages, mut values) = (Vec::new(), Vec::new());
    let sent = sent_fields(new, settings);
    let sent_tags = sent_tags(new.lead, settings, before);
    let of_tag = |name: &str| match name == UNFINISHED_TAG || settings.tags.iter().any(|tag| tag == name) {
        true => Shortage::Tag { name: name.to_owned() },
        false => Shortage::SourceTag { name: name.to_owned() },
    };
    let of_field = |id: i64| match settings.budget_field_id {
        Some(budget) if budget == id => Shortage::BudgetField { id },
        _ => {
            let is_it = |field: &&AnswerField| field.id() == Some(id);
            let asked = settings.answer_fields.iter().find(is_it);
            match (asked, settings.utm_fields.iter().find(is_it)) {
                (Some(field), _) => Shortage::AnswerField { setting: field.setting(), id },
                (None, Some(field)) => Shortage::UtmField { code: field.question.clone(), id: Some(id) },
                (None, None) => Shortage::CarLinkField { id },
            }
        }
    };
    for field in refused {
        let mut parts = field.path.split(['.', '[', ']', '/']).filter(|part| !part.is_empty()).peekable();
        // Some answers begin the path with the lead's position in the request.
        while parts.next_if(|part| part.parse::<usize>().is_ok()).is_some() {}
        let parts: Vec<&str> = parts.collect();
        let custom = |at: &str| at.parse::<usize>().ok().and_then(|at| sent.get(at)).map(|field| field.id);
        let tag = |at: Option<&&str>| at.and_then(|at| sent_tags.get(at.parse::<usize>().ok()?));
        match parts.as_slice() {
            ["custom_fields_values", at, rest @ ..] if custom(at).is_some() => {
                let id = custom(at).unwrap_or_default();
                to.fields.insert(id);
                // What a buyer typed may not suit a field; a field that takes no texts at all suits nobody's.
                let value = matches!(rest, ["values", ..]) && !matches!(rest.last(), Some(&"enum_id" | &"enum_code"));
                if value && !["InvalidType", "FieldNotExpected"].contains(&field.code.as_str()) {
                    values.push(of_field(id));
                } else {
                    shortages.push(of_field(id));
                }
            }
            ["custom_fields_values", ..] => to.fields.extend(sent.iter().map(|field| field.id)),
            ["responsible_user_id", ..] => {
                to.responsible = true;
                shortages.extend(settings.responsible_user_id.map(|id| Shortage::Responsible { id }));
            }
            ["_embedded", "contacts", _, "responsible_user_id", ..] => {
                to.contact_responsible = true;
                shortages.extend(settings.responsible_user_id.map(|id| Shortage::Responsible { id }));
            }
            ["tags" | "tags_to_add", rest @ ..] | ["_embedded", "tags", rest @ ..] => match tag(rest.first()) {
                Some(name) => {
                    to.some_tags.insert((*name).to_owned());
                    shortages.push(of_tag(name));
                }
                None => {
                    to.tags = true;
                    shortages.extend(sent_tags.iter().map(|name| of_tag(name)));
                }
            },
            ["status_id", ..] if settings.pipeline_id.is_some() && !before.status => {
                to.status = true;
                shortages.extend(settings.status_id.map(|id| Shortage::Status { id }));
            }
            ["status_id" | "pipeline_id", ..] => {
                to.stage = true;
                let pipeline = settings.pipeline_id.map(|id| Shortage::Pipeline { id });
                shortages.extend(pipeline.or(settings.status_id.map(|id| Shortage::Status { id })));
            }
            ["price", ..] => to.price = true,
            ["_embedded", "contacts", _, "custom_fields_values", .., "enum_code" | "enum_id" | "enum"]
                if !before.phone_kind =>
            {
                to.phone_kind = true;
                shortages.push(Shortage::PhoneKind);
            }
            ["_embedded", "contacts", _, "custom_fields_values", ..] => to.phone = true,
            ["_embedded", "contacts", _, "id", ..] => to.contact = true,
            // Which part of the contact, it does not say: a found one is given up first, then what is said of a new one
            // beside its phone, then the phone.
            ["_embedded"] | ["_embedded", "contacts"] | ["_embedded", "contacts", _] => {
                match new.contact_id.filter(|_| !to.contact) {
                    Some(_) => to.contact = true,
                    None if !before.phone_kind => {
                        to.phone_kind = true;
                        to.contact_responsible = true;
                    }
                    None => to.phone = true,
                }
            }
            // A name must be sent, but it can be sent plainly.
            ["name", ..] | ["_embedded", "contacts", _, "name" | "first_name", ..] => to.plain = true,
            _ => {}
        }
    }
    // A pipeline that is gone takes its stage along.
    if to.stage && settings.pipeline_id.is_some() {
        shortages.retain(|shortage| !matches!(shortage, Shortage::Status { .. }));
    }
    let mut unique: Vec<Shortage> = Vec::new();
    shortages.into_iter().for_each(|one| {
        if !unique.contains(&one) {
            unique.push(one);
        }
    });
    (to != *before).then_some(Degraded { to, shortages: unique, values })
}

/// The values that were left out, with a name for each, for the note.
pub(super) fn refused_values(
    lead: &Lead,
    settings: &AmocrmSettings,
    left_out: &OmittedFields,
) -> Vec<(String, String)> {
    let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    let mut values = Vec::new();
    for field in fields(lead, settings) {
        if left_out.fields.contains(&field.id) {
            let usual = Asked::default();
            let label = match field.question.as_str() {
                BUDGET if lead.budget.is_some() => lead.asked.budget.clone().or(usual.budget),
                CAR_LINK if lead.car_link.is_some() => lead.asked.car_link.clone().or(usual.car_link),
                key => lead.more.iter().find(|answer| answer.key == key).map(|answer| answer.label.clone()),
            };
            values.push((format!("«{}» ({})", label.unwrap_or(field.question), field.id), field.text));
        }
    }
    if left_out.phone {
        values.push(("«Телефон»".into(), lead.phone.e164().into()));
    }
    if left_out.price {
        values.push(("«Бюджет сделки»".into(), lead.price().to_string()));
    }
    if left_out.responsible || left_out.contact_responsible {
        values.push(("«Ответственный»".into(), id(settings.responsible_user_id)));
    }
    if left_out.stage {
        values.push(("«Воронка»".into(), id(settings.pipeline_id)));
    }
    if left_out.stage || left_out.status {
        values.push(("«Этап»".into(), id(settings.status_id)));
    }
    let tags = tags(lead, settings).filter(|tag| left_out.tags || left_out.some_tags.contains(*tag));
    values.push(("«Теги»".into(), tags.collect::<Vec<_>>().join(", ")));
    values.retain(|(_, value)| !value.is_empty());
    values
}

#[cfg(test)]
mod tests {
    use super::super::payload::tests::{lead, new, settings, source};
    use super::super::payload::{lead_json, sent_parts};
    use super::*;
    use serde_json::json;

    fn refused(path: &str) -> RejectedField {
        RejectedField { index: Some(0), request_id: None, path: path.into(), code: "NotSupportedChoice".into() }
    }

    /// What is left out after this refusal.
    fn without(new: &NewLead<'_>, path: &str) -> Option<OmittedFields> {
        degrade(new, &settings(), &[refused(path)]).map(|degraded| degraded.to)
    }

    #[test]
    fn every_refusable_part_can_be_left_out() {
        let lead = lead();
        let found = NewLead { contact_id: Some(9), ..new(&lead) };
        let left_out = OmittedFields::default;
        let contact_responsible = OmittedFields { contact_responsible: true, ..left_out() };
        for (path, expected) in [
            ("custom_fields_values.0.field_id", OmittedFields { fields: [501].into(), ..left_out() }),
            ("custom_fields_values.1.values.0.value", OmittedFields { fields: [502].into(), ..left_out() }),
            ("0.custom_fields_values.1.field_id", OmittedFields { fields: [502].into(), ..left_out() }),
            ("[0][custom_fields_values][1][field_id]", OmittedFields { fields: [502].into(), ..left_out() }),
            ("custom_fields_values", OmittedFields { fields: [501, 502].into(), ..left_out() }),
            ("responsible_user_id", OmittedFields { responsible: true, ..left_out() }),
            ("_embedded.contacts.0.responsible_user_id", contact_responsible),
            ("tags_to_add.0.name", OmittedFields { some_tags: ["telegram_bot".into()].into(), ..left_out() }),
            ("_embedded.tags.1.name", OmittedFields { some_tags: ["encar".into()].into(), ..left_out() }),
            ("_embedded.tags", OmittedFields { tags: true, ..left_out() }),
            ("status_id", OmittedFields { status: true, ..left_out() }),
            ("pipeline_id", OmittedFields { stage: true, ..left_out() }),
            ("price", OmittedFields { price: true, ..left_out() }),
            ("name", OmittedFields { plain: true, ..left_out() }),
            ("_embedded.contacts.0.custom_fields_values.0.values.0.value", OmittedFields { phone: true, ..left_out() }),
            (
                "_embedded.contacts.0.custom_fields_values.0.values.0.enum_code",
                OmittedFields { phone_kind: true, ..left_out() },
            ),
            (
                "_embedded.contacts.0.custom_fields_values.0.values.0.enum_id",
                OmittedFields { phone_kind: true, ..left_out() },
            ),
            ("_embedded.contacts.0.id", OmittedFields { contact: true, ..left_out() }),
            ("_embedded.contacts.0", OmittedFields { contact: true, ..left_out() }),
        ] {
            assert_eq!(without(&found, path), Some(expected), "{path}");
        }
        for path in ["request_id", "data.source_name", ""] {
            assert_eq!(without(&found, path), None, "{path}");
        }
    }

    #[test]
    fn settings_that_are_gone_are_told_from_values_that_do_not_suit() {
        let (lead, settings) = (lead(), settings());
        let value = "custom_fields_values.0.values.0.value";
        for (path, code, shortage) in [
            ("pipeline_id", "NotSupportedChoice", Some(Shortage::Pipeline { id: 101 })),
            ("status_id", "NotSupportedChoice", Some(Shortage::Status { id: 202 })),
            ("responsible_user_id", "NotSupportedChoice", Some(Shortage::Responsible { id: 7 })),
            ("_embedded.contacts.0.responsible_user_id", "NotSupportedChoice", Some(Shortage::Responsible { id: 7 })),
            ("custom_fields_values.0.field_id", "NotSupportedChoice", Some(Shortage::BudgetField { id: 501 })),
            ("custom_fields_values.1.field_id", "NotSupportedChoice", Some(Shortage::CarLinkField { id: 502 })),
            (value, "InvalidType", Some(Shortage::BudgetField { id: 501 })),
            (value, "TooLong", None),
            (value, "NotSupportedChoice", None),
            ("_embedded.tags.1.name", "NotBlank", Some(Shortage::Tag { name: "encar".into() })),
            (
                "_embedded.contacts.0.custom_fields_values.0.values.0.enum_code",
                "NotSupportedChoice",
                Some(Shortage::PhoneKind),
            ),
            ("price", "InvalidType", None),
            ("_embedded.contacts.0.custom_fields_values.0.values.0.value", "InvalidType", None),
        ] {
            let field = RejectedField { code: code.into(), ..refused(path) };
            let degraded = degrade(&new(&lead), &settings, &[field]).expect("something");
            assert_eq!(degraded.shortages, Vec::from_iter(shortage.clone()), "{path} {code}");
            // What the next leads leave out for it is what was left out here.
            if let Some(shortage) = shortage.filter(|_| !path.contains("contacts.0.responsible")) {
                assert_eq!(OmittedFields::for_shortages([&shortage]), degraded.to, "{path}");
                let again = NewLead { degradation: degraded.to.clone(), ..new(&lead) };
                assert!(!degraded.to.shows(&shortage, true, &sent_parts(&again, &settings)), "{path}");
            }
        }
        // The pipeline takes its stage along.
        let both = [refused("status_id"), refused("pipeline_id")];
        let degraded = degrade(&new(&lead), &settings, &both).expect("something");
        assert_eq!(degraded.shortages, [Shortage::Pipeline { id: 101 }]);
        // A stage without its pipeline is refused still: it was the pipeline.
        let without_status = OmittedFields { status: true, ..OmittedFields::default() };
        let again = NewLead { degradation: without_status, ..new(&lead) };
        let degraded = degrade(&again, &settings, &[refused("status_id")]).expect("something");
        assert!(degraded.to.stage);
    }

    #[test]
    fn what_is_refused_of_a_source_is_left_out_and_told_as_its_own() {
        let lead = Lead { source: Some(source()), ..lead() };
        let new = new(&lead);
        let refused = |path: &str, code: &str| RejectedField { code: code.into(), ..refused(path) };
        let mark = Shortage::UtmField { code: "UTM_SOURCE".into(), id: Some(601) };
        for (field, shortages, values, line) in [
            (
                refused("custom_fields_values.2.field_id", "NotSupportedChoice"),
                vec![mark.clone()],
                vec![],
                "amoCRM не принял поле «UTM_SOURCE» (601): avito",
            ),
            (
                refused("custom_fields_values.2.values.0.value", "TooLong"),
                vec![],
                vec![mark],
                "amoCRM не принял поле «UTM_SOURCE» (601): avito",
            ),
            (
                refused("_embedded.tags.2.name", "NotBlank"),
                vec![Shortage::SourceTag { name: "авито".into() }],
                vec![],
                "amoCRM не принял поле «Теги»: авито",
            ),
        ] {
            let degraded = degrade(&new, &settings(), std::slice::from_ref(&field)).expect("something");
            assert_eq!((&degraded.shortages, &degraded.values), (&shortages, &values), "{field:?}");
            let note = crate::crm::amocrm::note::notes(&lead, &settings(), &degraded.to).join("\n");
            assert!(note.lines().any(|there| there == line), "{line} is not in\n{note}");
            let again = NewLead { degradation: degraded.to, ..new.clone() };
            let sent = sent_parts(&again, &settings());
            assert!(!sent.fields.contains(&601) || !sent.tags.contains("авито"), "{sent:?}");
        }
        // A lead of another source shows nothing of what this one's was refused for.
        let other = sent_parts(&super::super::payload::tests::new(&Lead { source: None, ..lead.clone() }), &settings());
        for shortage in [
            Shortage::UtmField { code: "UTM_SOURCE".into(), id: Some(601) },
            Shortage::SourceTag { name: "авито".into() },
        ] {
            assert!(!OmittedFields::default().shows(&shortage, true, &other));
            assert!(OmittedFields::default().shows(&shortage, true, &sent_parts(&new, &settings())));
        }
    }

    #[test]
    fn the_value_outlives_its_attribute() {
        let lead = lead();
        let kind = "_embedded.contacts.0.custom_fields_values.0.values.0.enum_code";
        let once = NewLead { degradation: without(&new(&lead), kind).expect("something"), ..new(&lead) };
        let phone = json!([{"field_code": "PHONE", "values": [{"value": "+79991234567"}]}]);
        assert_eq!(lead_json(&once, &settings())["_embedded"]["contacts"][0]["custom_fields_values"], phone);
        assert!(without(&once, kind).expect("something more").phone);
    }

    #[test]
    fn the_least_keeps_the_number_the_name_and_the_phone() {
        let mut lead = lead();
        lead.name = serde_json::from_value(json!("<script>alert(1)</script> Иван")).expect("a name");
        let least = OmittedFields::default().least(&settings());
        let json = lead_json(&NewLead { degradation: least.clone(), ..new(&lead) }, &settings());
        let title = json["name"].as_str().expect("a title");
        assert!(title.contains("#K7M2QXA") && title.contains("script alert 1 /script Иван"), "{title}");
        assert_eq!(
            json["_embedded"],
            json!({"contacts": [{
                "name": "script alert 1 /script Иван",
                "custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "+79991234567"}]}]
            }]})
        );
        assert_eq!(json.as_object().expect("an object").len(), 3, "{json}");
        let note = crate::crm::amocrm::note::notes(&lead, &settings(), &least).join("\n");
        assert!(!note.contains(['<', '>', '(', ';']) && note.contains("+79991234567"), "{note}");
    }

    #[test]
    fn what_was_left_out_stays_out() {
        let (lead, settings) = (lead(), settings());
        let once = without(&new(&lead), "custom_fields_values.0.field_id").expect("something");
        let again = NewLead { degradation: once.clone(), ..new(&lead) };
        // The link has moved up to the first place.
        let twice = without(&again, "custom_fields_values.0.field_id").expect("something");
        assert_eq!(twice.fields, [501, 502].into());
        let all = NewLead { degradation: twice, ..new(&lead) };
        assert!(lead_json(&all, &settings).get("custom_fields_values").is_none());
        assert_eq!(without(&all, "custom_fields_values.0.field_id"), None);
    }

    #[test]
    fn a_refused_phone_leaves_the_contact_with_its_name() {
        let lead = lead();
        let left_out = OmittedFields {
            phone: true,
            responsible: true,
            tags: true,
            stage: true,
            price: true,
            ..OmittedFields::default()
        };
        let json = lead_json(&NewLead { degradation: left_out, ..new(&lead) }, &settings());
        assert_eq!(json["_embedded"], json!({"contacts": [{"name": "Иван Петров"}]}));
        for gone in ["price", "pipeline_id", "status_id", "responsible_user_id"] {
            assert!(json.get(gone).is_none(), "{gone}");
        }
    }

    #[test]
    fn a_degradation_can_be_stored() {
        let left_out = OmittedFields { fields: [501].into(), phone: true, ..OmittedFields::default() };
        let text = serde_json::to_string(&left_out).expect("JSON");
        assert_eq!(serde_json::from_str::<OmittedFields>(&text).expect("the same"), left_out);
        assert!(serde_json::from_str::<OmittedFields>("{}").expect("nothing").is_empty());
    }
}

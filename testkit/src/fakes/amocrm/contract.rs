//! A second opinion on request bodies: somebody else's OpenAPI description of amoCRM.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::request::Request;

/// The description, loaded.
pub(super) struct Contract {
    document: Value,
}

/// Where the description lies: `AMOCRM_OPENAPI`, or `shared/contract` beside the checkout or above it.
pub(super) fn path() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("AMOCRM_OPENAPI") {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .skip(2)
        .map(|folder| folder.join("shared/contract/amocrm-openapi.yaml"))
        .find(|path| path.is_file())
}

impl Contract {
    /// The description, if there is one; read once in a process, which takes a while.
    pub(super) fn of_amocrm() -> Option<&'static Self> {
        static READ: LazyLock<Option<Contract>> = LazyLock::new(Contract::load);
        READ.as_ref()
    }

    fn load() -> Option<Self> {
        let Some(path) = path() else {
            crate::skipped("there is no description of amoCRM's API, so no request is compared with it");
            return None;
        };
        let text = std::fs::read_to_string(&path).expect("the OpenAPI file can be read");
        let mut document: Value = serde_norway::from_str(&text).expect("the OpenAPI file is YAML");
        excuse_known_defects(&mut document);
        Some(Contract { document })
    }

    /// What the description complains of in these requests, each with the request it is about.
    pub(super) fn violations(&self, requests: &[Request]) -> Vec<String> {
        let mut validators: BTreeMap<String, Option<Validator>> = BTreeMap::new();
        let mut found = Vec::new();
        for request in requests {
            let (Some(body), "POST" | "PATCH") = (&request.json, request.method.as_str()) else {
                continue;
            };
            let Some(template) = self.template(&request.path) else {
                continue;
            };
            let key = format!("{} {template}", request.method);
            let validator = validators.entry(key).or_insert_with(|| self.validator(&request.method, template));
            for error in validator.iter().flat_map(|validator| validator.iter_errors(body)) {
                found.push(format!("{} {} at {}: {error}", request.method, request.path, error.instance_path));
            }
        }
        found
    }

    /// The path of the description that fits best: the one with the fewest placeholders.
    fn template(&self, path: &str) -> Option<&str> {
        let wanted: Vec<&str> = path.split('/').collect();
        let templates = self.document["paths"].as_object()?.keys();
        templates
            .filter(|template| {
                let parts: Vec<&str> = template.split('/').collect();
                parts.len() == wanted.len() && parts.iter().zip(&wanted).all(|(p, w)| p.starts_with('{') || p == w)
            })
            .min_by_key(|template| template.matches('{').count())
            .map(String::as_str)
    }

    fn validator(&self, method: &str, template: &str) -> Option<Validator> {
        let operation = &self.document["paths"][template][method.to_lowercase()];
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let mut schema: Map<String, Value> = schema.as_object()?.clone();
        // The schemas refer to `#/components/…`, so the components travel in the same document.
        schema.insert("components".to_owned(), self.document["components"].clone());
        let schema = Value::Object(schema);
        Some(jsonschema::draft202012::new(&schema).expect("the OpenAPI schemas are valid"))
    }
}

/// Defects of the description that were found by running it (facts, section 12, point 3): a value may be given by
/// `enum_id` alone, and a numeric value may have a fraction; the real API takes both.
fn excuse_known_defects(document: &mut Value) {
    let item = &mut document["components"]["schemas"]["CustomFieldValueItem"];
    if let Some(item) = item.as_object_mut() {
        item.remove("required");
    }
    if let Some(kinds) = item["properties"]["value"]["anyOf"].as_array_mut() {
        kinds.push(json!({ "type": "number" }));
    }
}

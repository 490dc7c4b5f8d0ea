//! JSON of Bitcoin Core: what `listdescriptors` prints, and what `importdescriptors` takes.

use serde_json::Value;

use super::ImportError;
use super::source::{Found, Source, all};

/// The descriptors, if the value has that form.
pub(super) fn found(value: &Value) -> Result<Option<Vec<Found>>, ImportError> {
    let entries = match value {
        Value::Array(entries) => entries.as_slice(),
        Value::Object(fields) => match fields.get("descriptors") {
            Some(Value::Array(entries)) => entries.as_slice(),
            _ if fields.contains_key("desc") => std::slice::from_ref(value),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    if entries.is_empty() || !entries.iter().any(|entry| entry.get("desc").is_some()) {
        return Ok(None);
    }
    let mut texts = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let Some(text) = entry.get("desc").and_then(Value::as_str) else {
            return Err(ImportError::BadForm {
                form: Source::Core.name(),
                reason: format!("entry {number} has no text `desc`"),
            });
        };
        texts.push(text);
    }
    all(texts, Source::Core).map(Some)
}

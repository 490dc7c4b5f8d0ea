//! JSON-RPC, as Bitcoin Core and Electrum servers speak it: calls in batches, answers in any order.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;

use super::BackendError;

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: &'static str,
    pub params: Value,
}

impl Call {
    pub fn new(method: &'static str, params: Value) -> Self {
        Self { method, params }
    }

    fn encode(&self, id: usize) -> Value {
        json!({ "jsonrpc": "2.0", "id": id, "method": self.method, "params": self.params })
    }
}

/// The error with which a server answered a call.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{method}: {message} (error {code})")]
pub struct CallError {
    pub method: &'static str,
    pub code: i64,
    pub message: String,
}

/// What a server answered to one call.
pub type Answer = Result<Value, CallError>;

/// The text of a request with these calls.
pub fn request(calls: &[Call]) -> String {
    let encoded: Vec<Value> = (calls.iter().enumerate())
        .map(|(id, call)| call.encode(id))
        .collect();
    Value::Array(encoded).to_string()
}

/// The answers in the order of the calls.
///
/// # Errors
///
/// If the text is no answer to them.
pub fn answers(calls: &[Call], text: &[u8]) -> Result<Vec<Answer>, BackendError> {
    let value: Value = serde_json::from_slice(text).map_err(BackendError::nonsense)?;
    let entries = match value {
        Value::Array(entries) => entries,
        // A server that refuses the whole request says so once.
        entry => vec![entry],
    };
    let mut answers: Vec<Option<Answer>> = calls.iter().map(|_| None).collect();
    for mut entry in entries {
        let id = entry.get("id").and_then(Value::as_u64);
        let index = id.and_then(|id| usize::try_from(id).ok());
        let slot = index.and_then(|index| Some((calls.get(index)?, answers.get_mut(index)?)));
        let Some((call, slot)) = slot else {
            // Electrum servers send notifications in between; they have a method and no id.
            if entry.get("method").is_some() {
                continue;
            }
            return Err(BackendError::new(error_of("request", &entry)));
        };
        let has_error = entry.get("error").is_some_and(|error| !error.is_null());
        *slot = Some(match entry.get_mut("result") {
            Some(result) if !has_error => Ok(result.take()),
            _ => Err(error_of(call.method, &entry)),
        });
    }
    answers
        .into_iter()
        .collect::<Option<_>>()
        .ok_or_else(|| BackendError::nonsense("a call has no answer"))
}

fn error_of(method: &'static str, entry: &Value) -> CallError {
    let error = entry.get("error").unwrap_or(&Value::Null);
    let message = error.get("message").and_then(Value::as_str);
    let message = message.or(error.as_str()).unwrap_or("it gives no reason");
    CallError {
        method,
        code: error.get("code").and_then(Value::as_i64).unwrap_or(0),
        message: message.to_owned(),
    }
}

/// Reads a value.
///
/// # Errors
///
/// If it has another shape.
pub fn read<T: DeserializeOwned>(value: Value) -> Result<T, BackendError> {
    serde_json::from_value(value).map_err(BackendError::nonsense)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls() -> Vec<Call> {
        vec![Call::new("one", json!([])), Call::new("two", json!([1]))]
    }

    #[test]
    fn answers_come_in_any_order() {
        let text = br#"[{"id":1,"result":null,"error":{"code":-5,"message":"no"}},{"method":"news","params":[]},{"id":0,"result":7,"error":null}]"#;
        let answers = answers(&calls(), text).expect("two answers");
        let error = CallError {
            method: "two",
            code: -5,
            message: "no".to_owned(),
        };
        assert_eq!(answers, [Ok(json!(7)), Err(error)]);
    }

    #[test]
    fn a_missing_answer_and_a_foreign_one_are_no_answer() {
        for text in [
            &br#"[{"id":0,"result":7}]"#[..],
            br#"[{"id":0,"result":7},{"id":2,"result":7}]"#,
            br#"{"id":null,"error":{"code":-32700,"message":"parse"}}"#,
            b"busy",
            b"",
        ] {
            assert!(answers(&calls(), text).is_err());
        }
    }
}

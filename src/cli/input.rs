//! Reading documents: never more than their limit, and whatever they hold.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::Failure;
use super::render::shown;
use crate::compile::{Compiled, compile};
use crate::policy::{Checked, check, secrets};
use crate::simulate::Scenario;

/// Most bytes of a policy, which is also the limit of the language.
const POLICY_LIMIT: u64 = 1 << 20;

/// Most bytes of an incident.
const INCIDENT_LIMIT: u64 = 4 << 20;

/// A text with the name of its file, ready to be shown.
pub(super) struct Text {
    pub file: String,
    pub text: String,
}

/// A policy without errors, and what it compiles to.
pub(super) struct CompiledFile {
    pub checked: Checked,
    pub compiled: Compiled,
}

/// The name of a file as it may be shown.
pub(super) fn file_name(path: &Path) -> String {
    shown(&path.to_string_lossy())
}

/// The text of a file that could be an incident.
pub(super) fn incident_text(path: &Path) -> Result<Text, Failure> {
    read(path, INCIDENT_LIMIT)
}

pub(super) fn policy(path: &Path) -> Result<Text, Failure> {
    read(path, POLICY_LIMIT)
}

/// The text of an incident, and the incident.
pub(super) fn incident(path: &Path) -> Result<(Text, Scenario), Failure> {
    let text = incident_text(path)?;
    // Names and notes of an incident are shown as they stand.
    if let Some(secret) = secrets(&text.text).first() {
        let before = text.text.bytes().take(secret.start);
        let line = 1 + before.filter(|byte| *byte == b'\n').count();
        return Err(Failure::Secret {
            file: text.file,
            line,
        });
    }
    match Scenario::parse(&text.text) {
        Ok(scenario) => Ok((text, scenario)),
        Err(source) => Err(Failure::Incident {
            file: text.file,
            source,
        }),
    }
}

/// Checks a policy, which must have no errors, and compiles it.
pub(super) fn compiled(text: &Text) -> Result<CompiledFile, Failure> {
    let mut checked = sound(text)?;
    let file = text.file.clone();
    let Some(policy) = checked.policy.take() else {
        return Err(Failure::Policy {
            file,
            checked: Box::new(checked),
        });
    };
    match compile(Arc::new(policy)) {
        Ok(compiled) => Ok(CompiledFile { checked, compiled }),
        Err(source) => Err(Failure::Compile { file, source }),
    }
}

/// Checks a policy, which must have no errors.
pub(super) fn sound(text: &Text) -> Result<Checked, Failure> {
    let checked = check(&text.text);
    if checked.policy.is_some() {
        return Ok(checked);
    }
    Err(Failure::Policy {
        file: text.file.clone(),
        checked: Box::new(checked),
    })
}

fn read(path: &Path, limit: u64) -> Result<Text, Failure> {
    let file = file_name(path);
    let bytes = match bytes(path, limit) {
        Ok(bytes) => bytes,
        Err(source) => return Err(Failure::Read { file, source }),
    };
    if bytes.len() as u64 > limit {
        return Err(Failure::TooLarge { file, limit });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Text { file, text }),
        Err(error) => Err(Failure::NotText {
            file,
            at: error.utf8_error().valid_up_to(),
        }),
    }
}

/// At most one byte more than the limit, so that endless files end.
fn bytes(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

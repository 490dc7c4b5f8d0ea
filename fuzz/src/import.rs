//! Any text as a descriptor, a BSMS record or a wallet policy from elsewhere.
//!
//! A fuzzer cannot make up a checksum or an address: where nothing but that is wrong, it is
//! put right, and the text is read once more.

use std::sync::Arc;

use longstop::compile::compile;
use longstop::import::{Checksum, Found, ImportError, Imported, Naming, find, read};
use longstop::policy::{Code, check};

use super::keys::fill;
use super::policy::laws_of_text;
use super::said::assert_presentable;

/// The laws for bytes as a text of any form.
pub fn descriptor_laws(bytes: &[u8]) {
    laws(&fill(&String::from_utf8_lossy(bytes)));
}

/// The laws for bytes as the three lines of a BSMS record after its version.
pub fn bsms_laws(bytes: &[u8]) {
    let text = fill(&String::from_utf8_lossy(bytes));
    laws(&format!("BSMS 1.0\n{text}"));
}

/// The laws for bytes as a wallet policy: the template in the first line, then a key in each.
pub fn wallet_policy_laws(bytes: &[u8]) {
    let text = fill(&String::from_utf8_lossy(bytes));
    let mut lines = text.lines();
    let template = lines.next().unwrap_or_default();
    let keys: Vec<&str> = lines.collect();
    let policy = serde_json::json!({
        "name": "from elsewhere",
        "descriptor_template": template,
        "keys_info": keys,
    });
    laws(&policy.to_string());
}

/// The laws.
///
/// - What is said shows no secret, and nothing that a terminal would act on.
/// - A descriptor that is read is read again from its own text, and from its two halves.
/// - The document of an imported descriptor is TOML with nothing amiss but what the policy language
///   refuses, compiles to the descriptor itself, and holds the laws of every policy.
fn laws(text: &str) {
    match find(text) {
        Ok(found) => found.iter().for_each(laws_of_found),
        Err(error) => assert_presentable(&error.to_string()),
    }
    let Some(imported) = read_mended(text) else {
        return;
    };
    let document = imported.document(&Naming::default());
    let checked = check(&document);
    let misread = [Code::Syntax, Code::DuplicateField, Code::UnknownField];
    let misread = checked
        .diagnostics
        .iter()
        .find(|problem| misread.contains(&problem.code()));
    assert_eq!(misread, None, "the document is well-formed: {document}");
    let Some(policy) = checked.policy else { return };
    let kept = imported.descriptor().to_string();
    assert_eq!(policy.descriptor(), Some(kept.as_str()));
    let compiled = compile(Arc::new(policy)).expect("what is imported compiles");
    assert_eq!(compiled.vault().descriptor(), imported.descriptor());
    laws_of_text(&document);
}

fn laws_of_found(found: &Found) {
    if let Checksum::Wrong { given, .. } = &found.checksum {
        assert_presentable(given);
    }
    let descriptor = &found.descriptor;
    let again = find(&descriptor.to_string()).expect("what was read is read again");
    assert_eq!(again.len(), 1);
    assert!(again.iter().all(|again| again.descriptor == *descriptor));
    let halves = descriptor.clone().into_single_descriptors();
    let halves = halves.expect("branches come apart");
    if let [receive, change] = halves.as_slice() {
        let again = find(&format!("{receive}\n{change}")).expect("halves are read");
        assert_eq!(
            again.len(),
            1,
            "{descriptor}: the halves are one descriptor"
        );
        assert!(again.iter().all(|again| again.descriptor == *descriptor));
    }
}

/// Reads a text, with what cannot be made up put right.
fn read_mended(text: &str) -> Option<Imported> {
    let mut text = text.to_owned();
    for _ in 0..3 {
        let error = match read(&text) {
            Ok(imported) => return Some(imported),
            Err(error) => error,
        };
        assert_presentable(&error.to_string());
        text = match error {
            ImportError::ChecksumMissing { expected } => format!("{}#{expected}", text.trim()),
            ImportError::ChecksumWrong { given, expected } => text.replacen(&given, &expected, 1),
            ImportError::Address { said, is } => text.replacen(&said, &is, 1),
            _ => return None,
        };
    }
    None
}

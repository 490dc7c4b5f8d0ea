//! Any text as a policy, with `{alice}` and the like standing for keys.

use std::sync::Arc;

use longstop::compile::{CompileError, Compiled, compile};
use longstop::explain::explain;
use longstop::policy::{AccountKey, Checked, Policy, check};
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};

use super::keys::fill;
use super::said::{assert_all_presentable, assert_presentable};

/// The laws for bytes.
pub fn laws(bytes: &[u8]) {
    laws_of_text(&fill(&String::from_utf8_lossy(bytes)));
}

/// The laws for a text.
///
/// - There is a policy, or an error, and never both.
/// - Every place lies in the text, between characters.
/// - No secret is shown, and nothing that a terminal would act on.
/// - The canonical text of a sound policy reads as that policy, which has the same id.
/// - A sound policy compiles, unless it is beyond a limit.
pub fn laws_of_text(text: &str) {
    laws_of_check(text, check(text));
}

/// The same laws, whatever it was that made the document.
pub fn laws_of_check(text: &str, checked: Checked) {
    assert_eq!(
        checked.policy.is_none(),
        checked.has_errors(),
        "a policy, or a reason why not"
    );
    assert_all_presentable(text, &checked);
    let Some(policy) = checked.policy else { return };
    let again = check(policy.canonical());
    let problems = &again.diagnostics;
    let again = again
        .policy
        .unwrap_or_else(|| panic!("canonical, and refused: {problems:#?}"));
    assert_eq!(again.canonical(), policy.canonical());
    let same = &mut |_: &str, key: &AccountKey| key.clone();
    let rekeyed = checked.document.rekeyed(policy.network(), same);
    // The keys of a descriptor from elsewhere are spelled as the author did, and anew like ours.
    if policy.descriptor().is_none() {
        assert_eq!(rekeyed.canonical(), policy.canonical());
    }
    match (compiled(policy), compiled(again)) {
        (Some(compiled), Some(again)) => laws_of_compiled(&compiled, &again),
        (None, None) => {}
        (one, _) => panic!(
            "of one policy two texts, and one compiles: {}",
            one.is_some()
        ),
    }
}

/// What a policy compiles to, if it is within the limits.
fn compiled(policy: Policy) -> Option<Compiled> {
    let foreign = policy.descriptor().is_some();
    match compile(Arc::new(policy)) {
        Ok(compiled) => Some(compiled),
        Err(error) => {
            assert_presentable(&error.to_string());
            // Not for a wrong `descriptor`, where there is none.
            let refusal = match error {
                CompileError::Given { .. } => foreign,
                _ => error.refusal().is_some(),
            };
            assert!(refusal, "a sound policy does not compile: {error}");
            None
        }
    }
}

fn laws_of_compiled(compiled: &Compiled, again: &Compiled) {
    assert_eq!(compiled.id(), again.id());
    for (stage, same) in compiled.stages().zip(again.stages()) {
        let text = stage.descriptor().to_string();
        assert_eq!(text, same.descriptor().to_string());
        let read: Descriptor<DescriptorPublicKey> = text.parse().expect("a descriptor is read");
        assert_eq!(&read, stage.descriptor());
        read.sanity_check().expect("a descriptor is sane");
    }
    let explained = explain(compiled).to_text(80);
    assert_presentable(&explained);
}

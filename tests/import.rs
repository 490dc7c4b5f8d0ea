//! Imports: every public vector either becomes a policy with the same scripts, or is refused by
//! the name of its family.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "import/forms.rs"]
mod forms;
#[path = "import/hostile.rs"]
mod hostile;
#[path = "import/random.rs"]
mod random;
#[path = "import/vectors.rs"]
mod vectors;

use std::sync::Arc;

use bitcoin::ScriptBuf;
use bitcoin::secp256k1::Secp256k1;
use longstop::compile::{Compiled, Keychain, compile};
use longstop::import::{Family, ImportError, Imported, Naming, read};
use longstop::policy::check;
use miniscript::descriptor::checksum::desc_checksum;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};

/// A descriptor with its checksum.
fn with_checksum(body: &str) -> String {
    format!("{body}#{}", desc_checksum(body).unwrap())
}

/// The policy of an import, compiled.
#[track_caller]
fn compiled(imported: &Imported) -> Compiled {
    let document = imported.document(&Naming::default());
    let checked = check(&document);
    let policy = checked
        .policy
        .unwrap_or_else(|| panic!("{:#?}\n{document}", checked.diagnostics));
    compile(Arc::new(policy)).unwrap_or_else(|error| panic!("{error}\n{document}"))
}

/// The scripts of a keychain by our own derivation.
fn scripts(compiled: &Compiled, keychain: Keychain, indexes: &[u32]) -> Vec<ScriptBuf> {
    let secp = Secp256k1::new();
    let derived = indexes
        .iter()
        .map(|index| compiled.vault().derive(keychain, *index, &secp));
    derived
        .map(|derived| derived.unwrap().script_pubkey().clone())
        .collect()
}

/// The scripts of a descriptor by that of miniscript alone: receive, or change.
fn expected(body: &str, keychain: Keychain, indexes: &[u32]) -> Vec<ScriptBuf> {
    let descriptor: Descriptor<DescriptorPublicKey> = body.parse().unwrap();
    let halves = descriptor.into_single_descriptors().unwrap();
    let half = match keychain {
        Keychain::Receive => halves.first(),
        Keychain::Change => halves.last(),
    };
    let at = |index: &u32| {
        half.unwrap()
            .at_derivation_index(*index)
            .unwrap()
            .script_pubkey()
    };
    indexes.iter().map(at).collect()
}

/// Reads a text and holds the policy against the descriptor it should be.
#[track_caller]
fn imports_as(text: &str, body: &str) -> Compiled {
    let imported = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let compiled = compiled(&imported);
    for keychain in Keychain::BOTH {
        let indexes = [0, 1, 2, 1000, (1 << 31) - 1];
        assert_eq!(
            scripts(&compiled, keychain, &indexes),
            expected(body, keychain, &indexes)
        );
    }
    compiled
}

/// The family for which a text is refused.
#[track_caller]
fn family(text: &str) -> Family {
    match read(text) {
        Err(ImportError::Refused(refusal)) => refusal.family,
        other => panic!("{text}: {other:?}"),
    }
}

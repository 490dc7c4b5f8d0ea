//! Descriptors come back from text, from BIP-388 wallet policies and from Core's JSON as they were.

use std::str::FromStr;

use bitcoin::secp256k1::Secp256k1;
use longstop::compile::Keychain;
use longstop::export::{Content, Exported, Format, Request, export};
use longstop::import;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use proptest::prelude::*;
use serde_json::Value;

use crate::full::policies;
use crate::triples::compiled;

/// Puts the keys of a wallet policy back into its template, as BIP-388 says.
fn expanded(policy: &Value) -> String {
    let keys = policy["keys_info"].as_array().expect("keys");
    let template = policy["descriptor_template"].as_str().expect("a template");
    let mut pieces = template.split('@');
    let mut text = pieces.next().expect("a beginning").to_owned();
    for piece in pieces {
        let digits = piece.find(|letter: char| !letter.is_ascii_digit());
        let (number, rest) = piece.split_at(digits.expect("something follows"));
        let number: usize = number.parse().expect("a number");
        text += keys[number].as_str().expect("a key");
        text += &match rest.strip_prefix("/**") {
            Some(rest) => format!("/<0;1>/*{rest}"),
            None => rest.to_owned(),
        };
    }
    text
}

fn json(exported: &Exported) -> &Value {
    let Content::Json(value) = &exported.content else {
        panic!("{:?} is no JSON", exported.content);
    };
    value
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn through_text(text in policies(), letter in any::<prop::sample::Index>()) {
        for stage in compiled(&text).stages() {
            let written = stage.descriptor().to_string();
            let read = Descriptor::<DescriptorPublicKey>::from_str(&written);
            prop_assert_eq!(read.expect("it reads back"), stage.descriptor().clone());
            // One letter that is another one is found by the checksum, wherever it stands.
            let mut spoilt = written.clone().into_bytes();
            let at = letter.index(spoilt.len());
            spoilt[at] = if spoilt[at] == b'q' { b'p' } else { b'q' };
            let spoilt = String::from_utf8(spoilt).expect("letters");
            prop_assert!(Descriptor::<DescriptorPublicKey>::from_str(&spoilt).is_err(), "{}", spoilt);
        }
    }

    #[test]
    fn through_wallet_policies(text in policies()) {
        let compiled = compiled(&text);
        for stage in compiled.stages() {
            let request = Request { stage: Some(stage.stage().clone()), ..Request::default() };
            let exported = export(&compiled, Format::Bip388, &request);
            // A key that stands in several scripts is what a wallet policy cannot say.
            let scripts = stage.leaves().iter().map(|leaf| stage.scripts(leaf.kind()).len());
            if scripts.max() > Some(1) && exported.is_err() {
                continue;
            }
            let exported = exported.expect("a stage of one script to a leaf has a wallet policy");
            prop_assert_eq!(exported.len(), 1);
            let exported = &exported[0];
            prop_assert_eq!(exported.stage.as_ref(), Some(stage.stage()));
            let policy = json(exported);
            let (ours, back) = (stage.descriptor().to_string(), expanded(policy));
            prop_assert_eq!(ours.split('#').next(), Some(back.as_str()));
            let keys = policy["keys_info"].as_array().expect("keys");
            let distinct: std::collections::BTreeSet<&str> = keys.iter().filter_map(Value::as_str).collect();
            prop_assert_eq!(distinct.len(), keys.len(), "each key once");
            // Our own reader comes to the same, where it takes the stage for a vault.
            if let Ok(imported) = import::read(&policy.to_string()) {
                prop_assert_eq!(imported.descriptor(), stage.descriptor());
            }
        }
    }

    #[test]
    fn through_the_json_of_core(text in policies()) {
        let compiled = compiled(&text);
        let exported = export(&compiled, Format::Core, &Request::default()).expect("Core holds every stage");
        let entries = json(&exported[0]).as_array().expect("a list").clone();
        prop_assert_eq!(entries.len(), 2 * compiled.stages().count());
        let mut entries = entries.iter();
        let secp = Secp256k1::new();
        for stage in compiled.stages() {
            for keychain in Keychain::BOTH {
                let entry = entries.next().expect("one for each keychain");
                prop_assert_eq!(&entry["internal"], &Value::Bool(keychain == Keychain::Change));
                let half = Descriptor::<DescriptorPublicKey>::from_str(entry["desc"].as_str().expect("a descriptor"));
                let half = half.expect("it reads back");
                prop_assert!(!half.is_multipath());
                let derived = half.derived_descriptor(&secp, 11).expect("an index").script_pubkey();
                let expected = stage.derive(keychain, 11, &secp).expect("an index");
                prop_assert_eq!(&derived, expected.script_pubkey());
            }
        }
    }
}

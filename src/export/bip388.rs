//! Wallet policies (BIP-388): a descriptor template and the keys it names.

use std::collections::BTreeSet;

use bitcoin::bip32::{ChildNumber, DerivationPath, Xpub};
use miniscript::descriptor::{DescriptorPublicKey, Wildcard};
use serde_json::{Value, json};
use thiserror::Error;

use crate::compile::{Compiled, Piece, StageDescriptor, pieces};

/// Why a stage is no wallet policy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoWalletPolicy {
    /// A key that a template cannot name.
    #[error(
        "the key `{key}` is no extended key followed by one branch pair and a wildcard, such as `/<0;1>/*`"
    )]
    Key {
        /// The key.
        key: String,
    },
    /// A branch in two places.
    #[error("branch {branch} of the key `{key}` stands twice, and a template needs distinct ones")]
    Twice {
        /// The branch.
        branch: u32,
        /// The key.
        key: String,
    },
}

/// The wallet policy of a stage: `name`, `descriptor_template` and `keys_info`.
///
/// # Errors
///
/// If the stage has a key that a template cannot name, or one branch of a key in two places.
pub fn wallet_policy(
    compiled: &Compiled,
    stage: &StageDescriptor,
) -> Result<Value, NoWalletPolicy> {
    let text = format!("{:#}", stage.descriptor());
    let (template, keys) = template(&text)?;
    Ok(json!({
        "name": format!("{}: {}", compiled.policy().name(), stage.stage()),
        "descriptor_template": template,
        "keys_info": keys,
    }))
}

/// A descriptor without its checksum, as a template with the keys in the order in which they first
/// stand in it.
///
/// Each extended key stands once among the keys, whatever number of branch pairs it has, and no
/// two uses of one key share a branch.
fn template(text: &str) -> Result<(String, Vec<String>), NoWalletPolicy> {
    let mut keys: Vec<(Xpub, String)> = Vec::new();
    let mut branches: BTreeSet<(usize, u32)> = BTreeSet::new();
    let mut written = String::with_capacity(text.len());
    for piece in pieces(text) {
        let (word, key) = match piece {
            Piece::Other(word) => {
                written.push_str(word);
                continue;
            }
            Piece::Key(word, key) => (word, key),
        };
        let (xpub, [first, second]) = branch_pair(&key).ok_or_else(|| NoWalletPolicy::Key {
            key: word.to_owned(),
        })?;
        let known = keys.iter().position(|(other, _)| *other == xpub);
        let number = known.unwrap_or_else(|| {
            let info = word.split_once("/<").map_or(word, |(info, _)| info);
            keys.push((xpub, info.to_owned()));
            keys.len() - 1
        });
        for branch in [first, second] {
            if !branches.insert((number, branch)) {
                return Err(NoWalletPolicy::Twice {
                    branch,
                    key: word.to_owned(),
                });
            }
        }
        written.push_str(&match [first, second] {
            [0, 1] => format!("@{number}/**"),
            [first, second] => format!("@{number}/<{first};{second}>/*"),
        });
    }
    Ok((written, keys.into_iter().map(|(_, info)| info).collect()))
}

/// The extended key and its two branches, if this is a key that a template can name.
fn branch_pair(key: &DescriptorPublicKey) -> Option<(Xpub, [u32; 2])> {
    let DescriptorPublicKey::MultiXPub(multi) = key else {
        return None;
    };
    let step = |path: &DerivationPath| match path.as_ref() {
        [ChildNumber::Normal { index }] => Some(*index),
        _ => None,
    };
    let [first, second] = multi.derivation_paths.paths().as_slice() else {
        return None;
    };
    if multi.wildcard != Wildcard::Unhardened {
        return None;
    }
    Some((multi.xkey, [step(first)?, step(second)?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 2] = [
        "[6738736c/48'/0'/0'/2']xpub6FC1fXFP1GXLX5TKtcjHGT4q89SDRehkQLtbKJ2PzWcvbBHtyDsJPLtpLtkGqYNYZdVVAjRQ5kug9CsapegmmeRutpP7PW4u4wVF9JfkDhw",
        "[b2b1f0cf/48'/0'/0'/2']xpub6EWhjpPa6FqrcaPBuGBZRJVjzGJ1ZsMygRF26RwN932Vfkn1gyCiTbECVitBjRCkexEvetLdiqzTcYimmzYxyR1BZ79KNevgt61PDcukmC7",
    ];

    fn multi(steps: [&str; 2]) -> String {
        format!(
            "wsh(multi(1,{}{},{}{}))",
            KEYS[0], steps[0], KEYS[1], steps[1]
        )
    }

    /// Template, keys and descriptor of every valid policy among the vectors of the BIP.
    fn vectors() -> Vec<(String, Vec<String>, String)> {
        let text = include_str!("../../tests/vectors/bips/bip-0388-test-vectors.txt");
        let values = |name: &str| -> Vec<&str> {
            let lines = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix(name));
            lines.map(str::trim).collect()
        };
        let keys = values("Keys info:");
        values("Descriptor template:")
            .into_iter()
            .zip(keys)
            .zip(values("Descriptor:"))
            .map(|((template, keys), descriptor)| {
                let keys = serde_json::from_str(keys).expect("a JSON array");
                (template.to_owned(), keys, descriptor.to_owned())
            })
            .collect()
    }

    #[test]
    fn the_vectors_of_the_bip_come_out() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 9);
        for (expected, keys, descriptor) in vectors {
            if descriptor.contains("musig(") {
                let reason = template(&descriptor).expect_err("keys without branches of their own");
                assert!(matches!(reason, NoWalletPolicy::Key { .. }), "{reason}");
                continue;
            }
            assert_eq!(template(&descriptor), Ok((expected, keys)));
        }
    }

    #[test]
    fn one_key_with_two_pairs_is_one_key() {
        let text = format!(
            "wsh(or_d(pk({0}/<0;1>/*),and_v(v:multi(2,{1}/<4;5>/*,{0}/<2;3>/*),older(9))))",
            KEYS[0], KEYS[1]
        );
        let (template, keys) = template(&text).expect("it can be held");
        assert_eq!(
            template,
            "wsh(or_d(pk(@0/**),and_v(v:multi(2,@1/<4;5>/*,@0/<2;3>/*),older(9))))"
        );
        assert_eq!(keys, KEYS);
    }

    #[test]
    fn what_a_template_cannot_name_is_refused() {
        assert!(template(&multi(["/<0;1>/*", "/<0;1>/*"])).is_ok());
        for steps in [
            "/*",
            "/0/*",
            "/<0;1>",
            "/<0;1;2>/*",
            "/5/<0;1>/*",
            "/<0;1>/*h",
            "",
        ] {
            let reason = template(&multi(["/<0;1>/*", steps])).expect_err("it has no place there");
            assert!(
                matches!(reason, NoWalletPolicy::Key { .. }),
                "{steps}: {reason}"
            );
        }
        let text = format!("wsh(multi(1,{0}/<0;1>/*,{0}/<1;2>/*))", KEYS[0]);
        let reason = template(&text).expect_err("branch 1 stands twice");
        assert!(
            matches!(reason, NoWalletPolicy::Twice { branch: 1, .. }),
            "{reason}"
        );
        let fixed = "wsh(pk(026d15412460ba0d881c21837bb999233896085a9ed4e5445bd637c10e579768ba))";
        assert!(template(fixed).is_err());
    }
}

//! The descriptors in a text, whatever form it has.

use std::collections::BTreeSet;
use std::str::FromStr;

use bitcoin::Address;
use bitcoin::address::NetworkUnchecked;
use bitcoin::bip32::{ChildNumber, DerivationPath};
use bitcoin::secp256k1::Secp256k1;
use miniscript::descriptor::checksum::desc_checksum;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey, Wildcard};
use miniscript::{AnalysisError, Error, ForEachKey};
use serde::Serialize;
use serde_json::Value;

use super::encrypted::is_encrypted;
use super::family::{Family, Refusal, check_fragments};
use super::{
    ImportError, MAX_BYTES, MAX_DEPTH, MAX_DESCRIPTOR_BYTES, MAX_DESCRIPTORS, MAX_KEYS, bsms, core,
    merge, wallet_policy,
};
use crate::compile::in_words;
use crate::policy::{Network, secrets};

/// The form in which a descriptor came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A descriptor as text, also among other lines.
    Plain,
    /// What Bitcoin Core's `listdescriptors` prints or `importdescriptors` takes.
    Core,
    /// A wallet policy (BIP-388).
    WalletPolicy,
    /// A descriptor record (BIP-129).
    Bsms,
    /// A JSON document of this program.
    Longstop,
}

impl Source {
    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "descriptor",
            Self::Core => "file of Bitcoin Core",
            Self::WalletPolicy => "wallet policy",
            Self::Bsms => "BSMS record",
            Self::Longstop => "document of longstop",
        }
    }
}

/// What is to be said of the checksum of a descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// It is right, or the form has none.
    Right,
    /// It is not there and should be.
    Missing {
        /// What it would be.
        expected: String,
    },
    /// It is that of another descriptor.
    Wrong {
        /// What stands there.
        given: String,
        /// What should.
        expected: String,
    },
}

/// A descriptor that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The form it came in.
    pub source: Source,
    /// The descriptor; receive and change are one where both were found.
    pub descriptor: Descriptor<DescriptorPublicKey>,
    /// Whether its checksum is right.
    pub checksum: Checksum,
    /// What it is called, where the form has names.
    pub name: Option<String>,
    /// The first address, where the form states it.
    pub address: Option<String>,
}

impl Found {
    /// Reads one descriptor, of which nothing but its checksum may be wrong.
    pub(super) fn parse(text: &str, source: Source) -> Result<Self, ImportError> {
        let text = text.trim();
        check_size(text)?;
        if !secrets(text).is_empty() {
            return Err(Family::PrivateKey.refuse("its text is not shown").into());
        }
        let (body, given) = match text.split_once('#') {
            Some((body, given)) => (body, Some(given)),
            None => (text, None),
        };
        let expected = desc_checksum(body)
            .map_err(|error| ImportError::Malformed(shown(&error.to_string())))?;
        check_fragments(body)?;
        let descriptor =
            Descriptor::<DescriptorPublicKey>::from_str(body).map_err(|error| unread(&error))?;
        check_branches(&descriptor)?;
        let checksum = match given {
            Some(given) if given == expected => Checksum::Right,
            Some(given) => Checksum::Wrong {
                given: shown(given),
                expected,
            },
            None if source == Source::WalletPolicy => Checksum::Right,
            None => Checksum::Missing { expected },
        };
        Ok(Self {
            source,
            descriptor,
            checksum,
            name: None,
            address: None,
        })
    }

    pub(super) fn check_checksum(&self) -> Result<(), ImportError> {
        match self.checksum.clone() {
            Checksum::Right => Ok(()),
            Checksum::Missing { expected } => Err(ImportError::ChecksumMissing { expected }),
            Checksum::Wrong { given, expected } => {
                Err(ImportError::ChecksumWrong { given, expected })
            }
        }
    }

    /// Compares the first address with what the form says, which also tells the network.
    ///
    /// # Errors
    ///
    /// If it is another, or cannot be read.
    pub fn check_address(&self) -> Result<Option<Network>, ImportError> {
        let Some(said) = &self.address else {
            return Ok(None);
        };
        let bad = |reason: String| ImportError::BadForm {
            form: Source::Bsms.name(),
            reason: shown(&reason),
        };
        let address = Address::<NetworkUnchecked>::from_str(said)
            .map_err(|error| bad(format!("its first address cannot be read: {error}")))?;
        let network = Network::ALL
            .into_iter()
            .map(|(_, network)| network)
            .find(|network| address.is_valid_for_network(network.to_bitcoin()))
            .ok_or_else(|| bad("its first address is of no network that is known".to_owned()))?;
        if has_hardened_steps(&self.descriptor) {
            return Err(bad(
                "its descriptor has hardened steps after an extended key, so nobody can compute its first address".to_owned(),
            ));
        }
        let receive = self.descriptor.clone().into_single_descriptors();
        let receive = receive.ok().and_then(|halves| halves.into_iter().next());
        let script = receive
            .and_then(|receive| receive.at_derivation_index(0).ok())
            .and_then(|first| {
                first
                    .derived_descriptor(&Secp256k1::verification_only())
                    .ok()
            })
            .map(|first| first.script_pubkey())
            .ok_or_else(|| bad("its descriptor has no first address".to_owned()))?;
        if address.assume_checked_ref().script_pubkey() == script {
            return Ok(Some(network));
        }
        let is = Address::from_script(&script, network.to_bitcoin());
        Err(ImportError::Address {
            said: shown(said),
            is: is.map_or_else(|_| script.to_hex_string(), |address| address.to_string()),
        })
    }
}

/// Why miniscript does not read a descriptor: it checks taproot scripts while it reads them.
fn unread(error: &miniscript::Error) -> ImportError {
    let text = shown(&in_words(error));
    match error {
        Error::AnalysisError(AnalysisError::SiglessBranch) => Family::Keyless.refuse(text).into(),
        Error::AnalysisError(AnalysisError::HeightTimelockCombination) => {
            Family::MixedLocks.refuse(text).into()
        }
        Error::AnalysisError(_) | Error::ContextError(_) | Error::TypeCheck(_) => {
            Family::Unsound.refuse(text).into()
        }
        _ => ImportError::Malformed(text),
    }
}

/// Foreign text for a message: short, without secrets, and nothing that acts on a terminal.
pub(super) fn shown(text: &str) -> String {
    let visible = |c| {
        if crate::policy::is_invisible(c) {
            '\u{fffd}'
        } else {
            c
        }
    };
    let short: String = blotted(text).chars().map(visible).take(200).collect();
    // What is cut off can look like a secret where the whole did not.
    let short_blotted = blotted(&short);
    if short.chars().count() < text.chars().count() {
        format!("{short_blotted}…")
    } else {
        short_blotted
    }
}

/// A text with every character of a secret replaced.
fn blotted(text: &str) -> String {
    let concealed = secrets(text);
    let is_concealed = |at: usize| {
        concealed
            .iter()
            .any(|span| (span.start..span.end).contains(&at))
    };
    text.char_indices()
        .map(|(at, c)| if is_concealed(at) { '*' } else { c })
        .collect()
}

/// Whether a step after an extended key is hardened, which cannot be derived, and which miniscript
/// refuses by a panic.
fn has_hardened_steps(descriptor: &Descriptor<DescriptorPublicKey>) -> bool {
    let hardened = |path: &DerivationPath| path.into_iter().any(ChildNumber::is_hardened);
    let without = |key: &DescriptorPublicKey| match key {
        DescriptorPublicKey::Single(_) => true,
        DescriptorPublicKey::XPub(key) => {
            key.wildcard != Wildcard::Hardened && !hardened(&key.derivation_path)
        }
        DescriptorPublicKey::MultiXPub(key) => {
            let paths = key.derivation_paths.paths();
            key.wildcard != Wildcard::Hardened && !paths.iter().any(hardened)
        }
    };
    !descriptor.for_each_key(without)
}

/// No key has one branch twice, as Bitcoin Core wants it too (`ParseKeyPath` in
/// `script/descriptor.cpp`): its receive and change addresses would be the same.
fn check_branches(descriptor: &Descriptor<DescriptorPublicKey>) -> Result<(), ImportError> {
    let mut twice = None;
    descriptor.for_each_key(|key| {
        if let DescriptorPublicKey::MultiXPub(multipath) = key {
            let paths = multipath.derivation_paths.paths();
            let distinct: BTreeSet<_> = paths.iter().collect();
            if distinct.len() < paths.len() {
                twice = Some(key.clone());
            }
        }
        twice.is_none()
    });
    twice.map_or(Ok(()), |key| {
        let detail = format!("the key `{key}` has one branch twice");
        Err(Family::Branches.refuse(detail).into())
    })
}

/// The caps that are cheap to check before anything is parsed.
fn check_size(text: &str) -> Result<(), ImportError> {
    let too_large = |what, limit| Err(ImportError::TooLarge { what, limit });
    if text.len() > MAX_DESCRIPTOR_BYTES {
        return too_large(
            "the length of the descriptor in bytes",
            MAX_DESCRIPTOR_BYTES,
        );
    }
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return too_large("the depth of the descriptor", MAX_DEPTH);
        }
    }
    // Every key expression but the first of its fragment stands behind a comma.
    let commas = text.bytes().filter(|byte| *byte == b',').count();
    if commas > 2 * MAX_KEYS {
        return too_large("the number of parts of the descriptor", 2 * MAX_KEYS);
    }
    Ok(())
}

/// The descriptors in a text: as lines, as JSON of Bitcoin Core or of this program, as wallet
/// policies, or as BSMS records.
///
/// A receive and a change descriptor that differ in nothing else are joined to one.
///
/// # Errors
///
/// If the text exceeds a limit, is of a known form and breaks its rules, or has a descriptor that
/// cannot be read.
pub fn find(text: &str) -> Result<Vec<Found>, ImportError> {
    if text.len() > MAX_BYTES {
        return Err(ImportError::TooLarge {
            what: "the length of the text in bytes",
            limit: MAX_BYTES,
        });
    }
    let text = text.trim_start_matches('\u{feff}').trim();
    let found = if text.starts_with(['{', '[']) {
        let value: Value = serde_json::from_str(text).map_err(|error| ImportError::BadForm {
            form: "JSON",
            reason: error.to_string(),
        })?;
        json(&value, 0)?
    } else {
        plain(text)?
    };
    if found.len() > MAX_DESCRIPTORS {
        return Err(ImportError::TooLarge {
            what: "the number of descriptors",
            limit: MAX_DESCRIPTORS,
        });
    }
    Ok(merge::pairs(found))
}

/// The policy id that a text states: the field `id` of a document of this program, or the line
/// `policy id …`.
///
/// # Errors
///
/// If what stands there is no policy id, such as one that was cut short, or if two lines state
/// different ones: what is not compared must not pass for compared.
pub fn stated_id(text: &str) -> Result<Option<String>, ImportError> {
    if text.len() > MAX_BYTES {
        return Ok(None);
    }
    if text.trim_start().starts_with('{') {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Ok(None);
        };
        // Other documents may have an `id` of their own.
        return match (value.get("id"), value.get("stages")) {
            (Some(id), Some(_)) => policy_id(id.as_str().unwrap_or_default()).map(Some),
            _ => Ok(None),
        };
    }
    let mut stated = None;
    for line in text.lines() {
        let Some(id) = after_label(line) else {
            continue;
        };
        let id = policy_id(id)?;
        if stated.as_ref().is_some_and(|before| *before != id) {
            return Err(ImportError::BadForm {
                form: "policy id",
                reason: "two lines state different ones".to_owned(),
            });
        }
        stated = Some(id);
    }
    Ok(stated)
}

/// What stands behind `policy id` at the beginning of a line, in any case and with or without a
/// colon.
fn after_label(line: &str) -> Option<&str> {
    const LABEL: &str = "policy id";
    let line = line.trim();
    let label = line.get(..LABEL.len())?;
    let rest = line.get(LABEL.len()..)?;
    let ends = rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace() || c == ':');
    (label.eq_ignore_ascii_case(LABEL) && ends)
        .then(|| rest.trim_start_matches(|c: char| c.is_whitespace() || c == ':'))
}

/// A policy id, which has 64 hexadecimal digits.
fn policy_id(text: &str) -> Result<String, ImportError> {
    let text = text.trim();
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    let digits = text.chars().count();
    Err(ImportError::BadForm {
        form: "policy id",
        reason: format!(
            "`{}` has {digits} characters, and a policy id has 64 hexadecimal digits; copy it again, or leave the line out",
            shown(text)
        ),
    })
}

/// Lines of text.
fn plain(text: &str) -> Result<Vec<Found>, ImportError> {
    if text.starts_with("BSMS") {
        return bsms::records(text);
    }
    if is_encrypted(text) {
        return Err(ImportError::BadForm {
            form: "BSMS record",
            reason: "it is encrypted; `import` asks for its token at a terminal, or takes it with `--token-file FILE`, where `-` is the standard input".to_owned(),
        });
    }
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    if let [line] = lines.as_slice() {
        if line.is_empty() {
            return Ok(Vec::new());
        }
        return Ok(vec![Found::parse(line, Source::Plain)?]);
    }
    let descriptors = lines.iter().filter(|line| is_descriptor(line));
    let descriptors = descriptors.take(MAX_DESCRIPTORS + 1);
    all(descriptors.copied(), Source::Plain)
}

/// Several descriptors; if there are some of scripts that no policy has, such as the other accounts
/// of a wallet, the error names the rest.
pub(super) fn all<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    source: Source,
) -> Result<Vec<Found>, ImportError> {
    let mut found = Vec::new();
    let mut refused: Vec<Refusal> = Vec::new();
    for text in texts {
        match Found::parse(text, source) {
            Ok(one) => found.push(one),
            Err(ImportError::Refused(refusal)) if refusal.family.is_other() => {
                refused.push(refusal);
            }
            Err(error) => return Err(error),
        }
    }
    let Some(first) = refused.first() else {
        return Ok(found);
    };
    if found.is_empty() {
        return Err(first.clone().into());
    }
    let mut others: Vec<String> = Vec::new();
    for refusal in refused {
        if !others.contains(&refusal.detail) {
            others.push(refusal.detail);
        }
    }
    let choices = merge::pairs(found).into_iter();
    Err(ImportError::Beside {
        others,
        choices: choices.map(|found| found.descriptor.to_string()).collect(),
    })
}

/// Whether a line among others is a descriptor.
fn is_descriptor(line: &str) -> bool {
    let heads = [
        "tr",
        "wsh",
        "sh",
        "wpkh",
        "pkh",
        "pk",
        "combo",
        "multi",
        "sortedmulti",
        "raw",
        "rawtr",
        "addr",
    ];
    line.split_once('(')
        .is_some_and(|(head, _)| heads.contains(&head))
}

/// A JSON value of any known form.
fn json(value: &Value, depth: usize) -> Result<Vec<Found>, ImportError> {
    if let Some(policy) = wallet_policy::found(value)? {
        return Ok(vec![policy]);
    }
    if let Some(found) = core::found(value)? {
        return Ok(found);
    }
    if let Some(stages) = value.get("stages").and_then(Value::as_array) {
        let texts = stages
            .iter()
            .filter_map(|stage| stage.get("descriptor").and_then(Value::as_str));
        return texts
            .map(|text| Found::parse(text, Source::Longstop))
            .collect();
    }
    let parts = match value {
        Value::Array(parts) => Some(parts),
        _ => value.get("pieces").and_then(Value::as_array),
    };
    // Pieces of an export hold what would stand there without them, one inside the other.
    if let Some(parts) = parts.filter(|_| depth < 2) {
        let mut found = Vec::new();
        for part in parts.iter().take(MAX_DESCRIPTORS + 1) {
            match part.get("content").unwrap_or(part) {
                Value::String(text) => found.extend(plain(text.trim())?),
                part => found.extend(json(part, depth + 1)?),
            }
        }
        return Ok(found);
    }
    Err(ImportError::BadForm {
        form: "known JSON document",
        reason: "it has neither `descriptors` nor `desc` as those of Bitcoin Core, nor `descriptor_template` and `keys_info` as a wallet policy".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_branch_twice_is_refused() {
        let key = "tpubD6NzVbkrYhZ4WugA9hJ8fJs43K3FchrLo28maJsaQmqnsV2uC1BnxqxP7UzAcA82AwmF8U2DtVVQxSRuwz53FpMSqSoixkqhRv26A8Kz66A";
        for (branches, is_read) in [("<0;1>", true), ("<1;1>", false), ("<0;0>", false)] {
            let found = find(&format!("tr([73c5da0a/86h/1h/0h]{key}/{branches}/*)"));
            match found {
                Ok(_) => assert!(is_read, "{branches}"),
                Err(error) => assert!(!is_read && error.to_string().contains("twice"), "{error}"),
            }
        }
    }

    #[test]
    fn messages_show_no_secret_and_nothing_that_acts() {
        let secret = "tprv8ZgxMBicQKsPd7Uf69XL1XwhmjHopUGep8GuEiJDZmbQz6o58LninorQAfcKZWARbtRtfnLcJ5MQ2AtHcQJCCRUcMRvmDUjyEmNUWwx8UbK";
        assert_eq!(
            shown(&format!("a {secret}")),
            format!("a {}", "*".repeat(secret.len()))
        );
        assert_eq!(shown("a\0b\u{202e}"), "a\u{fffd}b\u{fffd}");
        let nul = find("wpkh(x)\0").expect_err("no descriptor").to_string();
        assert!(!nul.contains('\0'), "{nul}");
    }

    #[test]
    fn a_record_with_hardened_steps_is_refused() {
        let key = "tpubD6NzVbkrYhZ4WugA9hJ8fJs43K3FchrLo28maJsaQmqnsV2uC1BnxqxP7UzAcA82AwmF8U2DtVVQxSRuwz53FpMSqSoixkqhRv26A8Kz66A";
        for (steps, is_hardened) in [("0/*", false), ("0h/*", true), ("0/*h", true)] {
            let text = format!(
                "BSMS 1.0\ntr([73c5da0a/86h/1h/0h]{key}/{steps})\nNo path restrictions\nbcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
            );
            let found = find(&text).expect("a record");
            let refused = found[0]
                .check_address()
                .expect_err("another address")
                .to_string();
            assert_eq!(refused.contains("hardened"), is_hardened, "{refused}");
        }
    }
}

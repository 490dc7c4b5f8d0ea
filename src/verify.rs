//! Whether descriptors from outside are those of a policy.
//!
//! The policy is compiled here, and what somebody says its descriptors are is compared with that,
//! stage by stage: the text, what it means, and the first addresses.  Whatever differs is said in
//! the words of the policy.

use std::collections::BTreeSet;

use bitcoin::ScriptBuf;
use bitcoin::secp256k1::Secp256k1;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use miniscript::policy::Liftable;
use serde::Serialize;

use crate::compile::{Compiled, Group, Keychain, Piece, Stage, StageDescriptor, pieces};
use crate::import::{Checksum, Found};

/// How many addresses of each keychain are compared.
const ADDRESSES: u32 = 3;

/// What the comparison found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Whether every stage is there and nothing differs.
    pub matches: bool,
    /// Stage by stage, as the policy has them.
    pub stages: Vec<VerifiedStage>,
    /// Descriptors that are of no stage of the policy.
    pub foreign: Vec<String>,
    /// The policy id that stands beside the descriptors, if it is another.
    pub other_id: Option<String>,
}

/// What the comparison found for one stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedStage {
    /// The stage.
    #[serde(flatten)]
    pub stage: Stage,
    /// The first address of the policy's own descriptor.
    pub first_address: String,
    /// Whether a descriptor for it was given.
    pub given: bool,
    /// What differs; nothing if the stage matches.
    pub differences: Vec<Difference>,
}

/// One difference between what the policy compiles to and what was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Difference {
    /// No descriptor was given for the stage.
    MissingStage,
    /// The checksum is missing, or that of another text.
    Checksum {
        /// What stands there.
        given: Option<String>,
        /// What should.
        expected: String,
    },
    /// Another key stands in the place of one.
    Key {
        /// The leaf.
        leaf: String,
        /// The party whose key is expected.
        party: String,
        /// The key of the policy.
        expected: String,
        /// What was given.
        given: String,
    },
    /// Another threshold.
    Threshold {
        /// The leaf.
        leaf: String,
        /// That of the policy.
        expected: String,
        /// What was given.
        given: String,
    },
    /// Another lock.
    Lock {
        /// The leaf.
        leaf: String,
        /// That of the policy, such as `older(144)`.
        expected: String,
        /// What was given.
        given: String,
    },
    /// The first address that is stated beside the descriptor is not its own.
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// Only one of receive and change was given.
    OneKeychain {
        /// The one that was.
        given: Keychain,
    },
    /// The internal key, with which nobody must be able to sign, is another.
    InternalKey {
        /// That of the policy.
        expected: String,
        /// What was given.
        given: String,
    },
    /// Something else in the text, such as another order of keys or leaves.
    Structure {
        /// Whether it means the same, lifted.
        same_meaning: bool,
        /// Keys of the policy that were not given, with their parties.
        missing_keys: Vec<String>,
        /// Keys that were given and are none of the policy's.
        foreign_keys: Vec<String>,
    },
}

/// Compares descriptors, and the policy id that is stated beside them if there is one, with those
/// of a policy.
#[must_use]
pub fn verify(compiled: &Compiled, found: &[Found], id: Option<&str>) -> Verification {
    let mut left: Vec<Given<'_>> = found.iter().map(Given::new).collect();
    let stages: Vec<Own<'_>> = compiled.stages().map(Own::new).collect();
    // First what is the same, so that a difference is never said of another stage's descriptor.
    let mut given: Vec<Option<Given<'_>>> = stages
        .iter()
        .map(|stage| take(&mut left, |given| stage.keychains(given).len() == 2))
        .collect();
    for (stage, given) in stages.iter().zip(&mut given) {
        if given.is_none() {
            *given = take(&mut left, |given| !stage.keychains(given).is_empty());
        }
    }
    for (stage, given) in stages.iter().zip(&mut given) {
        if given.is_none() {
            let shared = left.iter().map(|given| stage.shared_keys(given));
            let best = shared.max().filter(|shared| *shared > 0);
            *given =
                best.and_then(|best| take(&mut left, |given| stage.shared_keys(given) == best));
        }
    }
    let stages: Vec<VerifiedStage> = stages
        .into_iter()
        .zip(given)
        .map(|(stage, given)| {
            let mut differences = given.as_ref().map_or_else(
                || vec![Difference::MissingStage],
                |given| stage.differences(given),
            );
            let is_whole = given
                .as_ref()
                .is_some_and(|given| stage.keychains(given).len() == 2);
            // What is given again is of the stage as well, and held against it like the first.
            while let Some(again) = take(&mut left, |again| stage.is_again(again, given.as_ref())) {
                for difference in stage.differences(&again) {
                    let is_half = matches!(difference, Difference::OneKeychain { .. });
                    let is_said = is_half && is_whole || differences.contains(&difference);
                    if !is_said {
                        differences.push(difference);
                    }
                }
            }
            VerifiedStage {
                stage: stage.stage.stage().clone(),
                first_address: first_address(compiled, stage.stage),
                given: given.is_some(),
                differences,
            }
        })
        .collect();
    let foreign: Vec<String> = left
        .iter()
        .map(|given| given.found.descriptor.to_string())
        .collect();
    let own_id = compiled.id().to_string();
    let other_id = id.filter(|id| *id != own_id).map(str::to_owned);
    Verification {
        matches: foreign.is_empty()
            && other_id.is_none()
            && stages.iter().all(|stage| stage.differences.is_empty()),
        stages,
        foreign,
        other_id,
    }
}

/// Takes the first that fits.
fn take<'a>(left: &mut Vec<Given<'a>>, fits: impl Fn(&Given<'a>) -> bool) -> Option<Given<'a>> {
    let at = left.iter().position(fits)?;
    Some(left.remove(at))
}

/// A descriptor from outside.
struct Given<'a> {
    found: &'a Found,
    scripts: Vec<Vec<ScriptBuf>>,
    keys: BTreeSet<String>,
}

impl<'a> Given<'a> {
    fn new(found: &'a Found) -> Self {
        Self {
            found,
            scripts: scripts(&found.descriptor),
            keys: key_texts(&found.descriptor),
        }
    }
}

/// A stage of the policy.
struct Own<'a> {
    stage: &'a StageDescriptor,
    scripts: Vec<Vec<ScriptBuf>>,
    keys: BTreeSet<String>,
}

impl<'a> Own<'a> {
    fn new(stage: &'a StageDescriptor) -> Self {
        Self {
            stage,
            scripts: scripts(stage.descriptor()),
            keys: key_texts(stage.descriptor()),
        }
    }

    /// The keychains whose first scripts are those of what was given, in its order.
    fn keychains(&self, given: &Given<'_>) -> Vec<Keychain> {
        let ours = Keychain::BOTH.into_iter().zip(&self.scripts);
        match given.scripts.as_slice() {
            // A descriptor without branches is its own change descriptor.
            [one] if self.scripts.len() == 1 => ours
                .filter(|(_, ours)| *ours == one)
                .flat_map(|_| Keychain::BOTH)
                .collect(),
            [one] => ours
                .filter(|(_, ours)| *ours == one)
                .map(|(keychain, _)| keychain)
                .take(1)
                .collect(),
            both => ours
                .zip(both)
                .filter(|((_, ours), theirs)| ours == theirs)
                .map(|((keychain, _), _)| keychain)
                .collect(),
        }
    }

    /// Whether something that is left says again what was given for this stage, or what the policy
    /// says of it.
    fn is_again(&self, left: &Given<'_>, given: Option<&Given<'_>>) -> bool {
        given.is_some_and(|given| given.found.descriptor == left.found.descriptor)
            || !self.keychains(left).is_empty()
    }

    fn shared_keys(&self, given: &Given<'_>) -> usize {
        self.keys.intersection(&given.keys).count()
    }

    /// What differs between the stage and what was given for it.
    fn differences(&self, given: &Given<'_>) -> Vec<Difference> {
        let found = given.found;
        let mut differences = Vec::new();
        match &found.checksum {
            Checksum::Right => {}
            Checksum::Missing { expected } => differences.push(Difference::Checksum {
                given: None,
                expected: expected.clone(),
            }),
            Checksum::Wrong { given, expected } => differences.push(Difference::Checksum {
                given: Some(given.clone()),
                expected: expected.clone(),
            }),
        }
        if let Err(error) = found.check_address() {
            differences.push(Difference::Address {
                reason: error.to_string(),
            });
        }
        match self.keychains(given).as_slice() {
            [_, _] => return differences,
            [only] if !found.descriptor.is_multipath() => {
                differences.push(Difference::OneKeychain { given: *only });
                return differences;
            }
            _ => {}
        }
        let ours = format!("{:#}", self.stage.descriptor());
        let theirs = format!("{:#}", found.descriptor);
        let (ours, theirs) = (pieces(&ours), pieces(&theirs));
        let by_piece = if ours.len() == theirs.len() {
            by_piece(self.stage, &ours, &theirs)
        } else {
            None
        };
        match by_piece {
            Some(found) if !found.is_empty() => differences.extend(found),
            _ => differences.push(structure(self.stage, &found.descriptor)),
        }
        differences
    }
}

fn first_address(compiled: &Compiled, stage: &StageDescriptor) -> String {
    let first = stage.derive(Keychain::Receive, 0, &Secp256k1::new());
    first.map_or_else(
        |_| String::new(),
        |first| first.address(compiled.policy().network()).to_string(),
    )
}

/// The first scripts of each half of a descriptor; none if it cannot be derived.
fn scripts(descriptor: &Descriptor<DescriptorPublicKey>) -> Vec<Vec<ScriptBuf>> {
    let secp = Secp256k1::verification_only();
    let halves = descriptor
        .clone()
        .into_single_descriptors()
        .unwrap_or_default();
    halves
        .iter()
        .map(|half| {
            (0..ADDRESSES)
                .filter_map(|index| half.at_derivation_index(index).ok())
                .filter_map(|definite| definite.derived_descriptor(&secp).ok())
                .map(|concrete| concrete.script_pubkey())
                .collect()
        })
        .collect()
}

fn key_texts(descriptor: &Descriptor<DescriptorPublicKey>) -> BTreeSet<String> {
    let text = format!("{descriptor:#}");
    let keys = pieces(&text).into_iter().filter_map(|piece| match piece {
        Piece::Key(word, _) => Some(word.to_owned()),
        Piece::Other(_) => None,
    });
    keys.collect()
}

/// The differences of two texts of one structure; nothing if the structure is another.
fn by_piece(
    stage: &StageDescriptor,
    ours: &[Piece<'_>],
    theirs: &[Piece<'_>],
) -> Option<Vec<Difference>> {
    let mut differences = Vec::new();
    let mut fragment = "";
    for (position, pair) in ours.iter().zip(theirs).enumerate() {
        match pair {
            (Piece::Key(expected, key), Piece::Key(given, _)) => {
                if expected != given {
                    let (expected, given) = ((*expected).to_owned(), (*given).to_owned());
                    differences.push(match seat(stage, key) {
                        Some((leaf, party)) => Difference::Key {
                            leaf,
                            party,
                            expected,
                            given,
                        },
                        None => Difference::InternalKey { expected, given },
                    });
                }
            }
            (Piece::Other(expected), Piece::Other(given)) if expected == given => {
                if expected.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    fragment = expected.rsplit(':').next().unwrap_or_default();
                }
            }
            (Piece::Other(expected), Piece::Other(given)) => {
                let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
                if !number(expected) || !number(given) {
                    return None;
                }
                let leaf = leaf_at(stage, ours, position);
                differences.push(match fragment {
                    "older" | "after" => Difference::Lock {
                        leaf,
                        expected: format!("{fragment}({expected})"),
                        given: format!("{fragment}({given})"),
                    },
                    _ => Difference::Threshold {
                        leaf,
                        expected: (*expected).to_owned(),
                        given: (*given).to_owned(),
                    },
                });
            }
            _ => return None,
        }
    }
    Some(differences)
}

/// The leaf and the party of a key.
fn seat(stage: &StageDescriptor, key: &DescriptorPublicKey) -> Option<(String, String)> {
    stage.leaves().iter().find_map(|leaf| {
        let mut seats = leaf.groups().iter().flat_map(Group::seats);
        let (party, _) = seats.find(|(_, seat)| *seat == key)?;
        Some((leaf.kind().to_string(), party.to_owned()))
    })
}

/// The leaf that a piece belongs to: that of the next key, or else of the one before.
fn leaf_at(stage: &StageDescriptor, pieces: &[Piece<'_>], position: usize) -> String {
    let leaf = |piece: &Piece<'_>| match piece {
        Piece::Key(_, key) => seat(stage, key).map(|(leaf, _)| leaf),
        Piece::Other(_) => None,
    };
    let (before, after) = pieces.split_at(position);
    // A threshold stands before its keys, a lock after those of its leaf.
    let lock = before
        .iter()
        .rev()
        .filter_map(|piece| match piece {
            Piece::Other(text) if text.len() > 1 => Some(*text),
            _ => None,
        })
        .next()
        .is_some_and(|fragment| fragment.ends_with("older") || fragment.ends_with("after"));
    let found = if lock {
        before.iter().rev().find_map(leaf)
    } else {
        after.iter().find_map(leaf)
    };
    found.unwrap_or_default()
}

/// What can be said of a text of another structure.
fn structure(stage: &StageDescriptor, given: &Descriptor<DescriptorPublicKey>) -> Difference {
    let same_meaning = match (stage.descriptor().lift(), given.lift()) {
        (Ok(ours), Ok(theirs)) => ours.normalized().sorted() == theirs.normalized().sorted(),
        _ => false,
    };
    let (ours, theirs) = (key_texts(stage.descriptor()), key_texts(given));
    let missing_keys = stage.leaves().iter().flat_map(|leaf| {
        let seats = leaf.groups().iter().flat_map(Group::seats);
        seats
            .filter(|(_, key)| !theirs.contains(&key.to_string()))
            .map(|(party, key)| format!("{party}, {}: {key}", leaf.kind()))
            .collect::<Vec<_>>()
    });
    Difference::Structure {
        same_meaning,
        missing_keys: missing_keys.collect(),
        foreign_keys: theirs.difference(&ours).cloned().collect(),
    }
}

//! A vault descriptor from elsewhere, used as it stands.
//!
//! The policy says who can spend and when; the descriptor says how that is written, with keys and
//! branches of its own.  Which key of the descriptor belongs to which seat is found by the
//! accounts of the parties and by the locks beside the key, and is then proved: the descriptor,
//! lifted, must be met exactly when one of the policy's leaves is.

use std::collections::BTreeMap;
use std::str::FromStr;

use bitcoin::secp256k1::Secp256k1;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use miniscript::policy::{Liftable, Semantic};

use super::cost::WitnessWeight;
use super::expression::Expression;
use super::leaf::{Leaf, LeafKind, PinnedLeaf};
use super::script::{Condition, Place, ScriptLeaf};
use super::stage::{LeafScripts, Stage, StageDescriptor};
use super::{CompileError, dummy, is_unspendable};
use crate::logic::{Formula, Logic, TooLarge};
use crate::policy::{Member, Period, Policy, Quorum, ScriptType};
use crate::units::{AbsoluteLock, RelativeLock};

/// Most ways of giving the keys of the descriptor to the seats of the policy that are tried.
const MAX_TRIALS: usize = 256;

type Meaning = Semantic<DescriptorPublicKey>;

/// A part of a lifted descriptor that is true or false.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    Key(DescriptorPublicKey),
    Older(u32),
    After(u32),
}

/// One alternative of the descriptor, with where it stands.
struct Alternative {
    place: Place,
    meaning: Meaning,
}

/// The vault of a policy that has a descriptor from elsewhere.
pub(super) fn vault(text: &str, policy: &Policy) -> Result<StageDescriptor, CompileError> {
    let stage = Stage::Vault;
    let refused = |source: miniscript::Error| CompileError::Refused {
        stage: Stage::Vault,
        source: Box::new(source),
    };
    let descriptor = Descriptor::<DescriptorPublicKey>::from_str(text).map_err(refused)?;
    descriptor.sanity_check().map_err(refused)?;
    let other = || CompileError::Meaning {
        stage: Stage::Vault,
    };
    let alternatives = alternatives(&descriptor).ok_or_else(other)?;
    if matches!(descriptor, Descriptor::Tr(_)) != (policy.script() == ScriptType::Tr) {
        return Err(CompileError::Given {
            reason: format!("it is no `{}` descriptor", policy.script()),
            path: None,
        });
    }
    // Whoever has no delay waits one block in our own vaults, root with its key path excepted, and
    // mostly for nothing in others.
    let block = Some(RelativeLock::ONE_BLOCK);
    let mut missed = Vec::new();
    for least in [(None, None), (block, None), (block, block), (None, block)] {
        let choices = choices(policy, least, &alternatives);
        let found = leaves(&choices, &alternatives).map_err(|source| CompileError::Undecided {
            stage: Stage::Vault,
            source,
        })?;
        let Some(leaves) = found else {
            missed.push(missing(policy, &choices));
            continue;
        };
        let scripts = leaves
            .iter()
            .map(|leaf| scripts(leaf, &alternatives))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(other)?;
        let secp = Secp256k1::new();
        let text = descriptor.to_string();
        let mut stage_descriptor =
            StageDescriptor::from_parts(stage, policy.version(), descriptor, text, leaves, scripts)
                .ok_or_else(other)?;
        let weights = dummy::weights(&stage_descriptor, &secp).ok_or_else(other)?;
        stage_descriptor.set_weights(weights);
        stage_descriptor.check_limits()?;
        return Ok(stage_descriptor);
    }
    // Something is missing only if it is with any of these locks.
    let missed: Option<Vec<CompileError>> = missed.into_iter().collect();
    let missed = missed.and_then(|missed| missed.into_iter().next_back());
    Err(missed.unwrap_or_else(other))
}

/// What the descriptor offers: its key path unless that is nobody's, and its scripts.
fn alternatives(descriptor: &Descriptor<DescriptorPublicKey>) -> Option<Vec<Alternative>> {
    let mut all = Vec::new();
    match descriptor {
        Descriptor::Tr(tr) => {
            let key = tr.internal_key();
            if !is_unspendable(key) {
                all.push(Alternative {
                    place: Place::KeyPath,
                    meaning: Semantic::Key(key.clone()),
                });
            }
            for (number, (_, script)) in tr.iter_scripts().enumerate() {
                all.push(Alternative {
                    place: Place::Tapleaf(number),
                    meaning: script.lift().ok()?.normalized(),
                });
            }
        }
        Descriptor::Wsh(wsh) => all.push(Alternative {
            place: Place::Script,
            meaning: wsh.lift().ok()?.normalized(),
        }),
        _ => return None,
    }
    Some(all)
}

/// The leaves of the policy with the keys of the descriptor, if they are what it means.
fn leaves(
    choices: &[Vec<Leaf>],
    alternatives: &[Alternative],
) -> Result<Option<Vec<Leaf>>, TooLarge> {
    let mut trials = MAX_TRIALS;
    let mut leaves = fitting(choices, &mut Vec::new(), alternatives, &mut trials)?;
    if let Some(leaves) = &mut leaves {
        leaves.sort_by_key(|leaf| !leaf.is_key_path());
    }
    Ok(leaves)
}

/// What each leaf of the policy may be in the descriptor: that of root, and those of the paths.
fn choices(
    policy: &Policy,
    (root_lock, path_lock): (Option<RelativeLock>, Option<RelativeLock>),
    alternatives: &[Alternative],
) -> Vec<Vec<Leaf>> {
    let root = PinnedLeaf {
        kind: LeafKind::Spend,
        quorum: policy.root().quorum(),
        relative: root_lock,
        absolute: None,
        likelihood: policy.root().likelihood(),
    };
    let paths = policy.paths().iter().filter_map(|path| {
        let direct = path.direct()?;
        Some(PinnedLeaf {
            kind: LeafKind::Direct(path.name().to_owned()),
            quorum: path.quorum(),
            relative: direct.delay().map(Period::lock).or(path_lock),
            absolute: direct.unlock(),
            likelihood: path.likelihood(),
        })
    });
    std::iter::once(root)
        .chain(paths)
        .map(|pinned| candidates(&pinned, alternatives))
        .collect()
}

/// The path for which nothing in the descriptor could be it, or else root.
fn missing(policy: &Policy, choices: &[Vec<Leaf>]) -> Option<CompileError> {
    let (root, paths) = choices.split_first()?;
    let path = policy
        .paths()
        .iter()
        .zip(paths)
        .find(|(_, choices)| choices.is_empty());
    match path {
        Some((path, _)) => Some(CompileError::Given {
            reason: format!("it has no way to spend that is the path `{}`", path.name()),
            path: Some(path.name().to_owned()),
        }),
        None if root.is_empty() => Some(CompileError::Given {
            reason: "it has no way to spend that is root's".to_owned(),
            path: None,
        }),
        None => None,
    }
}

/// One candidate for each leaf, so that together they are what the descriptor means.
fn fitting(
    choices: &[Vec<Leaf>],
    chosen: &mut Vec<Leaf>,
    alternatives: &[Alternative],
    trials: &mut usize,
) -> Result<Option<Vec<Leaf>>, TooLarge> {
    let Some((own, others)) = choices.split_first() else {
        *trials = trials.saturating_sub(1);
        return Ok(means(alternatives, chosen)?.then(|| chosen.clone()));
    };
    for leaf in own {
        if *trials == 0 {
            return Ok(None);
        }
        chosen.push(leaf.clone());
        let found = fitting(others, chosen, alternatives, trials)?;
        chosen.pop();
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// What a leaf of the policy may be in the descriptor, the likeliest first: one of the branches
/// with its locks, all those of one script, or all those of all scripts.
fn candidates(pinned: &PinnedLeaf<'_>, alternatives: &[Alternative]) -> Vec<Leaf> {
    let locks = locks(pinned.relative, pinned.absolute);
    // The branches of the descriptor, those first in which just these locks stand.
    let mut branches: Vec<(bool, Place, &Meaning)> = Vec::new();
    for alternative in alternatives {
        for branch in branches_of(&alternative.meaning) {
            let facts = facts(branch);
            let own: Vec<&Fact> = facts.iter().filter(|fact| !is_key(fact)).collect();
            if locks.iter().all(|lock| own.contains(&lock)) {
                branches.push((own.len() == locks.len(), alternative.place, branch));
            }
        }
    }
    let accounts = pinned.quorum.seats();
    let belongs = |key: &DescriptorPublicKey| accounts.iter().any(|party| party.key().holds(key));
    // Those with keys of nobody else come before those with more.
    branches.sort_by_key(|(exact, _, branch)| {
        let foreign = facts(branch).iter().any(|fact| match fact {
            Fact::Key(key) => !belongs(key),
            Fact::Older(_) | Fact::After(_) => false,
        });
        (!exact, foreign)
    });
    let keys_of = |wanted: &dyn Fn(usize, Place) -> bool| {
        let mut keys: Vec<DescriptorPublicKey> = Vec::new();
        for (number, (_, place, branch)) in branches.iter().enumerate() {
            for fact in facts(branch) {
                if let Fact::Key(key) = fact
                    && wanted(number, *place)
                    && !keys.contains(&key)
                {
                    keys.push(key);
                }
            }
        }
        keys
    };
    let mut sets: Vec<Vec<DescriptorPublicKey>> = Vec::new();
    for number in 0..branches.len() {
        sets.push(keys_of(&|other, _| other == number));
    }
    for alternative in alternatives {
        sets.push(keys_of(&|_, place| place == alternative.place));
    }
    sets.push(keys_of(&|_, _| true));
    let mut found: Vec<Leaf> = Vec::new();
    for mut keys in sets {
        let Some(expression) = expression(pinned.quorum, &mut keys) else {
            continue;
        };
        let is_key_path = expression.keys().len() == 1
            && branches.iter().any(|(_, place, branch)| match branch {
                Semantic::Key(key) => {
                    *place == Place::KeyPath && expression.keys().first() == Some(&key)
                }
                _ => false,
            });
        let leaf = Leaf::pinned(pinned, expression, is_key_path);
        if !found.iter().any(|known| known.keys().eq(leaf.keys())) {
            found.push(leaf);
        }
    }
    found
}

/// A key of the descriptor for every seat: the first of the party's that no seat has yet, or the
/// last it has.
fn expression(quorum: &Quorum, keys: &mut Vec<DescriptorPublicKey>) -> Option<Expression> {
    let members = quorum
        .members()
        .iter()
        .map(|member| match member {
            Member::Party(party) => {
                let mut own = keys.iter().enumerate();
                let (place, _) = own.find(|(_, key)| party.key().holds(key))?;
                Some(Expression::Key {
                    party: party.name().to_owned(),
                    key: keys.remove(place),
                })
            }
            Member::Quorum(inner) => expression(inner, keys),
        })
        .collect::<Option<Vec<_>>>()?;
    Some(Expression::threshold(quorum.threshold(), members))
}

/// The alternatives of a script.
fn branches_of(meaning: &Meaning) -> Vec<&Meaning> {
    match meaning {
        Semantic::Thresh(thresh) if thresh.k() == 1 => thresh
            .iter()
            .flat_map(|branch| branches_of(branch))
            .collect(),
        other => vec![other],
    }
}

fn locks(relative: Option<RelativeLock>, absolute: Option<AbsoluteLock>) -> Vec<Fact> {
    let relative = relative.map(|lock| Fact::Older(lock.to_consensus()));
    let absolute = absolute.map(|lock| Fact::After(lock.to_consensus()));
    relative.into_iter().chain(absolute).collect()
}

const fn is_key(fact: &Fact) -> bool {
    matches!(fact, Fact::Key(_))
}

fn facts(meaning: &Meaning) -> Vec<Fact> {
    match meaning {
        Semantic::Thresh(thresh) => thresh.iter().flat_map(|part| facts(part)).collect(),
        other => fact(other).into_iter().collect(),
    }
}

fn fact(meaning: &Meaning) -> Option<Fact> {
    match meaning {
        Semantic::Key(key) => Some(Fact::Key(key.clone())),
        Semantic::Older(lock) => Some(Fact::Older(lock.to_consensus_u32())),
        Semantic::After(lock) => Some(Fact::After(lock.to_consensus_u32())),
        _ => None,
    }
}

/// Whether whoever has met this has met the other: the same, or a lock that is no longer.
fn implies(fact: &Fact, other: &Fact) -> bool {
    match (fact, other) {
        (Fact::Older(own), Fact::Older(other)) => {
            let locks = [own, other].map(|operand| RelativeLock::from_consensus(*operand));
            own == other || matches!(locks, [Some(own), Some(other)] if own.implies(other))
        }
        (Fact::After(own), Fact::After(other)) => {
            let locks = [own, other].map(|operand| AbsoluteLock::from_consensus(*operand));
            own == other || matches!(locks, [Some(own), Some(other)] if own.implies(other))
        }
        _ => fact == other,
    }
}

/// A fact as the atoms of all that it implies, so that no lock is open while a shorter one is shut.
fn atoms_of(fact: &Fact, atoms: &BTreeMap<Fact, usize>) -> Formula {
    if !atoms.contains_key(fact) {
        return Formula::never();
    }
    let implied = atoms.iter().filter(|(other, _)| implies(fact, other));
    Formula::all(implied.map(|(_, atom)| Formula::Atom(*atom)).collect())
}

/// Whether the descriptor is met exactly when one of the leaves is, each key being an atom of its
/// own, and each lock one for every lock that it implies.
fn means(alternatives: &[Alternative], leaves: &[Leaf]) -> Result<bool, TooLarge> {
    let mut atoms: BTreeMap<Fact, usize> = BTreeMap::new();
    let leaf_facts = leaves.iter().flat_map(|leaf| {
        let keys = leaf.keys().map(|key| Fact::Key(key.clone()));
        keys.chain(locks(leaf.relative(), leaf.absolute()))
    });
    let all = alternatives
        .iter()
        .flat_map(|alternative| facts(&alternative.meaning));
    for fact in all.chain(leaf_facts) {
        let next = atoms.len();
        atoms.entry(fact).or_insert(next);
    }
    let said: Option<Vec<Formula>> = alternatives
        .iter()
        .map(|alternative| formula(&alternative.meaning, &atoms))
        .collect();
    let Some(said) = said else {
        return Ok(false);
    };
    let meant = leaves.iter().map(|leaf| leaf_formula(leaf, &atoms));
    Logic::new().equivalent(&Formula::any(said), &Formula::any(meant.collect()))
}

/// What a lifted script asks for, unless it is of something that no policy has.
fn formula(meaning: &Meaning, atoms: &BTreeMap<Fact, usize>) -> Option<Formula> {
    match meaning {
        Semantic::Thresh(thresh) => {
            let members: Option<Vec<Formula>> =
                thresh.iter().map(|member| formula(member, atoms)).collect();
            Some(Formula::at_least(thresh.k(), members?))
        }
        other => Some(atoms_of(&fact(other)?, atoms)),
    }
}

fn leaf_formula(leaf: &Leaf, atoms: &BTreeMap<Fact, usize>) -> Formula {
    let atom = |fact: &Fact| atoms_of(fact, atoms);
    let keys: Vec<Formula> = leaf
        .keys()
        .map(|key| atom(&Fact::Key(key.clone())))
        .collect();
    let seat = |seat: usize| keys.get(seat).cloned().unwrap_or_else(Formula::never);
    let mut parts = vec![Condition::of(leaf).formula(&seat)];
    parts.extend(locks(leaf.relative(), leaf.absolute()).iter().map(atom));
    Formula::all(parts)
}

/// The scripts through which a leaf can be spent.
fn scripts(leaf: &Leaf, alternatives: &[Alternative]) -> Option<LeafScripts> {
    let whole = Condition::of(leaf);
    let open = locks(leaf.relative(), leaf.absolute());
    let keys: Vec<&DescriptorPublicKey> = leaf.keys().collect();
    let mut scripts = Vec::new();
    for alternative in alternatives {
        if (alternative.place == Place::KeyPath) != leaf.is_key_path() {
            continue;
        }
        if let Outcome::Asks(own) = asks(&alternative.meaning, &keys, &open) {
            // A script may also open for fewer than the leaf wants, where another leaf has the
            // same keys: what is asked for here is the leaf.
            let condition = Condition::Threshold(2, vec![own, whole.clone()]);
            scripts.push(ScriptLeaf::new(alternative.place, condition));
        }
    }
    (!scripts.is_empty()).then_some(LeafScripts {
        scripts,
        weight: WitnessWeight::default(),
    })
}

/// What a script asks of some keys, the others not signing, with some locks open.
enum Outcome {
    Always,
    Never,
    Asks(Condition),
}

fn asks(meaning: &Meaning, keys: &[&DescriptorPublicKey], open: &[Fact]) -> Outcome {
    match meaning {
        Semantic::Key(key) => match keys.iter().position(|own| *own == key) {
            Some(seat) => Outcome::Asks(Condition::Seat(seat)),
            None => Outcome::Never,
        },
        Semantic::Thresh(thresh) => {
            let mut needed = thresh.k();
            let mut members = Vec::new();
            for member in thresh.iter() {
                match asks(member, keys, open) {
                    Outcome::Always => needed = needed.saturating_sub(1),
                    Outcome::Never => {}
                    Outcome::Asks(condition) => members.push(condition),
                }
            }
            if needed == 0 {
                Outcome::Always
            } else if members.len() < needed {
                Outcome::Never
            } else {
                Outcome::Asks(Condition::Threshold(needed, members))
            }
        }
        other => match fact(other) {
            Some(fact) if open.iter().any(|own| implies(own, &fact)) => Outcome::Always,
            _ => Outcome::Never,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A longer lock implies a shorter one of its kind and unit, and what is no lock only itself.
    #[test]
    fn longer_locks_imply_shorter_ones() {
        let seconds = 1 << 22;
        for (one, other, expected) in [
            (Fact::Older(10), Fact::Older(9), true),
            (Fact::Older(10), Fact::Older(10), true),
            (Fact::Older(10), Fact::Older(11), false),
            (Fact::Older(seconds + 10), Fact::Older(9), false),
            (Fact::Older(0), Fact::Older(0), true),
            (Fact::After(800_000), Fact::After(799_999), true),
            (Fact::After(800_000), Fact::After(800_000), true),
            (Fact::After(800_000), Fact::After(800_001), false),
            (Fact::After(1_900_000_000), Fact::After(800_000), false),
            (Fact::After(0), Fact::After(0), true),
            (Fact::After(800_000), Fact::Older(9), false),
        ] {
            assert_eq!(implies(&one, &other), expected, "{one:?} {other:?}");
        }
    }
}

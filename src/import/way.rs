//! A descriptor taken apart into ways to spend: who signs, under which locks.

use std::collections::BTreeSet;

use miniscript::descriptor::{Descriptor, DescriptorPublicKey, SinglePubKey};
use miniscript::policy::{Liftable, Semantic};
use miniscript::{AnalysisError, Error};

use super::ImportError;
use super::family::{Family, Refusal};
use super::party::{Holder, is_nums};
use crate::compile::is_unspendable;
use crate::units::{AbsoluteLock, RelativeLock};

type Meaning = Semantic<DescriptorPublicKey>;

/// Most ways to spend: root, and as many paths as a policy has.
const MAX_WAYS: usize = 65;

/// Most parts with locks under one threshold.  Each choice of them is a way of its own.
const MAX_LOCKED: usize = 6;

/// Signers and thresholds over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// The signer of this number.
    Key(usize),
    /// So many of these, of which there are at least two.
    Threshold(usize, Vec<Expr>),
}

/// One way to spend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Who signs.
    pub signers: Expr,
    /// The lock that counts from the confirmation of the coin.
    pub relative: Option<RelativeLock>,
    /// The lock that is the same for every coin.
    pub absolute: Option<AbsoluteLock>,
}

impl Way {
    /// Whether it waits for nothing.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.relative.is_none() && self.absolute.is_none()
    }
}

/// A way that may lack signers yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Part {
    signers: Option<Expr>,
    relative: Option<RelativeLock>,
    absolute: Option<AbsoluteLock>,
}

/// The ways to spend a descriptor, that of root first.
pub(super) fn ways(
    descriptor: &Descriptor<DescriptorPublicKey>,
    holders: &[Holder],
) -> Result<Vec<Way>, ImportError> {
    check_sound(descriptor)?;
    let mut parts: Vec<Part> = Vec::new();
    let mut scripts: Vec<Meaning> = Vec::new();
    let lifted = |meaning: Result<Meaning, Error>| {
        meaning.map_err(|error| ImportError::Malformed(error.to_string()))
    };
    match descriptor {
        Descriptor::Tr(tr) => {
            if !is_nobody(tr.internal_key()) {
                scripts.push(Semantic::Key(tr.internal_key().clone()));
            }
            for (_, script) in tr.iter_scripts() {
                scripts.push(lifted(script.lift())?);
            }
        }
        Descriptor::Wsh(wsh) => scripts.push(lifted(wsh.lift())?),
        _ => return Err(Family::OtherScript.refuse("this script").into()),
    }
    for script in scripts {
        parts.extend(alternatives(&script.normalized(), holders)?);
        if parts.len() > MAX_WAYS {
            return Err(too_many().into());
        }
    }
    let mut ways = Vec::new();
    for part in parts {
        let signers = part
            .signers
            .ok_or_else(|| Family::Keyless.refuse("a way to spend has no keys"))?;
        check_seats(&signers)?;
        let way = Way {
            signers,
            relative: part.relative,
            absolute: part.absolute,
        };
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    root_first(&mut ways)?;
    Ok(ways)
}

/// Miniscript's own rules, and that nobody has the key of no way to spend.
fn check_sound(descriptor: &Descriptor<DescriptorPublicKey>) -> Result<(), Refusal> {
    match descriptor.sanity_check() {
        Ok(()) => Ok(()),
        Err(Error::AnalysisError(AnalysisError::HeightTimelockCombination)) => {
            Err(Family::MixedLocks.refuse("a height and a time in one branch"))
        }
        Err(Error::AnalysisError(AnalysisError::SiglessBranch)) => {
            Err(Family::Keyless.refuse("a branch has no keys"))
        }
        Err(error) => Err(Family::Unsound.refuse(error.to_string())),
    }
}

fn is_nobody(key: &DescriptorPublicKey) -> bool {
    let point = match key {
        DescriptorPublicKey::Single(single) => match single.key {
            SinglePubKey::XOnly(key) => Some(key.serialize()),
            SinglePubKey::FullKey(key) => Some(key.inner.x_only_public_key().0.serialize()),
        },
        _ => None,
    };
    is_unspendable(key) || point.is_some_and(|point| is_nums(&point))
}

fn too_many() -> Refusal {
    Family::TooMany.refuse("the alternatives of its thresholds with locks")
}

/// What a lifted expression allows, as alternatives of signers and locks.
///
/// Signers alone stay one expression, whatever thresholds they have.  Where a threshold counts
/// locks among its members, each choice of locked members that may be among those that count is
/// an alternative, in which fewer of the signers are needed.
fn alternatives(meaning: &Meaning, holders: &[Holder]) -> Result<Vec<Part>, Refusal> {
    if let Some(signers) = signers(meaning, holders)? {
        return Ok(vec![Part {
            signers: Some(signers),
            ..Part::default()
        }]);
    }
    match meaning {
        Semantic::Older(lock) => {
            let operand = lock.to_consensus_u32();
            let lock = RelativeLock::from_consensus(operand)
                .ok_or_else(|| Family::BadLock.refuse(format!("`older({operand})`")))?;
            Ok(vec![Part {
                relative: Some(lock),
                ..Part::default()
            }])
        }
        Semantic::After(lock) => {
            let operand = lock.to_consensus_u32();
            let lock = AbsoluteLock::from_consensus(operand)
                .ok_or_else(|| Family::BadLock.refuse(format!("`after({operand})`")))?;
            Ok(vec![Part {
                absolute: Some(lock),
                ..Part::default()
            }])
        }
        Semantic::Thresh(thresh) => {
            let mut plain = Vec::new();
            let mut locked = Vec::new();
            for member in thresh.data() {
                match signers(member, holders)? {
                    Some(signers) => plain.push(signers),
                    None => locked.push(alternatives(member, holders)?),
                }
            }
            choices(thresh.k(), &plain, &locked)
        }
        Semantic::Trivial => Err(Family::Keyless.refuse("a branch is always open")),
        Semantic::Unsatisfiable => Ok(Vec::new()),
        _ => Err(Family::HashLock.refuse("a hash lock")),
    }
}

/// The expression as signers alone, if it has no locks.
fn signers(meaning: &Meaning, holders: &[Holder]) -> Result<Option<Expr>, Refusal> {
    match meaning {
        Semantic::Key(key) => {
            if is_nobody(key) {
                return Err(Family::Unsound.refuse(format!("nobody can sign with `{key}`")));
            }
            Ok(holders
                .iter()
                .position(|holder| holder.holds(key))
                .map(Expr::Key))
        }
        Semantic::Thresh(thresh) => {
            let mut members = Vec::new();
            for member in thresh.data() {
                match signers(member, holders)? {
                    Some(member) => members.push(member),
                    None => return Ok(None),
                }
            }
            Ok(Some(threshold(thresh.k(), members)))
        }
        _ => Ok(None),
    }
}

/// A threshold; a threshold over one expression is that expression.
fn threshold(count: usize, mut members: Vec<Expr>) -> Expr {
    match (members.len(), members.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            members.extend(last);
            Expr::Threshold(count, members)
        }
    }
}

/// The alternatives of a threshold over signers and over parts with locks.
fn choices(count: usize, plain: &[Expr], locked: &[Vec<Part>]) -> Result<Vec<Part>, Refusal> {
    if locked.len() > MAX_LOCKED {
        return Err(too_many());
    }
    let mut all = Vec::new();
    for chosen in 0_u32..1 << locked.len() {
        let with = chosen.count_ones() as usize;
        let Some(needed) = count.checked_sub(with) else {
            continue;
        };
        if needed > plain.len() {
            continue;
        }
        let mut parts = vec![Part {
            signers: (needed > 0).then(|| threshold(needed, plain.to_vec())),
            ..Part::default()
        }];
        for (number, alternatives) in locked.iter().enumerate() {
            if chosen & (1 << number) == 0 {
                continue;
            }
            let mut joined = Vec::new();
            for part in &parts {
                for alternative in alternatives {
                    joined.push(both(part, alternative)?);
                }
            }
            parts = joined;
            if parts.len() > MAX_WAYS {
                return Err(too_many());
            }
        }
        all.extend(parts);
        if all.len() > MAX_WAYS {
            return Err(too_many());
        }
    }
    Ok(all)
}

/// Both at once: all signers, and the later of two locks of one kind.
fn both(one: &Part, two: &Part) -> Result<Part, Refusal> {
    let signers = match (&one.signers, &two.signers) {
        (Some(one), Some(two)) => Some(Expr::Threshold(2, vec![one.clone(), two.clone()])),
        (one, two) => one.as_ref().or(two.as_ref()).cloned(),
    };
    let mixed = || Family::MixedLocks.refuse("two locks of one branch");
    let relative = match (one.relative, two.relative) {
        (Some(RelativeLock::Blocks(one)), Some(RelativeLock::Blocks(two))) => {
            Some(RelativeLock::Blocks(one.max(two)))
        }
        (Some(RelativeLock::Units512(one)), Some(RelativeLock::Units512(two))) => {
            Some(RelativeLock::Units512(one.max(two)))
        }
        (Some(_), Some(_)) => return Err(mixed()),
        (one, two) => one.or(two),
    };
    let absolute = match (one.absolute, two.absolute) {
        (Some(AbsoluteLock::Height(one)), Some(AbsoluteLock::Height(two))) => {
            Some(AbsoluteLock::Height(one.max(two)))
        }
        (Some(AbsoluteLock::Time(one)), Some(AbsoluteLock::Time(two))) => {
            Some(AbsoluteLock::Time(one.max(two)))
        }
        (Some(_), Some(_)) => return Err(mixed()),
        (one, two) => one.or(two),
    };
    Ok(Part {
        signers,
        relative,
        absolute,
    })
}

/// No signer twice in one threshold, which a policy could not say.
fn check_seats(signers: &Expr) -> Result<(), Refusal> {
    let Expr::Threshold(_, members) = signers else {
        return Ok(());
    };
    let mut seen = BTreeSet::new();
    for member in members {
        match member {
            Expr::Key(number) if !seen.insert(*number) => {
                return Err(Family::SignerTwice.refuse("a threshold names one signer twice"));
            }
            Expr::Key(_) => {}
            Expr::Threshold(..) => check_seats(member)?,
        }
    }
    Ok(())
}

/// Puts the way of root in front: the one that waits for one block, as a vault of ours has it, or
/// else the first that waits for nothing.
fn root_first(ways: &mut Vec<Way>) -> Result<(), Refusal> {
    let one_block =
        |way: &Way| way.absolute.is_none() && way.relative == Some(RelativeLock::ONE_BLOCK);
    let root = ways
        .iter()
        .position(one_block)
        .or_else(|| ways.iter().position(Way::is_open));
    match root {
        Some(root) => {
            let root = ways.remove(root);
            ways.insert(0, root);
            Ok(())
        }
        None if ways.is_empty() => Err(Family::Keyless.refuse("nobody can spend it")),
        None => Err(Family::AllLocked.refuse("the shortest wait is no path of root")),
    }
}

//! A descriptor taken apart into ways to spend: who signs, under which locks.

use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use miniscript::policy::{Liftable, Semantic};
use miniscript::{AnalysisError, Error};
use thiserror::Error;

use crate::compile::{in_words, is_unspendable};
use crate::units::{AbsoluteLock, RelativeLock};

type Meaning = Semantic<DescriptorPublicKey>;

/// Most ways to spend: root, and as many paths as a policy has.
const MAX_WAYS: usize = 65;

/// Keys and thresholds over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Signers {
    /// One key.
    Key(DescriptorPublicKey),
    /// So many of these, of which there are at least two.
    Threshold(usize, Vec<Signers>),
}

impl Signers {
    /// All keys, in their order.
    fn keys(&self) -> Vec<&DescriptorPublicKey> {
        match self {
            Self::Key(key) => vec![key],
            Self::Threshold(_, members) => members.iter().flat_map(Self::keys).collect(),
        }
    }
}

/// One way to spend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lifted {
    /// Who signs.
    pub signers: Signers,
    /// The lock that counts from the confirmation of the coin.
    pub relative: Option<RelativeLock>,
    /// The lock that is the same for every coin.
    pub absolute: Option<AbsoluteLock>,
}

/// A way that may lack signers yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Part {
    signers: Option<Signers>,
    relative: Option<RelativeLock>,
    absolute: Option<AbsoluteLock>,
}

impl Part {
    const fn is_locked(&self) -> bool {
        self.relative.is_some() || self.absolute.is_some()
    }
}

/// The ways to spend a descriptor, lifted by miniscript, in the order in which they stand in it; an
/// error if it is neither taproot nor P2WSH, breaks a rule of miniscript, or cannot be stated as
/// signers and locks.
///
/// With `seats`, a threshold whose members some others can replace after one lock is two ways to
/// spend; without, there is one for each choice of those that are replaced.
pub(super) fn lift(
    descriptor: &Descriptor<DescriptorPublicKey>,
    seats: bool,
) -> Result<Vec<Lifted>, LiftError> {
    check_sound(descriptor)?;
    let mut scripts: Vec<Meaning> = Vec::new();
    let lifted = |meaning: Result<Meaning, Error>| {
        meaning.map_err(|error| LiftError::Unsound(in_words(&error)))
    };
    match descriptor {
        Descriptor::Tr(tr) => {
            if !is_unspendable(tr.internal_key()) {
                scripts.push(Semantic::Key(tr.internal_key().clone()));
            }
            for (_, script) in tr.iter_scripts() {
                scripts.push(lifted(script.lift())?);
            }
        }
        Descriptor::Wsh(wsh) => scripts.push(lifted(wsh.lift())?),
        _ => return Err(LiftError::OtherScript),
    }
    let mut ways: Vec<Lifted> = Vec::new();
    for script in scripts {
        for part in alternatives(&script.normalized(), seats)? {
            let way = Lifted {
                signers: part.signers.ok_or(LiftError::Keyless)?,
                relative: part.relative,
                absolute: part.absolute,
            };
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        if ways.len() > MAX_WAYS {
            return Err(LiftError::TooMany);
        }
    }
    if ways.is_empty() {
        return Err(LiftError::Keyless);
    }
    Ok(ways)
}

/// Why a descriptor is not taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum LiftError {
    /// Neither taproot nor P2WSH.
    #[error("its script is neither taproot nor P2WSH")]
    OtherScript,
    /// It can be spent without any signature, or by nobody.
    #[error("a way to spend it takes no signature")]
    Keyless,
    /// A hash must be opened.
    #[error("a way to spend it takes the preimage of a hash")]
    HashLock,
    /// A number that is no lock, or not the one it looks like.
    #[error("`{0}` is no lock")]
    BadLock(String),
    /// A height and a time of one kind.
    #[error("a way to spend it waits for a height and a time of the same kind")]
    MixedLocks,
    /// More alternatives than a policy can state.
    #[error("it has too many ways to spend")]
    TooMany,
    /// Against a rule of miniscript.
    #[error("{0}")]
    Unsound(String),
}

/// Miniscript's own rules.
fn check_sound(descriptor: &Descriptor<DescriptorPublicKey>) -> Result<(), LiftError> {
    match descriptor.sanity_check() {
        Ok(()) => Ok(()),
        Err(Error::AnalysisError(AnalysisError::HeightTimelockCombination)) => {
            Err(LiftError::MixedLocks)
        }
        Err(Error::AnalysisError(AnalysisError::SiglessBranch)) => Err(LiftError::Keyless),
        Err(error) => Err(LiftError::Unsound(in_words(&error))),
    }
}

/// What a lifted expression allows, as alternatives of signers and locks.
///
/// Signers alone stay one expression, whatever thresholds they have.  Where a threshold counts
/// locks among its members, each choice of locked members that may be among those that count is
/// an alternative, in which fewer of the signers are needed.
fn alternatives(meaning: &Meaning, with_seats: bool) -> Result<Vec<Part>, LiftError> {
    if let Some(signers) = signers(meaning) {
        return Ok(vec![Part {
            signers: Some(signers),
            ..Part::default()
        }]);
    }
    match meaning {
        Semantic::Older(lock) => {
            let operand = lock.to_consensus_u32();
            let lock = RelativeLock::from_consensus(operand)
                .ok_or_else(|| LiftError::BadLock(format!("older({operand})")))?;
            Ok(vec![Part {
                relative: Some(lock),
                ..Part::default()
            }])
        }
        Semantic::After(lock) => {
            let operand = lock.to_consensus_u32();
            let lock = AbsoluteLock::from_consensus(operand)
                .ok_or_else(|| LiftError::BadLock(format!("after({operand})")))?;
            Ok(vec![Part {
                absolute: Some(lock),
                ..Part::default()
            }])
        }
        Semantic::Thresh(thresh) => {
            let mut plain = Vec::new();
            let mut locked = Vec::new();
            for member in thresh.data() {
                match signers(member) {
                    Some(signers) => plain.push(signers),
                    None => locked.push(alternatives(member, with_seats)?),
                }
            }
            // Where all are needed, what has no alternative is needed in each of theirs.
            let is_fixed = |part: &Vec<Part>| thresh.k() == thresh.n() && part.len() == 1;
            let (fixed, locked): (Vec<_>, Vec<_>) = locked.into_iter().partition(is_fixed);
            let count = thresh.k() - fixed.len();
            let together = with_seats.then(|| seats(count, &plain, &locked));
            let mut parts = match together.flatten() {
                Some(parts) => parts,
                None => choices(count, &plain, &locked)?,
            };
            for only in fixed.iter().flatten() {
                for part in &mut parts {
                    *part = both(part, only)?;
                }
            }
            Ok(parts)
        }
        Semantic::Trivial => Err(LiftError::Keyless),
        Semantic::Unsatisfiable => Ok(Vec::new()),
        _ => Err(LiftError::HashLock),
    }
}

/// The expression as signers alone, if it has no locks.
fn signers(meaning: &Meaning) -> Option<Signers> {
    match meaning {
        Semantic::Key(key) => Some(Signers::Key(key.clone())),
        Semantic::Thresh(thresh) => {
            let members: Option<Vec<Signers>> =
                thresh.data().iter().map(|member| signers(member)).collect();
            Some(threshold(thresh.k(), members?))
        }
        _ => None,
    }
}

/// A threshold; a threshold over one expression is that expression.
fn threshold(count: usize, mut members: Vec<Signers>) -> Signers {
    match (members.len(), members.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            members.extend(last);
            Signers::Threshold(count, members)
        }
    }
}

/// The two alternatives of a threshold whose members all can be had without a lock, and some by
/// others after one and the same: until then the threshold over the former, and from then on over
/// either.
///
/// Not if one key is on both sides of a seat: there is one signature of it, and a seat with either
/// would name its holder twice.
fn seats(count: usize, plain: &[Signers], locked: &[Vec<Part>]) -> Option<Vec<Part>> {
    let locks = |part: &Part| (part.relative, part.absolute);
    let mut closing = locked.iter().flatten().filter(|part| part.is_locked());
    let lock = locks(closing.next()?);
    if count < 2 || closing.any(|part| locks(part) != lock) {
        return None;
    }
    let (mut first, mut either) = (plain.to_vec(), plain.to_vec());
    for alternatives in locked {
        let signers = |parts: &mut dyn Iterator<Item = &Part>| {
            let all: Option<Vec<Signers>> = parts.map(|part| part.signers.clone()).collect();
            let all = all.filter(|all| !all.is_empty())?;
            Some(threshold(1, all))
        };
        let (later, mut now): (Vec<&Part>, Vec<&Part>) =
            alternatives.iter().partition(|part| part.is_locked());
        let keys_of = |parts: &[&Part]| -> Vec<DescriptorPublicKey> {
            let signers = parts.iter().filter_map(|part| part.signers.as_ref());
            signers.flat_map(Signers::keys).cloned().collect()
        };
        let own = keys_of(&now);
        if keys_of(&later).iter().any(|key| own.contains(key)) {
            return None;
        }
        first.push(signers(&mut now.drain(..))?);
        either.push(signers(&mut alternatives.iter())?);
    }
    let (relative, absolute) = lock;
    Some(vec![
        Part {
            signers: Some(threshold(count, first)),
            ..Part::default()
        },
        Part {
            signers: Some(threshold(count, either)),
            relative,
            absolute,
        },
    ])
}

/// The alternatives of a threshold over signers and over parts with locks: one for each choice of
/// the latter that leaves enough of the former, of which there may be as many as ways to spend.
fn choices(count: usize, plain: &[Signers], locked: &[Vec<Part>]) -> Result<Vec<Part>, LiftError> {
    // What nobody can meet is never among those that are chosen.
    let locked = locked
        .iter()
        .filter(|alternatives| !alternatives.is_empty());
    let locked: Vec<&Vec<Part>> = locked.collect();
    let least = count.saturating_sub(plain.len());
    if locked.len() < least {
        return Ok(Vec::new());
    }
    // Each of these can still become a choice, so there are never more of them than choices.
    let mut chosen: Vec<Vec<&Vec<Part>>> = vec![Vec::new()];
    for (number, alternatives) in locked.iter().enumerate() {
        let rest = locked.len() - number - 1;
        let fewer = chosen.iter().filter(|before| before.len() < count);
        let with = fewer.map(|before| [before.as_slice(), &[*alternatives]].concat());
        let with: Vec<Vec<&Vec<Part>>> = with.collect();
        chosen.retain(|before| before.len() + rest >= least);
        chosen.extend(with);
        if chosen.len() > MAX_WAYS {
            return Err(LiftError::TooMany);
        }
    }
    let mut all = Vec::new();
    for choice in chosen {
        let needed = count - choice.len();
        let mut parts = vec![Part {
            signers: (needed > 0).then(|| threshold(needed, plain.to_vec())),
            ..Part::default()
        }];
        for alternatives in choice {
            let mut joined = Vec::new();
            for part in &parts {
                for alternative in alternatives {
                    joined.push(both(part, alternative)?);
                }
            }
            parts = joined;
            if parts.len() > MAX_WAYS {
                return Err(LiftError::TooMany);
            }
        }
        all.extend(parts);
        if all.len() > MAX_WAYS {
            return Err(LiftError::TooMany);
        }
    }
    Ok(all)
}

/// Both at once: all signers, and the later of two locks of one kind.
fn both(one: &Part, two: &Part) -> Result<Part, LiftError> {
    let signers = match (&one.signers, &two.signers) {
        (Some(one), Some(two)) => Some(Signers::Threshold(2, vec![one.clone(), two.clone()])),
        (one, two) => one.as_ref().or(two.as_ref()).cloned(),
    };
    let relative = match (one.relative, two.relative) {
        (Some(RelativeLock::Blocks(one)), Some(RelativeLock::Blocks(two))) => {
            Some(RelativeLock::Blocks(one.max(two)))
        }
        (Some(RelativeLock::Units512(one)), Some(RelativeLock::Units512(two))) => {
            Some(RelativeLock::Units512(one.max(two)))
        }
        (Some(_), Some(_)) => return Err(LiftError::MixedLocks),
        (one, two) => one.or(two),
    };
    let absolute = match (one.absolute, two.absolute) {
        (Some(AbsoluteLock::Height(one)), Some(AbsoluteLock::Height(two))) => {
            Some(AbsoluteLock::Height(one.max(two)))
        }
        (Some(AbsoluteLock::Time(one)), Some(AbsoluteLock::Time(two))) => {
            Some(AbsoluteLock::Time(one.max(two)))
        }
        (Some(_), Some(_)) => return Err(LiftError::MixedLocks),
        (one, two) => one.or(two),
    };
    Ok(Part {
        signers,
        relative,
        absolute,
    })
}

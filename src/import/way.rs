//! The ways to spend a descriptor, by its holders, with that of root in front.

use std::collections::BTreeSet;

use miniscript::descriptor::{Descriptor, DescriptorPublicKey};

use super::family::{Family, Refusal};
use super::lift::{LiftError, Signers, lift};
use super::party::Holder;
use crate::units::{AbsoluteLock, RelativeLock};

/// Holders and thresholds over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// The holder of this number.
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

/// The ways to spend a descriptor, that of root first; with `seats` as [`lift`] has them.
pub(super) fn ways(
    descriptor: &Descriptor<DescriptorPublicKey>,
    holders: &[Holder],
    seats: bool,
) -> Result<Vec<Way>, Refusal> {
    let mut ways = Vec::new();
    for way in lift(descriptor, seats).map_err(refusal)? {
        let signers = by_holder(&way.signers, holders)?;
        check_seats(&signers)?;
        check_signers(&signers, holders)?;
        ways.push(Way {
            signers,
            relative: way.relative,
            absolute: way.absolute,
        });
    }
    root_first(&mut ways)?;
    Ok(ways)
}

/// The family of a descriptor that is not taken apart.
fn refusal(error: LiftError) -> Refusal {
    let family = match &error {
        LiftError::OtherScript => Family::OtherScript,
        LiftError::Keyless => Family::Keyless,
        LiftError::HashLock => Family::HashLock,
        LiftError::BadLock(_) => Family::BadLock,
        LiftError::MixedLocks => Family::MixedLocks,
        LiftError::TooMany => Family::TooMany,
        LiftError::Unsound(_) => Family::Unsound,
    };
    family.refuse(error.to_string())
}

fn by_holder(signers: &Signers, holders: &[Holder]) -> Result<Expr, Refusal> {
    match signers {
        Signers::Key(key) => {
            let number = holders.iter().position(|holder| holder.holds(key));
            number
                .map(Expr::Key)
                .ok_or_else(|| Family::Unsound.refuse(format!("nobody can sign with `{key}`")))
        }
        Signers::Threshold(threshold, members) => {
            let members = members.iter().map(|member| by_holder(member, holders));
            Ok(Expr::Threshold(
                *threshold,
                members.collect::<Result<_, _>>()?,
            ))
        }
    }
}

/// No holder twice in one threshold, which a policy could not say.
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

/// No two accounts of one master key in one way to spend: one device would count as two people.
fn check_signers(signers: &Expr, holders: &[Holder]) -> Result<(), Refusal> {
    let mut numbers = BTreeSet::new();
    collect(signers, &mut numbers);
    let mut seen = BTreeSet::new();
    for holder in numbers.iter().filter_map(|number| holders.get(*number)) {
        if let Some(fingerprint) = holder.fingerprint()
            && !seen.insert(fingerprint)
        {
            return Err(Family::SignerTwice.refuse(format!(
                "two keys of the master key `{fingerprint}` sign together"
            )));
        }
    }
    Ok(())
}

fn collect(signers: &Expr, numbers: &mut BTreeSet<usize>) {
    match signers {
        Expr::Key(number) => {
            numbers.insert(*number);
        }
        Expr::Threshold(_, members) => {
            for member in members {
                collect(member, numbers);
            }
        }
    }
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
        None => Err(Family::AllLocked.refuse("the shortest wait is no path of root")),
    }
}

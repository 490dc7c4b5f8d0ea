//! What a change of a policy lets whom do, and what has to be done about it.
//!
//! Two policies are compared by what they mean and not by their texts: their terms one by one, the
//! coalitions that gain or lose a power, and the coins that must move or be armed anew.  Every
//! gain and loss comes with a smallest coalition as its proof.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use longstop::analysis::{Action, compare};
//! use longstop::compile::compile;
//! use longstop::policy::check;
//!
//! let old = std::fs::read_to_string("policies/dao-treasury/policy.toml")?;
//! let new = old.replace("council = { threshold = 3", "council = { threshold = 4");
//! let compiled = |text: &str| -> Result<_, Box<dyn std::error::Error>> {
//!     Ok(compile(Arc::new(check(text).policy.ok_or("the policy has errors")?))?)
//! };
//! let (old, new) = (compiled(&old)?, compiled(&new)?);
//! let difference = compare(&old, &new, new.policy().base_fee())?;
//! assert_eq!(difference.work.action, Action::Move);
//! assert_eq!(difference.losses[0].who.len(), 3);
//! # Ok(())
//! # }
//! ```

mod changes;
mod people;
mod powers;
mod work;

use bitcoin::FeeRate;
use serde::Serialize;

pub use self::changes::{Change, Part};
pub use self::powers::{Ability, PowerChange, Wait, WaitChange, When};
pub use self::work::{
    Action, ArmingWork, Leaver, MoveCost, Presigned, StageChange, StageFate, Work,
};

use super::Analyst;
use crate::compile::{Compiled, PolicyId};
use crate::logic::TooLarge;

/// All in which two policies differ.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The policy before.
    pub old: Side,
    /// The policy now.
    pub new: Side,
    /// Whether both have one policy id: they are one policy, however their texts look.
    pub same_id: bool,
    /// Whether all stages have the same descriptors.
    pub same_descriptors: bool,
    /// Whether everybody can do what he could, and no later.
    pub same_powers: bool,
    /// The terms that differ.
    pub changes: Vec<Change>,
    /// Who can now what he could not before, or only later.
    pub gains: Vec<PowerChange>,
    /// Who could what he cannot any more, or only later.
    pub losses: Vec<PowerChange>,
    /// How long things take that took another time before.
    pub waits: Vec<WaitChange>,
    /// What has to be done.
    pub work: Work,
}

/// One of the two policies.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// Its name.
    pub policy: String,
    /// Its id.
    pub id: PolicyId,
}

impl Side {
    fn of(compiled: &Compiled) -> Self {
        Self {
            policy: compiled.policy().name().to_owned(),
            id: compiled.id(),
        }
    }
}

/// Compares two policies; moving coins is counted at this feerate.
///
/// # Errors
///
/// If quorums overlap so much that the conditions cannot be decided within the limits of
/// [`crate::logic`].
pub fn compare(old: &Compiled, new: &Compiled, feerate: FeeRate) -> Result<Difference, TooLarge> {
    let people = people::People::of(old.policy(), new.policy());
    let mut before = Analyst::of(old.policy());
    let mut now = Analyst::of(new.policy());
    let waits = powers::waits(&mut before, &mut now)?;
    let mut powers = powers::Comparison::of(&before, &now, &people);
    let (gains, losses) = (powers.gains()?, powers.losses()?);
    let work = work::of(old, new, &people, feerate);
    Ok(Difference {
        old: Side::of(old),
        new: Side::of(new),
        same_id: old.id() == new.id(),
        same_descriptors: work.has_same_descriptors(),
        same_powers: gains.is_empty() && losses.is_empty() && waits.is_empty(),
        changes: changes::of(old.policy(), new.policy()),
        gains,
        losses,
        waits,
        work,
    })
}

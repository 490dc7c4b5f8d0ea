//! Monotone conditions over numbered atoms, decided exactly: what meets them, what blocks them,
//! and what one of them allows that another does not.
//!
//! A [`Formula`] is a tree of thresholds.  A [`Logic`] answers questions about formulas, with
//! decision diagrams (Bryant 1986) for what they mean and zero-suppressed diagrams (Minato 1993)
//! for the minimal sets that meet them.  Nothing is sampled: an answer is exact, or it is
//! [`TooLarge`].
//!
//! How large diagrams get depends on how much the members of a threshold share.  Where no atom
//! stands twice they grow with the product of the thresholds on the way down a formula, which is a
//! few hundred nodes for the largest of policies.  Where members share atoms at random, a
//! threshold over them has to remember how far each has come, which is exponential in the number
//! of members.  The book has the figures, under *Measurements*.

mod atoms;
mod diagram;
mod family;
mod formula;
mod hash;
mod minimal;
mod orbits;
mod order;
mod question;
mod symmetry;

#[cfg(test)]
mod tests;

use thiserror::Error;

pub use self::atoms::{Atom, AtomSet, Atoms};
pub use self::formula::Formula;
pub use self::minimal::{MinimalSets, Sets};
pub use self::orbits::{Orbit, Orbits, Pick};
pub use self::question::Logic;

/// The most nodes of a diagram, unless another limit is set: some hundred megabytes.
pub const MAX_NODES: usize = 1 << 20;

/// The most atoms that questions may be about.
///
/// Diagrams are walked by recursion, one call for each atom, and a stack is no place to run out
/// of.
pub const MAX_ATOMS: usize = 2_000;

/// Conditions are too large to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum TooLarge {
    /// A diagram, or the table of results beside it, would outgrow its limit.
    #[error("the conditions overlap too much to be decided with {limit} nodes of a diagram")]
    Nodes {
        /// The most nodes that were allowed.
        limit: usize,
    },
    /// There are more atoms than [`MAX_ATOMS`].
    #[error("the conditions are about more than {limit} atoms")]
    Atoms {
        /// The most atoms that are allowed.
        limit: usize,
    },
}

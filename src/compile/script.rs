//! Script leaves: the places of a descriptor through which a leaf can be spent.

use super::leaf::Leaf;
use crate::logic::{Formula, Logic, TooLarge};

/// Where in a descriptor a script leaf stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is the taproot key path.
    KeyPath,
    /// It is the tapleaf with this number, counted from the left.
    Tapleaf(usize),
    /// It is a branch of the P2WSH script.
    Script,
}

/// One script through which a leaf can be spent, by some or all of those who can spend the leaf.
///
/// A leaf that holds a pre-signature has exactly one, because the signature commits to it.
#[derive(Clone, Debug)]
pub struct ScriptLeaf {
    place: Place,
    condition: Condition,
    seats: Vec<usize>,
}

impl ScriptLeaf {
    pub(super) fn new(place: Place, condition: Condition) -> Self {
        let mut seats = Vec::new();
        condition.collect_seats(&mut seats);
        seats.sort_unstable();
        seats.dedup();
        Self {
            place,
            condition,
            seats,
        }
    }

    /// Where it stands in the descriptor.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// The seats whose keys stand in it, counted over all groups of the leaf, in ascending order.
    #[must_use]
    pub fn seats(&self) -> &[usize] {
        &self.seats
    }

    /// Whether signatures of these seats for this script satisfy it.
    pub fn is_met_by(&self, signs: &dyn Fn(usize) -> bool) -> bool {
        self.condition.is_met_by(signs)
    }

    pub(super) const fn condition(&self) -> &Condition {
        &self.condition
    }
}

/// Who must sign, as thresholds over the seats of a leaf.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Condition {
    /// The seat with this number, counted over all groups of the leaf.
    Seat(usize),
    /// So many of these.
    Threshold(usize, Vec<Condition>),
}

impl Condition {
    /// What a leaf as a whole asks for: all its groups.
    pub(super) fn of(leaf: &Leaf) -> Self {
        let mut next = 0;
        let groups: Vec<Self> = leaf
            .groups()
            .iter()
            .map(|group| {
                group.expression().condition(&mut |_| {
                    next += 1;
                    next - 1
                })
            })
            .collect();
        Self::Threshold(groups.len(), groups)
    }

    fn collect_seats(&self, seats: &mut Vec<usize>) {
        match self {
            Self::Seat(seat) => seats.push(*seat),
            Self::Threshold(_, members) => {
                for member in members {
                    member.collect_seats(seats);
                }
            }
        }
    }

    /// The same with its seats counted from a number on.
    pub(super) fn shifted(&self, from: usize) -> Self {
        match self {
            Self::Seat(seat) => Self::Seat(from + seat),
            Self::Threshold(threshold, members) => {
                let members = members.iter().map(|member| member.shifted(from));
                Self::Threshold(*threshold, members.collect())
            }
        }
    }

    pub(super) fn is_met_by(&self, signs: &dyn Fn(usize) -> bool) -> bool {
        match self {
            Self::Seat(seat) => signs(*seat),
            Self::Threshold(threshold, members) => {
                let met = members.iter().filter(|member| member.is_met_by(signs));
                met.count() >= *threshold
            }
        }
    }

    /// The condition with a formula for each seat.
    pub(super) fn formula(&self, seat: &dyn Fn(usize) -> Formula) -> Formula {
        match self {
            Self::Seat(number) => seat(*number),
            Self::Threshold(threshold, members) => {
                let members = members.iter().map(|member| member.formula(seat));
                Formula::at_least(*threshold, members.collect())
            }
        }
    }
}

/// Whether these scripts together ask for just what the leaf asks for: whoever satisfies the leaf
/// satisfies one of them, and whoever satisfies one of them satisfies the leaf.
pub(super) fn cover(scripts: &[ScriptLeaf], leaf: &Leaf) -> Result<bool, TooLarge> {
    let whole = Condition::of(leaf);
    if let [only] = scripts
        && *only.condition() == whole
    {
        return Ok(true);
    }
    let any = scripts
        .iter()
        .map(|script| script.condition().formula(&Formula::Atom))
        .collect();
    let whole = whole.formula(&Formula::Atom);
    Logic::new().equivalent(&Formula::any(any), &whole)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Condition::{Seat, Threshold};
    use super::*;
    use crate::compile::{LeafKind, compile};
    use crate::policy::check;

    /// Scripts, each of which asks for all of some seats.
    fn scripts(seats: &[&[usize]]) -> Vec<ScriptLeaf> {
        let all =
            |seats: &[usize]| Threshold(seats.len(), seats.iter().copied().map(Seat).collect());
        let scripts = seats.iter().enumerate();
        scripts
            .map(|(number, seats)| ScriptLeaf::new(Place::Tapleaf(number), all(seats)))
            .collect()
    }

    /// Scripts cover a leaf of two of three if nobody who suffices is left out, and nobody else is
    /// let in.
    #[test]
    fn scripts_cover_a_leaf_together() {
        let text = include_str!("../../policies/dao-treasury/policy.toml");
        let policy = check(text).policy.expect("the policy is sound");
        let compiled = compile(Arc::new(policy)).expect("it compiles");
        let leaf = LeafKind::Direct("dead-man".to_owned());
        let leaf = compiled.vault().leaf(&leaf).expect("there is such a path");
        let whole = |threshold| {
            let condition = Threshold(threshold, (0..3).map(Seat).collect());
            vec![ScriptLeaf::new(Place::Tapleaf(0), condition)]
        };
        let covers = |scripts: &[ScriptLeaf]| cover(scripts, leaf).expect("it is small");
        assert!(covers(&whole(2)));
        assert!(!covers(&whole(1)));
        assert!(!covers(&whole(3)));
        assert!(covers(&scripts(&[&[0, 1], &[0, 2], &[1, 2]])));
        assert!(!covers(&scripts(&[&[0, 1], &[0, 2]])));
        assert!(!covers(&scripts(&[&[0, 1], &[0, 2], &[1, 2], &[2]])));
        assert!(!covers(&[]));
    }
}

//! What a script type and relay can hold, and what would fit where something does not.
//!
//! Consensus and relay know these limits as numbers of bytes, operations and stack items; a policy
//! knows paths and members, so that is what the errors speak of.

use std::fmt;

use super::encode::push_size;
use super::layout::Block;
use super::leaf::{Leaf, LeafKind};
use super::script::Condition;
use crate::policy::{Part, TransactionVersion};
use crate::units::{AbsoluteLock, RelativeLock};

/// The most weight a version 3 transaction may have: 10,000 vB (BIP-431).
pub const TRUC_MAX_WEIGHT: u64 = 40_000;

/// The most weight of any transaction that nodes pass on (Bitcoin Core,
/// `MAX_STANDARD_TX_WEIGHT` in `src/policy/policy.h`).
pub const MAX_STANDARD_WEIGHT: u64 = 400_000;

/// The most bytes of a P2WSH script that nodes relay (Bitcoin Core, `MAX_STANDARD_P2WSH_SCRIPT_SIZE`
/// in `src/policy/policy.h`).
pub const MAX_P2WSH_BYTES: u64 = 3_600;

/// The most operations of a P2WSH script (`MAX_OPS_PER_SCRIPT` in `src/script/script.h`): all that
/// are no pushes, executed or not, and one for every key of an executed `CHECKMULTISIG`.
pub const MAX_P2WSH_OPERATIONS: u64 = 201;

/// The most items of a P2WSH witness, the script among them.  Nodes relay one more
/// (`MAX_STANDARD_P2WSH_STACK_ITEMS` in `src/policy/policy.h` does not count the script), which
/// miniscript leaves unused.
pub const MAX_P2WSH_ITEMS: u64 = 100;

/// The most levels of a taproot tree (BIP-341).
pub const MAX_TREE_DEPTH: u32 = 128;

/// What a P2WSH script takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Measure {
    bytes: u64,
    /// Operations that count whether they are executed or not.
    operations: u64,
    /// Keys of executed `CHECKMULTISIG`s.
    checked: u64,
    /// Items that satisfy it; just as many show that it is not satisfied.
    items: u64,
}

impl Measure {
    fn of(condition: &Condition) -> Self {
        let Condition::Threshold(threshold, members) = condition else {
            return Self {
                bytes: 35,
                operations: 1,
                checked: 0,
                items: 1,
            };
        };
        if let [only] = members.as_slice() {
            return Self::of(only);
        }
        let (needed, all) = (*threshold as u64, members.len() as u64);
        let is_key = |member: &Condition| matches!(member, Condition::Seat(_));
        if members.iter().all(is_key) {
            return Self {
                bytes: 34 * all + push_size(needed) + push_size(all) + 1,
                operations: 1,
                checked: all,
                items: needed + 1,
            };
        }
        let mut sum = Self {
            bytes: push_size(needed) + 1,
            operations: 1,
            ..Self::default()
        };
        for (place, member) in members.iter().enumerate() {
            let own = Self::of(member);
            // `s:` or `a:`, and `ADD`.
            let joined = match (place, is_key(member)) {
                (0, _) => 0,
                (_, true) => 2,
                (_, false) => 3,
            };
            sum.bytes += own.bytes + joined;
            sum.operations += own.operations + joined;
            sum.checked += own.checked;
            sum.items += own.items;
        }
        sum
    }

    /// One leaf: all its parts and its locks.
    fn of_leaf(parts: &[Condition], leaf: &Leaf) -> Self {
        let mut sum = Self::default();
        for part in parts {
            let own = Self::of(part);
            sum.bytes += own.bytes;
            sum.operations += own.operations;
            sum.checked += own.checked;
            sum.items += own.items;
        }
        let relative = leaf.relative().map(RelativeLock::to_consensus);
        let absolute = leaf.absolute().map(AbsoluteLock::to_consensus);
        for lock in relative.into_iter().chain(absolute) {
            sum.bytes += push_size(u64::from(lock)) + 1;
            sum.operations += 1;
        }
        sum
    }

    /// A chain of leaves, the first of which is the likeliest.
    fn of_chain(leaves: &[Self]) -> Self {
        let joints = 3 * (leaves.len() as u64).saturating_sub(1);
        let mut sum = Self {
            bytes: joints,
            operations: joints,
            ..Self::default()
        };
        for (place, leaf) in leaves.iter().enumerate() {
            let is_last = place + 1 == leaves.len();
            let turns = place as u64 + u64::from(!is_last);
            sum.bytes += leaf.bytes;
            sum.operations += leaf.operations;
            sum.checked = sum.checked.max(leaf.checked);
            // The script itself is an item.
            sum.items = sum.items.max(leaf.items + turns + 1);
        }
        sum
    }

    /// Which limit is exceeded, with both numbers.
    fn excess(self) -> Option<String> {
        let operations = self.operations + self.checked;
        if self.bytes > MAX_P2WSH_BYTES {
            let bytes = self.bytes;
            Some(format!(
                "its script would have {bytes} bytes, and P2WSH allows {MAX_P2WSH_BYTES}"
            ))
        } else if operations > MAX_P2WSH_OPERATIONS {
            Some(format!(
                "its script would have {operations} operations, and P2WSH allows {MAX_P2WSH_OPERATIONS}"
            ))
        } else if self.items > MAX_P2WSH_ITEMS {
            let items = self.items;
            Some(format!(
                "its witness would have up to {items} items, and P2WSH allows {MAX_P2WSH_ITEMS}"
            ))
        } else {
            None
        }
    }
}

/// A limit that is exceeded, and what would not exceed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// Which limit, with both numbers.
    pub reason: String,
    /// What would fit.
    pub remedy: String,
    /// The part of the policy that is too much, if it is one.
    pub part: Option<Part>,
    /// Whether it is the limit of a script type, which the other type has not.
    pub of_script: bool,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.reason, self.remedy)
    }
}

/// What of these leaves as one P2WSH script exceeds a limit, and what would not.
pub(super) fn p2wsh_excess(blocks: &[Block], leaves: &[Leaf]) -> Option<Excess> {
    let leaf_of = |block: &&Block| leaves.get(block.leaf);
    let all: Vec<(&Block, &Leaf)> = blocks
        .iter()
        .filter_map(|block| leaf_of(&block).map(|leaf| (block, leaf)))
        .collect();
    let whole: Vec<Measure> = all
        .iter()
        .map(|(block, leaf)| Measure::of_leaf(&block.parts, leaf))
        .collect();
    let reason = Measure::of_chain(&whole).excess()?;
    let remedy = fewer_paths(&all).or_else(|| fewer_members(&all));
    let (part, remedy) = remedy.map_or_else(
        || (None, "use smaller quorums".to_owned()),
        |(part, remedy)| (Some(part), remedy),
    );
    Some(Excess {
        reason,
        remedy: format!("{remedy}, or `script = \"tr\"`"),
        part,
        of_script: true,
    })
}

/// How many of the paths fit, in the order of the policy, where the leaves are those of a vault.
fn fewer_paths(all: &[(&Block, &Leaf)]) -> Option<(Part, String)> {
    let mut in_order = all.to_vec();
    in_order.sort_by_key(|(block, _)| block.leaf);
    let path = |leaf: &Leaf| match leaf.kind() {
        LeafKind::Trigger(path) | LeafKind::Direct(path) => Some(path.clone()),
        _ => None,
    };
    let fits = (1..in_order.len()).rev().find(|count| {
        let kept: Vec<Measure> = all
            .iter()
            .filter(|(block, _)| {
                let kept = in_order.iter().take(*count);
                kept.clone().any(|(other, _)| other.leaf == block.leaf)
            })
            .map(|(block, leaf)| Measure::of_leaf(&block.parts, leaf))
            .collect();
        Measure::of_chain(&kept).excess().is_none()
    })?;
    // Root alone would not be the policy any more.
    let first_out = in_order.get(fits).and_then(|(_, leaf)| path(leaf))?;
    let paths = fits - 1;
    let kept = match paths {
        0 => return None,
        1 => "one path".to_owned(),
        paths => format!("{paths} paths"),
    };
    let remedy = format!(
        "path `{first_out}` is the first that does not fit: keep the {kept} before it, use smaller quorums"
    );
    Some((Part::Path(first_out), remedy))
}

/// How many members of the largest quorum fit, the others staying as they are.
fn fewer_members(all: &[(&Block, &Leaf)]) -> Option<(Part, String)> {
    let groups = all.iter().flat_map(|(_, leaf)| leaf.groups());
    let largest = groups.max_by_key(|group| group.quorum().members().len())?;
    let name = largest.quorum().name().to_owned();
    let members = largest.quorum().members().len();
    let fits = (1..members).rev().find(|count| {
        let kept: Vec<Measure> = all
            .iter()
            .map(|(block, leaf)| {
                let parts: Vec<Condition> = block
                    .parts
                    .iter()
                    .zip(leaf.groups())
                    .map(|(part, group)| {
                        if group.quorum().name() == name {
                            first_of(part, *count)
                        } else {
                            part.clone()
                        }
                    })
                    .collect();
                Measure::of_leaf(&parts, leaf)
            })
            .collect();
        Measure::of_chain(&kept).excess().is_none()
    })?;
    let remedy = format!("with at most {fits} members in `{name}` it fits: use a smaller quorum");
    Some((Part::Quorum(name), remedy))
}

/// A threshold over the first of its members.
fn first_of(condition: &Condition, count: usize) -> Condition {
    match condition {
        Condition::Threshold(threshold, members) => Condition::Threshold(
            (*threshold).min(count),
            members.iter().take(count).cloned().collect(),
        ),
        seat @ Condition::Seat(_) => seat.clone(),
    }
}

/// What is wrong with the weight of a transaction that spends one coin, if anything.
pub(super) fn weight_excess(
    leaf: &LeafKind,
    weight: u64,
    version: TransactionVersion,
) -> Option<Excess> {
    let most = max_weight(version);
    (weight > most).then(|| Excess {
        reason: format!(
            "`{leaf}` would weigh {weight} weight units, and a version {version} transaction may weigh {most}"
        ),
        remedy: "use smaller quorums".to_owned(),
        part: match leaf {
            LeafKind::Trigger(path) | LeafKind::Direct(path) => Some(Part::Path(path.clone())),
            _ => None,
        },
        of_script: false,
    })
}

/// The most a transaction of a version may weigh for nodes to pass it on.
#[must_use]
pub const fn max_weight(version: TransactionVersion) -> u64 {
    match version {
        TransactionVersion::Two => MAX_STANDARD_WEIGHT,
        TransactionVersion::Three => TRUC_MAX_WEIGHT,
    }
}

/// What is wrong with the depth of a tree, if anything.
pub(super) fn depth_excess(depth: u32) -> Option<Excess> {
    (depth > MAX_TREE_DEPTH).then(|| Excess {
        reason: format!(
            "a leaf would lie {depth} levels deep, and taproot allows {MAX_TREE_DEPTH}"
        ),
        remedy: "let the likelihoods differ less".to_owned(),
        part: None,
        of_script: true,
    })
}

#[cfg(test)]
mod tests {
    use miniscript::{Miniscript, Segwitv0};

    use super::Condition::{Seat, Threshold};
    use super::*;
    use crate::policy::ScriptType;

    /// A quorum of so many of so many keys.
    fn keys(threshold: usize, members: usize) -> Condition {
        Threshold(threshold, (0..members).map(Seat).collect())
    }

    /// A quorum of so many of a quorum and this many keys.
    fn quorum_and_keys(threshold: usize, members: usize) -> Condition {
        let keys = (0..members).map(Seat);
        Threshold(
            threshold,
            std::iter::once(self::keys(2, 3)).chain(keys).collect(),
        )
    }

    /// What is measured is what miniscript finds in the script: also where a number begins to take
    /// a byte more, and where those members sign for whom most, or fewest, items are needed.
    #[test]
    fn conditions_measure_what_their_scripts_take() {
        let mut conditions = vec![
            Seat(0),
            keys(1, 2),
            keys(2, 3),
            keys(16, 16),
            keys(16, 17),
            keys(17, 17),
            keys(20, 20),
            quorum_and_keys(1, 1),
            quorum_and_keys(2, 2),
            quorum_and_keys(16, 17),
            quorum_and_keys(17, 17),
        ];
        for threshold in 1..=4 {
            conditions.push(Threshold(
                threshold,
                vec![Seat(0), keys(1, 3), quorum_and_keys(2, 2), keys(4, 5)],
            ));
        }
        for condition in conditions {
            let text = condition.miniscript(ScriptType::Wsh, &|seat| format!("k{seat}"));
            let script = Miniscript::<String, Segwitv0>::from_str_insane(&text).expect("it is one");
            let found = script.ext;
            let most = |number: Option<usize>| number.expect("it can be satisfied") as u64;
            let expected = Measure {
                bytes: script.script_size() as u64,
                operations: found.ops.count as u64,
                checked: most(found.ops.sat),
                items: most(found.stack_elem_count_sat),
            };
            assert_eq!(Measure::of(&condition), expected, "{text}");
            assert_eq!(
                found.stack_elem_count_dissat, found.stack_elem_count_sat,
                "{text}"
            );
        }
        assert_eq!(Measure::of(&keys(1, 1)), Measure::of(&Seat(0)));
    }

    /// Exactly at each limit, and one above.
    #[test]
    fn limits_hold_where_they_are() {
        let at = Measure {
            bytes: MAX_P2WSH_BYTES,
            operations: 150,
            checked: 51,
            items: MAX_P2WSH_ITEMS,
        };
        assert_eq!(at.excess(), None);
        let above = [
            (
                Measure {
                    bytes: at.bytes + 1,
                    ..at
                },
                "3601 bytes",
            ),
            (
                Measure {
                    operations: 151,
                    ..at
                },
                "202 operations",
            ),
            (Measure { checked: 52, ..at }, "202 operations"),
            (
                Measure {
                    items: at.items + 1,
                    ..at
                },
                "101 items",
            ),
        ];
        for (measure, what) in above {
            let excess = measure.excess().expect(what);
            assert!(excess.contains(what), "{excess}");
        }
        for (version, most) in [
            (TransactionVersion::Two, 400_000),
            (TransactionVersion::Three, 40_000),
        ] {
            assert_eq!(weight_excess(&LeafKind::Cancel, most, version), None);
            let excess = weight_excess(&LeafKind::Cancel, most + 1, version);
            let excess = excess.expect("one above").to_string();
            assert!(excess.contains(&most.to_string()), "{excess}");
        }
        let excess =
            weight_excess(&LeafKind::Cancel, 40_001, TransactionVersion::Three).expect("one above");
        let excess = excess.to_string();
        assert!(excess.contains("`cancel` would weigh 40001"), "{excess}");
        assert_eq!(depth_excess(128), None);
        assert!(depth_excess(129).is_some());
    }

    #[test]
    fn a_chain_has_the_items_of_its_dearest_leaf() {
        let leaf = |items, checked| Measure {
            bytes: 10,
            operations: 2,
            checked,
            items,
        };
        let chain = Measure::of_chain(&[leaf(3, 5), leaf(4, 2), leaf(4, 1)]);
        assert_eq!(chain.bytes, 30 + 6);
        assert_eq!(chain.operations, 6 + 6);
        assert_eq!(chain.checked, 5, "one leaf at a time is executed");
        assert_eq!(chain.items, 4 + 2 + 1, "two turns, and the script");
    }
}

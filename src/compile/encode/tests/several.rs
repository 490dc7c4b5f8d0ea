//! Scripts that several leaves share take what they say, for each of the leaves.

use super::*;

/// One of these for the first leaf, another for the second, or the same for both.
pub(super) fn eased(chance: &mut Chance, depth: usize, next: &mut [usize; 2]) -> Eased {
    let [first, second] = next;
    if depth == 0 || chance.below(4) == 0 {
        let now = chance.condition(1, first);
        return match chance.below(3) {
            0 => Eased::Always(now),
            _ => Eased::OrLater(now, chance.condition(1, second)),
        };
    }
    let count = 2 + chance.below(3);
    let members = (0..count).map(|_| eased(chance, depth - 1, next)).collect();
    Eased::Threshold(1 + chance.below(count), members)
}

/// Those that have a place for every seat.
pub(super) fn conditions(count: usize) -> Vec<Eased> {
    let mut chance = Chance(11);
    let mut all = Vec::new();
    while all.len() < count {
        let mut next = [0, 0];
        let condition = eased(&mut chance, 2, &mut next);
        if next.iter().all(|seats| *seats < SEATS) {
            all.push(condition);
        }
    }
    all
}

/// All smallest sets of seats that meet it, while the later lock is shut or once it is open.
fn sets(condition: &Eased, is_open: bool) -> Vec<BTreeSet<usize>> {
    match condition {
        Eased::OrLater(now, later) if is_open => {
            [smallest_sets(now), smallest_sets(&later.shifted(SEATS))].concat()
        }
        Eased::Always(now) | Eased::OrLater(now, _) => smallest_sets(now),
        Eased::Threshold(threshold, members) => {
            let members = members.iter().map(|member| sets(member, is_open));
            smallest_of(*threshold, members)
        }
    }
}

pub(super) fn half(leaf: usize, weight: f64, hashes: bool) -> Half {
    Half {
        leaf,
        weight,
        hashes,
    }
}

/// Holds what a script costs one of its leaves against the witnesses of its sets of signers.
fn check_leaf(way: &Way, leaf: usize, is_open: bool, sets: &[BTreeSet<usize>]) -> (f64, f64) {
    let text = way.to_string();
    let (size, witnesses) = measured_when(is_open, &text, ScriptType::Wsh, sets);
    assert_eq!(way.size, size as f64, "{text}");
    let cost = way.leaves.iter().find(|cost| cost.leaf == leaf);
    let cost = cost.unwrap_or_else(|| panic!("{text}: nothing is said of leaf {leaf}"));
    let most = witnesses.iter().max().expect("a set");
    assert_eq!(cost.most, *most as f64, "{text}: leaf {leaf}");
    let mean = witnesses.iter().sum::<usize>() as f64 / sets.len() as f64;
    assert!(
        (cost.satisfy - mean).abs() < 1e-6,
        "{text}: leaf {leaf}: {} {mean}",
        cost.satisfy
    );
    (cost.satisfy, cost.most)
}

/// That a script costs on average what its leaves do, as often as they are used, and at most what
/// the dearest does.
fn check_whole(way: &Way, leaves: &[(f64, (f64, f64))]) {
    let weight: f64 = leaves.iter().map(|(weight, _)| weight).sum();
    let sum: f64 = leaves.iter().map(|(weight, (mean, _))| weight * mean).sum();
    assert!(
        (way.satisfy - sum / weight).abs() < 1e-6,
        "{way}: {} {}",
        way.satisfy,
        sum / weight
    );
    let most = leaves
        .iter()
        .map(|(_, (_, most))| *most)
        .fold(0.0, f64::max);
    assert_eq!(way.most, most, "{way}");
    assert_eq!(way.leaves.len(), leaves.len(), "{way}");
}

#[test]
fn joint_scripts_take_what_they_say() {
    let (older, after) = (Lock::new("older", 0x80), Lock::new("after", 0x80_0000));
    let mut count = 0;
    for condition in conditions(150) {
        let shut = sets(&condition, false);
        let open = sets(&condition, true);
        for (hashes, weights) in [(false, [3.0, 1.0]), (true, [1.0, 7.0])] {
            let [first, second] = weights;
            let joint = Choice::joint(
                &condition,
                half(LEAF, first, hashes),
                half(LEAF + 1, second, hashes),
                std::slice::from_ref(&older),
                std::slice::from_ref(&after),
            );
            let joint = joint.expect("a lock of the first leaf");
            assert_eq!(joint.weight, first + second);
            assert!(!joint.ways.base.is_empty(), "{condition:?}");
            for way in &joint.ways.base {
                let now = check_leaf(way, LEAF, false, &shut);
                let later = check_leaf(way, LEAF + 1, true, &open);
                check_whole(way, &[(first, now), (second, later)]);
                count += 1;
            }
        }
    }
    assert!(count > 600, "{count}");
}

/// A leaf for a script of several, with the sets of seats that meet it.
pub(super) fn leaf(
    chance: &mut Chance,
    number: usize,
    hashes: bool,
) -> (Choice, f64, Vec<BTreeSet<usize>>) {
    let (older, after) = (Lock::new("older", 0x80), Lock::new("after", 0x80_0000));
    let parts = loop {
        let mut next = 0;
        let parts: Vec<Condition> = (0..1 + chance.below(2))
            .map(|_| chance.condition(2, &mut next))
            .collect();
        if next < SEATS {
            break parts;
        }
    };
    let locks = [
        vec![],
        vec![older.clone()],
        vec![after.clone()],
        vec![older, after],
    ];
    let locks = &locks[chance.below(locks.len())];
    let weight = 1.0 + chance.below(50) as f64;
    let sets = smallest_sets(&Threshold(parts.len(), parts.clone()).shifted(number * SEATS));
    let choice = Choice::leaf(LEAF + number, &parts, locks, weight, hashes);
    (choice, weight, sets)
}

#[test]
fn scripts_of_several_leaves_take_what_they_say() {
    let mut chance = Chance(5);
    for round in 0..300 {
        let number = 1 + round % 3;
        let leaves = (0..number).map(|number| leaf(&mut chance, number, round % 2 == 0));
        let leaves: Vec<_> = leaves.collect();
        let choices = leaves.iter().map(|(choice, ..)| choice.clone()).collect();
        let way = Choice::any(choices).expect("a leaf");
        let costs = leaves
            .iter()
            .enumerate()
            .map(|(number, (_, weight, sets))| {
                (*weight, check_leaf(&way, LEAF + number, true, sets))
            });
        check_whole(&way, &costs.collect::<Vec<_>>());
        // In a script of two, every way of choosing between them.
        if let [(one, a, sets), (other, b, others)] = leaves.as_slice() {
            let both = one.or(other);
            assert_eq!(both.weight, a + b);
            for way in &both.ways.base {
                let one = check_leaf(way, LEAF, true, sets);
                let other = check_leaf(way, LEAF + 1, true, others);
                check_whole(way, &[(*a, one), (*b, other)]);
            }
        }
    }
}

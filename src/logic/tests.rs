//! Every operation against brute force over all subsets.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Formulas as somebody might build them by hand: constants, repeated atoms and members, thresholds
/// of 0 and of more than there are.
fn formulas(atoms: usize) -> impl Strategy<Value = Formula> {
    let leaf = (0..atoms).prop_map(Formula::Atom);
    leaf.prop_recursive(4, 24, 5, |member| {
        (proptest::collection::vec(member, 0..6), 0..8_usize, 0..6_u8).prop_map(
            |(of, threshold, kind)| match kind {
                0 => Formula::all(of),
                1 => Formula::any(of),
                2 => Formula::Threshold {
                    threshold,
                    of: of.into(),
                },
                3 => Formula::at_least(threshold, of),
                _ => {
                    let threshold = (of.len() / 2).max(1);
                    Formula::Threshold {
                        threshold,
                        of: of.into(),
                    }
                }
            },
        )
    })
}

/// Formulas over few atoms, which meet each other often, and over as many as can be gone through.
fn any_formulas() -> impl Strategy<Value = (usize, Formula)> {
    prop_oneof![3 => Just(4_usize), 3 => Just(7), 1 => Just(12)]
        .prop_flat_map(|atoms| (Just(atoms), formulas(atoms)))
}

fn two_formulas() -> impl Strategy<Value = (usize, Formula, Formula)> {
    prop_oneof![3 => Just(4_usize), 3 => Just(7), 1 => Just(12)]
        .prop_flat_map(|atoms| (Just(atoms), formulas(atoms), formulas(atoms)))
}

fn set(mask: usize) -> AtomSet {
    (0..16).filter(|atom| mask >> atom & 1 == 1).collect()
}

/// Whether the formula holds for each subset, without asking what is tested.
fn table(formula: &Formula, atoms: usize) -> Vec<bool> {
    fn met(formula: &Formula, mask: usize) -> bool {
        match formula {
            Formula::Atom(atom) => mask >> atom & 1 == 1,
            Formula::Threshold { threshold, of } => {
                of.iter().filter(|member| met(member, mask)).count() >= *threshold
            }
        }
    }
    (0..1 << atoms).map(|mask| met(formula, mask)).collect()
}

fn minimal_by_force(table: &[bool]) -> BTreeSet<AtomSet> {
    let is_minimal = |mask: usize| {
        let parts = (0..16).filter(|atom| mask >> atom & 1 == 1);
        table[mask] && parts.into_iter().all(|atom| !table[mask & !(1 << atom)])
    };
    let masks = (0..table.len()).filter(|mask| is_minimal(*mask));
    masks.map(set).collect()
}

fn swapped(mask: usize, a: usize, b: usize) -> usize {
    let (x, y) = (mask >> a & 1, mask >> b & 1);
    (mask & !(1 << a) & !(1 << b)) | x << b | y << a
}

/// The classes of atoms that matter, by exchanging any two in all subsets.
fn classes_by_force(table: &[bool], atoms: usize) -> Vec<AtomSet> {
    let matters = |atom: usize| (0..table.len()).any(|mask| table[mask] != table[mask ^ 1 << atom]);
    let alike =
        |a: usize, b: usize| (0..table.len()).all(|mask| table[mask] == table[swapped(mask, a, b)]);
    let classes: BTreeSet<AtomSet> = (0..atoms)
        .filter(|atom| matters(*atom))
        .map(|atom| (0..atoms).filter(|other| alike(atom, *other)).collect())
        .collect();
    classes.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn holding((atoms, formula) in any_formulas()) {
        let table = table(&formula, atoms);
        for (mask, met) in table.iter().enumerate() {
            prop_assert_eq!(formula.holds(&set(mask)), *met);
        }
        prop_assert_eq!(formula.is_always(), table.iter().all(|met| *met));
        prop_assert_eq!(formula.is_never(), table.iter().all(|met| !met));
        prop_assert!(formula.atoms().is_subset(&AtomSet::below(atoms)));
    }

    #[test]
    fn the_dual_holds_where_the_others_do_not_suffice((atoms, formula) in any_formulas()) {
        let dual = formula.dual();
        for mask in 0..1_usize << atoms {
            let others = !mask & ((1 << atoms) - 1);
            prop_assert_eq!(dual.holds(&set(mask)), !formula.holds(&set(others)));
        }
        prop_assert!(Logic::new().equivalent(&dual.dual(), &formula).expect("it is small"));
    }

    #[test]
    fn substitution((atoms, formula, other) in two_formulas(), chosen in 0..12_usize) {
        let chosen = chosen % atoms;
        let by = |atom| if atom == chosen { other.clone() } else { Formula::Atom(atom) };
        let substituted = formula.substitute(&by);
        for mask in 0..1_usize << atoms {
            let present = |atom| if atom == chosen { other.holds(&set(mask)) } else { mask >> atom & 1 == 1 };
            prop_assert_eq!(substituted.holds(&set(mask)), formula.holds_by(&present));
        }
    }

    #[test]
    fn comparing((atoms, a, b) in two_formulas()) {
        let mut logic = Logic::new();
        let (x, y) = (table(&a, atoms), table(&b, atoms));
        let differing: Vec<usize> = (0..x.len()).filter(|mask| x[*mask] && !y[*mask]).collect();
        prop_assert_eq!(logic.implies(&a, &b), Ok(differing.is_empty()));
        prop_assert_eq!(logic.equivalent(&a, &b), Ok(x == y));
        prop_assert_eq!(logic.implies(&b, &Formula::any(vec![a.clone(), b.clone()])), Ok(true));
        let smallest = logic.smallest_difference(&a, &b).expect("it is small");
        let fewest = differing.iter().map(|mask| mask.count_ones() as usize).min();
        prop_assert_eq!(smallest.as_ref().map(AtomSet::len), fewest);
        if let Some(smallest) = smallest {
            prop_assert!(a.holds(&smallest) && !b.holds(&smallest));
        }
    }

    #[test]
    fn minimal_sets((atoms, formula, before) in two_formulas()) {
        let mut logic = Logic::new();
        // What was asked before has put the atoms into another order.
        logic.minimal(&before).expect("it is small");
        let table = table(&formula, atoms);
        let expected = minimal_by_force(&table);
        let sets = logic.minimal(&formula).expect("it is small");
        let listed: Vec<AtomSet> = sets.iter().collect();
        prop_assert!(listed.is_sorted_by_key(AtomSet::len));
        prop_assert_eq!(sets.count(), listed.len() as u128);
        prop_assert!(!sets.is_saturated());
        prop_assert_eq!(sets.is_empty(), listed.is_empty());
        for (size, number) in sets.by_size() {
            let of_size = listed.iter().filter(|set| set.len() == *size);
            prop_assert_eq!(of_size.count() as u128, *number);
            prop_assert!(*number > 0);
        }
        prop_assert_eq!(sets.smallest_size(), listed.first().map(AtomSet::len));
        prop_assert_eq!(sets.largest_size(), listed.last().map(AtomSet::len));
        prop_assert_eq!(sets.atoms(), listed.iter().fold(AtomSet::new(), |all, set| all.union(set)));
        let number = listed.len();
        let listed: BTreeSet<AtomSet> = listed.into_iter().collect();
        prop_assert_eq!(listed.len(), number, "none is listed twice");
        for mask in 0..table.len() {
            prop_assert_eq!(sets.contains(&set(mask)), expected.contains(&set(mask)));
        }
        prop_assert!(!sets.contains(&set(0).union(&AtomSet::from([500]))));
        prop_assert_eq!(listed, expected);
    }

    #[test]
    fn classes((atoms, formula) in any_formulas()) {
        let classes = Logic::new().classes(&formula).expect("it is small");
        prop_assert_eq!(classes, classes_by_force(&table(&formula, atoms), atoms));
    }

    #[test]
    fn orbits((atoms, formula) in any_formulas()) {
        let mut logic = Logic::new();
        let sets = logic.minimal(&formula).expect("it is small");
        let orbits = logic.orbits(&formula, usize::MAX).expect("it is small");
        prop_assert!(orbits.is_complete());
        prop_assert_eq!(orbits.classes(), classes_by_force(&table(&formula, atoms), atoms));
        // Each set belongs to just the orbit that has its picks, in some order of the classes of a
        // block.
        let mut found = vec![0_u128; orbits.listed().len()];
        for set in &sets {
            let taken: Vec<usize> =
                orbits.classes().iter().map(|class| class.intersection(&set).len()).collect();
            let mut own: Vec<Pick> = Vec::new();
            for (block, classes) in orbits.blocks().iter().enumerate() {
                let mut counts: Vec<usize> = classes.iter().map(|class| taken[*class]).collect();
                counts.retain(|count| *count > 0);
                counts.sort_unstable_by(|a, b| b.cmp(a));
                for same in counts.chunk_by(|a, b| a == b) {
                    own.push(Pick { block, classes: same.len(), atoms: same[0] });
                }
            }
            let of: Vec<usize> = (0..orbits.listed().len())
                .filter(|number| orbits.picks(&orbits.listed()[*number]) == own)
                .collect();
            prop_assert_eq!(of.len(), 1, "{:?} of {:?}", set, &orbits);
            prop_assert_eq!(orbits.listed()[of[0]].size, set.len());
            found[of[0]] += 1;
        }
        let numbers: Vec<u128> = orbits.listed().iter().map(|orbit| orbit.number).collect();
        prop_assert_eq!(found, numbers);
        prop_assert!(orbits.listed().is_sorted());
        // Classes of one block can be exchanged, and classes of two cannot.
        let first = |block: &Vec<usize>| block.first().copied();
        let heads: Vec<usize> = orbits.blocks().iter().filter_map(first).collect();
        for (number, head) in heads.iter().enumerate() {
            for other in &heads[number + 1..] {
                let (a, b) = (&orbits.classes()[*head], &orbits.classes()[*other]);
                if a.len() == b.len() {
                    let pairs: Vec<(usize, usize)> = a.iter().zip(b.iter()).collect();
                    let by = |atom| Formula::Atom(pairs.iter().fold(atom, |atom, (x, y)| {
                        if atom == *x { *y } else if atom == *y { *x } else { atom }
                    }));
                    let exchanged = formula.substitute(&by);
                    prop_assert_eq!(logic.equivalent(&formula, &exchanged), Ok(false));
                }
            }
        }
    }

    #[test]
    fn a_small_limit_changes_no_answer((atoms, formula, other) in two_formulas(), limit in 0..60_usize) {
        let mut logic = Logic::with_limit(limit);
        // The first question may fill the store: the second is answered all the same, if it can be.
        let _ = logic.minimal(&other);
        if let Ok(sets) = logic.minimal(&formula) {
            let expected = minimal_by_force(&table(&formula, atoms));
            prop_assert_eq!(sets.iter().collect::<BTreeSet<_>>(), expected);
        } else {
            prop_assert_eq!(logic.minimal(&formula).err(), Some(TooLarge::Nodes { limit }));
            prop_assert!(Logic::with_limit(limit).minimal(&formula).is_err());
        }
    }
}

fn quorum(threshold: usize, atoms: impl IntoIterator<Item = Atom>) -> Formula {
    Formula::at_least(threshold, atoms.into_iter().map(Formula::Atom).collect())
}

fn nested(outer: (usize, usize), inner: (usize, usize)) -> Formula {
    let group = |group: usize| quorum(inner.0, group * inner.1..(group + 1) * inner.1);
    Formula::at_least(outer.0, (0..outer.1).map(group).collect())
}

#[test]
fn constructors_leave_out_what_changes_nothing() {
    let (a, b, c) = (Formula::Atom(0), Formula::Atom(1), Formula::Atom(2));
    assert_eq!(Formula::all(Vec::new()), Formula::always());
    assert_eq!(Formula::any(Vec::new()), Formula::never());
    assert_eq!(Formula::all(vec![a.clone()]), a);
    assert_eq!(Formula::any(vec![a.clone(), a.clone()]), a);
    assert_eq!(
        Formula::all(vec![a.clone(), Formula::never()]),
        Formula::never()
    );
    assert_eq!(
        Formula::any(vec![a.clone(), Formula::always()]),
        Formula::always()
    );
    let two = Formula::at_least(2, vec![a.clone(), Formula::always(), b.clone()]);
    assert_eq!(two, Formula::any(vec![a.clone(), b.clone()]));
    let nested = Formula::all(vec![
        a.clone(),
        Formula::all(vec![b.clone(), c.clone(), a.clone()]),
    ]);
    assert_eq!(nested, Formula::all(vec![a.clone(), b.clone(), c.clone()]));
    // Twice the same member of a threshold counts twice.
    let twice = Formula::at_least(2, vec![a.clone(), a.clone(), b]);
    assert!(twice.holds(&AtomSet::from([0])) && !twice.holds(&AtomSet::from([1])));
    assert_eq!(a.dual(), a);
    assert_eq!(quorum(2, 0..3).dual(), quorum(2, 0..3));
    assert_eq!(quorum(4, 0..5).dual(), quorum(2, 0..5));
}

#[test]
fn large_conditions_are_counted() {
    let mut logic = Logic::new();
    let mut count = |formula: &Formula| {
        let sets = logic.minimal(formula).expect("there is room");
        (sets.count(), sets.smallest_size(), sets.largest_size())
    };
    assert_eq!(
        count(&quorum(20, 0..40)),
        (137_846_528_820, Some(20), Some(20))
    );
    assert_eq!(count(&nested((3, 5), (3, 5))), (10_000, Some(9), Some(9)));
    let five_of_nine = 126 * 35_u128.pow(5);
    assert_eq!(
        count(&nested((5, 9), (4, 7))),
        (five_of_nine, Some(20), Some(20))
    );
    let both = Formula::all(vec![quorum(11, 0..15), quorum(2, 15..18)]);
    let either = Formula::any(vec![quorum(11, 0..15), quorum(2, 15..18)]);
    assert_eq!(count(&both), (1_365 * 3, Some(13), Some(13)));
    assert_eq!(count(&either), (1_365 + 3, Some(2), Some(11)));
}

#[test]
fn counts_end_at_the_largest_number() {
    let mut logic = Logic::new();
    // The largest that fits into 128 bits, and the next: half of 2n atoms.
    let fits = logic.minimal(&quorum(65, 0..131)).expect("there is room");
    let saturated = logic.minimal(&quorum(66, 0..132)).expect("there is room");
    assert!(!fits.is_saturated(), "{}", fits.count());
    assert!(saturated.is_saturated());
    assert_eq!(saturated.count(), u128::MAX);
    let first = saturated.iter().next().expect("there are some");
    assert_eq!(first.len(), 66);
    assert!(saturated.contains(&first));
    let orbits = logic
        .orbits(&quorum(66, 0..132), 10)
        .expect("there is room");
    assert_eq!(orbits.listed().len(), 1);
    assert_eq!(orbits.listed()[0].number, u128::MAX);
}

#[test]
fn many_atoms_are_listed_too() {
    // Sizes beyond 127 share a bit; lists are right all the same.
    let formula = Formula::any(vec![
        quorum(1, 0..1),
        quorum(128, 1..130),
        quorum(200, 200..400),
        quorum(300, 500..800),
    ]);
    let sets = Logic::new().minimal(&formula).expect("there is room");
    assert_eq!(sets.by_size(), [(1, 1), (128, 129), (200, 1), (300, 1)]);
    let sizes: Vec<usize> = sets.iter().map(|set| set.len()).collect();
    assert_eq!(sizes.len(), 132);
    assert!(sizes.is_sorted());
    assert_eq!(sets.iter().collect::<BTreeSet<_>>().len(), 132);
}

#[test]
fn sizes_beyond_the_last_bit_are_found_below_one_node() {
    let either = Formula::any(vec![quorum(126, 1..127), quorum(127, 200..327)]);
    let formula = Formula::all(vec![quorum(2, [0, 400]), either]);
    let sets = Logic::new().minimal(&formula).expect("there is room");
    assert_eq!(sets.by_size(), [(128, 1), (129, 1)]);
    assert_eq!(sets.iter().count(), 2);
}

#[test]
fn the_first_few_of_very_many_are_listed_at_once() {
    // One atom or two others, forty times: 2^40 sets, of which one is smallest.
    let pair = |number: usize| {
        let first = number * 3;
        Formula::any(vec![Formula::Atom(first), quorum(2, first + 1..first + 3)])
    };
    let formula = Formula::all((0..40).map(pair).collect());
    let sets = Logic::new().minimal(&formula).expect("there is room");
    assert_eq!(sets.count(), 1 << 40);
    // To look for them among all the others would take days.
    let sizes: Vec<usize> = sets.iter().take(42).map(|set| set.len()).collect();
    assert_eq!(sizes[0], 40);
    assert!(sizes[1..41].iter().all(|size| *size == 41), "{sizes:?}");
    assert_eq!(sizes[41], 42);
}

#[test]
fn what_is_known_takes_no_more_nodes() {
    let mut logic = Logic::new();
    assert_eq!(logic.nodes(), 0);
    let one = logic.minimal(&Formula::Atom(0)).map(|sets| sets.count());
    // A node for the condition, and one for its minimal set.
    assert_eq!((one, logic.nodes()), (Ok(1), 2));
    logic.minimal(&quorum(3, 0..5)).expect("there is room");
    let nodes = logic.nodes();
    assert!(nodes >= 2 * 9, "{nodes}");
    logic.minimal(&quorum(3, 0..5)).expect("there is room");
    assert_eq!(logic.nodes(), nodes);
}

#[test]
fn a_stack_holds_as_many_atoms_as_are_allowed() {
    let mut logic = Logic::new();
    for threshold in [1, 2, MAX_ATOMS - 1, MAX_ATOMS] {
        let formula = quorum(threshold, 0..MAX_ATOMS);
        let sets = logic.minimal(&formula).expect("there is room");
        assert_eq!(sets.smallest_size(), Some(threshold));
        assert_eq!(logic.equivalent(&formula, &formula.dual().dual()), Ok(true));
        assert_eq!(logic.classes(&formula).map(|classes| classes.len()), Ok(1));
    }
    let difference = logic.smallest_difference(&quorum(2, 0..MAX_ATOMS), &quorum(3, 0..MAX_ATOMS));
    assert_eq!(difference.map(|set| set.map(|set| set.len())), Ok(Some(2)));
    let beyond = logic.minimal(&quorum(1, 0..=MAX_ATOMS));
    assert_eq!(beyond.err(), Some(TooLarge::Atoms { limit: MAX_ATOMS }));
    // Atoms that were asked about before do not count.
    assert!(logic.minimal(&quorum(1, MAX_ATOMS..MAX_ATOMS + 1)).is_ok());
}

#[test]
fn groups_of_one_kind_are_one_pattern() {
    let mut logic = Logic::new();
    let orbits = logic
        .orbits(&nested((3, 5), (3, 5)), 10)
        .expect("there is room");
    assert_eq!(orbits.classes().len(), 5);
    assert_eq!(orbits.blocks(), [vec![0, 1, 2, 3, 4]]);
    assert_eq!(orbits.number(), 1);
    let orbit = &orbits.listed()[0];
    assert_eq!((orbit.size, orbit.number), (9, 10_000));
    assert_eq!(orbit.picks, [(0, 3), (1, 3), (2, 3)]);
    let pick = Pick {
        block: 0,
        classes: 3,
        atoms: 3,
    };
    assert_eq!(orbits.picks(orbit), [pick]);

    // Atoms that alternate between two groups, one of which is a head and has to be there.
    let heads = Formula::all(vec![quorum(2, [0, 2, 4]), quorum(2, [1, 3, 5])]);
    let orbits = logic.orbits(&heads, 10).expect("there is room");
    assert_eq!(orbits.blocks(), [vec![0, 1]]);
    assert_eq!(orbits.listed().len(), 1);
    assert_eq!(orbits.listed()[0].number, 9);

    // Groups of two sizes are not exchangeable; of the orbits only so many are listed.
    let mixed = Formula::any(vec![quorum(2, 0..3), quorum(2, 3..7), quorum(4, 7..12)]);
    let all = logic.orbits(&mixed, 3).expect("there is room");
    assert!(all.is_complete());
    assert_eq!(all.blocks().len(), 3);
    let some = logic.orbits(&mixed, 2).expect("there is room");
    assert!(!some.is_complete());
    assert_eq!((some.number(), some.listed().len()), (3, 2));
    assert_eq!(some.listed(), &all.listed()[..2]);
}

#[test]
fn what_is_too_large_says_so_and_leaves_the_store_usable() {
    let mut logic = Logic::with_limit(200);
    let large = nested((5, 9), (4, 7));
    assert_eq!(
        logic.minimal(&large).err(),
        Some(TooLarge::Nodes { limit: 200 })
    );
    let sets = logic.minimal(&quorum(2, 0..3)).expect("that is small");
    assert_eq!(sets.count(), 3);
    let message = TooLarge::Nodes { limit: 200 }.to_string();
    assert!(message.contains("200"), "{message}");
}

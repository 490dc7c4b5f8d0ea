//! The order in which atoms are asked about, on which the size of a diagram depends.

use super::atoms::Atom;
use super::formula::Formula;
use super::hash::Table;

/// How many times a better order is looked for.
const ROUNDS: usize = 40;

/// Parts of a mean, so that whole numbers will do.
const PARTS: usize = 1 << 20;

/// The atoms of some formulas, each once, so that those which stand in the same thresholds are near
/// to each other.
///
/// The order from left to right is the best there is where no atom stands twice.  Otherwise atoms
/// are drawn towards the thresholds that they stand in, and these towards their atoms, for a number
/// of rounds (the heuristic FORCE: Aloul, Markov and Sakallah 2003), and the order is kept in which
/// the thresholds reach over the fewest atoms.
pub(super) fn order(formulas: &[&Formula]) -> Vec<Atom> {
    let mut numbers: Table<Atom, usize> = Table::default();
    let mut atoms: Vec<Atom> = Vec::new();
    let mut is_repeated = false;
    for formula in formulas {
        formula.each_atom(&mut |atom| {
            let next = atoms.len();
            if *numbers.entry(atom).or_insert(next) == next {
                atoms.push(atom);
            } else {
                is_repeated = true;
            }
        });
    }
    if !is_repeated {
        return atoms;
    }
    let mut thresholds = Vec::new();
    for formula in formulas {
        each_threshold(formula, &numbers, &mut thresholds);
    }
    // What reaches over all atoms says nothing of their order.
    thresholds.retain(|own| (2..atoms.len()).contains(&own.len()));
    thresholds.sort_unstable();
    thresholds.dedup();

    let mut places: Vec<usize> = (0..atoms.len()).collect();
    let (mut best, mut least) = (places.clone(), reach(&thresholds, &places));
    for _ in 0..ROUNDS {
        let mut pulls = vec![(0, 0); atoms.len()];
        for own in &thresholds {
            let sum: usize = own.iter().filter_map(|number| places.get(*number)).sum();
            let middle = sum * PARTS / own.len();
            for number in own {
                if let Some((sum, count)) = pulls.get_mut(*number) {
                    *sum += middle;
                    *count += 1;
                }
            }
        }
        let mut drawn: Vec<(usize, usize, usize)> = places
            .iter()
            .zip(pulls)
            .enumerate()
            .map(|(number, (place, (sum, count)))| match count {
                0 => (place * PARTS, *place, number),
                _ => (sum / count, *place, number),
            })
            .collect();
        drawn.sort_unstable();
        let before = places.clone();
        for (place, (.., number)) in drawn.into_iter().enumerate() {
            if let Some(own) = places.get_mut(number) {
                *own = place;
            }
        }
        if places == before {
            break;
        }
        let reach = reach(&thresholds, &places);
        if reach < least {
            (best, least) = (places.clone(), reach);
        }
    }
    let mut ordered: Vec<(usize, Atom)> = best.into_iter().zip(atoms).collect();
    ordered.sort_unstable();
    ordered.into_iter().map(|(_, atom)| atom).collect()
}

/// Over how many places the thresholds reach, from the first of their atoms to the last.
fn reach(thresholds: &[Vec<usize>], places: &[usize]) -> usize {
    let reaches = thresholds.iter().map(|own| {
        let places = own.iter().filter_map(|number| places.get(*number));
        let least = places.clone().min().copied().unwrap_or_default();
        let most = places.max().copied().unwrap_or_default();
        most - least
    });
    reaches.sum()
}

/// The numbers of the atoms below each threshold, in ascending order; those of the whole formula.
fn each_threshold(
    formula: &Formula,
    numbers: &Table<Atom, usize>,
    thresholds: &mut Vec<Vec<usize>>,
) -> Vec<usize> {
    match formula {
        Formula::Atom(atom) => numbers.get(atom).copied().into_iter().collect(),
        Formula::Threshold { of, .. } => {
            let mut own: Vec<usize> = of
                .iter()
                .flat_map(|member| each_threshold(member, numbers, thresholds))
                .collect();
            own.sort_unstable();
            own.dedup();
            thresholds.push(own.clone());
            own
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quorum(threshold: usize, atoms: &[Atom]) -> Formula {
        Formula::at_least(
            threshold,
            atoms.iter().copied().map(Formula::Atom).collect(),
        )
    }

    #[test]
    fn atoms_stand_from_left_to_right_where_none_stands_twice() {
        let formula = Formula::all(vec![quorum(2, &[7, 3, 5]), quorum(1, &[4, 0])]);
        let other = quorum(1, &[6]);
        assert_eq!(order(&[&formula, &other]), [7, 3, 5, 4, 0, 6]);
    }

    #[test]
    fn members_of_a_quorum_come_together() {
        // The first member names the atoms of three quorums in turn.
        let mixed = quorum(7, &[0, 3, 6, 1, 4, 7, 2, 5, 8]);
        let quorums = [[0, 1, 2], [3, 4, 5], [6, 7, 8]].map(|atoms| quorum(2, &atoms));
        let mut members = vec![mixed];
        members.extend(quorums);
        let ordered = order(&[&Formula::at_least(2, members)]);
        for first in [0, 3, 6] {
            let places = (first..first + 3).map(|atom| ordered.iter().position(|own| *own == atom));
            let mut places: Vec<usize> = places.flatten().collect();
            places.sort_unstable();
            assert!(matches!(places[..], [a, _, c] if c == a + 2), "{ordered:?}");
        }
        assert_eq!(ordered.len(), 9);
    }
}

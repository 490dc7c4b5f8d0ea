//! The conditions that are measured.

use longstop::logic::{Atom, Formula};

/// A condition.
pub struct Case {
    /// What it is.
    pub name: String,
    /// The condition.
    pub formula: Formula,
}

fn case(name: &str, formula: Formula) -> Case {
    Case {
        name: name.to_owned(),
        formula,
    }
}

fn quorum(threshold: usize, atoms: impl IntoIterator<Item = Atom>) -> Formula {
    Formula::at_least(threshold, atoms.into_iter().map(Formula::Atom).collect())
}

/// So many of quorums whose seats begin every so many parties, the last seats wrapping around.
fn quorums(outer: (usize, usize), inner: (usize, usize), stride: usize, parties: usize) -> Formula {
    let quorum = |number: usize| {
        let seats = number * stride..number * stride + inner.1;
        quorum(inner.0, seats.map(|seat| seat % parties))
    };
    Formula::at_least(outer.0, (0..outer.1).map(quorum).collect())
}

/// The conditions with goals.
pub fn cases() -> Vec<Case> {
    let council = || quorum(11, 0..15);
    let agents = || quorum(2, 15..18);
    // A chair who sits in all five committees, beside four of their own.
    let chaired = (0..5).map(|number| {
        let own = number * 4 + 1..number * 4 + 5;
        quorum(3, std::iter::once(0).chain(own))
    });
    // Five quorums of five, and two officers who sit in three of them each.
    let officers = |number: usize| match number {
        0..=2 => Some(25),
        _ => None,
    };
    let officers_too = |number: usize| match number {
        2..=4 => Some(26),
        _ => None,
    };
    let with_officers = (0..5).map(|number| {
        let own = number * 5..number * 5 + 5;
        let others = officers(number).into_iter().chain(officers_too(number));
        quorum(3, own.chain(others))
    });
    vec![
        case(
            "11-of-15 or 2-of-3",
            Formula::any(vec![council(), agents()]),
        ),
        case(
            "11-of-15 and 2-of-3",
            Formula::all(vec![council(), agents()]),
        ),
        case("3-of-5 of 3-of-5", quorums((3, 5), (3, 5), 5, 25)),
        case(
            "3-of-5 of 3-of-5, one chair of all",
            Formula::at_least(3, chaired.collect()),
        ),
        case(
            "3-of-5 of 3-of-5, neighbours share one",
            quorums((3, 5), (3, 5), 4, 20),
        ),
        case(
            "3-of-5 of 3-of-5..7, two sit in three",
            Formula::at_least(3, with_officers.collect()),
        ),
        case("20-of-40", quorum(20, 0..40)),
        case("5-of-9 of 4-of-7", quorums((5, 9), (4, 7), 7, 63)),
    ]
}

/// Quorums of 3-of-5 whose seats are drawn from a pool of officers.
pub fn overlapping() -> Vec<Case> {
    let mut cases = Vec::new();
    for (quorums, pool) in [
        (4, 10),
        (6, 15),
        (8, 20),
        (10, 25),
        (12, 30),
        (14, 35),
        (16, 40),
        (10, 15),
        (20, 15),
        (20, 20),
        (20, 25),
        (20, 30),
    ] {
        let mut dice = Dice(quorums as u64 * 1_000 + pool as u64);
        let members = (0..quorums).map(|_| {
            let mut seats = Vec::new();
            while seats.len() < 5 {
                let seat = dice.below(pool);
                if !seats.contains(&seat) {
                    seats.push(seat);
                }
            }
            quorum(3, seats)
        });
        let threshold = quorums / 2 + 1;
        cases.push(case(
            &format!("{threshold}-of-{quorums} of 3-of-5, {pool} officers"),
            Formula::at_least(threshold, members.collect()),
        ));
    }
    cases
}

/// The same numbers on every machine (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % bound as u64).unwrap_or_default()
    }
}

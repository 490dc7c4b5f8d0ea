//! Packing a threshold with smaller ones.

use super::MAX_PIECES;
use super::piece::Piece;
use crate::compile::script::Condition;

/// The most keys of a threshold that is packed with smaller ones.
const MAX_PACKED: usize = 8;

/// Partitions of a small threshold over keys into thresholds over fewer keys of which no two share
/// a set of signers, taken as they come, the larger first.
///
/// Splitting member by member does not find these: 2-of-6 is four times 2-of-3, and three pairs.
pub fn packings(part: &Condition) -> Vec<Vec<Piece>> {
    let Condition::Threshold(threshold, members) = part else {
        return Vec::new();
    };
    let (needed, all) = (*threshold, members.len());
    let is_flat = members
        .iter()
        .all(|member| matches!(member, Condition::Seat(_)));
    if !is_flat || all > MAX_PACKED || needed < 2 {
        return Vec::new();
    }
    let groups =
        |size: usize| (1_u32..1 << all).filter(move |group| group.count_ones() as usize == size);
    let sets: Vec<u32> = groups(needed).collect();
    let mut packings = Vec::new();
    for largest in needed + 1..all {
        let mut left = sets.clone();
        let mut pieces = Vec::new();
        for size in (needed..=largest).rev() {
            let own = groups(size).next().map_or(0, |group| {
                sets.iter().filter(|set| **set & group == **set).count()
            });
            for group in groups(size) {
                let inside = |set: &u32| set & group == *set;
                if left.iter().filter(|set| inside(set)).count() == own {
                    left.retain(|set| !inside(set));
                    let seats = members.iter().enumerate();
                    let seats = seats.filter(|(number, _)| group >> number & 1 == 1);
                    let seats: Vec<Condition> = seats.map(|(_, seat)| seat.clone()).collect();
                    pieces.push(Piece {
                        parts: if size == needed {
                            seats
                        } else {
                            vec![Condition::Threshold(needed, seats)]
                        },
                        share: own as f64 / sets.len() as f64,
                    });
                }
            }
        }
        if pieces.len() <= MAX_PIECES {
            packings.push(pieces);
        }
    }
    packings
}

#[cfg(test)]
mod tests {
    use super::Condition::{Seat, Threshold};
    use super::*;

    fn keys(threshold: usize, members: usize) -> Condition {
        Threshold(threshold, (0..members).map(Seat).collect())
    }

    /// Every set of signers stands in just one piece, whose share is the part of its sets.
    #[test]
    fn packings_are_partitions() {
        for (threshold, members) in [(2, 4), (2, 6), (2, 8), (3, 5), (3, 7), (4, 8), (5, 6)] {
            let part = keys(threshold, members);
            let packings = packings(&part);
            assert!(packings.len() < members - threshold);
            assert_eq!(packings.is_empty(), threshold + 1 == members);
            for pieces in packings {
                assert!(pieces.len() <= MAX_PIECES);
                let sets = (0_u32..1 << members).filter(|set| set.count_ones() == threshold as u32);
                let mut all = 0;
                let mut counts = vec![0; pieces.len()];
                for set in sets {
                    let seats: Vec<usize> =
                        (0..members).filter(|seat| set >> seat & 1 == 1).collect();
                    let met = pieces.iter().enumerate();
                    let met: Vec<usize> = met
                        .filter(|(_, piece)| piece.is_met_by(&seats))
                        .map(|(number, _)| number)
                        .collect();
                    let [only] = met.as_slice() else {
                        panic!("{threshold} of {members}: {set:b} is in {met:?}");
                    };
                    counts[*only] += 1;
                    all += 1;
                }
                for (piece, count) in pieces.iter().zip(counts) {
                    assert!((piece.share - f64::from(count) / f64::from(all)).abs() < 1e-9);
                }
            }
        }
        assert_eq!(packings(&keys(2, 6)).len(), 3, "fives, fours, threes");
    }

    #[test]
    fn what_is_large_or_nested_or_needs_one_is_not_packed() {
        assert!(!packings(&keys(2, MAX_PACKED)).is_empty());
        assert!(packings(&keys(2, MAX_PACKED + 1)).is_empty());
        assert!(packings(&keys(1, 4)).is_empty());
        assert!(packings(&Seat(0)).is_empty());
        let nested = Threshold(2, vec![Seat(0), Seat(1), keys(2, 3), Seat(5)]);
        assert!(packings(&nested).is_empty());
    }
}

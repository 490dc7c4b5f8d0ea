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

//! Whether one of many points has a component of small order.
//!
//! The points of the curve are the group of the base point, of prime order, times a group of
//! order eight; the component in the latter is the torsion of a point.  To look for it in one
//! point takes as long as to verify a signature, so sums are looked at: in the sum of a subset that
//! is drawn at random, where every point is in or out with the same probability, the torsion of
//! any points cancels out with a probability of at most a half.  (Of two subsets that differ in
//! one point with torsion only, at most one has none in its sum.)

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::traits::Identity;

use super::challenge::Challenge;

/// How many subsets are summed.
///
/// Torsion goes unnoticed if it cancels out in all of them: with a probability of at most 2⁻¹²⁸.
/// Whoever could bring that about, with a key of his own, would have a signature that this
/// program accepts and `verify_strict` refuses.
pub(super) const SUBSETS: usize = 128;

/// Points are added in blocks of so many, for which the sum of every choice among them is put into
/// a table first.  With five, the table takes 26 additions and each subset one, which is the least
/// for 128 subsets: 31 additions a point.
const BLOCK: usize = 5;

/// Whether no point has torsion, but for the error that [`SUBSETS`] names.
pub(super) fn none_has_torsion(points: &[EdwardsPoint], challenge: &Challenge) -> bool {
    let mut sums = vec![EdwardsPoint::identity(); SUBSETS];
    let mut choices = challenge.choices();
    for block in points.chunks(BLOCK) {
        let table = sums_of_choices(block);
        let drawn = choices.by_ref().take(SUBSETS.div_ceil(64)).flatten();
        for (sum, choice) in sums.iter_mut().zip(drawn) {
            // The length of the table is a power of two, so each choice is as likely as another.
            let choice = usize::from(choice) % table.len();
            // The first sum is that of no point at all.
            if let Some(chosen) = table.get(choice).filter(|_| choice > 0) {
                *sum += chosen;
            }
        }
    }
    sums.iter().all(EdwardsPoint::is_torsion_free)
}

/// For each choice among the points of a block, as a number with a bit for each, their sum.
fn sums_of_choices(block: &[EdwardsPoint]) -> Vec<EdwardsPoint> {
    let mut table = vec![EdwardsPoint::identity()];
    for point in block {
        let with: Vec<EdwardsPoint> = table.iter().map(|sum| sum + point).collect();
        table.extend(with);
    }
    table
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
    use curve25519_dalek::scalar::Scalar;

    use super::*;

    fn points(count: u64) -> Vec<EdwardsPoint> {
        (1..=count)
            .map(|number| ED25519_BASEPOINT_POINT * Scalar::from(number))
            .collect()
    }

    fn challenge(of: u64) -> Challenge {
        Challenge::of([(&[0; 64], &Scalar::from(of))].into_iter())
    }

    #[test]
    fn points_without_torsion_pass() {
        for count in [0, 1, 4, 5, 6, 32] {
            assert!(
                none_has_torsion(&points(count), &challenge(count)),
                "{count}"
            );
        }
    }

    #[test]
    fn one_with_torsion_is_noticed_wherever_it_stands() {
        for place in 0..11 {
            for torsion in &EIGHT_TORSION[1..] {
                let mut points = points(11);
                points[place] += torsion;
                assert!(!none_has_torsion(&points, &challenge(0)), "{place}");
            }
        }
    }

    #[test]
    fn torsion_that_cancels_out_in_the_sum_of_all_is_noticed() {
        for torsion in &EIGHT_TORSION[1..] {
            for other in 1..11 {
                let mut points = points(11);
                points[0] += torsion;
                points[other] -= torsion;
                assert!(!none_has_torsion(&points, &challenge(1)), "{other}");
            }
        }
        // Every point the one of order two: only the choice of none, or of an even number, hides it.
        let order_two = EIGHT_TORSION[4];
        let all: Vec<EdwardsPoint> = points(64).iter().map(|point| point + order_two).collect();
        assert!(!none_has_torsion(&all, &challenge(2)));
    }

    #[test]
    fn a_table_holds_the_sum_of_every_choice() {
        let points = points(BLOCK as u64);
        let table = sums_of_choices(&points);
        assert_eq!(table.len(), 1 << BLOCK);
        for (choice, sum) in table.iter().enumerate() {
            let chosen = points.iter().enumerate();
            let chosen = chosen.filter(|(bit, _)| choice >> bit & 1 == 1);
            assert_eq!(*sum, chosen.map(|(_, point)| point).sum());
        }
    }
}

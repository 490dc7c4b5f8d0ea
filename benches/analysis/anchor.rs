//! What analysis is without any idea: every subset of the parties is tried.

use std::time::Instant;

use longstop::logic::Formula;

/// Up to so many parties all subsets are gone through; beyond, the time is extrapolated from as
/// many subsets as this many parties have.
const MOST_PARTIES: usize = 25;

/// The subsets are gone through in so many parts of equal mixture, of which the fastest counts:
/// what other work on the machine takes is not its fault.
const PARTS: u64 = 16;

/// What it found, and what it took.
pub struct Counted {
    /// The sizes of the minimal sets with their numbers, if all subsets were gone through.
    pub by_size: Option<Vec<(usize, u128)>>,
    /// The time, extrapolated if not all were gone through.
    pub seconds: f64,
}

/// Counts the minimal sets by going through the subsets; no atom is above 63.
pub fn count(formula: &Formula) -> Counted {
    let atoms: Vec<usize> = formula.atoms().iter().collect();
    let parties = atoms.last().map_or(0, |atom| atom + 1);
    let tried = parties.min(MOST_PARTIES);
    let mut numbers = vec![0_u128; parties + 1];
    let mut least = f64::INFINITY;
    for part in 0..PARTS {
        let begun = Instant::now();
        for number in (0..(1_u64 << tried) / PARTS).map(|number| number * PARTS + part) {
            // Where only some are tried, they are spread over all.
            let subset = if tried == parties {
                number
            } else {
                number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - parties)
            };
            let meets = |subset: u64| formula.holds_by(&|atom| subset >> atom & 1 == 1);
            if meets(subset)
                && atoms
                    .iter()
                    .all(|atom| subset >> atom & 1 == 0 || !meets(subset & !(1 << atom)))
            {
                numbers[subset.count_ones() as usize] += 1;
            }
        }
        least = least.min(begun.elapsed().as_secs_f64());
    }
    let mut seconds = least * f64::from(u8::try_from(PARTS).unwrap_or(u8::MAX));
    for _ in tried..parties {
        seconds *= 2.0;
    }
    let by_size = numbers.into_iter().enumerate();
    let by_size = by_size.filter(|(_, number)| *number > 0).collect();
    Counted {
        by_size: (tried == parties).then_some(by_size),
        seconds,
    }
}

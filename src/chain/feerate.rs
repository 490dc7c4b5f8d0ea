//! Estimates of feerates: what backends say, read into one unit and held within limits.

use bitcoin::FeeRate;

use super::BackendError;
use crate::units::Blocks;

/// The highest estimate that is taken for one: 10,000 sat/vB.
///
/// More was never asked for by any fee market, so a backend that says more has an error in its
/// units, or lies.  It is no cap for what somebody pays without looking: that is far lower, and for
/// whoever spends to say.
pub const MAX_ESTIMATE: FeeRate = FeeRate::from_sat_per_kwu(10_000 * 250);

/// The most blocks that backends estimate for: a week of them (`estimatesmartfee` of Bitcoin Core).
pub(super) const FARTHEST: Blocks = Blocks(1_008);

/// What a backend told about fees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Its estimate, if it has one.
    pub estimate: Option<FeeRate>,
    /// What its mempool takes now at the least, if it says so.
    pub mempool_min: Option<FeeRate>,
    /// What it passes on at the least at all times, if it says so.
    pub relay_min: Option<FeeRate>,
}

impl Told {
    /// The answer that follows: never below what the mempool takes.
    ///
    /// A mempool that takes less than its node passes on at all times has room, and says nothing
    /// about what it takes to be mined.  One that takes more is full, and whoever pays less is not
    /// even let in: that is an answer without any estimate.
    ///
    /// # Errors
    ///
    /// If one of the feerates is higher than [`MAX_ESTIMATE`].
    pub fn answer(self) -> Result<Option<FeeRate>, BackendError> {
        let told = [self.estimate, self.mempool_min, self.relay_min];
        for feerate in told.into_iter().flatten() {
            if feerate > MAX_ESTIMATE {
                return Err(absurd(feerate.to_sat_per_kwu().div_ceil(250)));
            }
        }
        let floor = self.mempool_min.max(self.relay_min);
        let full = self
            .mempool_min
            .filter(|least| Some(*least) > self.relay_min);
        let full = full.filter(|_| self.relay_min.is_some());
        Ok(match self.estimate {
            Some(estimate) => Some(floor.map_or(estimate, |floor| estimate.max(floor))),
            None => full,
        })
    }
}

/// The blocks that a backend is asked about: it has no answer for none, nor for more than a week.
pub(super) fn asked(target: Blocks) -> Blocks {
    Blocks(target.0.clamp(1, FARTHEST.0))
}

/// A feerate as nodes and Electrum servers write it: bitcoins for 1,000 virtual bytes.
///
/// # Errors
///
/// If it is negative, no number, or higher than [`MAX_ESTIMATE`].
pub(super) fn bitcoins_per_kvb(number: f64) -> Result<FeeRate, BackendError> {
    sats_per_kvb(number * 100_000_000.0, number)
}

/// A feerate as Esplora servers write it: satoshis for one virtual byte.
///
/// # Errors
///
/// If it is negative, no number, or higher than [`MAX_ESTIMATE`].
pub(super) fn sats_per_vb(number: f64) -> Result<FeeRate, BackendError> {
    sats_per_kvb(number * 1_000.0, number)
}

/// To the nearest satoshi for 1,000 virtual bytes, which is as fine as nodes reckon, and from there
/// up to the next one for 1,000 weight units.
fn sats_per_kvb(sats: f64, told: f64) -> Result<FeeRate, BackendError> {
    // A billion satoshis is beyond the limit already, and far from where numbers have gaps.
    if !(0.0..=1_000_000_000.0).contains(&sats) {
        return Err(BackendError::nonsense(format!(
            "a feerate of {told} is none that anybody could mean"
        )));
    }
    // Between the limits the conversion loses nothing but the fraction.
    let whole = sats.round() as u64;
    let feerate = FeeRate::from_sat_per_kwu(whole.div_ceil(4));
    match feerate > MAX_ESTIMATE {
        true => Err(absurd(whole.div_ceil(1_000))),
        false => Ok(feerate),
    }
}

fn absurd(sat_per_vb: u64) -> BackendError {
    BackendError::nonsense(format!(
        "a feerate of {sat_per_vb} sat/vB is beyond anything that was ever paid"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vb(sats: u64) -> FeeRate {
        FeeRate::from_sat_per_vb(sats).expect("a feerate")
    }

    #[test]
    fn numbers_are_read_in_their_units_and_nonsense_is_refused() {
        for (number, kwu) in [
            (0.0, 0),
            (0.000_000_01, 1),
            (0.000_001, 25),
            (0.000_001_01, 26),
            (0.000_01, 250),
            (0.000_126_8, 3_170),
            (0.1, 2_500_000),
        ] {
            let read = bitcoins_per_kvb(number).expect("a feerate");
            assert_eq!(read.to_sat_per_kwu(), kwu, "{number}");
        }
        for (number, kwu) in [
            (0.1, 25),
            (1.0, 250),
            (1.013, 254),
            (87.882, 21_971),
            (10_000.0, 2_500_000),
        ] {
            let read = sats_per_vb(number).expect("a feerate");
            assert_eq!(read.to_sat_per_kwu(), kwu, "{number}");
        }
        for number in [
            0.100_000_01,
            1.0,
            -0.000_01,
            -1.0,
            f64::NAN,
            f64::INFINITY,
            f64::MAX,
        ] {
            assert!(bitcoins_per_kvb(number).is_err(), "{number}");
        }
        for number in [10_000.001, -1.0, f64::NAN, f64::NEG_INFINITY, 1e300] {
            assert!(sats_per_vb(number).is_err(), "{number}");
        }
    }

    /// One below the floor, at it, and above: an estimate is never lower than what is let in.
    #[test]
    fn nothing_is_below_what_the_mempool_takes() {
        for (estimate, answer) in [(9, 10), (10, 10), (11, 11)] {
            let told = Told {
                estimate: Some(vb(estimate)),
                mempool_min: Some(vb(10)),
                relay_min: Some(vb(1)),
            };
            assert_eq!(told.answer().expect("sound"), Some(vb(answer)));
        }
        // A server that only says what it passes on.
        let told = Told {
            estimate: Some(vb(2)),
            relay_min: Some(vb(3)),
            ..Told::default()
        };
        assert_eq!(told.answer().expect("sound"), Some(vb(3)));
    }

    #[test]
    fn only_a_full_mempool_is_an_answer_without_an_estimate() {
        for (mempool, relay, answer) in [
            (None, None, None),
            (Some(1), Some(1), None),
            (Some(0), Some(1), None),
            (Some(2), Some(1), Some(2)),
            // Who does not say what the least is of all times does not say that it is full.
            (Some(2), None, None),
            (None, Some(2), None),
        ] {
            let told = Told {
                estimate: None,
                mempool_min: mempool.map(vb),
                relay_min: relay.map(vb),
            };
            assert_eq!(told.answer().expect("sound"), answer.map(vb));
        }
    }

    #[test]
    fn what_nobody_could_mean_is_no_answer_wherever_it_stands() {
        let [good, bad] = [10_000, 10_001].map(|sats| Some(vb(sats)));
        let with = |estimate, mempool_min, relay_min| Told {
            estimate,
            mempool_min,
            relay_min,
        };
        assert!(with(good, good, good).answer().is_ok());
        for told in [
            with(bad, None, None),
            with(None, bad, None),
            with(good, good, bad),
        ] {
            assert!(told.answer().is_err(), "{told:?}");
        }
    }

    #[test]
    fn targets_are_from_the_next_block_to_a_week() {
        for (target, blocks) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (1_008, 1_008),
            (1_009, 1_008),
            (u32::MAX, 1_008),
        ] {
            assert_eq!(asked(Blocks(target)), Blocks(blocks));
        }
    }
}

//! Numbers that nobody could foresee while he made up what is verified.

use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Digest, Sha512};

/// What a number is for, so that no two uses share one.
const FACTORS: u8 = 0;
const CHOICES: u8 = 1;

/// A hash of all that is verified together, from which numbers are drawn.
pub(super) struct Challenge {
    seed: [u8; 64],
}

impl Challenge {
    /// The challenge of signatures: of each, the hash of R, key and message, and the scalar s.
    pub(super) fn of<'a>(signatures: impl Iterator<Item = (&'a [u8; 64], &'a Scalar)>) -> Self {
        let mut hash = Sha512::new();
        hash.update(b"longstop: signatures verified together, version 1");
        // All of one length, so their number is hashed with them.
        for (bound, s) in signatures {
            hash.update(bound);
            hash.update(s.as_bytes());
        }
        Self {
            seed: hash.finalize().into(),
        }
    }

    /// Numbers of 128 bits.
    pub(super) fn factors(&self) -> impl Iterator<Item = Scalar> {
        self.blocks(FACTORS).flat_map(|block| {
            let (numbers, _) = block.as_chunks::<16>();
            let numbers: Vec<Scalar> = numbers
                .iter()
                .map(|bytes| Scalar::from(u128::from_le_bytes(*bytes)))
                .collect();
            numbers
        })
    }

    /// Bytes, as blocks of 64.
    pub(super) fn choices(&self) -> impl Iterator<Item = [u8; 64]> {
        self.blocks(CHOICES)
    }

    fn blocks(&self, what_for: u8) -> impl Iterator<Item = [u8; 64]> {
        (0_u64..).map(move |number| {
            let mut hash = Sha512::new();
            hash.update(self.seed);
            hash.update([what_for]);
            hash.update(number.to_le_bytes());
            hash.finalize().into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_signature_gives_other_numbers() {
        let first = |hash: u8, s: u64| {
            let challenge = Challenge::of([(&[hash; 64], &Scalar::from(s))].into_iter());
            let factor = challenge.factors().next();
            (factor, challenge.choices().next())
        };
        let (factor, choices) = first(1, 1);
        assert_eq!(first(1, 1), (factor, choices), "the same, the same");
        for (hash, s) in [(2, 1), (1, 2)] {
            assert_ne!(first(hash, s).0, factor);
            assert_ne!(first(hash, s).1, choices);
        }
    }

    #[test]
    fn factors_and_choices_are_not_the_same_bytes() {
        let challenge = Challenge::of(std::iter::empty());
        let choices = challenge.choices().next().expect("endless");
        let (numbers, _) = choices.as_chunks::<16>();
        let same = Scalar::from(u128::from_le_bytes(numbers[0]));
        assert_ne!(challenge.factors().next(), Some(same));
    }
}

//! Hash tables of small numbers, which diagrams look into all the time.
//!
//! The keys are numbers that we gave out ourselves, so nobody can choose them to collide, and a
//! multiplication mixes them well enough.  Nothing depends on the order of a table.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A hash table whose keys are a few small numbers.
pub(super) type Table<K, V> = HashMap<K, V, BuildHasherDefault<Mixer>>;

/// 2^64 divided by the golden ratio, made odd: consecutive numbers land far apart (Knuth, The Art
/// of Computer Programming, 6.4).
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        // The best bits of a product are the upper ones, and a table looks at the lower ones.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(FACTOR);
    }
}

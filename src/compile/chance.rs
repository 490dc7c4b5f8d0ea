//! Conditions by chance, for tests.

use super::script::Condition;

/// Numbers by chance, the same every time: for what is frozen, another generator would be another
/// test.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    /// A condition so deep, with seats from the next one on.
    pub(super) fn condition(&mut self, depth: usize, next: &mut usize) -> Condition {
        if depth == 0 || self.below(3) == 0 {
            *next += 1;
            return Condition::Seat(*next - 1);
        }
        let count = 2 + self.below(3);
        let members = (0..count)
            .map(|_| self.condition(depth - 1, next))
            .collect();
        Condition::Threshold(1 + self.below(count), members)
    }
}

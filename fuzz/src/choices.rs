//! Bytes as choices.
//!
//! One byte is one choice, so that a fuzzer that changes a byte changes one thing; when the bytes
//! have run out every choice is the first one, so that a short input is a whole plan too.

/// Choices that are still to be made.
pub struct Choices<'a>(std::slice::Iter<'a, u8>);

impl<'a> Choices<'a> {
    /// From these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    /// A number below `count`, which is not zero.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    /// One of these.
    pub fn of<T: Copy, const N: usize>(&mut self, values: [T; N]) -> T {
        let at = self.below(N);
        *values.get(at).expect("below the count")
    }

    /// True for one byte in `n`, and never when the bytes have run out.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    /// A number of up to two bytes, where each size is as likely.
    pub fn number(&mut self) -> u32 {
        match self.below(3) {
            0 => u32::from(self.byte()),
            1 => u32::from(self.byte()) * 144,
            _ => u32::from(self.byte()) << 8 | u32::from(self.byte()),
        }
    }

    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }
}

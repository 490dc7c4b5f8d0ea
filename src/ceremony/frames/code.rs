//! QR codes: dark and light modules.

use std::fmt;

use qrcode::{Color, EcLevel, QrCode, Version};
use serde::Serialize;

/// How many letters, digits and signs a code of each version holds at the lowest level of error
/// correction (ISO/IEC 18004, table 7).  Codes on a screen are not scratched.
const CAPACITIES: [usize; 40] = [
    25, 47, 77, 114, 154, 195, 224, 279, 335, 395, 468, 535, 619, 667, 758, 854, 938, 1046, 1153,
    1249, 1352, 1460, 1588, 1704, 1853, 1990, 2132, 2223, 2369, 2520, 2677, 2840, 3009, 3183, 3351,
    3537, 3729, 3927, 4087, 4296,
];

/// How large a code is: from version 1, with 21 modules a side, to version 40, with 177.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct CodeVersion(u8);

impl CodeVersion {
    /// What is read from paper, from screens of telephones, and by the cameras of signers.
    pub const USUAL: Self = Self(16);

    /// A version, if there is one of this number.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            1..=40 => Some(Self(number)),
            _ => None,
        }
    }

    /// The largest one whose codes have at most so many modules a side.
    #[must_use]
    pub fn fitting(modules: usize) -> Option<Self> {
        let versions = (1..=40).rev().map(Self);
        let mut fitting = versions.filter(|version| version.modules() <= modules);
        fitting.next()
    }

    /// How many modules a side of its codes has.
    #[must_use]
    pub const fn modules(self) -> usize {
        17 + 4 * self.0 as usize
    }

    /// How many large letters, digits and signs its codes hold.
    #[must_use]
    pub fn capacity(self) -> usize {
        let at = usize::from(self.0.saturating_sub(1));
        CAPACITIES.get(at).copied().unwrap_or(0)
    }
}

impl fmt::Display for CodeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A code, without the light border that it needs to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    modules: usize,
    dark: Vec<bool>,
}

impl Code {
    /// How many light modules have to be around a code.
    pub const BORDER: usize = 4;

    pub(super) fn new(text: &str, version: CodeVersion) -> Self {
        let size = Version::Normal(i16::from(version.0));
        let code = QrCode::with_version(text, size, EcLevel::L)
            .expect("frames are split so that each fits into a code of its version");
        let dark = code.to_colors().into_iter();
        Self {
            modules: code.width(),
            dark: dark.map(|color| color == Color::Dark).collect(),
        }
    }

    /// How many modules a side has.
    #[must_use]
    pub const fn modules(&self) -> usize {
        self.modules
    }

    /// Whether a module is dark; those outside are light.
    #[must_use]
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        let is_inside = x < self.modules && y < self.modules;
        is_inside
            && self
                .dark
                .get(y * self.modules + x)
                .copied()
                .unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A code of a version holds just as much as the table says: one character more is too many.
    #[test]
    fn codes_hold_what_the_table_says() {
        for number in 1..=40 {
            let version = CodeVersion::new(number).expect("there is one");
            let size = Version::Normal(i16::from(number));
            let text = "A".repeat(version.capacity());
            let code = Code::new(&text, version);
            assert_eq!(code.modules(), version.modules(), "version {number}");
            assert!(code.is_dark(0, 0) && !code.is_dark(code.modules(), 0));
            let longer = QrCode::with_version(text + "A", size, EcLevel::L);
            assert!(longer.is_err(), "version {number}");
        }
        assert_eq!(CodeVersion::new(0), None);
        assert_eq!(CodeVersion::new(41), None);
        assert_eq!(CodeVersion::fitting(20), None);
        assert_eq!(CodeVersion::fitting(21), CodeVersion::new(1));
        assert_eq!(CodeVersion::fitting(24), CodeVersion::new(1));
        assert_eq!(CodeVersion::fitting(25), CodeVersion::new(2));
        assert_eq!(CodeVersion::fitting(500), CodeVersion::new(40));
    }
}

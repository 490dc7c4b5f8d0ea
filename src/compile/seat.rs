//! Keys by their places.
//!
//! While a descriptor is laid out, read back, checked, lifted and compared, numbers stand in it for
//! the keys: a key of a split leaf stands in many scripts, and an extended key is dear to copy and
//! to compare.  The keys take their places at the end, each number its own one.

use std::fmt;
use std::str::FromStr;

use miniscript::descriptor::checksum::desc_checksum;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use miniscript::{MiniscriptKey, TranslateErr, TranslatePk, Translator};

use super::internal_key::unspendable_internal_key;
use super::leaf::Leaf;
use crate::policy::Policy;

/// What stands for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum SeatKey {
    /// The taproot internal key.
    Internal,
    /// The key of a seat, counted over all groups of its leaf, as `k3_0`.
    Seat {
        /// The number of the leaf.
        leaf: usize,
        /// The number of the seat.
        seat: usize,
    },
}

impl fmt::Display for SeatKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Internal => f.write_str("internal"),
            Self::Seat { leaf, seat } => write!(f, "k{leaf}_{seat}"),
        }
    }
}

/// A word that no seat has.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoSeat;

impl fmt::Display for NoSeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no seat has this name")
    }
}

impl FromStr for SeatKey {
    type Err = NoSeat;

    fn from_str(word: &str) -> Result<Self, NoSeat> {
        if word == "internal" {
            return Ok(Self::Internal);
        }
        let numbers = word.strip_prefix('k').and_then(|rest| rest.split_once('_'));
        let (leaf, seat) = numbers.ok_or(NoSeat)?;
        Ok(Self::Seat {
            leaf: leaf.parse().map_err(|_| NoSeat)?,
            seat: seat.parse().map_err(|_| NoSeat)?,
        })
    }
}

impl MiniscriptKey for SeatKey {
    // Every one of our keys has a receive and a change branch.
    fn num_der_paths(&self) -> usize {
        2
    }

    // There are no hash locks in a policy.
    type Sha256 = String;
    type Hash256 = String;
    type Ripemd160 = String;
    type Hash160 = String;
}

/// The keys of a stage, each in the place of its number.
struct Keys<'a> {
    leaves: Vec<Vec<&'a DescriptorPublicKey>>,
    internal: Option<DescriptorPublicKey>,
}

impl<'a> Keys<'a> {
    fn of(leaves: &'a [Leaf]) -> Self {
        Self {
            leaves: leaves.iter().map(|leaf| leaf.keys().collect()).collect(),
            internal: None,
        }
    }

    fn get(&self, leaf: usize, seat: usize) -> Option<&'a DescriptorPublicKey> {
        self.leaves.get(leaf)?.get(seat).copied()
    }

    /// The descriptor as it prints with its keys and its checksum, for which each key is encoded
    /// just once.
    fn text(&self, seats: &Descriptor<SeatKey>) -> Option<String> {
        let texts: Vec<Vec<String>> = self
            .leaves
            .iter()
            .map(|keys| keys.iter().map(ToString::to_string).collect())
            .collect();
        let internal = self.internal.as_ref().map(ToString::to_string);
        let mut text = String::new();
        for run in format!("{seats:#}").split_inclusive(['(', ')', ',', '{', '}']) {
            let (word, mark) = match run.char_indices().next_back() {
                Some((last, '(' | ')' | ',' | '{' | '}')) => run.split_at(last),
                _ => (run, ""),
            };
            text.push_str(match word.parse() {
                Ok(SeatKey::Internal) => internal.as_ref()?,
                Ok(SeatKey::Seat { leaf, seat }) => texts.get(leaf)?.get(seat)?,
                Err(NoSeat) => word,
            });
            text.push_str(mark);
        }
        let checksum = desc_checksum(&text).ok()?;
        text.push('#');
        text.push_str(&checksum);
        Some(text)
    }
}

impl Translator<SeatKey, DescriptorPublicKey, ()> for Keys<'_> {
    fn pk(&mut self, key: &SeatKey) -> Result<DescriptorPublicKey, ()> {
        let key = match key {
            SeatKey::Internal => self.internal.as_ref(),
            SeatKey::Seat { leaf, seat } => self.get(*leaf, *seat),
        };
        key.cloned().ok_or(())
    }

    // There are no hash locks in a policy.
    miniscript::translate_hash_fail!(SeatKey, DescriptorPublicKey, ());
}

/// A descriptor with the keys in the places of their numbers, and how that prints.
///
/// # Errors
///
/// If a number is that of no seat, or miniscript refuses a key where it comes to stand.
pub(super) fn with_keys(
    seats: &Descriptor<SeatKey>,
    leaves: &[Leaf],
    policy: &Policy,
) -> Result<(Descriptor<DescriptorPublicKey>, String), TranslateErr<()>> {
    let mut keys = Keys::of(leaves);
    if let Descriptor::Tr(tr) = seats {
        let own = leaves.iter().position(Leaf::is_key_path);
        let own = own.and_then(|leaf| keys.get(leaf, 0).cloned());
        keys.internal = Some(own.unwrap_or_else(|| {
            let scripts = tr.tap_tree().iter().flat_map(|tree| tree.iter());
            let in_order = scripts.flat_map(|(_, script)| script.iter_pk());
            let in_order = in_order.filter_map(|key| match key {
                SeatKey::Internal => None,
                SeatKey::Seat { leaf, seat } => keys.get(leaf, seat),
            });
            unspendable_internal_key(in_order, policy.network().kind())
        }));
    }
    let descriptor = seats.translate_pk(&mut keys)?;
    let text = keys.text(seats).ok_or(TranslateErr::TranslatorErr(()))?;
    Ok((descriptor, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for key in [
            SeatKey::Internal,
            SeatKey::Seat { leaf: 0, seat: 0 },
            SeatKey::Seat { leaf: 12, seat: 3 },
        ] {
            assert_eq!(key.to_string().parse::<SeatKey>().ok(), Some(key));
        }
        for word in ["", "k", "k1", "k_1", "k1_", "k1_x", "1_1", "Internal"] {
            assert!(word.parse::<SeatKey>().is_err(), "{word}");
        }
    }
}

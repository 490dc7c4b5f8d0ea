//! Digests and keys as events name them.

use std::fmt;

use bitcoin::hashes::{Hash, sha256};
use ed25519_dalek::VerifyingKey;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::envelope::Envelope;
use crate::policy::{IdentityError, identity_key};

/// 32 bytes that name something by its content; 64 hexadecimal digits in lower case as a text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// SHA-256 of some bytes.
    #[must_use]
    pub fn sha256(bytes: &[u8]) -> Self {
        Self(sha256::Hash::hash(bytes).to_byte_array())
    }

    /// Reads 64 hexadecimal digits in lower case, and nothing else.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return None;
        };
        if pairs.len() != bytes.len() {
            return None;
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(bytes))
    }

    fn write(&self, text: &mut [u8; 64]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let (pairs, _) = text.as_chunks_mut::<2>();
        for (pair, byte) in pairs.iter_mut().zip(self.0) {
            let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
    }
}

fn digit(text: u8) -> Option<u8> {
    match text {
        b'0'..=b'9' => Some(text - b'0'),
        b'a'..=b'f' => Some(text - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 64];
        self.write(&mut text);
        f.pad(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Digest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("64 hexadecimal digits in lower case")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Digest, E> {
                Digest::of_text(text)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

/// The name of an event: SHA-256 of the bytes that its author signed (DSSE's encoding of type and
/// payload).
///
/// The signature is not in it, so that one event signed twice is still one event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub Digest);

impl EventId {
    /// The id of the event in an envelope.
    #[must_use]
    pub fn of(envelope: &Envelope) -> Self {
        Self(Digest::sha256(&envelope.signed_bytes()))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A public key that signs events: never a weak one, in its one encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity(VerifyingKey);

impl Identity {
    /// Reads 64 hexadecimal digits in lower case.
    ///
    /// # Errors
    ///
    /// Why they are no key.
    pub fn of_text(text: &str) -> Result<Self, IdentityError> {
        if Digest::of_text(text).is_none() {
            return Err(IdentityError::NotHex);
        }
        identity_key(text).map(Self)
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &VerifyingKey {
        &self.0
    }

    /// Its encoding.
    #[must_use]
    pub fn digits(&self) -> Digest {
        Digest(self.0.to_bytes())
    }
}

impl From<VerifyingKey> for Identity {
    /// A key that signed, or that a policy names, and was looked at then.
    fn from(key: VerifyingKey) -> Self {
        Self(key)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.digits(), f)
    }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = Digest::deserialize(deserializer)?;
        Self::of_text(&digits.to_string())
            .map_err(|error| Error::custom(format!("a key is {error}")))
    }
}

//! Public keys that sign governance events.

use ed25519_dalek::VerifyingKey;
use thiserror::Error;

/// Why a text is no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// It has another length, or other characters.
    #[error("not 64 hexadecimal digits")]
    NotHex,
    /// The bytes are no public key.
    #[error("not a point of the curve")]
    NotAPoint,
    /// There are signatures under the key that hold for many messages, without anybody's secret.
    #[error("a key of small order, under which anybody can sign")]
    Weak,
    /// The same key has another encoding, which is the right one.
    #[error("not the canonical encoding of its key")]
    NotCanonical,
}

/// Reads an ed25519 public key from 64 hexadecimal digits: no weak one, and in its one canonical
/// encoding (RFC 8032, section 5.1.2).
///
/// # Errors
///
/// Whatever the text is instead.
pub fn identity_key(text: &str) -> Result<VerifyingKey, IdentityError> {
    let bytes = hex(text).ok_or(IdentityError::NotHex)?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| IdentityError::NotAPoint)?;
    // Weak before non-canonical: points of small order have most of the odd encodings.
    if key.is_weak() {
        return Err(IdentityError::Weak);
    }
    if key.to_edwards().compress().to_bytes() != bytes {
        return Err(IdentityError::NotCanonical);
    }
    Ok(key)
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

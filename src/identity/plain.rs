//! What is encrypted in a file with an identity: four lines.
//!
//! They are read and written by hand, since a library would leave copies of the secret behind.

use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use super::{Identity, IdentityFileError, MAX_PLAIN};

/// The first line.
const TITLE: &str = "longstop identity 1";

pub(super) fn write(identity: &Identity) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(MAX_PLAIN));
    text.push_str(TITLE);
    text.push_str("\nname ");
    text.push_str(&identity.name);
    text.push_str("\npublic ");
    push_hex(&mut text, identity.public().as_bytes());
    text.push_str("\nsecret ");
    push_hex(&mut text, identity.key.as_bytes());
    text.push('\n');
    text
}

pub(super) fn read(plain: &[u8]) -> Result<Identity, IdentityFileError> {
    let other = IdentityFileError::NotAnIdentity;
    let text = str::from_utf8(plain).map_err(|_| other)?;
    let mut lines = text.strip_suffix('\n').ok_or(other)?.split('\n');
    let mut field = |label: &str| lines.next()?.strip_prefix(label);
    if field(TITLE) != Some("") {
        return Err(other);
    }
    let name = field("name ").ok_or(other)?;
    let public = field("public ").and_then(hex_bytes).ok_or(other)?;
    let secret = field("secret ").and_then(hex_bytes).ok_or(other)?;
    if lines.next().is_some() {
        return Err(other);
    }
    let identity = Identity::new(name, &secret).map_err(|_| other)?;
    // Whoever signs with one key and hands out another gives the secret away.
    if SigningKey::from_bytes(&secret).verifying_key().as_bytes() != &*public {
        return Err(IdentityFileError::OtherKey);
    }
    Ok(identity)
}

/// Writes bytes as hexadecimal digits.
pub(crate) fn push_hex(text: &mut String, bytes: &[u8; 32]) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 0xf] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
}

/// The bytes of 64 hexadecimal digits in lower case.
pub(crate) fn hex_bytes(hex: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if hex.len() != 64 || !hex.bytes().all(digits) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity::new("alice", &[7; 32]).expect("a name")
    }

    #[test]
    fn what_is_written_is_read() {
        let written = write(&identity());
        assert!(written.capacity() >= written.len() && written.len() <= MAX_PLAIN);
        let read = read(written.as_bytes()).expect("an identity");
        assert_eq!(read.name(), "alice");
        assert_eq!(read.key().to_bytes(), [7; 32]);
        let longest = Identity::new(&"\u{10000}".repeat(64), &[0xff; 32]).expect("letters");
        assert!(write(&longest).len() <= MAX_PLAIN);
    }

    #[test]
    fn anything_else_is_refused() {
        let right = write(&identity());
        let without_end = right.trim_end().to_owned();
        let changed = |from: &str, to: &str| right.replacen(from, to, 1);
        for wrong in [
            String::new(),
            without_end,
            format!("{}\n", *right),
            format!("{}more\n", *right),
            changed("identity 1", "identity 2"),
            changed("identity 1", "identity 1 "),
            changed("alice", ""),
            changed("alice", "al ice"),
            changed("alice", "alice\nname bob"),
            changed("0707", "07"),
            changed("secret 07", "secret 0A"),
            changed("secret", "hidden"),
        ] {
            let error = read(wrong.as_bytes()).expect_err(&wrong);
            assert_eq!(error, IdentityFileError::NotAnIdentity, "{wrong}");
        }
        let other = changed("secret 07", "secret 08");
        let error = read(other.as_bytes()).expect_err("another secret");
        assert_eq!(error, IdentityFileError::OtherKey);
        assert!(read(&[0xff, b'\n']).is_err());
    }
}

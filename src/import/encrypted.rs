//! Encrypted BSMS records (BIP-129): `STANDARD` with a token of 8 bytes, `EXTENDED` with one of 16.

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256, sha512};
use bitcoin::hex::FromHex;

use super::{ImportError, MAX_BYTES};

/// What the BIP takes as the password; the secret is the salt.
const PASSWORD: &[u8] = b"No SPOF";

/// Rounds of PBKDF2.
const ROUNDS: usize = 2048;

/// Bytes of a message authentication code.
const MAC: usize = 32;

/// Bytes of a block of the cipher.
const BLOCK: usize = 16;

fn bad(reason: &str) -> ImportError {
    ImportError::BadForm {
        form: "encrypted BSMS record",
        reason: reason.to_owned(),
    }
}

/// Whether a text has the form of an encrypted record: one run of hexadecimal digits, a code of 32
/// bytes and what it stands for.
#[must_use]
pub fn is_encrypted(text: &str) -> bool {
    let text = text.trim();
    text.len() > 2 * MAC
        && text.len().is_multiple_of(2)
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The record inside an encrypted one, by the token of its setup in hexadecimal digits.
///
/// Nothing of the token is repeated in an error.
///
/// # Errors
///
/// If the token is none, or if it is not that of the record, or if the record was changed.
pub fn decrypt(text: &str, token: &str) -> Result<String, ImportError> {
    if text.len() > MAX_BYTES {
        return Err(ImportError::TooLarge {
            what: "the length of the text in bytes",
            limit: MAX_BYTES,
        });
    }
    let token = Vec::<u8>::from_hex(token.trim())
        .ok()
        .filter(|token| matches!(token.len(), 8 | 16))
        .ok_or_else(|| bad("its token has 16 or 32 hexadecimal digits"))?;
    let bytes =
        Vec::<u8>::from_hex(text.trim()).map_err(|_| bad("it is no run of hexadecimal digits"))?;
    let (mac, ciphertext) = bytes
        .split_at_checked(MAC)
        .ok_or_else(|| bad("it is too short"))?;
    let key = encryption_key(&token);
    let iv: [u8; BLOCK] = mac
        .first_chunk()
        .copied()
        .ok_or_else(|| bad("it is too short"))?;
    let plaintext = counter_mode(&key, iv, ciphertext);
    if authentication_code(&key, &token, &plaintext) != *mac {
        return Err(bad("the token is another, or the record was changed"));
    }
    String::from_utf8(plaintext).map_err(|_| bad("what is inside is no text"))
}

/// PBKDF2 with HMAC-SHA512, of which 32 bytes are the first half of its first block.
fn encryption_key(token: &[u8]) -> [u8; 32] {
    let hmac = |parts: &[&[u8]]| {
        let mut engine = HmacEngine::<sha512::Hash>::new(PASSWORD);
        parts.iter().for_each(|part| engine.input(part));
        Hmac::from_engine(engine).to_byte_array()
    };
    let mut round = hmac(&[token, &1_u32.to_be_bytes()]);
    let mut sum = round;
    for _ in 1..ROUNDS {
        round = hmac(&[&round]);
        sum.iter_mut()
            .zip(round)
            .for_each(|(sum, byte)| *sum ^= byte);
    }
    *sum.first_chunk().expect("64 bytes begin with 32")
}

/// HMAC-SHA256 over the token in hexadecimal digits and the record.
fn authentication_code(key: &[u8; 32], token: &[u8], plaintext: &[u8]) -> [u8; MAC] {
    let key = sha256::Hash::hash(key);
    let mut engine = HmacEngine::<sha256::Hash>::new(key.as_byte_array());
    let token: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
    engine.input(token.as_bytes());
    engine.input(plaintext);
    Hmac::from_engine(engine).to_byte_array()
}

/// AES-256 in counter mode, which is its own inverse.
fn counter_mode(key: &[u8; 32], iv: [u8; BLOCK], text: &[u8]) -> Vec<u8> {
    let cipher = Aes256::new(key.into());
    let mut counter = u128::from_be_bytes(iv);
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.chunks(BLOCK) {
        let mut block = counter.to_be_bytes().into();
        cipher.encrypt_block(&mut block);
        out.extend(chunk.iter().zip(block.iter()).map(|(byte, pad)| byte ^ pad));
        counter = counter.wrapping_add(1);
    }
    out
}

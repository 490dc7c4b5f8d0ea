//! A secret as an age file, encrypted with a passphrase.

use std::io::{self, Read};
use std::iter;

use age::armor::ArmoredReader;
use age::{DecryptError, Decryptor};
use zeroize::Zeroizing;

use super::{MAX_PLAIN, Passphrase, SealError, Work};

/// Encrypts a text.
pub(crate) fn seal(plain: &str, passphrase: &Passphrase, work: Work) -> io::Result<String> {
    let recipient = passphrase.recipient(work);
    age::encrypt_and_armor(&recipient, plain.as_bytes()).map_err(io::Error::other)
}

/// Decrypts what has at most [`MAX_PLAIN`] bytes.
pub(crate) fn open(file: &[u8], passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let decryptor =
        Decryptor::new_buffered(ArmoredReader::new(file)).map_err(|_| SealError::NotEncrypted)?;
    // Other recipients name keys, and some of them programs that would have to be run.
    if !decryptor.is_scrypt() {
        return Err(SealError::NotByPassphrase);
    }
    let identity = passphrase.opener();
    let reader = decryptor
        .decrypt(iter::once(&identity as &dyn age::Identity))
        .map_err(|error| match error {
            DecryptError::ExcessiveWork { required, .. } => SealError::TooMuchWork { required },
            DecryptError::DecryptionFailed => SealError::WrongPassphrase,
            _ => SealError::Damaged,
        })?;
    // Of one size from the start, so that growing leaves no copy behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(MAX_PLAIN + 1));
    reader
        .take(MAX_PLAIN as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|_| SealError::Damaged)?;
    Ok(plain)
}

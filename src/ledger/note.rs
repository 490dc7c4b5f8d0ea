//! Signed notes: a text and ed25519 signatures under it, in the form of the C2SP specification
//! [signed-note](https://c2sp.org/signed-note).

use bitcoin::base64::Engine;
use bitcoin::base64::engine::general_purpose::STANDARD;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::hex::DisplayHex;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use thiserror::Error;

/// Most bytes of a note that are read.
const MAX_NOTE: usize = 1 << 20;

/// Most signatures of a note that are read.
const MAX_SIGNATURES: usize = 100;

/// The one signature algorithm: ed25519 over the text.
const ED25519: u8 = 1;

/// A text with signatures, of which nothing is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NoteSignature {
    name: String,
    key_id: [u8; 4],
    signature: Vec<u8>,
}

impl Note {
    /// A note without signatures.
    ///
    /// # Errors
    ///
    /// If the text does not end with a newline, or holds control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, NoteError> {
        let text = text.into();
        check_text(&text)?;
        if !text.ends_with('\n') || text.len() > MAX_NOTE {
            return Err(NoteError::Malformed("its text has no last newline"));
        }
        Ok(Self {
            text,
            signatures: Vec::new(),
        })
    }

    /// Reads a note; nothing of it is verified by that.
    ///
    /// # Errors
    ///
    /// If it has another form.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        check_text(note)?;
        if note.len() > MAX_NOTE {
            return Err(NoteError::Malformed("it is too long"));
        }
        let (text, lines) = note
            .rsplit_once("\n\n")
            .ok_or(NoteError::Malformed("no empty line ends its text"))?;
        let lines = lines
            .strip_suffix('\n')
            .ok_or(NoteError::Malformed("its last line does not end"))?;
        let signatures = lines
            .split('\n')
            .map(NoteSignature::parse)
            .collect::<Option<Vec<_>>>()
            .ok_or(NoteError::Malformed("a signature line has another form"))?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Malformed("it has too many signatures"));
        }
        let mut note = Self::new(format!("{text}\n"))?;
        note.signatures = signatures;
        Ok(note)
    }

    /// What is signed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names under which there are signatures.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.signatures.iter().map(|own| own.name.as_str())
    }

    /// Adds a signature under a name, or puts it in the place of the one by the same key.
    ///
    /// # Errors
    ///
    /// If the name is empty, or holds a space or a plus sign.
    pub fn sign(mut self, name: &str, key: &SigningKey) -> Result<Self, NoteError> {
        if !is_name(name) {
            return Err(NoteError::BadName);
        }
        let key_id = key_id(name, &key.verifying_key());
        self.signatures
            .retain(|own| own.name != name || own.key_id != key_id);
        self.signatures.push(NoteSignature {
            name: name.to_owned(),
            key_id,
            signature: key.sign(self.text.as_bytes()).to_bytes().to_vec(),
        });
        Ok(self)
    }

    /// Verifies, by the strict rule, that the holder of a key signed the text under a name.
    ///
    /// # Errors
    ///
    /// If there is no such signature, or one does not verify.
    pub fn verify(&self, name: &str, key: &VerifyingKey) -> Result<(), NoteError> {
        let key_id = key_id(name, key);
        let mut own = self
            .signatures
            .iter()
            .filter(|own| own.name == name && own.key_id == key_id)
            .peekable();
        if own.peek().is_none() {
            return Err(NoteError::NotSigned);
        }
        for NoteSignature { signature, .. } in own {
            let signature =
                Signature::from_slice(signature).map_err(|_| NoteError::BadSignature)?;
            key.verify_strict(self.text.as_bytes(), &signature)
                .map_err(|_| NoteError::BadSignature)?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.text)?;
        for own in &self.signatures {
            let bytes = [own.key_id.as_slice(), &own.signature].concat();
            writeln!(f, "— {} {}", own.name, STANDARD.encode(bytes))?;
        }
        Ok(())
    }
}

impl NoteSignature {
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (key_id, signature) = bytes.split_first_chunk::<4>()?;
        (is_name(name) && !signature.is_empty()).then(|| Self {
            name: name.to_owned(),
            key_id: *key_id,
            signature: signature.to_vec(),
        })
    }
}

/// The line by which other tools know a key: `NAME+KEYID+KEY`, a *vkey* in the specification.
#[must_use]
pub fn verifier_key(name: &str, key: &VerifyingKey) -> String {
    let id = key_id(name, key).to_lower_hex_string();
    let typed = [[ED25519].as_slice(), key.as_bytes()].concat();
    format!("{name}+{id}+{}", STANDARD.encode(typed))
}

/// The first bytes of a digest of name, algorithm and key.
fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let bytes = [name.as_bytes(), b"\n", &[ED25519], key.as_bytes()].concat();
    let [a, b, c, d, ..] = sha256::Hash::hash(&bytes).to_byte_array();
    [a, b, c, d]
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if text.contains(|c: char| c < ' ' && c != '\n') {
        return Err(NoteError::Malformed("it holds control characters"));
    }
    Ok(())
}

/// Why a note is none, or shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// It has another form.
    #[error("this is no signed note: {0}")]
    Malformed(&'static str),
    /// A key cannot have this name.
    #[error("the name of a key is not empty, and has neither spaces nor plus signs")]
    BadName,
    /// There is no signature by the key.
    #[error("the note is not signed by this key under this name")]
    NotSigned,
    /// There is one, and it does not verify.
    #[error("a signature under the note does not verify")]
    BadSignature,
}

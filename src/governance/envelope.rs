//! Signed bytes with their type: the DSSE envelope.
//!
//! The signature is over the bytes of the payload as they are stored, together with their type
//! ([DSSE](https://github.com/secure-systems-lab/dsse/blob/master/protocol.md) version 1), so
//! nothing has to be written anew to verify it, and a signature for one type is none for another.

use std::collections::HashMap;
use std::fmt::Write;

use bitcoin::base64::Engine;
use bitcoin::base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::batch::{Signed, bad_signatures};
use crate::policy::{IdentityError, identity_key, quote};

/// Longest envelope, in bytes: an attestation about a thousand items is shorter.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// Most signatures in one envelope: as many as a policy has parties, and some others.
const MAX_SIGNATURES: usize = 256;

/// A payload with its type, signed by at least one ed25519 key.
///
/// Every signature in it is right: an envelope comes into being by signing, or by
/// [`open`](Self::open), which verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<(VerifyingKey, Signature)>,
}

impl Envelope {
    /// Signs a payload.
    #[must_use]
    pub fn sign(payload_type: &str, payload: Vec<u8>, key: &SigningKey) -> Self {
        let envelope = Self {
            payload_type: payload_type.to_owned(),
            payload,
            signatures: Vec::new(),
        };
        envelope.countersign(key)
    }

    /// Adds the signature of one more key; a key that has signed already changes nothing.
    #[must_use]
    pub fn countersign(mut self, key: &SigningKey) -> Self {
        let public = key.verifying_key();
        if !self.signers().any(|signer| *signer == public) {
            let signature = key.sign(&pre_authentication(&self.payload_type, &self.payload));
            self.signatures.push((public, signature));
        }
        self
    }

    /// Reads an envelope from its JSON and verifies every signature in it (`verify_strict`).
    ///
    /// The field `keyid` of each signature holds the public key, as 64 hexadecimal digits.  DSSE
    /// takes it for a hint that nobody has to believe, and neither do we: a signature that does
    /// not verify under this very key is refused, and with it the envelope.  Unknown fields are
    /// refused as well, and base64 is read in its one padded form only, so that little can be
    /// changed about an envelope without anybody noticing.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn open(json: &str) -> Result<Self, EnvelopeError> {
        let unverified = Unverified::parse(json, &mut HashMap::new())?;
        let wrong = unverified.signed().position(|signed| !signed.is_right());
        unverified.verified(wrong)
    }

    /// Reads many envelopes, each as [`open`](Self::open) does and with the same outcome, and
    /// verifies their signatures together, which takes less time ([`bad_signatures`]).
    ///
    /// Some thousand envelopes at a time are enough: more are not faster.
    pub fn open_all<'a>(
        lines: impl IntoIterator<Item = &'a str>,
    ) -> Vec<Result<Self, EnvelopeError>> {
        let mut keys = HashMap::new();
        let lines = lines.into_iter();
        let read: Vec<_> = lines
            .map(|line| Unverified::parse(line, &mut keys))
            .collect();
        let signed: Vec<Signed<'_>> = read.iter().flatten().flat_map(Unverified::signed).collect();
        let mut bad = bad_signatures(&signed).into_iter().peekable();
        let mut next = 0;
        let mut wrong = Vec::new();
        for unverified in read.iter().flatten() {
            let first = next;
            next += unverified.envelope.signatures.len();
            let mut first_bad = None;
            while let Some(at) = bad.next_if(|at| *at < next) {
                first_bad = first_bad.or(Some(at - first));
            }
            wrong.push(first_bad);
        }
        let mut wrong = wrong.into_iter();
        let verified = read.into_iter().map(|read| {
            let unverified = read?;
            unverified.verified(wrong.next().flatten())
        });
        verified.collect()
    }

    /// The envelope as one line of JSON, without a line break.
    #[must_use]
    pub fn to_line(&self) -> String {
        let signatures = self.signatures.iter();
        let typed = Typed {
            payload: STANDARD.encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: signatures
                .map(|(key, signature)| TypedSignature {
                    keyid: hex(key.as_bytes()),
                    sig: STANDARD.encode(signature.to_bytes()),
                })
                .collect(),
        };
        serde_json::to_string(&typed).expect("strings alone can always be written as JSON")
    }

    /// What the payload is.
    #[must_use]
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The bytes that were signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What a signature is over: type and payload, in the encoding of DSSE.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        pre_authentication(&self.payload_type, &self.payload)
    }

    /// The keys that signed, each once.
    pub fn signers(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.signatures.iter().map(|(key, _)| key)
    }
}

/// Why a text is no envelope with right signatures.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// It is longer than any envelope can be.
    #[error("the envelope has {bytes} bytes, and may have {MAX_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is no JSON at all.
    #[error("this is not JSON, from column {column} on")]
    NotJson {
        /// Where reading stopped, from one.
        column: usize,
    },
    /// It is JSON, and no envelope.
    #[error("this is no envelope with `payload`, `payloadType` and `signatures`: {reason}")]
    NotAnEnvelope {
        /// What is missing or too much.
        reason: String,
    },
    /// A field is not in padded base64.
    #[error("`{field}` is not base64 in its padded form")]
    NotBase64 {
        /// The field.
        field: &'static str,
    },
    /// Nobody has signed.
    #[error("the envelope has no signature")]
    Unsigned,
    /// More have signed than there can be.
    #[error("the envelope has {count} signatures, and may have {MAX_SIGNATURES}")]
    TooManySignatures {
        /// How many.
        count: usize,
    },
    /// A signature does not say whose it is.
    #[error(
        "`keyid` is {}, which is {reason}; it should be the signer's public key in lower case",
        quote(keyid)
    )]
    BadKey {
        /// What stands there.
        keyid: String,
        /// Why it is no key.
        reason: IdentityError,
    },
    /// Two signatures of one key.
    #[error("the key {} has signed twice", quote(key))]
    SignedTwice {
        /// The key.
        key: String,
    },
    /// A signature is not right.
    #[error("the signature of the key {} does not verify", quote(key))]
    BadSignature {
        /// The key.
        key: String,
    },
}

/// An envelope whose signatures nobody has verified yet.
struct Unverified {
    envelope: Envelope,
    /// What the signatures are over.
    message: Vec<u8>,
}

/// Keys by the digits that stand for them, each read once.
type Keys = HashMap<String, VerifyingKey>;

impl Unverified {
    fn parse(json: &str, keys: &mut Keys) -> Result<Self, EnvelopeError> {
        if json.len() > MAX_BYTES {
            return Err(EnvelopeError::TooLong { bytes: json.len() });
        }
        let typed: Typed = serde_json::from_str(json).map_err(|error| json_error(&error))?;
        let payload = decode(&typed.payload, "payload")?;
        if typed.signatures.is_empty() {
            return Err(EnvelopeError::Unsigned);
        }
        if typed.signatures.len() > MAX_SIGNATURES {
            return Err(EnvelopeError::TooManySignatures {
                count: typed.signatures.len(),
            });
        }
        let mut signatures: Vec<(VerifyingKey, Signature)> = Vec::new();
        for TypedSignature { keyid, sig } in typed.signatures {
            let key = match keys.get(&keyid) {
                Some(key) => *key,
                None => signer(&keyid)?,
            };
            if signatures.iter().any(|(other, _)| *other == key) {
                return Err(EnvelopeError::SignedTwice { key: keyid });
            }
            let bytes = decode(&sig, "sig")?;
            let Ok(signature) = Signature::from_slice(&bytes) else {
                return Err(EnvelopeError::BadSignature { key: keyid });
            };
            signatures.push((key, signature));
            keys.entry(keyid).or_insert(key);
        }
        Ok(Self {
            message: pre_authentication(&typed.payload_type, &payload),
            envelope: Envelope {
                payload_type: typed.payload_type,
                payload,
                signatures,
            },
        })
    }

    /// What has to be verified, in the order of the signatures.
    fn signed(&self) -> impl Iterator<Item = Signed<'_>> {
        let signatures = self.envelope.signatures.iter();
        signatures.map(|(key, signature)| Signed {
            key,
            message: &self.message,
            signature,
        })
    }

    /// The envelope, unless one of its signatures is known to be wrong.
    fn verified(self, wrong: Option<usize>) -> Result<Envelope, EnvelopeError> {
        let wrong = wrong.and_then(|wrong| self.envelope.signatures.get(wrong));
        match wrong {
            Some((key, _)) => Err(EnvelopeError::BadSignature {
                key: hex(key.as_bytes()),
            }),
            None => Ok(self.envelope),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<TypedSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedSignature {
    keyid: String,
    sig: String,
}

/// The bytes that are signed (DSSE's PAE): type and payload, each with its length in bytes.
pub(super) fn pre_authentication(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    )
    .into_bytes();
    message.extend_from_slice(payload);
    message
}

fn signer(keyid: &str) -> Result<VerifyingKey, EnvelopeError> {
    let bad = |reason| EnvelopeError::BadKey {
        keyid: keyid.to_owned(),
        reason,
    };
    // In one spelling, so that the text of an envelope is not changed without a reason.
    if keyid.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(bad(IdentityError::NotHex));
    }
    identity_key(keyid).map_err(bad)
}

fn decode(text: &str, field: &'static str) -> Result<Vec<u8>, EnvelopeError> {
    let decoded = STANDARD.decode(text);
    decoded.map_err(|_| EnvelopeError::NotBase64 { field })
}

/// What the reader of JSON says, without what it repeats of the text.
fn json_error(error: &serde_json::Error) -> EnvelopeError {
    match error.classify() {
        serde_json::error::Category::Data => EnvelopeError::NotAnEnvelope {
            reason: quote(&error.to_string()),
        },
        _ => EnvelopeError::NotJson {
            column: error.column(),
        },
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a string never fails");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vector of the protocol's own text (secure-systems-lab/dsse, `protocol.md`).
    #[test]
    fn the_signed_bytes_are_those_of_the_protocol() {
        assert_eq!(
            pre_authentication("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        // Lengths are in bytes, and bytes need not be text.
        assert_eq!(
            pre_authentication("é", &[0xff, 0x20]),
            b"DSSEv1 2 \xc3\xa9 2 \xff "
        );
    }

    #[test]
    fn type_and_payload_cannot_be_shifted_into_one_another() {
        assert_ne!(
            pre_authentication("a 1 b", b"c"),
            pre_authentication("a", b"b 1 c")
        );
    }
}

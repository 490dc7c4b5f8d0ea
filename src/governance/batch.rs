//! Many ed25519 signatures verified together, by the strict rule.
//!
//! A ledger holds hundreds of thousands of signatures of a few authors.  Verified together they
//! take less time, but the usual way to do so accepts more than
//! [`VerifyingKey::verify_strict`] does: signatures whose point R has a component of small order.
//! Two programs would then disagree about what is signed.  So this is the usual way, with what
//! it lacks.
//!
//! **What `verify_strict` accepts.**  With the base point B, the key A, the signature (R, s) and
//! k = SHA-512(R ‖ A ‖ message): s is below the order ℓ of B; R and A are points, neither of them
//! of small order; and the encoding of sB − kA is R, byte for byte.
//!
//! **What is done here.**
//!
//! 1. What is out of the ordinary is asked of `verify_strict` itself: a key with a component of
//!    small order, an s that is not below ℓ, an R that is no point, is the identity, or is not in
//!    its canonical encoding.
//! 2. All other R together have no component of small order, or this is noticed (`torsion`).
//! 3. If they have none, then sB − kA − R lies in the group of B, whose order is the prime ℓ, for
//!    every signature.  A sum of them, each times a number of 128 bits that nobody could foresee,
//!    is zero if all of them are, and otherwise with a probability of at most 2⁻¹²⁸.
//! 4. If something is noticed, every signature is asked of `verify_strict` by itself, so what is
//!    named as bad is bad, and nothing else is.
//!
//! An error is therefore possible in one direction only, and its probability is at most
//! 2⁻¹²⁷ for each number of signatures that are verified together.
//!
//! **Where the numbers come from.**  They are a hash of everything that is verified (`challenge`),
//! so that the same signatures always give the same answer, and nothing of the outside is needed.
//! Whoever makes up signatures can try many of them against it, as with any such hash: about
//! 2¹²⁷ of them, which is as hard as finding the key.

mod challenge;
mod torsion;

use std::collections::HashMap;

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul};
use ed25519_dalek::{Digest, Sha512, Signature, VerifyingKey};

use self::challenge::Challenge;
use self::torsion::none_has_torsion;

/// Most signatures that are verified together: more of them are hardly faster, take more memory
/// and, if one is bad, more time until it is found.
pub(super) const TOGETHER: usize = 1 << 13;

/// Fewest signatures that are verified together: the search for components of small order takes
/// some milliseconds, however few there are.
const FEW: usize = 256;

/// A message with its signature, and the key under which it should hold.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The key.
    pub key: &'a VerifyingKey,
    /// What was signed.
    pub message: &'a [u8],
    /// The signature.
    pub signature: &'a Signature,
}

impl Signed<'_> {
    /// Whether the signature holds by the strict rule, without any other.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.key.verify_strict(self.message, self.signature).is_ok()
    }
}

/// Which of the signatures do not hold by the strict rule, as positions in ascending order.
///
/// That is exactly those that [`VerifyingKey::verify_strict`] refuses; the module says how, and
/// how sure it is.
#[must_use]
pub fn bad_signatures(signed: &[Signed<'_>]) -> Vec<usize> {
    let mut bad = Vec::new();
    let mut keys = Keys::default();
    for (number, together) in signed.chunks(TOGETHER).enumerate() {
        let found = bad_together(together, &mut keys);
        bad.extend(found.into_iter().map(|at| number * TOGETHER + at));
    }
    bad
}

fn bad_together(signed: &[Signed<'_>], keys: &mut Keys) -> Vec<usize> {
    let mut unsure = Vec::new();
    let mut relations = Vec::new();
    if signed.len() < FEW {
        unsure.extend(0..signed.len());
    } else {
        for (at, signed) in signed.iter().enumerate() {
            match Relation::of(signed, keys) {
                Some(relation) => relations.push(relation),
                None => unsure.push(at),
            }
        }
        if !all_hold(&relations, keys) {
            unsure = (0..signed.len()).collect();
        }
    }
    unsure.retain(|at| signed.get(*at).is_none_or(|signed| !signed.is_right()));
    unsure
}

/// The keys that have signed.
#[derive(Default)]
struct Keys {
    /// By its encoding, the place of a key that has no component of small order.
    places: HashMap<[u8; 32], Option<usize>>,
    points: Vec<EdwardsPoint>,
}

impl Keys {
    fn place(&mut self, key: &VerifyingKey) -> Option<usize> {
        let points = &mut self.points;
        *self.places.entry(key.to_bytes()).or_insert_with(|| {
            let point = key.to_edwards();
            (point.is_torsion_free() && !point.is_identity()).then(|| {
                points.push(point);
                points.len() - 1
            })
        })
    }
}

/// What a signature says: that sB is R + kA.
struct Relation {
    r: EdwardsPoint,
    s: Scalar,
    /// The hash that is k, before it is reduced to a scalar.
    hash: [u8; 64],
    key: usize,
}

impl Relation {
    /// The relation of a signature, unless something about it is out of the ordinary.
    fn of(signed: &Signed<'_>, keys: &mut Keys) -> Option<Self> {
        let s = Option::from(Scalar::from_canonical_bytes(*signed.signature.s_bytes()))?;
        let encoding = signed.signature.r_bytes();
        if !is_reduced(encoding) {
            return None;
        }
        let r = CompressedEdwardsY(*encoding).decompress()?;
        if r.is_identity() {
            return None;
        }
        let mut hash = Sha512::new();
        hash.update(encoding);
        hash.update(signed.key.as_bytes());
        hash.update(signed.message);
        Some(Self {
            r,
            s,
            hash: hash.finalize().into(),
            key: keys.place(signed.key)?,
        })
    }
}

/// Whether the y-coordinate of an encoded point is below p = 2²⁵⁵ − 19.
///
/// Beside these 19 encodings only those of (0, ±1) with a sign are not canonical.  The one is the
/// identity and the other has order two, so neither is taken for ordinary.
fn is_reduced([low, middle @ .., high]: &[u8; 32]) -> bool {
    *low < 0xed || middle.iter().any(|byte| *byte != 0xff) || high & 0x7f != 0x7f
}

/// Whether all relations hold, but for the error that the module names.
fn all_hold(relations: &[Relation], keys: &Keys) -> bool {
    let challenge = Challenge::of(relations.iter().map(|one| (&one.hash, &one.s)));
    let points: Vec<EdwardsPoint> = relations.iter().map(|one| one.r).collect();
    if !none_has_torsion(&points, &challenge) {
        return false;
    }
    let factors: Vec<Scalar> = challenge.factors().take(relations.len()).collect();
    let mut of_base = Scalar::ZERO;
    let mut of_keys = vec![Scalar::ZERO; keys.points.len()];
    for (relation, factor) in relations.iter().zip(&factors) {
        of_base += factor * relation.s;
        if let Some(sum) = of_keys.get_mut(relation.key) {
            *sum += factor * Scalar::from_bytes_mod_order_wide(&relation.hash);
        }
    }
    let sum = EdwardsPoint::vartime_multiscalar_mul(
        factors.iter().chain(&of_keys),
        points.iter().chain(&keys.points),
    );
    sum == EdwardsPoint::mul_base(&of_base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_reduced_below_the_prime() {
        let mut bytes = [0xff; 32];
        for sign in [0x7f, 0xff] {
            bytes[31] = sign;
            for (low, reduced) in [(0xec, true), (0xed, false), (0xee, false), (0xff, false)] {
                bytes[0] = low;
                assert_eq!(is_reduced(&bytes), reduced, "{low:x} {sign:x}");
            }
            bytes[0] = 0xff;
            bytes[15] = 0xfe;
            assert!(is_reduced(&bytes));
            bytes[15] = 0xff;
        }
        bytes[31] = 0x7e;
        assert!(is_reduced(&bytes));
    }
}

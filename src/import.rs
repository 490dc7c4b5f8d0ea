//! Somebody else's descriptor, read into a policy that means the same.
//!
//! [`find`] takes a text in any of the known forms and gives the descriptors in it; [`read`] wants
//! just one, lifts it, and takes it apart into ways to spend; and [`Imported::document`] writes the
//! policy, which keeps the descriptor itself, so that it compiles to the same scripts.
//!
//! Whatever comes in is hostile: sizes and depths have caps, and nothing is guessed.  What cannot
//! be a policy is refused by the name of its [`Family`].

mod bsms;
mod core;
mod document;
mod encrypted;
mod family;
mod lift;
mod merge;
mod party;
mod reused;
mod source;
mod wallet_policy;
mod way;

use std::sync::Arc;

use bitcoin::bip32::Fingerprint;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use thiserror::Error;

use crate::compile::compile;
use crate::policy::{Network, Severity, check};

pub use self::document::Naming;
pub use self::encrypted::{decrypt, is_encrypted};
pub use self::family::{Family, Refusal};
pub use self::party::Holder;
pub use self::source::{Checksum, Found, Source, find, stated_id};
pub use self::way::{Expr, Way};

/// Most bytes that are read.
pub const MAX_BYTES: usize = 1 << 20;

/// Most bytes of one descriptor: a script of the largest size with the longest keys is far below.
pub const MAX_DESCRIPTOR_BYTES: usize = 128 << 10;

/// Most fragments one inside the other, in one descriptor.
pub const MAX_DEPTH: usize = 128;

/// Most key expressions in one descriptor.
pub const MAX_KEYS: usize = 512;

/// Most descriptors in one text.
pub const MAX_DESCRIPTORS: usize = 256;

/// A descriptor from elsewhere, taken apart.
#[derive(Clone, Debug)]
pub struct Imported {
    source: Source,
    name: Option<String>,
    descriptor: Descriptor<DescriptorPublicKey>,
    holders: Vec<Holder>,
    ways: Vec<Way>,
    network: Option<Network>,
}

impl Imported {
    /// The form it came in.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// The descriptor, with receive and change branches where it has both.
    #[must_use]
    pub const fn descriptor(&self) -> &Descriptor<DescriptorPublicKey> {
        &self.descriptor
    }

    /// Who signs: every distinct key, in the order in which they first stand in the descriptor.
    #[must_use]
    pub fn holders(&self) -> &[Holder] {
        &self.holders
    }

    /// The ways to spend, in the order of the descriptor; the first is the one of root.
    #[must_use]
    pub fn ways(&self) -> &[Way] {
        &self.ways
    }

    /// Whether the policy that is written compiles to the descriptor; if not, why.
    fn check(&self) -> Result<(), String> {
        let checked = check(&self.document(&Naming::default()));
        let Some(policy) = checked.policy else {
            let errors = checked.diagnostics.into_iter();
            let errors = errors.filter(|found| found.severity() == Severity::Error);
            let messages: Vec<String> = errors.map(|found| found.message().to_owned()).collect();
            return Err(source::shown(&messages.join("; ")));
        };
        match compile(Arc::new(policy)) {
            Ok(_) => Ok(()),
            Err(error) => Err(source::shown(&error.to_string())),
        }
    }
}

/// Reads a text that holds one descriptor.
///
/// # Errors
///
/// If there is no descriptor or more than one, if its checksum is missing or wrong where the form
/// has one, if its first address is another than the text says, or if it is of a family that no
/// policy can hold; what is returned has been compiled back to the same descriptor.
pub fn read(text: &str) -> Result<Imported, ImportError> {
    let mut found = find(text)?.into_iter();
    let Some(one) = found.next() else {
        return Err(ImportError::Nothing);
    };
    if found.len() > 0 {
        let all = std::iter::once(one).chain(found);
        return Err(ImportError::Several {
            choices: all.map(|found| found.descriptor.to_string()).collect(),
        });
    }
    one.check_checksum()?;
    let network = one.check_address()?;
    let holders = party::holders(&one.descriptor)?;
    match fitted(&one, &one.descriptor, &holders, network) {
        Err(refusal) if refusal.family == Family::Unfitted => {
            Err(reuse(&one, &holders, network).unwrap_or(refusal).into())
        }
        fitted => Ok(fitted?),
    }
}

/// The first reading of a descriptor that compiles back to it.
fn fitted(
    one: &Found,
    descriptor: &Descriptor<DescriptorPublicKey>,
    holders: &[Holder],
    network: Option<Network>,
) -> Result<Imported, Refusal> {
    let mut refusal = None;
    let mut tried: Option<Vec<Way>> = None;
    for seats in [true, false] {
        let ways = match way::ways(descriptor, holders, seats) {
            Ok(ways) if tried.as_ref() == Some(&ways) => continue,
            Ok(ways) => ways,
            Err(error) => {
                refusal.get_or_insert(error);
                continue;
            }
        };
        let imported = Imported {
            source: one.source,
            name: one.name.clone(),
            descriptor: descriptor.clone(),
            holders: holders.to_vec(),
            ways,
            network,
        };
        match imported.check() {
            Ok(()) => return Ok(imported),
            Err(reason) => {
                refusal.get_or_insert_with(|| Family::Unfitted.refuse(reason));
            }
        }
        tried = Some(imported.ways);
    }
    Err(refusal.unwrap_or_else(|| Family::Unfitted.refuse("nothing in it fits")))
}

/// That accounts in several places are why a descriptor fits no policy: it would fit one if each
/// place had an account of its own.
fn reuse(one: &Found, holders: &[Holder], network: Option<Network>) -> Option<Refusal> {
    let apart = reused::apart(&one.descriptor, holders)?;
    let holders = party::holders(&apart.descriptor).ok()?;
    fitted(one, &apart.descriptor, &holders, network).ok()?;
    let accounts = apart.reused.iter();
    let accounts = accounts
        .map(|(holder, count)| format!("`{}` stands in {count} places", holder.expression()));
    let accounts: Vec<String> = accounts.collect();
    Some(Family::AccountReused.refuse(accounts.join(", ")))
}

/// Why a text is not read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImportError {
    /// A limit, with what exceeds it.
    #[error("{what} exceeds the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// No descriptor in it.
    #[error(
        "there is no descriptor in this text: write `tr(…)#checksum` or `wsh(…)#checksum`, or give a file of Bitcoin Core, a wallet policy (BIP-388) or a BSMS record"
    )]
    Nothing,
    /// More than one descriptor, besides pairs of receive and change.
    #[error(
        "there are {} descriptors in this text, and a policy is made of one, with its change descriptor; give one of these alone, as the argument of `longstop import`: {}",
        choices.len(), listed(choices)
    )]
    Several {
        /// What each of them is.
        choices: Vec<String>,
    },
    /// Descriptors that no policy can hold, beside some that might be imported.
    #[error(
        "{} in this text is no descriptor of a policy, and a policy is made of one descriptor; give what is to be one alone, as the argument of `longstop import`: {}",
        others.join(", "), listed(choices)
    )]
    Beside {
        /// The others, by their outer fragments.
        others: Vec<String>,
        /// The descriptors to choose from.
        choices: Vec<String>,
    },
    /// A descriptor without checksum.
    #[error("the descriptor has no checksum; if it is complete, write `#{expected}` at its end")]
    ChecksumMissing {
        /// What it would be.
        expected: String,
    },
    /// A descriptor with the checksum of another.
    #[error(
        "the checksum of the descriptor is `{given}` and should be `{expected}`: a character of one or the other is wrong; copy it again"
    )]
    ChecksumWrong {
        /// What stands there.
        given: String,
        /// What should.
        expected: String,
    },
    /// Not a descriptor that can be read.
    #[error("this is no descriptor: {0}")]
    Malformed(String),
    /// A file of a known form with something wrong in it.
    #[error("this is no {form}: {reason}")]
    BadForm {
        /// The form.
        form: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The first address of a record is not that of its descriptor.
    #[error(
        "the record says that the first address is `{said}`, but that of its descriptor is `{is}`: one of the two was changed"
    )]
    Address {
        /// What the record says.
        said: String,
        /// What the descriptor gives.
        is: String,
    },
    /// A name for somebody whose key is not there.
    #[error(
        "nobody in this descriptor has the fingerprint `{given}`; there {}",
        fingerprints(known)
    )]
    NobodysFingerprint {
        /// The fingerprint.
        given: Fingerprint,
        /// Those there are.
        known: Vec<Fingerprint>,
    },
    /// Two names for one fingerprint.
    #[error("the fingerprint `{fingerprint}` has two names; give it one")]
    NamedTwice {
        /// The fingerprint.
        fingerprint: Fingerprint,
    },
    /// A name that a party cannot have.
    #[error(
        "`{given}` is no name of a party; write 1 to 64 letters, digits, `-` or `_`, such as `alice`"
    )]
    NoName {
        /// What was given.
        given: String,
    },
    /// One name for two fingerprints.
    #[error("two parties are to be called `{name}`; give each a name of its own")]
    SameName {
        /// The name.
        name: String,
    },
    /// A known kind of descriptor that no policy can hold.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Descriptors to choose from, in backticks.
fn listed(choices: &[String]) -> String {
    const MOST: usize = 5;
    let shown = choices.iter().take(MOST);
    let shown: Vec<String> = shown.map(|choice| format!("`{choice}`")).collect();
    let shown = shown.join(", ");
    match choices.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

fn fingerprints(known: &[Fingerprint]) -> String {
    let all: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
    match all.as_slice() {
        [] => "is none in it".to_owned(),
        [only] => format!("is only {only}"),
        _ => format!("are {}", all.join(", ")),
    }
}

//! What is refused, by name.

use std::fmt;

use thiserror::Error;

/// A family of descriptors that no policy can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// A script that is neither taproot nor P2WSH by itself.
    OtherScript,
    /// A script or an address without the keys behind it.
    Opaque,
    /// `sha256`, `hash256`, `ripemd160`, `hash160`.
    HashLock,
    /// `musig`.
    Musig,
    /// `sortedmulti_a`.
    SortedMultiA,
    /// A private key.
    PrivateKey,
    /// Hardened steps after an extended key.
    HardenedSteps,
    /// An extended key without a wildcard.
    NoWildcard,
    /// A key with more than two branches, or some keys with branches and others without.
    Branches,
    /// An origin that the key itself contradicts.
    BadOrigin,
    /// Keys of main and test networks.
    MixedNetworks,
    /// A way to spend that needs no key.
    Keyless,
    /// Every way to spend waits.
    AllLocked,
    /// A lock that is none, or not the one its number says.
    BadLock,
    /// Heights and times in one way to spend.
    MixedLocks,
    /// One signer twice in one threshold.
    SignerTwice,
    /// More ways to spend, or more seats, than a policy has.
    TooMany,
    /// One account in several places that cannot be told apart.
    AccountReused,
    /// No policy was found that means the same.
    Unfitted,
    /// Malleable, with repeated keys, against a rule of miniscript, or beyond a limit of its script.
    Unsound,
}

impl Family {
    /// All families.
    pub const ALL: [Self; 20] = [
        Self::OtherScript,
        Self::Opaque,
        Self::HashLock,
        Self::Musig,
        Self::SortedMultiA,
        Self::PrivateKey,
        Self::HardenedSteps,
        Self::NoWildcard,
        Self::Branches,
        Self::BadOrigin,
        Self::MixedNetworks,
        Self::Keyless,
        Self::AllLocked,
        Self::BadLock,
        Self::MixedLocks,
        Self::SignerTwice,
        Self::TooMany,
        Self::AccountReused,
        Self::Unfitted,
        Self::Unsound,
    ];

    /// Whether it is about the kind of script alone, so that others beside it may be read.
    pub(super) const fn is_other(self) -> bool {
        matches!(self, Self::OtherScript | Self::Opaque)
    }

    /// The name, which is stable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OtherScript => "other-script",
            Self::Opaque => "opaque",
            Self::HashLock => "hash-lock",
            Self::Musig => "musig",
            Self::SortedMultiA => "sortedmulti-a",
            Self::PrivateKey => "private-key",
            Self::HardenedSteps => "hardened-steps",
            Self::NoWildcard => "no-wildcard",
            Self::Branches => "branches",
            Self::BadOrigin => "bad-origin",
            Self::MixedNetworks => "mixed-networks",
            Self::Keyless => "keyless",
            Self::AllLocked => "all-locked",
            Self::BadLock => "bad-lock",
            Self::MixedLocks => "mixed-locks",
            Self::SignerTwice => "signer-twice",
            Self::TooMany => "too-many",
            Self::AccountReused => "account-reused",
            Self::Unfitted => "unfitted",
            Self::Unsound => "unsound",
        }
    }

    /// Why no policy holds it, and what would be right.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::OtherScript => {
                "a policy is `tr(…)` or `wsh(…)`; move the coins of another script to one of these"
            }
            Self::Opaque => {
                "it has no keys to make parties of; find the descriptor that it was made from"
            }
            Self::HashLock => "a policy has no hash locks: who knows a preimage is nobody",
            Self::Musig => {
                "aggregated keys cannot be read yet; give the aggregate as one extended key if its signers act as one party"
            }
            Self::SortedMultiA => "`sortedmulti_a` cannot be read yet; `multi_a` can",
            Self::PrivateKey => {
                "a private key stands in it; move the coins off this key, and give the descriptor with public keys"
            }
            Self::HardenedSteps => {
                "only the private key can take hardened steps; export the account at the deeper path, so that they stand inside the brackets"
            }
            Self::NoWildcard => {
                "an extended key without a wildcard gives one address for ever; write `/<0;1>/*` after it if the wallet has more"
            }
            Self::Branches => {
                "every key needs the same two branches, receive and change, such as `/<0;1>/*`, or none of them any"
            }
            Self::BadOrigin => {
                "an extended key tells its depth and its last step, and for the first steps its master key; copy the key again from its signing device"
            }
            Self::MixedNetworks => {
                "keys of the main network and of test networks stand beside one another"
            }
            Self::Keyless => "coins could be spent without any signature",
            Self::AllLocked => "every way to spend waits, and root has none",
            Self::BadLock => {
                "the number of a lock is one that consensus reads as another, or as none"
            }
            Self::MixedLocks => {
                "one way to spend waits for a height and for a time of the same kind, which no transaction can state"
            }
            Self::SignerTwice => "one signer would count twice; give each seat a signer of its own",
            Self::TooMany => "it has more ways to spend, or more seats, than a policy can have",
            Self::AccountReused => {
                "a party is one account, and a policy cannot say which of these places is meant; give each place an account of its own, and it is read"
            }
            Self::Unfitted => {
                "no policy was found that is spent just like it; write it with fewer conditions inside one another"
            }
            Self::Unsound => {
                "its script is malleable, repeats a key, breaks a rule of miniscript, or exceeds a limit"
            }
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a descriptor cannot become a policy: its family, and what of it is meant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no policy can hold this descriptor ({family}): {detail}: {}", family.reason())]
pub struct Refusal {
    /// The family.
    pub family: Family,
    /// The fragment, key or number that is meant.
    pub detail: String,
}

impl Family {
    /// A refusal of this family.
    pub(super) fn refuse(self, detail: impl Into<String>) -> Refusal {
        Refusal {
            family: self,
            detail: detail.into(),
        }
    }
}

/// The families that a fragment by its name belongs to.
const FRAGMENTS: [(&str, Family); 12] = [
    ("sha256", Family::HashLock),
    ("hash256", Family::HashLock),
    ("ripemd160", Family::HashLock),
    ("hash160", Family::HashLock),
    ("musig", Family::Musig),
    ("sortedmulti_a", Family::SortedMultiA),
    ("raw", Family::Opaque),
    ("addr", Family::Opaque),
    ("rawtr", Family::Opaque),
    ("expr_raw_pkh", Family::Opaque),
    ("expr_raw_pk_h", Family::Opaque),
    ("combo", Family::OtherScript),
];

/// Refuses a text, before it is parsed, for a fragment that cannot be read or held.
pub(super) fn check_fragments(text: &str) -> Result<(), Refusal> {
    for head in text.split('(').rev().skip(1) {
        let name = head
            .rsplit([',', '{', '(', ':'])
            .next()
            .unwrap_or_default()
            .trim();
        if let Some((name, family)) = FRAGMENTS.iter().find(|(known, _)| *known == name) {
            return Err(family.refuse(format!("`{name}(…)`")));
        }
    }
    check_locks(text)?;
    let outer = text.split('(').next().unwrap_or_default().trim();
    match outer {
        "tr" | "wsh" => Ok(()),
        "pk" | "pkh" | "wpkh" | "sh" | "multi" | "sortedmulti" => {
            Err(Family::OtherScript.refuse(format!("`{outer}(…)`")))
        }
        // Whatever else it is, the parser says so.
        _ => Ok(()),
    }
}

/// Refuses the numbers of locks that the parser takes for no number at all (BIP-379: from 1 to
/// 2^31 - 1).
fn check_locks(text: &str) -> Result<(), Refusal> {
    for lock in ["older", "after"] {
        for rest in text.split(&format!("{lock}(")).skip(1) {
            let number = rest.split(')').next().unwrap_or_default().trim();
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            let fits = number
                .parse::<u32>()
                .is_ok_and(|number| (1..1 << 31).contains(&number));
            if is_number && !fits {
                let number: String = number.chars().take(24).collect();
                return Err(Family::BadLock.refuse(format!("`{lock}({number})` is no lock")));
            }
        }
    }
    Ok(())
}

//! The policy as somebody typed it: plain values with their places, nothing promised.
//!
//! Reading a text never fails.  What could be read is in the [`Document`], what could not is in
//! its problems, and [`Document::check`] reports both kinds together with everything it finds
//! itself.

mod activation;
mod canonical;
mod fields;
mod parse;
mod path;
mod quorum;

use std::fmt;
use std::sync::Arc;

use bitcoin::FeeRate;
use ed25519_dalek::VerifyingKey;
use miniscript::descriptor::checksum::desc_checksum;
use toml::de::DeTable;

use crate::units::{AbsoluteLock, BlockHeight};

use super::key::{AccountKey, fee_wallet_key};
use super::period::{Clock, Duration};
use super::script::Imported;
use super::{
    Custody, CustodyFact, Diagnostic, Domain, ItemKind, Layout, Network, Purpose, ScriptType, Span,
    TransactionVersion,
};

pub(in crate::policy) use self::activation::{ActivationEntry, Condition};
pub(crate) use self::fields::did_you_mean;
pub(in crate::policy) use self::fields::{Fields, SUGGESTIONS_MAX};
pub(crate) use self::parse::MAX_RUNG;
pub(in crate::policy) use self::parse::toml_table;

/// The feerate of pre-signed transactions where the policy is silent.
const DEFAULT_BASE_FEE: FeeRate = FeeRate::from_sat_per_vb_u32(2);

/// The feerates at which transactions of version 2 are signed in advance where the policy is
/// silent, in sat/vB: a quiet day, a busy one, and one of the worst so far.
const DEFAULT_RUNGS: [u64; 3] = [2, 20, 100];

/// How often root spends against the other ways out of the vault, where the policy is silent.
pub(in crate::policy) const DEFAULT_ROOT_LIKELIHOOD: u32 = 100;

/// The same for the trigger of a staged path.
const DEFAULT_STAGED_LIKELIHOOD: u32 = 20;

/// The same for a direct path.
const DEFAULT_DIRECT_LIKELIHOOD: u32 = 5;

/// The likelihoods that can be stated.
pub(in crate::policy) const LIKELIHOODS: std::ops::RangeInclusive<u64> = 1..=10_000;

/// Most bytes a policy may have.
pub(in crate::policy) const MAX_BYTES: usize = 1 << 20;

/// Most parties.
pub(in crate::policy) const MAX_PARTIES: usize = 256;

/// Most quorums.
pub(in crate::policy) const MAX_QUORUMS: usize = 256;

/// Most members in the list of one quorum.
pub(in crate::policy) const MAX_MEMBERS: usize = 128;

/// Most spending paths.
pub(in crate::policy) const MAX_PATHS: usize = 64;

/// Most items beside the keys of the parties.
pub(in crate::policy) const MAX_ITEMS: usize = 256;

/// Deepest nesting of quorums and of activation conditions.
pub(in crate::policy) const MAX_DEPTH: usize = 8;

/// Most conditions in one activation.
pub(in crate::policy) const MAX_CONDITIONS: usize = 64;

/// A policy as it was typed, for [`check`](Self::check) to make a sound one of.
#[derive(Clone)]
pub struct Document {
    pub(in crate::policy) source: Arc<str>,
    /// What a script imported: spans beyond the end of the source lie in these texts.
    pub(in crate::policy) imported: Vec<Imported>,
    /// Whether a script built it.
    pub(in crate::policy) scripted: bool,
    /// Whether a script stopped before its end, so that the rest of the document is missing.
    pub(in crate::policy) stopped: bool,
    pub(in crate::policy) problems: Vec<Diagnostic>,
    pub(in crate::policy) settings: Settings,
    /// The names of parties and quorums of which nothing could be read, which are problems of their
    /// own.
    pub(in crate::policy) unread: Vec<String>,
    pub(in crate::policy) parties: Vec<PartyEntry>,
    pub(in crate::policy) quorums: Vec<QuorumEntry>,
    pub(in crate::policy) root: RootEntry,
    pub(in crate::policy) paths: Vec<PathEntry>,
    /// Whether something stands among the paths that is none, which is a problem of its own.
    pub(in crate::policy) paths_broken: bool,
    pub(in crate::policy) items: Vec<ItemEntry>,
    pub(in crate::policy) lints: Vec<LintEntry>,
}

impl Document {
    /// Reads a text, whatever it is.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        parse::document(text)
    }

    /// What a script built.
    pub(in crate::policy) fn scripted(
        source: Arc<str>,
        imported: Vec<Imported>,
        table: &DeTable<'_>,
        problems: Vec<Diagnostic>,
        stopped: bool,
    ) -> Self {
        parse::scripted(source, imported, table, problems, stopped)
    }

    /// A script that could not be run.
    pub(in crate::policy) fn stopped(source: Arc<str>, problem: Diagnostic) -> Self {
        let nothing = DeTable::new();
        parse::scripted(source, Vec::new(), &nothing, vec![problem], true)
    }

    /// The document in its one canonical form: a text that reads as the same document.
    ///
    /// Tables and fields stand in a fixed order, parties and quorums in the order of their names,
    /// defaults are spelled out, and comments are gone.  Of a document with errors it is what could
    /// be read, without any private key.
    #[must_use]
    pub fn canonical(&self) -> String {
        canonical::write(self)
    }

    /// How the leaves are laid out, typed or not.
    pub(in crate::policy) fn layout(&self) -> Layout {
        let typed = self.settings.layout.as_ref();
        typed.map_or(Layout::Device, |typed| typed.value)
    }

    /// The feerate of pre-signed transactions, typed or not.
    pub(in crate::policy) fn base_fee(&self) -> FeeRate {
        let typed = self.settings.base_fee.as_ref();
        typed.map_or(DEFAULT_BASE_FEE, |typed| typed.value)
    }

    /// The version of the transactions, typed or not.
    pub(in crate::policy) fn version(&self) -> TransactionVersion {
        let typed = self.settings.version.as_ref();
        typed.map_or(TransactionVersion::Three, |typed| typed.value)
    }

    /// The feerates at which transactions are signed in advance, lowest first, typed or not.
    pub(in crate::policy) fn rungs(&self) -> Vec<FeeRate> {
        if self.version() == TransactionVersion::Three {
            return vec![self.base_fee()];
        }
        let typed = self.settings.rungs.as_ref();
        let rates = typed.map_or_else(
            || DEFAULT_RUNGS.to_vec(),
            |typed| typed.value.iter().map(|rung| rung.value).collect(),
        );
        let rates = rates.into_iter().filter_map(FeeRate::from_sat_per_vb);
        rates.collect()
    }

    /// The same policy on another network with other keys.
    ///
    /// The function is given each party's name and each of its accounts (`key`, `veto`, and the
    /// one inside `fees`), and says which account stands in for it, in a descriptor from elsewhere
    /// too.  Accounts that cannot be read stay as they are.
    #[must_use]
    pub fn rekeyed(
        &self,
        network: Network,
        key: &mut dyn FnMut(&str, &AccountKey) -> AccountKey,
    ) -> Self {
        let mut document = self.clone();
        if let Some(typed) = &mut document.settings.network {
            typed.value = network;
        }
        for party in &mut document.parties {
            let name = party.name.value.clone();
            for typed in [&mut party.key, &mut party.veto].into_iter().flatten() {
                if let Some(descriptor) = &mut document.settings.descriptor {
                    if let Ok(account) = AccountKey::of_descriptor(&typed.value) {
                        let other = key(&name, &account);
                        descriptor.value = account.replaced_in(&descriptor.value, &other);
                        typed.value = other.to_string();
                    }
                } else if let Ok(account) = typed.value.parse() {
                    typed.value = key(&name, &account).to_string();
                }
            }
            if let Some(typed) = &mut party.fees
                && let Some(account) = fee_wallet_key(&typed.value)
                && let Ok(account) = account.parse()
            {
                typed.value = format!("wpkh({}/<0;1>/*)", key(&name, &account));
            }
        }
        if let Some(descriptor) = &mut document.settings.descriptor
            && descriptor.value != self.descriptor_text()
            && let Ok(checksum) = desc_checksum(&descriptor.value)
        {
            descriptor.value += &format!("#{checksum}");
        }
        document
    }

    fn descriptor_text(&self) -> &str {
        let descriptor = self.settings.descriptor.as_ref();
        descriptor.map_or("", |typed| typed.value.as_str())
    }

    /// The same policy with other identities, for every party that has one.
    #[must_use]
    pub fn with_identities(&self, identity: &mut dyn FnMut(&str) -> VerifyingKey) -> Self {
        let mut document = self.clone();
        for party in &mut document.parties {
            if let Some(typed) = &mut party.identity {
                let key = identity(&party.name.value).to_bytes();
                typed.value = key.iter().map(|byte| format!("{byte:02x}")).collect();
            }
        }
        document
    }
}

impl fmt::Debug for Document {
    /// The size only: what was typed can be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("bytes", &self.source.len())
            .finish_non_exhaustive()
    }
}

/// A value with its place in the text.
#[derive(Clone)]
pub(in crate::policy) struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Spanned<T> {
    pub(in crate::policy) const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// A value that may be missing.
pub(in crate::policy) type Typed<T> = Option<Spanned<T>>;

#[derive(Clone, Default)]
pub(in crate::policy) struct Settings {
    pub name: Typed<String>,
    pub network: Typed<Network>,
    pub script: Typed<ScriptType>,
    pub layout: Typed<Layout>,
    pub base_fee: Typed<FeeRate>,
    pub version: Typed<TransactionVersion>,
    /// In sat/vB.
    pub rungs: Typed<Vec<Spanned<u64>>>,
    pub descriptor: Typed<String>,
    pub accept_total_loss: Typed<String>,
}

#[derive(Clone)]
pub(in crate::policy) struct PartyEntry {
    pub name: Spanned<String>,
    pub key: Typed<String>,
    pub identity: Typed<String>,
    pub veto: Typed<String>,
    pub fees: Typed<String>,
    pub custody: CustodyEntry,
}

/// What was typed of where something is kept.
#[derive(Clone, Default)]
pub(in crate::policy) struct CustodyEntry(pub Vec<(Domain, Spanned<String>)>);

impl CustodyEntry {
    /// What it says, without what is blank.
    pub(in crate::policy) fn facts(&self) -> Custody {
        let facts = self.0.iter();
        facts
            .filter_map(|(domain, text)| Some((*domain, CustodyFact::of_text(&text.value)?)))
            .collect()
    }
}

#[derive(Clone)]
pub(in crate::policy) struct ItemEntry {
    pub name: Spanned<String>,
    pub kind: Typed<ItemKind>,
    pub of: Typed<String>,
    pub paths: Typed<Vec<Spanned<String>>>,
    pub custody: CustodyEntry,
    /// Whether something in the table could not be read.
    pub broken: bool,
}

#[derive(Clone)]
pub(in crate::policy) struct QuorumEntry {
    pub name: Spanned<String>,
    pub threshold: Typed<u64>,
    pub members: Option<Members>,
    pub roster: Option<RosterEntry>,
}

/// The members who usually act, and how often.
#[derive(Clone)]
pub(in crate::policy) struct RosterEntry {
    pub of: Typed<Vec<Spanned<String>>>,
    pub share: Typed<u8>,
}

#[derive(Clone)]
pub(in crate::policy) enum Members {
    Listed(Spanned<Vec<Spanned<String>>>),
    SameAs(Spanned<String>),
    /// Members with their weights; the threshold of the entry is a weight then.
    Weighted(Spanned<Vec<(Spanned<String>, Spanned<u64>)>>),
}

#[derive(Clone, Default)]
pub(in crate::policy) struct RootEntry {
    pub span: Span,
    pub quorum: Typed<String>,
    pub refresh: Typed<Duration>,
    pub likelihood: Typed<u64>,
    /// Whether something in the table could not be read.
    pub broken: bool,
}

#[derive(Clone)]
pub(in crate::policy) struct PathEntry {
    pub span: Span,
    pub name: Typed<String>,
    pub purpose: Typed<Purpose>,
    pub quorum: Typed<String>,
    pub clock: Typed<Clock>,
    pub delay: Typed<Duration>,
    pub unlock_at: Typed<AbsoluteLock>,
    pub unlock_height: Typed<AbsoluteLock>,
    pub likelihood: Typed<u64>,
    pub escrow: Option<EscrowEntry>,
    pub lockup: Option<LockupEntry>,
    /// Whether `escrow` or `lockup` is there, and is no table.
    pub stages_unread: bool,
    pub activation: Option<ActivationEntry>,
    /// Whether something in the table could not be read.
    pub broken: bool,
}

impl PathEntry {
    pub(in crate::policy) fn clock(&self) -> Clock {
        self.clock
            .as_ref()
            .map_or(Clock::default(), |typed| typed.value)
    }

    pub(in crate::policy) fn purpose(&self) -> Purpose {
        self.purpose
            .as_ref()
            .map_or(Purpose::Recover, |typed| typed.value)
    }

    /// The likelihood where the policy is silent.
    pub(in crate::policy) const fn default_likelihood(&self) -> u32 {
        if self.escrow.is_some() {
            DEFAULT_STAGED_LIKELIHOOD
        } else {
            DEFAULT_DIRECT_LIKELIHOOD
        }
    }

    /// Where to point for the path as a whole.
    pub(in crate::policy) fn place(&self) -> Span {
        self.name.as_ref().map_or(self.span, |name| name.span)
    }

    /// What to call it.
    pub(in crate::policy) fn title(&self) -> String {
        self.name.as_ref().map_or_else(
            || "this path".to_owned(),
            |name| format!("path {}", super::shown::quote(&name.value)),
        )
    }
}

#[derive(Clone)]
pub(in crate::policy) struct EscrowEntry {
    pub span: Span,
    pub window: Typed<Duration>,
    pub veto: Typed<String>,
    pub depth: Typed<u64>,
    pub backstop: Typed<Duration>,
}

#[derive(Clone)]
pub(in crate::policy) struct LockupEntry {
    pub span: Span,
    pub period: Typed<Duration>,
    pub clawback: Typed<bool>,
    pub quorum: Typed<String>,
    pub beneficiary: Typed<String>,
}

#[derive(Clone)]
pub(in crate::policy) struct LintEntry {
    pub code: Spanned<String>,
    pub reason: Spanned<String>,
}

/// Heights stand here so that the two unlock fields have one type.
pub(in crate::policy) fn height_lock(height: u64) -> Option<AbsoluteLock> {
    let height = u32::try_from(height).ok()?;
    AbsoluteLock::from_height(BlockHeight(height)).ok()
}

//! What a group has agreed on: who may move its coins, when, and who may object.
//!
//! A [`Document`] is a policy as somebody typed it: plain values with their places in the text,
//! nothing promised.  A [`Policy`] is what [`check`] makes of a document that has no error: every
//! name is resolved, every threshold can be met, every period fits a lock, and every key can be
//! derived from.  Nothing after this module asks again.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = std::fs::read_to_string("policies/dao-treasury/policy.toml")?;
//! let checked = longstop::policy::check(&text);
//! let policy = checked.policy.ok_or("the policy has errors")?;
//! assert_eq!(policy.root().quorum().threshold(), 3);
//! assert_eq!(policy.paths().len(), 2);
//! # Ok(())
//! # }
//! ```

mod activation;
mod check;
mod code;
mod custody;
mod diagnostic;
mod document;
mod format;
mod guarantee;
mod identity;
mod key;
mod language;
mod lint;
mod period;
mod quorum;
mod refusal;
mod rule;
mod schema;
mod script;
mod shown;
mod version;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bitcoin::FeeRate;
use serde::{Deserialize, Serialize};

use crate::units::AbsoluteLock;

pub use self::activation::Activation;
pub use self::check::{Checked, Silenced, check, is_name};
pub use self::code::{Code, Example, Severity};
pub use self::custody::{Custody, CustodyFact, Domain, Item, ItemKind};
pub(crate) use self::diagnostic::position;
pub use self::diagnostic::{Diagnostic, Label, Located, LocatedLabel, Span};
pub use self::document::Document;
pub(crate) use self::document::{MAX_RUNG, did_you_mean};
pub use self::format::{FormatError, format};
pub use self::guarantee::Guarantee;
pub use self::identity::{IdentityError, identity_key};
pub use self::key::{AccountKey, AccountKeyError, FeeWallet, steps};
pub use self::period::{Clock, Duration, DurationError, Period};
pub use self::quorum::{Member, Party, Quorum, Roster};
pub use self::refusal::{Part, Refusal};
pub use self::rule::{
    ActivationFacts, Alarm, Ballots, Case, Cases, CasesError, Facts, Fault, Heartbeat, Payee,
    Question, Rule, Sats, Silence, Spend, SpendKind, SpendStage, Vault, Verdict,
};

pub use self::schema::schema;
pub use self::script::{
    Allowed, Imports, LIMITS, Limits, NoImports, Parameter, Script, ScriptRun, Value, code_alone,
};
pub(crate) use self::shown::{hidden, list, quote};
pub use self::shown::{in_markup, is_invisible, secrets};
pub use self::version::TransactionVersion;

/// A sound policy.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(in crate::policy) name: String,
    pub(in crate::policy) network: Network,
    pub(in crate::policy) script: ScriptType,
    pub(in crate::policy) layout: Layout,
    pub(in crate::policy) version: TransactionVersion,
    pub(in crate::policy) rungs: Vec<FeeRate>,
    pub(in crate::policy) descriptor: Option<String>,
    pub(in crate::policy) accept_total_loss: Option<String>,
    pub(in crate::policy) parties: BTreeMap<String, Arc<Party>>,
    pub(in crate::policy) quorums: BTreeMap<String, Arc<Quorum>>,
    pub(in crate::policy) items: BTreeMap<String, Item>,
    pub(in crate::policy) root: Root,
    pub(in crate::policy) paths: Vec<SpendingPath>,
    pub(in crate::policy) accepted: BTreeMap<String, String>,
    pub(in crate::policy) canonical: String,
}

impl Policy {
    /// The name of the policy.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The network all keys and addresses belong to.
    #[must_use]
    pub const fn network(&self) -> Network {
        self.network
    }

    /// The kind of script the descriptors use.
    #[must_use]
    pub const fn script(&self) -> ScriptType {
        self.script
    }

    /// How the leaves of the descriptors are laid out.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// The descriptor of the vault, where it was made elsewhere and the policy says what it means.
    ///
    /// It is as it was typed, without white space around it.  Whether it means what the rest of
    /// the policy says is for the compiler to find.
    #[must_use]
    pub fn descriptor(&self) -> Option<&str> {
        self.descriptor.as_deref()
    }

    /// The version of all transactions.
    #[must_use]
    pub const fn version(&self) -> TransactionVersion {
        self.version
    }

    /// The feerates at which transactions are signed in advance, one or more, lowest first.
    ///
    /// With version 3 there is one, the base fee, which a fee child adds to.
    #[must_use]
    pub fn rungs(&self) -> &[FeeRate] {
        &self.rungs
    }

    /// The least that pre-signed transactions pay by themselves.
    #[must_use]
    pub fn base_fee(&self) -> FeeRate {
        self.rungs
            .first()
            .copied()
            .unwrap_or(FeeRate::BROADCAST_MIN)
    }

    /// The most that pre-signed transactions pay by themselves.
    #[must_use]
    pub fn highest_rung(&self) -> FeeRate {
        self.rungs.last().copied().unwrap_or(FeeRate::BROADCAST_MIN)
    }

    /// The number of the lowest rung that pays a feerate, from 0; of the highest if none does.
    #[must_use]
    pub fn rung_for(&self, feerate: FeeRate) -> usize {
        let mut rungs = self.rungs.iter();
        let highest = self.rungs.len().saturating_sub(1);
        rungs.position(|rung| *rung >= feerate).unwrap_or(highest)
    }

    /// The reason given for having no path that survives the total loss of root.
    #[must_use]
    pub fn accept_total_loss(&self) -> Option<&str> {
        self.accept_total_loss.as_deref()
    }

    /// All parties in the order of their names.
    pub fn parties(&self) -> impl Iterator<Item = &Arc<Party>> {
        self.parties.values()
    }

    /// The party of this name.
    #[must_use]
    pub fn party(&self, name: &str) -> Option<&Arc<Party>> {
        self.parties.get(name)
    }

    /// All quorums in the order of their names.
    pub fn quorums(&self) -> impl Iterator<Item = &Arc<Quorum>> {
        self.quorums.values()
    }

    /// The regular holders of the coins.
    #[must_use]
    pub const fn root(&self) -> &Root {
        &self.root
    }

    /// The spending paths in the order of the document.
    #[must_use]
    pub fn paths(&self) -> &[SpendingPath] {
        &self.paths
    }

    /// The path of this name.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<&SpendingPath> {
        self.paths.iter().find(|path| path.name == name)
    }

    /// The codes of the lints that the policy silences, each with its reason.
    pub fn accepted(&self) -> impl Iterator<Item = (&str, &str)> {
        let accepted = self.accepted.iter();
        accepted.map(|(code, reason)| (code.as_str(), reason.as_str()))
    }

    /// The document in its one canonical form, from which the policy id is computed.
    ///
    /// Two texts that differ in comments, order of tables, layout or spelled-out defaults have
    /// the same canonical form.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// The network a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// The network where coins have a price.
    Bitcoin,
    /// The fourth public test network (BIP-94).
    Testnet4,
    /// The signed test network (BIP-325).
    Signet,
    /// A private chain for tests.
    Regtest,
}

impl Network {
    /// All networks with the words a policy uses for them.
    pub const ALL: [(&'static str, Self); 4] = [
        ("bitcoin", Self::Bitcoin),
        ("testnet4", Self::Testnet4),
        ("signet", Self::Signet),
        ("regtest", Self::Regtest),
    ];

    /// The network as the bitcoin crate names it.
    #[must_use]
    pub const fn to_bitcoin(self) -> bitcoin::Network {
        match self {
            Self::Bitcoin => bitcoin::Network::Bitcoin,
            Self::Testnet4 => bitcoin::Network::Testnet4,
            Self::Signet => bitcoin::Network::Signet,
            Self::Regtest => bitcoin::Network::Regtest,
        }
    }

    /// Whether keys are written `xpub` (main) or `tpub` (test).
    #[must_use]
    pub const fn kind(self) -> bitcoin::NetworkKind {
        match self {
            Self::Bitcoin => bitcoin::NetworkKind::Main,
            Self::Testnet4 | Self::Signet | Self::Regtest => bitcoin::NetworkKind::Test,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bitcoin => "bitcoin",
            Self::Testnet4 => "testnet4",
            Self::Signet => "signet",
            Self::Regtest => "regtest",
        })
    }
}

/// The kind of output script of every stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ScriptType {
    /// Taproot script paths (BIP-341, BIP-386).
    Tr,
    /// Segregated witness version 0 script hash (BIP-141, BIP-382).
    Wsh,
}

impl ScriptType {
    /// All script types with the words a policy uses for them.
    pub const ALL: [(&'static str, Self); 2] = [("tr", Self::Tr), ("wsh", Self::Wsh)];
}

impl fmt::Display for ScriptType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tr => "tr",
            Self::Wsh => "wsh",
        })
    }
}

/// How the leaves of the descriptors are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One leaf for each way to spend, so that signing devices can register the descriptors.
    Device,
    /// As many leaves as make spending cheapest in expectation.
    Cheapest,
}

impl Layout {
    /// All layouts with the words a policy uses for them.
    pub const ALL: [(&'static str, Self); 2] =
        [("device", Self::Device), ("cheapest", Self::Cheapest)];
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Device => "device",
            Self::Cheapest => "cheapest",
        })
    }
}

/// The regular holders: they spend at once, arm coins, and override an escrow.
#[derive(Clone, Debug)]
pub struct Root {
    pub(in crate::policy) quorum: Arc<Quorum>,
    pub(in crate::policy) refresh: Option<Period>,
    pub(in crate::policy) likelihood: u32,
}

impl Root {
    /// Who they are.
    #[must_use]
    pub const fn quorum(&self) -> &Arc<Quorum> {
        &self.quorum
    }

    /// How often root promises to move or refresh every coin, if it does.
    #[must_use]
    pub const fn refresh(&self) -> Option<&Period> {
        self.refresh.as_ref()
    }

    /// How often a vault coin is spent by root, against the likelihoods of the paths.
    #[must_use]
    pub const fn likelihood(&self) -> u32 {
        self.likelihood
    }

    /// The only key of root, where root is one party: it becomes the taproot key path.
    #[must_use]
    pub fn single_party(&self) -> Option<&Arc<Party>> {
        self.quorum.single_party()
    }
}

/// One way to move coins beside root's own.
#[derive(Clone, Debug)]
pub struct SpendingPath {
    pub(in crate::policy) name: String,
    pub(in crate::policy) quorum: Arc<Quorum>,
    pub(in crate::policy) likelihood: u32,
    pub(in crate::policy) kind: PathKind,
}

impl SpendingPath {
    /// The name of the path, unique in its policy.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who acts on it.
    #[must_use]
    pub const fn quorum(&self) -> &Arc<Quorum> {
        &self.quorum
    }

    /// How often a vault coin leaves by this path, against the likelihoods of root and of the
    /// other paths.
    #[must_use]
    pub const fn likelihood(&self) -> u32 {
        self.likelihood
    }

    /// Whether it is direct or staged, and its terms.
    #[must_use]
    pub const fn kind(&self) -> &PathKind {
        &self.kind
    }

    /// The terms of a direct path.
    #[must_use]
    pub const fn direct(&self) -> Option<&Direct> {
        match &self.kind {
            PathKind::Direct(direct) => Some(direct),
            PathKind::Staged(_) => None,
        }
    }

    /// The terms of a staged path.
    #[must_use]
    pub const fn staged(&self) -> Option<&Staged> {
        match &self.kind {
            PathKind::Direct(_) => None,
            PathKind::Staged(staged) => Some(staged),
        }
    }
}

/// The two kinds of spending path.
#[derive(Clone, Debug)]
pub enum PathKind {
    /// One transaction from the vault, after a lock.
    Direct(Direct),
    /// Trigger, escrow with a veto window, settle, and a lock-up.
    Staged(Staged),
}

/// A path that needs no pre-signature: the chain alone decides when it opens.
#[derive(Clone, Debug)]
pub struct Direct {
    pub(in crate::policy) delay: Option<Period>,
    pub(in crate::policy) unlock: Option<AbsoluteLock>,
}

impl Direct {
    /// How long each coin must have been at rest, if it must.
    #[must_use]
    pub const fn delay(&self) -> Option<&Period> {
        self.delay.as_ref()
    }

    /// The height or date before which the path is closed for every coin, if there is one.
    #[must_use]
    pub const fn unlock(&self) -> Option<AbsoluteLock> {
        self.unlock
    }
}

/// A path whose trigger root has signed in advance.
#[derive(Clone, Debug)]
pub struct Staged {
    pub(in crate::policy) window: Period,
    pub(in crate::policy) veto: Arc<Quorum>,
    pub(in crate::policy) depth: u8,
    pub(in crate::policy) outcome: Outcome,
    pub(in crate::policy) activation: Option<Activation>,
}

impl Staged {
    /// How long the escrow can be cancelled before it can be settled.
    #[must_use]
    pub const fn window(&self) -> &Period {
        &self.window
    }

    /// Who can object: their signatures complete the cancel.
    #[must_use]
    pub const fn veto(&self) -> &Arc<Quorum> {
        &self.veto
    }

    /// How many triggers in a row are signed in advance, at least one.
    #[must_use]
    pub const fn depth(&self) -> u8 {
        self.depth
    }

    /// What becomes of the coin when nobody objects.
    #[must_use]
    pub const fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The terms of a recover path with a lock-up.
    #[must_use]
    pub const fn lockup(&self) -> Option<&Lockup> {
        match &self.outcome {
            Outcome::Lockup(lockup) => Some(lockup),
            Outcome::Payees(_) => None,
        }
    }

    /// Off-chain conditions under which honest software signs the trigger.
    #[must_use]
    pub const fn activation(&self) -> Option<&Activation> {
        self.activation.as_ref()
    }
}

/// What a settle does.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The coin goes into a lock-up: root has signed the settle in advance.
    Lockup(Lockup),
    /// The path's quorum pays out at once, signing live.
    Payees(Purpose),
}

/// What a staged path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// To rescue coins that root no longer moves.
    Recover,
    /// To spend day by day.
    Spend,
}

impl Purpose {
    /// All purposes with the words a policy uses for them.
    pub const ALL: [(&'static str, Self); 2] = [("recover", Self::Recover), ("spend", Self::Spend)];
}

/// The waiting room of a recovered coin.
#[derive(Clone, Debug)]
pub struct Lockup {
    pub(in crate::policy) period: Period,
    pub(in crate::policy) clawback: bool,
    pub(in crate::policy) quorum: Option<Arc<Quorum>>,
    pub(in crate::policy) backstop: Period,
    pub(in crate::policy) backstop_lock: crate::units::RelativeLock,
}

impl Lockup {
    /// How long the coin waits before the release.
    #[must_use]
    pub const fn period(&self) -> &Period {
        &self.period
    }

    /// Whether root can take the coin back meanwhile.
    #[must_use]
    pub const fn clawback(&self) -> bool {
        self.clawback
    }

    /// Who can release, where the lock-up has people of its own.
    ///
    /// The backstop is theirs as well: if it were the path's quorum's, that quorum could wait for
    /// it instead of settling, and the lock-up's people would never come to act.
    #[must_use]
    pub const fn quorum(&self) -> Option<&Arc<Quorum>> {
        self.quorum.as_ref()
    }

    /// How long after the veto window the coin can be taken from the escrow without any file,
    /// should the settle be lost: by the path's quorum, or by the lock-up's
    /// [own](Self::quorum).
    #[must_use]
    pub const fn backstop(&self) -> &Period {
        &self.backstop
    }

    /// The lock of that: veto window and backstop together, counted from the trigger.
    #[must_use]
    pub const fn backstop_lock(&self) -> crate::units::RelativeLock {
        self.backstop_lock
    }
}

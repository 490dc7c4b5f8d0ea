//! What a watcher tells.

use std::fmt;

use bitcoin::{OutPoint, Txid};
use serde::{Deserialize, Serialize};

use crate::governance::ChainPoint;
use crate::units::UnixTime;

/// Something that somebody should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// What kind of thing it is.
    pub kind: Kind,
    /// How pressing it is.
    pub severity: Severity,
    /// The coin it is about.
    pub coin: Option<OutPoint>,
    /// The transaction it is about.
    pub txid: Option<Txid>,
    /// The path it is about.
    pub path: Option<String>,
    /// What happened, in a sentence.
    pub text: String,
    /// When it happened by the clock of the chain; none while no block holds it, and for what does
    /// not happen on the chain.
    pub at: Option<ChainPoint>,
    /// By when something is to be done, or from when it can be.
    pub due: Option<Due>,
    /// Whether the watcher had no memory, so that it may have been told before.
    pub first_look: bool,
    /// Whether its time to act on it was over before it could be told.
    pub missed: bool,
    /// Its name, which is the same whenever it is told: whoever gets one twice can tell.
    pub key: String,
}

/// A date on the chain, and about when that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Due {
    /// The date.
    pub at: ChainPoint,
    /// About when, at ten minutes to a block from the tip at which it is told.
    pub about: UnixTime,
}

/// How pressing something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// To be looked at in the coming days.
    Warning,
    /// To be looked at now.
    Alarm,
}

impl Severity {
    /// All of them, the least pressing first.
    pub const ALL: [Self; 3] = [Self::Note, Self::Warning, Self::Alarm];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Alarm => "alarm",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The kinds of notices, with the word, the severity and the meaning of each.
macro_rules! kinds {
    ($($name:ident $word:literal $severity:ident $meaning:literal)*) => {
        /// What kind of thing a notice is about.  The words never change their meaning.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "kebab-case")]
        pub enum Kind {
            $(#[doc = $meaning] $name,)*
        }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word for it.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// How pressing it is.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)*
                }
            }

            /// What it means, as a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }
        }
    };
}

kinds! {
    Deposit "deposit" Note "Somebody has paid to an address of the vault."
    Incident "incident" Alarm "Somebody has paid straight to an escrow or a lock-up, which is nobody's address."
    Trigger "trigger" Alarm "A coin goes to an escrow: whoever objects has until the window ends."
    Cancel "cancel" Warning "A coin goes from an escrow back to the vault, by veto."
    Override "override" Warning "Root takes a coin out of an escrow."
    Settle "settle" Alarm "A coin leaves an escrow because its window is over."
    Backstop "backstop" Alarm "The quorum of a path takes a coin out of an escrow without the settle."
    Release "release" Alarm "The quorum of a path pays a coin out of a lock-up."
    Clawback "clawback" Warning "Root takes a coin out of a lock-up."
    Refresh "refresh" Note "Root moves coins from the vault to the vault, and files signed in advance are worth nothing any more."
    Spend "spend" Warning "Root spends coins of the vault."
    Recover "recover" Alarm "The quorum of a direct path takes a coin of the vault."
    Confirmed "confirmed" Note "A block holds it."
    Buried "buried" Note "Six blocks lie on it, its own counted."
    Undone "undone" Alarm "What was told before is not so any more: a reorg or a replacement took it away."
    Unarmed "unarmed" Warning "A buried coin is not armed on a staged path."
    StaleArming "stale-arming" Warning "An armed coin has moved, and its files are worth nothing any more."
    Age75 "age-75" Note "Three quarters of a delay have passed."
    Age90 "age-90" Warning "Nine tenths of a delay have passed."
    Age100 "age-100" Alarm "A delay is over: the quorum of the direct path can take the coin alone."
    SettleDue "settle-due" Alarm "The window is over and the coin is still in the escrow: who acts settles, who objects is late."
    BackstopDue "backstop-due" Alarm "The backstop is open: the quorum of the path can take the coin out of the escrow."
    ReleaseDue "release-due" Alarm "The lock-up period is over and the coin is still there."
    Case "case" Warning "A case has come to another phase."
    Asked "asked" Warning "Honest software asks somebody to do something."
    HeartbeatDue "heartbeat-due" Note "Three quarters of a silence term have passed since a party was heard of."
    SilentParty "silent-party" Warning "A party was not heard of for a whole silence term."
    Silence "silence" Alarm "So few of a quorum were heard of that the silence term of a path holds."
    LowReserve "low-reserve" Warning "A fee wallet has too few confirmed coins."
    KeysOverdue "keys-overdue" Warning "A party has not shown its keys in time."
    ChainSilent "chain-silent" Alarm "The backend does not answer."
    ChainStale "chain-stale" Alarm "What the backend says is too old to act on."
    ChainDisagrees "chain-disagrees" Alarm "Two backends say different things, or one contradicts itself."
    ChainBack "chain-back" Note "The chain can be believed again."
    Unwritten "unwritten" Warning "What was read of the chain could not be written down, and other commands are shown an older reading."
    VetoSent "veto-sent" Warning "A cancel that was left here was handed to the chain."
    VetoRefused "veto-refused" Alarm "A cancel that was left here could not be handed over, and is tried again with each block."
    HookFailed "hook-failed" Alarm "A hook did not run, failed, or took too long."
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

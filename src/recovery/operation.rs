//! One transaction on its way, told from the journal, and what the chain shows of it.

use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{FeeRate, OutPoint, Psbt, Transaction, Txid};
use serde::Serialize;

use crate::engine::Action;
use crate::lifecycle::{Confidence, Standing};
use crate::wallet::Entry;

/// The word under which complete fee children are in the journal.
pub(super) const FEE_CHILD: &str = "fee-child";

/// The word under which it is in the journal that somebody has given a transaction up.
pub(super) const GIVEN_UP: &str = "given-up";

/// A transaction that somebody means to send, with all that the journal says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The id of its transaction, which signatures do not change.
    pub txid: Txid,
    /// What it does.
    pub action: Action,
    /// At which feerate it was built.
    pub feerate: FeeRate,
    /// The index of the change keychain that it pays to, if it pays there.
    pub change: u32,
    /// The case that it is done for.
    pub case: Option<String>,
    /// Whether somebody has said that it is to be sent.
    pub is_approved: bool,
    /// The files with signatures, in the order in which they came in.
    pub signed: Vec<Psbt>,
    /// The complete transaction, once enough have signed.
    pub complete: Option<Transaction>,
    /// Its fee children, the latest last.
    pub children: Vec<Child>,
    /// The children with which it was handed over, none for alone.
    pub sent: Vec<Option<Txid>>,
    /// What was said against it when it was last handed over.
    pub refused: Option<String>,
    /// Whether somebody has given it up.
    pub is_given_up: bool,
    /// Whether it was buried or replaced once, and what it kept was set free.
    pub is_closed: bool,
}

/// A fee child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its id.
    pub txid: Txid,
    /// The coin that pays.
    pub coin: OutPoint,
    /// The feerate of parent and child together.
    pub feerate: FeeRate,
    /// Whose fee wallet signs.
    pub party: String,
    /// What is to be signed.
    pub psbt: Psbt,
    /// The complete child, once it is signed.
    pub complete: Option<Transaction>,
}

/// How far an operation has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "phase")]
pub enum Phase {
    /// Nobody has signed.
    Intended,
    /// Some have signed.
    Collecting,
    /// Enough have signed; it was not handed over.
    Complete,
    /// It was handed over, and the chain does not show it.
    Submitted,
    /// The backend refused it when it was last handed over.
    Refused {
        /// The word of the refusal.
        class: String,
    },
    /// It is in the mempool.
    Seen,
    /// It is in a block that a reorg could still undo.
    Confirmed,
    /// It is buried: nothing is left to be done.
    Buried,
    /// Another transaction spends a coin of it, and could still be undone.
    Rivalled {
        /// That transaction.
        by: Txid,
        /// Whether it is in a block.
        is_confirmed: bool,
    },
    /// Another transaction spends a coin of it, and is buried.
    Replaced {
        /// That transaction.
        by: Txid,
    },
    /// A coin that it spends is not on the chain: a reorg took it away, or it has not come yet.
    RolledBack,
    /// It was given up.
    Abandoned,
}

impl Phase {
    /// Its word, stable.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Collecting => "collecting",
            Self::Complete => "complete",
            Self::Submitted => "submitted",
            Self::Refused { .. } => "refused",
            Self::Seen => "seen",
            Self::Confirmed => "confirmed",
            Self::Buried => "buried",
            Self::Rivalled { .. } => "rivalled",
            Self::Replaced { .. } => "replaced",
            Self::RolledBack => "rolled-back",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether the chain shows it, in the mempool or in a block.
    #[must_use]
    pub const fn is_on_the_chain(&self) -> bool {
        matches!(self, Self::Seen | Self::Confirmed | Self::Buried)
    }

    /// Whether nothing can come of it any more, or nothing has to be done.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Buried | Self::Replaced { .. } | Self::Abandoned)
    }
}

/// What is to be done about an operation next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// To ask those who have not signed.
    Ask,
    /// To have somebody look at it and say that it is to be sent.
    Approve,
    /// To hand it to the chain, for the first time or again.
    Submit,
    /// It waits in the mempool: to look whether its fee is still enough.
    Raise,
    /// To wait for the chain.
    Wait,
    /// To write down that it is over.
    Close,
    /// Nothing.
    Nothing,
}

impl Operation {
    /// All operations of a journal, in the order in which they were begun.
    ///
    /// An entry that is about none of them is passed over.
    pub fn all<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Self> {
        let mut all = Vec::new();
        for entry in entries {
            Self::take_into(&mut all, entry);
        }
        all
    }

    /// What one more entry makes of all operations.
    pub(super) fn take_into(all: &mut Vec<Self>, entry: &Entry) {
        let Entry::Intended {
            txid,
            action,
            feerate,
            change,
            case,
        } = entry
        else {
            all.iter_mut().for_each(|operation| operation.take(entry));
            return;
        };
        if let Some(known) = all.iter_mut().find(|known| known.txid == *txid) {
            // Whoever means it anew has not given it up, and may do it for another case.
            known.is_given_up = false;
            if case.is_some() {
                known.case.clone_from(case);
            }
            return;
        }
        all.push(Self {
            txid: *txid,
            action: (**action).clone(),
            feerate: FeeRate::from_sat_per_kwu(*feerate),
            change: *change,
            case: case.clone(),
            is_approved: false,
            signed: Vec::new(),
            complete: None,
            children: Vec::new(),
            sent: Vec::new(),
            refused: None,
            is_given_up: false,
            is_closed: false,
        });
    }

    /// What an entry of the journal says about it.
    fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::Approved { txid } if *txid == self.txid => self.is_approved = true,
            Entry::Signed { txid, psbt } if *txid == self.txid => {
                self.signed.extend(psbt.parse::<Psbt>());
            }
            Entry::Veto { escrow, psbt } => {
                let is_own = matches!(self.action, Action::Cancel { coin } if coin == *escrow);
                let psbt = psbt.parse::<Psbt>().ok().filter(|_| is_own);
                let own = psbt.filter(|psbt| psbt.unsigned_tx.compute_txid() == self.txid);
                self.signed.extend(own);
            }
            Entry::Prepared { what, txid, text } => {
                let complete = deserialize_hex::<Transaction>(text).ok();
                let complete = complete.filter(|complete| complete.compute_txid() == *txid);
                if *txid == self.txid {
                    self.complete = complete;
                } else if what == FEE_CHILD
                    && let Some(child) = self.children.iter_mut().find(|child| child.txid == *txid)
                {
                    child.complete = complete;
                }
            }
            Entry::Child {
                parent,
                coin,
                feerate,
                party,
                psbt,
            } if *parent == self.txid => {
                if let Ok(psbt) = psbt.parse::<Psbt>() {
                    self.children.push(Child {
                        txid: psbt.unsigned_tx.compute_txid(),
                        coin: *coin,
                        feerate: FeeRate::from_sat_per_kwu(*feerate),
                        party: party.clone(),
                        psbt,
                        complete: None,
                    });
                }
            }
            Entry::Broadcast { txid, child } if *txid == self.txid => {
                if !self.sent.contains(child) {
                    self.sent.push(*child);
                }
                self.refused = None;
            }
            Entry::Refused { txid, class } if *txid == self.txid => {
                self.refused = Some(class.clone());
            }
            Entry::Closed { txid, why } if *txid == self.txid => {
                if why == GIVEN_UP {
                    self.is_given_up = true;
                    self.is_approved = false;
                } else {
                    self.is_closed = true;
                }
            }
            _ => {}
        }
    }

    /// How far it has come, given where each of its coins stands: none for a coin that the chain
    /// does not have.
    #[must_use]
    pub fn phase(&self, coins: &[Option<Standing>]) -> Phase {
        let mut least: Option<Confidence> = None;
        let mut is_missing = false;
        let mut is_unspent = false;
        for standing in coins {
            match standing {
                None => is_missing = true,
                Some(Standing::Unspent { .. }) => is_unspent = true,
                Some(Standing::Spent { by, confidence }) if *by == self.txid => {
                    least = Some(least.map_or(*confidence, |least| least.min(*confidence)));
                }
                Some(Standing::Spent { by, confidence }) => {
                    return match confidence {
                        Confidence::Buried => Phase::Replaced { by: *by },
                        _ if self.is_given_up => Phase::Abandoned,
                        _ => Phase::Rivalled {
                            by: *by,
                            is_confirmed: *confidence == Confidence::Confirmed,
                        },
                    };
                }
            }
        }
        match least {
            Some(Confidence::Unconfirmed) if !is_missing && !is_unspent => return Phase::Seen,
            Some(Confidence::Confirmed) => return Phase::Confirmed,
            Some(Confidence::Buried) => return Phase::Buried,
            _ => {}
        }
        if self.is_given_up {
            return Phase::Abandoned;
        }
        if is_missing {
            return Phase::RolledBack;
        }
        match (&self.refused, &self.complete, self.sent.is_empty()) {
            (Some(class), ..) => Phase::Refused {
                class: class.clone(),
            },
            (None, Some(_), false) => Phase::Submitted,
            (None, Some(_), true) => Phase::Complete,
            (None, None, _) if self.signed.is_empty() => Phase::Intended,
            (None, None, _) => Phase::Collecting,
        }
    }

    /// What is to be done next.
    #[must_use]
    pub fn next(&self, phase: &Phase) -> Effect {
        let submit = match (&self.complete, self.is_approved) {
            (None, _) => Effect::Ask,
            (Some(_), false) => Effect::Approve,
            (Some(_), true) => Effect::Submit,
        };
        match phase {
            Phase::Intended | Phase::Collecting => Effect::Ask,
            Phase::Complete | Phase::Submitted | Phase::Refused { .. } => submit,
            // What is in a block stays there, unless a reorg undoes it.
            Phase::Rivalled {
                is_confirmed: false,
                ..
            } => submit,
            Phase::Seen => Effect::Raise,
            Phase::Confirmed | Phase::RolledBack | Phase::Rivalled { .. } => Effect::Wait,
            Phase::Buried | Phase::Replaced { .. } if !self.is_closed => Effect::Close,
            Phase::Buried | Phase::Replaced { .. } | Phase::Abandoned => Effect::Nothing,
        }
    }

    /// The latest child that is signed.
    #[must_use]
    pub fn ready_child(&self) -> Option<&Child> {
        let mut latest = self.children.iter().rev();
        latest.find(|child| child.complete.is_some())
    }
}

//! What a vault must remember because no chain can give it back.

use std::collections::BTreeSet;

use bitcoin::{OutPoint, Txid};
use serde::{Deserialize, Serialize};

use crate::arming::ArmingFile;
use crate::compile::Keychain;
use crate::engine::Action;
use crate::units::BlockHeight;

/// One thing that is remembered.  What a backend says is never one: it is asked again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum Entry {
    /// The addresses of a keychain up to this index are used up.
    Revealed {
        /// The keychain.
        keychain: Keychain,
        /// The index.
        index: u32,
    },
    /// A party has seen the address at an index on a device of its own.
    Confirmed {
        /// The keychain.
        keychain: Keychain,
        /// The index.
        index: u32,
        /// The party.
        party: String,
    },
    /// Root's signatures in advance on every cancel and every settle of a coin, before there is a
    /// trigger.
    Protected {
        /// They are verified again by whoever reads them.
        file: Box<ArmingFile>,
    },
    /// Root's signatures in advance for a coin, complete and verified.
    Armed {
        /// They are verified again by whoever reads them.
        file: Box<ArmingFile>,
    },
    /// A party says that it holds complete copies of what protects a coin.
    Acknowledged {
        /// The coin.
        coin: OutPoint,
        /// The path.
        path: String,
        /// The party.
        party: String,
    },
    /// A veto holder's signature on the cancel of an escrow coin.
    Veto {
        /// The escrow coin.
        escrow: OutPoint,
        /// The cancel with the signature, a PSBT in base64.
        psbt: String,
    },
    /// A coin of a fee wallet is kept for the child of a transaction.
    Reserved {
        /// The fee coin.
        coin: OutPoint,
        /// The transaction.
        parent: Txid,
        /// From this height on it is free again.
        until: BlockHeight,
    },
    /// A coin of a fee wallet is free again.
    Freed {
        /// The fee coin.
        coin: OutPoint,
    },
    /// Somebody means to do something, and what its transaction is has been settled.
    Intended {
        /// The id of the transaction.
        txid: Txid,
        /// What it does.
        #[serde(rename = "what")]
        action: Box<Action>,
        /// At which feerate it was built, in satoshis for a thousand weight units.
        feerate: u64,
        /// The index of the change keychain that it pays to.
        change: u32,
        /// The case that it is done for, by its id.
        case: Option<String>,
    },
    /// Somebody has looked at amount and destination, and said that it is to be sent.
    Approved {
        /// The id of the transaction.
        txid: Txid,
    },
    /// Signatures for a transaction that somebody means to send.
    Signed {
        /// The id of the transaction.
        txid: Txid,
        /// The transaction with all signatures so far, a PSBT in base64.
        psbt: String,
    },
    /// A fee child is about to be signed.
    Child {
        /// The transaction that it pays for.
        parent: Txid,
        /// The coin of the fee wallet that it spends.
        coin: OutPoint,
        /// The feerate of the two together, in satoshis for a thousand weight units.
        feerate: u64,
        /// Whose fee wallet signs it.
        party: String,
        /// The child, a PSBT in base64.
        psbt: String,
    },
    /// A backend refused a transaction.
    Refused {
        /// The id of the transaction.
        txid: Txid,
        /// The word of the refusal.
        class: String,
    },
    /// A transaction is given up, or nothing is left to be done about it.
    Closed {
        /// The id of the transaction.
        txid: Txid,
        /// Why.
        why: String,
    },
    /// A transaction is complete, and can be broadcast.
    Prepared {
        /// What it does, in the word of its kind, such as `trigger`.
        what: String,
        /// Its id.
        txid: Txid,
        /// A PSBT in base64, or the transaction in hexadecimal.
        text: String,
    },
    /// A transaction is handed to a backend; whether it arrives, only the chain can say.
    Broadcast {
        /// Its id.
        txid: Txid,
        /// The id of the child that pays for it, if there is one.
        child: Option<Txid>,
    },
    /// Everything up to here was written into a backup.
    Exported {
        /// The SHA-256 digest of the backup, in hexadecimal.
        digest: String,
        /// Who can open it: `passphrase`, or names of parties.
        to: BTreeSet<String>,
    },
    /// A backup of this vault was restored as a drill, and every coin was found again.
    Drilled {
        /// The SHA-256 digest of the backup, in hexadecimal.
        digest: String,
        /// How many coins were found.
        coins: u64,
    },
}

/// An entry as it is kept, with its number.
///
/// Two entries can say the same, such as two reservations of one coin; with their numbers they are
/// two records.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    number: u64,
    #[serde(flatten)]
    pub entry: Entry,
}

impl Line {
    pub(super) const fn new(number: u64, entry: Entry) -> Self {
        Self { number, entry }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers can always be written as JSON")
    }

    /// Reads the line with a number, if it is one, in its one form.
    pub(super) fn from_bytes(number: u64, bytes: &[u8]) -> Result<Self, String> {
        let line: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if line.number != number {
            return Err(format!("it says that it is entry {}", line.number));
        }
        if line.to_bytes() != bytes {
            return Err("it is not in its one form".to_owned());
        }
        Ok(line)
    }
}

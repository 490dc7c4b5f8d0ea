//! Putting returned signatures into our own file.

use bitcoin::Psbt;
use bitcoin::secp256k1::{All, Secp256k1};
use serde::Serialize;
use thiserror::Error;

use super::recognised::{Recognised, Seat};
use super::stamp;
use crate::compile::{Compiled, Role};
use crate::transaction::{AnyTransaction, BuildError, ReceiveError, Stripped};

/// A file of our own, to which others contribute signatures and nothing else.
#[derive(Clone, Debug)]
pub struct Merged {
    transaction: AnyTransaction,
    asked: Vec<Role>,
    /// Whose signatures came in, file by file.
    pub accepted: Vec<(String, Vec<String>)>,
    /// What was in the files besides.
    pub stripped: Vec<StrippedFrom>,
}

/// A signature that was not taken out of a file.
#[derive(Clone, Debug, Serialize)]
pub struct StrippedFrom {
    /// The file.
    pub file: String,
    /// The signature, and why.
    #[serde(flatten)]
    pub what: Stripped,
}

/// Why files cannot be put together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MergeError {
    /// There is an error in what should be the base.
    #[error(
        "the file that others are to be merged into has errors; `longstop psbt check` says which"
    )]
    Base,
    /// The file is for another transaction.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    /// The result cannot be written.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// The roles that are to sign a transaction now.
///
/// Where root signs in advance, nobody else is asked before it has: a device that holds keys in two
/// roles must not complete a cancel when it was asked to prepare one.
#[must_use]
pub fn asked_roles(transaction: &AnyTransaction) -> Vec<Role> {
    let mut roles = transaction.roles();
    if roles.contains(&Role::Arming) {
        let armed = transaction.is_met(Role::Arming);
        roles.retain(|role| (*role == Role::Arming) != armed);
    }
    roles
}

impl Merged {
    /// Begins with our own file.
    ///
    /// # Errors
    ///
    /// If something speaks against signing it.
    pub fn new(base: &Recognised) -> Result<Self, MergeError> {
        let transaction = base.transaction().ok_or(MergeError::Base)?.clone();
        Ok(Self {
            asked: asked_roles(&transaction),
            transaction,
            accepted: Vec::new(),
            stripped: Vec::new(),
        })
    }

    /// Takes signatures in this role only.
    #[must_use]
    pub fn only(mut self, role: Role) -> Self {
        self.asked = vec![role];
        self
    }

    /// The roles whose signatures are taken.
    #[must_use]
    pub fn asked(&self) -> &[Role] {
        &self.asked
    }

    /// Takes the signatures out of a returned file.
    ///
    /// # Errors
    ///
    /// If it is for another transaction.
    pub fn take(
        &mut self,
        file: &str,
        returned: &Psbt,
        secp: &Secp256k1<All>,
    ) -> Result<(), MergeError> {
        let asked = self.asked.clone();
        let received =
            self.transaction
                .receive_where(|role| asked.contains(&role), returned, secp)?;
        self.accepted.push((file.to_owned(), received.accepted));
        let stripped = received.stripped.into_iter();
        self.stripped.extend(stripped.map(|what| StrippedFrom {
            file: file.to_owned(),
            what,
        }));
        Ok(())
    }

    /// The transaction with all signatures that were taken.
    #[must_use]
    pub const fn transaction(&self) -> &AnyTransaction {
        &self.transaction
    }

    /// Who has signed, and who has not.
    #[must_use]
    pub fn seats(&self) -> Vec<Seat> {
        seats(&self.transaction)
    }

    /// The roles whose quorum has signed.
    #[must_use]
    pub fn met(&self) -> Vec<Role> {
        let mut roles = self.transaction.roles();
        roles.retain(|role| self.transaction.is_met(*role));
        roles
    }

    /// The file with all signatures that were taken.
    ///
    /// # Errors
    ///
    /// None that a transaction of a policy can provoke.
    pub fn to_psbt(&self, compiled: &Compiled) -> Result<Psbt, MergeError> {
        let mut psbt = self.transaction.to_psbt()?;
        stamp(&mut psbt, compiled);
        Ok(psbt)
    }
}

/// Who has signed a transaction, and who has not, role by role.
pub(super) fn seats(transaction: &AnyTransaction) -> Vec<Seat> {
    let mut all = Vec::new();
    for role in transaction.roles() {
        let seats = transaction.seats(role).into_iter();
        all.extend(seats.map(|(party, signed)| Seat {
            role,
            party: party.to_owned(),
            signed,
        }));
    }
    all
}

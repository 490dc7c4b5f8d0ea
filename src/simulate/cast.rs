//! Who can sign: stand-ins for all parties, those who have lost their keys, and the thief.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use bitcoin::Psbt;
use bitcoin::ScriptBuf;
use bitcoin::bip32::DerivationPath;
use bitcoin::secp256k1::{All, Secp256k1};
use ed25519_dalek::SigningKey;
use miniscript::{DefiniteDescriptorKey, Descriptor};

use crate::engine::Signers;
use crate::policy::AccountKey;
use crate::signer::SoftwareSigner;

/// Whoever is neither in the policy nor paid by it, in words.
pub(super) const OUTSIDER: &str = "an outsider";

/// The stand-ins of a rehearsal.
pub(super) struct Cast {
    seed: u64,
    secp: Secp256k1<All>,
    signers: BTreeMap<String, SoftwareSigner>,
    lost: BTreeSet<String>,
    compromised: BTreeSet<String>,
}

impl Cast {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            secp: Secp256k1::new(),
            signers: BTreeMap::new(),
            lost: BTreeSet::new(),
            compromised: BTreeSet::new(),
        }
    }

    /// The stand-in account of a party, at the path where its real account is.
    pub(super) fn account(&mut self, party: &str, real: &AccountKey) -> AccountKey {
        let (seed, secp) = (self.seed, &self.secp);
        let signer = self
            .signers
            .entry(party.to_owned())
            .or_insert_with(|| SoftwareSigner::stand_in(seed, party, secp));
        signer.account(real.path(), secp)
    }

    /// The stand-in of a party's identity.
    pub(super) fn identity(&self, party: &str) -> SigningKey {
        SoftwareSigner::stand_in_identity(self.seed, party)
    }

    /// The script of somebody outside the policy: a P2WPKH of his own.
    pub(super) fn payee(&self, name: &str) -> ScriptBuf {
        let signer = SoftwareSigner::stand_in(self.seed, &format!("payee {name}"), &self.secp);
        let account = signer.account(&DerivationPath::master(), &self.secp);
        ScriptBuf::new_p2wpkh(&account.xpub().to_pub().wpubkey_hash())
    }

    /// The wallet of somebody outside the policy who spends anchors.
    pub(super) fn outsider(&self) -> Descriptor<DefiniteDescriptorKey> {
        let key = self
            .outsider_signer()
            .account(&DerivationPath::master(), &self.secp);
        let text = format!("wpkh([{}]{}/0)", key.fingerprint(), key.xpub());
        Descriptor::from_str(&text).expect("an extended key with one step is a descriptor")
    }

    pub(super) fn outsider_script(&self) -> ScriptBuf {
        let derived = self.outsider().derived_descriptor(&self.secp);
        derived.map_or_else(|_| ScriptBuf::new(), |derived| derived.script_pubkey())
    }

    /// What the outsider signs.
    pub(super) fn outsider_signs(&self, mut psbt: Psbt) -> Psbt {
        self.outsider_signer().sign(&mut psbt, &self.secp);
        psbt
    }

    fn outsider_signer(&self) -> SoftwareSigner {
        SoftwareSigner::stand_in(self.seed, OUTSIDER, &self.secp)
    }

    pub(super) fn lose(&mut self, parties: impl IntoIterator<Item = String>) {
        self.lost.extend(parties);
    }

    pub(super) fn compromise(&mut self, parties: impl IntoIterator<Item = String>) {
        self.compromised.extend(parties);
    }

    /// Whether somebody can sign with the keys of a party.
    pub(super) fn can_sign(&self, party: &str) -> bool {
        !self.lost.contains(party) || self.compromised.contains(party)
    }

    /// Whether a thief has a copy of the keys of a party.
    pub(super) fn is_compromised(&self, party: &str) -> bool {
        self.compromised.contains(party)
    }

    /// What the stand-in of a party signs, be its keys lost by now.
    pub(super) fn sign_always(&self, party: &str, mut psbt: Psbt) -> Option<Psbt> {
        let signer = self.signers.get(party)?;
        signer.sign(&mut psbt, &self.secp);
        Some(psbt)
    }

    /// Whether a thief alone stands behind all of these.
    pub(super) fn is_thief(&self, parties: &[String]) -> bool {
        !parties.is_empty() && parties.iter().all(|party| self.compromised.contains(party))
    }
}

impl Signers for Cast {
    fn sign(&self, party: &str, psbt: Psbt) -> Option<Psbt> {
        match self.can_sign(party) {
            true => self.sign_always(party, psbt),
            false => None,
        }
    }
}

//! Which parties have shown that they hold their keys, and what their attestations are worth for it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{AttestationProblem, AttestationRemark, Counted, Reader};
use crate::governance::attestation::Attestation;
use crate::governance::envelope::Envelope;
use crate::governance::{Digest, Identity, KeyProof, KeyStatement};
use crate::policy::Party;
use crate::units::UnixTime;

/// What a party has shown of its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeysShown {
    /// The party.
    pub party: String,
    /// How many keys it has in the leaves of the policy.
    pub keys: usize,
    /// How many of them it has shown.
    pub shown: usize,
    /// On which day, by its own word; none if it has shown none.
    pub on: Option<UnixTime>,
    /// Whether that stands behind what it attests now.
    pub attests: bool,
}

impl KeysShown {
    /// Whether every key of the party is shown.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.shown >= self.keys
    }
}

/// A proof that was read and is right.
#[derive(Clone, Debug)]
pub(super) struct Proven {
    pub party: String,
    attests: Option<Digest>,
    on: UnixTime,
    shown: usize,
}

impl Reader<'_> {
    /// A line that holds a proof.
    pub(super) fn proof(&self, envelope: &Envelope) -> Result<Proven, AttestationRemark> {
        let proof = KeyProof::from_payload(envelope.payload())?;
        let KeyStatement {
            policy_id,
            network,
            party,
            identity,
            attests,
            date,
            nonce: _,
        } = &proof.statement;
        let key = self.signed_by(policy_id.0, *network, party, envelope)?;
        if *identity != Some(Identity::from(*key)) {
            return Err(AttestationRemark::OtherIdentity(party.clone()));
        }
        if *date > self.now {
            return Err(AttestationRemark::NotYet { from: *date });
        }
        Ok(Proven {
            shown: self.judge.shown(&proof)?,
            party: party.clone(),
            attests: *attests,
            on: *date,
        })
    }

    /// What each party of which there is a line has shown, in the order of their names.
    ///
    /// The keys that stand behind the attestation that counts come first, then as many as possible,
    /// then the latest.
    pub(super) fn holdings(
        &self,
        counted: &BTreeMap<String, Counted>,
        proven: &[Proven],
    ) -> Vec<KeysShown> {
        let names = self.policy.parties().map(|party| Party::name(party));
        let holdings = names.filter_map(|name| {
            let own = || proven.iter().filter(|proof| proof.party == name);
            let counted = counted.get(name);
            if counted.is_none() && own().next().is_none() {
                return None;
            }
            let digest = counted.map(|counted| counted.attestation.digest());
            let stands_behind = |proof: &Proven| digest.is_some() && proof.attests == digest;
            let best = own().max_by_key(|proof| (stands_behind(proof), proof.shown, proof.on));
            let shown = best.map_or(0, |proof| proof.shown);
            Some(KeysShown {
                party: name.to_owned(),
                keys: self.judge.keys(name),
                shown,
                on: best.filter(|_| shown > 0).map(|proof| proof.on),
                attests: best.is_some_and(stands_behind),
            })
        });
        holdings.collect()
    }
}

/// Marks the attestations of parties that have shown all their keys with them, and reports the
/// others, save those that are over.
pub(super) fn mark(
    counted: &mut BTreeMap<String, Counted>,
    holdings: &[KeysShown],
    problems: &mut Vec<AttestationProblem>,
) {
    for holding in holdings {
        let Some(counted) = counted.get_mut(&holding.party) else {
            continue;
        };
        let shown = if holding.attests { holding.shown } else { 0 };
        counted.is_shown = shown >= holding.keys;
        if !counted.is_shown && !counted.is_over {
            let Attestation { party, .. } = &counted.attestation;
            problems.push(AttestationProblem {
                line: counted.line,
                remark: AttestationRemark::KeysNotShown {
                    party: party.clone(),
                    keys: holding.keys,
                    shown,
                },
            });
        }
    }
}

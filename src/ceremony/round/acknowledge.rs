//! Acknowledgements: the word of a holder, signed wherever the policy knows its identity.

use bitcoin::hashes::{Hash, HashEngine, sha256};

use super::{Round, RoundError};
use crate::arming::{Arming, ArmingState};
use crate::governance::{Acknowledgement, Body, Digest, SignedEvent};

impl Round<'_> {
    /// Records that a party without an identity holds the cancels and settles of every arming that
    /// concerns it and that is complete; how many these are.
    ///
    /// # Errors
    ///
    /// If the party has an identity, with which it would sign, or nothing concerns it, or cancels and
    /// settles are not signed yet.
    pub fn acknowledge(&mut self, party: &str) -> Result<usize, RoundError> {
        let mut count = 0;
        for number in self.concerning(party)? {
            self.acknowledge_entry(number, party)?;
            count += 1;
        }
        Ok(count)
    }

    /// What a party with an identity signs to say the same, one event for each arming.
    ///
    /// # Errors
    ///
    /// If nothing concerns it, or cancels and settles are not signed yet.
    pub fn acknowledgements(&self, party: &str) -> Result<Vec<Acknowledgement>, RoundError> {
        let mut bodies = Vec::new();
        for number in self.concerning(party)? {
            if let Some(arming) = self.armings.get(number) {
                if arming.state() == ArmingState::Unarmed {
                    return Err(crate::arming::ArmingError::NotProtected.into());
                }
                bodies.push(Acknowledgement {
                    coin: arming.coin().outpoint(),
                    path: arming.path().name().to_owned(),
                    file: digest(arming, self.compiled.id().to_bytes()),
                });
            }
        }
        Ok(bodies)
    }

    /// Records a signed acknowledgement; whose it is.
    ///
    /// # Errors
    ///
    /// If it is no event, not of this policy, about something else, or not signed with the key that
    /// speaks for its author.
    pub fn acknowledge_signed(&mut self, line: &str) -> Result<String, RoundError> {
        let wrong = |why: &str| RoundError::Event(why.to_owned());
        let signed =
            SignedEvent::open(line).map_err(|error| RoundError::Event(error.to_string()))?;
        let event = signed.event();
        let policy = self.compiled.policy();
        if event.policy_id.0 != self.compiled.id().to_bytes() || event.network != policy.network() {
            return Err(wrong("it is for another policy or network"));
        }
        let Body::Acknowledgement(body) = &event.body else {
            return Err(wrong("it says something else"));
        };
        if !self.speakers.hear(&signed) {
            return Err(wrong(
                "it is not signed with the key that speaks for its author",
            ));
        }
        let number = self.position(body.coin, &body.path);
        let number = number.ok_or_else(|| wrong("its coin is not in this round"))?;
        let party = event.author.clone();
        let id = self.compiled.id().to_bytes();
        if let Some(arming) = self.armings.get_mut(number) {
            if body.file != digest(arming, id) {
                return Err(wrong("its author holds other transactions"));
            }
            arming.acknowledge(&party)?;
        }
        self.note(number, &party, Some(line.to_owned()));
        Ok(party)
    }

    pub(super) fn acknowledge_entry(
        &mut self,
        number: usize,
        party: &str,
    ) -> Result<(), RoundError> {
        let mut parties = self.compiled.policy().parties();
        let found = parties.find(|known| known.name() == party);
        let found = found.ok_or_else(|| RoundError::NoParty(party.to_owned()))?;
        if found.identity().is_some() {
            return Err(RoundError::Unsigned(party.to_owned()));
        }
        if let Some(arming) = self.armings.get_mut(number) {
            arming.acknowledge(party)?;
        }
        self.note(number, party, None);
        Ok(())
    }

    fn note(&mut self, number: usize, party: &str, line: Option<String>) {
        if let Some(said) = self.said.get_mut(number) {
            said.insert(party.to_owned(), line);
        }
    }

    /// The armings that a party should hold files of.
    fn concerning(&self, party: &str) -> Result<Vec<usize>, RoundError> {
        let armings = self.armings.iter().enumerate();
        let concerning = armings.filter(|(_, arming)| arming.holders().contains(party));
        let numbers: Vec<usize> = concerning.map(|(number, _)| number).collect();
        if numbers.is_empty() {
            let error = crate::arming::ArmingError::NotConcerned(party.to_owned());
            return Err(error.into());
        }
        Ok(numbers)
    }
}

/// What is held: the policy, the coin, the path, and the ids of all transactions, which no
/// signature changes.
fn digest(arming: &Arming, policy: [u8; 32]) -> Digest {
    let tag = sha256::Hash::hash(b"longstop/arming");
    let mut engine = sha256::Hash::engine();
    engine.input(tag.as_byte_array());
    engine.input(tag.as_byte_array());
    engine.input(&policy);
    let outpoint = arming.coin().outpoint();
    engine.input(outpoint.txid.as_byte_array());
    engine.input(&outpoint.vout.to_le_bytes());
    let path = arming.path().name();
    engine.input(&(path.len() as u64).to_le_bytes());
    engine.input(path.as_bytes());
    for txid in arming.txids() {
        engine.input(txid.as_byte_array());
    }
    Digest(sha256::Hash::from_engine(engine).to_byte_array())
}

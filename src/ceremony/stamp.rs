//! What our own PSBTs say of themselves: policy id and network, in fields of our own.
//!
//! Other programs hand such fields on or drop them (BIP-174).  Where they are there, they must be
//! right; nothing is concluded from their absence.

use bitcoin::Psbt;
use bitcoin::psbt::raw::ProprietaryKey;

use super::fault::{Fault, FaultCode, Place};
use crate::compile::Compiled;
use crate::policy::quote;

/// Whose fields they are.
const PREFIX: &[u8] = b"longstop";

/// The policy id, 32 bytes.
const POLICY: u8 = 0;

/// The network, as a word.
const NETWORK: u8 = 1;

fn field(subtype: u8) -> ProprietaryKey {
    ProprietaryKey {
        prefix: PREFIX.to_vec(),
        subtype,
        key: Vec::new(),
    }
}

/// Writes policy id and network into a PSBT.
pub fn stamp(psbt: &mut Psbt, compiled: &Compiled) {
    let network = compiled.policy().network().to_string();
    let fields = &mut psbt.proprietary;
    fields.insert(field(POLICY), compiled.id().to_bytes().to_vec());
    fields.insert(field(NETWORK), network.into_bytes());
}

/// Whether there are fields of other programs in the global map.
pub(super) fn has_foreign(psbt: &Psbt) -> bool {
    psbt.proprietary.keys().any(|key| key.prefix != PREFIX)
}

/// What is wrong with what a PSBT says of itself.
pub(super) fn faults(psbt: &Psbt, compiled: &Compiled) -> Vec<Fault> {
    let mut faults = Vec::new();
    let network = compiled.policy().network();
    if let Some(said) = psbt.proprietary.get(&field(NETWORK))
        && *said != network.to_string().into_bytes()
    {
        let said = String::from_utf8_lossy(said);
        faults.push(Fault::new(
            FaultCode::Network,
            Place::File,
            format!(
                "it says that it is for {}, and this is {network}",
                quote(&said)
            ),
        ));
    }
    let kind = network.to_bitcoin().into();
    if psbt.xpub.keys().any(|key| key.network != kind) {
        faults.push(Fault::new(
            FaultCode::Network,
            Place::File,
            format!("it has account keys of another network than {network}"),
        ));
    }
    if let Some(said) = psbt.proprietary.get(&field(POLICY))
        && *said != compiled.id().to_bytes()
    {
        faults.push(Fault::new(
            FaultCode::PolicyId,
            Place::File,
            format!(
                "it says that it is for another policy than {}",
                compiled.id()
            ),
        ));
    }
    faults
}

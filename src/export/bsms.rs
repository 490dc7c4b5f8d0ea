//! BSMS (BIP-129): the descriptor record of the second round.

use bitcoin::secp256k1::Secp256k1;
use miniscript::descriptor::checksum::desc_checksum;

use crate::compile::{Compiled, Keychain, Piece, StageDescriptor, pieces};

/// The steps that a template leaves to the third line.
const TEMPLATE_STEPS: &str = "/<0;1>/*";

/// The record of a stage: version, descriptor, path restrictions, first address.
///
/// Where every key has the branches 0 and 1 the descriptor is a template (`/**`) with path
/// restrictions, as the BIP defines it.  The restrictions hold for all keys alike, so a stage with
/// other branches is written as a multipath descriptor (BIP-389) without restrictions, which is
/// the form that wallets with miniscript have for it.
pub(super) fn record(compiled: &Compiled, stage: &StageDescriptor) -> Result<String, String> {
    let secp = Secp256k1::new();
    let first = stage
        .derive(Keychain::Receive, 0, &secp)
        .map_err(|error| error.to_string())?
        .address(compiled.policy().network());
    let plain = format!("{:#}", stage.descriptor());
    let templated = pieces(&plain).iter().all(|piece| match piece {
        Piece::Key(word, _) => word.ends_with(TEMPLATE_STEPS),
        Piece::Other(_) => true,
    });
    let (descriptor, paths) = if templated {
        (plain.replace(TEMPLATE_STEPS, "/**"), "/0/*,/1/*")
    } else {
        let checksum = desc_checksum(&plain).map_err(|error| error.to_string())?;
        (format!("{plain}#{checksum}"), "No path restrictions")
    };
    Ok(format!("BSMS 1.0\n{descriptor}\n{paths}\n{first}\n"))
}

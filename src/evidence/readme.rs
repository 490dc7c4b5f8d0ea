//! How to check evidence without this program, as a page of plain text.

use super::case_file::About;
use crate::governance::Digest;
use crate::policy::Network;

/// The page, with names in braces where it is about one evidence.
///
/// Braces stand in its scripts too, so only these names are replaced.  The page is a part of the
/// form of evidence: verifying compares it to the letter, so that nobody slips in commands of his
/// own, and whoever changes it after a release raises [`FORMAT`](super::FORMAT).
const TEMPLATE: &str = include_str!("readme.txt");

/// The page about one evidence.
pub(super) fn write(policy: Digest, network: Network, about: &About) -> String {
    TEMPLATE
        .replace("longstop/ledger/{policy_id}/{party}", KEPT)
        .replace("{case}", &about.case.to_string())
        .replace("{policy}", &policy.to_string())
        .replace("{network}", &network.to_string())
        .replace("{chain}", chain(network))
        .replace("{party}", &about.party)
        .replace("{height}", &about.now.height.to_string())
        .replace("{median_time}", &about.now.median_time_past.0.to_string())
        .replace(KEPT, "longstop/ledger/{policy_id}/{party}")
}

/// Stands for the one place where Python is to replace names.
const KEPT: &str = "\0";

/// The network as Bitcoin Core's `-chain` names it.
const fn chain(network: Network) -> &'static str {
    match network {
        Network::Bitcoin => "main",
        Network::Testnet4 => "testnet4",
        Network::Signet => "signet",
        Network::Regtest => "regtest",
    }
}

//! Accounts whose steps say that they were made for another network.

use bitcoin::NetworkKind;
use bitcoin::bip32::{ChildNumber, DerivationPath};

use super::super::shown::quote;
use super::super::{AccountKey, Code, Diagnostic, FeeWallet, Span};
use super::Facts;

/// Purposes after which the coin type stands (BIP-44, 48, 49, 84, 86 and 87).
const PURPOSES: [u32; 6] = [44, 48, 49, 84, 86, 87];

/// Reports accounts of the main network's coin type on a test network, and the other way round.
pub(super) fn check(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    let Some(network) = &facts.document.settings.network else {
        return;
    };
    // SLIP-44: 0 is bitcoin, and 1 any test network.
    let (expected, name) = match network.value.kind() {
        NetworkKind::Main => (0, "the main network has"),
        NetworkKind::Test => (1, "test networks have"),
    };
    for checked in facts.parties {
        let party = &checked.party;
        let accounts: [(&str, Option<Span>, Option<&AccountKey>); 3] = [
            ("key", checked.key, Some(party.key())),
            ("veto", checked.veto, party.veto()),
            ("fees", checked.fees, party.fees().map(FeeWallet::account)),
        ];
        for (field, span, account) in accounts {
            // Without a place there is no such account, or none that could be read.
            let (Some(span), Some(account)) = (span, account) else {
                continue;
            };
            let Some(coin) = coin_type(account.path()).filter(|coin| *coin != expected) else {
                continue;
            };
            problems.push(
                Diagnostic::new(
                    Code::CoinTypeMismatch,
                    format!(
                        "`{field}` of {} has the coin type {coin}h, and {name} {expected}h",
                        quote(party.name())
                    ),
                )
                .at(span, format!("{coin}h"))
                .beside(network.span, "this network")
                .help("export the account for the policy's network, or correct `network`"),
            );
        }
    }
}

/// The coin type in a path that has one: the hardened step after a hardened purpose.
fn coin_type(path: &DerivationPath) -> Option<u32> {
    match path.as_ref() {
        [
            ChildNumber::Hardened { index: purpose },
            ChildNumber::Hardened { index },
            ..,
        ] if PURPOSES.contains(purpose) => Some(*index),
        _ => None,
    }
}

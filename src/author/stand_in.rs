//! Worthless keys in the places where somebody's own belong, and how they are marked.

use std::str::FromStr;

use bitcoin::NetworkKind;
use bitcoin::bip32::{DerivationPath, Xpub};
use bitcoin::secp256k1::Secp256k1;

use crate::policy::AccountKey;
use crate::signer::SoftwareSigner;

/// What stands behind each such key.
pub(super) const MARK: &str = "# STAND-IN";

/// What a file with such keys says about them.
pub(super) const WARNING: &str = "\
# Every key on a line that ends with STAND-IN is worthless: it is computed from the name of its
# party, so that everybody has it, and coins sent to it are lost. Put the account of each party in
# its place, as the signing device exports it: in brackets the fingerprint of the master key and the
# steps down to the account, then the extended public key. Then remove the mark, and run
# `longstop check` and `longstop explain`.
";

/// An account of a party.
#[derive(Clone, Copy)]
pub(super) enum Account {
    Key,
    Veto,
    Fees,
}

/// The account of a stand-in, as a policy writes it.
pub(super) fn account(name: &str, account: Account, network: NetworkKind) -> String {
    let secp = Secp256k1::new();
    let path = match account {
        Account::Key => "48h/1h/0h/3h",
        Account::Veto => "48h/1h/2h/3h",
        Account::Fees => "84h/1h/9h",
    };
    let path = DerivationPath::from_str(path).expect("steps as BIP-32 writes them");
    let signer = SoftwareSigner::stand_in(0, name, &secp);
    let key = signer.account(&path, &secp);
    let xpub = Xpub {
        network,
        ..*key.xpub()
    };
    let key = AccountKey::new(signer.fingerprint(), path, xpub);
    match account {
        Account::Key | Account::Veto => key.to_string(),
        Account::Fees => format!("wpkh({key}/<0;1>/*)"),
    }
}

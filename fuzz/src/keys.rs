//! Keys for texts that have none: a key is so long that a fuzzer would hardly ever change
//! anything else, and cannot make up one.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bitcoin::NetworkKind;
use bitcoin::bip32::{DerivationPath, Xpriv};
use bitcoin::secp256k1::Secp256k1;
use longstop::signer::SoftwareSigner;

/// Whoever can be named.
pub const NAMES: [&str; 16] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "gina", "hal", "ivan", "judy", "kim", "leo",
    "mia", "nina", "oscar", "zoe",
];

/// What stands for `{alice}`, `{alice.veto}` and so on.
pub fn value(placeholder: &str) -> Option<&'static str> {
    static VALUES: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    let values = VALUES.get_or_init(|| NAMES.into_iter().flat_map(values_of).collect());
    values.get(placeholder).map(String::as_str)
}

/// The values of one name: its account, those for other roles, and secrets.
fn values_of(name: &str) -> Vec<(String, String)> {
    let secp = Secp256k1::new();
    let signer = SoftwareSigner::stand_in(0, name, &secp);
    let account = |path: &str| {
        let path: DerivationPath = path.parse().expect("a path");
        signer.account(&path, &secp)
    };
    let key = account("48h/1h/0h/3h");
    let secret = Xpriv::new_master(NetworkKind::Test, name.as_bytes()).expect("a key");
    let wif = bitcoin::PrivateKey::new(secret.private_key, NetworkKind::Test).to_wif();
    [
        ("", key.to_string()),
        (".veto", account("48h/1h/2h/3h").to_string()),
        (".fees", format!("wpkh({}/<0;1>/*)", account("84h/1h/9h"))),
        (".xpub", key.xpub().to_string()),
        (".fp", signer.fingerprint().to_string()),
        (".tprv", secret.to_string()),
        (".wif", wif),
        (".words", ["abandon"; 12].join(" ")),
    ]
    .into_iter()
    .map(|(what, value)| (format!("{name}{what}"), value))
    .collect()
}

/// A text with its placeholders filled in; what is none stays as it is.
pub fn fill(text: &str) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let known = after
            .split_once('}')
            .and_then(|(name, after)| Some((value(name)?, after)));
        if let Some((value, after)) = known {
            filled.push_str(value);
            rest = after;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

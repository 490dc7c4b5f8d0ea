//! Keys: whether they can be derived from, belong to the network, and are everybody's own.

use std::str::FromStr;
use std::sync::Arc;

use bitcoin::NetworkKind;
use bitcoin::base58;
use bitcoin::bip32::{ChainCode, ChildNumber, DerivationPath, Fingerprint, Xpub};
use bitcoin::secp256k1::constants::GENERATOR_X;
use bitcoin::secp256k1::{Parity, PublicKey, XOnlyPublicKey};
use ed25519_dalek::VerifyingKey;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};

use super::super::document::{Document, PartyEntry, Spanned, Typed};
use super::super::key::fee_wallet_key;
use super::super::shown::{is_secret, presentable, quote};
use super::super::{
    AccountKey, AccountKeyError, Code, Diagnostic, FeeWallet, IdentityError, Network, Party, Span,
    identity_key,
};

/// The version bytes by which some wallets mark the script of an account (SLIP-132), and the
/// ones of the plain form.
const SLIP_132: [([u8; 4], [u8; 4]); 8] = [
    ([0x04, 0x9d, 0x7c, 0xb2], XPUB), // ypub
    ([0x02, 0x95, 0xb4, 0x3f], XPUB), // Ypub
    ([0x04, 0xb2, 0x47, 0x46], XPUB), // zpub
    ([0x02, 0xaa, 0x7e, 0xd3], XPUB), // Zpub
    ([0x04, 0x4a, 0x52, 0x62], TPUB), // upub
    ([0x02, 0x42, 0x89, 0xef], TPUB), // Upub
    ([0x04, 0x5f, 0x1c, 0xf6], TPUB), // vpub
    ([0x02, 0x57, 0x54, 0x83], TPUB), // Vpub
];
const XPUB: [u8; 4] = [0x04, 0x88, 0xb2, 0x1e];
const TPUB: [u8; 4] = [0x04, 0x35, 0x87, 0xcf];

/// A party with what could be read of its keys, and where they stand.
pub(in crate::policy) struct CheckedParty {
    /// The party.  Where its key could not be read, a worthless one stands in, so that what does
    /// not depend on keys can still be checked; the policy never comes out then.
    pub party: Arc<Party>,
    pub name: Span,
    pub key: Option<Span>,
    pub veto: Option<Span>,
    pub fees: Option<Span>,
    /// Whether the document gives a veto key, readable or not.
    pub has_veto_field: bool,
}

impl CheckedParty {
    /// The accounts that could be read.
    pub(super) fn accounts(&self) -> impl Iterator<Item = (Span, &AccountKey)> {
        let key = self.key.map(|span| (span, self.party.key()));
        let veto = self.veto.zip(self.party.veto());
        key.into_iter().chain(veto)
    }

    /// The account of the fee wallet, if it could be read.
    pub(super) fn fee_account(&self) -> Option<(Span, &AccountKey)> {
        self.fees.zip(self.party.fees().map(FeeWallet::account))
    }
}

/// Reads everybody's keys.
pub(super) fn parties(document: &Document, problems: &mut Vec<Diagnostic>) -> Vec<CheckedParty> {
    let network = document
        .settings
        .network
        .as_ref()
        .map(|network| network.value);
    let foreign = document.settings.descriptor.is_some();
    document
        .parties
        .iter()
        .map(|entry| party(entry, network, foreign, problems))
        .collect()
}

fn party(
    entry: &PartyEntry,
    network: Option<Network>,
    foreign: bool,
    problems: &mut Vec<Diagnostic>,
) -> CheckedParty {
    let mut account = |typed: &Typed<String>, field: &str| {
        let typed = typed.as_ref()?;
        let title = format!("`{field}` of {}", quote(&entry.name.value));
        let read = if foreign {
            AccountKey::of_descriptor
        } else {
            AccountKey::from_str
        };
        let key = account(typed, &typed.value, read, &title, network, problems)?;
        Some(Spanned::new(key, typed.span))
    };
    let key = account(&entry.key, "key");
    let veto = account(&entry.veto, "veto");
    let fees = entry.fees.as_ref().and_then(|typed| {
        let wallet = fee_wallet(typed, &entry.name.value, network, problems)?;
        Some(Spanned::new(wallet, typed.span))
    });
    let accounts = [
        ("key", key.as_ref().map(|key| (key.span, &key.value))),
        ("veto", veto.as_ref().map(|key| (key.span, &key.value))),
        (
            "fees",
            fees.as_ref().map(|fees| (fees.span, &fees.value.account)),
        ),
    ];
    check_roles(&entry.name.value, &accounts, problems);
    let identity = entry
        .identity
        .as_ref()
        .and_then(|typed| identity(typed, problems));
    CheckedParty {
        name: entry.name.span,
        key: key.as_ref().map(|key| key.span),
        veto: veto.as_ref().map(|key| key.span),
        fees: fees.as_ref().map(|fees| fees.span),
        has_veto_field: entry.veto.is_some(),
        party: Arc::new(Party {
            name: entry.name.value.clone(),
            key: key.map_or_else(worthless_key, |key| key.value),
            veto: veto.map(|key| key.value),
            identity,
            fees: fees.map(|fees| fees.value),
            custody: entry.custody.facts(),
        }),
    }
}

/// An account key for nobody: its secret is the number one.
fn worthless_key() -> AccountKey {
    let x = XOnlyPublicKey::from_slice(&GENERATOR_X).expect("the generator is on the curve");
    let xpub = Xpub {
        network: NetworkKind::Test,
        depth: 0,
        parent_fingerprint: Fingerprint::default(),
        child_number: ChildNumber::Normal { index: 0 },
        public_key: PublicKey::from_x_only_public_key(x, Parity::Even),
        chain_code: ChainCode::from([0; 32]),
    };
    AccountKey::new(xpub.fingerprint(), DerivationPath::master(), xpub)
}

/// Reads an account, reporting what is wrong with it.
fn account(
    typed: &Spanned<String>,
    text: &str,
    read: fn(&str) -> Result<AccountKey, AccountKeyError>,
    title: &str,
    network: Option<Network>,
    problems: &mut Vec<Diagnostic>,
) -> Option<AccountKey> {
    let key = match read(text) {
        Ok(key) => key,
        Err(error) => {
            problems.push(unreadable(&error, typed.span, text, title));
            return None;
        }
    };
    let network = network?;
    // A single key is of no network; only a descriptor from elsewhere has such.
    if key.single().is_none() && key.network_kind() != network.kind() {
        let (is, other) = match key.network_kind() {
            NetworkKind::Main => ("the main network", "`xpub…`"),
            NetworkKind::Test => ("test networks", "`tpub…`"),
        };
        let wanted = match network.kind() {
            NetworkKind::Main => "an `xpub…`",
            NetworkKind::Test => "a `tpub…`",
        };
        problems.push(
            Diagnostic::new(
                Code::WrongNetwork,
                format!("{title} is for {is} ({other}), but the policy is for {network}"),
            )
            .at(typed.span, "key of another network")
            .help(format!(
                "export {wanted} for this account, or correct `network`"
            )),
        );
        return None;
    }
    Some(key)
}

fn unreadable(error: &AccountKeyError, span: Span, text: &str, title: &str) -> Diagnostic {
    let example = "`[73c5da0a/48h/1h/0h/3h]tpub…`";
    // The reason may be foreign text, which ends as it likes and may repeat what was typed.
    let reason = presentable(error.to_string().trim_end_matches('.'), []);
    let problem =
        |code, label: &str| Diagnostic::new(code, format!("{title}: {reason}")).at(span, label);
    match error {
        AccountKeyError::Secret => problem(Code::PrivateKey, "not shown")
            .concealed()
            .help("move the coins off this key, since it has been in a file, and put the extended public key of a fresh account here"),
        AccountKeyError::Malformed(_) => {
            let problem = problem(Code::MalformedKey, "cannot be read");
            match plain_form(text) {
                Some(plain) => problem.help(format!(
                    "this spelling names a script type, which a policy does not need; the same key is\n{plain}"
                )),
                None => problem.help(format!("a key looks like {example}; copy it again from the signing device")),
            }
        }
        AccountKeyError::Single => problem(Code::SingleKey, "not an extended key")
            .help(format!("export the account's extended public key, {example}")),
        AccountKeyError::Steps => {
            let problem = problem(Code::StepsAfterKey, "has steps after the key");
            match text.rfind(']').and_then(|at| text.get(at..)?.find('/').map(|slash| at + slash)) {
                Some(at) => {
                    let fixed = text.get(..at).unwrap_or(text);
                    problem.help(format!("write it without them:\n{fixed}"))
                }
                None => problem.help(format!("write it without them, like {example}")),
            }
        }
        AccountKeyError::HardenedSteps => problem(Code::HardenedAfterKey, "has hardened steps after the key")
            .help("export the account at the deeper path, so that the hardened steps stand inside the brackets"),
        AccountKeyError::NoOrigin(xpub) => {
            let problem = problem(Code::NoOrigin, "no `[fingerprint/path]` before it");
            match origin_of(xpub) {
                Some(key) => problem.help(format!("the origin follows from this key; write\n{key}")),
                None => problem.help(format!(
                    "the key is {} steps below its master key; ask the signing device which, and write it like {example}",
                    xpub.depth
                )),
            }
        }
        AccountKeyError::Depth { .. } | AccountKeyError::Child { .. } | AccountKeyError::Fingerprint(_) => {
            problem(Code::OriginMismatch, "key and origin contradict one another")
                .help("export key and origin together from the signing device")
        }
    }
}

/// The whole key expression, where the key itself tells its origin.
fn origin_of(xpub: &Xpub) -> Option<AccountKey> {
    match xpub.depth {
        0 => Some(AccountKey::new(
            xpub.fingerprint(),
            DerivationPath::master(),
            *xpub,
        )),
        1 => {
            let path = DerivationPath::from(vec![xpub.child_number]);
            Some(AccountKey::new(xpub.parent_fingerprint, path, *xpub))
        }
        _ => None,
    }
}

/// A key expression with `zpub…` and the like in the spelling of BIP-32.
fn plain_form(text: &str) -> Option<String> {
    let (origin, rest) = match text.rfind(']') {
        Some(at) => text.split_at_checked(at + 1)?,
        None => ("", text),
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (key, steps) = rest.split_at_checked(end)?;
    // A longer text is no extended key, and decoding takes time with the square of its length.
    if key.len() > 120 {
        return None;
    }
    let bytes = base58::decode_check(key).ok()?;
    let (version, payload) = bytes.split_first_chunk::<4>()?;
    let (_, plain) = SLIP_132.iter().find(|(marked, _)| marked == version)?;
    let bytes = [plain.as_slice(), payload].concat();
    Some(format!("{origin}{}{steps}", base58::encode_check(&bytes)))
}

fn fee_wallet(
    typed: &Spanned<String>,
    party: &str,
    network: Option<Network>,
    problems: &mut Vec<Diagnostic>,
) -> Option<FeeWallet> {
    let title = format!("`fees` of {}", quote(party));
    let form = "write `wpkh([fingerprint/path]tpub…/<0;1>/*)`";
    if is_secret(&typed.value) {
        problems.push(unreadable(&AccountKeyError::Secret, typed.span, "", &title));
        return None;
    }
    let Some(inner) = fee_wallet_key(&typed.value) else {
        problems.push(
            Diagnostic::new(Code::BadFees, format!("{title} is no single-key wallet"))
                .at(typed.span, "not of the form `wpkh(…/<0;1>/*)`")
                .help(form),
        );
        return None;
    };
    let account = account(
        typed,
        inner,
        AccountKey::from_str,
        &title,
        network,
        problems,
    )?;
    match typed.value.parse::<Descriptor<DescriptorPublicKey>>() {
        Ok(descriptor) => Some(FeeWallet {
            account,
            descriptor,
        }),
        Err(error) => {
            problems.push(
                Diagnostic::new(
                    Code::BadFees,
                    format!(
                        "{title} cannot be read: {}",
                        presentable(&error.to_string(), [])
                    ),
                )
                .at(typed.span, "not a descriptor")
                .help(format!(
                    "{form}; a checksum after `#` must be right, or be left out"
                )),
            );
            None
        }
    }
}

fn check_roles(
    party: &str,
    accounts: &[(&str, Option<(Span, &AccountKey)>)],
    problems: &mut Vec<Diagnostic>,
) {
    for (at, (role, account)) in accounts.iter().enumerate() {
        for (other_role, other) in accounts.iter().take(at) {
            let (Some((span, account)), Some((other_span, other))) = (account, other) else {
                continue;
            };
            if account.xpub().public_key == other.xpub().public_key {
                problems.push(
                    Diagnostic::new(
                        Code::RolesShareAccount,
                        format!(
                            "`{other_role}` and `{role}` of {} are one account",
                            quote(party)
                        ),
                    )
                    .at(*span, "the same account")
                    .beside(*other_span, "as here")
                    .help("use another account number for one of them"),
                );
            }
        }
    }
}

fn identity(typed: &Spanned<String>, problems: &mut Vec<Diagnostic>) -> Option<VerifyingKey> {
    if is_secret(&typed.value) {
        problems.push(unreadable(
            &AccountKeyError::Secret,
            typed.span,
            "",
            "`identity`",
        ));
        return None;
    }
    let mut bad = |code, message: &str, label: &str| {
        problems.push(
            Diagnostic::new(code, message)
                .at(typed.span, label)
                .help("write the 64 hexadecimal digits of an ed25519 public key"),
        );
        None
    };
    match identity_key(&typed.value) {
        Ok(key) => Some(key),
        Err(error @ IdentityError::Weak) => bad(
            Code::WeakIdentity,
            &format!("`identity` is {error}"),
            "weak",
        ),
        Err(error @ IdentityError::NotCanonical) => {
            let message = format!("`identity` is {error}");
            bad(Code::BadIdentity, &message, "encoded in another way")
        }
        Err(error) => {
            let message = format!("`identity` is {error}");
            bad(Code::BadIdentity, &message, "not a public key")
        }
    }
}

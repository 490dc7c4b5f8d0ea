//! A group with a vault, before the day on which Longstop is not there.

use std::str::FromStr;
use std::sync::Arc;

use bitcoin::bip32::{DerivationPath, Xpriv, Xpub};
use bitcoin::hex::FromHex;
use bitcoin::{Address, Network, NetworkKind};
use longstop::arming::ArmingFile;
use longstop::ceremony::Round;
use longstop::compile::{Stage, compile};
use longstop::engine::Signers;
use longstop::policy::{AccountKey, check};
use longstop::signer::SoftwareSigner;
use longstop::transaction::{Coin, FeeCoin, VaultCoin};
use longstop::units::BlockHeight;
use longstop::wallet::{Document, Entry};

use crate::vault::{Draft, World};

/// The height from which the path `dated` is open.
pub const OPENS: u32 = 260;

/// Two of three hold it, and two of three others rescue it: by files, by age, and from a height on.
pub const RESCUE: &str = r#"
[quorums]
council = { threshold = 2, of = ["alice", "bob", "erin"] }
agents = { threshold = 2, of = ["gina", "hal", "ivan"] }
vetoers = { threshold = 1, members_of = "council" }

[root]
quorum = "council"
refresh = "10 blocks"

[[path]]
name = "sos"
quorum = "agents"
escrow = { window = "20 blocks", veto = "vetoers", depth = 2, backstop = "40 blocks" }
lockup = { period = "30 blocks" }

[[path]]
name = "dead-man"
quorum = "agents"
delay = "90 blocks"

[[path]]
name = "dated"
quorum = "agents"
unlock_height = 260

[lints]
LS0503 = "short delays keep the tests quick"
"#;

/// The staged path pays out at the end of its window.
pub const PAYOUTS: &str = r#"
[quorums]
council = { threshold = 2, of = ["alice", "bob", "erin"] }
agents = { threshold = 2, of = ["gina", "hal", "ivan"] }
vetoers = { threshold = 1, members_of = "council" }

[root]
quorum = "council"
refresh = "10 blocks"

[[path]]
name = "sos"
purpose = "spend"
quorum = "agents"
escrow = { window = "20 blocks", veto = "vetoers" }

[[path]]
name = "dead-man"
quorum = "agents"
delay = "90 blocks"

[lints]
LS0503 = "short delays keep the tests quick"
"#;

/// Gina's words, and the seed that BIP-39 makes of them: the first of its test vectors, without a
/// passphrase, as every implementation has it.
const WORDS: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
const SEED: &str = "5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5fc1\
                    9a5ac40b389cd370d086206dec8aa6c43daea6690f20ad3d8d48b2d2ce9e38e4";

/// A policy with a chain, on which its deposits are made.
pub struct Group {
    pub world: World,
}

impl Group {
    /// A group of stand-ins, but for Gina, whose keys come from words.
    pub fn new(script: &'static str, terms: &str) -> Self {
        let mut text = Draft::new(script, terms).text();
        let secp = bitcoin::secp256k1::Secp256k1::new();
        let stand_in = SoftwareSigner::stand_in(0, "gina", &secp);
        let master = master("gina");
        for path in ["48h/1h/0h/3h", "48h/1h/2h/3h", "84h/1h/9h"] {
            let path = DerivationPath::from_str(path).expect("a path");
            let account = master.derive_priv(&secp, &path).expect("it derives");
            let own = AccountKey::new(
                master.fingerprint(&secp),
                path.clone(),
                Xpub::from_priv(&secp, &account),
            );
            let was = stand_in.account(&path, &secp).to_string();
            assert!(text.contains(&was), "{text}");
            text = text.replace(&was, &own.to_string());
        }
        let checked = check(&text);
        let problems = &checked.diagnostics;
        let policy = checked.policy.unwrap_or_else(|| panic!("{problems:#?}"));
        let compiled = compile(Arc::new(policy)).expect("it compiles");
        Self {
            world: World::new(Arc::new(compiled)),
        }
    }

    /// Coins in the vault, each on an address of its own, confirmed.
    pub fn deposits<const N: usize>(&mut self, sats: u64) -> [Coin; N] {
        let coins = std::array::from_fn(|index| {
            let index = u32::try_from(index).expect("few");
            self.world.pay_to(&Stage::Vault, index, sats)
        });
        self.world.chain.mine_one();
        coins
    }

    /// Confirmed coins in the fee wallet of a party.
    pub fn fee_coins<const N: usize>(&mut self, party: &str) -> [FeeCoin; N] {
        std::array::from_fn(|_| self.world.fee_coin(party, 50_000))
    }

    /// A coin armed on the path `sos`, as the file of an arming.
    pub fn arming(&self, coin: &Coin) -> String {
        serde_json::to_string_pretty(&self.armed(coin)).expect("it is JSON")
    }

    /// The same as lines of a backup: the document of the vault, and an entry of its journal.
    pub fn backup(&self, coin: &Coin) -> String {
        let document = Document::new(&self.world.compiled, BlockHeight(0)).to_bytes();
        let document = String::from_utf8(document).expect("text");
        let file = Box::new(self.armed(coin));
        let entry = serde_json::to_string(&Entry::Armed { file }).expect("it is JSON");
        format!("{document}\n{entry}\n")
    }

    fn armed(&self, coin: &Coin) -> ArmingFile {
        let coin = VaultCoin::try_from(coin.clone()).expect("in the vault");
        let armed = self.world.arm(&coin, "sos");
        ArmingFile::new(&armed, &self.world.compiled).expect("a file")
    }

    /// The same as a whole round.
    pub fn round(&self, coin: &Coin) -> String {
        let world = &self.world;
        let coin = VaultCoin::try_from(coin.clone()).expect("in the vault");
        let start = Round::start(&world.compiled, world.secp(), &[coin], &["sos".to_owned()]);
        let mut round = start.expect("it can be armed");
        let sign = |round: &mut Round<'_>| {
            for party in ["alice", "bob"] {
                let requests = round.requests_for(|used| used.party == party);
                for request in requests.expect("requests") {
                    let signed = world.people.sign(party, request).expect("it signs");
                    round.take(party, &signed).expect("it is ours");
                }
            }
        };
        sign(&mut round);
        for holder in ["alice", "gina", "hal"] {
            round.acknowledge(holder).expect("it holds them");
        }
        sign(&mut round);
        serde_json::to_string(&round.to_file().expect("a file")).expect("it is JSON")
    }

    /// An address of the vault.
    pub fn address(&self, index: u32) -> String {
        let derived = self.world.derived(&Stage::Vault, index);
        let address = Address::from_script(derived.script_pubkey(), Network::Regtest);
        address.expect("it has one").to_string()
    }

    /// What `compile` prints under the heading of descriptors.
    pub fn descriptors(&self) -> String {
        let stages = self.world.compiled.stages();
        let stages = stages.map(|stage| format!("{}\n{}\n", stage.stage(), stage.text()));
        stages.collect()
    }

    /// The fee wallet of a party.
    pub fn fee_wallet(&self, party: &str) -> String {
        let party = self.world.compiled.policy().party(party).expect("a party");
        let wallet = party.fees().expect("a fee wallet").descriptor();
        format!("{wallet}\n")
    }

    /// How the key of a party begins in descriptors.
    pub fn fingerprint(&self, party: &str) -> String {
        master(party).fingerprint(self.world.secp()).to_string()
    }
}

/// What a party types to sign.
pub fn secret(party: &str) -> String {
    match party {
        "gina" => WORDS.to_owned(),
        _ => master(party).to_string(),
    }
}

fn master(party: &str) -> Xpriv {
    let seed = match party {
        "gina" => Vec::from_hex(SEED).expect("hexadecimal"),
        _ => SoftwareSigner::stand_in_secret(0, party).to_vec(),
    };
    Xpriv::new_master(NetworkKind::Test, &seed).expect("a key")
}

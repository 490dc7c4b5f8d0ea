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
use longstop::ledger::Memory;
use longstop::policy::{AccountKey, check};
use longstop::signer::SoftwareSigner;
use longstop::transaction::{Coin, FeeCoin, VaultCoin};
use longstop::units::BlockHeight;
use longstop::wallet::{Document, Entry, Recipients, Vault};

use crate::vault::{Draft, TREASURY, World};

/// The height from which the path `dated` is open.
pub const OPENS: u32 = 260;

/// The ways of a policy.
#[derive(Clone, Copy, Debug)]
pub enum Ways {
    /// By files, by age, and from a height on.
    Rescue,
    /// The staged path pays out at the end of its window.
    Payouts,
    /// By files at several feerates, in version 2.
    Rungs,
}

/// The feerates of [`Ways::Rungs`], in sat/vB.
pub const RUNGS: [u64; 3] = [2, 6, 20];

impl Ways {
    /// Two of three hold it, and two of three others rescue it; the quorums are those of all tests,
    /// but for a smaller council.
    fn draft(self, script: &'static str) -> Draft {
        let many = r#"threshold = 3, of = ["alice", "bob", "carol", "dave", "erin"]"#;
        let few = r#"threshold = 2, of = ["alice", "bob", "erin"]"#;
        let draft = Draft::new(script, TREASURY).but(many, few);
        let dated = r#"
[[path]]
name = "dated"
quorum = "agents"
unlock_height = 260

[lints]"#;
        match self {
            Self::Rescue => draft
                .but(r#"veto = "vetoers","#, r#"veto = "vetoers", depth = 2,"#)
                .but("\n[lints]", dated),
            Self::Payouts => draft
                .but(r#"name = "sos""#, "name = \"sos\"\npurpose = \"spend\"")
                .but(r#", backstop = "40 blocks""#, "")
                .but("lockup = { period = \"30 blocks\" }\n", ""),
            Self::Rungs => draft.with_rungs(&RUNGS),
        }
    }
}

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
    pub fn new(script: &'static str, ways: Ways) -> Self {
        let mut text = ways.draft(script).text();
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

    /// A vault with the same in its journal, as a backup.
    pub fn backup(&self, coin: &Coin, to: &Recipients<'_>) -> String {
        let document = Document::new(&self.world.compiled, BlockHeight(0));
        let mut vault = Vault::over(Memory::new(document.to_bytes())).expect("a vault");
        let file = Box::new(self.armed(coin));
        vault.remember(Entry::Armed { file }).expect("it is kept");
        vault.backup(None, to).expect("a backup")
    }

    /// The account key of a party, without its origin.
    pub fn account(&self, party: &str) -> String {
        let party = self.world.compiled.policy().party(party).expect("a party");
        party.key().xpub().to_string()
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

/// The account key of somebody outside.
pub fn stranger() -> String {
    let secp = bitcoin::secp256k1::Secp256k1::new();
    let path = DerivationPath::from_str("48h/1h/0h/3h").expect("a path");
    let signer = SoftwareSigner::stand_in(0, "zoe", &secp);
    signer.account(&path, &secp).xpub().to_string()
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

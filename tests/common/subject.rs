//! One stage of a policy under trial: who holds which key, and what its descriptor can do with some
//! of them.
//!
//! The descriptor comes in as the text that is published, and the keys from the branch table and
//! the accounts of the policy's text; nothing else of the compiler is asked.

#![allow(
    dead_code,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test crate uses a part of this file, and what is missing is a fault of the test"
)]

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use bitcoin::bip32::{ChildNumber, DerivationPath, Xpriv, Xpub};
use bitcoin::psbt::{GetKey, KeyRequest};
use bitcoin::secp256k1::{All, Secp256k1, SecretKey};
use bitcoin::taproot::TapLeafHash;
use bitcoin::{NetworkKind, PrivateKey, PublicKey, ScriptBuf, absolute, relative};
use longstop::compile::{Compiled, StageDescriptor};
use longstop::signer::SoftwareSigner;
use longstop::units::{
    AbsoluteLock, BlockHeight, Blocks, ChainTime, CoinBirth, Maturity, RelativeLock, UnixTime,
};
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use miniscript::plan::AssetProvider;
use miniscript::{DefiniteDescriptorKey, ForEachKey};

use crate::reference::{Moment, Reference, Seat, Way};
use crate::spend::Recipe;

/// Seats that sign, by number.
pub type Signers = Vec<bool>;

/// The public accounts and private keys of the parties of one policy, which are stand-ins.
pub struct Holders {
    secp: Secp256k1<All>,
    accounts: BTreeMap<(String, &'static str), (Xpub, Xpriv)>,
}

/// One stage at one address.
pub struct Subject {
    pub name: String,
    pub ways: Vec<Way>,
    /// The number of each way's first seat.
    firsts: Vec<usize>,
    pub seats: Vec<Seat>,
    pub secrets: Vec<SecretKey>,
    /// Which seats a key is of: of one, or of one in each of two ways that are written as one.
    pub owners: HashMap<DefiniteDescriptorKey, Vec<usize>>,
    /// For each seat, those that have the same key, itself among them.
    pub same: Vec<Vec<usize>>,
    pub descriptor: Descriptor<DefiniteDescriptorKey>,
    pub script_pubkey: ScriptBuf,
    /// Of P2WSH.
    pub witness_script: Option<ScriptBuf>,
    pub secp: Secp256k1<All>,
}

/// What the planner is told it has.
struct Assets<'a> {
    subject: &'a Subject,
    signers: &'a dyn Fn(usize) -> bool,
    /// Without one, every lock is open.
    now: Option<Moment>,
}

impl Holders {
    /// Reads the accounts out of a policy's text.
    pub fn read(text: &str) -> Self {
        let secp = Secp256k1::new();
        let document: toml::Table = text.parse().expect("the policy is TOML");
        let mut accounts = BTreeMap::new();
        for (party, entry) in document["parties"].as_table().expect("parties") {
            for field in ["key", "veto"] {
                let Some(text) = entry.get(field).and_then(toml::Value::as_str) else {
                    continue;
                };
                accounts.insert((party.clone(), field), account(party, text, &secp));
            }
        }
        Self { secp, accounts }
    }

    /// The account that a party uses in a capacity.
    fn account(&self, party: &str, role: &str) -> &(Xpub, Xpriv) {
        let own = (party.to_owned(), "veto");
        let own = self.accounts.get(&own).filter(|_| role == "veto");
        own.unwrap_or_else(|| &self.accounts[&(party.to_owned(), "key")])
    }

    /// The seats of a stage with the public account and the pair that the branch table gives them.
    pub fn seats(&self, compiled: &Compiled, stage: &str, ways: &[Way]) -> Vec<(Seat, Xpub, u32)> {
        let uses = compiled.branches().uses();
        let mut seats = Vec::new();
        for way in ways {
            for seat in way.seats() {
                let mut rows = uses.iter().filter(|row| {
                    row.stage.to_string() == stage
                        && row.leaf.to_string() == way.kind
                        && row.role.to_string() == seat.role
                        && row.party == seat.party
                });
                let row = rows.nth(seat.nth);
                let row =
                    row.unwrap_or_else(|| panic!("{stage}, {}: no row for {seat:?}", way.kind));
                let account = self.account(&seat.party, seat.role).0;
                seats.push((seat, account, row.pair));
            }
        }
        seats
    }
}

/// The account of a stand-in, whose public half must be the one of the policy.
fn account(party: &str, text: &str, secp: &Secp256k1<All>) -> (Xpub, Xpriv) {
    let (origin, xpub) = text.split_once(']').expect("a key with its origin");
    let (_, path) = origin.split_once('/').expect("a path");
    let xpub = Xpub::from_str(xpub).expect("an account");
    let path = DerivationPath::from_str(path).expect("a path");
    let signer = SoftwareSigner::stand_in(0, party, secp);
    let request = KeyRequest::Bip32((signer.fingerprint(), path));
    let key: Option<PrivateKey> = signer
        .get_key(request, secp)
        .expect("a stand-in has its keys");
    let xpriv = Xpriv {
        network: NetworkKind::Test,
        depth: xpub.depth,
        parent_fingerprint: xpub.parent_fingerprint,
        child_number: xpub.child_number,
        private_key: key.expect("a key").inner,
        chain_code: xpub.chain_code,
    };
    assert_eq!(Xpub::from_priv(secp, &xpriv), xpub, "{party} is a stand-in");
    (xpub, xpriv)
}

impl Subject {
    /// A stage at an index of a keychain, 0 for receive and 1 for change.
    pub fn new(
        reference: &Reference,
        holders: &Holders,
        compiled: &Compiled,
        stage: &StageDescriptor,
        (keychain, index): (u32, u32),
    ) -> Self {
        let secp = &holders.secp;
        let name = stage.stage().to_string();
        let ways: Vec<Way> = reference.of(&name).cloned().collect();
        let mut firsts = Vec::new();
        let mut count = 0;
        for way in &ways {
            firsts.push(count);
            count += way.seats().len();
        }
        let (mut seats, mut secrets) = (Vec::new(), Vec::new());
        let mut owners: HashMap<_, Vec<usize>> = HashMap::new();
        for (seat, account, pair) in holders.seats(compiled, &name, &ways) {
            let steps = [2 * pair + keychain, index].map(|index| ChildNumber::Normal { index });
            let (public, private) = holders.account(&seat.party, seat.role);
            assert_eq!(*public, account);
            let secret = private
                .derive_priv(secp, &steps)
                .expect("it derives")
                .private_key;
            let key = PublicKey::new(secret.public_key(secp));
            owners.entry(definite(key)).or_default().push(seats.len());
            seats.push(seat);
            secrets.push(secret);
        }
        let mut same: Vec<Vec<usize>> = vec![Vec::new(); seats.len()];
        for own in owners.values() {
            for seat in own {
                same[*seat] = own.clone();
            }
        }
        let text = stage.descriptor().to_string();
        let published = Descriptor::<DescriptorPublicKey>::from_str(&text).expect("it reads back");
        let half = published
            .into_single_descriptors()
            .expect("two halves")
            .remove(keychain as usize);
        let derived = half.derived_descriptor(secp, index).expect("an index");
        let descriptor = Descriptor::<DefiniteDescriptorKey>::from_str(&derived.to_string());
        let descriptor = descriptor.expect("plain keys are definite");
        let witness_script = match &descriptor {
            Descriptor::Wsh(_) => Some(derived.explicit_script().expect("P2WSH has a script")),
            _ => None,
        };
        Self {
            name,
            ways,
            firsts,
            seats,
            secrets,
            owners,
            same,
            script_pubkey: derived.script_pubkey(),
            descriptor,
            witness_script,
            secp: secp.clone(),
        }
    }

    /// The seats of a way, by number.
    pub fn seats_of(&self, way: usize) -> std::ops::Range<usize> {
        let end = self.firsts.get(way + 1).copied();
        self.firsts[way]..end.unwrap_or(self.seats.len())
    }

    /// This way, and those that have keys in common with it.
    pub fn joint_ways(&self, way: usize) -> impl Iterator<Item = usize> {
        let seats = self.seats_of(way);
        let same: Vec<usize> = seats.flat_map(|seat| self.same[seat].clone()).collect();
        (0..self.ways.len()).filter(move |other| {
            let own = self.seats_of(*other);
            same.iter().any(|seat| own.contains(seat))
        })
    }

    /// Keys of the descriptor that are nobody's.
    pub fn strangers(&self) -> usize {
        let mut count = 0;
        self.descriptor.for_each_key(|key| {
            count += usize::from(!self.owners.contains_key(key));
            true
        });
        count
    }

    /// Whether the reference lets these seats use a way now.
    pub fn is_possible(&self, way: usize, signers: &dyn Fn(usize) -> bool, now: Moment) -> bool {
        self.ways[way].is_due(now) && self.is_signed(way, signers)
    }

    /// Whether these seats are enough for a way, whenever.
    pub fn is_signed(&self, way: usize, signers: &dyn Fn(usize) -> bool) -> bool {
        let first = self.firsts[way];
        self.ways[way].is_signed(&|seat| self.signs(first + seat, signers))
    }

    /// Whether the key of a seat signs: a signature counts for every seat that has the key.
    pub fn signs(&self, seat: usize, signers: &dyn Fn(usize) -> bool) -> bool {
        self.same[seat].iter().any(|seat| signers(*seat))
    }

    /// What the descriptor makes of these signers, at a moment or with every lock open.
    pub fn plan(&self, signers: &dyn Fn(usize) -> bool, now: Option<Moment>) -> Option<Recipe> {
        let assets = Assets {
            subject: self,
            signers,
            now,
        };
        let plan = self.descriptor.clone().plan(&assets).ok()?;
        Some(Recipe::new(&plan))
    }
}

fn definite(key: PublicKey) -> DefiniteDescriptorKey {
    DefiniteDescriptorKey::from_str(&key.to_string()).expect("a plain key is definite")
}

impl Assets<'_> {
    fn signs(&self, key: &DefiniteDescriptorKey) -> bool {
        self.subject
            .owners
            .get(key)
            .is_some_and(|seats| seats.iter().any(|seat| (self.signers)(*seat)))
    }
}

impl AssetProvider<DefiniteDescriptorKey> for Assets<'_> {
    fn provider_lookup_ecdsa_sig(&self, key: &DefiniteDescriptorKey) -> bool {
        self.signs(key)
    }

    fn provider_lookup_tap_key_spend_sig(&self, key: &DefiniteDescriptorKey) -> Option<usize> {
        self.signs(key).then_some(64)
    }

    fn provider_lookup_tap_leaf_script_sig(
        &self,
        key: &DefiniteDescriptorKey,
        _: &TapLeafHash,
    ) -> Option<usize> {
        self.signs(key).then_some(64)
    }

    fn check_older(&self, lock: relative::LockTime) -> bool {
        let Some(now) = self.now else {
            return true;
        };
        let lock = match lock {
            relative::LockTime::Blocks(height) => {
                RelativeLock::from_blocks(Blocks(u32::from(height.value())))
            }
            relative::LockTime::Time(time) => {
                RelativeLock::from_seconds(u64::from(time.value()) * 512)
            }
        };
        let birth = CoinBirth {
            height: BlockHeight(now.born_height),
            median_time_past_before: UnixTime(now.born_time),
        };
        Maturity::relative(lock.expect("no lock of ours is zero"), birth).is_reached(tip(now))
    }

    fn check_after(&self, lock: absolute::LockTime) -> bool {
        let Some(now) = self.now else {
            return true;
        };
        let value = lock.to_consensus_u32();
        let lock = if lock.is_block_height() {
            AbsoluteLock::from_height(BlockHeight(value))
        } else {
            AbsoluteLock::from_time(UnixTime(value))
        };
        Maturity::absolute(lock.expect("a lock in range")).is_reached(tip(now))
    }
}

const fn tip(now: Moment) -> ChainTime {
    ChainTime {
        height: BlockHeight(now.tip_height),
        median_time_past: UnixTime(now.tip_time),
    }
}

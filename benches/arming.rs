//! Arming many coins, against the wallet library and against the bare arithmetic.
//!
//! `cargo bench --bench arming`; `LONGSTOP_COINS` has it take another number of coins.
//!
//! Each stage's transaction of each coin is made, asked for by PSBT, signed by three of five and
//! verified, and the coins are armed at the end.  The wallet library builds the very same
//! transactions, one PSBT for each, in wallets of the same descriptors with as many coins, and the
//! same people make the same signatures, which are verified; that is measured on fifty coins.  The
//! bare side derives the same keys from their parents, and hashes, signs and verifies the same
//! messages.  It bounds what can be asked: no program that does all of it can be faster.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench prints its table, and stops where its own conditions are wrong"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bdk_wallet::chain::{BlockId, ConfirmationBlockTime, TxUpdate};
use bdk_wallet::{KeychainKind, TxOrdering, Update, Wallet, descriptor::policy::Condition};
use bitcoin::absolute::LockTime;
use bitcoin::bip32::{ChildNumber, DerivationPath, Xpriv, Xpub};
use bitcoin::hashes::Hash;
use bitcoin::psbt::{GetKey, GetKeyError, KeyRequest};
use bitcoin::secp256k1::{All, Keypair, Message, Secp256k1, Signing};
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::taproot::TapLeafHash;
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, BlockHash, NetworkKind, OutPoint, PrivateKey, Psbt, TapSighashType, Transaction, TxIn,
    TxOut, Txid, XOnlyPublicKey,
};
use longstop::arming::{Arming, ArmingState};
use longstop::compile::{Compiled, KeyUse, Keychain, LeafKind, Role, Stage, compile};
use longstop::policy::check;
use longstop::signer::SoftwareSigner;
use longstop::transaction::{Builder, Coin, EscrowCoin, VaultCoin};
use miniscript::descriptor::DescriptorPublicKey;

/// How many coins the wallets have.
const COINS: u32 = 10_000;

/// On how many of them the wallet library is measured.
const LIBRARY: u32 = 50;

/// How many inputs the sweep has.
const SWEEP: u32 = 500;

/// The goals: at least so much faster than the wallet library where the bare arithmetic is, and at
/// most so much slower than that.
const FASTER: f64 = 500.0;
const SLOWER: f64 = 1.3;

/// What each coin is worth.
const AMOUNT: Amount = Amount::from_sat(1_000_000);

/// Those of root who sign.
const ROOT: [&str; 3] = ["alice", "bob", "carol"];

fn main() {
    let coins = std::env::var("LONGSTOP_COINS").map_or(COINS, |text| text.parse().unwrap());
    let shipped = include_str!("../policies/dao-treasury/policy.toml");
    let text = shipped.replace("depth = 2", "depth = 1");
    assert_ne!(text, shipped, "one attempt, and not two");
    let bench = Bench::new(&text);
    println!("{coins} coins of policies/dao-treasury, three transactions and nine signatures each");

    let start = Instant::now();
    for index in 0..coins {
        bench.arm(index);
    }
    let ours = per_coin("armed: plan, ask, sign, verify", start.elapsed(), coins);

    let bare = Bare::new(&bench);
    println!("{} keys in the scripts of each coin", bare.parents.len());
    let start = Instant::now();
    for index in 0..coins {
        bare.coin(index);
    }
    let bare = per_coin("bare: derive, hash, sign, verify", start.elapsed(), coins);

    let measured = LIBRARY.min(coins);
    let library = Library::new(&bench, coins).measure(measured);
    let library = per_coin("wallet library: build, sign, verify", library, measured);

    let faster = library.as_secs_f64() / ours.as_secs_f64();
    let slower = ours.as_secs_f64() / bare.as_secs_f64();
    let bound = library.as_secs_f64() / bare.as_secs_f64();
    println!("arming is {faster:.0} times as fast as the wallet library (goal: {FASTER:.0})");
    println!(
        "  the bare arithmetic is {bound:.0} times as fast, and nothing that derives these keys and verifies these signatures can be faster than that"
    );
    println!("arming takes {slower:.2} times the bare arithmetic (goal: {SLOWER})");
    // Version 3 has no room for as many inputs.
    let sweep = Bench::new(include_str!("../policies/guild/policy.toml")).sweep();
    println!("verifying a sweep takes {sweep:.2} times the bare verifications (goal: {SLOWER})");
    if faster < FASTER.min(bound / SLOWER) || slower > SLOWER || sweep > SLOWER {
        println!("a goal is not met");
        std::process::exit(1);
    }
}

fn per_coin(what: &str, time: Duration, coins: u32) -> Duration {
    let each = time / coins;
    println!("{what:40} {:9.3} ms a coin", each.as_secs_f64() * 1e3);
    each
}

/// A policy, and those who sign.
struct Bench {
    compiled: Compiled,
    signers: Vec<SoftwareSigner>,
    secp: Secp256k1<All>,
}

impl Bench {
    fn new(policy: &str) -> Self {
        let secp = Secp256k1::new();
        let policy = check(policy).policy.unwrap();
        let signers = ROOT.iter();
        let signers = signers.map(|name| SoftwareSigner::stand_in(0, name, &secp));
        Self {
            compiled: compile(Arc::new(policy)).unwrap(),
            signers: signers.collect(),
            secp,
        }
    }

    /// What pays for a deposit.
    fn funding(&self, index: u32) -> Transaction {
        let builder = Builder::new(&self.compiled, &self.secp);
        let derived = builder
            .derive(&Stage::Vault, Keychain::Receive, index)
            .unwrap();
        funding(index, derived.script_pubkey().clone())
    }

    fn deposit(&self, index: u32) -> VaultCoin {
        let builder = Builder::new(&self.compiled, &self.secp);
        let derived = builder.derive(&Stage::Vault, Keychain::Receive, index);
        let derived = derived.unwrap();
        let source = funding(index, derived.script_pubkey().clone());
        let outpoint = OutPoint::new(source.compute_txid(), 0);
        VaultCoin::try_from(Coin::new(outpoint, AMOUNT, derived)).unwrap()
    }

    /// Arms a coin as a program of each member of root would, with PSBTs between them.
    fn arm(&self, index: u32) {
        let coin = self.deposit(index);
        let builder = Builder::new(&self.compiled, &self.secp);
        let path = self.compiled.policy().path("sos").unwrap();
        let mut arming = Arming::plan(&builder, self.compiled.id(), path, &coin).unwrap();
        self.sign(&mut arming);
        for holder in ["alice", "bob", "gina", "hal"] {
            arming.acknowledge(holder).unwrap();
        }
        self.sign(&mut arming);
        assert_eq!(arming.state(), ArmingState::Armed);
        black_box(arming.into_armed().unwrap());
    }

    fn sign(&self, arming: &mut Arming) {
        let mut files = arming.requests().unwrap();
        for file in &mut files {
            for signer in &self.signers {
                assert_eq!(signer.sign(file, &self.secp), 1);
            }
        }
        for file in &files {
            let received = arming.receive(file, &self.secp).unwrap();
            assert_eq!(received.accepted.len(), ROOT.len());
        }
    }

    /// The transactions of one coin.
    fn transactions(&self, index: u32) -> [Asked; 3] {
        let coin = self.deposit(index);
        let builder = Builder::new(&self.compiled, &self.secp);
        let trigger = builder.trigger(&coin, "sos").unwrap();
        let escrow: EscrowCoin = trigger.creates().remove(0).try_into().unwrap();
        let cancel = builder.cancel(&escrow).unwrap();
        let settle = builder.settle(&escrow).unwrap();
        let request = |psbt: Result<Psbt, _>| psbt.unwrap().unsigned_tx;
        [
            Asked::new(
                request(trigger.request(Role::Arming)),
                &coin,
                &LeafKind::Trigger("sos".to_owned()),
            ),
            Asked::new(
                request(cancel.request(Role::Arming)),
                &escrow,
                &LeafKind::Cancel,
            ),
            Asked::new(
                request(settle.request(Role::Arming)),
                &escrow,
                &LeafKind::Settle,
            ),
        ]
    }

    /// How much longer it takes to verify the signatures of a sweep than to verify them alone.
    fn sweep(&self) -> f64 {
        let coins: Vec<VaultCoin> = (0..SWEEP).map(|index| self.deposit(index)).collect();
        let coins: Vec<&VaultCoin> = coins.iter().collect();
        let builder = Builder::new(&self.compiled, &self.secp);
        let mut sweep = builder.refresh(&coins, 0).unwrap();
        let mut file = sweep.request(Role::Root).unwrap();
        for signer in &self.signers {
            assert_eq!(signer.sign(&mut file, &self.secp), SWEEP as usize);
        }
        let start = Instant::now();
        let received = sweep.receive(Role::Root, &file, &self.secp).unwrap();
        let ours = start.elapsed();
        assert_eq!(received.accepted.len(), ROOT.len() * SWEEP as usize);
        let prevouts: Vec<TxOut> = coins.iter().map(|coin| coin.txout()).collect();
        let start = Instant::now();
        let mut cache = SighashCache::new(&file.unsigned_tx);
        for (index, fields) in file.inputs.iter().enumerate() {
            let mut signatures = fields.tap_script_sigs.iter().peekable();
            let ((_, leaf), signature) = signatures.peek().unwrap();
            let kind = signature.sighash_type;
            let hash = cache.taproot_script_spend_signature_hash(
                index,
                &Prevouts::All(&prevouts),
                *leaf,
                kind,
            );
            let message = Message::from_digest(hash.unwrap().to_byte_array());
            for ((key, _), signature) in signatures {
                let verified = self
                    .secp
                    .verify_schnorr(&signature.signature, &message, key);
                verified.unwrap();
            }
        }
        let bare = start.elapsed();
        println!(
            "a sweep of {SWEEP} inputs and {} signatures: {:.2} ms, bare {:.2} ms",
            received.accepted.len(),
            ours.as_secs_f64() * 1e3,
            bare.as_secs_f64() * 1e3
        );
        ours.as_secs_f64() / bare.as_secs_f64()
    }
}

fn funding(index: u32, script_pubkey: bitcoin::ScriptBuf) -> Transaction {
    let mut previous = [8; 32];
    previous[..4].copy_from_slice(&index.to_le_bytes());
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::new(Txid::from_byte_array(previous), 0),
            ..TxIn::default()
        }],
        output: vec![TxOut {
            value: AMOUNT,
            script_pubkey,
        }],
    }
}

/// A transaction, what it spends, and who is to sign it through which leaf.
struct Asked {
    transaction: Transaction,
    outpoint: OutPoint,
    spent: TxOut,
    keys: Vec<KeyUse>,
    leaf: TapLeafHash,
}

impl Asked {
    fn new(transaction: Transaction, coin: &Coin, leaf: &LeafKind) -> Self {
        let leaf = coin.derived().leaf(leaf).unwrap();
        let keys = leaf.keys.iter();
        let keys =
            keys.filter(|used| used.role == Role::Arming && ROOT.contains(&used.party.as_str()));
        Self {
            transaction,
            outpoint: coin.outpoint(),
            spent: coin.txout(),
            keys: keys.cloned().collect(),
            leaf: leaf.hash().unwrap(),
        }
    }

    fn message(&self) -> Message {
        let mut cache = SighashCache::new(&self.transaction);
        let spent = [&self.spent];
        let hash = cache.taproot_script_spend_signature_hash(
            0,
            &Prevouts::All(&spent),
            self.leaf,
            TapSighashType::Default,
        );
        Message::from_digest(hash.unwrap().to_byte_array())
    }
}

/// What cannot be spared: the keys of every script a coin goes through, and the signatures.
struct Bare<'a> {
    bench: &'a Bench,
    parents: Vec<Xpub>,
    asked: [Asked; 3],
    /// The private parents of the keys that sign, transaction by transaction.
    private: Vec<Vec<(Xpriv, Xpub)>>,
}

impl<'a> Bare<'a> {
    fn new(bench: &'a Bench) -> Self {
        let asked = bench.transactions(0);
        let masters: HashMap<&str, Xpriv> = ROOT
            .iter()
            .map(|name| {
                let secret = SoftwareSigner::stand_in_secret(0, name);
                (
                    *name,
                    Xpriv::new_master(NetworkKind::Test, &secret).unwrap(),
                )
            })
            .collect();
        let private = asked.iter().map(|asked| {
            let keys = asked.keys.iter().map(|used| {
                let (_, branch) = used.path.as_ref().split_last().unwrap();
                let parent = masters[used.party.as_str()].derive_priv(&bench.secp, &branch);
                let parent = parent.unwrap();
                (parent, Xpub::from_priv(&bench.secp, &parent))
            });
            keys.collect()
        });
        Self {
            private: private.collect(),
            parents: parents(bench),
            asked,
            bench,
        }
    }

    fn coin(&self, index: u32) {
        let secp = &self.bench.secp;
        let child = ChildNumber::Normal { index };
        for parent in &self.parents {
            black_box(parent.ckd_pub(secp, child).unwrap());
        }
        for (asked, parents) in self.asked.iter().zip(&self.private) {
            let message = asked.message();
            for (private, public) in parents {
                let (tweak, _) = public.ckd_pub_tweak(child).unwrap();
                let secret = private.private_key.add_tweak(&tweak.into()).unwrap();
                let pair = Keypair::from_secret_key(secp, &secret);
                let signature = secp.sign_schnorr_no_aux_rand(&message, &pair);
                let key = pair.x_only_public_key().0;
                secp.verify_schnorr(&signature, &message, &key).unwrap();
            }
        }
    }
}

/// The parent of every key of every stage that a coin goes through, the vault twice.
fn parents(bench: &Bench) -> Vec<Xpub> {
    let stages = [
        (Stage::Vault, 0),
        (Stage::Escrow("sos".to_owned()), 0),
        (Stage::Lockup("sos".to_owned()), 0),
        (Stage::Vault, 1),
    ];
    let mut parents = Vec::new();
    for (stage, half) in stages {
        let descriptor = bench.compiled.stage(&stage).unwrap();
        let leaves = descriptor.leaves().iter();
        let keys: BTreeSet<&DescriptorPublicKey> =
            leaves.flat_map(longstop::compile::Leaf::keys).collect();
        for key in keys.into_iter().chain(descriptor.internal_key()) {
            if let DescriptorPublicKey::MultiXPub(multi) = key {
                let path = &multi.derivation_paths.paths()[half];
                parents.push(multi.xkey.derive_pub(&bench.secp, path).unwrap());
            }
        }
    }
    parents
}

/// A wallet of the library for each stage that transactions spend from.
struct Library<'a> {
    bench: &'a Bench,
    vault: Wallet,
    escrow: Wallet,
}

impl<'a> Library<'a> {
    fn new(bench: &'a Bench, coins: u32) -> Self {
        let fundings = (0..coins).map(|index| bench.funding(index));
        let triggers = (0..coins).map(|index| {
            let [trigger, ..] = bench.transactions(index);
            trigger.transaction
        });
        Self {
            vault: wallet(bench, &Stage::Vault, fundings),
            escrow: wallet(bench, &Stage::Escrow("sos".to_owned()), triggers),
            bench,
        }
    }

    fn measure(&mut self, coins: u32) -> Duration {
        let mut time = Duration::ZERO;
        for index in 0..coins {
            let asked = self.bench.transactions(index);
            let start = Instant::now();
            for (number, asked) in asked.iter().enumerate() {
                let wallet = if number == 0 {
                    &mut self.vault
                } else {
                    &mut self.escrow
                };
                let psbt = built(wallet, asked);
                assert_eq!(psbt.unsigned_tx, asked.transaction, "the very same");
                self.sign(psbt, asked);
            }
            time += start.elapsed();
        }
        time
    }

    fn sign(&self, mut psbt: Psbt, asked: &Asked) {
        for (signer, used) in self.bench.signers.iter().zip(&asked.keys) {
            let one = OneKey {
                signer,
                path: &used.path,
            };
            psbt.sign(&one, &self.bench.secp).unwrap();
        }
        let message = asked.message();
        let signatures: &BTreeMap<(XOnlyPublicKey, TapLeafHash), _> =
            &psbt.inputs[0].tap_script_sigs;
        assert_eq!(signatures.len(), ROOT.len());
        for ((key, _), signature) in signatures {
            let secp = &self.bench.secp;
            secp.verify_schnorr(&signature.signature, &message, key)
                .unwrap();
        }
    }
}

/// The transaction as the library builds it.
fn built(wallet: &mut Wallet, asked: &Asked) -> Psbt {
    let sequence = asked.transaction.input[0].sequence;
    let paid: Amount = asked.transaction.output.iter().map(|out| out.value).sum();
    let mut builder = wallet.build_tx();
    builder
        .add_utxo(asked.outpoint)
        .unwrap()
        .manually_selected_only()
        .set_condition(Condition::default())
        .set_exact_sequence(sequence)
        .version(3)
        .nlocktime(LockTime::ZERO)
        .ordering(TxOrdering::Untouched)
        .fee_absolute(asked.spent.value - paid);
    for output in &asked.transaction.output {
        builder.add_recipient(output.script_pubkey.clone(), output.value);
    }
    builder.finish().unwrap()
}

/// A device that signs with one key.
struct OneKey<'a> {
    signer: &'a SoftwareSigner,
    path: &'a DerivationPath,
}

impl GetKey for OneKey<'_> {
    type Error = GetKeyError;

    fn get_key<C: Signing>(
        &self,
        request: KeyRequest,
        secp: &Secp256k1<C>,
    ) -> Result<Option<PrivateKey>, GetKeyError> {
        match &request {
            KeyRequest::Bip32((_, path)) if path == self.path => self.signer.get_key(request, secp),
            _ => Ok(None),
        }
    }
}

/// A wallet of a stage's descriptor that knows these transactions, each in a block.
fn wallet(
    bench: &Bench,
    stage: &Stage,
    transactions: impl ExactSizeIterator<Item = Transaction>,
) -> Wallet {
    let descriptor = bench.compiled.stage(stage).unwrap().descriptor();
    let halves = descriptor.clone().into_single_descriptors().unwrap();
    let [receive, change] = <[_; 2]>::try_from(halves).unwrap();
    let mut wallet = Wallet::create(receive, change)
        .network(bench.compiled.policy().network().to_bitcoin())
        .create_wallet_no_persist()
        .unwrap();
    let block = BlockId {
        height: 100,
        hash: BlockHash::from_byte_array([9; 32]),
    };
    let anchor = ConfirmationBlockTime {
        block_id: block,
        confirmation_time: 1_700_000_000,
    };
    let last = u32::try_from(transactions.len()).unwrap() - 1;
    drop(wallet.reveal_addresses_to(KeychainKind::External, last));
    let mut update = TxUpdate::default();
    for transaction in transactions {
        update.anchors.insert((anchor, transaction.compute_txid()));
        update.txs.push(Arc::new(transaction));
    }
    let chain = wallet.latest_checkpoint().push(block).unwrap();
    let update = Update {
        tx_update: update,
        chain: Some(chain),
        ..Update::default()
    };
    wallet.apply_update(update).unwrap();
    wallet
}

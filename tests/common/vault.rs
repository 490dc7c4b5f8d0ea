//! One policy on one chain, and everybody's keys.
//!
//! A [`World`] makes transactions in two ways: the typed ones of the crate, signed as a party would
//! sign them, PSBT out and PSBT back; and those by hand.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test crate that includes this file uses a part of it"
)]

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use bitcoin::psbt::{GetKey, KeyRequest};
use bitcoin::secp256k1::{All, Secp256k1, SecretKey};
use bitcoin::{Amount, OutPoint, Psbt, ScriptBuf, Transaction, TxOut};
use longstop::arming::{ArmedCoin, Arming};
use longstop::chain::{EmbeddedChain, Judge, Refusal};
use longstop::compile::{Compiled, Derived, KeyUse, Keychain, Role, Stage};
use longstop::engine::Signers;
use longstop::lifecycle::REORG_DEPTH;
use longstop::policy::{Policy, Quorum};
use longstop::signer::SoftwareSigner;
use longstop::transaction::{
    Builder, Coin, EscrowCoin, FeeCoin, Kind, LockupCoin, Received, Signed, StageTransaction,
    State, Unsigned, VaultCoin, build_fee_child,
};
use longstop::units::UnixTime;

pub use crate::by_hand::{Fill, Seats, anywhere, just_enough};
pub use crate::draft::{DEPARTMENTS, Draft, TREASURY};

/// 2026-01-01, when every chain of these tests starts.
pub const START: UnixTime = UnixTime(1_767_225_600);

/// Every property is held in both.
pub const SCRIPTS: [&str; 2] = ["tr", "wsh"];

/// A relative lock that is not open yet.
pub const TOO_EARLY: &str = "non-BIP68-final";

/// An absolute lock that is not open yet.
pub const NOT_FINAL: &str = "non-final";

/// The script says no.
pub const BAD_SCRIPT: &str = "mempool-script-verify-flag-failed";

/// The coin is gone.
pub const GONE: &str = "bad-txns-inputs-missingorspent";

/// What a deposit is worth unless a test is about amounts.
pub const DEPOSIT: u64 = 10_000_000;

/// Everybody's devices, each of which signs what it is asked to.
pub struct People {
    pub secp: Secp256k1<All>,
    signers: BTreeMap<String, SoftwareSigner>,
}

impl People {
    fn of(policy: &Policy) -> Self {
        let secp = Secp256k1::new();
        let signers = policy.parties().map(|party| {
            let name = party.name().to_owned();
            let signer = SoftwareSigner::stand_in(0, &name, &secp);
            (name, signer)
        });
        Self {
            signers: signers.collect(),
            secp,
        }
    }

    /// The master key of a party.
    pub fn signer(&self, party: &str) -> &SoftwareSigner {
        &self.signers[party]
    }

    /// The private key behind a key of a leaf.
    pub fn secret(&self, key: &KeyUse) -> SecretKey {
        let request = KeyRequest::Bip32((key.fingerprint, key.path.clone()));
        let found = self.signers[&key.party].get_key(request, &self.secp);
        found.expect("it derives").expect("it is the party's").inner
    }
}

impl Signers for People {
    fn sign(&self, party: &str, mut psbt: Psbt) -> Option<Psbt> {
        self.signers.get(party)?.sign(&mut psbt, &self.secp);
        Some(psbt)
    }
}

/// One policy on one chain.
pub struct World {
    pub compiled: Arc<Compiled>,
    pub people: Rc<People>,
    pub chain: EmbeddedChain,
}

impl Draft {
    #[track_caller]
    pub fn world(&self) -> World {
        World::new(self.compiled())
    }
}

impl World {
    pub fn new(compiled: Arc<Compiled>) -> Self {
        let people = Rc::new(People::of(compiled.policy()));
        Self {
            compiled,
            people,
            chain: EmbeddedChain::new(START),
        }
    }

    /// The same world, in which something else can happen from here on.
    pub fn fork(&self) -> Self {
        Self {
            compiled: Arc::clone(&self.compiled),
            people: Rc::clone(&self.people),
            chain: self.chain.fork(),
        }
    }

    pub fn secp(&self) -> &Secp256k1<All> {
        &self.people.secp
    }

    pub fn builder(&self) -> Builder<'_> {
        Builder::new(&self.compiled, &self.people.secp)
    }

    pub fn derived(&self, stage: &Stage, index: u32) -> Arc<Derived> {
        let derived = self.builder().derive(stage, Keychain::Receive, index);
        derived.expect("the policy has the stage")
    }

    /// A deposit that is still in the mempool.
    pub fn pay_to(&mut self, stage: &Stage, index: u32, sats: u64) -> Coin {
        let derived = self.derived(stage, index);
        let amount = Amount::from_sat(sats);
        let script = derived.script_pubkey().clone();
        let outpoint = self.chain.fund(script, amount).expect("the faucet pays");
        let source = self.chain.transaction(outpoint.txid).expect("it is there");
        Coin::new(outpoint, amount, derived).with_source(Arc::new(source.clone()))
    }

    /// A coin of a stage, confirmed in the tip.
    pub fn coin(&mut self, stage: &Stage) -> Coin {
        let coin = self.pay_to(stage, 0, DEPOSIT);
        self.chain.mine_one();
        coin
    }

    /// A coin in the vault, confirmed in the tip.
    pub fn deposit(&mut self, sats: u64) -> VaultCoin {
        let coin = self.pay_to(&Stage::Vault, 0, sats);
        self.chain.mine_one();
        VaultCoin::try_from(coin).expect("it is in the vault")
    }

    /// Mines until the next block is this many above the coin's own.
    pub fn mine_to_age(&mut self, coin: &Coin, age: u32) {
        let birth = self.chain.confirmation(coin.outpoint().txid);
        let born = birth.expect("the coin is confirmed").height.0;
        let next = self.chain.tip().time.height.0 + 1;
        let missing = (born + age).checked_sub(next);
        let missing = missing.expect("the coin is not older than that");
        for _ in 0..missing {
            self.chain.mine_empty();
        }
    }

    pub fn bury(&mut self) {
        self.chain.mine(REORG_DEPTH.0);
    }

    /// The transaction is taken, and a block may hold it.
    #[track_caller]
    pub fn accepts(&self, transaction: &Transaction) {
        if let Err(refusal) = self.chain.test_accept(transaction) {
            panic!("the chain refuses it: {refusal:?}");
        }
    }

    /// Mempool and blocks refuse the transaction, for this reason.
    #[track_caller]
    pub fn refuses(&self, transaction: &Transaction, class: &str) {
        let refusal = self.refusal(transaction);
        assert_eq!(
            (refusal.class.as_ref(), refusal.by),
            (class, Judge::Consensus)
        );
    }

    /// The mempool refuses the transaction for this reason, and a block may hold it.
    #[track_caller]
    pub fn relay_refuses(&self, transaction: &Transaction, class: &str) {
        let refusal = self.refusal(transaction);
        assert_eq!((refusal.class.as_ref(), refusal.by), (class, Judge::Relay));
    }

    #[track_caller]
    pub fn refusal(&self, transaction: &Transaction) -> Refusal {
        match self.chain.test_accept(transaction) {
            Err(refusal) => refusal,
            Ok(()) => panic!("the chain takes it"),
        }
    }

    #[track_caller]
    pub fn submit(&mut self, transaction: &Transaction) {
        if let Err(refusal) = self.chain.submit(transaction) {
            panic!("the chain refuses it: {refusal:?}");
        }
    }

    /// Puts the transaction into the next block.
    #[track_caller]
    pub fn confirm(&mut self, transaction: &Transaction) {
        self.submit(transaction);
        let mined = self.chain.mine_one();
        assert!(mined.confirmed.contains(&transaction.compute_txid()));
    }
}

/// What the crate makes, signed as parties sign.
impl World {
    /// Sends the request of one role to these parties and takes what they return.
    #[track_caller]
    pub fn collect<K: Kind, S: State>(
        &self,
        transaction: &mut StageTransaction<K, S>,
        role: Role,
        by: &[&str],
    ) -> Vec<Received> {
        let request = transaction.request(role).expect("a request");
        let returned = by.iter().map(|party| {
            let signed = self.people.sign(party, request.clone());
            signed.expect("everybody can sign")
        });
        let received = returned.map(|psbt| transaction.receive(role, &psbt, self.secp()));
        received.map(|one| one.expect("it is our own")).collect()
    }

    /// A transaction that needs no pre-signature, signed by these parties in all its roles.
    #[track_caller]
    pub fn live<K: Kind>(
        &self,
        mut transaction: StageTransaction<K, Unsigned>,
        by: &[&str],
    ) -> Transaction {
        for role in transaction.roles() {
            self.collect(&mut transaction, role, by);
        }
        let signed = transaction.into_signed().expect("enough have signed");
        let complete = signed.finalize().expect("it is complete");
        complete.transaction().clone()
    }

    /// A pre-signed transaction, completed by these parties.
    #[track_caller]
    pub fn finish<K: Kind>(
        &self,
        signed: &StageTransaction<K, Signed>,
        by: &[&str],
    ) -> Transaction {
        let mut signed = signed.clone();
        for role in signed.roles() {
            if role != Role::Arming {
                self.collect(&mut signed, role, by);
            }
        }
        let complete = signed.finalize().expect("it is complete");
        complete.transaction().clone()
    }

    /// An arming with nothing signed yet.
    #[track_caller]
    pub fn plan(&self, coin: &VaultCoin, path: &str) -> Arming {
        let path = self.compiled.policy().path(path).expect("such a path");
        let planned = Arming::plan(&self.builder(), self.compiled.id(), path, coin);
        planned.expect("the coin can be armed")
    }

    /// Everybody in a quorum.
    pub fn members(&self, quorum: &Quorum) -> Vec<String> {
        let names = quorum.party_names();
        names.into_iter().map(str::to_owned).collect()
    }

    /// Root signs what is to be signed now.
    #[track_caller]
    pub fn root_signs(&self, arming: &mut Arming) -> Vec<Received> {
        let root = self.compiled.policy().root().quorum();
        let mut received = Vec::new();
        for request in arming.requests().expect("there is something to sign") {
            for party in self.members(root).into_iter().take(root.fewest_seats()) {
                let signed = self.people.sign(&party, request.clone()).expect("it signs");
                received.push(arming.receive(&signed, self.secp()).expect("it is ours"));
            }
        }
        received
    }

    /// Everybody who has to says that he holds his copies.
    #[track_caller]
    pub fn all_acknowledge(&self, arming: &mut Arming, path: &str) {
        let path = self.compiled.policy().path(path).expect("such a path");
        let veto = path.staged().expect("a staged path").veto();
        for quorum in [path.quorum(), veto] {
            for party in self.members(quorum) {
                arming.acknowledge(&party).expect("it has a part in this");
            }
        }
    }

    /// Arms a coin on a path.
    #[track_caller]
    pub fn arm(&self, coin: &VaultCoin, path: &str) -> ArmedCoin {
        let mut arming = self.plan(coin, path);
        self.root_signs(&mut arming);
        self.all_acknowledge(&mut arming, path);
        self.root_signs(&mut arming);
        arming.into_armed().expect("it is armed")
    }
}

/// The one coin of a stage that a transaction makes.
#[track_caller]
pub fn made<C: TryFrom<Coin>, K: Kind, S: State>(transaction: &StageTransaction<K, S>) -> C {
    let mut coins = transaction.creates().into_iter();
    let coin = coins.next().expect("it makes a coin");
    assert!(coins.next().is_none(), "and no other");
    C::try_from(coin).unwrap_or_else(|_| panic!("of the stage"))
}

/// A coin armed on the path `sos`, buried and untouched.
pub struct Armed {
    pub world: World,
    pub coin: VaultCoin,
    pub files: ArmedCoin,
}

impl Armed {
    #[track_caller]
    pub fn new(draft: &Draft) -> Self {
        Self::on(draft, "sos", DEPOSIT)
    }

    #[track_caller]
    pub fn on(draft: &Draft, path: &str, sats: u64) -> Self {
        let mut world = draft.world();
        let coin = world.deposit(sats);
        world.bury();
        let files = world.arm(&coin, path);
        Self { world, coin, files }
    }

    pub fn fork(&self) -> Self {
        Self {
            world: self.world.fork(),
            coin: self.coin.clone(),
            files: self.files.clone(),
        }
    }

    /// The trigger of a course, complete.
    pub fn trigger(&self, course: usize, by: &[&str]) -> Transaction {
        self.world.finish(&self.files.courses()[course].trigger, by)
    }

    /// The cancel of a course, complete.
    pub fn cancel(&self, course: usize, by: &[&str]) -> Transaction {
        self.world
            .finish(&self.files.courses()[course].cancels[0], by)
    }

    /// The settle of a course, complete since root signed it.
    pub fn settle(&self, course: usize) -> Transaction {
        let settle = self.files.courses()[course].settles.first();
        self.world
            .finish(settle.expect("root signs the settle"), &[])
    }

    pub fn escrow(&self, course: usize) -> EscrowCoin {
        made(&self.files.courses()[course].trigger)
    }

    pub fn lockup(&self, course: usize) -> LockupCoin {
        made(
            self.files.courses()[course]
                .settles
                .first()
                .expect("a settle"),
        )
    }
}

/// Fee wallets.
impl World {
    /// A confirmed coin in the fee wallet of a party.
    pub fn fee_coin(&mut self, party: &str, sats: u64) -> FeeCoin {
        self.fee_coin_at(party, 0, sats)
    }

    /// The same at another index of the wallet.
    pub fn fee_coin_at(&mut self, party: &str, index: u32, sats: u64) -> FeeCoin {
        let wallet = self.compiled.policy().party(party).expect("a party");
        let wallet = wallet.fees().expect("with a fee wallet");
        let halves = wallet.descriptor().clone().into_single_descriptors();
        let receive = halves.expect("two halves").remove(0);
        let definite = receive.at_derivation_index(index).expect("an index");
        let concrete = definite.derived_descriptor(self.secp()).expect("keys");
        let txout = TxOut {
            value: Amount::from_sat(sats),
            script_pubkey: concrete.script_pubkey(),
        };
        let script = txout.script_pubkey.clone();
        let outpoint = self.chain.fund(script, txout.value).expect("it pays");
        self.chain.mine_one();
        FeeCoin {
            outpoint,
            txout,
            descriptor: definite,
        }
    }

    /// The signed child that lifts a transaction to so many satoshis per vbyte.
    pub fn fee_child(
        &self,
        parent: &Transaction,
        parent_fee: Amount,
        rate: u64,
        coin: &FeeCoin,
        party: &str,
    ) -> Transaction {
        use miniscript::psbt::PsbtExt;

        let anchor = ScriptBuf::new_p2a();
        let vout = parent.output.iter().position(|o| o.script_pubkey == anchor);
        let vout = u32::try_from(vout.expect("an anchor")).expect("few outputs");
        let anchor = OutPoint::new(parent.compute_txid(), vout);
        let rate = bitcoin::FeeRate::from_sat_per_vb(rate).expect("a feerate");
        let change = &coin.txout.script_pubkey;
        let psbt = build_fee_child(anchor, parent_fee, parent.weight(), rate, coin, change);
        let psbt = psbt.expect("the coin pays");
        let mut signed = self.people.sign(party, psbt).expect("it signs");
        signed.finalize_inp_mut(self.secp(), 1).expect("complete");
        let mut child = signed.unsigned_tx;
        for (input, fields) in child.input.iter_mut().zip(signed.inputs) {
            input.witness = fields.final_script_witness.expect("a witness");
        }
        child
    }
}

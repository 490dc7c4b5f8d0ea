//! One policy on one chain, and everybody's keys.
//!
//! A [`World`] makes transactions in two ways.  The typed ones of the crate are signed as a party
//! would sign them, PSBT out and PSBT back.  Those by hand are put together here from the script
//! and the private keys alone, with any signature left out or put in another's place: what an
//! attacker could do, who uses none of our code.

#![allow(
    dead_code,
    reason = "each test crate that includes this file uses a part of it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;

use bitcoin::absolute::LockTime;
use bitcoin::bip32::DerivationPath;
use bitcoin::hashes::Hash;
use bitcoin::key::{Keypair, TapTweak};
use bitcoin::psbt::{GetKey, KeyRequest};
use bitcoin::secp256k1::{All, Message, Secp256k1, SecretKey};
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::taproot::{LeafVersion, TapLeafHash};
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, EcdsaSighashType, OutPoint, Psbt, ScriptBuf, Sequence, TapSighashType, Transaction,
    TxIn, TxOut, Witness, ecdsa, taproot,
};
use longstop::arming::{ArmedCoin, Arming};
use longstop::chain::{EmbeddedChain, Judge, Refusal};
use longstop::compile::{
    Compiled, Derived, DerivedLeaf, KeyUse, Keychain, LeafKind, Role, Stage, compile,
};
use longstop::engine::Signers;
use longstop::lifecycle::REORG_DEPTH;
use longstop::policy::{Member, Policy, Quorum, check};
use longstop::signer::SoftwareSigner;
use longstop::transaction::{
    Builder, Coin, EscrowCoin, FeeCoin, Kind, LockupCoin, Received, Signed, StageTransaction,
    State, Unsigned, VaultCoin, build_fee_child,
};
use longstop::units::UnixTime;
use miniscript::Descriptor;

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

/// Three of five hold it, two of three rescue it, and one of the five can veto.
pub const TREASURY: &str = r#"
[quorums]
council = { threshold = 3, of = ["alice", "bob", "carol", "dave", "erin"] }
agents = { threshold = 2, of = ["gina", "hal", "ivan"] }
vetoers = { threshold = 1, members_of = "council" }

[root]
quorum = "council"
refresh = "10 blocks"

[[path]]
name = "sos"
quorum = "agents"
escrow = { window = "20 blocks", veto = "vetoers", backstop = "40 blocks" }
lockup = { period = "30 blocks" }

[[path]]
name = "dead-man"
quorum = "agents"
delay = "90 blocks"

[lints]
LS0503 = "short delays keep the tests quick"
"#;

/// A policy about to be compiled: terms without header and parties, which are added here.
#[derive(Clone)]
pub struct Draft {
    script: &'static str,
    base_fee: &'static str,
    veto_accounts: bool,
    terms: String,
}

impl Draft {
    pub fn new(script: &'static str, terms: &str) -> Self {
        Self {
            script,
            base_fee: "2 sat/vB",
            veto_accounts: true,
            terms: terms.to_owned(),
        }
    }

    /// No party has an account of its own for the veto role.
    pub fn without_veto_accounts(mut self) -> Self {
        self.veto_accounts = false;
        self
    }

    pub const fn with_base_fee(mut self, base_fee: &'static str) -> Self {
        self.base_fee = base_fee;
        self
    }

    /// One thing of the terms is otherwise.
    #[track_caller]
    pub fn but(mut self, was: &str, is: &str) -> Self {
        assert!(self.terms.contains(was), "the terms hold `{was}`");
        self.terms = self.terms.replace(was, is);
        self
    }

    /// The document, with an account for everybody whom a quorum names.
    pub fn text(&self) -> String {
        let secp = Secp256k1::new();
        let mut text = format!(
            "[policy]\nname = \"test\"\nnetwork = \"regtest\"\nscript = \"{}\"\nbase_fee = \"{}\"\n\n[parties]\n",
            self.script, self.base_fee
        );
        for name in self.parties() {
            let signer = SoftwareSigner::stand_in(0, &name, &secp);
            let account = |path: &str| {
                let path = DerivationPath::from_str(path).expect("a path");
                signer.account(&path, &secp).to_string()
            };
            let key = account("48h/1h/0h/3h");
            let fees = account("84h/1h/9h");
            let veto = if self.veto_accounts {
                format!(", veto = \"{}\"", account("48h/1h/2h/3h"))
            } else {
                String::new()
            };
            text +=
                &format!("{name} = {{ key = \"{key}\"{veto}, fees = \"wpkh({fees}/<0;1>/*)\" }}\n");
        }
        text + &self.terms
    }

    fn parties(&self) -> BTreeSet<String> {
        let terms: toml::Table = self.terms.parse().expect("the terms are TOML");
        let quorums = terms["quorums"].as_table().expect("there are quorums");
        let lists = quorums.values().filter_map(|quorum| quorum.get("of"));
        let names = lists.flat_map(|list| list.as_array().expect("a list").iter());
        let names = names.map(|name| name.as_str().expect("a name").to_owned());
        names.filter(|name| !quorums.contains_key(name)).collect()
    }

    #[track_caller]
    pub fn policy(&self) -> Policy {
        let checked = check(&self.text());
        let problems = &checked.diagnostics;
        checked
            .policy
            .unwrap_or_else(|| panic!("the terms have errors: {problems:#?}"))
    }

    #[track_caller]
    pub fn compiled(&self) -> Arc<Compiled> {
        Arc::new(compile(Arc::new(self.policy())).expect("the policy compiles"))
    }

    #[track_caller]
    pub fn world(&self) -> World {
        World::new(self.compiled())
    }
}

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
        // What nobody signs, such as an anchor, is no reason not to sign the rest.
        match psbt.sign(self.signers.get(party)?, &self.secp) {
            Ok(_) | Err(_) => Some(psbt),
        }
    }
}

/// What stands where a signature should be that nobody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    Nothing,
    /// Another signature of the same group, once more.
    Copy,
}

/// One policy on one chain.
pub struct World {
    pub compiled: Arc<Compiled>,
    pub people: Rc<People>,
    pub chain: EmbeddedChain,
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

    /// The trigger of a rung, complete.
    pub fn trigger(&self, rung: usize, by: &[&str]) -> Transaction {
        self.world.finish(&self.files.rungs()[rung].trigger, by)
    }

    /// The cancel of a rung, complete.
    pub fn cancel(&self, rung: usize, by: &[&str]) -> Transaction {
        self.world.finish(&self.files.rungs()[rung].cancel, by)
    }

    /// The settle of a rung, complete since root signed it.
    pub fn settle(&self, rung: usize) -> Transaction {
        let settle = self.files.rungs()[rung].settle.as_ref();
        self.world
            .finish(settle.expect("root signs the settle"), &[])
    }

    pub fn escrow(&self, rung: usize) -> EscrowCoin {
        made(&self.files.rungs()[rung].trigger)
    }

    pub fn lockup(&self, rung: usize) -> LockupCoin {
        made(self.files.rungs()[rung].settle.as_ref().expect("a settle"))
    }
}

/// Fee wallets.
impl World {
    /// A confirmed coin in the fee wallet of a party.
    pub fn fee_coin(&mut self, party: &str, sats: u64) -> FeeCoin {
        let wallet = self.compiled.policy().party(party).expect("a party");
        let wallet = wallet.fees().expect("with a fee wallet");
        let halves = wallet.descriptor().clone().into_single_descriptors();
        let receive = halves.expect("two halves").remove(0);
        let definite = receive.at_derivation_index(0).expect("an index");
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

/// A script of nobody in the policy.
pub fn anywhere() -> ScriptBuf {
    ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::from_byte_array([7; 32]))
}

/// Seats that sign, by role and place in the role's quorum.
pub type Seats = BTreeSet<(Role, usize)>;

/// What an attacker does without our code.
impl World {
    /// A transaction that spends a coin through a leaf to somewhere else, once its locks are open.
    pub fn by_hand(&self, coin: &Coin, leaf: &LeafKind) -> Transaction {
        let leaf = &coin.derived().leaf(leaf).expect("such a leaf").leaf;
        let sequence = leaf.relative().map_or(
            Sequence::ENABLE_RBF_NO_LOCKTIME,
            longstop::units::RelativeLock::to_sequence,
        );
        let lock_time = leaf
            .absolute()
            .map_or(LockTime::ZERO, longstop::units::AbsoluteLock::to_lock_time);
        Transaction {
            version: Version(3),
            lock_time,
            input: vec![TxIn {
                previous_output: coin.outpoint(),
                script_sig: ScriptBuf::new(),
                sequence,
                witness: Witness::new(),
            }],
            output: vec![TxOut {
                value: coin.amount() - Amount::from_sat(100_000),
                script_pubkey: anywhere(),
            }],
        }
    }

    /// One signature as it stands in a witness, for the only input of a transaction.
    pub fn sign(
        &self,
        transaction: &Transaction,
        coin: &Coin,
        leaf: &DerivedLeaf,
        key: &KeyUse,
    ) -> Vec<u8> {
        let secret = self.people.secret(key);
        match coin.derived().concrete() {
            Descriptor::Wsh(_) => {
                let kind = EcdsaSighashType::All;
                self.sign_wsh(transaction, coin, &secret, kind).to_vec()
            }
            _ => {
                let kind = TapSighashType::Default;
                self.sign_tr(transaction, coin, leaf, &secret, kind)
                    .to_vec()
            }
        }
    }

    pub fn sign_wsh(
        &self,
        transaction: &Transaction,
        coin: &Coin,
        secret: &SecretKey,
        sighash_type: EcdsaSighashType,
    ) -> ecdsa::Signature {
        let Descriptor::Wsh(wsh) = coin.derived().concrete() else {
            panic!("the coin is P2WSH");
        };
        let script = wsh.inner_script();
        let mut cache = SighashCache::new(transaction);
        let hash = cache.p2wsh_signature_hash(0, &script, coin.amount(), sighash_type);
        let message = Message::from_digest(hash.expect("one input").to_byte_array());
        ecdsa::Signature {
            signature: self.secp().sign_ecdsa(&message, secret),
            sighash_type,
        }
    }

    pub fn sign_tr(
        &self,
        transaction: &Transaction,
        coin: &Coin,
        leaf: &DerivedLeaf,
        secret: &SecretKey,
        sighash_type: TapSighashType,
    ) -> taproot::Signature {
        let prevouts = [coin.txout()];
        let prevouts = Prevouts::All(&prevouts);
        let mut cache = SighashCache::new(transaction);
        let keypair = Keypair::from_secret_key(self.secp(), secret);
        let (digest, keypair) = if let Some(hash) = leaf.hash {
            let digest =
                cache.taproot_script_spend_signature_hash(0, &prevouts, hash, sighash_type);
            (digest, keypair)
        } else {
            let Descriptor::Tr(tr) = coin.derived().concrete() else {
                panic!("only taproot has a key path");
            };
            let root = tr.spend_info().merkle_root();
            let tweaked = keypair.tap_tweak(self.secp(), root).to_keypair();
            let digest = cache.taproot_key_spend_signature_hash(0, &prevouts, sighash_type);
            (digest, tweaked)
        };
        let message = Message::from_digest(digest.expect("one input").to_byte_array());
        taproot::Signature {
            signature: self.secp().sign_schnorr_no_aux_rand(&message, &keypair),
            sighash_type,
        }
    }

    /// The transaction with the witness of a leaf, made of whatever signatures there are.
    pub fn with_witness(
        transaction: &Transaction,
        coin: &Coin,
        leaf: &LeafKind,
        fill: Fill,
        signature: &dyn Fn(&KeyUse) -> Option<Vec<u8>>,
    ) -> Transaction {
        let derived = coin.derived();
        let found = derived.leaf(leaf).expect("such a leaf");
        let mut items = Vec::new();
        let mut keys = found.keys.iter();
        let mut groups = Vec::new();
        for group in found.leaf.groups() {
            let seats: Vec<_> = keys.by_ref().take(group.seats().count()).collect();
            let mut signatures = seats.into_iter().map(signature);
            groups.push(satisfy(
                &Member::Quorum(Arc::clone(group.quorum())),
                derived.concrete(),
                fill,
                &mut signatures,
            ));
        }
        // What the script checks first lies on top.
        items.extend(groups.into_iter().rev().flat_map(|group| group.satisfied));
        match derived.concrete() {
            Descriptor::Wsh(wsh) => {
                let position = derived.leaves().iter().position(|l| l.leaf.kind() == leaf);
                let position = position.expect("it is there");
                if position + 1 < derived.leaves().len() {
                    items.push(vec![1]);
                }
                items.extend(std::iter::repeat_n(Vec::new(), position));
                items.push(wsh.inner_script().into_bytes());
            }
            Descriptor::Tr(tr) => {
                if let Some(hash) = found.hash {
                    let mut scripts = tr.tap_tree().iter().flat_map(|tree| tree.iter());
                    let (_, script) = scripts
                        .find(|(_, script)| {
                            TapLeafHash::from_script(&script.encode(), LeafVersion::TapScript)
                                == hash
                        })
                        .expect("the hash is of a leaf");
                    let script = (script.encode(), LeafVersion::TapScript);
                    let control = tr.spend_info().control_block(&script).expect("in the tree");
                    items.push(script.0.into_bytes());
                    items.push(control.serialize());
                }
            }
            _ => panic!("stages are taproot or P2WSH"),
        }
        let mut complete = transaction.clone();
        complete.input[0].witness = Witness::from_slice(&items);
        complete
    }

    /// The transaction spending a leaf, with the signatures of these seats.
    pub fn signed(
        &self,
        transaction: &Transaction,
        coin: &Coin,
        leaf: &LeafKind,
        seats: &Seats,
        fill: Fill,
    ) -> Transaction {
        let found = coin.derived().leaf(leaf).expect("such a leaf");
        Self::with_witness(transaction, coin, leaf, fill, &|key| {
            let same_role = found.keys.iter().filter(|other| other.role == key.role);
            let seat = same_role.take_while(|other| *other != key).count();
            let signs = seats.contains(&(key.role, seat));
            signs.then(|| self.sign(transaction, coin, found, key))
        })
    }
}

/// The seats of a leaf of which all must sign: the first that suffice of each quorum.
pub fn just_enough(coin: &Coin, leaf: &LeafKind) -> Seats {
    let found = coin.derived().leaf(leaf).expect("such a leaf");
    let mut seats = Seats::new();
    for group in found.leaf.groups() {
        let mut chosen = Vec::new();
        first_seats(group.quorum(), &mut 0, true, &mut chosen);
        seats.extend(chosen.into_iter().map(|seat| (group.role(), seat)));
    }
    seats
}

fn first_seats(quorum: &Quorum, next: &mut usize, signs: bool, chosen: &mut Vec<usize>) {
    for (place, member) in quorum.members().iter().enumerate() {
        let signs = signs && place < quorum.threshold();
        match member {
            Member::Party(_) => {
                if signs {
                    chosen.push(*next);
                }
                *next += 1;
            }
            Member::Quorum(inner) => first_seats(inner, next, signs, chosen),
        }
    }
}

/// Witness items of an expression, in the order of the stack from the bottom.
struct Items {
    is_met: bool,
    /// What satisfies it; where signatures are missing, the best that can be done without.
    satisfied: Vec<Vec<u8>>,
    dissatisfied: Vec<Vec<u8>>,
}

/// Written after the scripts and not after the crate: `multi` wants its signatures in the order of
/// the keys, below them one item for nothing; `multi_a` wants an item for every key, the first on
/// top; a threshold of anything else wants what its members want, the first on top.
fn satisfy<D: miniscript::MiniscriptKey>(
    member: &Member,
    descriptor: &Descriptor<D>,
    fill: Fill,
    signatures: &mut dyn Iterator<Item = Option<Vec<u8>>>,
) -> Items {
    let quorum = match member {
        Member::Party(_) => {
            let signature = signatures.next().expect("every seat has a key");
            return Items {
                is_met: signature.is_some(),
                satisfied: vec![signature.unwrap_or_default()],
                dissatisfied: vec![Vec::new()],
            };
        }
        Member::Quorum(quorum) => quorum,
    };
    if let [only] = quorum.members() {
        return satisfy(only, descriptor, fill, signatures);
    }
    let needed = quorum.threshold();
    let members: Vec<Items> = quorum
        .members()
        .iter()
        .map(|member| satisfy(member, descriptor, fill, signatures))
        .collect();
    let is_met = members.iter().filter(|member| member.is_met).count() >= needed;
    let is_flat = quorum.members().iter().all(is_key);
    if is_flat && matches!(descriptor, Descriptor::Wsh(_)) {
        let given = members.into_iter().filter(|member| member.is_met);
        let mut given: Vec<_> = given.flat_map(|m| m.satisfied).take(needed).collect();
        let copy = given.first().cloned().filter(|_| fill == Fill::Copy);
        given.resize(needed, copy.unwrap_or_default());
        let mut satisfied = vec![Vec::new()];
        satisfied.extend(given);
        return Items {
            is_met,
            satisfied,
            dissatisfied: vec![Vec::new(); needed + 1],
        };
    }
    let mut left = needed;
    let mut chosen = Vec::new();
    let copy = members.iter().find(|member| member.is_met);
    let copy = copy.map(|member| member.satisfied.clone());
    for member in &members {
        let take = member.is_met && left > 0;
        left -= usize::from(take);
        chosen.push(if take {
            member.satisfied.clone()
        } else {
            member.dissatisfied.clone()
        });
    }
    if left > 0
        && fill == Fill::Copy
        && let Some(copy) = copy
        && let Some(place) = members.iter().position(|member| !member.is_met)
        && copy.len() == members[place].dissatisfied.len()
    {
        chosen[place] = copy;
    }
    Items {
        is_met,
        satisfied: chosen.into_iter().rev().flatten().collect(),
        dissatisfied: members
            .into_iter()
            .rev()
            .flat_map(|member| member.dissatisfied)
            .collect(),
    }
}

/// A quorum of one key is written as that key.
fn is_key(member: &Member) -> bool {
    match member {
        Member::Party(_) => true,
        Member::Quorum(quorum) => matches!(quorum.members(), [only] if is_key(only)),
    }
}

//! One case with everything that evidence can hold.

use std::sync::{Arc, LazyLock};

use bitcoin::consensus::encode::{deserialize, serialize_hex};
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{Amount, Block, MerkleBlock, Transaction};
use longstop::chain::EmbeddedChain;
use longstop::compile::{Compiled, Keychain, compile};
use longstop::evidence::{Attached, Files, Order, create, genesis_of};
use longstop::governance::{
    Activation, Ballot, Body, Digest, EventId, Heartbeat, Proposal, Word, ask_rule, facts_of,
    replay,
};
use longstop::ledger::{Ledger, Memory};
use longstop::policy::{Sats, Vault};
use longstop::transaction::{Builder, Coin, VaultCoin};
use longstop::units::UnixTime;

use super::charter::{CHARTER, at, identity};

/// So many blocks after the events begin, the case is opened.
pub const OPENED: u32 = 2;

/// The policy of the events, compiled.
pub static COMPILED: LazyLock<Compiled> =
    LazyLock::new(|| compile(Arc::clone(CHARTER.policy())).expect("it compiles"));

/// A sample for all tests.
pub static SAMPLE: LazyLock<Sample> = LazyLock::new(Sample::new);

/// A ledger with a case, what is attached, and the evidence of it.
pub struct Sample {
    pub ledger: Ledger<Memory>,
    pub case: EventId,
    pub block: Block,
    pub deposit: Transaction,
    pub attached: Attached,
    pub files: Files,
    /// The same with nothing but the report attached, which is quicker to verify.
    pub bare: Files,
}

impl Sample {
    pub fn new() -> Self {
        let (ledger, case) = told();
        let (block, deposit, trigger) = on_chain();
        let txid = deposit.compute_txid();
        let proof = MerkleBlock::from_block_with_predicate(&block, |own| *own == txid);
        let named = |name: &str, bytes: Vec<u8>| vec![(name.to_owned(), bytes)];
        let attached = Attached {
            psbts: named("trigger.psbt", trigger),
            transactions: named("deposit.hex", serialize_hex(&deposit).into_bytes()),
            block_proofs: named("deposit.proof", serialize_hex(&proof).into_bytes()),
            reports: named("note.md", b"The office is empty.\n".to_vec()),
        };
        let files = create(
            &ledger,
            &COMPILED,
            &order(case, attached.clone(), &identity("alice")),
        );
        let files = files.expect("everything is in order");
        let bare = Attached {
            reports: attached.reports.clone(),
            ..Attached::default()
        };
        let bare = create(&ledger, &COMPILED, &order(case, bare, &identity("alice")));
        let bare = bare.expect("everything is in order");
        Self {
            ledger,
            case,
            block,
            deposit,
            attached,
            files,
            bare,
        }
    }

    /// The same ledger in memory of its own, to say more in.
    pub fn again(&self) -> Ledger<Memory> {
        let mut export = Vec::new();
        self.ledger
            .export(0, &mut export)
            .expect("a store in order");
        let genesis = self.ledger.genesis().to_bytes();
        let mut ledger = Ledger::open(Memory::new(genesis)).expect("it is founded on a policy");
        let import = ledger.import(&mut export.as_slice()).expect("an export");
        assert!(import.refused.is_empty() && import.waiting.is_empty());
        ledger
    }

    /// Evidence that holds a file, with little beside.
    pub fn about(&self, name: &str) -> &Files {
        match self.bare.get(name) {
            Some(_) => &self.bare,
            None => &self.files,
        }
    }

    /// Evidence of the same case with other files attached.
    pub fn with(&self, attached: Attached) -> Files {
        let key = identity("alice");
        let files = create(&self.ledger, &COMPILED, &order(self.case, attached, &key));
        files.expect("files of the right form")
    }
}

pub fn order(case: EventId, attached: Attached, key: &ed25519_dalek::SigningKey) -> Order<'_> {
    Order {
        case,
        now: at(20),
        party: "alice",
        key,
        attached,
    }
}

/// A ledger in which a case is opened, voted on, and activated by a rule.
fn told() -> (Ledger<Memory>, EventId) {
    let founded = genesis_of(&COMPILED).to_bytes();
    let mut ledger = Ledger::open(Memory::new(founded)).expect("it is founded on a policy");
    let say = |ledger: &mut Ledger<Memory>, author: &str, blocks: u32, body: Body| {
        let event = ledger.draft(author, at(blocks), body).expect("in order");
        let signed = event.sign(&identity(author)).expect("it can be said");
        let id = signed.id();
        ledger.append(&[signed]).expect("a store in order");
        id
    };
    let heartbeat = || Body::Heartbeat(Heartbeat {});
    say(&mut ledger, "alice", 0, heartbeat());
    say(&mut ledger, "bob", 1, heartbeat());
    let proposal = Body::Proposal(Proposal {
        path: "sos".to_owned(),
        why: "the office is empty".to_owned(),
    });
    let case = say(&mut ledger, "gina", OPENED, proposal);
    for (party, approve) in [("alice", true), ("bob", false)] {
        let ballot = Body::Ballot(Ballot { case, approve });
        say(&mut ledger, party, 3, ballot);
    }
    say(&mut ledger, "carol", 4, heartbeat());
    let memory = ledger.in_memory().expect("a store in order");
    let words = memory.told().into_iter().map(Word::from);
    let cases = replay(words, at(5), CHARTER.policy());
    let (docket, found) = cases.case(case).expect("it was proposed");
    let sats = Sats::try_from(100_000).expect("an amount");
    let facts = facts_of(
        docket,
        found,
        at(5),
        Vault { coins: 1, sats },
        CHARTER.policy(),
    );
    let judgement = ask_rule("fn activate(facts) { facts.vault.coins > 0 }", facts);
    let activation = Body::Activation(Activation {
        case,
        judgement: Some(judgement),
    });
    say(&mut ledger, "gina", 5, activation);
    say(&mut ledger, "dave", 6, heartbeat());
    (ledger, case)
}

/// A block with a deposit to the vault, the deposit, and a trigger of it as a PSBT.
fn on_chain() -> (Block, Transaction, Vec<u8>) {
    let secp = Secp256k1::new();
    let vault = COMPILED.vault().derive(Keychain::Receive, 30, &secp);
    let vault = Arc::new(vault.expect("an index"));
    let amount = Amount::from_sat(1_000_000);
    let mut chain = EmbeddedChain::new(UnixTime(1_767_225_600));
    let outpoint = chain
        .fund(vault.script_pubkey().clone(), amount)
        .expect("the faucet has coins");
    chain.mine_one();
    let block = chain.block(chain.tip().time.height).expect("it was mined");
    let block: Block = deserialize(block).expect("a block");
    let deposit = chain
        .transaction(outpoint.txid)
        .expect("it is there")
        .clone();
    let coin = Coin::new(outpoint, amount, vault).with_source(Arc::new(deposit.clone()));
    let coin = VaultCoin::try_from(coin).expect("it is in the vault");
    let trigger = Builder::new(&COMPILED, &secp).trigger(&coin, "sos");
    let psbt = trigger.expect("enough coins").to_psbt().expect("a PSBT");
    (block, deposit, psbt.serialize())
}

/// The folder of a file, or its name where it is in none.
pub fn folder_of(name: &str) -> &str {
    name.split_once('/').map_or(name, |(folder, _)| folder)
}

/// The files with sums that are right.
pub fn with_sums(files: &Files) -> Files {
    let mut other = Files::new();
    let mut sums = String::new();
    for (name, bytes) in files.iter().filter(|(name, _)| *name != "SHA256SUMS") {
        sums += &format!("{}  {name}\n", Digest::sha256(bytes));
        other
            .insert(name, bytes.to_vec())
            .expect("within the limits");
    }
    other
        .insert("SHA256SUMS", sums.into_bytes())
        .expect("within the limits");
    other
}

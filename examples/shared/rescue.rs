//! A relief fund on a chain in memory: its vault, its wardens' ledger, and everybody's devices.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Amount, OutPoint, Psbt};
use longstop::arming::ArmingFile;
use longstop::chain::EmbeddedChain;
use longstop::compile::{Compiled, Keychain, compile};
use longstop::engine::{Action, Replica, Signers};
use longstop::governance::{
    Activation, Body, Charter, Digest, EventId, Heartbeat, Proposal, SignedEvent,
};
use longstop::ledger::Memory;
use longstop::policy::check;
use longstop::recovery::points::Undisturbed;
use longstop::recovery::{Fees, Phase, Progress, Recovery, Terms};
use longstop::signer::SoftwareSigner;
use longstop::units::{BlockHeight, UnixTime};
use longstop::wallet::{Document, Entry, Vault};

/// The staged path.
pub const PATH: &str = "rescue";

/// Two of the three wardens.
pub const WARDENS: [&str; 2] = ["rui", "sofia"];

const BOARD: [&str; 5] = ["amara", "bashir", "celine", "dov", "elif"];
const DAY: u32 = 144;

/// What an example can end with.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// The devices of all parties: stand-ins that sign what they are asked to.
struct Devices {
    secp: Secp256k1<All>,
    all: BTreeMap<String, SoftwareSigner>,
}

impl Signers for Devices {
    fn sign(&self, party: &str, mut psbt: Psbt) -> Option<Psbt> {
        // What nobody signs, such as an anchor, is no reason not to sign the rest.
        match psbt.sign(self.all.get(party)?, &self.secp) {
            Ok(_) | Err(_) => Some(psbt),
        }
    }
}

/// The fund.
pub struct Fund {
    vault: Vault<Memory>,
    chain: EmbeddedChain,
    words: Replica,
    devices: Devices,
}

impl Fund {
    /// A deposit that is armed on the path, with a confirmed coin in the fee wallets of those who
    /// will have to act.
    pub fn armed() -> Outcome<(Self, OutPoint)> {
        let text = std::fs::read_to_string("policies/relief-fund/policy.toml")?;
        let policy = Arc::new(check(&text).policy.ok_or("the policy has errors")?);
        let compiled: Arc<Compiled> = Arc::new(compile(Arc::clone(&policy))?);
        let secp = Secp256k1::new();
        let parties = policy.parties().map(|party| party.name().to_owned());
        let all = parties.map(|name| {
            let device = SoftwareSigner::stand_in(0, &name, &secp);
            (name, device)
        });
        let all = all.collect();
        let mut chain = EmbeddedChain::new(UnixTime(1_767_225_600));
        let document = Document::new(&compiled, BlockHeight::GENESIS);
        let mut vault = Vault::over(Memory::new(document.to_bytes()))?;
        let address = vault.next_address()?.address;
        let coin = chain.fund(address.script_pubkey(), Amount::from_sat(150_000_000))?;
        let mut engine = vault.engine(chain.fork())?;
        for party in [WARDENS[0], BOARD[0]] {
            let script = engine.fee_script(party, Keychain::Receive);
            chain.fund(script.ok_or("a fee wallet")?, Amount::from_sat(500_000))?;
        }
        chain.mine(6);
        vault.sync(&chain)?;
        let devices = Devices { secp, all };
        // Root signs cancel and settle, everybody concerned acknowledges them, and root signs the
        // trigger last.
        *engine.chain_mut() = chain.fork();
        let root = BOARD.map(str::to_owned);
        let holders: Vec<String> = devices.all.keys().cloned().collect();
        engine.arm(coin, PATH, &root, &holders, &devices)?;
        for armed in engine.armed() {
            let file = Box::new(ArmingFile::new(armed, &compiled)?);
            vault.remember(Entry::Armed { file })?;
        }
        let charter = Charter::new(policy, Digest(compiled.id().to_bytes()));
        let words = Replica::new(charter);
        Ok((
            Self {
                vault,
                chain,
                words,
                devices,
            },
            coin,
        ))
    }

    /// Blocks are found.
    pub fn mine(&mut self, blocks: u32) {
        self.chain.mine(blocks);
    }

    /// A party says something in the ledger, knowing all there is in it.
    pub fn say(&mut self, party: &str, body: Body) -> Outcome<EventId> {
        let now = self.chain.tip().time;
        self.words.observe(now);
        let identity = SoftwareSigner::stand_in_identity(0, party);
        let signed: SignedEvent = self.words.draft(party, now, body).sign(&identity)?;
        let id = signed.id();
        self.words.take(signed)?;
        Ok(id)
    }

    /// The board is heard of for the last time, thirty days pass, and the wardens activate a case.
    pub fn board_falls_silent(&mut self) -> Outcome<EventId> {
        for party in BOARD {
            self.say(party, Body::Heartbeat(Heartbeat {}))?;
        }
        self.mine(30 * DAY);
        let why = "nobody of the board answers".to_owned();
        let path = PATH.to_owned();
        let case = self.say(WARDENS[0], Body::Proposal(Proposal { path, why }))?;
        self.say(
            WARDENS[0],
            Body::Activation(Activation {
                case,
                judgement: None,
            }),
        )?;
        Ok(case)
    }

    /// Plans a step, confirms it, and takes it as far as it goes.
    pub fn act(&mut self, action: &Action, by: &[&str], broadcaster: &str) -> Outcome<Progress> {
        let by: Vec<String> = by.iter().map(|&party| party.to_owned()).collect();
        self.words.observe(self.chain.tip().time);
        let terms = Terms {
            words: Some(&self.words),
            broadcaster: Some(broadcaster),
            fees: Fees::Base,
            base_fee_is_enough: false,
            hook: &Undisturbed,
        };
        let mut run = Recovery::open(&mut self.vault, &mut self.chain, terms)?;
        let plan = run.plan(action)?;
        let typed = plan.confirmation();
        println!("       {}: {typed}", plan.draft.word());
        plan.confirm(&typed)?;
        let txid = run.begin(plan)?;
        run.approve(txid)?;
        Ok(run.advance(txid, &by, &self.devices)?)
    }

    /// The first output of what was just sent, once a block holds it.
    pub fn in_a_block(&mut self, sent: &Progress) -> Outcome<OutPoint> {
        assert_eq!(sent.phase, Phase::Seen, "{:?}", sent.waits_for);
        self.mine(1);
        self.chain
            .confirmation(sent.txid)
            .ok_or("it is confirmed")?;
        Ok(OutPoint::new(sent.txid, 0))
    }

    /// What the vault is worth in its first stage.
    pub fn in_the_vault(&mut self) -> Outcome<Amount> {
        self.vault.sync(&self.chain)?;
        let balance = self.vault.balance()?;
        let mut stages = balance.stages.iter();
        Ok(stages
            .next()
            .map_or(Amount::ZERO, |(_, vault)| vault.confirmed))
    }
}

//! A vault, a chain that outlives whoever looks at it, and everybody's signers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use bitcoin::{BlockHash, FeeRate, OutPoint, Psbt, ScriptBuf, Transaction, Txid};
use longstop::arming::ArmingFile;
use longstop::chain::{
    Ability, BackendError, Chain, ChainTip, EmbeddedChain, Freshness, SeenOutput, Verdict,
};
use longstop::engine::{Action, Replica, Signers};
use longstop::governance::{Body, Charter, Digest, EventId};
use longstop::ledger::{Memory, Store};
use longstop::policy::check;
use longstop::recovery::points::{CutShort, Hook, Moment, Point, Step, Undisturbed};
use longstop::recovery::{Fees, Phase, Plan, Progress, Recovery, RecoveryError, Terms};
use longstop::signer::SoftwareSigner;
use longstop::units::{BlockHeight, Blocks, CoinBirth};
use longstop::wallet::{Document, Entry, Vault};

use crate::vault::{Armed, DEPOSIT, Draft, People, World, anywhere};

/// A chain that several look at, which counts what it is handed.
#[derive(Clone)]
pub struct Shared {
    pub chain: Rc<RefCell<EmbeddedChain>>,
    pub submits: Rc<Cell<usize>>,
    /// Whether it takes a child only after its parent, as old servers do.
    pub one_by_one: Rc<Cell<bool>>,
    /// What it says about fees, and how often it was asked.
    pub told: Rc<RefCell<Told>>,
    pub asked: Rc<Cell<usize>>,
}

/// What a chain says about fees.
#[derive(Clone, Debug, Default)]
pub enum Told {
    /// What its miners ask.
    #[default]
    Chain,
    Nothing,
    Silence,
    This(FeeRate),
    /// 100 sat/vB for the next block, and 15 less for each that it may take longer.
    Falling,
}

impl Chain for Shared {
    fn tip(&self) -> Result<ChainTip, BackendError> {
        Ok(self.chain.borrow().tip())
    }
    fn block_hash(&self, height: BlockHeight) -> Result<Option<BlockHash>, BackendError> {
        Chain::block_hash(&*self.chain.borrow(), height)
    }
    fn freshness(&self) -> Result<Freshness, BackendError> {
        Chain::freshness(&*self.chain.borrow())
    }
    fn submit(&mut self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        self.submits.set(self.submits.get() + 1);
        Ok(self.chain.borrow_mut().submit(transaction))
    }
    fn submit_package(
        &mut self,
        parent: &Transaction,
        child: &Transaction,
    ) -> Result<Verdict, BackendError> {
        self.submits.set(self.submits.get() + 1);
        if self.one_by_one.get() {
            return match self.submit(parent)? {
                Err(refusal) if refusal.class.contains("fee not met") => {
                    Err(BackendError::Unsupported {
                        backend: "an old server",
                        ability: Ability::Packages,
                        detail: Some(refusal.to_string()),
                    })
                }
                Err(refusal) if !refusal.class.starts_with("txn-already") => Ok(Err(refusal)),
                _ => self.submit(child),
            };
        }
        Ok(self.chain.borrow_mut().submit_package(parent, child))
    }
    fn test_accept(&self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        Ok(self.chain.borrow().test_accept(transaction))
    }
    fn outputs(&self, scripts: &[ScriptBuf]) -> Result<Vec<SeenOutput>, BackendError> {
        Ok(self.chain.borrow().outputs(scripts))
    }
    fn confirmation(&self, txid: Txid) -> Result<Option<CoinBirth>, BackendError> {
        Ok(self.chain.borrow().confirmation(txid))
    }
    fn transaction(&self, txid: Txid) -> Result<Option<Transaction>, BackendError> {
        Chain::transaction(&*self.chain.borrow(), txid)
    }
    fn in_mempool(&self, txid: Txid) -> Result<bool, BackendError> {
        Ok(self.chain.borrow().in_mempool(txid))
    }
    fn feerate(&self, target: Blocks) -> Result<Option<FeeRate>, BackendError> {
        self.asked.set(self.asked.get() + 1);
        let falling = 115_u64.saturating_sub(15 * u64::from(target.0));
        match &*self.told.borrow() {
            Told::Chain => Chain::feerate(&*self.chain.borrow(), target),
            Told::Nothing => Ok(None),
            Told::Silence => Err(BackendError::new("it is out of reach")),
            Told::This(feerate) => Ok(Some(*feerate)),
            Told::Falling => Ok(FeeRate::from_sat_per_vb(falling)),
        }
    }
}

/// Everybody's devices, which count how often they are asked.
pub struct Counted {
    pub people: Rc<People>,
    pub asked: Rc<Cell<usize>>,
    /// Who is not there.
    pub away: BTreeSet<&'static str>,
}

impl Signers for Counted {
    fn sign(&self, party: &str, psbt: Psbt) -> Option<Psbt> {
        self.asked.set(self.asked.get() + 1);
        match self.away.contains(party) {
            true => None,
            false => self.people.sign(party, psbt),
        }
    }
}

/// Notes every point, and cuts the run short at the n-th time it comes to one of them.
#[derive(Default)]
pub struct Knife {
    pub at: Option<(Point, usize)>,
    pub seen: RefCell<Vec<Point>>,
}

impl Hook for Knife {
    fn at(&self, point: Point) -> Result<(), CutShort> {
        self.seen.borrow_mut().push(point);
        let times = self.seen.borrow().iter().filter(|p| **p == point).count();
        match self.at {
            Some((at, time)) if at == point && time == times => Err(CutShort(point)),
            _ => Ok(()),
        }
    }
}

impl Knife {
    pub fn count(&self, moment: Moment, steps: &[Step]) -> usize {
        let seen = self.seen.borrow();
        let mut seen = seen.iter().filter(|point| point.moment == moment);
        seen.by_ref()
            .filter(|point| steps.contains(&point.step))
            .count()
    }
}

/// Everything there is for a run.
pub struct Bench {
    pub world: World,
    pub chain: Shared,
    pub vault: Vault<Memory>,
    pub signers: Counted,
    pub coin: OutPoint,
    pub broadcaster: Option<&'static str>,
    /// What somebody has named; what the policy says without it.
    pub feerate: Option<FeeRate>,
    /// Where the feerate comes from in the place of that.
    pub fees: Option<Fees>,
    /// What was said in the ledger.
    pub words: Option<Replica>,
}

pub const AGENTS: [&str; 2] = ["gina", "hal"];
pub const ROOT: [&str; 3] = ["alice", "bob", "carol"];

impl Bench {
    /// A coin armed on `sos`, and fee wallets of gina and alice.
    pub fn new(script: &'static str) -> Self {
        Self::of(&Draft::new(script, crate::vault::TREASURY))
    }

    pub fn of(draft: &Draft) -> Self {
        let mut armed = Armed::new(draft);
        armed.world.fee_coin("gina", 400_000);
        armed.world.fee_coin("alice", 400_000);
        let compiled = &armed.world.compiled;
        let file = ArmingFile::new(&armed.files, compiled).expect("a file");
        let document = Document::new(compiled, BlockHeight(0));
        let mut vault = Vault::over(Memory::new(document.to_bytes())).expect("a vault");
        let file = Box::new(file);
        vault.remember(Entry::Armed { file }).expect("it is kept");
        Self::with(armed.world, vault, armed.coin.outpoint())
    }

    /// The same without an arming.
    pub fn unarmed(script: &'static str) -> Self {
        let mut world = Draft::new(script, crate::vault::TREASURY).world();
        let coin = world.deposit(DEPOSIT);
        world.bury();
        world.fee_coin("gina", 400_000);
        let document = Document::new(&world.compiled, BlockHeight(0));
        let vault = Vault::over(Memory::new(document.to_bytes())).expect("a vault");
        Self::with(world, vault, coin.outpoint())
    }

    fn with(world: World, vault: Vault<Memory>, coin: OutPoint) -> Self {
        let chain = Shared {
            chain: Rc::new(RefCell::new(world.chain.fork())),
            submits: Rc::default(),
            one_by_one: Rc::default(),
            told: Rc::default(),
            asked: Rc::default(),
        };
        let signers = Counted {
            people: Rc::clone(&world.people),
            asked: Rc::default(),
            away: BTreeSet::new(),
        };
        Self {
            world,
            chain,
            vault,
            signers,
            coin,
            broadcaster: Some("gina"),
            feerate: None,
            fees: None,
            words: None,
        }
    }

    /// The same bench, from which something else happens.
    pub fn fork(&self) -> Self {
        let mut fork = Self::with(self.world.fork(), copied(&self.vault), self.coin);
        fork.chain.chain = Rc::new(RefCell::new(self.chain.chain.borrow().fork()));
        fork.broadcaster = self.broadcaster;
        fork.feerate = self.feerate;
        fork.fees = self.fees;
        fork.chain.told = Rc::new(RefCell::new(self.chain.told.borrow().clone()));
        fork.words.clone_from(&self.words);
        fork
    }

    /// Another machine that looks at the same chain.
    pub fn beside(&self) -> Self {
        let mut beside = self.fork();
        beside.chain = self.chain.clone();
        beside
    }

    /// The power fails: what is left is what was on the device.
    pub fn reboot(&mut self) {
        self.vault = copied(&self.vault);
    }

    pub fn open<'a>(
        &'a mut self,
        hook: &'a dyn Hook,
    ) -> Result<Recovery<'a, Memory, Shared>, RecoveryError> {
        let terms = Terms {
            words: self.words.as_ref(),
            broadcaster: self.broadcaster,
            fees: self.fees.unwrap_or(self.feerate.into()),
            base_fee_is_enough: false,
            hook,
        };
        Recovery::open(&mut self.vault, self.chain.clone(), terms)
    }

    pub fn plan(&mut self, action: &Action) -> Result<Plan, RecoveryError> {
        self.open(&Undisturbed)?.plan(action)
    }

    /// Does something as far as it goes: planned, begun, approved, advanced.
    pub fn act(&mut self, action: &Action, by: &[&str]) -> Result<Progress, RecoveryError> {
        self.act_with(action, by, &Undisturbed)
    }

    pub fn act_with(
        &mut self,
        action: &Action,
        by: &[&str],
        hook: &dyn Hook,
    ) -> Result<Progress, RecoveryError> {
        let by: Vec<String> = by.iter().map(|&party| party.to_owned()).collect();
        let signers = Counted {
            people: Rc::clone(&self.signers.people),
            asked: Rc::clone(&self.signers.asked),
            away: self.signers.away.clone(),
        };
        let mut run = self.open(hook)?;
        let plan = run.plan(action)?;
        let typed = plan.confirmation();
        plan.confirm(&typed)?;
        let txid = run.begin(plan)?;
        run.approve(txid)?;
        run.advance(txid, &by, &signers)
    }

    /// Goes on with everything.
    pub fn resume(&mut self, by: &[&str]) -> Result<Vec<Progress>, RecoveryError> {
        self.resume_with(by, &Undisturbed)
    }

    pub fn resume_with(
        &mut self,
        by: &[&str],
        hook: &dyn Hook,
    ) -> Result<Vec<Progress>, RecoveryError> {
        let by: Vec<String> = by.iter().map(|&party| party.to_owned()).collect();
        let signers = Counted {
            people: Rc::clone(&self.signers.people),
            asked: Rc::clone(&self.signers.asked),
            away: self.signers.away.clone(),
        };
        self.open(hook)?.resume(&by, &signers)
    }

    pub fn mine(&self, blocks: u32) {
        self.chain.chain.borrow_mut().mine(blocks);
    }

    pub fn reorg(&self, depth: u32, forget: &[Txid]) {
        let mut chain = self.chain.chain.borrow_mut();
        chain.reorg(Blocks(depth), forget).expect("not too deep");
        chain.mine(depth + 1);
    }

    pub fn confirmed(&self, txid: Txid) -> bool {
        self.chain.chain.borrow().confirmation(txid).is_some()
    }

    pub fn in_mempool(&self, txid: Txid) -> bool {
        self.chain.chain.borrow().in_mempool(txid)
    }

    /// Somebody says something in the ledger, now.
    #[track_caller]
    pub fn say(&mut self, author: &str, body: Body) -> EventId {
        let now = self.chain.chain.borrow().tip().time;
        let compiled = &self.world.compiled;
        let words = self.words.get_or_insert_with(|| {
            let policy = check(compiled.policy().canonical()).policy;
            let policy = Arc::new(policy.expect("it is sound"));
            Replica::new(Charter::new(policy, Digest(compiled.id().to_bytes())))
        });
        words.observe(now);
        let event = words.draft(author, now, body);
        let key = SoftwareSigner::stand_in_identity(0, author);
        let signed = event.sign(&key).expect("it can be said");
        let id = signed.id();
        words.take(signed).expect("it belongs there");
        id
    }

    pub fn trigger(&self) -> Action {
        Action::Trigger {
            coin: self.coin,
            path: "sos".to_owned(),
        }
    }

    /// Triggered, and in a block.
    pub fn triggered(&mut self) -> OutPoint {
        let trigger = self.act(&self.trigger(), &AGENTS).expect("it is triggered");
        assert_eq!(trigger.phase, Phase::Seen);
        self.mine(1);
        OutPoint::new(trigger.txid, 0)
    }

    /// Triggered and settled, and in a block.
    pub fn settled(&mut self) -> OutPoint {
        let escrow = self.triggered();
        self.mine(19);
        let settle = self
            .act(&Action::Settle { coin: escrow }, &[])
            .expect("due");
        assert_eq!(settle.phase, Phase::Seen, "{settle:?}");
        self.mine(1);
        OutPoint::new(settle.txid, 0)
    }

    pub fn entries(&self) -> Vec<Entry> {
        let entries = self.vault.entries().collect::<Result<_, _>>();
        entries.expect("the journal can be read")
    }
}

/// A vault from what the journal of another holds.
fn copied(vault: &Vault<Memory>) -> Vault<Memory> {
    let mut store = Memory::new(vault.store().genesis().to_vec());
    let records = vault.store().records(0).collect::<Result<Vec<_>, _>>();
    store
        .append(&records.expect("they can be read"))
        .expect("in memory");
    Vault::over(store).expect("it holds")
}

/// The word of what a run refuses.
#[track_caller]
pub fn class<T: std::fmt::Debug>(outcome: Result<T, RecoveryError>) -> String {
    outcome.expect_err("it is refused").class().to_owned()
}

pub fn destination() -> ScriptBuf {
    anywhere()
}

//! What all commands of a recovery run have in common: the vault, the chain, the words in the
//! ledger, files out and back, and the confirmation by hand.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use bitcoin::address::NetworkUnchecked;
use bitcoin::bip32::Fingerprint;
use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Address, FeeRate, OutPoint, Psbt, ScriptBuf, Txid};
use clap::Args;
use serde::Serialize;

use super::backend::BackendArgs;
use super::failure::VaultFailure;
use super::render::{self, Prompt, Screen};
use super::signing::{Hand, SigningArgs};
use super::vault::{Held, VaultArgs};
use super::{Exit, Failure, input, output};
use crate::author::Ask;
use crate::ceremony::stamp;
use crate::chain::Chain;
use crate::compile::{Compiled, Role};
use crate::engine::{Action, Replica, Signers};
use crate::ledger::Directory;
use crate::policy::{Network, Policy};
use crate::recovery::points::{CutShort, Hook, Point};
use crate::recovery::{
    Pays, Phase, Plan, Progress, Recovery, RecoveryError, Restart, Terms, Warning,
};

/// The variable that names a point at which the program ends at once.
const FAILPOINT: &str = "LONGSTOP_FAILPOINT";

/// A run of a recovery: which vault, which chain, and how it is signed.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    vault: VaultArgs,
    /// Go by the words in this ledger, and not by those in the directory of the vault
    #[arg(long, value_name = "DIR")]
    ledger: Option<PathBuf>,
    /// Pay fee children from the fee wallet of this party
    #[arg(long, value_name = "PARTY")]
    broadcaster: Option<String>,
    /// What it takes to be mined soon, in sat/vB; without it the base fee of the policy, or its lowest
    /// rung
    #[arg(long, value_name = "RATE", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    feerate: Option<u64>,
    /// Take what was signed in advance at this rung of the policy, counted from 1, the lowest
    #[arg(long, value_name = "N", conflicts_with = "feerate")]
    rung: Option<usize>,
    /// Send what root signed in advance although nobody stands by to raise its fee
    #[arg(long)]
    base_fee_is_enough: bool,
    #[command(flatten)]
    backend: BackendArgs,
}

/// Files out and back.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signatures")]
pub(super) struct FileArgs {
    /// Write what is to be signed to this file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    psbt_out: Option<PathBuf>,
    /// Write the fee child that is to be signed to this file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    fee_psbt_out: Option<PathBuf>,
    /// Take signatures out of a file that came back
    #[arg(long = "psbt", value_name = "FILE", num_args = 1..)]
    psbts: Vec<PathBuf>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// A step that is looked at and confirmed by hand.
#[derive(Debug, Args)]
pub(super) struct StepArgs {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    files: FileArgs,
    /// Confirm amount and destination with this text, as the terminal would ask for it
    #[arg(long, value_name = "TEXT")]
    confirm: Option<String>,
    /// Show everything, and neither sign nor write nor send anything
    #[arg(long)]
    dry_run: bool,
}

/// What is about to be done.
#[derive(Serialize)]
pub(super) struct ShownPlan {
    pub vault: String,
    pub what: &'static str,
    pub txid: Txid,
    pub fee_sats: u64,
    pub pays: Vec<Pays>,
    pub coins: Vec<OutPoint>,
    pub case: Option<String>,
    pub joins: bool,
    pub problems: Vec<Problem>,
    pub warnings: Vec<String>,
    pub restarts: Vec<Restart>,
    pub confirmation: String,
}

/// Something that speaks against it.
#[derive(Serialize)]
pub(super) struct Problem {
    pub class: String,
    pub message: String,
}

/// How far operations have come.
#[derive(Serialize)]
pub(super) struct ShownRun {
    pub vault: String,
    pub height: crate::units::BlockHeight,
    pub operations: Vec<ShownProgress>,
}

/// How far one has come.
#[derive(Serialize)]
pub(super) struct ShownProgress {
    pub txid: Txid,
    pub what: &'static str,
    #[serde(flatten)]
    pub phase: Phase,
    pub coins: Vec<OutPoint>,
    pub approved: bool,
    pub waits_for: Vec<Problem>,
    pub wanted: Vec<WantedSeats>,
    pub fee_child_wanted_from: Option<String>,
    pub files: Vec<String>,
}

/// Whose signatures are missing.
#[derive(Serialize)]
pub(super) struct WantedSeats {
    pub role: Role,
    pub signed: Vec<String>,
    pub missing: Vec<String>,
}

/// Whoever signs here, if somebody does; for everybody else files go out and come back.
struct ByHand {
    hand: Option<Hand>,
    /// Whose keys these are.
    parties: Vec<String>,
    secp: Secp256k1<All>,
    /// Why a signature was not made.
    failed: RefCell<Option<Failure>>,
}

impl ByHand {
    fn nobody() -> Self {
        Self {
            hand: None,
            parties: Vec::new(),
            secp: Secp256k1::new(),
            failed: RefCell::new(None),
        }
    }

    /// What kept the hand from signing, if anything did.
    fn check(&self) -> Result<(), RunFailure> {
        match self.failed.take() {
            Some(failure) => Err(other(failure)),
            None => Ok(()),
        }
    }
}

impl Signers for ByHand {
    fn sign(&self, party: &str, psbt: Psbt) -> Option<Psbt> {
        let hand = self.hand.as_ref()?;
        if !self.parties.iter().any(|own| own == party) {
            return None;
        }
        match hand.sign(psbt, &self.secp) {
            Ok(signed) => Some(signed),
            Err(failure) => {
                self.failed.replace(Some(failure));
                None
            }
        }
    }
}

/// Ends the program at the point that the environment names, without any clearing up.
#[derive(Default)]
struct Failpoint {
    at: Option<(Point, usize)>,
    times: RefCell<BTreeMap<Point, usize>>,
}

impl Failpoint {
    fn from_environment() -> Result<Self, Failure> {
        let Ok(text) = std::env::var(FAILPOINT) else {
            return Ok(Self::default());
        };
        let (name, time) = text.split_once(':').unwrap_or((&text, "1"));
        match (Point::named(name), time.parse()) {
            (Some(point), Ok(time)) => Ok(Self {
                at: Some((point, time)),
                times: RefCell::default(),
            }),
            _ => Err(VaultFailure::Failpoint { typed: text }.into()),
        }
    }
}

impl Hook for Failpoint {
    fn at(&self, point: Point) -> Result<(), CutShort> {
        let mut times = self.times.borrow_mut();
        let time = times.entry(point).or_default();
        *time += 1;
        if self.at == Some((point, *time)) {
            std::process::abort();
        }
        Ok(())
    }
}

/// What stands around a run while it lasts.
struct Opened {
    held: Held,
    /// The address of the chain, under which the vault keeps what it remembers.
    at: String,
    chain: Box<dyn Chain + Send>,
    words: Option<Replica>,
    hook: Failpoint,
}

type Run<'a> = Recovery<'a, Directory, Box<dyn Chain + Send>>;

impl RunArgs {
    fn open(&self, screen: &Screen) -> Result<Opened, Failure> {
        let hook = Failpoint::from_environment()?;
        let held = self.vault.open(screen)?;
        let at = self.vault.address(&self.backend)?;
        let at = at.ok_or(Failure::NoBackend)?;
        let reached = held.reach(&self.backend, &at)?;
        let (freshness, verdict) = reached.freshness()?;
        verdict.map_err(|source| VaultFailure::Stale {
            address: reached.address.clone(),
            source,
        })?;
        if let Some(party) = &self.broadcaster
            && held.vault.compiled().policy().party(party).is_none()
        {
            let error = crate::wallet::VaultError::NoParty(party.clone());
            return Err(held.failed(error));
        }
        let words = self.words(screen, held.vault.compiled(), freshness.tip.time)?;
        Ok(Opened {
            held,
            at: at.to_string(),
            chain: reached.chain,
            words,
            hook,
        })
    }

    /// What is said in the ledger, as it counts when the chain is there.
    fn words(
        &self,
        screen: &Screen,
        compiled: &Compiled,
        now: crate::units::ChainTime,
    ) -> Result<Option<Replica>, Failure> {
        let Some(args) = self.vault.ledger_if_any(self.ledger.as_ref())? else {
            screen.note("no ledger is named: no path with terms of activation is triggered");
            return Ok(None);
        };
        super::vault::same_policy(&args, screen, compiled)?;
        let replica = args.read(screen)?;
        let mut words = Replica::new(replica.ledger.charter().clone());
        words.observe(now);
        for event in replica.ledger.events() {
            let event = event.map_err(|error| replica.failed(error))?;
            let id = event.id();
            if let Err(refusal) = words.take(event) {
                screen.note(&format!("event {id} does not count: {refusal}"));
            }
        }
        Ok(Some(words))
    }

    fn terms<'a>(
        &'a self,
        feerate: Option<FeeRate>,
        words: Option<&'a Replica>,
        hook: &'a Failpoint,
    ) -> Terms<'a> {
        Terms {
            words,
            broadcaster: self.broadcaster.as_deref(),
            feerate,
            base_fee_is_enough: self.base_fee_is_enough,
            hook,
        }
    }

    /// The feerate that was named, or that of the rung that was.
    fn feerate_of(&self, policy: &Policy) -> Result<Option<FeeRate>, Failure> {
        let Some(rung) = self.rung else {
            return Ok(self.feerate.and_then(FeeRate::from_sat_per_vb));
        };
        let rungs = policy.rungs();
        let chosen = rung.checked_sub(1).and_then(|rung| rungs.get(rung));
        match chosen.filter(|_| !policy.version().has_anchor()) {
            Some(feerate) => Ok(Some(*feerate)),
            None => Err(VaultFailure::NoRung {
                rung,
                rungs: match policy.version().has_anchor() {
                    true => 0,
                    false => rungs.len(),
                },
            }
            .into()),
        }
    }

    /// Runs something on the vault, and closes it whatever comes of it.
    fn with<T>(
        &self,
        screen: &Screen,
        act: impl FnOnce(&mut Run<'_>, &str) -> Result<T, RunFailure>,
    ) -> Result<T, Failure> {
        let Opened {
            mut held,
            at,
            chain,
            words,
            hook,
        } = self.open(screen)?;
        let directory = held.directory.clone();
        let feerate = match self.feerate_of(held.vault.compiled().policy()) {
            Ok(feerate) => feerate,
            Err(failure) => {
                held.close()?;
                return Err(failure);
            }
        };
        let terms = self.terms(feerate, words.as_ref(), &hook);
        let mut memory = None;
        let outcome = match Recovery::open(&mut held.vault, chain, terms) {
            Ok(mut run) => {
                let outcome = act(&mut run, &directory);
                memory = run.engine().chain().memory();
                outcome
            }
            Err(error) => Err(error.into()),
        };
        // A node that was asked about fee wallets need not read its blocks again for them.
        if let Some(memory) = memory {
            let kept = held.vault.keep_backend_memory(&at, &memory);
            kept.map_err(|error| held.failed(error))?;
        }
        let failed = |failure| match failure {
            RunFailure::Recovery(source) => VaultFailure::Recovery {
                directory: directory.clone(),
                source,
            }
            .into(),
            RunFailure::Other(failure) => *failure,
        };
        let outcome = outcome.map_err(failed);
        held.close()?;
        outcome
    }

    /// The network of the vault, for addresses on the command line.
    fn network(&self, screen: &Screen) -> Result<Network, Failure> {
        let held = self.vault.open(screen)?;
        let network = held.vault.document().network;
        held.close()?;
        Ok(network)
    }

    /// The script of an address, which must be of the network of the vault.
    pub(super) fn script(
        &self,
        screen: &Screen,
        address: &Address<NetworkUnchecked>,
    ) -> Result<ScriptBuf, Failure> {
        let network = self.network(screen)?;
        let checked = address.clone().require_network(network.to_bitcoin());
        let checked = checked.map_err(|_| VaultFailure::OtherNetworkAddress {
            address: address.clone().assume_checked().to_string(),
            network,
        })?;
        Ok(checked.script_pubkey())
    }
}

/// Why a run ended.
enum RunFailure {
    Recovery(RecoveryError),
    Other(Box<Failure>),
}

impl<E: Into<RecoveryError>> From<E> for RunFailure {
    fn from(error: E) -> Self {
        Self::Recovery(error.into())
    }
}

fn other(failure: impl Into<Failure>) -> RunFailure {
    RunFailure::Other(Box::new(failure.into()))
}

impl StepArgs {
    pub(super) const fn run(&self) -> &RunArgs {
        &self.run
    }

    /// Plans a step, shows it, has it confirmed, and takes it as far as it goes.
    pub(super) fn act(&self, screen: &Screen, action: &Action) -> Result<Exit, Failure> {
        self.files.refuse_taken()?;
        let done = self.run.with(screen, |run, vault| {
            let plan = run.plan(action)?;
            let shown = shown_plan(vault, &plan);
            if self.dry_run {
                let is_clear = shown.problems.is_empty();
                screen
                    .show(&shown, |width| render::planned_step(&shown, width))
                    .map_err(other)?;
                return Ok(if is_clear { Exit::Ok } else { Exit::Unmet });
            }
            let txid = plan.draft.txid();
            let is_approved = run.operation(txid).is_ok_and(|known| known.is_approved);
            let by = self.files.hand(&plan, run.engine().compiled())?;
            if plan.problems.is_empty() && !is_approved {
                screen.aside(&render::planned_step(&shown, render::ASIDE));
                let typed = self.typed(&plan.confirmation()).map_err(other)?;
                plan.confirm(&typed)?;
            }
            let txid = run.begin(plan)?;
            run.approve(txid)?;
            self.files.receive(run, screen)?;
            let progress = run.advance(txid, &by.parties, &by)?;
            by.check()?;
            self.files.finish(screen, run, vault, vec![progress])
        })?;
        Ok(done)
    }

    /// What somebody types on the terminal, or what stands on the command line for it.
    fn typed(&self, confirmation: &str) -> Result<String, Failure> {
        if let Some(text) = &self.confirm {
            return Ok(text.clone());
        }
        let Some(mut prompt) = Prompt::open() else {
            return Err(VaultFailure::NotTyped {
                confirmation: confirmation.to_owned(),
            }
            .into());
        };
        let question = format!("to go on, type: {confirmation}");
        let any = |_: &str| Ok(());
        prompt
            .text(&question, "", &any)
            .map_err(Failure::Unanswered)
    }
}

/// A step that is signed and not sent: a veto.
pub(super) fn sign_only(
    screen: &Screen,
    run: &RunArgs,
    files: &FileArgs,
    action: &Action,
) -> Result<Exit, Failure> {
    files.refuse_taken()?;
    run.with(screen, |run, vault| {
        let plan = run.plan(action)?;
        let by = files.hand(&plan, run.engine().compiled())?;
        let txid = run.begin(plan)?;
        files.receive(run, screen)?;
        let progress = run.advance(txid, &by.parties, &by)?;
        by.check()?;
        files.finish(screen, run, vault, vec![progress])
    })
}

/// Goes on with everything that is under way.
pub(super) fn resume(screen: &Screen, run: &RunArgs, files: &FileArgs) -> Result<Exit, Failure> {
    files.refuse_taken()?;
    run.with(screen, |run, vault| {
        files.receive(run, screen)?;
        let by = files.hand_of_anybody(run.engine().compiled())?;
        let all: Vec<(Txid, bool)> = run.operations().iter().map(may_sign).collect();
        let mut progress = Vec::new();
        for (txid, may_sign) in all {
            let parties = if may_sign { &*by.parties } else { &[] };
            progress.push(run.advance(txid, parties, &by)?);
            by.check()?;
        }
        files.finish(screen, run, vault, progress)
    })
}

/// Whether a hand signs an operation without another look at it: what somebody has confirmed, and a
/// veto, which sends nothing.
fn may_sign(operation: &crate::recovery::Operation) -> (Txid, bool) {
    let may = operation.is_approved || matches!(operation.action, Action::Cancel { .. });
    (operation.txid, may)
}

/// Gives an operation up.
pub(super) fn give_up(screen: &Screen, run: &RunArgs, txid: Txid) -> Result<Exit, Failure> {
    run.with(screen, |run, vault| {
        run.give_up(txid)?;
        screen.note(
            "whoever has a copy of its signatures can still send it: to make sure, move the coin",
        );
        FileArgs::none().show(screen, run, vault, Vec::new())
    })
}

/// Shows everything that is or was under way.
pub(super) fn status(screen: &Screen, run: &RunArgs) -> Result<Exit, Failure> {
    run.with(screen, |run, vault| {
        FileArgs::none().show(screen, run, vault, Vec::new())
    })
}

impl FileArgs {
    const fn none() -> Self {
        Self {
            psbt_out: None,
            fee_psbt_out: None,
            psbts: Vec::new(),
            signing: SigningArgs::none(),
        }
    }

    /// Whoever signs here a step that nothing speaks against.
    fn hand(&self, plan: &Plan, compiled: &Compiled) -> Result<ByHand, RunFailure> {
        if !plan.problems.is_empty() {
            return Ok(ByHand::nobody());
        }
        let by = self.hand_of_anybody(compiled)?;
        let Some(hand) = &by.hand else {
            return Ok(by);
        };
        let missing = plan.draft.missing();
        let seats = missing.iter().flat_map(|role| plan.draft.seats(*role));
        let mut unsigned = seats.filter(|(_, signed)| !signed).map(|(party, _)| party);
        if missing.is_empty() || unsigned.any(|party| by.parties.contains(&party)) {
            return Ok(by);
        }
        // Before anything is in the journal.
        Err(other(Failure::NoSeat {
            fingerprint: hand.fingerprint(),
            file: format!("{} {}", plan.draft.word(), plan.draft.txid()),
        }))
    }

    /// Whoever signs here, whatever it is.
    fn hand_of_anybody(&self, compiled: &Compiled) -> Result<ByHand, RunFailure> {
        let mut by = ByHand::nobody();
        if !self.signing.is_named() {
            return Ok(by);
        }
        let policy = compiled.policy();
        let keys = policy.parties().flat_map(|party| {
            let keys = std::iter::once(party.key()).chain(party.veto());
            keys.map(|key| (key.fingerprint(), party.name()))
        });
        let keys: Vec<(Fingerprint, &str)> = keys.collect();
        let asked: Vec<Fingerprint> = keys.iter().map(|(fingerprint, _)| *fingerprint).collect();
        let hand = self.signing.open(policy.network(), &asked, &by.secp);
        let hand = hand.map_err(other)?;
        let own = keys.iter().filter(|(of, _)| *of == hand.fingerprint());
        by.parties = own.map(|(_, party)| (*party).to_owned()).collect();
        by.parties.dedup();
        by.hand = Some(hand);
        Ok(by)
    }

    /// Refuses to write over a file, before anything is done for nothing.
    fn refuse_taken(&self) -> Result<(), Failure> {
        for path in self.psbt_out.iter().chain(&self.fee_psbt_out) {
            super::psbt::refuse_taken(path)?;
        }
        Ok(())
    }

    /// Takes the signatures out of the files that came back.
    fn receive(&self, run: &mut Run<'_>, screen: &Screen) -> Result<(), RunFailure> {
        for path in &self.psbts {
            let file = input::file_name(path);
            let returned = input::psbt(path).map_err(other)?;
            let received = run.receive(&returned)?;
            if received.accepted.is_empty() {
                screen.note(&format!("`{file}` brings no signature that is missing"));
            } else {
                let accepted = received.accepted.join(", ");
                screen.note(&format!("`{file}`: signed by {accepted}"));
            }
            for stripped in &received.stripped {
                screen.note(&format!("`{file}`: not taken: {stripped}"));
            }
        }
        Ok(())
    }

    /// Writes what is to be signed, and shows how far it all has come.
    fn finish(
        &self,
        screen: &Screen,
        run: &mut Run<'_>,
        vault: &str,
        progress: Vec<Progress>,
    ) -> Result<Exit, RunFailure> {
        let mut written = BTreeMap::new();
        let mut wanting = progress.iter().filter(|one| !one.wanted.is_empty());
        if let (Some(path), Some(one)) = (&self.psbt_out, wanting.next()) {
            let psbt = run.request(one.txid)?;
            written.insert(one.txid, vec![write(path, psbt, run.engine().compiled())?]);
        }
        let mut wanting = progress
            .iter()
            .filter_map(|one| Some((one.txid, one.wanted_child.as_ref()?)));
        if let (Some(path), Some((txid, (_, psbt)))) = (&self.fee_psbt_out, wanting.next()) {
            let file = write(path, psbt.clone(), run.engine().compiled())?;
            written.entry(txid).or_default().push(file);
        }
        let shown = progress.iter().map(|one| {
            let operation = run.operation(one.txid)?;
            Ok(ShownProgress {
                files: written.remove(&one.txid).unwrap_or_default(),
                ..shown_progress(operation, one)
            })
        });
        let operations = shown.collect::<Result<Vec<_>, RecoveryError>>()?;
        shown_run(screen, run, vault, operations)
    }

    /// Shows how far all has come.
    fn show(
        &self,
        screen: &Screen,
        run: &Run<'_>,
        vault: &str,
        mut operations: Vec<ShownProgress>,
    ) -> Result<Exit, RunFailure> {
        for operation in run.operations() {
            let progress = Progress {
                txid: operation.txid,
                phase: run.phase(operation)?,
                waits_for: Vec::new(),
                wanted: Vec::new(),
                wanted_child: None,
            };
            operations.push(shown_progress(operation, &progress));
        }
        shown_run(screen, run, vault, operations)
    }
}

fn shown_run(
    screen: &Screen,
    run: &Run<'_>,
    vault: &str,
    operations: Vec<ShownProgress>,
) -> Result<Exit, RunFailure> {
    let shown = ShownRun {
        vault: vault.to_owned(),
        height: run.tip().time.height,
        operations,
    };
    screen
        .show(&shown, |width| render::recovery_run(&shown, width))
        .map_err(other)?;
    let waits = |one: &ShownProgress| {
        let is_refused = matches!(one.phase, Phase::Refused { .. });
        is_refused
            || !one.waits_for.is_empty()
            || !one.wanted.is_empty()
            || one.fee_child_wanted_from.is_some()
    };
    Ok(match shown.operations.iter().any(waits) {
        true => Exit::Pending,
        false => Exit::Ok,
    })
}

fn write(
    path: &std::path::Path,
    mut psbt: Psbt,
    compiled: &Compiled,
) -> Result<String, RunFailure> {
    stamp(&mut psbt, compiled);
    let written = output::create_bytes(path, &psbt.serialize());
    written.map_err(|source| other(output::failure(path, source)))?;
    Ok(input::file_name(path))
}

fn problem(error: &RecoveryError) -> Problem {
    Problem {
        class: error.class().to_owned(),
        message: error.to_string(),
    }
}

fn shown_plan(vault: &str, plan: &crate::recovery::Plan) -> ShownPlan {
    ShownPlan {
        vault: vault.to_owned(),
        what: plan.draft.word(),
        txid: plan.draft.txid(),
        fee_sats: plan.draft.fee().to_sat(),
        pays: plan.pays.clone(),
        coins: plan.action.coins().to_vec(),
        case: plan.case.clone(),
        joins: plan.is_joined,
        problems: plan.problems.iter().map(problem).collect(),
        warnings: plan.warnings.iter().map(Warning::to_string).collect(),
        restarts: plan.restarts.clone(),
        confirmation: plan.confirmation(),
    }
}

fn shown_progress(operation: &crate::recovery::Operation, progress: &Progress) -> ShownProgress {
    let wanted = progress.wanted.iter().map(|wanted| {
        let of = |signed: bool| {
            let seats = wanted.seats.iter();
            let seats = seats.filter(move |(_, has)| *has == signed);
            seats.map(|(party, _)| party.clone()).collect()
        };
        WantedSeats {
            role: wanted.role,
            signed: of(true),
            missing: of(false),
        }
    });
    ShownProgress {
        txid: operation.txid,
        what: crate::recovery::word(&operation.action),
        phase: progress.phase.clone(),
        coins: operation.action.coins().to_vec(),
        approved: operation.is_approved,
        waits_for: progress.waits_for.iter().map(problem).collect(),
        wanted: wanted.collect(),
        fee_child_wanted_from: progress
            .wanted_child
            .as_ref()
            .map(|(party, _)| party.clone()),
        files: Vec::new(),
    }
}

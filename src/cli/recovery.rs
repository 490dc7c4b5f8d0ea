//! What all commands of a recovery run have in common: a step is planned, looked at, confirmed by
//! hand, and taken as far as it goes.

mod files;
mod run;
mod shown;

use bitcoin::Txid;
use clap::Args;

use self::run::{Run, other};
use self::shown::{shown_outlook, shown_plan, shown_run};
use super::failure::VaultFailure;
use super::render::{self, Prompt, Screen};
use super::{Exit, Failure};
use crate::author::Ask;
use crate::engine::Action;
use crate::recovery::{Operation, Plan, in_sat_per_vb};

pub(super) use self::files::FileArgs;
pub(super) use self::run::RunArgs;
pub(super) use self::shown::{ShownPlan, ShownProgress, ShownRun};

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

impl StepArgs {
    pub(super) const fn run(&self) -> &RunArgs {
        &self.run
    }

    /// Plans a step, shows it, has it confirmed, and takes it as far as it goes.
    pub(super) fn act(&self, screen: &Screen, action: &Action) -> Result<Exit, Failure> {
        self.files.refuse_taken()?;
        let done = self.run.with(screen, |run, vault| {
            let plan = run.plan(action)?;
            let shown = shown_plan(vault, &plan, rung(run, &plan));
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
///
/// What waits at too low a rung goes up first, approved as it was; with `dry_run` nothing is done,
/// and it is shown what would be.
pub(super) fn resume(
    screen: &Screen,
    run: &RunArgs,
    files: &FileArgs,
    dry_run: DryRun,
) -> Result<Exit, Failure> {
    if dry_run == DryRun::Yes {
        return outlook(screen, run);
    }
    files.refuse_taken()?;
    run.with(screen, |run, vault| {
        files.receive(run, screen)?;
        let by = files.hand_of_anybody(run.engine().compiled())?;
        for raised in run.go_up()? {
            let ((from, paid), (to, pays)) = (raised.from, raised.to);
            screen.note(&format!(
                "the {} {from} waits at {} sat/vB; {to} takes its place, at {} sat/vB (aimed at: {})",
                raised.what,
                in_sat_per_vb(paid),
                in_sat_per_vb(pays),
                raised.choice
            ));
        }
        let all: Vec<(Txid, bool)> = run.operations().iter().map(may_sign).collect();
        let mut progress = Vec::new();
        for (txid, may_sign) in all {
            let parties = if may_sign { &*by.parties } else { &[] };
            let before = paid_with_child(run, txid);
            progress.push(run.advance(txid, parties, &by)?);
            by.check()?;
            let after = paid_with_child(run, txid);
            if let Some(pays) = after.filter(|_| before != after) {
                screen.note(&format!(
                    "{txid} has a {} fee child: both pay {} sat/vB",
                    if before.is_some() { "dearer" } else { "new" },
                    in_sat_per_vb(pays)
                ));
            }
        }
        // What stood at a lower rung may have been replaced since it was looked at.
        for one in &mut progress {
            let operation = run.operation(one.txid)?;
            if run.rung(&operation.action, operation.feerate).is_some() {
                one.phase = run.phase(operation)?;
            }
        }
        files.finish(screen, run, vault, progress)
    })
}

/// Whether a run only shows what it would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DryRun {
    Yes,
    No,
}

/// Shows what going on would do.
fn outlook(screen: &Screen, run: &RunArgs) -> Result<Exit, Failure> {
    run.with(screen, |run, vault| {
        let mut operations = Vec::new();
        for operation in run.operations() {
            let outlook = run.outlook(operation.txid)?;
            operations.push(shown_outlook(operation, &outlook));
        }
        shown_run(screen, run, vault, operations)
    })
}

/// What an operation pays together with its dearest child, if it has one that is signed.
fn paid_with_child(run: &Run<'_>, txid: Txid) -> Option<bitcoin::FeeRate> {
    let children = run.operation(txid).ok()?.children.iter();
    let signed = children.filter(|child| child.complete.is_some());
    signed.map(|child| child.feerate).max()
}

/// The number of the rung that a plan takes, counted from 1, and how many there are.
fn rung(run: &Run<'_>, plan: &Plan) -> Option<(usize, usize)> {
    let rungs = run.engine().compiled().policy().rungs().len();
    let known = run.operation(plan.draft.txid());
    let feerate = known.map_or(plan.choice.feerate, |known| known.feerate);
    let rung = run.rung(&plan.action, feerate)?;
    Some((rung + 1, rungs))
}

/// Whether a hand signs an operation without another look at it: what somebody has confirmed, and a
/// veto, which sends nothing.
fn may_sign(operation: &Operation) -> (Txid, bool) {
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

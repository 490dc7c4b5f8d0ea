//! Cut short at every point, and gone on with: the same comes of it.

use std::collections::BTreeSet;

use bitcoin::{FeeRate, OutPoint, Txid};
use longstop::engine::Action;
use longstop::recovery::points::{self, Hook, Moment, Point, Step, Undisturbed};
use longstop::recovery::{Phase, RecoveryError};
use longstop::wallet::Entry;

use super::kit::{AGENTS, Bench, Knife, destination};

/// Trigger, settle and release of one coin, over whatever has been done of it already.
///
/// The mempool has a floor above the base fee, so the trigger is refused once, and then goes with a
/// child.
fn play(bench: &mut Bench, hook: &dyn Hook) -> Result<[Txid; 3], RecoveryError> {
    let floor = |bench: &Bench, sats| {
        let rate = FeeRate::from_sat_per_vb(sats).expect("a feerate");
        bench.chain.chain.borrow_mut().set_mempool_min(rate);
    };
    bench.feerate = None;
    let trigger = bench.trigger();
    let coin = bench.coin;
    let id = bench.vault.armed().expect("armed")[0].courses()[0]
        .trigger
        .txid();
    if !bench.confirmed(id) {
        floor(bench, 5);
        bench.act_with(&trigger, &AGENTS, hook)?;
        bench.feerate = FeeRate::from_sat_per_vb(12);
        bench.resume_with(&AGENTS, hook)?;
        floor(bench, 1);
        bench.mine(1);
    }
    assert!(bench.confirmed(id), "{coin} is triggered");
    let escrow = OutPoint::new(id, 0);
    bench.feerate = FeeRate::from_sat_per_vb(12);
    let settle_id = bench.vault.armed().expect("armed")[0].courses()[0]
        .settles
        .first()
        .expect("a settle")
        .txid();
    if !bench.confirmed(settle_id) {
        wait(bench, id, 20);
        // The child of the trigger keeps the fee coin until that is buried.
        bench.resume_with(&[], hook)?;
        bench.act_with(&Action::Settle { coin: escrow }, &[], hook)?;
        bench.mine(1);
    }
    assert!(bench.confirmed(settle_id), "it is settled");
    let release = Action::Release {
        coin: OutPoint::new(settle_id, 0),
        to: destination(),
    };
    let paid = |bench: &Bench| bench.chain.chain.borrow().outputs(&[destination()]);
    if paid(bench).iter().all(|seen| seen.birth.is_none()) {
        wait(bench, settle_id, 30);
        bench.act_with(&release, &AGENTS, hook)?;
        bench.mine(1);
    }
    bench.mine(6);
    let all = bench.resume_with(&AGENTS, hook)?;
    assert!(all.iter().all(|one| one.phase == Phase::Buried), "{all:?}");
    let outputs = paid(bench);
    assert_eq!(outputs.len(), 1, "it is paid once");
    Ok([id, settle_id, outputs[0].outpoint.txid])
}

/// Mines until the next block is this many above that of a transaction.
fn wait(bench: &Bench, txid: Txid, blocks: u32) {
    let chain = bench.chain.chain.borrow();
    let born = chain.confirmation(txid).expect("confirmed").height.0;
    let next = chain.tip().time.height.0 + 1;
    drop(chain);
    bench.mine((born + blocks).saturating_sub(next));
}

#[test]
fn cut_short_anywhere_the_same_comes_of_it() {
    let bench = Bench::new("tr");
    let mut whole = bench.fork();
    let knife = Knife::default();
    let ids = play(&mut whole, &knife).expect("nothing disturbs it");
    let asked = whole.signers.asked.get();
    let seen = knife.seen.borrow().clone();
    let all: BTreeSet<Point> = points::ALL.into_iter().collect();
    let found: BTreeSet<Point> = seen.iter().copied().collect();
    assert_eq!(found, all, "every point is come to");
    for point in points::ALL {
        let times = seen.iter().filter(|other| **other == point).count();
        // The first time it is come to; each time, if somebody has the patience.
        let is_patient = std::env::var_os("LONGSTOP_EVERY_POINT").is_some();
        for time in 1..=if is_patient { times } else { 1 } {
            let mut cut = bench.fork();
            let knife = Knife {
                at: Some((point, time)),
                ..Knife::default()
            };
            let outcome = play(&mut cut, &knife);
            assert!(
                matches!(outcome, Err(RecoveryError::CutShort(at)) if at.0 == point),
                "{point} {time}: {outcome:?}"
            );
            cut.reboot();
            // Whoever comes back goes on with what is there, and then with what was planned.
            cut.resume_with(&AGENTS, &Undisturbed).expect("it resumes");
            cut.reboot();
            let again = play(&mut cut, &Undisturbed);
            assert_eq!(again.expect("it goes on"), ids, "{point} {time}");
            // What a signer had handed over when the power failed is asked for again, and nothing
            // that was kept.
            assert!(cut.signers.asked.get() <= asked + 1, "{point} {time}");
            assert!(cut.vault.reserved().is_empty(), "{point} {time}");
        }
    }
}

/// Everything that outlasts a run has its points: a step without one is found here.
#[test]
fn no_step_is_without_its_point() {
    let mut bench = Bench::new("tr");
    let before = bench.entries().len();
    let knife = Knife::default();
    play(&mut bench, &knife).expect("nothing disturbs it");
    let asked = [Step::Sign, Step::SignChild];
    for moment in [Moment::Before, Moment::After] {
        let count = |steps: &[Step]| knife.count(moment, steps);
        assert_eq!(count(&asked), bench.signers.asked.get(), "signers");
        assert_eq!(count(&[Step::Submit]), bench.chain.submits.get(), "chain");
        let mut written = 0;
        let entries = bench.entries();
        for entry in &entries[before..] {
            written += usize::from(match entry {
                Entry::Intended { .. }
                | Entry::Approved { .. }
                | Entry::Signed { .. }
                | Entry::Prepared { .. }
                | Entry::Child { .. }
                | Entry::Broadcast { .. }
                | Entry::Refused { .. }
                | Entry::Closed { .. } => true,
                // These stand beside one of the above, in the same batch, or are what a sync finds.
                Entry::Reserved { .. } | Entry::Freed { .. } | Entry::Revealed { .. } => false,
                other => panic!("who has written {other:?}?"),
            });
        }
        let journal = Step::ALL.into_iter();
        let journal = journal.filter(|step| !asked.contains(step) && *step != Step::Submit);
        assert_eq!(count(&journal.collect::<Vec<_>>()), written, "journal");
    }
}

#[test]
fn points_have_names() {
    assert_eq!(points::ALL.len(), 2 * Step::ALL.len());
    for point in points::ALL {
        assert_eq!(Point::named(&point.to_string()), Some(point));
    }
    assert_eq!(Point::named("during-submit"), None);
}

//! Verdicts against every set of parties, judged by the rules of the game alone.

use std::collections::BTreeSet;

use longstop::analysis::{Analyst, Claim};
use longstop::policy::{Policy, check};
use proptest::prelude::*;

use crate::dice::Dice;
use crate::full::full;
use crate::game::{Chance, Game, Goal};
use crate::generate::plans;
use crate::made_up::time;

type Set = BTreeSet<String>;

fn names(policy: &Policy) -> Vec<String> {
    let names = policy.parties().map(|party| party.name().to_owned());
    names.collect()
}

/// Every set of so many of these.
fn sets(of: &[String], size: usize) -> Vec<Set> {
    let chosen = (0_u32..1 << of.len()).filter(|chosen| chosen.count_ones() as usize == size);
    chosen
        .map(|chosen| {
            let inside = of.iter().enumerate();
            let inside = inside.filter(|(number, _)| chosen >> number & 1 == 1);
            inside.map(|(_, name)| name.clone()).collect()
        })
        .collect()
}

/// These sets, and all of whom one or more are left out.
fn with_fewer(sets: &[Set]) -> Vec<Set> {
    let fewer = |set: &Set| {
        let all: Vec<String> = set.iter().cloned().collect();
        (0..=all.len())
            .flat_map(move |size| self::sets(&all, size))
            .collect::<Vec<Set>>()
    };
    let all: BTreeSet<Set> = sets.iter().flat_map(fewer).collect();
    all.into_iter().collect()
}

/// Compares a verdict with what each set of the kind comes to, and the counterexample with the
/// smallest of them.
fn agree(
    analyst: &mut Analyst<'_>,
    policy: &Policy,
    claim: &str,
    kinds: &[Set],
    happens: &dyn Fn(&Set) -> bool,
) {
    let parsed = Claim::parse(claim, policy).expect("a claim");
    let verdict = analyst.judge(&parsed).expect("small enough");
    let found = kinds.iter().filter(|set| happens(set));
    assert_eq!(verdict.proved, found.clone().count() == 0, "{claim}");
    if let Some(counterexample) = verdict.counterexample {
        let who: Set = counterexample.who.into_iter().collect();
        assert!(happens(&who), "{claim}: {who:?}");
        let is_of_kind = kinds.iter().any(|set| who.is_subset(set));
        assert!(is_of_kind, "{claim}: {who:?}");
        // Nobody of them could be spared, and no smaller set of the kind does it.
        for name in &who {
            let mut fewer = who.clone();
            fewer.remove(name);
            assert!(!happens(&fewer), "{claim}: {fewer:?} suffice");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn verdicts_are_those_of_every_set(plan in plans(), seed in any::<u64>()) {
        let text = full(&plan, &mut Dice(seed));
        let Some(policy) = check(&text).policy else { return Ok(()) };
        let everybody = names(&policy);
        prop_assume!(everybody.len() <= 8);
        let mut dice = Dice(seed ^ 1);
        let size = 1 + dice.below(everybody.len());
        let quorum = policy.root().quorum().roll();
        let quorum: Vec<String> = quorum.into_iter().map(str::to_owned).collect();
        let few = 1 + dice.below(quorum.len());
        let kinds = [
            (format!("{size} parties"), sets(&everybody, size)),
            (format!("any {few} of root"), sets(&quorum, few)),
            // The same people in two parts, one of which has somebody of the other.
            (
                format!("any {few} of root and {}", everybody[0]),
                sets(&quorum, few)
                    .into_iter()
                    .map(|mut set| {
                        set.insert(everybody[0].clone());
                        set
                    })
                    .collect(),
            ),
        ];
        let game = Game::read(&text);
        let all: Set = everybody.iter().cloned().collect();
        let others = |set: &Set| all.difference(set).cloned().collect::<Set>();
        let mut analyst = Analyst::of(&policy);
        for (people, kinds) in &kinds {
            for (coins, is_armed) in [("(armed)", true), ("(unarmed)", false)] {
                let claim = format!("never {people} if the others defend {coins}");
                agree(&mut analyst, &policy, &claim, kinds, &|set| {
                    game.is_won(Goal::Take, Chance::Kind, set, &others(set), is_armed)
                });
                let claim = format!("never {people} {coins}");
                agree(&mut analyst, &policy, &claim, kinds, &|set| game.is_spendable(set, is_armed));
                let claim = format!("no {people} can freeze {coins}");
                agree(&mut analyst, &policy, &claim, kinds, &|set| {
                    game.is_won(Goal::Freeze, Chance::Kind, set, &others(set), is_armed)
                });
                let (time, seconds) = time(&policy, &mut dice);
                let claim = format!("never {people} before {time} {coins}");
                agree(&mut analyst, &policy, &claim, kinds, &|set| {
                    game.is_taken_before(seconds, set, &Set::new(), is_armed)
                });
                let claim = format!("never {people} before {time} if the others defend {coins}");
                agree(&mut analyst, &policy, &claim, kinds, &|set| {
                    game.is_taken_before(seconds, set, &others(set), is_armed)
                });
                let claim = format!("any loss of {people} leaves a path within {time} {coins}");
                agree(&mut analyst, &policy, &claim, kinds, &|set| {
                    let ways = game.ways_out(&others(set), is_armed);
                    !ways.iter().any(|(date, wait)| *date == 0 && *wait <= seconds)
                });
                let claim = format!("any loss of {people} leaves a path {coins}");
                agree(&mut analyst, &policy, &claim, kinds, &|set| {
                    !game.is_spendable(&others(set), is_armed)
                });
            }
            let claim = format!("no {people} can block the rescue");
            agree(&mut analyst, &policy, &claim, kinds, &|set| !game.is_rescued(set, &others(set)));
            let claim = format!("no {people} can veto");
            let windows = game.windows();
            agree(&mut analyst, &policy, &claim, kinds, &|set| {
                windows.iter().any(|(path, _)| game.is_vetoed(path, set))
            });
            let (time, seconds) = time(&policy, &mut dice);
            let claim = format!("veto always has {time} after any loss of {people}");
            // Who is lost as well can be who would have triggered, so fewer can be worse.
            agree(&mut analyst, &policy, &claim, &with_fewer(kinds), &|set| {
                let left = others(set);
                let is_missed = |path: &str| game.is_triggered(path, &left) && !game.is_vetoed(path, &left);
                let mut paths = windows.iter();
                windows.is_empty() || paths.any(|(path, window)| *window < seconds || is_missed(path))
            });
        }
    }
}

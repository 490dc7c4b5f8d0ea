//! Each question, over every set of parties of generated policies.

use std::collections::BTreeSet;

use longstop::analysis::{Analyst, Armed};
use longstop::logic::{AtomSet, Formula};
use longstop::policy::{Policy, Quorum, SpendingPath, Staged, check};
use proptest::prelude::*;

use crate::dice::Dice;
use crate::full::full;
use crate::game::{Chance, Game, Goal};
use crate::generate::plans;

fn policy(text: &str) -> Option<Policy> {
    check(text).policy
}

/// Every set of the parties, with everybody else.
fn splits(policy: &Policy) -> Vec<(BTreeSet<String>, BTreeSet<String>)> {
    let names: Vec<String> = policy
        .parties()
        .map(|party| party.name().to_owned())
        .collect();
    (0_u32..1 << names.len())
        .map(|chosen| {
            let (inside, outside): (Vec<_>, Vec<_>) = names
                .iter()
                .cloned()
                .enumerate()
                .partition(|(number, _)| chosen >> number & 1 == 1);
            let set = |pairs: Vec<(usize, String)>| pairs.into_iter().map(|(_, name)| name);
            (set(inside).collect(), set(outside).collect())
        })
        .collect()
}

fn atoms(analyst: &Analyst<'_>, names: &BTreeSet<String>) -> AtomSet {
    let party = |name: &String| analyst.actors().party(name).expect("a party of the policy");
    names.iter().map(party).collect()
}

/// A formula says of every set what a game says.
fn agree(
    text: &str,
    what: &str,
    formula: &Formula,
    analyst: &Analyst<'_>,
    policy: &Policy,
    played: impl Fn(&BTreeSet<String>, &BTreeSet<String>) -> bool,
) {
    for (inside, outside) in splits(policy) {
        let said = formula.holds(&atoms(analyst, &inside));
        let played = played(&inside, &outside);
        let terms = &text[text.find("[[path]]").unwrap_or_default()..];
        assert_eq!(said, played, "{what}: {inside:?} in\n{terms}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn games_end_as_formulas_say(plan in plans(), seed in any::<u64>()) {
        let text = full(&plan, &mut Dice(seed));
        let Some(policy) = policy(&text) else { return Ok(()) };
        // Every set is played out.
        prop_assume!(policy.parties().count() <= 7);
        let analyst = Analyst::of(&policy);
        let game = Game::read(&text);
        let play = analyst.by_party();
        for (armed, is_armed) in [(Armed::Armed, true), (Armed::Unarmed, false)] {
            for (play, chance) in [(play.clone(), Chance::Kind), (play.surely(), Chance::Cruel)] {
                let what = format!("steal, {chance:?}");
                agree(&text, &what, &play.steal(armed), &analyst, &policy, |inside, outside| {
                    game.is_won(Goal::Take, chance, inside, outside, is_armed)
                });
                let routes = play.routes(armed).into_iter().map(|route| route.defended);
                let all = Formula::any(routes.collect());
                let what = format!("routes, {chance:?}");
                agree(&text, &what, &all, &analyst, &policy, |inside, outside| {
                    game.is_won(Goal::Take, chance, inside, outside, is_armed)
                });
                let what = format!("freeze, {chance:?}");
                agree(&text, &what, &play.freeze(armed), &analyst, &policy, |inside, outside| {
                    game.is_won(Goal::Freeze, chance, inside, outside, is_armed)
                });
            }
            if !play.has_open_orders() {
                let steal = play.steal(armed);
                agree(&text, "in any order", &play.surely().steal(armed), &analyst, &policy, |inside, _| {
                    steal.holds(&atoms(&analyst, inside))
                });
            }
            agree(&text, "undefended", &play.steal_undefended(armed), &analyst, &policy, |inside, _| {
                game.is_spendable(inside, is_armed)
            });
            agree(&text, "unspendable", &play.unspendable(armed), &analyst, &policy, |_, outside| {
                !game.is_spendable(outside, is_armed)
            });
        }
    }

    #[test]
    fn losses_are_those_after_which_nobody_is_left(plan in plans(), seed in any::<u64>()) {
        let text = full(&plan, &mut Dice(seed));
        let Some(policy) = policy(&text) else { return Ok(()) };
        // Every set is tried.
        prop_assume!(policy.parties().count() <= 7);
        let analyst = Analyst::of(&policy);
        let play = analyst.by_party();
        let met = |quorum: &Quorum, left: &BTreeSet<String>| {
            quorum.is_met_by(&|party| left.contains(party.name()))
        };
        let root = policy.root().quorum();
        agree(&text, "root's way", &play.root_closed(), &analyst, &policy, |_, left| {
            !met(root, left)
        });
        let staged: Vec<(&SpendingPath, &Staged)> = policy
            .paths()
            .iter()
            .filter_map(|path| Some((path, path.staged()?)))
            .collect();
        // Whoever vetoes holds the file of the cancel, so it takes nobody else.
        agree(&text, "vetoes", &play.no_veto(), &analyst, &policy, |_, left| {
            !staged.iter().any(|(_, terms)| met(terms.veto(), left))
        });
        for (path, terms) in &staged {
            agree(&text, "stall", &play.stall(path.name()), &analyst, &policy, |inside, _| {
                met(terms.veto(), inside)
            });
        }
        for path in policy.paths() {
            let name = path.name();
            let lockup = path.staged().and_then(|terms| terms.lockup());
            let last = lockup.and_then(|terms| terms.quorum()).unwrap_or(path.quorum());
            let works = |left: &BTreeSet<String>| met(path.quorum(), left) && met(last, left);
            agree(&text, name, &play.path_closed(name), &analyst, &policy, |_, left| !works(left));
        }
    }

    #[test]
    fn a_rescue_is_blocked_if_no_attempt_succeeds(plan in plans(), seed in any::<u64>()) {
        let text = full(&plan, &mut Dice(seed));
        let Some(policy) = policy(&text) else { return Ok(()) };
        prop_assume!(policy.parties().count() <= 8);
        let analyst = Analyst::of(&policy);
        let game = Game::read(&text);
        let play = analyst.by_party();
        agree(&text, "block", &play.rescue_blocked(), &analyst, &policy, |inside, outside| {
            !game.is_rescued(inside, outside)
        });
        for (armed, is_armed) in [(Armed::Armed, true), (Armed::Unarmed, false)] {
            agree(&text, "rescue lost", &play.rescue_lost(armed), &analyst, &policy, |_, left| {
                game.rescues(left, is_armed, None).is_empty()
            });
        }
    }

    #[test]
    fn rescues_take_as_long_as_the_quickest_attempt(plan in plans(), seed in any::<u64>()) {
        let text = full(&plan, &mut Dice(seed));
        let Some(policy) = policy(&text) else { return Ok(()) };
        prop_assume!(policy.parties().count() <= 8);
        let mut analyst = Analyst::of(&policy);
        let rescue = analyst.analyze().expect("small").rescue;
        let game = Game::read(&text);
        let root: BTreeSet<&str> = policy.root().quorum().party_names();
        let left = |set: &BTreeSet<String>| -> BTreeSet<String> {
            set.iter().filter(|name| !root.contains(name.as_str())).cloned().collect()
        };
        let everybody: BTreeSet<String> = policy.parties().map(|party| party.name().to_owned()).collect();
        let told = |seconds: Option<u64>, unlock: Option<u64>| {
            seconds.map(|seconds| (unlock.unwrap_or(0), seconds))
        };
        let quickest = |is_armed| game.rescues(&left(&everybody), is_armed, None).into_iter().min();
        prop_assert_eq!(told(rescue.armed_seconds, rescue.armed_unlock), quickest(true), "{}", &text);
        prop_assert_eq!(told(rescue.unarmed_seconds, rescue.unarmed_unlock), quickest(false), "{}", &text);
        for path in policy.paths() {
            let name = path.name();
            let ways: Vec<_> = rescue.ways.iter().filter(|way| way.path == name).collect();
            let who = Formula::any(ways.iter().map(|way| way.who.formula().clone()).collect());
            agree(&text, name, &who, &analyst, &policy, |inside, _| {
                !game.rescues(&left(inside), true, Some(name)).is_empty()
            });
            for way in ways {
                let chains = game.rescues(&left(&everybody), true, Some(name));
                prop_assert!(chains.contains(&(way.unlock_seconds.unwrap_or(0), way.seconds)));
                agree(&text, "veto", way.vetoed_by.formula(), &analyst, &policy, |inside, _| {
                    path.staged().is_some() && game.is_vetoed(name, &left(inside))
                });
            }
        }
    }
}

//! Proved claims under attack: coalitions and moments at random, in the game and on the embedded
//! chain.  What is proved is broken by none of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use longstop::analysis::{Analyst, Claim};
use longstop::policy::{Policy, SpendingPath, Staged, check};
use longstop::simulate::{Script, rehearse};
use proptest::prelude::*;

use crate::dice::Dice;
use crate::full::{full, policies};
use crate::game::{Chance, Game, Goal};
use crate::generate::plans;
use crate::made_up::time;

type Set = BTreeSet<String>;

/// A kind of coalition, and one of them.
fn people(policy: &Policy, dice: &mut Dice) -> (String, Vec<String>, usize) {
    let everybody: Vec<String> = policy
        .parties()
        .map(|party| party.name().to_owned())
        .collect();
    let quorums: Vec<_> = policy
        .quorums()
        .filter(|quorum| !quorum.name().contains(' '))
        .collect();
    if quorums.is_empty() || dice.below(3) == 0 {
        let size = 1 + dice.below(everybody.len());
        return (format!("{size} parties"), everybody, size);
    }
    let quorum = quorums[dice.below(quorums.len())];
    let roll: Vec<String> = quorum.roll().into_iter().map(str::to_owned).collect();
    let size = 1 + dice.below(roll.len());
    (format!("any {size} of {}", quorum.name()), roll, size)
}

/// Some of them, so many.
fn some(of: &[String], size: usize, dice: &mut Dice) -> Set {
    let mut of = of.to_vec();
    dice.shuffle(&mut of);
    of.into_iter().take(size).collect()
}

fn is_proved(analyst: &mut Analyst<'_>, policy: &Policy, claim: &str) -> bool {
    let parsed = Claim::parse(claim, policy).expect("a claim");
    // What overlaps too much is not decided, and then nothing is proved.
    analyst.judge(&parsed).is_ok_and(|verdict| verdict.proved)
}

/// Steps by a coalition, at moments of its choice, until a coin is so many blocks old.
fn attack(
    policy: &Policy,
    who: &Set,
    armed_on: Option<&str>,
    blocks: u64,
    dice: &mut Dice,
) -> String {
    let start = ["2016-01-01", "2045-01-01"][dice.below(2)];
    let mut text = format!(
        "[incident]\nname = \"attack\"\nabout = \"an attack\"\npolicy = \"policy.toml\"\nstart = \"{start}T00:00:00Z\"\n\n[[event]]\ndeposit = {{ coin = \"reserve\", amount = \"1 BTC\" }}\n\n[[event]]\nmine = 6\n"
    );
    let mut age = 8;
    if let Some(path) = armed_on {
        let _ = write!(
            text,
            "\n[[event]]\narm = {{ coin = \"reserve\", path = \"{path}\" }}\n"
        );
    }
    let names: Vec<&String> = who.iter().collect();
    let _ = write!(text, "\n[[event]]\ncompromise = {names:?}\n");
    let rolls = |path: &SpendingPath| {
        let veto = path.staged().map(Staged::veto);
        let mut roll = path.quorum().roll();
        roll.extend(veto.into_iter().flat_map(|veto| veto.roll()));
        roll.extend(policy.root().quorum().roll());
        let lockup = path.staged().and_then(Staged::lockup);
        roll.extend(
            lockup
                .and_then(|terms| terms.quorum())
                .into_iter()
                .flat_map(|own| own.roll()),
        );
        let inside = roll.into_iter().filter(|name| who.contains(*name));
        inside.map(str::to_owned).collect::<BTreeSet<String>>()
    };
    for _ in 0..2 + dice.below(7) {
        let left = blocks.saturating_sub(age + 2);
        let wait = match dice.below(3) {
            0 => 0,
            1 => left.min(6),
            _ => left.min(1 + dice.below(left as usize + 1) as u64),
        };
        if wait > 0 {
            let _ = write!(text, "\n[[event]]\nmine = {wait}\n");
            age += wait;
        }
        if age + 2 > blocks {
            break;
        }
        let path = &policy.paths()[dice.below(policy.paths().len())];
        let by: Vec<String> = rolls(path).into_iter().collect();
        if by.is_empty() {
            continue;
        }
        let name = path.name();
        // The coin is in the escrow of no other path than the one it is armed on.
        if path.staged().is_some() && Some(name) != armed_on {
            continue;
        }
        let thief = "to = \"thief\"";
        let paid = format!("{{ coin = \"reserve\", by = {by:?}, {thief}");
        let unpaid = format!("{{ coin = \"reserve\", by = {by:?}");
        let step = match (path.staged(), dice.below(6)) {
            (_, 0) => format!("spend = {paid}, amount = \"0.9 BTC\" }}"),
            (None, _) => format!("recover = {paid}, path = \"{name}\" }}"),
            (Some(_), 1 | 2) => format!("trigger = {unpaid}, path = \"{name}\" }}"),
            (Some(_), 3) => format!("cancel = {unpaid} }}"),
            (Some(terms), _) if terms.lockup().is_none() => {
                format!("settle = {paid}, amount = \"0.9 BTC\" }}")
            }
            (Some(_), 4) => format!("settle = {unpaid} }}"),
            (Some(_), _) => format!("release = {paid} }}"),
        };
        let _ = write!(text, "\n[[event]]\n{step}\n");
        age += 1;
    }
    let held = "[expect.holds]\nthief = \"nothing\"\n";
    // Somebody must have been named to be paid.
    match text.contains("thief") {
        true => format!("{text}\n{held}"),
        false => String::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn nobody_breaks_a_proved_claim_in_the_game(text in policies(), seed in any::<u64>()) {
        let Some(policy) = check(&text).policy else { return Ok(()) };
        let mut dice = Dice(seed);
        let game = Game::read(&text);
        let everybody: Set = policy.parties().map(|party| party.name().to_owned()).collect();
        let mut analyst = Analyst::of(&policy);
        for _ in 0..6 {
            let (people, of, size) = people(&policy, &mut dice);
            let (time, seconds) = time(&policy, &mut dice);
            let (coins, armed) = [("(armed)", true), ("(unarmed)", false)][dice.below(2)];
            let others = |set: &Set| everybody.difference(set).cloned().collect::<Set>();
            type Broken<'a> = (String, Box<dyn Fn(&Set) -> bool + 'a>);
            let claims: [Broken<'_>; 6] = [
                (
                    format!("never {people} before {time} {coins}"),
                    Box::new(|set| game.is_taken_before(seconds, set, &Set::new(), armed)),
                ),
                (
                    format!("never {people} before {time} if the others defend {coins}"),
                    Box::new(|set| game.is_taken_before(seconds, set, &others(set), armed)),
                ),
                (
                    format!("never {people} if the others defend {coins}"),
                    Box::new(|set| game.is_won(Goal::Take, Chance::Kind, set, &others(set), armed)),
                ),
                (
                    format!("no {people} can freeze {coins}"),
                    Box::new(|set| game.is_won(Goal::Freeze, Chance::Kind, set, &others(set), armed)),
                ),
                (
                    format!("no {people} can block the rescue"),
                    Box::new(|set| !game.is_rescued(set, &others(set))),
                ),
                (
                    format!("any loss of {people} leaves a path within {time} {coins}"),
                    Box::new(|set| {
                        let ways = game.ways_out(&others(set), armed);
                        !ways.iter().any(|(date, wait)| *date == 0 && *wait <= seconds)
                    }),
                ),
            ];
            for (claim, is_broken) in claims {
                if !is_proved(&mut analyst, &policy, &claim) {
                    continue;
                }
                for _ in 0..6 {
                    let set = some(&of, size, &mut dice);
                    prop_assert!(!is_broken(&set), "{}: {:?} in\n{}", claim, set, &text);
                }
            }
        }
    }

    #[test]
    fn nobody_breaks_a_proved_claim_on_the_chain(plan in plans(), seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let text = full(&plan, &mut dice);
        let Some(policy) = check(&text).policy else { return Ok(()) };
        prop_assume!(!policy.paths().is_empty());
        let mut analyst = Analyst::of(&policy);
        let staged: Vec<&SpendingPath> =
            policy.paths().iter().filter(|path| path.staged().is_some()).collect();
        for _ in 0..4 {
            let (people, of, size) = people(&policy, &mut dice);
            let (mut time, mut seconds) = time(&policy, &mut dice);
            // Blocks have to be mined, so the attack has some weeks at most.
            if seconds > 4_000 * 600 || dice.below(3) == 0 {
                (time, seconds) = ("4000 blocks".to_owned(), 4_000 * 600);
            }
            let armed_on = match staged.is_empty() || dice.below(4) == 0 {
                true => None,
                false => Some(staged[dice.below(staged.len())].name()),
            };
            let coins = if armed_on.is_some() { "(armed)" } else { "(unarmed)" };
            let claim = format!("never {people} before {time} {coins}");
            if !is_proved(&mut analyst, &policy, &claim) {
                continue;
            }
            let who = some(&of, size, &mut dice);
            let incident = attack(&policy, &who, armed_on, seconds / 600, &mut dice);
            if incident.is_empty() {
                continue;
            }
            let script = Script { incident: &incident, policy: &text, record: false };
            let rehearsal = rehearse(script)
                .unwrap_or_else(|error| panic!("{claim}: {error}\n{incident}\n{text}"));
            let held = rehearsal.report.expectations.last().expect("what the thief holds");
            prop_assert!(held.expected.contains("thief"), "{:?}", held);
            prop_assert!(held.met, "{}: {:?}\n{}\n{}", claim, held, incident, text);
        }
    }
}

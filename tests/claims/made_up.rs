//! Claims made up about a policy.

use longstop::policy::Policy;

use crate::dice::Dice;

/// A time and its seconds: some are the policy's own delays, or a block beside them.
pub fn time(policy: &Policy, dice: &mut Dice) -> (String, u64) {
    let mut delays = vec![1, 144, 4_320, 52_560];
    for path in policy.paths() {
        let direct = path.direct().and_then(|direct| direct.delay());
        delays.extend(direct.map(|delay| delay.lock().expected_blocks().0));
        if let Some(staged) = path.staged() {
            let window = staged.window().lock().expected_blocks().0;
            delays.push(window);
            let lockup = staged.lockup();
            delays.extend(lockup.map(|lockup| window + lockup.period().lock().expected_blocks().0));
        }
    }
    let delay = delays[dice.below(delays.len())];
    let blocks = (delay + dice.below(3) as u32).saturating_sub(1).max(1);
    (format!("{blocks} blocks"), u64::from(blocks) * 600)
}

/// A kind of coalition.
pub fn people(policy: &Policy, dice: &mut Dice) -> String {
    let parts = 1 + dice.below(2);
    let parts = (0..parts).map(|_| part(policy, dice));
    parts.collect::<Vec<_>>().join(" and ")
}

fn part(policy: &Policy, dice: &mut Dice) -> String {
    let names: Vec<&str> = policy.parties().map(|party| party.name()).collect();
    // Not those that are made of a roster's others.
    let quorums = policy.quorums();
    let quorums: Vec<_> = quorums
        .filter(|quorum| !quorum.name().contains(' '))
        .collect();
    match dice.below(5) {
        0 => format!("{} parties", 1 + dice.below(names.len())),
        1 => names[dice.below(names.len())].to_owned(),
        2 => "root".to_owned(),
        _ => {
            let quorum = quorums[dice.below(quorums.len())];
            let most = quorum.roll().len();
            match dice.below(4) {
                0 => format!("all of {}", quorum.name()),
                _ => format!("any {} of {}", 1 + dice.below(most), quorum.name()),
            }
        }
    }
}

fn coins(dice: &mut Dice) -> &'static str {
    ["", " (armed)", " (unarmed)"][dice.below(3)]
}

/// A claim of any kind but those about domains.
pub fn claim(policy: &Policy, dice: &mut Dice) -> String {
    let people = people(policy, dice);
    let before = match dice.below(3) {
        0 => String::new(),
        _ => format!(" before {}", time(policy, dice).0),
    };
    let defence = ["", " even if nobody defends", " if the others defend"][dice.below(3)];
    let coins = coins(dice);
    match dice.below(7) {
        0 => format!("never {people}{before}{defence}{coins}"),
        1 => format!("no {people} can steal{before}{defence}{coins}"),
        2 => format!("no {people} can freeze{coins}"),
        3 => format!("no {people} can block the rescue"),
        4 => format!("no {people} can veto"),
        5 => match dice.below(3) {
            0 => format!("any loss of {people} leaves a path{coins}"),
            _ => format!(
                "any loss of {people} leaves a path within {}{coins}",
                time(policy, dice).0
            ),
        },
        _ => match dice.below(3) {
            0 => format!("veto always has {}", time(policy, dice).0),
            _ => format!("veto always has 1 block after any loss of {people}"),
        },
    }
}

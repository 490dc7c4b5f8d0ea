//! Locks at the ends of what a script can hold: the compiled script opens at just the number that
//! the policy says, and not one block or second before.

use crate::dice::Dice;
use crate::draft::Draft;
use crate::reference::{Age, Moment, Reference, Until};
use crate::spend::Spend;
use crate::subject::{Holders, Subject};
use crate::triples::{compiled, judge};

/// A vault with a direct path under a lock, written as the fields of the path.
fn vault(script: &str, lock: &str) -> String {
    let script = if script == "tr" { "tr" } else { "wsh" };
    let terms = format!(
        r#"
[quorums]
council = {{ threshold = 1, of = ["alice", "bob"] }}
agents = {{ threshold = 1, of = ["gina", "hal"] }}

[root]
quorum = "council"
refresh = "1 blocks"

[[path]]
name = "late"
quorum = "agents"
{lock}

[lints]
LS0503 = "locks at the ends of what there is"
"#
    );
    Draft::new(script, &terms).text()
}

const RELATIVE: [(&str, Age); 12] = [
    ("delay = \"1 block\"", Age::Blocks(1)),
    ("delay = \"2 blocks\"", Age::Blocks(2)),
    ("delay = \"127 blocks\"", Age::Blocks(127)),
    ("delay = \"128 blocks\"", Age::Blocks(128)),
    ("delay = \"32767 blocks\"", Age::Blocks(32_767)),
    ("delay = \"32768 blocks\"", Age::Blocks(32_768)),
    ("delay = \"65534 blocks\"", Age::Blocks(65_534)),
    ("delay = \"65535 blocks\"", Age::Blocks(65_535)),
    ("clock = \"time\"\ndelay = \"1 hour\"", Age::Units(8)),
    ("clock = \"time\"\ndelay = \"64 hours\"", Age::Units(450)),
    ("clock = \"time\"\ndelay = \"388 days\"", Age::Units(65_475)),
    (
        "clock = \"time\"\ndelay = \"9320 hours\"",
        Age::Units(65_532),
    ),
];

const ABSOLUTE: [(&str, Until); 8] = [
    ("unlock_height = 1", Until::Height(1)),
    ("unlock_height = 16", Until::Height(16)),
    ("unlock_height = 17", Until::Height(17)),
    ("unlock_height = 499999998", Until::Height(499_999_998)),
    ("unlock_height = 499999999", Until::Height(499_999_999)),
    (
        "unlock_at = \"1985-11-05T00:53:20Z\"",
        Until::Time(500_000_000),
    ),
    (
        "unlock_at = \"2038-01-19T03:14:06Z\"",
        Until::Time(i32::MAX as u32 - 1),
    ),
    (
        "unlock_at = \"2038-01-19T03:14:07Z\"",
        Until::Time(i32::MAX as u32),
    ),
];

/// The moment at which a lock opens, and the one before it.
fn around(age: Option<Age>, until: Option<Until>) -> [Moment; 2] {
    let late = Moment {
        born_height: 1_000_000,
        born_time: 1_700_000_000,
        tip_height: 1_000_000,
        tip_time: 1_700_000_000,
    };
    let mut moments = [late; 2];
    for (early, now) in [1, 0].into_iter().zip(&mut moments) {
        match age {
            Some(Age::Blocks(count)) => now.tip_height = now.born_height + count - 1 - early,
            Some(Age::Units(count)) => now.tip_time += 512 * count - early,
            None => {}
        }
        match until {
            Some(Until::Height(height)) => (now.born_height, now.tip_height) = (0, height - early),
            Some(Until::Time(time)) => {
                (now.born_time, now.tip_time) = (time - early, time + 1 - early);
            }
            None => {}
        }
    }
    moments
}

/// What the agents can do at the moment when the lock opens, and just before.
#[track_caller]
fn check(script: &str, fields: &str, age: Option<Age>, until: Option<Until>) {
    let text = vault(script, fields);
    let compiled = compiled(&text);
    let reference = Reference::read(&text);
    let holders = Holders::read(&text);
    let vault = compiled.vault();
    let subject = Subject::new(&reference, &holders, &compiled, vault, (0, 0));
    let way = subject
        .ways
        .iter()
        .position(|way| way.kind == "direct late")
        .expect("the path");
    assert_eq!(
        (subject.ways[way].age, subject.ways[way].until),
        (age.or(Some(Age::Blocks(1))), until)
    );
    let first = subject.seats_of(way).start;
    let signs = |seat: usize| seat == first;
    let recipe = subject.plan(&signs, None).expect("one of two agents");
    let [before, then] = around(age, until);
    let spend = Spend::new(&subject, recipe.locks());
    assert!(
        spend.is_valid(&spend.witness(&recipe, &signs)),
        "{script}: {fields}"
    );
    assert!(spend.is_final(then), "{script}: {fields}");
    assert!(
        subject.plan(&signs, Some(then)).is_some(),
        "{script}: {fields}"
    );
    // One block before the shortest lock opens is the block of the coin itself.
    assert!(!spend.is_final(before), "{script}: {fields}");
    assert!(
        subject.plan(&signs, Some(before)).is_none(),
        "{script}: {fields}"
    );
    // A transaction that says one less does not satisfy the script, nor one of the other clock.
    let (sequence, lock_time) = recipe.locks();
    let mut wrong = vec![(0xffff_fffe, 0), (sequence | 1 << 31, lock_time)];
    if age.is_some() {
        wrong.extend([(sequence - 1, lock_time), (sequence ^ 1 << 22, lock_time)]);
    }
    if until.is_some() {
        wrong.extend([
            (sequence, lock_time - 1),
            (sequence, 0),
            (u32::MAX, lock_time),
        ]);
    }
    for locks in wrong {
        let spend = Spend::new(&subject, locks);
        assert!(
            !spend.is_valid(&spend.witness(&recipe, &signs)),
            "{script}: {fields} {locks:x?}"
        );
    }
}

#[test]
fn locks_open_at_their_numbers() {
    for script in ["tr", "wsh"] {
        for (fields, age) in RELATIVE {
            check(script, fields, Some(age), None);
        }
        for (fields, until) in ABSOLUTE {
            check(script, fields, None, Some(until));
        }
    }
}

/// A path that waits for both, by every pair of kinds.
#[test]
fn two_locks_of_a_path_must_both_be_open() {
    for (delay, _) in [RELATIVE[7], RELATIVE[11]] {
        for (unlock, _) in [ABSOLUTE[4], ABSOLUTE[7]] {
            for script in ["tr", "wsh"] {
                let text = vault(script, &format!("{delay}\n{unlock}"));
                let judged = judge(&text, usize::MAX, &mut Dice(2));
                assert!(
                    judged.is_ok(),
                    "{script}: {delay} {unlock}: {}",
                    judged.unwrap_err()
                );
            }
        }
    }
}

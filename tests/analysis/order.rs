//! Which of two ways opens first, whatever blocks do.

use std::num::NonZeroU16;

use longstop::analysis::{Analyst, Armed, Opening, analyze};
use longstop::policy::Policy;
use longstop::units::{AbsoluteLock, BlockHeight, RelativeLock, UnixTime};
use proptest::prelude::*;

use crate::dice::Dice;
use crate::draft::Draft;

/// A day, by which any span of blocks can be quicker or slower.
const DAY: u64 = 86_400;

/// The shortest and the longest that a block takes for long, in seconds.
const PACE: [u64; 2] = [300, 1_200];

/// A coin, and the blocks over it.
struct World {
    /// The height of the coin's block, and the median time past before it.
    height: u32,
    time: u32,
    /// Seconds of median time past that have gone by, after no block, one block, two …
    blocks: Vec<u64>,
}

impl World {
    /// A constant pace, with one day that nothing comes in, or one that all comes at once.
    fn new(blocks: usize, pace: u64, extra: usize, is_late: bool) -> Self {
        let mut times = vec![0];
        let (mut exact, mut ahead) = (0_u64, 0_u64);
        for block in 1..=blocks {
            exact += pace;
            if block == extra {
                match is_late {
                    true => exact += DAY,
                    false => ahead = DAY,
                }
            }
            let last = times[block - 1];
            times.push(exact.saturating_sub(ahead).max(last));
        }
        Self {
            height: 500_000,
            time: 1_600_000_000,
            blocks: times,
        }
    }

    /// How many blocks after the coin's own a way opens.
    fn block(&self, opens: &Opening) -> usize {
        let after = |seconds: u64| self.blocks.partition_point(|time| *time < seconds);
        let age = match opens.age {
            None => 0,
            Some(RelativeLock::Blocks(count)) => usize::from(count.get()),
            Some(lock @ RelativeLock::Units512(_)) => after(lock.expected_seconds()),
        };
        let until = match opens.unlock {
            None => 0,
            Some(AbsoluteLock::Height(height)) => height.0.saturating_sub(self.height) as usize,
            Some(AbsoluteLock::Time(time)) => after(u64::from(time.0.saturating_sub(self.time))),
        };
        age.max(until)
    }

    /// The same chain around a coin of another day.
    fn at(&self, height: u32, time: u32) -> Self {
        Self {
            height,
            time,
            blocks: self.blocks.clone(),
        }
    }
}

/// The blocks of a world, more than any of the waits here takes.
const BLOCKS: usize = 6_000;

fn opening(dice: &mut Dice) -> Opening {
    let count = |dice: &mut Dice| {
        let most = [3, 300, 2_000][dice.below(3)];
        NonZeroU16::new(1 + dice.below(most) as u16).expect("one at least")
    };
    let age = match dice.below(9) {
        0 => None,
        1..=4 => Some(RelativeLock::Blocks(count(dice))),
        _ => Some(RelativeLock::Units512(count(dice))),
    };
    let near = [2, 400_000][dice.below(2)];
    let unlock = match dice.below(4) {
        0 => Some(AbsoluteLock::Height(BlockHeight(
            500_000 + dice.below(500) as u32,
        ))),
        1 => Some(AbsoluteLock::Time(UnixTime(
            1_600_000_000 + dice.below(near) as u32,
        ))),
        _ => None,
    };
    Opening { age, unlock }
}

fn world(dice: &mut Dice) -> World {
    let pace = match dice.below(3) {
        0 => PACE[0],
        1 => PACE[1],
        _ => PACE[0] + dice.below(901) as u64,
    };
    let world = World::new(BLOCKS, pace, 1 + dice.below(2_500), dice.below(2) == 0);
    let height = match dice.below(3) {
        0 => 400_000,
        1 => 500_000 + dice.below(500) as u32,
        _ => 600_000,
    };
    let time = match dice.below(3) {
        0 => 1_599_000_000,
        1 => 1_600_000_000 + dice.below(400_000) as u32,
        _ => 1_700_000_000,
    };
    world.at(height, time)
}

/// The worlds in which a wait is over as early as it can be, compared with what is in the other
/// clock: blocks as quick as they can be, or as slow with the day lost just before.
fn worlds_for(opens: &Opening) -> Vec<World> {
    let mut worlds = Vec::new();
    let quick = World::new(BLOCKS, PACE[0], 1, false);
    let first = |world: &World| {
        world.block(&Opening {
            unlock: None,
            ..opens.clone()
        })
    };
    for late in 1..=first(&World::new(BLOCKS, PACE[1], usize::MAX, true)) {
        let slow = World::new(BLOCKS, PACE[1], late, true);
        if first(&slow) == late {
            worlds.push(slow);
            break;
        }
    }
    worlds.push(World::new(BLOCKS, PACE[1], first(&quick).max(1), true));
    worlds.push(World::new(BLOCKS, PACE[1], 1, true));
    worlds.push(quick);
    worlds
}

/// The same worlds around coins of all days that matter: of long ago, of late, and those that are
/// old enough just when a date comes.
fn on_all_days(worlds: Vec<World>, ages: &[&Opening]) -> Vec<World> {
    let mut on_days = Vec::new();
    for world in worlds {
        let (mut heights, mut times) =
            (vec![400_000, 1_000_000], vec![1_500_000_000, 1_700_000_000]);
        for opens in ages {
            let age = world.block(&Opening {
                unlock: None,
                ..(*opens).clone()
            });
            let seconds = world.blocks[age];
            for other in ages {
                match other.unlock {
                    Some(AbsoluteLock::Height(height)) => {
                        heights.push(height.0.saturating_sub(age as u32));
                    }
                    Some(AbsoluteLock::Time(time)) => times.push(time.0 - seconds as u32),
                    None => {}
                }
            }
        }
        for height in heights {
            on_days.extend(times.iter().map(|time| world.at(height, *time)));
        }
    }
    on_days
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 25, ..ProptestConfig::default() })]

    #[test]
    fn what_is_certain_holds_in_every_world(seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let world = world(&mut dice);
        for _ in 0..40 {
            let (first, then) = (opening(&mut dice), opening(&mut dice));
            let (one, other) = (world.block(&first), world.block(&then));
            if first.is_before(&then) {
                prop_assert!(one < other, "{first} before {then}: {one} and {other}");
            }
            if then.includes(&first) {
                prop_assert!(one <= other, "{first} by {then}: {one} and {other}");
            }
        }
    }

    #[test]
    fn what_is_not_certain_happens_in_some_world(seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let (first, then) = (opening(&mut dice), opening(&mut dice));
        let mut worlds = worlds_for(&first);
        worlds.extend(worlds_for(&then));
        let worlds = on_all_days(worlds, &[&first, &then]);
        let some = |holds: &dyn Fn(usize, usize) -> bool| {
            worlds.iter().any(|world| holds(world.block(&first), world.block(&then)))
        };
        if !first.is_before(&then) {
            prop_assert!(some(&|one, other| one >= other), "{first} before {then}");
        }
        if !then.includes(&first) {
            prop_assert!(some(&|one, other| one > other), "{first} by {then}");
        }
    }
}

fn lock(blocks: u16) -> Opening {
    Opening::after(RelativeLock::Blocks(NonZeroU16::new(blocks).expect("some")))
}

fn time(units: u16) -> Opening {
    Opening::after(RelativeLock::Units512(
        NonZeroU16::new(units).expect("some"),
    ))
}

#[test]
fn waits_in_two_clocks_are_in_order_only_far_apart() {
    // 171 units are 87,552 seconds, a day and nineteen minutes; the next has the whole twenty.
    assert!(!lock(1).is_before(&time(171)));
    assert!(lock(1).is_before(&time(172)));
    // Thirty days of time, against blocks that are quick: 8,928 of them take so long at least,
    // and the next is later.
    let month = time(5_062);
    assert!(!month.is_before(&lock(8_928)));
    assert!(month.is_before(&lock(8_929)));
    // And slow ones: 2,087 take 2,590,800 seconds at most, and a month has 2,591,744.
    assert!(lock(2_087).is_before(&month));
    assert!(!lock(2_088).is_before(&month));
    // In one clock a block decides.
    assert!(lock(99).is_before(&lock(100)));
    assert!(!lock(100).is_before(&lock(100)) && lock(100).includes(&lock(100)));
}

/// Two quorums, one of which waits in blocks and the other in time.
fn mixed(blocks: u32, days: u32) -> Policy {
    let terms = format!(
        r#"
[quorums]
council = {{ threshold = 2, of = ["alice", "bob"] }}
agents = {{ threshold = 2, of = ["gina", "hal"] }}
heirs = {{ threshold = 1, of = ["ivan"] }}

[root]
quorum = "council"
refresh = "10 blocks"

[[path]]
name = "by-blocks"
quorum = "agents"
delay = "{blocks} blocks"

[[path]]
name = "by-time"
quorum = "heirs"
clock = "time"
delay = "{days} days"

[lints]
LS0503 = "short delays keep the tests quick"
"#
    );
    Draft::new("tr", &terms).policy()
}

/// Whether these can take a coin by their path, in an order that suits them and in any.
fn can(policy: &Policy, names: &[&str]) -> (bool, bool) {
    let analyst = Analyst::of(policy);
    let party = |name: &&str| analyst.actors().party(name).expect("a party");
    let set = names.iter().map(party).collect();
    let play = analyst.by_party();
    let holds = |steal: longstop::logic::Formula| steal.holds(&set);
    (
        holds(play.steal(Armed::Unarmed)),
        holds(play.surely().steal(Armed::Unarmed)),
    )
}

#[test]
fn mixed_clocks_are_told_for_the_worst_order_and_for_every_order() {
    // Root cannot act: one of its two is among the thieves.
    let (agents, heirs) = (["gina", "hal", "alice"], ["ivan", "alice"]);
    // Thirty days against 4,320 blocks, which take thirty days: whichever is first.
    let close = mixed(4_320, 30);
    assert_eq!(can(&close, &agents), (true, false));
    assert_eq!(can(&close, &heirs), (true, false));
    let analysis = analyze(&close).expect("small");
    let told: Vec<bool> = analysis
        .thefts
        .iter()
        .map(|theft| theft.surely.is_some())
        .collect();
    assert_eq!(told, [false, true, true]);
    // Together they need not care.
    assert_eq!(can(&close, &["gina", "hal", "ivan", "alice"]), (true, true));
    // Far apart the order is certain.
    let apart = mixed(2_087, 30);
    assert_eq!(can(&apart, &agents), (true, true));
    assert_eq!(can(&apart, &heirs), (false, false));
    let analysis = analyze(&apart).expect("small");
    assert!(analysis.thefts.iter().all(|theft| theft.surely.is_none()));
    let late = mixed(9_000, 30);
    assert_eq!(can(&late, &agents), (false, false));
    assert_eq!(can(&late, &heirs), (true, true));
}

//! What can happen.

use proptest::collection::vec;
use proptest::prelude::*;

/// Who there is: the board, the wardens, the monitors.
pub const PARTIES: [&str; 11] = [
    "amara", "bashir", "celine", "dov", "elif", "rui", "sofia", "tomas", "jonas", "klara", "lund",
];

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Move {
    /// A party says something, dated so many blocks beside the tip as its replica sees it.
    Say { who: usize, what: What, skew: i32 },
    /// A party says something beside the last thing it said.
    Fork { who: usize, what: What },
    /// A replica gives another all it has, in an order of its own, each event twice.
    Deliver { from: usize, to: usize, order: u64 },
    /// A replica loses what it has not written to a disk.
    Crash(usize),
    /// Blocks are mined.
    Mine(u32),
    /// The last blocks are replaced, with one more.
    Reorg(u32),
    /// What it takes to be mined.
    Fees(u64),
    /// A warden cannot sign for now, or can again.
    Down(usize),
    /// Wardens trigger, asking for a case or not.
    Trigger { regardless: bool },
    /// Somebody sends the settle.
    Settle,
}

/// What is said, about the last case that the author knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Heartbeat,
    Alarm,
    Withdraw,
    Propose,
    Approve,
    Reject,
    Activate,
    Veto,
    Close,
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        3 => Just(What::Heartbeat),
        2 => Just(What::Alarm),
        1 => Just(What::Withdraw),
        3 => Just(What::Propose),
        4 => Just(What::Approve),
        1 => Just(What::Reject),
        5 => Just(What::Activate),
        2 => Just(What::Veto),
        1 => Just(What::Close),
    ]
}

fn one() -> impl Strategy<Value = Move> {
    let skew = prop_oneof![6 => Just(0), 1 => -30..0i32, 1 => 1..30i32];
    prop_oneof![
        14 => (0..PARTIES.len(), what(), skew)
            .prop_map(|(who, what, skew)| Move::Say { who, what, skew }),
        1 => (0..PARTIES.len(), what()).prop_map(|(who, what)| Move::Fork { who, what }),
        8 => (0..3usize, 0..3usize, any::<u64>())
            .prop_map(|(from, to, order)| Move::Deliver { from, to, order }),
        1 => (0..3usize).prop_map(Move::Crash),
        4 => (1..14u32).prop_map(Move::Mine),
        1 => (1..4u32).prop_map(Move::Reorg),
        1 => prop_oneof![Just(2u64), Just(40)].prop_map(Move::Fees),
        1 => (5..8usize).prop_map(Move::Down),
        4 => any::<bool>().prop_map(|regardless| Move::Trigger { regardless }),
        2 => Just(Move::Settle),
    ]
}

pub fn moves() -> impl Strategy<Value = Vec<Move>> {
    vec(one(), 1..60)
}

fn say(who: usize, what: What) -> Move {
    Move::Say { who, what, skew: 0 }
}

fn everywhere() -> Vec<Move> {
    let pairs = (0..3).flat_map(|from| (0..3).map(move |to| (from, to)));
    let pairs: Vec<(usize, usize)> = pairs.collect();
    let twice = pairs.iter().chain(&pairs);
    twice
        .map(|(from, to)| Move::Deliver {
            from: *from,
            to: *to,
            order: 7,
        })
        .collect()
}

/// Two monitors raise the alarm, two wardens agree, and they trigger.
pub fn to_the_escrow() -> Vec<Move> {
    let mut moves = vec![
        say(8, What::Alarm),
        say(9, What::Alarm),
        say(5, What::Propose),
    ];
    moves.extend(everywhere());
    moves.extend([say(5, What::Activate), say(6, What::Activate)]);
    moves.extend(everywhere());
    moves.push(Move::Trigger { regardless: false });
    moves
}

/// Two of the board object.
pub fn veto_by_two() -> Vec<Move> {
    let mut moves = vec![say(0, What::Veto), say(1, What::Veto)];
    moves.extend(everywhere());
    moves
}

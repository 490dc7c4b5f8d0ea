//! A case over each backend, from its proposal to the consent that a trigger waits for.
//!
//! Every date in it is one of the chain: a reorg rolls the height and the median time back, and what
//! was said and came of it with them, until the chain has come there again.

use longstop::chain::Chain;
use longstop::engine::{Consent, Replica};
use longstop::evidence::genesis_of;
use longstop::governance::{Action, Activation, Ballot, Body, EventId, Proposal, SignedEvent};
use longstop::ledger::{Ledger, Memory, Taken};
use longstop::signer::SoftwareSigner;
use longstop::units::{BlockHeight, Blocks, ChainTime};

use super::draft::{Draft, TREASURY};
use super::rig::Rig;

/// Two thirds of the council in a vote, or its silence.
const TERMS: &str = r#"lockup = { period = "30 blocks" }

[path.activation]
any = [
  { vote = "council", turnout = "60%", approve = "66%", open = "20 blocks" },
  { silence = "council", for = "90 blocks", fewer_than = 1 },
]
"#;

/// The ledger of one policy, and somebody on each side who has watched the chain all along.
struct Court {
    ledger: Ledger<Memory>,
    theirs: Replica,
    ours: Replica,
    case: Option<EventId>,
}

/// What somebody makes of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    now: ChainTime,
    /// How the case stands, in all its words; nothing while nobody has proposed it.
    status: Option<serde_json::Value>,
    due: Vec<Action>,
    /// What is dated where the chain has not come to.
    waiting: Vec<EventId>,
    /// Whether honest software signs the trigger.
    consents: bool,
}

impl Seen {
    fn asks_for_activation(&self) -> bool {
        let mut due = self.due.iter();
        due.any(|action| matches!(action, Action::AskActivation { .. }))
    }
}

impl Court {
    /// One by the clock of blocks, or of the median time.
    fn new(is_timed: bool) -> Self {
        let terms = TREASURY.replace("lockup = { period = \"30 blocks\" }\n", TERMS);
        let terms = match is_timed {
            false => terms,
            true => [
                ("20 blocks", "3 hours"),
                ("40 blocks", "8 hours"),
                ("30 blocks", "5 hours"),
                ("90 blocks", "30 hours"),
                ("name = \"sos\"\n", "name = \"sos\"\nclock = \"time\"\n"),
                (
                    "name = \"dead-man\"\n",
                    "name = \"dead-man\"\nclock = \"time\"\n",
                ),
            ]
            .into_iter()
            .fold(terms, |terms, (was, is)| terms.replace(was, is)),
        };
        let compiled = Draft::new("tr", &terms).with_identities().compiled();
        let genesis = genesis_of(&compiled).to_bytes();
        let ledger = Ledger::open(Memory::new(genesis)).expect("a ledger");
        let replica = || Replica::new(ledger.charter().clone());
        let (theirs, ours) = (replica(), replica());
        Self {
            ledger,
            theirs,
            ours,
            case: None,
        }
    }

    /// Somebody says something, dated by what the backend says.
    #[track_caller]
    fn say(&mut self, rig: &mut Rig, author: &str, body: Body) -> EventId {
        let now = rig.chain().tip().expect("it answers").time;
        let event = self.ledger.draft(author, now, body).expect("a draft");
        let key = SoftwareSigner::stand_in_identity(0, author);
        let signed = event.sign(&key).expect("it can be said");
        let id = signed.id();
        let taken = self.ledger.append(std::slice::from_ref(&signed));
        assert!(matches!(taken.expect("a store")[..], [Taken::New(_)]));
        for live in [&mut self.theirs, &mut self.ours] {
            let _ = live.observe(now);
            live.take(signed.clone()).expect("it belongs there");
        }
        id
    }

    /// What somebody sees who comes to the ledger now, as every command does.
    fn afresh(&self, now: ChainTime) -> Seen {
        let mut replica = Replica::new(self.ledger.charter().clone());
        let _ = replica.observe(now);
        for event in self.ledger.events() {
            let event = event.expect("it is read");
            replica.take(event).expect("it belongs there");
        }
        self.seen(&replica)
    }

    fn seen(&self, replica: &Replica) -> Seen {
        let cases = replica.cases();
        let known = self.case.and_then(|case| Some((case, cases.case(case)?)));
        let status = known.map(|(case, (docket, _))| {
            let status = docket.status(case, replica.policy());
            serde_json::to_value(status.expect("of this policy")).expect("JSON")
        });
        let consent = replica.consent("sos");
        if let Ok(consent) = &consent {
            assert_eq!(*consent, Consent::Activated(self.case.expect("a case")));
        }
        Seen {
            now: cases.now(),
            status,
            due: cases.due(replica.policy()).into_iter().collect(),
            waiting: replica.waiting().map(SignedEvent::id).collect(),
            consents: consent.is_ok(),
        }
    }

    /// What somebody sees who comes now, and what somebody who has watched: the same by the backend
    /// and by the leader.
    #[track_caller]
    fn look(&mut self, rig: &mut Rig) -> (Seen, Seen) {
        let theirs = rig.chain().tip().expect("it answers").time;
        let ours = rig.leader.tip().time;
        let afresh = self.afresh(theirs);
        assert_eq!(afresh, self.afresh(ours));
        assert_eq!(afresh.now, theirs);
        let _ = (self.theirs.observe(theirs), self.ours.observe(ours));
        let watched = self.seen(&self.theirs);
        assert_eq!(watched, self.seen(&self.ours));
        (afresh, watched)
    }
}

/// Mines until something is so for a court, and says what it looked like one block before.
#[track_caller]
fn mine_until(rig: &mut Rig, court: &mut Court, so: impl Fn(&Seen) -> bool) -> Seen {
    let mut before = court.look(rig).0;
    for _ in 0..80 {
        rig.mine(1);
        let now = court.look(rig).0;
        if so(&now) {
            return before;
        }
        before = now;
    }
    panic!("it does not come to that: {before:?}");
}

pub fn it_follows_reorgs(mut rig: Rig) {
    for is_timed in [false, true] {
        rig.leader.set_block_spacing(600);
        rig.mine(1);
        follows_reorgs(&mut rig, Court::new(is_timed));
    }
}

fn follows_reorgs(rig: &mut Rig, mut court: Court) {
    let (path, why) = ("sos".to_owned(), "nobody answers".to_owned());
    let start = rig.leader.tip().time.height;
    let case = court.say(rig, "alice", Body::Proposal(Proposal { path, why }));
    court.case = Some(case);
    let mut ballots = Vec::new();
    for (voter, approve) in [
        ("alice", true),
        ("bob", true),
        ("carol", false),
        ("dave", true),
    ] {
        rig.mine(1);
        ballots.push(court.say(rig, voter, Body::Ballot(Ballot { case, approve })));
    }
    // Nobody is asked for an activation before the vote closes.
    let before = mine_until(rig, &mut court, Seen::asks_for_activation);
    assert!(!before.asks_for_activation() && !before.consents);
    let closed = rig.leader.tip().time;
    let judgement = None;
    let word = Activation { case, judgement };
    let activation = court.say(rig, "gina", Body::Activation(word));
    let (afresh, watched) = court.look(rig);
    assert!(afresh.consents && watched.consents);
    assert!(afresh.waiting.is_empty());
    rig.mine(2);
    court.look(rig);

    // One block below the close: the word of the activation is ahead of the chain, and whoever comes
    // now signs no trigger.  Whoever has watched knows that the chain was further.
    rig.disconnect(3);
    let (afresh, watched) = court.look(rig);
    assert_eq!(afresh.now.height, closed.height.previous());
    assert_eq!(afresh.waiting, [activation]);
    assert!(!afresh.consents && !afresh.asks_for_activation());
    assert!(watched.consents && watched.now.height == closed.height.after(Blocks(2)));
    assert_eq!(afresh.status, before.status);

    // Below the third ballot, and below the proposal.
    let third = BlockHeight(start.0 + 3);
    rig.disconnect(rig.leader.tip().time.height.0 - third.0 + 1);
    let (afresh, _) = court.look(rig);
    let mut late = vec![ballots[2], ballots[3], activation];
    late.sort_unstable();
    let sorted = |seen: &Seen| {
        let mut waiting = seen.waiting.clone();
        waiting.sort_unstable();
        waiting
    };
    assert_eq!(sorted(&afresh), late);
    assert!(afresh.status.is_some());
    rig.disconnect(rig.leader.tip().time.height.0 - start.0 + 1);
    let (afresh, watched) = court.look(rig);
    assert_eq!(afresh.status, None, "nobody has proposed it yet");
    assert_eq!(afresh.waiting.len(), 6);
    assert!(!afresh.consents && watched.consents);

    // On a slower branch the median time of the close comes long before its height, and alone does
    // not bring anything back.
    rig.leader.set_block_spacing(1_800);
    rig.mine(closed.height.0 - rig.leader.tip().time.height.0 - 1);
    let (afresh, _) = court.look(rig);
    assert_eq!(afresh.now.height, closed.height.previous());
    assert!(afresh.now.median_time_past > closed.median_time_past);
    assert_eq!(afresh.waiting, [activation]);
    assert!(!afresh.consents);

    // With its height it is as it was, and longer branches change nothing.
    rig.mine(1);
    let (afresh, watched) = court.look(rig);
    assert_eq!(afresh.now.height, closed.height);
    assert!(afresh.waiting.is_empty());
    assert!(afresh.consents && watched.consents);
    rig.mine(3);
    let (afresh, watched) = court.look(rig);
    assert_eq!(afresh.status, watched.status);
}

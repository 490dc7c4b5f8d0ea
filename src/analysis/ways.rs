//! The transactions out of each stage: who can complete them, from when on, and where they lead.

use serde::Serialize;

use super::actors::Actors;
use super::opening::Opening;
use crate::compile::Stage;
use crate::logic::Formula;
use crate::policy::{Outcome, Policy, Purpose, ScriptType, SpendingPath, Staged};
use crate::units::RelativeLock;

/// What a way does, in the words of the transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Power {
    /// Root spends a vault coin wherever it likes.
    Spend,
    /// A vault coin goes into the escrow of a staged path.
    Trigger,
    /// A vault coin is taken by a direct path.
    Recover,
    /// Root takes a coin out of the escrow.
    Override,
    /// An escrow coin goes back to the vault.
    Cancel,
    /// An escrow coin goes into its lock-up, or to payees.
    Settle,
    /// An escrow coin is taken without its lock-up, after the backstop.
    SkipLockup,
    /// Root takes a coin out of the lock-up.
    Clawback,
    /// A coin leaves the lock-up after its period.
    Release,
}

impl Power {
    /// The word, and what it does in a few.
    #[must_use]
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Spend => ("spend", "spend at once"),
            Self::Trigger => ("trigger", "trigger"),
            Self::Recover => ("recover", "take by the direct path"),
            Self::Override => ("override", "take out of the escrow"),
            Self::Cancel => ("cancel", "send back to the vault"),
            Self::Settle => ("settle", "settle"),
            Self::SkipLockup => ("skip-lockup", "take without the lock-up"),
            Self::Clawback => ("clawback", "take back out of the lock-up"),
            Self::Release => ("release", "release"),
        }
    }
}

/// Where a way leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leads {
    /// Wherever those who sign want.
    Anywhere,
    /// Into a stage, whoever broadcasts it: that is what was signed in advance.
    To(Stage),
}

/// One way out of a stage.
#[derive(Clone, Debug)]
pub struct Way {
    /// From where.
    pub stage: Stage,
    /// What it does.
    pub power: Power,
    /// The path it belongs to, none for root's own.
    pub path: Option<String>,
    /// From when on.
    pub opens: Opening,
    /// Where to.
    pub leads: Leads,
    /// Who can complete it for a coin that is armed on all staged paths.
    pub armed: Formula,
    /// Who can complete it without any file.
    pub unarmed: Formula,
}

impl Way {
    /// Whether it takes a coin out of reach of whoever waits for another way.
    pub(super) const fn is_defence(&self) -> bool {
        matches!(
            self.power,
            Power::Spend | Power::Override | Power::Cancel | Power::Clawback
        )
    }
}

/// All ways out of all stages: the vault's first, then path by path.
pub(super) fn ways(policy: &Policy, actors: &Actors) -> Vec<Way> {
    let root = actors.quorum(policy.root().quorum());
    let way = |stage, power, opens, leads, who: &Formula| Way {
        stage,
        power,
        path: None,
        opens,
        leads,
        armed: who.clone(),
        unarmed: who.clone(),
    };
    let at_once = root_opens(policy);
    let mut ways = vec![way(
        Stage::Vault,
        Power::Spend,
        at_once.clone(),
        Leads::Anywhere,
        &root,
    )];
    for path in policy.paths() {
        let who = actors.quorum(path.quorum());
        let Some(staged) = path.staged() else {
            let opens = path.direct().map(Opening::direct).unwrap_or_default();
            let recover = way(Stage::Vault, Power::Recover, opens, Leads::Anywhere, &who);
            ways.push(of(recover, path));
            continue;
        };
        ways.extend(
            staged_ways(actors, path, staged, &root, &at_once)
                .into_iter()
                .map(|way| of(way, path)),
        );
    }
    ways
}

/// From when on root can spend a coin of the vault or of an escrow.
pub(super) fn root_opens(policy: &Policy) -> Opening {
    // A taproot key path has no lock: a root of one key signs for the output itself.
    if policy.script() == ScriptType::Tr && policy.root().single_party().is_some() {
        Opening::at_once()
    } else {
        Opening::after(RelativeLock::ONE_BLOCK)
    }
}

/// Whether a staged path with this outcome is there to rescue coins.
pub(super) const fn is_recovery(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Lockup(_) | Outcome::Payees(Purpose::Recover)
    )
}

fn of(way: Way, path: &SpendingPath) -> Way {
    Way {
        path: Some(path.name().to_owned()),
        ..way
    }
}

fn staged_ways(
    actors: &Actors,
    path: &SpendingPath,
    staged: &Staged,
    root: &Formula,
    at_once: &Opening,
) -> Vec<Way> {
    let name = path.name();
    let (vault, escrow, lockup) = (
        Stage::Vault,
        Stage::Escrow(name.to_owned()),
        Stage::Lockup(name.to_owned()),
    );
    let acting = actors.quorum(path.quorum());
    let vetoing = actors.quorum(staged.veto());
    let releasing = staged
        .lockup()
        .and_then(|lockup| lockup.quorum())
        .unwrap_or(path.quorum());
    // Those who can veto, act and release hold complete copies before the trigger is signed, and
    // the trigger is handed to those who act.
    let triggers = actors.files(name, path.quorum().roll());
    let mut holders = path.quorum().roll();
    holders.extend(staged.veto().roll());
    holders.extend(releasing.roll());
    holders.sort_unstable();
    holders.dedup();
    let copies = actors.files(name, holders);
    let signed = |files: Formula| Formula::any(vec![root.clone(), files]);
    let both = |a: &Formula, b: &Formula| Formula::all(vec![a.clone(), b.clone()]);
    let way = |stage: &Stage, power, opens, leads, armed, unarmed| Way {
        stage: stage.clone(),
        power,
        path: None,
        opens,
        leads,
        armed,
        unarmed,
    };
    let mut cancels = vec![both(&vetoing, &signed(copies.clone()))];
    cancels.extend(actors.watchtowers(name));
    let mut ways = vec![
        way(
            &vault,
            Power::Trigger,
            Opening::at_once(),
            Leads::To(escrow.clone()),
            both(&acting, &signed(triggers)),
            both(&acting, root),
        ),
        way(
            &escrow,
            Power::Override,
            at_once.clone(),
            Leads::Anywhere,
            root.clone(),
            root.clone(),
        ),
        way(
            &escrow,
            Power::Cancel,
            Opening::at_once(),
            Leads::To(vault.clone()),
            Formula::any(cancels),
            both(&vetoing, root),
        ),
    ];
    let window = Opening::after(staged.window().lock());
    match staged.outcome() {
        Outcome::Payees(_) => ways.push(way(
            &escrow,
            Power::Settle,
            window,
            Leads::Anywhere,
            acting.clone(),
            acting,
        )),
        Outcome::Lockup(terms) => {
            let releasing = actors.quorum(releasing);
            ways.push(way(
                &escrow,
                Power::Settle,
                window,
                Leads::To(lockup.clone()),
                signed(copies),
                root.clone(),
            ));
            ways.push(way(
                &escrow,
                Power::SkipLockup,
                Opening::after(terms.backstop_lock()),
                Leads::Anywhere,
                releasing.clone(),
                releasing.clone(),
            ));
            if terms.clawback() {
                ways.push(way(
                    &lockup,
                    Power::Clawback,
                    Opening::at_once(),
                    Leads::Anywhere,
                    root.clone(),
                    root.clone(),
                ));
            }
            ways.push(way(
                &lockup,
                Power::Release,
                Opening::after(terms.period().lock()),
                Leads::Anywhere,
                releasing.clone(),
                releasing,
            ));
        }
    }
    ways
}

//! What an analysis says, as plain data.

use serde::Serialize;

use super::coalitions::Coalitions;
use super::opening::Opening;
use super::play::Armed;
use super::ways::{Leads, Power};
use crate::compile::Stage;

/// Everything that follows from a policy.
#[derive(Clone, Debug, Serialize)]
pub struct Analysis {
    /// The name of the policy.
    pub policy: String,
    /// How many parties it has.
    pub parties: usize,
    /// Who can do what, stage by stage and moment by moment.
    pub stages: Vec<StageLine>,
    /// How a coin can be taken, the quickest way first.
    pub thefts: Vec<Theft>,
    /// What some can do to the others without taking anything.
    pub controls: Vec<Control>,
    /// What is gone when some are gone.
    pub losses: Vec<Loss>,
    /// What is left if all of root vanishes today.
    pub rescue: Rescue,
}

/// A stage with the moments at which something opens.
#[derive(Clone, Debug, Serialize)]
pub struct StageLine {
    /// Which.
    #[serde(flatten)]
    pub stage: Stage,
    /// The moments in their order; the first is that of the coin's confirmation there.
    pub moments: Vec<Moment>,
}

/// A moment on the time line of a stage.
#[derive(Clone, Debug, Serialize)]
pub struct Moment {
    /// When, from the coin's confirmation in the stage.
    pub at: Opening,
    /// What is open then.
    pub powers: Vec<PowerLine>,
}

/// What some can do at a moment.
#[derive(Clone, Debug, Serialize)]
pub struct PowerLine {
    /// What.
    pub power: Power,
    /// By which path, none for root's own ways.
    pub path: Option<String>,
    /// Where the coin goes.
    pub leads: Leads,
    /// Whether it opens at this moment and not before.
    pub opens: bool,
    /// Who can, if the coin is armed.
    pub who: Coalitions,
    /// Who can without any file, where that makes a difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unarmed: Option<Coalitions>,
}

/// One transaction of a way to take a coin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What it does.
    pub power: Power,
    /// By which path.
    pub path: Option<String>,
    /// What it waits for, from the confirmation of the one before.
    pub after: Opening,
}

/// A way to take a coin.
#[derive(Clone, Debug, Serialize)]
pub struct Theft {
    /// The transactions.
    pub steps: Vec<Step>,
    /// How long all waits are together, in seconds, at ten minutes to a block.
    pub seconds: u64,
    /// The last date or height it waits for, as seconds since 1970 (heights estimated).
    pub unlock_seconds: Option<u64>,
    /// Who can, when nobody defends.
    pub undefended: Coalitions,
    /// Who can, although everybody else watches, has fees, and does all that can be done; where
    /// the order of two waits is open, in an order that suits the thief.
    pub defended: Coalitions,
    /// Who can whichever of two waits is over first, where that makes a difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surely: Option<Coalitions>,
    /// What stops it, and until when.
    pub defences: Vec<Defence>,
}

/// What stops a theft.
#[derive(Clone, Debug, Serialize)]
pub struct Defence {
    /// What the defenders do.
    pub power: Power,
    /// In which stage of the coin.
    #[serde(flatten)]
    pub stage: Stage,
    /// By which path.
    pub path: Option<String>,
    /// What opens to the thief then: until it does, nothing races the defence.
    pub before: Opening,
    /// Who can.
    pub who: Coalitions,
}

/// What some can do to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlKind {
    /// Keep all coins from everybody else for ever.
    Freeze,
    /// Undo each trigger of a path, as often as one is signed in advance.
    Stall,
    /// Start the delays of all direct paths with a relative lock anew, again and again.
    StallForEver,
    /// Keep the others from rescuing coins by any recovery once root is gone.
    BlockRescue,
}

/// A power over others.
#[derive(Clone, Debug, Serialize)]
pub struct Control {
    /// What.
    pub kind: ControlKind,
    /// On which path, for what is about one.
    pub path: Option<String>,
    /// Whether of armed coins, for what depends on it.
    pub armed: Option<Armed>,
    /// The longest it lasts in seconds, ten minutes to a block; none if for ever.
    pub seconds: Option<u64>,
    /// The date or height that ends it for good, where there is one, as text.
    pub until: Option<Opening>,
    /// Who can.
    pub who: Coalitions,
}

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// Every coin, for ever.
    Unspendable,
    /// Root's way, which is open at once.
    ImmediatePath,
    /// Every way but recoveries.
    OnlyRecoveries,
    /// Every veto.
    Vetoes,
    /// One path.
    Path,
}

/// A loss: what is gone if these are gone.
#[derive(Clone, Debug, Serialize)]
pub struct Loss {
    /// What.
    pub kind: LossKind,
    /// Which path, for the loss of one.
    pub path: Option<String>,
    /// Whether of armed coins, for what depends on it.
    pub armed: Option<Armed>,
    /// The minimal losses with this effect.
    pub who: Coalitions,
}

/// What is left if all of root vanishes today, with everything they keep.
#[derive(Clone, Debug, Serialize)]
pub struct Rescue {
    /// The ways that are left, the quickest first.
    pub ways: Vec<RescueWay>,
    /// In how many seconds every coin can have been rescued, for coins that are armed: the quickest
    /// way, counted for a coin that was moved today.
    pub armed_seconds: Option<u64>,
    /// The same for coins that are not.
    pub unarmed_seconds: Option<u64>,
    /// The absolute lock in the way of the armed and unarmed rescue, as seconds since 1970.
    pub armed_unlock: Option<u64>,
    /// The same for coins that are not armed.
    pub unarmed_unlock: Option<u64>,
}

/// A way that is left without root.
#[derive(Clone, Debug, Serialize)]
pub struct RescueWay {
    /// By which path.
    pub path: String,
    /// The transactions.
    pub steps: Vec<Step>,
    /// All waits together, in seconds.
    pub seconds: u64,
    /// The last date or height, as seconds since 1970.
    pub unlock_seconds: Option<u64>,
    /// Whether it needs files that root signed.
    pub needs_files: bool,
    /// Who can, of those who are left.
    pub who: Coalitions,
    /// Who of those who are left could undo its trigger.
    pub vetoed_by: Coalitions,
    /// The longest such vetoes can hold it up, in seconds.
    pub veto_seconds: u64,
}

impl Analysis {
    /// Names coalitions one by one in every answer, up to so many in each.
    pub fn list(&mut self, limit: usize) {
        let powers = self.stages.iter_mut().flat_map(|stage| &mut stage.moments);
        let powers = powers.flat_map(|moment| &mut moment.powers);
        let powers =
            powers.flat_map(|power| std::iter::once(&mut power.who).chain(&mut power.unarmed));
        let thefts = self.thefts.iter_mut().flat_map(|theft| {
            [&mut theft.undefended, &mut theft.defended]
                .into_iter()
                .chain(&mut theft.surely)
                .chain(theft.defences.iter_mut().map(|defence| &mut defence.who))
        });
        let controls = self.controls.iter_mut().map(|control| &mut control.who);
        let losses = self.losses.iter_mut().map(|loss| &mut loss.who);
        let ways = self.rescue.ways.iter_mut();
        let rescue = ways.flat_map(|way| [&mut way.who, &mut way.vetoed_by]);
        for coalitions in powers
            .chain(thefts)
            .chain(controls)
            .chain(losses)
            .chain(rescue)
        {
            coalitions.list(limit);
        }
    }
}

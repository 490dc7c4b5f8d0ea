//! The places at which a run can be cut short: before and after everything that outlasts it.

use std::fmt;

/// Something that a run does and that outlasts it: it goes into the journal, to a signer or to the
/// chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The intention is written into the journal.
    Intend,
    /// The approval is written into the journal.
    Approve,
    /// A party is asked to sign.
    Sign,
    /// Its signature is written into the journal.
    Keep,
    /// The complete transaction is written into the journal.
    Complete,
    /// The fee coin and the child that spends it are written into the journal.
    Reserve,
    /// The fee wallet is asked to sign the child.
    SignChild,
    /// The complete child is written into the journal.
    CompleteChild,
    /// It is written into the journal that the transaction is handed over.
    Announce,
    /// The transaction is handed to the chain, with its child if it has one.
    Submit,
    /// What the chain says against it is written into the journal.
    Refuse,
    /// That nothing is left to be done is written into the journal.
    Close,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 12] = [
        Self::Intend,
        Self::Approve,
        Self::Sign,
        Self::Keep,
        Self::Complete,
        Self::Reserve,
        Self::SignChild,
        Self::CompleteChild,
        Self::Announce,
        Self::Submit,
        Self::Refuse,
        Self::Close,
    ];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Intend => "intend",
            Self::Approve => "approve",
            Self::Sign => "sign",
            Self::Keep => "keep",
            Self::Complete => "complete",
            Self::Reserve => "reserve",
            Self::SignChild => "sign-child",
            Self::CompleteChild => "complete-child",
            Self::Announce => "announce",
            Self::Submit => "submit",
            Self::Refuse => "refuse",
            Self::Close => "close",
        }
    }
}

/// Whether a step is still to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// It is about to be taken.
    Before,
    /// It has been taken.
    After,
}

/// A place at which a run can be cut short, as `before-submit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// Before or after.
    pub moment: Moment,
    /// What.
    pub step: Step,
}

/// All points, in the order of the steps.
#[expect(
    clippy::indexing_slicing,
    reason = "a constant that indexes too far does not compile"
)]
pub const ALL: [Point; 2 * Step::ALL.len()] = {
    let first = Point {
        moment: Moment::Before,
        step: Step::Intend,
    };
    let mut all = [first; 2 * Step::ALL.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = Point {
            moment: match at % 2 {
                0 => Moment::Before,
                _ => Moment::After,
            },
            step: Step::ALL[at / 2],
        };
        at += 1;
    }
    all
};

impl Point {
    /// The point of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|point| point.to_string() == name)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = match self.moment {
            Moment::Before => "before",
            Moment::After => "after",
        };
        write!(f, "{moment}-{}", self.step.word())
    }
}

/// The run is to end here, as if the machine had lost its power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run was cut short at the point `{0}`")]
pub struct CutShort(pub Point);

/// What happens at the points of a run.
pub trait Hook {
    /// The run comes to a point.
    ///
    /// # Errors
    ///
    /// If it is to end there: nothing more is written, signed or sent.
    fn at(&self, point: Point) -> Result<(), CutShort>;
}

/// Nothing happens at any point.
#[derive(Clone, Copy, Debug, Default)]
pub struct Undisturbed;

impl Hook for Undisturbed {
    fn at(&self, _: Point) -> Result<(), CutShort> {
        Ok(())
    }
}

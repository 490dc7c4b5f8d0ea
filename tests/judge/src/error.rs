//! What can keep a file from passing.

use thiserror::Error;

use crate::class::Class;

/// Why a file did not pass.
#[derive(Debug, Error)]
pub enum JudgeError {
    /// The file cannot be opened.
    #[error("cannot be opened: {0}")]
    Open(#[source] std::io::Error),
    /// The node could not be started.
    #[error(transparent)]
    Start(#[from] Problem),
    /// One line, counted from 1, is not what Core says or cannot be read.
    #[error("line {line}: {problem}")]
    Line {
        /// Its number, counted from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        problem: Problem,
    },
}

/// What is wrong with one line.
#[derive(Debug, Error)]
pub enum Problem {
    /// The line cannot be read.
    #[error(transparent)]
    Syntax(#[from] Syntax),
    /// Core says something else.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
    /// Core itself failed, for example for want of disk space; no verdict was reached.
    #[error("the node failed: {0}")]
    Node(String),
}

/// How a line can be unreadable.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Syntax {
    /// Reading stopped inside the file.
    #[error("cannot be read: {0}")]
    Read(String),
    /// The first word is none of the four.
    #[error("`{0}` is not one of `block`, `tip`, `refused`, `relay`")]
    Keyword(String),
    /// Too few words, or too many.
    #[error("expected `{0}`")]
    Shape(&'static str),
    /// The block or hash is not hexadecimal.
    #[error("the last word is not hexadecimal")]
    Hex,
    /// The bytes are no block at all.
    #[error("the bytes are not a block")]
    NotABlock,
    /// The reason is not one the table of reasons knows.
    #[error("`{0}` is not a reason for which a full node refuses a block")]
    UnknownClass(String),
}

/// How Core can contradict a file.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Disagreement {
    /// A block of the chain, or one that only relay policy should stop, is invalid for Core.
    #[error("bitcoin core refuses this block: {reason}")]
    Refused {
        /// Core's words.
        reason: String,
    },
    /// The same block comes twice.
    #[error("block {hash} was given before")]
    Repeated {
        /// Its hash.
        hash: String,
    },
    /// The tips differ.
    #[error("the tip should be {claimed}, bitcoin core is at {actual}")]
    Tip {
        /// The hash in the file.
        claimed: String,
        /// Core's tip.
        actual: String,
    },
    /// A block that should be refused is valid.
    #[error("bitcoin core accepts this block, which should be refused as `{class}`")]
    Accepted {
        /// The reason in the file.
        class: Class,
    },
    /// A block is refused for another reason than the file gives.
    #[error("refused as `{class}`, but bitcoin core says: {reason}")]
    Reason {
        /// The reason in the file.
        class: Class,
        /// Core's words.
        reason: String,
    },
    /// A block did not become the tip, and Core's log gives no reason.
    #[error("refused as `{class}`, but bitcoin core gives no reason")]
    Silent {
        /// The reason in the file.
        class: Class,
    },
    /// A probe would not become the tip even if it were valid.
    #[error("a probe has to outgrow the tip {tip}, or it is never judged")]
    TooShort {
        /// Core's tip.
        tip: String,
    },
    /// A relay probe is valid and still did not become the tip.
    #[error("block {hash} is valid but did not become the tip")]
    NotTip {
        /// Its hash.
        hash: String,
    },
    /// A relay probe carries a reason that is a consensus rule.
    #[error("`{class}` is a consensus rule, relay policy alone cannot be the reason")]
    NotPolicy {
        /// The reason in the file.
        class: Class,
    },
    /// No block at all.
    #[error("the file holds no block")]
    Empty,
}

//! Longstop is a policy-and-recovery engine for Bitcoin held by groups.
//!
//! A group writes down who may move its coins, when, and who may object.  Longstop compiles that
//! into timelocked descriptors, in which a dormant quorum can rescue the coins when their holders
//! cannot act any more, but neither at once nor in secret.  And it rehearses what happens then,
//! with real transactions judged by Bitcoin Core's own script interpreter.
//!
//! ```
//! use std::sync::Arc;
//!
//! use longstop::compile::{Stage, compile};
//! use longstop::policy::check;
//! use longstop::simulate::{Script, rehearse};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A document is checked: all its problems come at once, and a policy if none is an error.
//! let text = std::fs::read_to_string("policies/dao-treasury/policy.toml")?;
//! let policy = check(&text).policy.ok_or("the policy has errors")?;
//!
//! // A policy is compiled: one descriptor for the vault, one for each escrow and lock-up.
//! let compiled = compile(Arc::new(policy))?;
//! let escrow = compiled.stage(&Stage::Escrow("sos".to_owned())).ok_or("no such path")?;
//! assert!(escrow.descriptor().to_string().starts_with("tr("));
//!
//! // An incident is rehearsed: every step is a transaction that the chain accepts or refuses.
//! let incident =
//!     std::fs::read_to_string("policies/dao-treasury/incidents/council-vanishes.toml")?;
//! let script = Script { incident: &incident, policy: &text, record: false };
//! let rehearsal = rehearse(script)?;
//! assert!(rehearsal.report.passed());
//! # Ok(())
//! # }
//! ```
//!
//! The modules below stand in reading order, and each knows only those before it.

// Numbers, words, and the scripts they become.
pub mod units;

pub mod logic;

pub mod policy;

pub mod governance;
pub mod identity;

pub mod ledger;

pub mod compile;

pub mod analysis;

pub mod explain;

pub mod devices;

pub mod export;

pub mod import;

pub mod verify;

// Coins and what moves them.
pub mod transaction;

pub mod keys;

pub mod evidence;

pub mod arming;

pub mod ceremony;

pub mod lifecycle;

pub mod signer;

pub mod author;

// The world, and the shell that meets it.
pub mod chain;

pub mod engine;

pub mod wallet;

pub mod recovery;

pub mod watch;

// Rehearsals, and the way in.
pub mod report;

pub mod simulate;

pub mod cli;

//! The judge on files that agree with Core and on files that do not.
//!
//! A judge that says yes to everything would look just as good in a green run, so most of these
//! tests take a file that passes and spoil one line of it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "verdicts/chain.rs"]
mod chain;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use bitcoin::{Block, Sequence};
use longstop_judge::error::{Disagreement, JudgeError, Problem, Syntax};
use longstop_judge::{Tally, judge};
use tempfile::TempDir;

use crate::chain::{Chain, hex};

/// The lines of a file, and the verdict on them.
#[derive(Default)]
struct Script(Vec<String>);

impl Script {
    fn block(&mut self, block: &Block) -> &mut Self {
        self.line(format!("block {}", hex(block)))
    }

    fn blocks<'a>(&mut self, blocks: impl IntoIterator<Item = &'a Block>) -> &mut Self {
        for block in blocks {
            self.block(block);
        }
        self
    }

    fn tip(&mut self, block: &Block) -> &mut Self {
        self.line(format!("tip {}", block.block_hash()))
    }

    fn refused(&mut self, class: &str, block: &Block) -> &mut Self {
        self.line(format!("refused {class} {}", hex(block)))
    }

    fn relay(&mut self, class: &str, block: &Block) -> &mut Self {
        self.line(format!("relay {class} {}", hex(block)))
    }

    fn line(&mut self, line: impl Into<String>) -> &mut Self {
        self.0.push(line.into());
        self
    }

    fn write(&self) -> (TempDir, PathBuf) {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("incident.blocks");
        fs::write(&path, self.0.join("\n")).unwrap();
        (directory, path)
    }

    fn judge(&self) -> Result<Tally, JudgeError> {
        let (_directory, path) = self.write();
        judge(&path)
    }

    fn disagreement(&self) -> Disagreement {
        match self.judge() {
            Err(JudgeError::Line {
                problem: Problem::Disagreement(disagreement),
                ..
            }) => disagreement,
            other => panic!("expected a disagreement, got {other:?}"),
        }
    }

    fn syntax(&self) -> Syntax {
        match self.judge() {
            Err(JudgeError::Line {
                problem: Problem::Syntax(syntax),
                ..
            }) => syntax,
            other => panic!("expected an unreadable line, got {other:?}"),
        }
    }
}

/// A chain whose first coinbase, which anybody may spend, has matured, and its file so far.
fn matured() -> (Chain, Script) {
    let mut chain = Chain::new();
    chain.mine_empty(101);
    let mut script = Script::default();
    script.blocks(chain.blocks()).tip(chain.tip());
    (chain, script)
}

#[test]
fn a_whole_incident_agrees() {
    let (mut chain, mut script) = matured();

    // The coin of block 1 is 101 blocks old in block 102: one block short of 102, then exact.
    let early = chain.spend(1, Sequence::from_height(102));
    script.refused("non-BIP68-final", &chain.with(vec![early.clone()]));
    chain.mine_empty(1);
    script.block(chain.tip()).tip(chain.tip());
    let unfunded = chain.spend_unlockable(2);
    script.refused(
        "mempool-script-verify-flag-failed",
        &chain.with(vec![unfunded]),
    );
    // Two relay probes on one tip, and a refused one after them on the same tip.
    let first = chain.spend(1, Sequence::MAX);
    let second = chain.spend(2, Sequence::MAX);
    script.relay("dust", &chain.with(vec![first]));
    script.relay("min-relay-fee-not-met+version", &chain.with(vec![second]));
    let immature = chain.spend(4, Sequence::MAX);
    script.refused(
        "bad-txns-premature-spend-of-coinbase",
        &chain.with(vec![immature]),
    );
    // What was early is in time now.
    let exact = chain.with(vec![early]);
    chain.push(exact);
    script.block(chain.tip()).tip(chain.tip());

    // A reorg: two blocks win over the one above.
    let losing = chain.tip().clone();
    chain.pop();
    let branch = [chain.mine_other(), chain.mine_empty(1)].concat();
    script.block(&branch[0]).tip(&losing);
    script.block(&branch[1]).tip(&branch[1]);
    // The node of the first relay probe serves again after the reorg.
    let again = chain.spend(1, Sequence::MAX);
    script.relay("dust", &chain.with(vec![again]));

    let tally = script.judge().unwrap();
    let expected = Tally {
        accepted: 105,
        refused: 3,
        relay_only: 3,
    };
    assert_eq!(tally, expected);
}

#[test]
fn a_refused_block_that_is_valid_fails() {
    let (chain, mut script) = matured();
    let exact = chain.spend(1, Sequence::from_height(101));
    script.refused("non-BIP68-final", &chain.with(vec![exact]));
    assert!(matches!(
        script.disagreement(),
        Disagreement::Accepted { .. }
    ));
}

#[test]
fn a_refused_block_with_another_reason_fails() {
    let (chain, mut script) = matured();
    let early = chain.spend(1, Sequence::from_height(102));
    script.refused("block-script-verify-flag-failed", &chain.with(vec![early]));
    let Disagreement::Reason { reason, .. } = script.disagreement() else {
        panic!("expected another reason");
    };
    assert!(reason.starts_with("bad-txns-nonfinal, contains a non-BIP68-final transaction"));
}

#[test]
fn an_unknown_reason_fails() {
    let (chain, mut script) = matured();
    let early = chain.spend(1, Sequence::from_height(102));
    script.refused("dust", &chain.with(vec![early]));
    assert_eq!(script.syntax(), Syntax::UnknownClass("dust".to_owned()));
}

#[test]
fn a_relay_block_that_is_invalid_fails() {
    let (chain, mut script) = matured();
    let early = chain.spend(1, Sequence::from_height(102));
    script.relay("dust", &chain.with(vec![early]));
    assert!(matches!(
        script.disagreement(),
        Disagreement::Refused { .. }
    ));
}

#[test]
fn a_relay_block_with_a_consensus_reason_fails() {
    let (chain, mut script) = matured();
    let fine = chain.spend(1, Sequence::from_height(101));
    script.relay("non-BIP68-final", &chain.with(vec![fine]));
    assert!(matches!(
        script.disagreement(),
        Disagreement::NotPolicy { .. }
    ));
}

#[test]
fn a_probe_too_short_to_be_judged_fails() {
    let (mut chain, mut script) = matured();
    let early = chain.spend(1, Sequence::from_height(102));
    let stale = chain.with(vec![early]);
    chain.mine_empty(1);
    script.block(chain.tip());
    let lines = script.0.len();
    script.refused("non-BIP68-final", &stale);
    assert!(matches!(
        script.disagreement(),
        Disagreement::TooShort { .. }
    ));
    script.0.truncate(lines);
    script.relay("dust", &stale);
    assert!(matches!(
        script.disagreement(),
        Disagreement::TooShort { .. }
    ));
}

#[test]
fn a_probe_on_a_competing_branch_is_judged() {
    let (mut chain, mut script) = matured();
    let old = chain.tip().clone();
    chain.pop();
    script.blocks(&chain.mine_other()).tip(&old);
    // The coin of block 1 is 101 blocks old in the next block, on either branch.
    let early = chain.with(vec![chain.spend(1, Sequence::from_height(102))]);
    let exact = chain.with(vec![chain.spend(1, Sequence::from_height(101))]);
    script.refused("bad-txns-nonfinal", &early).tip(&old);
    script.relay("dust", &exact).tip(&old);
    script.block(&exact).tip(&exact);
    let tally = script.judge().unwrap();
    assert_eq!((tally.refused, tally.relay_only), (1, 1));
    // The other way round it fails.
    script.0.truncate(104);
    script.refused("bad-txns-nonfinal", &exact);
    assert!(matches!(
        script.disagreement(),
        Disagreement::Accepted { .. }
    ));
}

#[test]
fn a_wrong_tip_fails() {
    let (chain, mut script) = matured();
    script.tip(&chain.blocks()[99]);
    let claimed = chain.blocks()[99].block_hash().to_string();
    let actual = chain.tip().block_hash().to_string();
    assert_eq!(script.disagreement(), Disagreement::Tip { claimed, actual });
}

#[test]
fn a_losing_block_at_the_end_needs_a_tip_line() {
    let (mut chain, mut script) = matured();
    let winner = chain.tip().clone();
    chain.pop();
    script.blocks(&chain.mine_other());
    assert!(matches!(script.disagreement(), Disagreement::Tip { .. }));
    assert!(script.tip(&winner).judge().is_ok());
}

#[test]
fn a_corrupted_block_fails() {
    let (chain, script) = matured();
    // One bit of the last block: in the header, then in the amount of its coinbase.
    let whole = bitcoin::consensus::serialize(chain.tip());
    let spoil = |index: usize| {
        let mut bytes = whole.clone();
        bytes[index] ^= 1;
        let mut lines = script.0.clone();
        let at = lines.len() - 2;
        lines[at] = format!("block {}", chain::hex_bytes(&bytes));
        Script(lines)
    };
    let coinbase_amount = whole.len() - chain::BYTES_AFTER_AMOUNT;
    for index in [40, coinbase_amount] {
        let found = spoil(index).disagreement();
        let Disagreement::Refused { reason } = found else {
            panic!("expected a refusal at byte {index}, got {found:?}");
        };
        assert!(
            reason.starts_with("bad-txnmrklroot") || reason.starts_with("high-hash"),
            "{reason}"
        );
    }
    assert!(script.judge().is_ok());
}

#[test]
fn a_block_missing_from_the_chain_fails() {
    let (_, mut script) = matured();
    script.0.remove(50);
    let Disagreement::Refused { reason } = script.disagreement() else {
        panic!("expected a refusal");
    };
    assert!(reason.starts_with("prev-blk-not-found"), "{reason}");
}

#[test]
fn a_block_given_twice_fails() {
    let (chain, mut script) = matured();
    script.block(&chain.blocks()[0]);
    assert!(matches!(
        script.disagreement(),
        Disagreement::Repeated { .. }
    ));
}

#[test]
fn a_losing_branch_is_judged_when_it_wins() {
    let (mut chain, mut script) = matured();
    let winner = chain.tip().clone();
    chain.pop();
    // Core does not look into a block that only competes; it does when a second one tips the scale.
    let early = chain.spend(1, Sequence::from_height(102));
    let invalid = chain.with(vec![early]);
    script.block(&invalid).tip(&winner);
    assert!(script.judge().is_ok());
    chain.push(invalid);
    let culprit = chain.tip().block_hash();
    chain.mine_empty(1);
    script.block(chain.tip());
    let Disagreement::Refused { reason } = script.disagreement() else {
        panic!("expected a refusal");
    };
    let expected = format!("block {culprit} below it: bad-txns-nonfinal");
    assert!(reason.starts_with(&expected), "{reason}");
    // No probe can claim that refusal for itself.
    script.0.pop();
    script.refused("bad-txns-nonfinal", chain.tip());
    assert!(matches!(script.disagreement(), Disagreement::Reason { .. }));
}

#[test]
fn an_empty_file_fails() {
    let mut script = Script::default();
    script.line("# an incident without a chain").line("");
    assert_eq!(script.disagreement(), Disagreement::Empty);
}

#[test]
fn an_unreadable_line_is_named() {
    let (_, mut script) = matured();
    let number = script.0.len() + 1;
    script.line("blocks 00");
    let message = script.judge().unwrap_err().to_string();
    let expected =
        format!("line {number}: `blocks` is not one of `block`, `tip`, `refused`, `relay`");
    assert_eq!(message, expected);
    script.0.pop();
    script.line("block 00ff");
    assert_eq!(script.syntax(), Syntax::NotABlock);
}

#[test]
fn the_program_counts_and_fails() {
    let (chain, mut script) = matured();
    let (_good, good) = script.write();
    script.tip(&chain.blocks()[0]);
    let (_bad, bad) = script.write();
    let run = |files: &[&PathBuf]| {
        let program = env!("CARGO_BIN_EXE_longstop-judge");
        let output = Command::new(program).args(files).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text)
    };
    let (code, text) = run(&[&good, &good]);
    assert_eq!(code, Some(0));
    assert!(text.ends_with("\n2 passed, 0 failed\n"), "{text}");
    let (code, text) = run(&[&bad, &good]);
    assert_eq!(code, Some(1));
    assert!(text.starts_with("FAILED "), "{text}");
    assert!(text.ends_with("\n1 passed, 1 failed\n"), "{text}");
    let (code, _) = run(&[]);
    assert_eq!(code, Some(2));
    let (code, text) = run(&[&PathBuf::from("no such file")]);
    assert_eq!(code, Some(1));
    assert!(text.contains("cannot be opened"), "{text}");
}

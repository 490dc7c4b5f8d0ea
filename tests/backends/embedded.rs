//! The embedded chain in a file.

use std::fs;

use longstop::chain::backend::{Address, Options, open};
use longstop::chain::{Chain, ChainFile, ChainFileError, EmbeddedChain, FrozenError};
use tempfile::TempDir;

use super::rig::{Follower, Rig, START};

struct InFile {
    folder: TempDir,
    chain: Box<dyn Chain + Send>,
}

impl InFile {
    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("chain.txt")
    }
}

impl Follower for InFile {
    fn follow(&mut self, leader: &EmbeddedChain) {
        // As another process would.
        let mut file = ChainFile::open(&self.path()).expect("it is there");
        file.change(|chain| *chain = leader.fork())
            .expect("it can be written");
    }

    fn chain(&mut self) -> &mut dyn Chain {
        &mut *self.chain
    }
}

pub fn rig() -> Rig {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("chain.txt");
    ChainFile::create(&file, &EmbeddedChain::new(START)).expect("it can be written");
    let options = Options::new(bitcoin::Network::Regtest);
    let chain = open(&Address::Embedded { file }, &options).expect("it opens");
    Rig::new(Box::new(InFile { folder, chain }))
}

#[test]
fn a_chain_goes_on_from_its_text_as_if_it_had_not_stopped() {
    let mut one = EmbeddedChain::new(START);
    one.set_block_spacing(333);
    one.set_skew(-50);
    let script = super::coins::open(1);
    one.fund(script.clone(), bitcoin::Amount::from_sat(50_000))
        .expect("the faucet has coins");
    one.mine(3);
    one.reorg(longstop::units::Blocks(2), &[]).expect("mined");
    one.mine(4);
    one.fund(script.clone(), bitcoin::Amount::from_sat(60_000))
        .expect("the faucet has coins");
    one.set_going_rate(bitcoin::FeeRate::from_sat_per_kwu(500));
    one.set_mempool_min(bitcoin::FeeRate::from_sat_per_kwu(30));
    let text = one.to_text();
    let mut other = EmbeddedChain::from_text(&text).expect("its own text");
    assert_eq!(other.to_text(), text);
    for chain in [&mut one, &mut other] {
        chain.mine(2);
        chain.set_going_rate(bitcoin::FeeRate::ZERO);
        chain.reorg(longstop::units::Blocks(1), &[]).expect("mined");
        chain.mine(2);
    }
    assert_eq!(one.tip(), other.tip());
    let scripts = [script];
    assert_eq!(one.outputs(&scripts), other.outputs(&scripts));
    assert_eq!(one.to_text(), other.to_text());
}

#[test]
fn every_changed_byte_is_noticed() {
    let text = EmbeddedChain::new(START).to_text();
    for at in (0..text.len())
        .step_by(97)
        .chain(text.len() - 70..text.len())
    {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(bytes).expect("ASCII");
        assert!(EmbeddedChain::from_text(&changed).is_err(), "byte {at}");
    }
    for length in [0, 1, 17, 100, text.len() - 1] {
        assert!(
            EmbeddedChain::from_text(&text[..length]).is_err(),
            "{length}"
        );
    }
    assert_eq!(
        EmbeddedChain::from_text("longstop-chain-2\n").err(),
        Some(FrozenError::Format)
    );
}

#[test]
fn a_file_is_replaced_as_a_whole_and_never_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chain.txt");
    let mut file = ChainFile::create(&path, &EmbeddedChain::new(START)).expect("it is new");
    let again = ChainFile::create(&path, &EmbeddedChain::new(START));
    assert!(matches!(again, Err(ChainFileError::Write { .. })));
    let before = fs::read_to_string(&path).expect("text");
    file.change(|chain| drop(chain.mine_one()))
        .expect("it can be written");
    let after = fs::read_to_string(&path).expect("text");
    assert_ne!(before, after);
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["chain.txt", "chain.txt.lock"]);
    fs::write(&path, "nothing\n").expect("it can be written");
    assert!(matches!(
        file.ask(EmbeddedChain::tip),
        Err(ChainFileError::Format { .. })
    ));
}

#[test]
fn two_processes_lose_nothing_of_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chain.txt");
    ChainFile::create(&path, &EmbeddedChain::new(START)).expect("it is new");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut file = ChainFile::open(&path).expect("it is there");
                for _ in 0..10 {
                    file.change(|chain| drop(chain.mine_one()))
                        .expect("written");
                }
            });
        }
    });
    let file = ChainFile::open(&path).expect("it is there");
    let tip = file.ask(EmbeddedChain::tip).expect("it is there");
    assert_eq!(tip.time.height.0, 170);
}

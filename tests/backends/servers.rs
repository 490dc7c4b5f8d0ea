//! Real servers: a Bitcoin Core node, and electrs over one.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Instant;

use bitcoin::Network;
use longstop::chain::backend::{Address, Options, open};
use longstop::chain::{Chain, EmbeddedChain};
use longstop::units::BlockHeight;
use serde_json::json;
use tempfile::TempDir;

use super::node::{Node, PATIENCE, Running, built, free_port};
use super::rig::{Follower, Rig};

struct OverNode {
    chain: Box<dyn Chain + Send>,
    node: Node,
}

impl Follower for OverNode {
    fn follow(&mut self, leader: &EmbeddedChain) {
        self.node.follow(leader);
    }

    fn chain(&mut self) -> &mut dyn Chain {
        &mut *self.chain
    }
}

pub fn bitcoind() -> Option<Rig> {
    node_rig(&["-listen=0".to_owned()])
}

pub fn bitcoind_with_filters() -> Option<Rig> {
    node_rig(&["-listen=0".to_owned(), "-blockfilterindex=1".to_owned()])
}

fn node_rig(more: &[String]) -> Option<Rig> {
    let folder = built("bitcoind")?;
    let node = Node::start(&folder, more);
    let chain = open(&node.address(), &Options::new(Network::Regtest)).expect("it is reached");
    Some(Rig::new(Box::new(OverNode { chain, node })))
}

#[test]
fn a_node_remembers_what_it_was_asked() {
    let Some(folder) = built("bitcoind") else {
        return;
    };
    let node = Node::start(&folder, &["-listen=0".to_owned()]);
    let mut leader = EmbeddedChain::new(super::rig::START);
    let script = super::coins::open(1);
    let amount = bitcoin::Amount::from_sat(70_000);
    leader.fund(script.clone(), amount).expect("coins");
    leader.mine(3);
    node.follow(&leader);
    let mut options = Options::new(Network::Regtest);
    let scripts = [script.clone()];
    let expected = |leader: &EmbeddedChain| super::rig::shown(&leader.outputs(&scripts));
    let ask = |options: &Options| {
        let chain = open(&node.address(), options).expect("it is reached");
        let seen = chain.outputs(&scripts).expect("it answers");
        (
            super::rig::shown(&seen),
            chain.memory().expect("a node remembers"),
        )
    };
    let (seen, memory) = ask(&options);
    assert_eq!(seen, expected(&leader));
    // The same chain, another branch of it, and bytes that are none.
    options.memory = Some(memory.clone());
    assert_eq!(ask(&options), (seen, memory.clone()));
    leader
        .reorg(longstop::units::Blocks(3), &[])
        .expect("mined");
    leader.set_block_spacing(900);
    leader.mine(5);
    node.follow(&leader);
    let (seen, later) = ask(&options);
    assert_eq!(seen, expected(&leader));
    for damaged in [
        Vec::new(),
        b"{}".to_vec(),
        memory[..memory.len() - 1].to_vec(),
    ] {
        options.memory = Some(damaged);
        assert_eq!(ask(&options), (seen.clone(), later.clone()));
    }
    // What was remembered from another height on says nothing about this one.
    options.memory = Some(memory);
    options.birth = BlockHeight(150);
    assert_eq!(ask(&options).0, seen);
}

#[test]
fn a_node_that_pruned_is_refused() {
    let Some(folder) = built("bitcoind") else {
        return;
    };
    let more = [
        "-listen=0".to_owned(),
        "-prune=1".to_owned(),
        "-fastprune=1".to_owned(),
    ];
    let node = Node::start(&folder, &more);
    let mut leader = EmbeddedChain::new(super::rig::START);
    leader.mine(900);
    node.follow(&leader);
    node.call("pruneblockchain", json!([500]));
    let info = node.call("getblockchaininfo", json!([]));
    let first_kept = u32::try_from(info["pruneheight"].as_u64().expect("pruned")).expect("small");
    assert!(first_kept > 1);
    for (birth, good) in [
        (first_kept - 1, false),
        (first_kept, true),
        (first_kept + 1, true),
    ] {
        let options = Options {
            birth: BlockHeight(birth),
            ..Options::new(Network::Regtest)
        };
        match open(&node.address(), &options) {
            Ok(chain) => {
                assert!(good, "from {birth}");
                chain
                    .outputs(&[super::coins::open(1)])
                    .expect("it has the blocks");
            }
            Err(error) => {
                assert!(!good, "from {birth}: {}", error.story());
                assert!(error.to_string().contains("has pruned its blocks below"));
            }
        }
    }
}

struct OverElectrs {
    chain: Box<dyn Chain + Send>,
    _electrs: Running,
    _index: TempDir,
    node: Node,
}

impl Follower for OverElectrs {
    fn follow(&mut self, leader: &EmbeddedChain) {
        self.node.follow(leader);
    }

    fn chain(&mut self) -> &mut dyn Chain {
        &mut *self.chain
    }

    fn lags(&self) -> bool {
        true
    }
}

pub fn electrs() -> Option<Rig> {
    let folder = built("electrs")?;
    let more = [
        "-listen=0".to_owned(),
        "-rest=1".to_owned(),
        "-txindex=1".to_owned(),
    ];
    let node = Node::start(&built("bitcoind")?, &more);
    // An Electrum server waits for the node's first sync to end.
    node.follow(&EmbeddedChain::new(super::rig::START));
    let index = tempfile::tempdir().expect("a folder");
    let (port, monitoring) = (free_port(), free_port());
    let settings = BTreeMap::from([
        ("db-dir", index.path().display().to_string()),
        ("daemon-dir", node.data.path().display().to_string()),
        ("daemon-rpc-addr", format!("127.0.0.1:{}", node.port)),
        ("electrum-rpc-addr", format!("127.0.0.1:{port}")),
        ("monitoring-addr", format!("127.0.0.1:{monitoring}")),
        ("cookie-file", node.cookie().display().to_string()),
        ("network", "regtest".to_owned()),
        ("wait-duration-secs", "1".to_owned()),
        ("log-filters", "ERROR".to_owned()),
    ]);
    let process = Command::new(folder.join("electrs"))
        .args(
            settings
                .iter()
                .map(|(name, value)| format!("--{name}={value}")),
        )
        .arg("--skip-block-download-wait")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("electrs starts");
    let address = Address::Electrum {
        host: "127.0.0.1".to_owned(),
        port,
        tls: false,
        certificate: None,
    };
    let began = Instant::now();
    let options = Options::new(Network::Regtest);
    let chain = loop {
        match open(&address, &options) {
            Ok(chain) => break chain,
            Err(error) => assert!(began.elapsed() < PATIENCE, "{}", error.story()),
        }
    };
    Some(Rig::new(Box::new(OverElectrs {
        chain,
        _electrs: Running(process),
        _index: index,
        node,
    })))
}

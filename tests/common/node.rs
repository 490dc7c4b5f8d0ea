//! Servers that `tests/servers/setup` built, and a Bitcoin Core node among them.
//!
//! Where they are not there, whoever asks for one is told so and does nothing; with
//! `LONGSTOP_REQUIRE_SERVERS` set that is a failure.

#![allow(
    dead_code,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "each test crate that includes this file uses a part of it, ends with a panic when something is not as it should be, and says when it could do nothing"
)]

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bitcoin::Block;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::hex::DisplayHex;
use longstop::chain::EmbeddedChain;
use longstop::chain::backend::Address;
use longstop::units::BlockHeight;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a server may take to start.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// The folder with a program that `tests/servers/setup` built, if it did.
///
/// Fails where the servers are demanded and this one is not there.
pub fn built(server: &'static str) -> Option<PathBuf> {
    static SAID: OnceLock<()> = OnceLock::new();
    let cache = std::env::var_os("LONGSTOP_SERVERS").map(PathBuf::from);
    let cache = cache.or_else(|| {
        let caches = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let caches =
            caches.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cache")))?;
        Some(caches.join("longstop/servers"))
    });
    let folders = cache.and_then(|cache| fs::read_dir(cache).ok());
    let mut found: Vec<PathBuf> = folders
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        // What is being built is in a folder `part.…` and deeper.
        .filter(|folder| folder.join(server).is_file())
        .collect();
    found.sort();
    let found = found.pop();
    if found.is_none() {
        let how = format!("no {server} is built: run `tests/servers/setup {server}`");
        assert!(
            std::env::var_os("LONGSTOP_REQUIRE_SERVERS").is_none(),
            "{how}"
        );
        SAID.get_or_init(|| eprintln!("{how}; the tests that need it did nothing"));
    }
    found
}

/// A port for a server.
///
/// It is none that the system gives to connections: one of those could be taken by a client between
/// this answer and the start of the server.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(97);
    loop {
        let next = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 20_000 + u16::try_from(next % 12_000).expect("below 12,000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A process that ends with the test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A node on a chain of its own.
pub struct Node {
    process: Option<Running>,
    folder: PathBuf,
    more: Vec<String>,
    pub data: TempDir,
    pub port: u16,
    agent: ureq::Agent,
}

impl Node {
    pub fn start(folder: &Path, more: &[String]) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build();
        let mut node = Self {
            process: None,
            folder: folder.to_owned(),
            more: more.to_vec(),
            data: tempfile::tempdir().expect("a folder"),
            port: free_port(),
            agent: config.into(),
        };
        node.start_at(node.port);
        node
    }

    /// Starts it again with what it had, at this port.
    pub fn start_at(&mut self, port: u16) {
        assert!(self.process.is_none(), "it was stopped");
        self.port = port;
        let process = Command::new(self.folder.join("bitcoind"))
            .arg("-regtest")
            .arg(format!("-datadir={}", self.data.path().display()))
            .arg(format!("-rpcport={port}"))
            .args([
                "-connect=0",
                "-printtoconsole=0",
                "-checkblockindex=0",
                "-mempoolexpiry=100000",
            ])
            .args(["-dbcache=16", "-par=1", "-rpcthreads=2", "-server=1"])
            .args(&self.more)
            .stdout(Stdio::null())
            .spawn()
            .expect("the node starts");
        self.process = Some(Running(process));
        let began = Instant::now();
        while self.try_call("getblockcount", json!([])).is_err() {
            assert!(began.elapsed() < PATIENCE, "the node does not answer");
            sleep(Duration::from_millis(50));
        }
    }

    /// Stops it, and waits until it has written down what it has.
    pub fn stop(&mut self) {
        self.call("stop", json!([]));
        if let Some(mut running) = self.process.take() {
            let ended = running.0.wait().expect("it ends");
            assert!(ended.success(), "{ended}");
        }
    }

    /// Ends it at once, as a loss of power would.
    pub fn kill(&mut self) {
        self.process = None;
    }

    pub fn cookie(&self) -> PathBuf {
        self.data.path().join("regtest/.cookie")
    }

    pub fn try_call(&self, method: &str, params: Value) -> Result<Value, Value> {
        let mut answers = self.post(&[(method, params)])?;
        let answer = answers.pop().ok_or(Value::Null)?;
        match answer.get("error") {
            Some(error) if !error.is_null() => Err(error.clone()),
            _ => Ok(answer["result"].clone()),
        }
    }

    /// The results of calls that cannot fail.
    fn batch(&self, calls: &[(&str, Value)]) -> Vec<Value> {
        let mut results = Vec::new();
        for some in calls.chunks(100) {
            let answers = self.post(some).unwrap_or_else(|error| panic!("{error}"));
            for answer in answers {
                assert!(answer["error"].is_null(), "{answer}");
                results.push(answer["result"].clone());
            }
        }
        results
    }

    fn post(&self, calls: &[(&str, Value)]) -> Result<Vec<Value>, Value> {
        let lost = |error: &dyn std::fmt::Display| json!(error.to_string());
        let cookie = fs::read_to_string(self.cookie()).map_err(|error| lost(&error))?;
        let (name, word) = cookie.trim().split_once(':').ok_or(Value::Null)?;
        let calls: Vec<_> = (calls.iter().enumerate())
            .map(|(id, (method, params))| {
                json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
            })
            .collect();
        let mut response = self
            .agent
            .post(format!("http://127.0.0.1:{}/", self.port))
            .header("authorization", basic(name, word))
            .send(Value::Array(calls).to_string())
            .map_err(|error| lost(&error))?;
        let body = response.body_mut().read_to_string();
        let text = body.map_err(|error| lost(&error))?;
        serde_json::from_str(&text).map_err(|error| lost(&error))
    }

    #[track_caller]
    pub fn call(&self, method: &str, params: Value) -> Value {
        self.try_call(method, params)
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Brings the node to where the leader is.
    pub fn follow(&self, leader: &EmbeddedChain) {
        let hash_at = |height: u32| leader.block_hash(BlockHeight(height));
        let top = leader.tip().time.height.0;
        let height_of =
            |value: Value| u32::try_from(value.as_u64().expect("a height")).expect("small");
        let mut height = height_of(self.call("getblockcount", json!([])));
        // Down to where the branches meet; a longer branch is taken without being told.
        while hash_at(height)
            .is_none_or(|own| self.call("getblockhash", json!([height])) != json!(own))
        {
            if top <= height {
                let hash = self.call("getblockhash", json!([height]));
                self.call("invalidateblock", json!([hash]));
            }
            height -= 1;
        }
        let mut calls = Vec::new();
        for height in height + 1..=top {
            let bytes = leader.block(BlockHeight(height)).expect("it is there");
            let block: Block = bitcoin::consensus::deserialize(bytes).expect("a block");
            calls.push(("setmocktime", json!([block.header.time])));
            calls.push(("submitblock", json!([bytes.to_lower_hex_string()])));
        }
        for answer in self.batch(&calls) {
            // On a branch that is not the longest yet, and for a block that is there.
            let known = ["inconclusive", "duplicate", "duplicate-inconclusive"];
            let is_fine = answer.is_null() || known.iter().any(|word| answer == json!(word));
            assert!(is_fine, "{answer}");
        }
        self.call("syncwithvalidationinterfacequeue", json!([]));
        assert_eq!(
            self.call("getbestblockhash", json!([])),
            json!(leader.tip().hash)
        );
        for (transaction, _) in leader.mempool() {
            let txid = transaction.compute_txid();
            if self.try_call("getmempoolentry", json!([txid])).is_err() {
                self.call("sendrawtransaction", json!([serialize_hex(transaction), 0]));
            }
        }
    }

    pub fn address(&self) -> Address {
        Address::Bitcoind {
            host: "127.0.0.1".to_owned(),
            port: Some(self.port),
            cookie: Some(self.cookie()),
        }
    }
}

fn basic(name: &str, word: &str) -> String {
    use bitcoin::base64::Engine as _;
    use bitcoin::base64::prelude::BASE64_STANDARD;
    format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{word}")))
}

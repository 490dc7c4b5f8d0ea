//! A front that answers as an Electrum server does, over an embedded chain.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::hex::FromHex;
use bitcoin::{FeeRate, Network};
use longstop::chain::backend::{Address, Options, open};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::front::{Behind, Packages, World, script_digest};
use super::rig::Rig;

pub fn rig(packages: Packages) -> Rig {
    let world = World::new();
    let port = serve(world.clone(), packages, None);
    let address = Address::Electrum {
        host: "127.0.0.1".to_owned(),
        port,
        tls: false,
        certificate: None,
    };
    let chain = open(&address, &Options::new(Network::Regtest)).expect("it is reached");
    Rig::new(Box::new(Behind { world, chain }))
}

/// Serves until the tests end, encrypted or not, and returns the port.
pub fn serve(world: World, packages: Packages, tls: Option<Arc<ServerConfig>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (world, tls) = (world.clone(), tls.clone());
            // Whoever has gone away does not wait for an answer.
            thread::spawn(move || match tls {
                None => drop(converse(&world, packages, stream)),
                Some(config) => {
                    let session = ServerConnection::new(config).expect("a session");
                    drop(converse(
                        &world,
                        packages,
                        StreamOwned::new(session, stream),
                    ));
                }
            });
        }
    });
    port
}

fn converse(world: &World, packages: Packages, stream: impl Read + Write) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line)? > 0 {
        let call: Value = serde_json::from_str(&line)?;
        line.clear();
        let method = call["method"].as_str().expect("a method");
        // What nobody asked for comes in between, and has no id.
        if method == "blockchain.headers.subscribe" {
            let news = json!({ "jsonrpc": "2.0", "method": method, "params": [{}] });
            writeln!(stream.get_mut(), "{news}")?;
        }
        let answer = match answer(world, packages, method, &call["params"]) {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": call["id"], "result": result }),
            Err((code, message)) => {
                let error = json!({ "code": code, "message": message });
                json!({ "jsonrpc": "2.0", "id": call["id"], "error": error })
            }
        };
        writeln!(stream.get_mut(), "{answer}")?;
    }
    Ok(())
}

fn answer(
    world: &World,
    packages: Packages,
    method: &str,
    params: &Value,
) -> Result<Value, (i64, String)> {
    let text = |at: usize| params[at].as_str().expect("a text").to_owned();
    let number =
        |at: usize| usize::try_from(params[at].as_u64().expect("a number")).expect("small");
    match method {
        "server.version" => Ok(json!(["front", "1.4"])),
        "server.ping" => Ok(Value::Null),
        "blockchain.headers.subscribe" => {
            let blocks = world.blocks();
            let last = blocks.last().expect("there is a first");
            Ok(json!({ "height": blocks.len() - 1, "hex": serialize_hex(&last.header) }))
        }
        "blockchain.block.headers" => {
            let blocks = world.blocks();
            // No server gives all at once.
            let some = blocks.iter().skip(number(0)).take(number(1).min(70));
            let hex: String = some.map(|block| serialize_hex(&block.header)).collect();
            Ok(json!({ "count": hex.len() / 160, "hex": hex, "max": 70 }))
        }
        "blockchain.scripthash.get_history" => {
            let mut digest = Vec::from_hex(&text(0)).expect("hex");
            digest.reverse();
            let about = world.about(|script| script_digest(script)[..] == digest);
            let entries = about.iter().map(|found| {
                let height = found.block.map_or(0, |(height, _)| height);
                json!({ "tx_hash": found.transaction.compute_txid(), "height": height })
            });
            Ok(entries.collect())
        }
        "blockchain.transaction.get" => {
            let found = world.find(text(0).parse().expect("an id"));
            let missing = || (2, "No such mempool or blockchain transaction".to_owned());
            let found = found.ok_or_else(missing)?;
            Ok(json!(serialize_hex(&found.transaction)))
        }
        "blockchain.transaction.broadcast" => match world.broadcast(&text(0)) {
            Ok(txid) => Ok(json!(txid)),
            Err(error) => Err((1, error)),
        },
        "blockchain.transaction.broadcast_package" if packages == Packages::Known => {
            let hex: Vec<String> = serde_json::from_value(params[0].clone()).expect("a list");
            let judged = world.package(&hex);
            let errors = judged["tx-results"].as_object().expect("results").values();
            Ok(json!({
                "success": judged["package_msg"] == "success",
                "errors": errors.collect::<Vec<_>>(),
            }))
        }
        "blockchain.estimatefee" => Ok(world.fees(|chain| match chain.going_rate() {
            FeeRate::ZERO => json!(-1),
            rate => in_bitcoins(rate),
        })),
        // Version 1.6 of the protocol has the one, and those before have the other.
        "mempool.get_info" if packages == Packages::Known => {
            let policy = world.lock().relay_policy();
            let least = policy.mempool_min.max(policy.min_relay);
            Ok(json!({
                "mempoolminfee": in_bitcoins(least),
                "minrelaytxfee": in_bitcoins(policy.min_relay),
                "incrementalrelayfee": in_bitcoins(policy.incremental),
            }))
        }
        "blockchain.relayfee" if packages == Packages::Unknown => {
            Ok(in_bitcoins(world.lock().relay_policy().min_relay))
        }
        other => Err((-32601, format!("unknown method {other}"))),
    }
}

/// A feerate as servers write it: bitcoins for 1,000 virtual bytes.
fn in_bitcoins(rate: FeeRate) -> Value {
    let sats = u32::try_from(rate.to_sat_per_kwu() * 4).expect("small");
    json!(f64::from(sats) / 100_000_000.0)
}

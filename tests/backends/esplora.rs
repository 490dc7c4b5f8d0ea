//! A front that answers as an Esplora server does, over an embedded chain.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use bitcoin::consensus::encode::serialize;
use bitcoin::hex::{DisplayHex, FromHex};
use bitcoin::{Block, BlockHash, FeeRate, Network, Txid};
use longstop::chain::backend::{Address, Options, open};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::front::{Behind, Found, Packages, World, script_digest};
use super::rig::Rig;

/// Confirmed transactions in one answer: few, so that tests turn pages.
const PAGE: usize = 2;

pub fn rig(packages: Packages) -> Rig {
    let world = World::new();
    let port = serve(world.clone(), packages, None);
    let address = Address::Esplora {
        url: format!("http://127.0.0.1:{port}/api"),
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
            // Whoever has gone away does not wait for an answer.
            let _ = match &tls {
                None => answer(&world, packages, stream),
                Some(config) => {
                    let session = ServerConnection::new(Arc::clone(config)).expect("a session");
                    answer(&world, packages, StreamOwned::new(session, stream))
                }
            };
        }
    });
    port
}

/// What a request asks for: method, path and body.
pub fn request(stream: impl Read) -> std::io::Result<(String, String, String, Vec<String>)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut headers = Vec::new();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim().to_owned();
        if header.is_empty() {
            break;
        }
        let lower = header.to_lowercase();
        if let Some(count) = lower.strip_prefix("content-length:") {
            length = count.trim().parse().unwrap_or(0);
        }
        headers.push(header);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8(body).unwrap_or_default();
    Ok((method, path, body, headers))
}

pub fn respond(mut stream: impl Write, status: u16, body: &[u8]) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )?;
    stream.write_all(body)?;
    stream.flush()
}

fn answer(world: &World, packages: Packages, mut stream: impl Read + Write) -> std::io::Result<()> {
    let (method, path, body, _) = request(&mut stream)?;
    let path = path.strip_prefix("/api/").unwrap_or_default();
    let parts: Vec<_> = path.split('/').collect();
    let (status, body) = match method.as_str() {
        "POST" => posted(world, packages, &parts, &body),
        _ => asked(world, &parts).map_or((404, b"not found".to_vec()), |body| (200, body)),
    };
    respond(&mut stream, status, &body)
}

fn posted(world: &World, packages: Packages, parts: &[&str], body: &str) -> (u16, Vec<u8>) {
    match parts {
        ["tx"] => match world.broadcast(body) {
            Ok(txid) => (200, txid.to_string().into_bytes()),
            Err(error) => (400, error.into_bytes()),
        },
        ["txs", "package"] if packages == Packages::Known => {
            let hex: Vec<String> = serde_json::from_str(body).expect("a list");
            (200, world.package(&hex).to_string().into_bytes())
        }
        _ => (404, b"not found".to_vec()),
    }
}

fn asked(world: &World, parts: &[&str]) -> Option<Vec<u8>> {
    let text = |value: String| Some(value.into_bytes());
    match parts {
        ["blocks", "tip", "hash"] => text(world.blocks().last()?.block_hash().to_string()),
        ["block-height", height] => {
            let height: usize = height.parse().ok()?;
            text(world.blocks().get(height)?.block_hash().to_string())
        }
        ["block", hash] => text(block_info(&world.blocks(), hash.parse().ok()?)?.to_string()),
        ["tx", txid, "raw"] => {
            let found = world.find(txid.parse().ok()?)?;
            Some(serialize(&found.transaction))
        }
        ["tx", txid, "status"] => {
            let found = world.find(txid.parse().ok()?)?;
            text(status(&found).to_string())
        }
        ["fee-estimates"] => {
            let fees = world.fees(|chain| match chain.going_rate() {
                FeeRate::ZERO => json!({}),
                rate => {
                    // The server's node says no less than what its mempool takes.
                    let rate = rate.max(chain.relay_policy().mempool_min);
                    let sats = u32::try_from(rate.to_sat_per_kwu()).expect("small");
                    let sats = f64::from(sats) / 250.0;
                    json!({ "2": sats, "25": sats, "1008": sats, "144": sats })
                }
            });
            text(fees.to_string())
        }
        ["scripthash", hash, "txs", rest @ ..] => {
            let digest = Vec::from_hex(hash).ok()?;
            let mut listed = world.about(|script| script_digest(script)[..] == digest);
            // The newest first.
            listed.reverse();
            let listed = page(listed, rest)?;
            text(Value::Array(listed).to_string())
        }
        _ => None,
    }
}

/// One page of a history: what waits and the newest confirmed ones, or those after one of them.
fn page(listed: Vec<Found>, rest: &[&str]) -> Option<Vec<Value>> {
    let entry = |found: &Found| json!({ "txid": found.transaction.compute_txid(), "status": status(found) });
    let (confirmed, waiting): (Vec<_>, Vec<_>) =
        listed.into_iter().partition(|found| found.block.is_some());
    match rest {
        [] => {
            let shown = waiting.iter().chain(confirmed.iter().take(PAGE));
            Some(shown.map(entry).collect())
        }
        ["chain", last] => {
            let last: Txid = last.parse().ok()?;
            let after = confirmed
                .iter()
                .skip_while(|found| found.transaction.compute_txid() != last);
            Some(after.skip(1).take(PAGE).map(entry).collect())
        }
        _ => None,
    }
}

fn status(found: &Found) -> Value {
    match found.block {
        Some((height, hash)) => {
            json!({ "confirmed": true, "block_height": height, "block_hash": hash })
        }
        None => json!({ "confirmed": false }),
    }
}

fn block_info(blocks: &[Block], hash: BlockHash) -> Option<Value> {
    let height = blocks.iter().position(|block| block.block_hash() == hash)?;
    let first = height.saturating_sub(10);
    let mut times: Vec<u32> = blocks[first..=height]
        .iter()
        .map(|block| block.header.time)
        .collect();
    times.sort_unstable();
    let before = height
        .checked_sub(1)
        .map(|height| blocks[height].block_hash());
    Some(json!({
        "id": hash.to_string(),
        "height": height,
        "timestamp": blocks[height].header.time,
        "mediantime": times[times.len() / 2],
        "previousblockhash": before.map(|hash| hash.to_string()),
        "merkle_root": serialize(&blocks[height].header.merkle_root).to_lower_hex_string(),
    }))
}

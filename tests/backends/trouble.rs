//! Servers that are busy, closed, slow, or on another network.

use std::fs;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use bitcoin::constants::genesis_block;
use bitcoin::{BlockHash, Network};
use longstop::chain::backend::{Address, Login, Options, open};
use longstop::chain::{BackendError, Chain, Stale};
use longstop::units::{BlockHeight, UnixTime};
use serde_json::{Value, json};

use super::coins::{Coin, open as open_number, spend};
use super::esplora::{request, respond};

/// What a stand-in for a node was asked, and how it answers: a status, and the result of a call.
type Script = dyn Fn(&str, &Value, &[String]) -> (u16, Value) + Send;

/// A stand-in for a node that answers as a test tells it.
struct Stand {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stand {
    fn in_for(script: Box<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Ok((_, _, body, headers)) = request(&stream) else {
                    continue;
                };
                let calls: Vec<Value> = serde_json::from_str(&body).expect("calls");
                let mut status = 200;
                let answers = calls.iter().map(|call| {
                    let method = call["method"].as_str().expect("a method");
                    noted.lock().expect("unpoisoned").push(method.to_owned());
                    let (told, result) = script(method, &call["params"], &headers);
                    status = told;
                    json!({ "id": call["id"], "result": result, "error": null })
                });
                let answers = Value::Array(answers.collect()).to_string();
                if status == 0 {
                    // It goes away in the middle.
                    continue;
                }
                let body = if status == 200 {
                    answers
                } else {
                    String::new()
                };
                let _ = respond(&stream, status, body.as_bytes());
            }
        });
        Self { port, asked }
    }

    fn asked(&self, method: &str) -> usize {
        let asked = self.asked.lock().expect("unpoisoned");
        asked.iter().filter(|known| *known == method).count()
    }

    fn address(&self) -> Address {
        Address::Bitcoind {
            host: "127.0.0.1".to_owned(),
            port: Some(self.port),
            cookie: None,
        }
    }
}

fn genesis() -> BlockHash {
    genesis_block(Network::Regtest).block_hash()
}

/// What a healthy node answers, at its first block.
fn healthy(method: &str) -> Value {
    match method {
        "getblockchaininfo" => json!({
            "blocks": 0, "headers": 0, "bestblockhash": genesis(), "time": 1_296_688_602,
            "mediantime": 1_296_688_602, "initialblockdownload": false, "pruned": false,
        }),
        "getblockhash" => json!(genesis()),
        "testmempoolaccept" => json!([{ "allowed": true }]),
        other => panic!("nobody should ask for {other}"),
    }
}

fn options() -> Options {
    Options {
        timeout: Duration::from_millis(1_500),
        retries: 2,
        ..Options::new(Network::Regtest)
    }
}

#[test]
fn a_busy_server_is_asked_again_as_often_as_told() {
    for (failures, good) in [(0, true), (1, true), (2, true), (3, false)] {
        let left = Mutex::new(failures);
        let stand = Stand::in_for(Box::new(move |method, _, _| {
            let mut left = left.lock().expect("unpoisoned");
            if *left > 0 {
                *left -= 1;
                // Busy once, and gone in the middle of an answer the next time.
                return (if *left % 2 == 0 { 503 } else { 0 }, Value::Null);
            }
            (200, healthy(method))
        }));
        assert_eq!(
            open(&stand.address(), &options()).is_ok(),
            good,
            "{failures}"
        );
    }
}

#[test]
fn a_transaction_is_sent_once() {
    let stand = Stand::in_for(Box::new(|method, _, _| match method {
        "sendrawtransaction" => (0, Value::Null),
        method => (200, healthy(method)),
    }));
    let mut chain = open(&stand.address(), &options()).expect("it is reached");
    let outpoint = bitcoin::OutPoint::new(bitcoin::hashes::Hash::all_zeros(), 0);
    let coin = Coin {
        outpoint,
        number: 1,
    };
    let payment = spend(2, &[coin], &[(1_000, open_number(1))]);
    assert!(
        chain.submit(&payment).is_err(),
        "it is not known what became of it"
    );
    assert_eq!(stand.asked("sendrawtransaction"), 1);
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let options = Options {
        timeout: Duration::from_millis(300),
        retries: 1,
        ..Options::new(Network::Regtest)
    };
    let host = || "127.0.0.1".to_owned();
    for address in [
        Address::Bitcoind {
            host: host(),
            port: Some(port),
            cookie: None,
        },
        Address::Electrum {
            host: host(),
            port,
            tls: false,
            certificate: None,
        },
        Address::Electrum {
            host: host(),
            port,
            tls: true,
            certificate: None,
        },
        Address::Esplora {
            url: format!("http://127.0.0.1:{port}"),
            certificate: None,
        },
        Address::Esplora {
            url: format!("https://127.0.0.1:{port}"),
            certificate: None,
        },
    ] {
        let began = Instant::now();
        let outcome = open(&address, &options);
        assert!(matches!(outcome, Err(BackendError::Silent(_))), "{address}");
        assert!(began.elapsed() < Duration::from_secs(5), "{address}");
    }
    drop(listener);
}

#[test]
fn nobody_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    drop(listener);
    for text in [
        format!("bitcoind://127.0.0.1:{port}"),
        format!("electrum://127.0.0.1:{port}"),
        format!("electrums://127.0.0.1:{port}"),
        format!("esplora+http://127.0.0.1:{port}/api"),
        format!("esplora+https://127.0.0.1:{port}/api"),
    ] {
        let address: Address = text.parse().expect("an address");
        let error = open(&address, &options()).err().expect("nobody is there");
        assert!(
            error.story().to_lowercase().contains("refused"),
            "{}",
            error.story()
        );
    }
}

#[test]
fn a_login_is_refused_or_missing_and_never_shown() {
    let stand = || Stand::in_for(Box::new(|_, _, _| (401, Value::Null)));
    let error = open(&stand().address(), &options()).err().expect("refused");
    assert!(error.story().contains("wants a login"), "{}", error.story());
    let login = Login::from_text("me:hunter2");
    assert!(!format!("{login:?}").contains("hunter2"));
    let options = Options { login, ..options() };
    let error = open(&stand().address(), &options).err().expect("refused");
    assert!(
        error.story().contains("refuses the login"),
        "{}",
        error.story()
    );
    assert!(!format!("{error:?} {}", error.story()).contains("hunter2"));
    assert!(
        ["me", "me:", ":word", ""]
            .iter()
            .all(|text| Login::from_text(text).is_none())
    );
}

#[test]
fn a_cookie_is_read_again_when_the_node_has_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let cookie = folder.path().join(".cookie");
    fs::write(&cookie, "__cookie__:one").expect("written");
    // The base64 of the name and each of the words.
    let wanted = Arc::new(Mutex::new("X19jb29raWVfXzpvbmU="));
    let known = Arc::clone(&wanted);
    let stand = Stand::in_for(Box::new(move |method, _, headers| {
        let wanted = format!("basic {}", known.lock().expect("unpoisoned"));
        let is_known = headers
            .iter()
            .any(|header| header.to_lowercase().ends_with(&wanted.to_lowercase()));
        match is_known {
            true => (200, healthy(method)),
            false => (401, Value::Null),
        }
    }));
    let address = Address::Bitcoind {
        host: "127.0.0.1".to_owned(),
        port: Some(stand.port),
        cookie: Some(cookie.clone()),
    };
    let chain = open(&address, &options()).expect("the cookie fits");
    *wanted.lock().expect("unpoisoned") = "X19jb29raWVfXzp0d28=";
    assert!(chain.tip().is_err(), "the file still has the old one");
    fs::write(&cookie, "__cookie__:two").expect("written");
    chain.tip().expect("it is read again");
    fs::remove_file(&cookie).expect("removed");
    chain
        .tip()
        .expect("what is known is not read for each question");
    let error = open(&address, &options()).err().expect("no cookie");
    assert!(
        error.story().contains("cannot read the cookie"),
        "{}",
        error.story()
    );
}

#[test]
fn another_network_is_refused() {
    let stand = Stand::in_for(Box::new(|method, _, _| (200, healthy(method))));
    for (network, good) in [
        (Network::Regtest, true),
        (Network::Signet, false),
        (Network::Testnet4, false),
        (Network::Bitcoin, false),
    ] {
        let options = Options {
            timeout: Duration::from_secs(5),
            ..Options::new(network)
        };
        match open(&stand.address(), &options) {
            Ok(_) => assert!(good, "{network}"),
            Err(error) => {
                assert!(!good, "{network}: {}", error.story());
                let is_it = matches!(&error, BackendError::WrongNetwork { expected, found, .. }
                    if *expected == network && *found == genesis());
                assert!(is_it, "{}", error.story());
            }
        }
    }
}

#[test]
fn a_pruned_node_is_good_from_its_first_block_on() {
    let stand = Stand::in_for(Box::new(|method, _, _| {
        let mut answer = healthy(method);
        if method == "getblockchaininfo" {
            answer["pruned"] = json!(true);
            answer["pruneheight"] = json!(500);
        }
        (200, answer)
    }));
    for (birth, good) in [(499, false), (500, true), (501, true)] {
        let options = Options {
            birth: BlockHeight(birth),
            ..options()
        };
        match open(&stand.address(), &options) {
            Ok(_) => assert!(good, "{birth}"),
            Err(BackendError::Pruned { first_kept, needed }) => {
                assert!(!good);
                assert_eq!((first_kept.0, needed.0), (500, birth));
            }
            Err(error) => panic!("{}", error.story()),
        }
    }
}

#[test]
fn a_node_in_its_first_sync_says_so() {
    let stand = Stand::in_for(Box::new(|method, _, _| {
        let mut answer = healthy(method);
        if method == "getblockchaininfo" {
            answer["initialblockdownload"] = json!(true);
            answer["headers"] = json!(900);
        }
        (200, answer)
    }));
    let chain = open(&stand.address(), &options()).expect("it is reached");
    let freshness = chain.freshness().expect("it answers");
    let stale = freshness.judge(UnixTime(1_296_688_602), u32::MAX);
    let (at, headers) = (BlockHeight(0), BlockHeight(900));
    assert_eq!(stale, Err(Stale::Syncing { at, headers }));
}

#[test]
fn nonsense_is_no_answer() {
    let stand = Stand::in_for(Box::new(|_, _, _| (200, json!("nonsense"))));
    let outcome = open(&stand.address(), &options());
    assert!(matches!(outcome, Err(BackendError::Silent(_))));
}

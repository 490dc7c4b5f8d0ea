//! Estimates of feerates: what every backend promises, and what is not believed of any.

use std::net::TcpListener;
use std::thread;

use bitcoin::{Amount, FeeRate, Network};
use longstop::chain::backend::{Address, Options, open};
use longstop::chain::{BackendError, Bitcoind, Chain, Compared, EmbeddedChain, MAX_ESTIMATE};
use longstop::units::Blocks;
use serde_json::{Value, json};

use super::coins::open as open_number;
use super::esplora::{request, respond};
use super::front::{Packages, World};
use super::rig::{Rig, START};
use super::{electrum, esplora};

/// Below, at and above every limit of a target.
const TARGETS: [u32; 8] = [0, 1, 2, 6, 144, 1_008, 1_009, u32::MAX];

fn rate(sat_per_vb: u64) -> FeeRate {
    FeeRate::from_sat_per_vb(sat_per_vb).expect("a feerate")
}

fn ask(chain: &dyn Chain, target: u32) -> Result<Option<FeeRate>, BackendError> {
    chain.feerate(Blocks(target))
}

/// Where nobody has paid anything there is no estimate, and where everybody has paid the same, that
/// is it: for whoever asks for the next block and for whoever has a week.
pub fn they_follow_what_is_paid(mut rig: Rig) {
    for target in TARGETS {
        let told = ask(rig.chain(), target).expect("it answers");
        assert_eq!(told, None, "{target}");
    }
    let paid = rate(12);
    rig.leader.set_going_rate(paid);
    for round in 0..12 {
        for number in 0..5 {
            let script = open_number(round * 5 + number + 1);
            let amount = Amount::from_sat(50_000);
            rig.leader.fund(script, amount).expect("coins");
        }
        rig.hand_over();
        rig.leader.mine(1);
        rig.hand_over();
    }
    rig.settle();
    let mut before = None;
    for target in TARGETS {
        let told = ask(rig.chain(), target).expect("it answers");
        let told = told.unwrap_or_else(|| panic!("an estimate for {target}"));
        // Transactions round their fees up, and estimators sort them into classes.
        assert!((paid..=rate(13)).contains(&told), "{target}: {told}");
        assert!(before.is_none_or(|before| told <= before), "{target}");
        before = Some(told);
    }
}

/// What the mempool takes at the least, one below what is paid, the same, and one above.
#[test]
fn nothing_is_below_what_the_mempool_takes() {
    let rigs = [
        super::embedded::rig(),
        esplora::rig(Packages::Known),
        electrum::rig(Packages::Known),
    ];
    for mut rig in rigs {
        rig.leader.set_going_rate(rate(12));
        for (least, told) in [(11, 12), (12, 12), (13, 13)] {
            rig.leader.set_mempool_min(rate(least));
            rig.settle();
            let answer = ask(rig.chain(), 2).expect("it answers");
            assert_eq!(answer, Some(rate(told)), "{least}");
        }
    }
    // A full mempool is an answer without any estimate, where the server tells of it.
    for (mut rig, told) in [
        (super::embedded::rig(), Some(rate(13))),
        (electrum::rig(Packages::Known), Some(rate(13))),
        (electrum::rig(Packages::Unknown), None),
    ] {
        rig.leader.set_mempool_min(rate(13));
        rig.settle();
        assert_eq!(ask(rig.chain(), 2).expect("it answers"), told);
    }
}

/// A stand-in for a node that says this about fees, and fails where it is told to.
fn node(estimate: Value, pool: Value) -> Bitcoind {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok((_, _, body, _)) = request(&stream) else {
                continue;
            };
            let calls: Vec<Value> = serde_json::from_str(&body).expect("calls");
            let answers = calls.iter().map(|call| {
                let said = match call["method"].as_str().expect("a method") {
                    "estimatesmartfee" => {
                        assert_eq!(call["params"][1], json!("conservative"));
                        &estimate
                    }
                    "getmempoolinfo" => &pool,
                    other => panic!("nobody should ask for {other}"),
                };
                let error = said.get("code").is_some();
                let (result, error) = match error {
                    true => (&Value::Null, said),
                    false => (said, &Value::Null),
                };
                json!({ "id": call["id"], "result": result, "error": error })
            });
            let answers = Value::Array(answers.collect()).to_string();
            let _ = respond(&stream, 200, answers.as_bytes());
        }
    });
    Bitcoind::new("127.0.0.1", port, &Options::new(Network::Regtest))
}

#[test]
fn what_a_node_says_is_held_within_limits() {
    let room = || json!({ "mempoolminfee": 0.000_01, "minrelaytxfee": 0.000_01 });
    let full = || json!({ "mempoolminfee": 0.000_2, "minrelaytxfee": 0.000_01 });
    let none = || json!({ "errors": ["Insufficient data or no feerate found"], "blocks": 0 });
    let error = |code: i64, message: &str| json!({ "code": code, "message": message });
    for (estimate, pool, told) in [
        (
            json!({ "feerate": 0.000_15, "blocks": 2 }),
            room(),
            Some(rate(15)),
        ),
        (
            json!({ "feerate": 0.000_15, "blocks": 2 }),
            full(),
            Some(rate(20)),
        ),
        (
            json!({ "feerate": 0.1, "blocks": 2 }),
            room(),
            Some(MAX_ESTIMATE),
        ),
        (none(), room(), None),
        (none(), full(), Some(rate(20))),
        // Switched off, or older than the question.
        (error(-32603, "Fee estimation disabled"), room(), None),
        (error(-32601, "Method not found"), room(), None),
        // Older nodes do not tell the least of all times.
        (none(), json!({ "mempoolminfee": 0.000_2 }), None),
    ] {
        let answer = ask(&node(estimate.clone(), pool.clone()), 2).expect("it answers");
        assert_eq!(answer, told, "{estimate} {pool}");
    }
    for (estimate, pool) in [
        (json!({ "feerate": -1, "blocks": 2 }), room()),
        (json!({ "feerate": -0.000_000_01, "blocks": 2 }), room()),
        (json!({ "feerate": 0.100_000_01, "blocks": 2 }), room()),
        (json!({ "feerate": "NaN", "blocks": 2 }), room()),
        (json!({ "feerate": 1e300, "blocks": 2 }), room()),
        (json!("0.0001"), room()),
        (error(-8, "Invalid conf_target"), room()),
        (none(), json!({ "mempoolminfee": -0.1 })),
        (
            none(),
            json!({ "mempoolminfee": 0.2, "minrelaytxfee": 0.000_01 }),
        ),
        (none(), json!({})),
    ] {
        let answer = ask(&node(estimate.clone(), pool.clone()), 2);
        assert!(answer.is_err(), "{estimate} {pool}: {answer:?}");
    }
}

#[test]
fn what_an_electrum_server_says_is_held_within_limits() {
    let world = World::new();
    let address = Address::Electrum {
        host: "127.0.0.1".to_owned(),
        port: electrum::serve(world.clone(), Packages::Known, None),
        tls: false,
        certificate: None,
    };
    let chain = open(&address, &Options::new(Network::Regtest)).expect("it is reached");
    for (said, told) in [
        (json!(-1), Some(None)),
        (json!(-1.0), Some(None)),
        (Value::Null, Some(None)),
        (json!(0.000_15), Some(Some(rate(15)))),
        (json!(0.1), Some(Some(MAX_ESTIMATE))),
        (json!(0.100_000_01), None),
        (json!(-0.5), None),
        (json!(-2), None),
        (json!("0.00015"), None),
        (json!([]), None),
    ] {
        world.say(said.clone());
        assert_eq!(ask(&*chain, 2).ok(), told, "{said}");
    }
}

/// Whoever wants it sooner never pays less, in whatever order and for whichever targets a server
/// lists what it has.
#[test]
fn what_an_esplora_server_says_is_held_within_limits() {
    let world = World::new();
    let port = esplora::serve(world.clone(), Packages::Known, None);
    let address = Address::Esplora {
        url: format!("http://127.0.0.1:{port}/api"),
        certificate: None,
    };
    let chain = open(&address, &Options::new(Network::Regtest)).expect("reached");
    world.say(json!({ "144": 3.0, "2": 30.0, "6": 10.0, "10": 11.0, "1008": 1.0 }));
    for (target, told) in [
        (0, 30),
        (1, 30),
        (2, 30),
        (5, 30),
        (6, 11),
        (10, 11),
        (143, 11),
        (144, 3),
        (1_007, 3),
        (1_008, 1),
        (u32::MAX, 1),
    ] {
        let answer = ask(&*chain, target).expect("it answers");
        assert_eq!(answer, Some(rate(told)), "{target}");
    }
    for (said, told) in [
        (json!({}), Some(None)),
        (json!({ "2": 10_000.0 }), Some(Some(MAX_ESTIMATE))),
        (json!({ "2": 10_000.01 }), None),
        // What is not asked for is not believed either.
        (json!({ "2": 5.0, "1008": -1.0 }), None),
        (json!({ "2": "5.0" }), None),
        (json!({ "soon": 5.0 }), None),
        (json!([5.0]), None),
    ] {
        world.say(said.clone());
        assert_eq!(ask(&*chain, 2).ok(), told, "{said}");
    }
}

/// The higher of two answers, and the answer of whoever has one.
#[test]
fn of_several_the_highest_counts() {
    let chain = |going: u64| {
        let mut chain = EmbeddedChain::new(START);
        chain.set_going_rate(rate(going));
        Box::new(chain) as Box<dyn Chain + Send>
    };
    let silent = || {
        let error = json!({ "code": -1, "message": "busy" });
        Box::new(node(error.clone(), error)) as Box<dyn Chain + Send>
    };
    let told = |one, other| {
        let named = |chain| ("it".to_owned(), chain);
        ask(&Compared::new(named(one), vec![named(other)]), 2)
    };
    for (one, other, highest) in [(5, 9, 9), (9, 5, 9), (7, 7, 7), (0, 5, 5), (5, 0, 5)] {
        let answer = told(chain(one), chain(other)).expect("they answer");
        assert_eq!(answer, Some(rate(highest)));
    }
    assert_eq!(told(chain(0), chain(0)).expect("they answer"), None);
    assert_eq!(
        told(silent(), chain(5)).expect("one answers"),
        Some(rate(5))
    );
    assert_eq!(
        told(chain(5), silent()).expect("one answers"),
        Some(rate(5))
    );
    assert!(told(silent(), chain(0)).is_err(), "nobody has an estimate");
    assert!(told(silent(), silent()).is_err());
}

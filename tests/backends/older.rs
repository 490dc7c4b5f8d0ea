//! A node that is older than packages: a real one, behind a front that does not know
//! `submitpackage` and hands everything else on.

use std::net::TcpListener;
use std::thread;

use bitcoin::{Network, Transaction};
use longstop::chain::backend::{Address, Options, open};
use longstop::chain::{Ability, BackendError, Chain, EmbeddedChain};
use serde_json::{Value, json};

use super::coins::{Coin, anchor, coin_of, open as open_number, spend};
use super::esplora::{request, respond};
use super::node::{Node, built};
use super::promises;
use super::rig::{Follower, Rig, START};

/// What an older node answers (`RPC_METHOD_NOT_FOUND` of `src/rpc/protocol.h`).
const NOT_FOUND: i64 = -32601;

/// Serves until the tests end, and returns the port.
fn serve(behind: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever has gone away does not wait for an answer.
            let Ok((_, _, body, headers)) = request(&stream) else {
                continue;
            };
            let calls: Vec<Value> = serde_json::from_str(&body).expect("calls");
            if let [call] = &calls[..]
                && call["method"] == "submitpackage"
            {
                let error = json!({ "code": NOT_FOUND, "message": "Method not found" });
                let answer = json!([{ "id": call["id"], "result": null, "error": error }]);
                let _ = respond(&stream, 200, answer.to_string().as_bytes());
                continue;
            }
            let login = headers.iter().find_map(|header| {
                let (name, value) = header.split_once(':')?;
                name.eq_ignore_ascii_case("authorization")
                    .then(|| value.trim().to_owned())
            });
            let answer = agent
                .post(format!("http://127.0.0.1:{behind}/"))
                .header("authorization", login.unwrap_or_default())
                .send(body)
                .map(|mut answer| {
                    let status = answer.status().as_u16();
                    let body = answer.body_mut().with_config().limit(256 << 20);
                    (status, body.read_to_vec().expect("it is whole"))
                });
            let (status, body) = answer.expect("the node answers");
            let _ = respond(&stream, status, &body);
        }
    });
    port
}

/// The node, and the address of the front.
fn older() -> Option<(Node, Address)> {
    let folder = built("bitcoind")?;
    let node = Node::start(&folder, &["-listen=0".to_owned()]);
    let front = Address::Bitcoind {
        host: "127.0.0.1".to_owned(),
        port: Some(serve(node.port)),
        cookie: Some(node.cookie()),
    };
    Some((node, front))
}

struct Behind {
    chain: Box<dyn Chain + Send>,
    node: Node,
}

impl Follower for Behind {
    fn follow(&mut self, leader: &EmbeddedChain) {
        self.node.follow(leader);
    }

    fn chain(&mut self) -> &mut dyn Chain {
        &mut *self.chain
    }
}

#[test]
fn what_is_promised_of_packages_holds_one_by_one() {
    let Some((node, front)) = older() else {
        return;
    };
    let chain = open(&front, &Options::new(Network::Regtest)).expect("it is reached");
    let rig = Rig::new(Box::new(Behind { chain, node }));
    promises::packages_are_judged_together(rig);
}

/// A parent that pays this fee, and a child that pays much.
fn package(from: [Coin; 2], fee: u64) -> [Transaction; 2] {
    let parent = spend(
        3,
        &[from[0]],
        &[(100_000 - 240 - fee, open_number(2)), (240, anchor())],
    );
    let anchored = coin_of(&parent, 1, 0);
    let child = spend(3, &[anchored, from[1]], &[(90_000, open_number(9))]);
    [parent, child]
}

/// The same parent and child, once where the node judges both together and once where it cannot.
///
/// At the rate that the node asks for at least, an older one takes one after the other; one satoshi
/// less, and it takes neither.
#[test]
fn a_parent_that_pays_too_little_alone_is_not_taken_and_it_is_said_why() {
    let Some((node, front)) = older() else {
        return;
    };
    let mut leader = EmbeddedChain::new(START);
    let coins: Vec<Coin> = (1..=6)
        .map(|number| {
            let amount = bitcoin::Amount::from_sat(100_000);
            let outpoint = leader.fund(open_number(number), amount).expect("coins");
            Coin { outpoint, number }
        })
        .collect();
    leader.mine(1);
    node.follow(&leader);
    let reach =
        |address: &Address| open(address, &Options::new(Network::Regtest)).expect("it is reached");
    let (mut older, mut newer) = (reach(&front), reach(&node.address()));
    let info = node.call("getmempoolinfo", json!([]));
    let rate = info["minrelaytxfee"].as_f64().expect("a rate");
    let rate = (rate * 100_000_000.0).round() as u64;
    let [first, _] = package([coins[0], coins[1]], 0);
    let least = (first.vsize() as u64 * rate).div_ceil(1_000);
    let waits = |chain: &dyn Chain, one: &Transaction| {
        chain.in_mempool(one.compute_txid()).expect("it answers")
    };

    // Enough alone: one after the other.
    let [parent, child] = package([coins[0], coins[1]], least);
    let verdict = older.submit_package(&parent, &child).expect("it answers");
    assert_eq!(verdict, Ok(()));
    assert!(waits(&*newer, &parent) && waits(&*newer, &child));

    // A satoshi less: neither, and it is said that it is not the last word.
    for fee in [least - 1, 0] {
        let [parent, child] = package([coins[2], coins[3]], fee);
        let error = older.submit_package(&parent, &child);
        let error = error.expect_err("it is not judged together");
        let BackendError::Unsupported {
            ability, detail, ..
        } = &error
        else {
            panic!("{}", error.story());
        };
        assert_eq!(*ability, Ability::Packages);
        let detail = detail.as_deref().expect("it says what was refused");
        assert!(
            detail.starts_with("the parent alone was refused: min relay fee not met"),
            "{detail}"
        );
        let said = error.to_string();
        assert!(
            said.contains("cannot judge a transaction together with its child: the parent alone"),
            "{said}"
        );
        assert!(!waits(&*newer, &parent) && !waits(&*newer, &child));
    }
    // A node that knows packages takes what the older one did not.
    let [parent, child] = package([coins[2], coins[3]], least - 1);
    let verdict = newer.submit_package(&parent, &child).expect("it answers");
    assert_eq!(verdict, Ok(()));
    assert!(waits(&*older, &parent) && waits(&*older, &child));

    // The parent is good, and its child is not: the parent stays, and the refusal is the child's.
    let [parent, mut child] = package([coins[4], coins[5]], least);
    child.output[0].value = bitcoin::Amount::from_sat(200_000);
    let verdict = older.submit_package(&parent, &child).expect("it answers");
    assert_eq!(
        verdict.expect_err("it makes money").class,
        "bad-txns-in-belowout"
    );
    assert!(waits(&*newer, &parent) && !waits(&*newer, &child));
}

//! A watcher outlives its node: a real one, that loses its power and comes back.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::program::{Running, Stage, ask, kinds, numbers_of, text, until};
use crate::node::{Node, built, free_port};

/// Seconds between two looks.
const EVERY: u64 = 1;

/// How long a question is put off that nobody answers, before it is given up: it is repeated three
/// times, after 0.2, 0.4 and 0.8 seconds.
const PUT_OFF: Duration = Duration::from_millis(1_400);

fn number(page: &str, name: &str) -> u64 {
    let line = page.lines().find_map(|line| {
        let (own, value) = line.split_once(' ')?;
        (own == name).then(|| value.parse().expect("a number"))
    });
    line.unwrap_or_else(|| panic!("{name} is missing in {page}"))
}

#[cfg(unix)]
#[test]
fn a_watcher_outlives_its_node_and_catches_up_before_it_says_anything() {
    let Some(folder) = built("bitcoind") else {
        return;
    };
    let stage = Stage::new();
    let mut leader = stage.armed.world.chain.fork();
    // The blocks are older than the clock of this machine would have them.
    let more = ["-listen=0".to_owned(), "-maxtipage=1000000000".to_owned()];
    let mut node = Node::start(&folder, &more);
    node.follow(&leader);
    let port = node.port;
    let log = stage.path("log");
    let mut command = stage.longstop(&["watch", "--every", &EVERY.to_string()]);
    command
        .arg(stage.vault())
        .args(["--backend", &node.address().to_string()])
        .args(["--tip-age", "5256000", "--metrics", "127.0.0.1:0", "--log"])
        .arg(&log)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut running = Running(command.spawn().expect("it runs"));
    let address = numbers_of(&mut running);
    let page = || ask(&address, "GET /metrics HTTP/1.1\r\n\r\n");
    let told = || -> Vec<Value> {
        let text = fs::read_to_string(&log).unwrap_or_default();
        // The last line may be half written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().expect("JSON")
    };
    let wait_for = |kind: &str| {
        until(|| kinds(&told()).contains(&kind).then_some(()));
    };
    wait_for("unarmed");
    assert_eq!(number(&page(), "longstop_watch_chain_trouble"), 0);

    // The power is lost: that is told once, and asked about with pauses.
    node.kill();
    wait_for("chain-silent");
    let (began, first) = (
        Instant::now(),
        number(&page(), "longstop_watch_looks_total"),
    );
    let looks = until(|| {
        let looks = number(&page(), "longstop_watch_looks_total") - first;
        (looks >= 3).then_some(looks)
    });
    let least = (PUT_OFF + Duration::from_secs(EVERY)) * u32::try_from(looks - 1).expect("few");
    assert!(began.elapsed() >= least, "{looks} in {:?}", began.elapsed());
    assert_eq!(number(&page(), "longstop_watch_chain_trouble"), 1);
    assert_eq!(kinds(&told()), ["buried", "unarmed", "chain-silent"]);
    // Meanwhile others work with the vault: nobody holds it while there is nothing to read.
    let coins = until(|| {
        let mut coins = stage.longstop(&["vault", "coins", "--json"]);
        let coins = coins.arg(stage.vault()).output().expect("it runs");
        coins.status.success().then_some(coins)
    });
    assert!(text(&coins.stdout).contains(&stage.armed.coin.outpoint().to_string()));

    // A coin is triggered and its window ends while nobody answers; the node has read all of it when
    // it does again.
    let trigger = stage.armed.trigger(0, &["gina", "hal"]);
    leader.submit(&trigger).expect("it is taken");
    leader.mine(25);
    node.start_at(free_port());
    node.follow(&leader);
    node.stop();
    assert!(
        running.0.try_wait().expect("it is ours").is_none(),
        "it is alive"
    );
    assert_eq!(
        kinds(&told()).len(),
        3,
        "nothing is told of what nobody knows"
    );
    node.start_at(port);
    wait_for("settle-due");
    let all = told();
    let late = &all[3..];
    assert_eq!(kinds(late)[..2], ["chain-back", "trigger"]);
    assert_eq!(late[1]["missed"], true, "its window is over");
    assert!(!kinds(late).contains(&"undone"));
    let heights: Vec<u64> = late[2..]
        .iter()
        .filter_map(|notice| notice["at"]["height"].as_u64())
        .collect();
    assert!(heights.len() > 2 && heights.is_sorted(), "{late:?}");
    let page = until(|| Some(page()).filter(|page| page.contains("chain_trouble 0\n")));
    assert_eq!(
        number(&page, "longstop_chain_height"),
        u64::from(leader.tip().time.height.0)
    );
    // All of it was told with one look, and is not told again.
    let looks = number(&page, "longstop_watch_looks_total");
    until(|| {
        let page = ask(&address, "GET /metrics HTTP/1.1\r\n\r\n");
        (number(&page, "longstop_watch_looks_total") > looks).then_some(())
    });
    assert_eq!(told(), all);
    let pid = running.0.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(sent.expect("it runs").success());
    let ended = until(|| running.0.try_wait().expect("it is ours"));
    assert_eq!(ended.code(), Some(0));
}

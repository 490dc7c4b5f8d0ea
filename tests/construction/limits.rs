//! What a script type can hold: exactly that, and one more.

use std::fmt::Write;
use std::sync::Arc;

use longstop::compile::{CompileError, LeafKind, Role, Stage, compile};
use miniscript::Descriptor;

use crate::vault::{Draft, Fill, World, just_enough};

fn of(prefix: &str, count: usize) -> String {
    let names = (0..count).map(|number| format!("\"{prefix}-{number}\""));
    names.collect::<Vec<_>>().join(", ")
}

/// What a policy is refused for, and in which stage.
#[track_caller]
fn refused(terms: &str) -> (Stage, String) {
    match compile(Arc::new(Draft::new("wsh", terms).policy())) {
        Err(CompileError::Limit { stage, excess }) => (stage, excess.to_string()),
        other => panic!("{other:?}"),
    }
}

/// Root spends a coin of the vault in the mempool, and cannot with a signature less.
#[track_caller]
fn root_spends(world: &mut World) {
    let coin = world.coin(&Stage::Vault);
    let leaf = LeafKind::Spend;
    let bare = world.by_hand(&coin, &leaf);
    let seats = just_enough(&coin, &leaf);
    world.accepts(&world.signed(&bare, &coin, &leaf, &seats, Fill::Nothing));
    let mut fewer = seats;
    fewer.pop_first();
    let short = world.signed(&bare, &coin, &leaf, &fewer, Fill::Nothing);
    world.refusal(&short);
}

fn script_bytes(world: &World) -> usize {
    let derived = world.derived(&Stage::Vault, 0);
    match derived.concrete() {
        Descriptor::Wsh(wsh) => wsh.inner_script().len(),
        other => panic!("{other} is no P2WSH"),
    }
}

/// Root and nineteen paths of five keys each, so many of them with a delay that takes a byte more.
fn twenty_quorums(long_delays: usize) -> String {
    let mut terms = format!(
        "[quorums]\nroot = {{ threshold = 3, of = [{}] }}\n",
        of("root", 5)
    );
    let mut paths = String::new();
    for number in 0..19 {
        let members = of(&format!("later-{number}"), 5);
        writeln!(
            terms,
            "later-{number} = {{ threshold = 2, of = [{members}] }}"
        )
        .expect("text");
        let delay = if number < 19 - long_delays {
            3_000
        } else {
            40_000
        } + number;
        writeln!(
            paths,
            "[[path]]\nname = \"path-{number}\"\nquorum = \"later-{number}\"\ndelay = \"{delay} blocks\""
        )
        .expect("text");
    }
    terms + "[root]\nquorum = \"root\"\nrefresh = \"100 blocks\"\n" + &paths
}

#[test]
fn bytes_of_a_p2wsh_script() {
    for (long_delays, bytes) in [(4, 3_599), (5, 3_600)] {
        let mut world = Draft::new("wsh", &twenty_quorums(long_delays)).world();
        assert_eq!(script_bytes(&world), bytes);
        root_spends(&mut world);
    }
    let (stage, reason) = refused(&twenty_quorums(6));
    assert_eq!(stage, Stage::Vault);
    for part in [
        "3601 bytes",
        "3600",
        "path `path-18`",
        "keep the 18 paths before it",
    ] {
        assert!(reason.contains(part), "{reason}");
    }
}

/// With hashes for keys, twenty quorums and one byte too many are still cheap enough.
#[test]
fn the_cheapest_script_fits_where_a_plain_one_does_not() {
    let draft = Draft::new("wsh", &twenty_quorums(6)).with_layout("cheapest");
    let world = World::new(draft.compiled());
    assert!(script_bytes(&world) < 3_600);
}

/// Root is all of five quorums of twenty keys, with these thresholds.
fn hundred_keys(thresholds: [usize; 5]) -> String {
    let mut terms = String::from("[quorums]\n");
    for (number, threshold) in thresholds.iter().enumerate() {
        let members = of(&format!("q{number}"), 20);
        writeln!(
            terms,
            "part-{number} = {{ threshold = {threshold}, of = [{members}] }}"
        )
        .expect("text");
    }
    terms
        + "root = { threshold = 5, of = [\"part-0\", \"part-1\", \"part-2\", \"part-3\", \"part-4\"] }\nlast = { threshold = 1, of = [\"zoe\"] }\n[root]\nquorum = \"root\"\nrefresh = \"100 blocks\"\n[[path]]\nname = \"last\"\nquorum = \"last\"\ndelay = \"4000 blocks\"\n"
}

#[test]
fn items_of_a_p2wsh_witness() {
    // An item for each signature, one for each CHECKMULTISIG, the turn, and the script.
    let mut world = Draft::new("wsh", &hundred_keys([18, 18, 18, 19, 20])).world();
    let coin = world.deposit(1_000_000);
    let mut refresh = world.builder().refresh(&[&coin], 0).expect("it pays");
    let compiled = Arc::clone(&world.compiled);
    let everybody = compiled.policy().root().quorum().roll();
    world.collect(&mut refresh, Role::Root, &everybody);
    let signed = refresh.into_signed().expect("all have signed");
    let complete = signed.finalize().expect("it is complete");
    assert_eq!(complete.transaction().input[0].witness.len(), 100);
    world.accepts(complete.transaction());
    let (_, reason) = refused(&hundred_keys([18, 18, 18, 20, 20]));
    assert!(reason.contains("up to 101 items"), "{reason}");
}

/// Root is two of three quorums, each of nineteen keys and of one more among so many.
fn many_operations(last: [usize; 3]) -> String {
    let mut terms = String::from("[quorums]\n");
    for (number, last) in last.iter().enumerate() {
        let members = of(&format!("q{number}"), 19);
        let inner = of(&format!("inner-{number}"), *last);
        writeln!(
            terms,
            "small-{number} = {{ threshold = 1, of = [{inner}] }}"
        )
        .expect("text");
        writeln!(
            terms,
            "part-{number} = {{ threshold = 2, of = [{members}, \"small-{number}\"] }}"
        )
        .expect("text");
    }
    terms
        + "root = { threshold = 2, of = [\"part-0\", \"part-1\", \"part-2\"] }\nlast = { threshold = 1, of = [\"zoe\"] }\n[root]\nquorum = \"root\"\nrefresh = \"100 blocks\"\n[[path]]\nname = \"last\"\nquorum = \"last\"\ndelay = \"4000 blocks\"\n"
}

#[test]
fn operations_of_a_p2wsh_script() {
    for last in [[2, 2, 3], [2, 2, 4]] {
        root_spends(&mut Draft::new("wsh", &many_operations(last)).world());
    }
    let (_, reason) = refused(&many_operations([2, 2, 5]));
    assert!(reason.contains("202 operations"), "{reason}");
    assert!(
        reason.contains("with at most 2 members in `root` it fits"),
        "{reason}"
    );
}

/// Where an escrow is too large, the error says whose quorum would have to be how small.
#[test]
fn an_escrow_names_the_quorum_that_would_fit() {
    let parts: Vec<String> = (0..5)
        .map(|part| {
            format!(
                "part-{part} = {{ threshold = 3, of = [{}] }}",
                of(&format!("p{part}"), 5)
            )
        })
        .collect();
    let policy = |vetoers: usize| {
        format!(
            "[quorums]\n{}\nroot = {{ threshold = 3, of = [\"part-0\", \"part-1\", \"part-2\", \"part-3\", \"part-4\"] }}\nagents = {{ threshold = 2, of = [{}] }}\nvetoers = {{ threshold = 1, of = [{}] }}\n[root]\nquorum = \"root\"\nrefresh = \"10 blocks\"\n[[path]]\nname = \"sos\"\nquorum = \"agents\"\nescrow = {{ window = \"200 blocks\", veto = \"vetoers\", backstop = \"400 blocks\" }}\nlockup = {{ period = \"300 blocks\" }}\n[[path]]\nname = \"dead-man\"\nquorum = \"agents\"\ndelay = \"9000 blocks\"\n",
            parts.join("\n"),
            of("agent", 8),
            of("veto", vetoers),
        )
    };
    let (stage, reason) = refused(&policy(20));
    assert_eq!(stage, Stage::Escrow("sos".to_owned()));
    let fits = reason
        .split("with at most ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let fits: usize = fits
        .and_then(|fits| fits.parse().ok())
        .unwrap_or_else(|| panic!("{reason}"));
    assert!(reason.contains("members in `vetoers` it fits"), "{reason}");
    Draft::new("wsh", &policy(fits)).compiled();
    assert!(compile(Arc::new(Draft::new("wsh", &policy(fits + 1)).policy())).is_err());
}

//! What is chosen stays what it is: another script is another policy id.

use bitcoin::hashes::{Hash, sha256};

use super::several::{conditions as eased_conditions, half, leaf};
use super::*;

/// The digests of many scripts: of conditions, of joint leaves, and of several leaves.
const FROZEN: [&str; 3] = [
    "d79170cac280b3dc35f75fb4285af4e3ba0029982131257e99a24bb2a6465b85",
    "2586b46800cb6de30217304ade107c9b3e68cd30c4f96d420fb19155ab30ebd9",
    "02e3e8cca3305dd341cb0bbc110bcaa28b40cb6f6cbc0dca8e08303d576abf52",
];

/// Compares the digest of these lines, and says where to read them.
fn check(what: usize, lines: &[String]) {
    let text = lines.join("\n");
    let found = sha256::Hash::hash(text.as_bytes()).to_string();
    if found != FROZEN[what] {
        let file = std::env::temp_dir().join(format!("longstop-chosen-{what}.txt"));
        std::fs::write(&file, text).expect("a temporary file");
        panic!(
            "other scripts than ever: {found}; they are in {}",
            file.display()
        );
    }
}

#[test]
fn conditions_are_written_as_they_always_were() {
    let mut chance = Chance(23);
    let mut lines = Vec::new();
    while lines.len() < 3_000 {
        let mut next = 0;
        let parts: Vec<Condition> = (0..1 + chance.below(2))
            .map(|_| chance.condition(3, &mut next))
            .collect();
        for (script, hashes) in ENCODERS {
            for is_seldom in [false, true] {
                let way = encoder(script, hashes).all(&parts, &[], is_seldom);
                lines.push(way.expect("a part").to_string());
            }
        }
    }
    check(0, &lines);
}

#[test]
fn joint_scripts_are_what_they_always_were() {
    let (older, after) = (Lock::new("older", 0x80), Lock::new("after", 0x80_0000));
    let mut lines = Vec::new();
    for condition in eased_conditions(400) {
        for (hashes, first, second) in [(false, 1.0, 1.0), (true, 1.0, 9.0), (true, 9.0, 1.0)] {
            let joint = Choice::joint(
                &condition,
                half(LEAF, first, hashes),
                half(LEAF + 1, second, hashes),
                std::slice::from_ref(&older),
                std::slice::from_ref(&after),
            );
            let way = Choice::any(joint.into_iter().collect());
            lines.push(way.expect("a lock of the first leaf").to_string());
        }
    }
    check(1, &lines);
}

#[test]
fn scripts_of_several_leaves_are_what_they_always_were() {
    let mut chance = Chance(31);
    let mut lines = Vec::new();
    for round in 0..600 {
        let leaves = (0..2 + round % 3).map(|number| leaf(&mut chance, number, round % 2 == 0).0);
        let way = Choice::any(leaves.collect());
        lines.push(way.expect("a leaf").to_string());
    }
    check(2, &lines);
}

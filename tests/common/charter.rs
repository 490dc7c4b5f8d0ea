//! The treasury's policy with an identity for everybody, and events about it.

use std::fs;
use std::sync::{Arc, LazyLock};

use ed25519_dalek::SigningKey;
use longstop::compile::compile;
use longstop::governance::{Charter, Digest};
use longstop::policy::check;
use longstop::signer::SoftwareSigner;
use longstop::units::{BlockHeight, ChainTime, UnixTime};

/// The policy, and its id.
pub static CHARTER: LazyLock<Charter> = LazyLock::new(|| {
    let text = fs::read_to_string("policies/dao-treasury/policy.toml").expect("it is shipped");
    let mut with = String::new();
    let mut party = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("[parties.") {
            party = name.trim_end_matches(']');
        }
        if line.starts_with("custody") {
            with.push_str(&format!("identity = \"{}\"\n", public(party)));
        }
        with.push_str(line);
        with.push('\n');
    }
    let policy = Arc::new(check(&with).policy.expect("a sound policy"));
    let id = compile(Arc::clone(&policy)).expect("it compiles").id();
    Charter::new(policy, Digest(id.to_bytes()))
});

/// The identity of a party.
pub fn identity(name: &str) -> SigningKey {
    SoftwareSigner::stand_in_identity(0, name)
}

fn public(name: &str) -> Digest {
    Digest(identity(name).verifying_key().to_bytes())
}

/// So many blocks after the events begin, ten minutes each.
pub fn at(blocks: u32) -> ChainTime {
    ChainTime {
        height: BlockHeight(1_000 + blocks),
        median_time_past: UnixTime(1_700_000_000 + 600 * blocks),
    }
}

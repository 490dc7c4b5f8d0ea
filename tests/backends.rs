//! What every backend promises, held against each of them.
//!
//! An embedded chain leads: it mines real blocks and judges transactions, and each backend follows a
//! chain with the very same blocks.  So an answer is right if it is what the leader answers, and for
//! what the leader could have wrong as well, the tests say themselves what it has to be: births are
//! computed anew from the bytes of blocks.
//!
//! Electrum and Bitcoin Core are asked as real servers, which `tests/servers/setup` builds.  Where
//! they are not there, these tests say so and do nothing; with `LONGSTOP_REQUIRE_SERVERS` set they
//! fail.  Esplora's server is in no registry: a small front over HTTP in `backends/esplora.rs` stands
//! in for it, over the embedded chain; and another one in `backends/electrum.rs` does where no electrs
//! is built, and answers as older servers do.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends with a panic when something is not as it should be, and says when it could do nothing"
)]

#[path = "backends/cases.rs"]
mod cases;
#[path = "backends/coins.rs"]
mod coins;
#[path = "backends/compared.rs"]
mod compared;
#[path = "common/draft.rs"]
mod draft;
#[path = "backends/electrum.rs"]
mod electrum;
#[path = "backends/embedded.rs"]
mod embedded;
#[path = "backends/esplora.rs"]
mod esplora;
#[path = "backends/feerates.rs"]
mod feerates;
#[path = "backends/front.rs"]
mod front;
#[path = "common/node.rs"]
mod node;
#[path = "backends/older.rs"]
mod older;
#[path = "backends/promises.rs"]
mod promises;
#[path = "backends/rig.rs"]
mod rig;
#[path = "backends/servers.rs"]
mod servers;
#[path = "backends/tls.rs"]
mod tls;
#[path = "backends/trouble.rs"]
mod trouble;
#[path = "backends/vault.rs"]
mod vault;

/// Runs every promise against a kind of backend.
macro_rules! conformance {
    ($name:ident, $rig:expr) => {
        mod $name {
            use super::{cases, promises, vault};

            #[test]
            fn it_says_where_it_stands() {
                let Some(rig) = $rig else { return };
                promises::it_says_where_it_stands(rig);
            }

            #[test]
            fn outputs_have_exact_births_and_spends() {
                let Some(rig) = $rig else { return };
                promises::outputs_have_exact_births_and_spends(rig);
            }

            #[test]
            fn scripts_can_be_asked_about_late() {
                let Some(rig) = $rig else { return };
                promises::scripts_can_be_asked_about_late(rig);
            }

            #[test]
            fn reorgs_roll_back() {
                let Some(rig) = $rig else { return };
                promises::reorgs_roll_back(rig);
            }

            #[test]
            fn a_vault_follows_reorgs() {
                let Some(rig) = $rig else { return };
                vault::it_follows_reorgs(rig);
            }

            #[test]
            fn a_case_follows_reorgs() {
                let Some(rig) = $rig else { return };
                cases::it_follows_reorgs(rig);
            }

            #[test]
            fn refusals_are_classed() {
                let Some(rig) = $rig else { return };
                promises::refusals_are_classed(rig);
            }

            #[test]
            fn packages_are_judged_together() {
                let Some(rig) = $rig else { return };
                promises::packages_are_judged_together(rig);
            }

            #[test]
            fn feerates_follow_what_is_paid() {
                let Some(rig) = $rig else { return };
                crate::feerates::they_follow_what_is_paid(rig);
            }

            #[test]
            fn sending_again_does_no_harm() {
                let Some(rig) = $rig else { return };
                promises::sending_again_does_no_harm(rig);
            }
        }
    };
}

conformance!(embedded_file, Some(crate::embedded::rig()));
conformance!(
    esplora_front,
    Some(crate::esplora::rig(crate::front::Packages::Known))
);
conformance!(
    esplora_without_packages,
    Some(crate::esplora::rig(crate::front::Packages::Unknown))
);
conformance!(
    electrum_front,
    Some(crate::electrum::rig(crate::front::Packages::Known))
);
conformance!(
    electrum_without_packages,
    Some(crate::electrum::rig(crate::front::Packages::Unknown))
);
conformance!(bitcoind, crate::servers::bitcoind());
conformance!(
    bitcoind_with_filters,
    crate::servers::bitcoind_with_filters()
);
conformance!(electrs, crate::servers::electrs());

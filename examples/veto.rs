//! A coin is armed and triggered, somebody of the board comes back, objects, and the coin returns to
//! the vault.
//!
//! ```text
//! cargo run --example veto
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/rescue.rs"]
mod rescue;

use bitcoin::Amount;
use longstop::engine::Action;
use longstop::governance::{Body, Veto};

use rescue::{Fund, Outcome, PATH, WARDENS};

/// Plays it all.
///
/// # Errors
///
/// If anything comes otherwise.
pub fn main() -> Outcome<()> {
    let (mut fund, coin) = Fund::armed()?;
    println!("day 0: the coin is armed");
    let trigger = Action::Trigger {
        coin,
        path: PATH.to_owned(),
    };
    // While the board is heard of, no honest software of a warden signs.
    assert!(fund.act(&trigger, &WARDENS, WARDENS[0]).is_err());

    let case = fund.board_falls_silent()?;
    println!("day 30: a case is activated, and the wardens trigger");
    let sent = fund.act(&trigger, &WARDENS, WARDENS[0])?;
    let escrow = fund.in_a_block(&sent)?;
    assert_eq!(fund.in_the_vault()?, Amount::ZERO);

    // Two of the board were at sea.  They say so, and sign the cancel.
    fund.mine(144);
    for party in ["amara", "bashir"] {
        let why = "we are back".to_owned();
        fund.say(party, Body::Veto(Veto { case, why }))?;
    }
    println!("day 31: the board objects, and cancels");
    let settle = Action::Settle { coin: escrow };
    assert!(
        fund.act(&settle, &[], WARDENS[0]).is_err(),
        "neither is the window over, nor would honest software go on"
    );
    let cancel = Action::Cancel { coin: escrow };
    let sent = fund.act(&cancel, &["amara", "bashir"], "amara")?;
    fund.in_a_block(&sent)?;
    let back = fund.in_the_vault()?;
    println!("       {back} are back in the vault");
    assert!(back > Amount::from_sat(149_900_000));
    Ok(())
}

//! A coin is armed and triggered, nobody objects, and it leaves through the lock-up.
//!
//! ```text
//! cargo run --example release
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its result")]

#[path = "shared/rescue.rs"]
mod rescue;

use bitcoin::hashes::Hash;
use bitcoin::{Amount, ScriptBuf, WPubkeyHash};
use longstop::engine::Action;

use rescue::{Fund, Outcome, PATH, WARDENS};

/// Fourteen days, and thirty.
const WINDOW: u32 = 14 * 144;
const PERIOD: u32 = 30 * 144;

/// Plays it all.
///
/// # Errors
///
/// If anything comes otherwise.
pub fn main() -> Outcome<()> {
    let (mut fund, coin) = Fund::armed()?;
    println!("day 0: the coin is armed");
    fund.board_falls_silent()?;
    println!("day 30: a case is activated, and the wardens trigger");
    let path = PATH.to_owned();
    let trigger = fund.act(&Action::Trigger { coin, path }, &WARDENS, WARDENS[0])?;
    let escrow = fund.in_a_block(&trigger)?;

    let settle = Action::Settle { coin: escrow };
    fund.mine(WINDOW - 2);
    assert!(
        fund.act(&settle, &[], WARDENS[0]).is_err(),
        "one block early"
    );
    fund.mine(1);
    println!("day 44: nobody has objected, and the coin settles");
    let settled = fund.act(&settle, &[], WARDENS[0])?;
    let lockup = fund.in_a_block(&settled)?;

    let release = Action::Release {
        coin: lockup,
        to: ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array([7; 20])),
    };
    fund.mine(PERIOD - 2);
    assert!(
        fund.act(&release, &WARDENS, WARDENS[0]).is_err(),
        "one block early"
    );
    fund.mine(1);
    println!("day 74: the wardens release it");
    let released = fund.act(&release, &WARDENS, WARDENS[0])?;
    fund.in_a_block(&released)?;
    assert_eq!(fund.in_the_vault()?, Amount::ZERO);
    Ok(())
}

//! Prints the accounts of stand-in parties, ready to be pasted into a policy for a test network.
//!
//! ```text
//! cargo run --example stand_in_keys -- alice bob carol
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::str::FromStr;

use bitcoin::bip32::DerivationPath;
use bitcoin::secp256k1::Secp256k1;
use longstop::signer::SoftwareSigner;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secp = Secp256k1::new();
    let account = DerivationPath::from_str("48h/1h/0h/3h")?;
    let veto = DerivationPath::from_str("48h/1h/2h/3h")?;
    let fees = DerivationPath::from_str("84h/1h/9h")?;
    for name in std::env::args().skip(1) {
        let signer = SoftwareSigner::stand_in(0, &name, &secp);
        println!("[parties.{name}]");
        println!("key  = \"{}\"", signer.account(&account, &secp));
        println!("veto = \"{}\"", signer.account(&veto, &secp));
        println!(
            "fees = \"wpkh({}/<0;1>/*)\"\n",
            signer.account(&fees, &secp)
        );
    }
    Ok(())
}

//! `longstop psbt sign`.

use std::path::PathBuf;

use bitcoin::bip32::Fingerprint;
use bitcoin::secp256k1::Secp256k1;
use clap::Args;

use super::merge::{MergedFile, RoleWord};
use super::{ReaderArgs, not_sound, recognise, refuse_taken};
use crate::arming::ArmedCoin;
use crate::ceremony::{Merged, Recognised, RecognisedOutput, Round, Speakers, What};
use crate::cli::known::StateArgs;
use crate::cli::render::{self, Prompt, Screen};
use crate::cli::replica::LedgerArgs;
use crate::cli::signing::SigningArgs;
use crate::cli::{Exit, Failure, arm, input, output};
use crate::compile::{Compiled, KeyUse, Role};

/// Sign a PSBT, once everything in it is recognised
///
/// Nothing is signed that `psbt check` refuses. Payments to somebody outside the policy are asked
/// for again, or named with --yes-to. Only the leaf that is spent is signed, and only with the keys
/// that are asked for; what a program returns besides is taken out. A trigger is signed by its path
/// only with the round at hand that holds its cancel and its settle, and by root in `arm sign`.
#[derive(Debug, Args)]
#[command(after_help = "With --json: what `psbt merge` prints.")]
pub(in crate::cli) struct Sign {
    #[command(flatten)]
    reader: ReaderArgs,
    /// The file; - for the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    signing: SigningArgs,
    /// Sign in this role only
    #[arg(long, value_enum)]
    role: Option<RoleWord>,
    /// Pay this much to this address, which is outside the policy
    #[arg(long, value_name = "ADDRESS=SATS", value_parser = payment)]
    yes_to: Vec<(String, u64)>,
    /// The armed round that a trigger belongs to
    #[arg(long, value_name = "FILE")]
    round: Option<PathBuf>,
    /// The directory of the ledger, where a party changed the key with which it speaks
    #[arg(long, value_name = "DIR", requires = "round")]
    ledger: Option<PathBuf>,
    #[command(flatten)]
    state: StateArgs,
    /// Write to this file, which must not be there yet
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

impl Sign {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        refuse_taken(&self.output)?;
        let policy = self.reader.compiled(screen)?;
        let compiled = &policy.compiled;
        let secp = Secp256k1::new();
        let mut reader = self.reader.reader(compiled, &secp);
        let recognised = recognise(&mut reader, &self.file)?;
        let file = input::file_name(&self.file);
        if !recognised.is_sound() {
            return Err(not_sound(&recognised, file));
        }
        let refused = |source| Failure::Merge {
            file: file.clone(),
            source,
        };
        let mut merged = Merged::new(&recognised).map_err(refused)?;
        if let Some(role) = self.role {
            merged = merged.only(role.into());
        }
        let roles = merged.asked().to_vec();
        self.check_trigger(screen, &recognised, &roles, compiled, &secp)?;
        let transaction = merged.transaction().clone();
        let asked: Vec<Fingerprint> = transaction
            .keys()
            .filter(|used| roles.contains(&used.role))
            .map(|used| used.fingerprint)
            .collect();
        let network = compiled.policy().network();
        let hand = self.signing.open(network, &asked, &secp)?;
        let fingerprint = hand.fingerprint();
        if !asked.contains(&fingerprint) {
            return Err(Failure::NoSeat { fingerprint, file });
        }
        self.confirm(&recognised)?;
        let wanted = |used: &KeyUse| used.fingerprint == fingerprint && roles.contains(&used.role);
        let request = transaction
            .request_for(wanted)
            .map_err(Failure::Challenge)?;
        let returned = hand.sign(request, &secp)?;
        merged
            .take(&fingerprint.to_string(), &returned, &secp)
            .map_err(refused)?;
        if merged
            .accepted
            .iter()
            .all(|(_, parties)| parties.is_empty())
        {
            return Err(Failure::NothingSigned { fingerprint });
        }
        let psbt = merged.to_psbt(compiled).map_err(refused)?;
        output::create_bytes(&self.output, &psbt.serialize())
            .map_err(|source| output::failure(&self.output, source))?;
        let result = MergedFile::of(&self.output, recognised.what, recognised.txid, merged);
        screen.show(&result, |width| render::psbt_merged(&result, width))?;
        Ok(Exit::Ok)
    }

    /// Nobody signs a trigger before he holds its complete cancel and settle.
    fn check_trigger(
        &self,
        screen: &Screen,
        recognised: &Recognised,
        roles: &[Role],
        compiled: &Compiled,
        secp: &Secp256k1<bitcoin::secp256k1::All>,
    ) -> Result<(), Failure> {
        if recognised.what != Some(What::Trigger) {
            return Ok(());
        }
        let file = input::file_name(&self.file);
        if roles.contains(&Role::Arming) {
            return Err(Failure::TriggerAlone { file });
        }
        let path = self.round.as_ref();
        let path = path.ok_or_else(|| Failure::TriggerAlone { file: file.clone() })?;
        let failed = |source| Failure::Round {
            file: input::file_name(path),
            source,
        };
        let speakers = match &self.ledger {
            Some(ledger) => {
                let ledger = LedgerArgs::of(ledger.clone(), &self.state);
                arm::speakers(&ledger, screen, compiled)?
            }
            None => Speakers::of_policy(compiled),
        };
        let bytes = input::round_bytes(path)?;
        let (round, _) = Round::read_hearing(&bytes, compiled, secp, speakers).map_err(failed)?;
        let armed = round.into_armed().map_err(failed)?;
        let mut courses = armed.iter().flat_map(ArmedCoin::courses);
        match courses.any(|course| course.trigger.txid() == recognised.txid) {
            true => Ok(()),
            false => Err(Failure::TriggerAlone { file }),
        }
    }

    /// Has every payment to somebody outside the policy confirmed.
    fn confirm(&self, recognised: &Recognised) -> Result<(), Failure> {
        let mut yes = self.yes_to.clone();
        for output in recognised.foreign() {
            let address = render::address(output);
            let said = (address.clone(), output.sats);
            if let Some(at) = yes.iter().position(|given| *given == said) {
                // One word for one payment.
                yes.remove(at);
            } else {
                ask(output, address)?;
            }
        }
        Ok(())
    }
}

/// Has amount and destination typed.
fn ask(output: &RecognisedOutput, address: String) -> Result<(), Failure> {
    use crate::author::Ask as _;
    let sats = output.sats;
    let Some(mut prompt) = Prompt::open() else {
        return Err(Failure::Unconfirmed { address, sats });
    };
    let rule = |right: String| {
        move |typed: &str| match typed.trim() == right {
            true => Ok(()),
            false => Err(format!("type `{right}`, or interrupt to sign nothing")),
        }
    };
    let question =
        format!("this pays {sats} satoshis to {address}, outside the policy; type the amount");
    let amount = rule(sats.to_string());
    prompt
        .text(&question, "", &amount)
        .map_err(Failure::Unanswered)?;
    let to = rule(address);
    prompt
        .text("type the destination", "", &to)
        .map_err(Failure::Unanswered)?;
    Ok(())
}

fn payment(text: &str) -> Result<(String, u64), String> {
    let parts = text.rsplit_once('=');
    let parts = parts.and_then(|(address, sats)| Some((address.to_owned(), sats.parse().ok()?)));
    parts.ok_or_else(|| "write it like `bcrt1q…=50000`, in satoshis".to_owned())
}

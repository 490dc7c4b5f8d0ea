//! `longstop watch`: what happens to the coins of a vault, and what is due.

mod hook;
mod look;
mod outlet;
mod page;
mod tower;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use bitcoin::FeeRate;
use clap::{Args, ValueEnum};

use self::look::Watcher;
use self::outlet::Outlet;
use super::backend::BackendArgs;
use super::custody::CustodyArgs;
use super::failure::WatchFailure;
use super::fees::FeeArgs;
use super::render::{Live, Screen};
use super::signing::SigningArgs;
use super::vault::VaultArgs;
use super::{Exit, Failure};
use crate::watch::{Rule, Severity};

/// Watch a vault: tell what happens to its coins, and what is due
///
/// The chain and the ledger are looked at again and again. What happened meanwhile is told in its
/// order, once; what was told is remembered in the vault, and if that is lost, what holds is told
/// once more and marked. Between two looks the vault is open to other commands.
///
/// SIGINT and SIGTERM end it after the look and the hooks that are under way, with exit code 0.
/// With --once, exit code 6 means that a warning or an alarm was told.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json, and in --log, each notice is one line of JSON: vault, policy_id, network, told_at, kind,\nseverity, coin, txid, path, text, at {height} or {median-time}, due {at, about}, first_look, missed and\nkey, which is the same whenever the same thing is told. Hooks are given the same line."
)]
pub(super) struct Watch {
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    backend: BackendArgs,
    /// The ledger, if it is not the one in the vault
    #[arg(long, value_name = "DIR")]
    ledger: Option<PathBuf>,
    /// Look every so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
    /// Look once, tell what is new, and end
    #[arg(long)]
    once: bool,
    /// Run this program for each notice, with the notice as JSON on its standard input
    #[arg(long, value_name = "PROGRAM")]
    hook: Vec<PathBuf>,
    /// Give the hooks this argument
    #[arg(
        long,
        value_name = "ARGUMENT",
        requires = "hook",
        allow_hyphen_values = true
    )]
    hook_arg: Vec<String>,
    /// End a hook that takes longer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    hook_limit: u64,
    /// Run hooks for notices of this severity or more
    #[arg(long, value_name = "SEVERITY", default_value = "note")]
    hook_from: HookFrom,
    /// Answer on this address of this machine with numbers for Prometheus, such as 127.0.0.1:9617
    #[arg(long, value_name = "ADDRESS", conflicts_with = "once")]
    metrics: Option<SocketAddr>,
    /// Append each notice to this file, one JSON document to a line
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Show coins with countdowns, where the output is a terminal
    #[arg(long, conflicts_with = "once")]
    live: bool,
    /// Take over a cancel that veto holders have completed in advance, and send it by the rule
    #[arg(long, value_name = "FILE")]
    delegate_veto: Vec<PathBuf>,
    /// When cancels are sent that veto holders have completed: by files that they left here, or by
    /// `longstop sos veto`
    #[arg(long, value_name = "RULE")]
    veto_rule: Option<VetoRule>,
    /// Pay fee children of such cancels from the fee wallet of this party
    #[arg(long, value_name = "PARTY")]
    broadcaster: Option<String>,
    #[command(flatten)]
    fees_of_cancels: FeeArgs,
    #[command(flatten)]
    signing: SigningArgs,
    /// Look after the fee wallet of this party
    #[arg(long, value_name = "PARTY")]
    fees: Vec<String>,
    /// Reckon what a fee wallet should have for this feerate
    #[arg(long, value_name = "SAT/VB", default_value = "100")]
    stress: NonZeroU32,
    /// Keys have to be shown again after so many days; asked where attestations are given
    #[arg(long, value_name = "DAYS", default_value = "180")]
    keys_every: NonZeroU32,
    #[command(flatten)]
    custody: CustodyArgs,
}

/// From which severity on hooks run.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum HookFrom {
    Note,
    Warning,
    Alarm,
}

/// When cancels are sent.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum VetoRule {
    /// Whenever there is a trigger
    OnAnyTrigger,
    /// Unless a case about the path is activated
    UnlessActivated,
}

impl HookFrom {
    const fn severity(self) -> Severity {
        match self {
            Self::Note => Severity::Note,
            Self::Warning => Severity::Warning,
            Self::Alarm => Severity::Alarm,
        }
    }
}

impl Watch {
    /// The rule, if cancels are sent at all.
    fn rule(&self) -> Option<Rule> {
        let is_left = !self.delegate_veto.is_empty();
        let rule = self
            .veto_rule
            .or(is_left.then_some(VetoRule::OnAnyTrigger))?;
        Some(match rule {
            VetoRule::OnAnyTrigger => Rule::OnAnyTrigger,
            VetoRule::UnlessActivated => Rule::UnlessActivated,
        })
    }

    fn stress(&self) -> FeeRate {
        let rate = FeeRate::from_sat_per_vb(u64::from(self.stress.get()));
        rate.unwrap_or(crate::transaction::MAX_FEERATE)
    }

    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut outlet = Outlet::open(self)?;
        let mut watcher = Watcher::new(self, screen);
        if self.once {
            return self.once(&mut watcher, &mut outlet, screen);
        }
        let end = signals()?;
        let page = self.metrics.map(page::serve).transpose()?;
        if let Some(page) = &page {
            screen.note(&format!("numbers are at http://{}/metrics", page.address()));
        }
        let mut live = match self.live && !screen.is_json() {
            true => Live::begin()?,
            false => None,
        };
        loop {
            let seen = watcher.look()?;
            if let Some(seen) = &seen {
                if let Some(page) = &page {
                    page.take(&seen.facts, &seen.notices);
                }
                if let Some(live) = &mut live {
                    live.take(&seen.facts, &seen.notices)?;
                }
                let quiet = live.is_some();
                let more = outlet.tell(&seen.about, &seen.notices, screen, quiet)?;
                if let (Some(page), false) = (&page, more.is_empty()) {
                    page.add(&more);
                }
                if let (Some(live), false) = (&mut live, more.is_empty()) {
                    live.add(&more)?;
                }
            }
            watcher.told()?;
            if self.is_over(&end, live.as_mut())? {
                break;
            }
        }
        drop(live);
        screen.note("ended; what was told is remembered");
        Ok(Exit::Ok)
    }

    fn once(
        &self,
        watcher: &mut Watcher<'_>,
        outlet: &mut Outlet,
        screen: &Screen,
    ) -> Result<Exit, Failure> {
        let Some(seen) = watcher.look()? else {
            return Err(WatchFailure::Busy {
                directory: self.vault.name(),
            }
            .into());
        };
        let more = outlet.tell(&seen.about, &seen.notices, screen, false)?;
        watcher.told()?;
        let all = seen.notices.iter().chain(&more);
        let is_pressing = all
            .map(|notice| notice.severity)
            .any(|severity| severity > Severity::Note);
        Ok(match is_pressing {
            true => Exit::Pending,
            false => Exit::Ok,
        })
    }

    /// Waits for the next look; whether there is to be none.
    fn is_over(&self, end: &Receiver<()>, live: Option<&mut Live>) -> Result<bool, Failure> {
        let wait = Duration::from_secs(self.every);
        let Some(live) = live else {
            return Ok(has_ended(end, wait));
        };
        let mut waited = Duration::ZERO;
        while waited < wait {
            if has_ended(end, Duration::ZERO) || live.wants_to_end()? {
                return Ok(true);
            }
            waited += Live::PAUSE;
        }
        Ok(false)
    }
}

/// Whether a signal has come by then.
fn has_ended(end: &Receiver<()>, wait: Duration) -> bool {
    matches!(
        end.recv_timeout(wait),
        Ok(()) | Err(RecvTimeoutError::Disconnected)
    )
}

/// Where SIGINT and SIGTERM are told.
fn signals() -> Result<Receiver<()>, Failure> {
    let (tell, end) = channel();
    // Nobody waits any more: then it is ending already.
    ctrlc::set_handler(move || {
        let _ = tell.send(());
    })
    .map_err(WatchFailure::Signals)?;
    Ok(end)
}

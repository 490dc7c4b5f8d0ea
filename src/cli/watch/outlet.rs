//! Where notices go: to the screen, into a file, and to hooks.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::{Watch, hook};
use crate::cli::custody::unix_time;
use crate::cli::render::{Screen, json_line};
use crate::cli::{Failure, input};
use crate::policy::Network;
use crate::units::format_date_time;
use crate::watch::{Kind, Notice, Severity};

/// Which vault notices are about.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub vault: String,
    pub policy_id: String,
    pub network: Network,
}

/// A notice as others are given it.
#[derive(Serialize)]
struct Event<'a> {
    vault: &'a str,
    policy_id: &'a str,
    network: Network,
    /// When it was told, by the clock of this machine, in UTC.
    told_at: String,
    #[serde(flatten)]
    notice: &'a Notice,
}

/// Where notices go.
pub(super) struct Outlet {
    log: Option<(String, File)>,
    hooks: Vec<PathBuf>,
    arguments: Vec<String>,
    limit: Duration,
    from: Severity,
}

impl Outlet {
    pub(super) fn open(args: &Watch) -> Result<Self, Failure> {
        let log = args.log.as_ref().map(|path| {
            let file = input::file_name(path);
            let opened = OpenOptions::new().append(true).create(true).open(path);
            match opened {
                Ok(opened) => Ok((file, opened)),
                Err(source) => Err(Failure::Write { file, source }),
            }
        });
        Ok(Self {
            log: log.transpose()?,
            hooks: args.hook.clone(),
            arguments: args.hook_arg.clone(),
            limit: Duration::from_secs(args.hook_limit),
            from: args.hook_from.severity(),
        })
    }

    /// Tells notices, and returns those that came of it: hooks that failed.
    pub(super) fn tell(
        &mut self,
        about: &About,
        notices: &[Notice],
        screen: &Screen,
        quiet: bool,
    ) -> Result<Vec<Notice>, Failure> {
        let mut more = Vec::new();
        for notice in notices {
            let line = self.write(about, notice, screen, quiet)?;
            if notice.severity < self.from {
                continue;
            }
            for program in &self.hooks {
                let run = hook::run(program, &self.arguments, &line, self.limit);
                if let Err(why) = run {
                    more.push(failed(&input::file_name(program), notice, &why));
                }
            }
        }
        // No hook is run for a hook that failed.
        for notice in &more {
            self.write(about, notice, screen, quiet)?;
        }
        Ok(more)
    }

    fn write(
        &mut self,
        about: &About,
        notice: &Notice,
        screen: &Screen,
        quiet: bool,
    ) -> Result<String, Failure> {
        let event = Event {
            vault: &about.vault,
            policy_id: &about.policy_id,
            network: about.network,
            told_at: format_date_time(unix_time(SystemTime::now())),
            notice,
        };
        let line = json_line(&event)?;
        if !quiet {
            screen.notice(notice, &line)?;
        }
        if let Some((file, log)) = &mut self.log {
            let written = log.write_all(line.as_bytes()).and_then(|()| log.flush());
            written.map_err(|source| Failure::Write {
                file: file.clone(),
                source,
            })?;
        }
        Ok(line)
    }
}

/// That a hook did not do what it should.
fn failed(program: &str, about: &Notice, why: &str) -> Notice {
    Notice {
        kind: Kind::HookFailed,
        severity: Kind::HookFailed.severity(),
        coin: about.coin,
        txid: about.txid,
        path: about.path.clone(),
        text: format!(
            "the hook `{program}` was to be told `{}`, and {why}",
            about.kind
        ),
        at: None,
        due: None,
        first_look: false,
        missed: false,
        key: format!("{}:{program}:{}", Kind::HookFailed, about.key),
    }
}

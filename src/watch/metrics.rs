//! Numbers for those who watch the watcher, in the text format of Prometheus, version 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::facts::Facts;
use super::notice::{Kind, Notice, Severity};
use crate::chain::ChainTip;
use crate::compile::Stage;
use crate::units::UnixTime;

/// What is counted.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    tip: Option<ChainTip>,
    /// By stage: how many coins, and what they are worth in satoshis.
    coins: BTreeMap<Stage, [u64; 2]>,
    told: BTreeMap<Kind, u64>,
    looks: u64,
    last: Option<UnixTime>,
    is_in_trouble: bool,
    is_unwritten: bool,
}

impl Metrics {
    /// Takes what a look has brought; `now` is what the clock of the machine shows.
    pub fn take(&mut self, facts: &Facts, notices: &[Notice], now: UnixTime) {
        self.looks += 1;
        self.last = Some(now);
        self.is_in_trouble = !facts.trouble.is_empty();
        self.add(notices);
        let Some(chain) = &facts.chain else { return };
        self.tip = Some(chain.tip);
        self.is_unwritten = facts.unwritten.is_some();
        // A stage that is empty now shows that it is.
        self.coins.values_mut().for_each(|of| *of = [0, 0]);
        for coin in &chain.coins {
            let [count, sats] = self.coins.entry(coin.stage.clone()).or_default();
            if coin.spend.is_none() {
                *count += 1;
                *sats += coin.amount.to_sat();
            }
        }
    }

    /// Takes notices that came of no look.
    pub fn add(&mut self, notices: &[Notice]) {
        for notice in notices {
            *self.told.entry(notice.kind).or_default() += 1;
        }
    }

    /// The numbers as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut page = Page::default();
        page.head(
            "longstop_watch_looks_total",
            "counter",
            "How often the chain was looked at.",
        );
        page.line("longstop_watch_looks_total", &[], self.looks);
        if let Some(last) = self.last {
            page.head(
                "longstop_watch_last_look_timestamp_seconds",
                "gauge",
                "When the chain was looked at last.",
            );
            page.line(
                "longstop_watch_last_look_timestamp_seconds",
                &[],
                u64::from(last.0),
            );
        }
        page.head(
            "longstop_watch_chain_trouble",
            "gauge",
            "Whether the chain is silent, stale, or contradicts itself.",
        );
        page.line(
            "longstop_watch_chain_trouble",
            &[],
            u64::from(self.is_in_trouble),
        );
        page.head(
            "longstop_watch_unwritten",
            "gauge",
            "Whether the last reading of the chain could not be written down for other commands.",
        );
        page.line(
            "longstop_watch_unwritten",
            &[],
            u64::from(self.is_unwritten),
        );
        if let Some(tip) = self.tip {
            page.head("longstop_chain_height", "gauge", "The height of the tip.");
            page.line("longstop_chain_height", &[], u64::from(tip.time.height.0));
            page.head(
                "longstop_chain_median_time_seconds",
                "gauge",
                "The median time past at the tip.",
            );
            let time = u64::from(tip.time.median_time_past.0);
            page.line("longstop_chain_median_time_seconds", &[], time);
        }
        page.head(
            "longstop_coins",
            "gauge",
            "Unspent coins by stage and path.",
        );
        for (stage, [count, _]) in &self.coins {
            page.line("longstop_coins", &labels(stage), *count);
        }
        page.head(
            "longstop_coins_sats",
            "gauge",
            "What they are worth, in satoshis.",
        );
        for (stage, [_, sats]) in &self.coins {
            page.line("longstop_coins_sats", &labels(stage), *sats);
        }
        page.head(
            "longstop_watch_notices_total",
            "counter",
            "Notices that were told since the watcher began.",
        );
        for kind in Kind::ALL {
            let count = self.told.get(kind).copied().unwrap_or(0);
            let severity: Severity = kind.severity();
            let labels = [("kind", kind.word()), ("severity", severity.word())];
            page.line("longstop_watch_notices_total", &labels, count);
        }
        page.text
    }
}

fn labels(stage: &Stage) -> [(&'static str, &str); 2] {
    let word = match stage {
        Stage::Vault => "vault",
        Stage::Escrow(_) => "escrow",
        Stage::Lockup(_) => "lock-up",
    };
    [("stage", word), ("path", stage.path().unwrap_or(""))]
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.text.push_str(name);
        for (number, (label, text)) in labels.iter().enumerate() {
            let text = text
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let before = if number == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{before}{label}=\"{text}\"");
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

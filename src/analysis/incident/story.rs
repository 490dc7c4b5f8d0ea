//! The events of an incident, one after the other, with the blocks that go by.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use toml::Value;

use super::super::Power;
use super::super::opening::Opening;
use super::Sides;
use crate::policy::{ItemKind, Lockup, Quorum, SpendingPath, Staged};
use crate::units::{AbsoluteLock, BLOCKS_PER_DAY, RelativeLock, UnixTime, format_date};

/// When chains start, unless a date in the policy asks for another day: in 2021.
const START: UnixTime = UnixTime(1_609_459_200);

/// The earliest start, after the first block of regtest in 2011.
const EARLIEST: UnixTime = UnixTime(1_300_000_000);

/// The most blocks that are told, somewhat less than an incident may take.
const MAX_BLOCKS: u64 = 500_000;

/// Blocks by which the median time past can lag behind the clock.
const LAG: u64 = 12;

/// Deposits at the start can take more blocks than are counted, for the fee wallets.
const PREPARATION: u64 = 150;

/// What is left of a coin for one payee, of the whole coin that is deposited.
const MOST_OF_IT: &str = "0.99 BTC";

/// Whose doing an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The coalition's.
    Them,
    /// That of everybody else.
    Others,
    /// That of everybody who could.
    Everybody,
}

/// An incident that is being told.
pub(super) struct Story<'a> {
    pub sides: &'a Sides<'a>,
    start: UnixTime,
    events: String,
    /// How many blocks have been mined since the first deposit.
    now: u64,
    /// Since when each coin is in its stage.
    since: BTreeMap<String, u64>,
    coins: BTreeMap<String, String>,
    holds: BTreeMap<String, String>,
}

pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| quoted(name)).collect();
    format!("[{}]", names.join(", "))
}

impl<'a> Story<'a> {
    pub fn new(sides: &'a Sides<'a>) -> Self {
        Self {
            sides,
            start: START,
            events: String::new(),
            now: 0,
            since: BTreeMap::new(),
            coins: BTreeMap::new(),
            holds: BTreeMap::new(),
        }
    }

    /// The whole file; nothing of it promises more than what is told.
    pub fn text(&self, claim: &str, about: &str, policy_file: &str) -> String {
        let mut text = format!(
            "# A counterexample to a claim, as `longstop analyze --counterexample` found it.\n\n[incident]\nname   = {}\nabout  = {}\npolicy = {}\nstart  = \"{}T00:00:00Z\"\n",
            quoted(&format!("against: {claim}")),
            quoted(about),
            quoted(policy_file),
            format_date(self.start),
        );
        text.push_str(&self.events);
        let mut table = |name: &str, expected: &BTreeMap<String, String>| {
            if !expected.is_empty() {
                let _ = writeln!(text, "\n[expect.{name}]");
            }
            for (name, value) in expected {
                let _ = writeln!(text, "{name} = {}", quoted(value));
            }
        };
        table("coins", &self.coins);
        table("holds", &self.holds);
        text
    }

    // --- time -------------------------------------------------------------------------------------

    /// Starts so late that everything with a date among these is past it; whether that can be.
    pub fn after_dates<'b>(&mut self, opens: impl Iterator<Item = &'b Opening>) -> bool {
        for opens in opens {
            match opens.unlock {
                None => {}
                Some(AbsoluteLock::Time(date)) => {
                    let Some(later) = date.0.checked_add(2 * 86_400) else {
                        return false;
                    };
                    self.start = self.start.max(UnixTime(later));
                }
                Some(AbsoluteLock::Height(height)) => {
                    let is_reached = self.wait_until(u64::from(height.0));
                    if !is_reached {
                        return false;
                    }
                }
            }
        }
        // A lock of ten years must fit behind it.
        self.start.0 < u32::MAX - 400_000_000
    }

    /// Starts so early that for so many seconds no date among these comes; whether that can be.
    pub fn before_dates<'b>(
        &mut self,
        opens: impl Iterator<Item = &'b Opening>,
        seconds: u64,
    ) -> bool {
        for opens in opens {
            match opens.unlock {
                None => {}
                Some(AbsoluteLock::Time(date)) => {
                    let margin = seconds + 30 * 86_400;
                    let Some(earlier) = u64::from(date.0).checked_sub(margin) else {
                        return false;
                    };
                    let earlier = u32::try_from(earlier).unwrap_or(u32::MAX);
                    self.start = self.start.min(UnixTime(earlier));
                }
                Some(AbsoluteLock::Height(height)) => {
                    let blocks = seconds / 600 + PREPARATION * 10;
                    if u64::from(height.0) <= blocks {
                        return false;
                    }
                }
            }
        }
        self.start >= EARLIEST
    }

    /// The block after which a way out of its stage is open to a coin.
    pub fn opens_at(&self, coin: &str, opens: &Opening) -> u64 {
        let since = self.since.get(coin).copied().unwrap_or_default();
        let age = opens.age.map_or(0, |age| match age {
            // The next block may hold what waits for one more.
            RelativeLock::Blocks(_) => u64::from(age.expected_blocks().0).saturating_sub(1),
            RelativeLock::Units512(_) => u64::from(age.expected_blocks().0) + LAG,
        });
        since + age
    }

    /// The last block after which a coin is not yet so many seconds old.
    pub fn deadline(&self, coin: &str, seconds: u64) -> u64 {
        let since = self.since.get(coin).copied().unwrap_or_default();
        since + (seconds / 600).saturating_sub(1)
    }

    pub const fn now(&self) -> u64 {
        self.now
    }

    /// Mines until then; whether that is not too long.
    pub fn wait_until(&mut self, block: u64) -> bool {
        if block > MAX_BLOCKS {
            return false;
        }
        if let Some(blocks) = block.checked_sub(self.now).filter(|blocks| *blocks > 0) {
            let days = blocks / u64::from(BLOCKS_PER_DAY);
            let _ = write!(self.events, "\n[[event]]\nmine = {blocks}\n");
            if days > 1 {
                let _ = writeln!(self.events, "note = \"about {days} days\"");
            }
            self.now = block;
        }
        true
    }

    // --- what happens -----------------------------------------------------------------------------

    /// A remark.
    pub fn note(&mut self, note: &str) {
        let _ = write!(self.events, "\n[[event]]\nnote = {}\n", quoted(note));
    }

    /// A coin comes in.
    pub fn deposit(&mut self, coin: &str) {
        let _ = write!(
            self.events,
            "\n[[event]]\ndeposit = {{ coin = {}, amount = \"1 BTC\" }}\n",
            quoted(coin)
        );
        self.now += 1;
        self.since.insert(coin.to_owned(), self.now);
    }

    /// Coins come in, each to be armed on a path, and are armed.
    pub fn armed(&mut self, coins: &[(String, String)]) {
        for (coin, _) in coins {
            self.deposit(coin);
        }
        self.wait_until(self.now + 6);
        for (coin, path) in coins {
            let _ = write!(
                self.events,
                "\n[[event]]\narm = {{ coin = {}, path = {} }}\n",
                quoted(coin),
                quoted(path)
            );
        }
    }

    /// The keys of the coalition are in one hand.
    pub fn compromise(&mut self) {
        for domain in &self.sides.domains {
            let name = domain.name.as_deref().unwrap_or_default();
            let _ = write!(
                self.events,
                "\n[[event]]\nseize = {{ domain = \"{}\", value = {}, effect = \"compromise\" }}\n",
                domain.kind,
                quoted(name)
            );
        }
        if self.sides.domains.is_empty() {
            let names = list(&self.sides.mine);
            let _ = write!(self.events, "\n[[event]]\ncompromise = {names}\n");
        }
    }

    /// The keys of the coalition are lost.
    pub fn lose(&mut self) {
        if !self.sides.mine.is_empty() {
            let names = list(&self.sides.mine);
            let _ = write!(self.events, "\n[[event]]\nlose = {names}\n");
        }
    }

    /// A step is taken, or refused for such a class.  Nothing is told of a step for which there is
    /// nobody at all.
    pub fn step(
        &mut self,
        by: By,
        (power, path): (Power, Option<&str>),
        coin: &str,
        refused: Option<&str>,
    ) {
        let names = self.signers(by, power, path);
        if names.is_empty() {
            return;
        }
        let word = match power {
            Power::SkipLockup => "recover",
            power => power.words().0,
        };
        let mut fields = format!("coin = {}", quoted(coin));
        if let (Power::Trigger | Power::Recover, Some(path)) = (power, path) {
            let _ = write!(fields, ", path = {}", quoted(path));
        }
        let _ = write!(fields, ", by = {}", list(&names));
        let payee = match by {
            By::Them => "thief",
            By::Others | By::Everybody => "owner",
        };
        let pays_some = power == Power::Spend || (power == Power::Settle && !self.has_lockup(path));
        let pays_all = matches!(power, Power::Recover | Power::Release | Power::SkipLockup);
        if pays_some {
            let _ = write!(fields, ", to = \"{payee}\", amount = \"{MOST_OF_IT}\"");
        } else if pays_all {
            let _ = write!(fields, ", to = \"{payee}\"");
        }
        let _ = write!(self.events, "\n[[event]]\n{word} = {{ {fields} }}\n");
        if let Some(class) = refused {
            let _ = writeln!(self.events, "refused = \"{class}\"");
            return;
        }
        self.now += 1;
        self.since.insert(coin.to_owned(), self.now);
        if pays_some || pays_all {
            self.holds
                .insert(payee.to_owned(), format!("at least {}", "0.98 BTC"));
        }
    }

    /// Everybody else tries, and too few of them are left.
    pub fn too_few(&mut self, step: (Power, Option<&str>), coin: &str) {
        self.step(By::Others, step, coin, Some("missing-signatures"));
    }

    /// Where a coin is at the end.
    pub fn expect(&mut self, coin: &str, stage: &str) {
        self.coins.insert(coin.to_owned(), stage.to_owned());
    }

    /// A coin is in the vault at the end, if it is nowhere else.
    pub fn stays(&mut self, coin: &str) {
        self.coins
            .entry(coin.to_owned())
            .or_insert_with(|| "vault".to_owned());
    }

    /// Who holds nothing at the end.
    pub fn expect_nothing(&mut self, payee: &str) {
        if self.events.contains(&format!("to = \"{payee}\"")) {
            self.holds.insert(payee.to_owned(), "nothing".to_owned());
        }
    }

    // --- who --------------------------------------------------------------------------------------

    pub fn has_lockup(&self, path: Option<&str>) -> bool {
        self.staged(path)
            .is_some_and(|staged| staged.lockup().is_some())
    }

    fn staged(&self, path: Option<&str>) -> Option<&'a Staged> {
        self.sides.policy.path(path?)?.staged()
    }

    /// Those of a side who have a part in a step.
    fn signers(&self, by: By, power: Power, path: Option<&str>) -> Vec<String> {
        let policy = self.sides.policy;
        let acting = path
            .and_then(|path| policy.path(path))
            .map(SpendingPath::quorum);
        let staged = self.staged(path);
        let releasing = staged
            .and_then(Staged::lockup)
            .and_then(Lockup::quorum)
            .or(acting)
            .map(AsRef::as_ref);
        let root: &Quorum = policy.root().quorum();
        let acting: Option<&Quorum> = acting.map(AsRef::as_ref);
        let veto: Option<&Quorum> = staged.map(|staged| AsRef::as_ref(staged.veto()));
        let quorums: Vec<Option<&Quorum>> = match power {
            Power::Spend | Power::Override | Power::Clawback => vec![Some(root)],
            Power::Trigger | Power::Recover => vec![acting],
            Power::Cancel => vec![veto],
            Power::Release | Power::SkipLockup => vec![releasing],
            // Whoever has a copy of the file can send it.
            Power::Settle if self.has_lockup(path) => {
                vec![acting, veto, releasing, Some(root)]
            }
            Power::Settle => vec![acting],
        };
        let mut names: Vec<String> = Vec::new();
        for name in quorums.into_iter().flatten().flat_map(Quorum::roll) {
            let is_of_side = match by {
                By::Them => self.sides.mine.contains(name),
                By::Others => self.sides.theirs.contains(name),
                By::Everybody => true,
            };
            if is_of_side && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        // A cancel that was completed in advance needs nobody but its watchtower.
        if names.is_empty() && power == Power::Cancel && by == By::Them {
            let towers = policy.items().filter(|item| {
                let is_of_path = path.is_some_and(|path| item.paths().iter().any(|of| of == path));
                is_of_path && item.kind() == ItemKind::Watchtower
            });
            names.extend(towers.map(|item| item.name().to_owned()).take(1));
        }
        names
    }
}

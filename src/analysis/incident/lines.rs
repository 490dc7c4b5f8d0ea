//! What happens in each kind of counterexample.

use super::super::Power;
use super::super::claim::Counterexample;
use super::super::opening::Opening;
use super::super::play::{Armed, Play, Route, StagedPlay};
use super::story::{By, Story};
use super::{Told, told};
use crate::logic::Formula;

/// The coin, where there is only one.
const COIN: &str = "reserve";

/// The stage of a coin after a step.
fn stage(step: (Power, Option<&str>), has_lockup: bool) -> String {
    match (step.0, step.1) {
        (Power::Trigger, Some(path)) => format!("escrow of {path}"),
        (Power::Settle, Some(path)) if has_lockup => format!("lock-up of {path}"),
        (Power::Cancel | Power::Override | Power::Clawback, _) => "vault".to_owned(),
        _ => "gone".to_owned(),
    }
}

/// A way that is tried with a coin, until a time is over.
struct Line {
    coin: String,
    /// What is still to do.
    steps: Vec<Told>,
    /// The last block after which the coin is not too old.
    end: Option<u64>,
}

impl Line {
    fn of(coin: &str, steps: &[Told], taken: usize, end: Option<u64>) -> Self {
        Self {
            coin: coin.to_owned(),
            steps: steps.iter().skip(taken).cloned().collect(),
            end,
        }
    }
}

impl Story<'_> {
    /// The coalition takes the coin, and nobody does anything.
    pub fn theft(&mut self, found: &Counterexample) -> bool {
        let steps = told(found);
        if !self.after_dates(steps.iter().map(|(_, _, opens)| opens)) {
            return false;
        }
        self.begun(&steps);
        self.compromise();
        for (power, path, opens) in &steps {
            if !self.wait_until(self.opens_at(COIN, opens)) {
                return false;
            }
            self.step(By::Them, (*power, path.as_deref()), COIN, None);
        }
        true
    }

    /// A coin, armed on the path by which these steps lead.
    fn begun(&mut self, steps: &[Told]) {
        let triggers = steps.iter().find(|(power, ..)| *power == Power::Trigger);
        match triggers.and_then(|(_, path, _)| path.clone()) {
            Some(path) => self.armed(&[(COIN.to_owned(), path)]),
            None => self.deposit(COIN),
        }
    }

    /// The coalition takes the coin although everybody else does what he can: he undoes triggers as
    /// often as he can, and tries the rest in vain.
    pub fn defended_theft(&mut self, found: &Counterexample) -> bool {
        let steps = told(found);
        let limited = found.time.map(|seconds| self.sides.play.before(seconds));
        let play = limited.as_ref().unwrap_or(self.sides.play);
        let directs = play.directs().iter().map(|direct| &direct.opens);
        let opens = steps.iter().map(|(_, _, opens)| opens);
        if !self.after_dates(opens.chain(directs)) {
            return false;
        }
        self.begun(&steps);
        self.compromise();
        let armed_on = steps.iter().find_map(|(power, path, _)| {
            let path = path.as_ref().filter(|_| *power == Power::Trigger)?;
            play.staged().iter().find(|staged| staged.path == *path)
        });
        let mut left = armed_on.map_or(0, |staged| staged.depth);
        let mut plan = steps.clone();
        let mut taken = 0;
        // Each turn takes a step, or begins again after a trigger that was undone.
        while let Some((power, path, opens)) = plan.get(taken).cloned() {
            taken += 1;
            let step = (power, path.as_deref());
            let defences: &[Power] = match power {
                Power::Recover => &[Power::Spend],
                Power::Settle | Power::SkipLockup => &[Power::Override, Power::Cancel],
                Power::Release if self.has_clawback(play, path.as_deref()) => &[Power::Clawback],
                _ => &[],
            };
            for defence in defences {
                let undone = match (defence, armed_on) {
                    (Power::Cancel, Some(staged)) => self.sides.others_can(&staged.cancel),
                    _ => false,
                };
                if !undone {
                    if self.is_in_time(*defence, play, &opens) {
                        self.too_few((*defence, path.as_deref()), COIN);
                    }
                    continue;
                }
                self.step(By::Others, (*defence, path.as_deref()), COIN, None);
                let Some(again) = armed_on.and_then(|staged| self.again(play, staged, left)) else {
                    return false;
                };
                plan = again;
                taken = 0;
                break;
            }
            if taken == 0 {
                continue;
            }
            left = left.saturating_sub(u8::from(power == Power::Trigger));
            if !self.wait_until(self.opens_at(COIN, &opens)) {
                return false;
            }
            self.step(By::Them, step, COIN, None);
        }
        true
    }

    /// Whether a defence opens before what it is against: root needs a block.
    fn is_in_time(&self, defence: Power, play: &Play, opens: &Opening) -> bool {
        match defence {
            Power::Spend | Power::Override => play.root_opens().is_before(opens),
            _ => true,
        }
    }

    fn has_clawback(&self, play: &Play, path: Option<&str>) -> bool {
        let staged = play.staged().iter();
        let staged = staged.filter(|staged| Some(staged.path.as_str()) == path);
        staged
            .filter_map(|staged| staged.lockup.as_ref())
            .any(|lockup| lockup.clawback)
    }

    /// How the coalition begins anew from a vault coin that is armed so often on one path.
    fn again(&self, play: &Play, staged: &StagedPlay, left: u8) -> Option<Vec<Told>> {
        let armed = match left {
            0 => Armed::Unarmed,
            _ => Armed::Armed,
        };
        let mut routes = play.routes(armed);
        routes.retain(|route| {
            let is_on = route.steps.iter().all(|(power, path, _)| {
                matches!(power, Power::Spend | Power::Recover)
                    || path.as_deref() == Some(staged.path.as_str())
            });
            is_on && self.sides.holds(&route.defended)
        });
        routes.sort_by_key(Route::seconds);
        routes.into_iter().next().map(|route| route.steps)
    }

    /// The coalition refuses, and undoes what the others begin.
    pub fn freeze(&mut self, is_armed: bool) -> bool {
        let play = self.sides.play;
        let staged = play.staged();
        if !is_armed || staged.is_empty() {
            self.deposit(COIN);
            self.note("they refuse, and everybody else tries what there is");
            self.try_vault(COIN, play);
            self.expect(COIN, "vault");
            self.expect_nothing("owner");
            return true;
        }
        let frozen = |staged: &StagedPlay| {
            let in_vault = play.frozen_in_vault(&valued(play, staged, staged.depth - 1));
            self.sides.holds(&play.frozen_in_escrow(staged, &in_vault))
        };
        let directs = play.directs().iter();
        let closed = |formula: &Formula| !self.sides.others_can(formula);
        let is_held = closed(play.root())
            && directs.clone().all(|direct| closed(&direct.acts))
            && staged
                .iter()
                .all(|staged| closed(&staged.trigger) || frozen(staged));
        let moved = staged
            .iter()
            .find(|staged| self.sides.holds(&staged.trigger) && frozen(staged));
        let told: Vec<&StagedPlay> = match (is_held, moved) {
            (true, _) => staged.iter().collect(),
            (false, Some(moved)) => vec![moved],
            (false, None) => return false,
        };
        let coins: Vec<(String, String)> = (1..)
            .zip(&told)
            .map(|(number, staged)| (format!("reserve-{number}"), staged.path.clone()))
            .collect();
        self.armed(&coins);
        for ((coin, _), staged) in coins.iter().zip(told) {
            self.note(match is_held {
                true => "they refuse, and everybody else tries what there is",
                false => "they trigger before the others can move the coin",
            });
            if !self.frozen_line(coin, staged, is_held) {
                return false;
            }
        }
        self.expect_nothing("owner");
        true
    }

    /// What becomes of a coin that is armed on one path, until nobody else can move it any more.
    fn frozen_line(&mut self, coin: &str, staged: &StagedPlay, mut waits: bool) -> bool {
        let play = self.sides.play;
        let path = Some(staged.path.as_str());
        let mut left = staged.depth;
        loop {
            let by = match waits {
                true => By::Others,
                false => By::Them,
            };
            if left == 0 {
                self.step(By::Others, (Power::Trigger, path), coin, Some("not-armed"));
            }
            if waits {
                self.try_vault(coin, play);
            }
            if left == 0 || (waits && !self.sides.others_can(&staged.trigger)) {
                if left > 0 {
                    self.too_few((Power::Trigger, path), coin);
                }
                self.expect(coin, "vault");
                return true;
            }
            self.step(by, (Power::Trigger, path), coin, None);
            left -= 1;
            let in_vault = play.frozen_in_vault(&valued(play, staged, left));
            let back = self.sides.holds(&in_vault);
            if back && self.sides.holds(&staged.cancel) {
                self.step(By::Them, (Power::Cancel, path), coin, None);
            } else if self.sides.others_can(&staged.cancel) {
                self.step(By::Others, (Power::Cancel, path), coin, None);
            } else {
                return self.stuck_in_escrow(coin, staged);
            }
            // Whether they have to trigger once more themselves.
            waits = !self.sides.others_can(play.root())
                && play
                    .directs()
                    .iter()
                    .all(|direct| !self.sides.others_can(&direct.acts));
        }
    }

    /// Nobody else gets a coin out of an escrow, or out of its lock-up.
    fn stuck_in_escrow(&mut self, coin: &str, staged: &StagedPlay) -> bool {
        let path = Some(staged.path.as_str());
        if self.sides.others_can(self.sides.play.root()) {
            // They are only too late where the window may end in root's first block.
            return false;
        }
        self.too_few((Power::Cancel, path), coin);
        self.too_few((Power::Override, path), coin);
        if !self.wait_until(self.opens_at(coin, &staged.window)) {
            return false;
        }
        let Some(lockup) = &staged.lockup else {
            self.too_few((Power::Settle, path), coin);
            self.expect(coin, &format!("escrow of {}", staged.path));
            return true;
        };
        let by = match self.sides.holds(&staged.settle) {
            true => By::Them,
            false => By::Others,
        };
        let settles = by == By::Them || self.sides.others_can(&staged.settle);
        // Even the way without the lock-up is closed to them.
        self.too_few((Power::SkipLockup, path), coin);
        if !settles {
            self.expect(coin, &format!("escrow of {}", staged.path));
            return true;
        }
        self.step(by, (Power::Settle, path), coin, None);
        if lockup.clawback {
            self.too_few((Power::Clawback, path), coin);
        }
        if !self.wait_until(self.opens_at(coin, &lockup.period)) {
            return false;
        }
        self.too_few((Power::Release, path), coin);
        self.expect(coin, &format!("lock-up of {}", staged.path));
        true
    }

    /// Everybody else tries the ways out of the vault that need no file, in vain.
    fn try_vault(&mut self, coin: &str, play: &Play) {
        self.too_few((Power::Spend, None), coin);
        self.try_directs(coin, play);
    }

    fn try_directs(&mut self, coin: &str, play: &Play) {
        for direct in play.directs() {
            self.too_few((Power::Recover, Some(direct.path.as_str())), coin);
        }
    }

    /// Root is gone, and everybody else tries each recovery.
    pub fn blocked_rescue(&mut self) -> bool {
        let play = self.sides.play;
        let recoveries: Vec<&StagedPlay> = play
            .staged()
            .iter()
            .filter(|staged| staged.is_recovery)
            .collect();
        let coins: Vec<(String, String)> = (1..)
            .zip(&recoveries)
            .map(|(number, staged)| (format!("reserve-{number}"), staged.path.clone()))
            .collect();
        match coins.is_empty() {
            true => self.deposit(COIN),
            false => self.armed(&coins),
        }
        self.note("root is gone: it spends, arms and overrides nothing any more");
        if coins.is_empty() {
            self.try_directs(COIN, play);
            self.expect(COIN, "vault");
        }
        for ((coin, _), staged) in coins.iter().zip(recoveries) {
            let path = Some(staged.path.as_str());
            if !self.sides.others_can(&staged.trigger) {
                self.too_few((Power::Trigger, path), coin);
            } else if self.sides.holds(&staged.cancel) {
                for _ in 0..staged.depth {
                    self.step(By::Others, (Power::Trigger, path), coin, None);
                    self.step(By::Them, (Power::Cancel, path), coin, None);
                }
                self.step(By::Others, (Power::Trigger, path), coin, Some("not-armed"));
            } else {
                self.step(By::Others, (Power::Trigger, path), coin, None);
                if !self.not_completed(coin, staged) {
                    return false;
                }
                continue;
            }
            self.try_directs(coin, play);
            self.expect(coin, "vault");
        }
        self.expect_nothing("owner");
        true
    }

    /// A trigger that too few can complete.
    fn not_completed(&mut self, coin: &str, staged: &StagedPlay) -> bool {
        let path = Some(staged.path.as_str());
        if !self.wait_until(self.opens_at(coin, &staged.window)) {
            return false;
        }
        let power = match staged.lockup {
            Some(_) => Power::SkipLockup,
            None => Power::Settle,
        };
        self.too_few((power, path), coin);
        self.expect(coin, &format!("escrow of {}", staged.path));
        true
    }

    /// A trigger is undone.
    pub fn veto(&mut self, found: &Counterexample) -> bool {
        let Some(path) = found.path.clone() else {
            return false;
        };
        self.armed(&[(COIN.to_owned(), path.clone())]);
        self.step(By::Everybody, (Power::Trigger, Some(&path)), COIN, None);
        self.step(By::Them, (Power::Cancel, Some(&path)), COIN, None);
        self.expect(COIN, "vault");
        true
    }

    /// A trigger is completed when its window ends.
    pub fn short_window(&mut self, found: &Counterexample) -> bool {
        self.completed(found, By::Everybody)
    }

    /// A trigger is completed, and those who are left cannot veto it.
    pub fn no_veto(&mut self, found: &Counterexample) -> bool {
        self.completed(found, By::Others)
    }

    fn completed(&mut self, found: &Counterexample, by: By) -> bool {
        let play = self.sides.play;
        let staged = play
            .staged()
            .iter()
            .find(|staged| Some(&staged.path) == found.path.as_ref());
        let Some(staged) = staged else {
            return false;
        };
        let path = Some(staged.path.as_str());
        self.armed(&[(COIN.to_owned(), staged.path.clone())]);
        self.lose();
        self.step(by, (Power::Trigger, path), COIN, None);
        if by == By::Others {
            self.too_few((Power::Cancel, path), COIN);
        }
        if !self.wait_until(self.opens_at(COIN, &staged.window)) {
            return false;
        }
        self.step(by, (Power::Settle, path), COIN, None);
        self.step(by, (Power::Cancel, path), COIN, Some("not-armed"));
        if staged.lockup.is_some() {
            self.expect(COIN, &stage((Power::Settle, path), true));
        }
        true
    }

    /// Some are lost, and the others try each way as soon as it opens, until the time is over.
    pub fn no_path(&mut self, found: &Counterexample) -> bool {
        let play = self.sides.play;
        let armed = found.armed.unwrap_or(Armed::Unarmed);
        let mut routes = play.routes(armed);
        routes.retain(|route| !route.undoes_its_trigger());
        if let Some(seconds) = found.time {
            let opens = routes.iter().flat_map(|route| &route.steps);
            let opens: Vec<Opening> = opens.map(|(_, _, opens)| opens.clone()).collect();
            if !self.before_dates(opens.iter(), seconds) {
                return false;
            }
        }
        let is_staged = |route: &&Route| {
            let first = route.steps.first();
            first.is_some_and(|(power, ..)| *power == Power::Trigger)
        };
        let staged: Vec<&Route> = routes.iter().filter(is_staged).collect();
        let coins: Vec<(String, String)> = (1..)
            .zip(&staged)
            .filter_map(|(number, route)| {
                let (_, path, _) = route.steps.first()?;
                Some((format!("{COIN}-{number}"), path.clone()?))
            })
            .collect();
        if !coins.is_empty() {
            self.armed(&coins);
        }
        self.lose();
        let mut lines = Vec::new();
        for ((coin, _), route) in coins.iter().zip(&staged) {
            let end = found.time.map(|seconds| self.deadline(coin, seconds));
            if self.is_first_taken(play, armed, route, coin) {
                lines.push(Line::of(coin, &route.steps, 1, end));
            }
        }
        // What all who are left fail to do with one coin needs no more of them.
        self.deposit(COIN);
        let end = found.time.map(|seconds| self.deadline(COIN, seconds));
        let direct = routes.iter().filter(|route| !is_staged(route));
        lines.extend(direct.map(|route| Line::of(COIN, &route.steps, 0, end)));
        while let Some(at) = self.next_of(&lines) {
            let line = lines.swap_remove(at);
            if !self.tried(play, armed, line, &mut lines) {
                return false;
            }
        }
        self.expect_nothing("owner");
        for (coin, _) in coins {
            self.stays(&coin);
        }
        self.stays(COIN);
        true
    }

    /// Whether those who are left trigger, which they do or try at once.
    fn is_first_taken(&mut self, play: &Play, armed: Armed, route: &Route, coin: &str) -> bool {
        let Some((power, path, _)) = route.steps.first() else {
            return false;
        };
        let step = (*power, path.as_deref());
        let is_taken = self.is_left(play, armed, step);
        if is_taken {
            self.step(By::Others, step, coin, None);
            self.expect(coin, &stage(step, self.has_lockup(step.1)));
        } else {
            self.too_few(step, coin);
        }
        is_taken
    }

    /// The line of which something happens next.
    fn next_of(&self, lines: &[Line]) -> Option<usize> {
        let due = |(at, line): (usize, &Line)| {
            let opens = line.steps.first().map(|(_, _, opens)| opens)?;
            let opens = self.opens_at(&line.coin, opens);
            Some((line.end.map_or(opens, |end| opens.min(end)), at))
        };
        let next = lines.iter().enumerate().filter_map(due).min();
        next.map(|(_, at)| at)
    }

    /// The next step of a line: taken, refused for too few, or for being too early when the time is
    /// over.  Whether that could be told.
    fn tried(&mut self, play: &Play, armed: Armed, mut line: Line, lines: &mut Vec<Line>) -> bool {
        let (power, path, opens) = line.steps.remove(0);
        let step = (power, path.as_deref());
        let block = self.opens_at(&line.coin, &opens);
        if !self.is_left(play, armed, step) {
            self.too_few(step, &line.coin);
            return true;
        }
        if let Some(end) = line.end
            && (block > end || opens.unlock.is_some())
        {
            // It takes some blocks to arm and to trigger; a time so short is over by then.
            let is_told = self.wait_until(end) && (block > self.now() || opens.unlock.is_some());
            self.step(By::Others, step, &line.coin, Some("not-due"));
            return is_told;
        }
        if !self.wait_until(block) {
            return false;
        }
        self.step(By::Others, step, &line.coin, None);
        self.expect(&line.coin, &stage(step, self.has_lockup(step.1)));
        if !line.steps.is_empty() {
            lines.push(line);
        }
        true
    }

    /// Whether those who are left can take a step.
    fn is_left(&self, play: &Play, armed: Armed, (power, path): (Power, Option<&str>)) -> bool {
        let staged = play
            .staged()
            .iter()
            .find(|staged| Some(staged.path.as_str()) == path);
        let direct = play
            .directs()
            .iter()
            .find(|direct| Some(direct.path.as_str()) == path);
        let condition = match (power, staged, direct) {
            (Power::Spend, ..) => Some(play.root()),
            (Power::Recover, _, Some(direct)) => Some(&direct.acts),
            (Power::Trigger, Some(staged), _) if armed == Armed::Armed => Some(&staged.trigger),
            (Power::Settle, Some(staged), _) => Some(&staged.settle),
            (Power::Release | Power::SkipLockup, Some(staged), _) => {
                staged.lockup.as_ref().map(|lockup| &lockup.release)
            }
            _ => None,
        };
        condition.is_some_and(|condition| self.sides.others_can(condition))
    }
}

/// What a vault coin is armed on after so many triggers of one path are left, with what the escrow
/// is worth then.
fn valued<'a>(play: &'a Play, staged: &'a StagedPlay, left: u8) -> Vec<(&'a StagedPlay, Formula)> {
    if left == 0 {
        return Vec::new();
    }
    let unarmed = play.frozen_in_vault(&[]);
    vec![(staged, play.frozen_in_escrow(staged, &unarmed))]
}

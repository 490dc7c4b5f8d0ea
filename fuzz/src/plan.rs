//! Bytes as choices that make a policy.
//!
//! Few texts are policies, and hardly any that a fuzzer makes up is a sound one.  Here every input
//! is a document of the right form, and what is chosen first, or left open, leads to one without
//! errors: so the compiler is reached by most of them.

use std::fmt::Write;

use super::choices::Choices;
use super::keys::{NAMES, value};
use super::policy::laws_of_text;

/// The laws for choices: those of the policy that they make.
pub fn laws(bytes: &[u8]) {
    laws_of_text(&text(bytes));
}

/// The text of the policy that these choices make.
pub fn text(bytes: &[u8]) -> String {
    let mut choices = Choices::new(bytes);
    let mut plan = Plan {
        choices: &mut choices,
        text: String::new(),
        quorums: Vec::new(),
        is_two: false,
    };
    plan.write().expect("writing to a string never fails");
    plan.text
}

struct Plan<'a, 'b> {
    choices: &'a mut Choices<'b>,
    text: String,
    /// The names of the quorums so far.
    quorums: Vec<String>,
    /// Whether its transactions have version 2.
    is_two: bool,
}

impl Plan<'_, '_> {
    fn write(&mut self) -> std::fmt::Result {
        let script = self.choices.of(["tr", "wsh"]);
        writeln!(
            self.text,
            "[policy]\nname = \"plan\"\nnetwork = \"regtest\"\nscript = \"{script}\""
        )?;
        if self.choices.one_in(2) {
            let layout = self.choices.of(["device", "cheapest"]);
            writeln!(self.text, "layout = \"{layout}\"")?;
        }
        if self.choices.one_in(4) {
            match self.choices.below(8) {
                rate @ ..5 => writeln!(self.text, "base_fee = \"{rate} sat/vB\"")?,
                rungs => self.version_two(rungs - 4)?,
            }
        }
        if !self.choices.one_in(8) {
            writeln!(self.text, "accept_total_loss = \"a plan loses nothing\"")?;
        }
        let parties = self.parties()?;
        self.text.push_str("\n[quorums]\n");
        for number in 0..=self.choices.below(8) {
            self.quorum(number, parties)?;
        }
        let root = self.name();
        writeln!(self.text, "\n[root]\nquorum = \"{root}\"")?;
        if !self.choices.one_in(4) {
            let refresh = self
                .choices
                .of(["1 block", "10 blocks", "90 days", "30 days"]);
            writeln!(self.text, "refresh = \"{refresh}\"")?;
        }
        self.likelihood()?;
        for number in 0..self.choices.below(9) {
            self.path(number)?;
        }
        Ok(())
    }

    /// Version 2 with so many rungs, most of them far enough apart.
    fn version_two(&mut self, rungs: usize) -> std::fmt::Result {
        self.is_two = true;
        let mut rate = 1 + self.choices.below(40);
        let mut rates = Vec::new();
        for _ in 0..rungs {
            rates.push(rate);
            rate *= self.choices.of([2, 3, 5, 1]);
        }
        writeln!(self.text, "transaction_version = 2\nrungs = {rates:?}")
    }

    fn parties(&mut self) -> Result<usize, std::fmt::Error> {
        let parties = 1 + self.choices.below(NAMES.len());
        let has_veto = !self.choices.one_in(3);
        let has_fees = !self.choices.one_in(3);
        self.text.push_str("\n[parties]\n");
        for name in NAMES.into_iter().take(parties) {
            let account = |what: &str| value(&format!("{name}{what}")).expect("a value of a name");
            write!(self.text, "{name} = {{ key = \"{}\"", account(""))?;
            if has_veto {
                write!(self.text, ", veto = \"{}\"", account(".veto"))?;
            }
            if has_fees {
                write!(self.text, ", fees = \"{}\"", account(".fees"))?;
            }
            self.text.push_str(" }\n");
        }
        Ok(parties)
    }

    fn quorum(&mut self, number: usize, parties: usize) -> std::fmt::Result {
        let name = format!("q{number}");
        if number > 0 && self.choices.one_in(8) {
            let other = self.name();
            let threshold = 1 + self.choices.below(4);
            writeln!(
                self.text,
                "{name} = {{ threshold = {threshold}, members_of = \"{other}\" }}"
            )?;
            self.quorums.push(name);
            return Ok(());
        }
        let members = self.members(parties);
        if self.choices.one_in(6) {
            let weights: Vec<String> = members
                .iter()
                .map(|member| format!("{member} = {}", 1 + self.choices.below(9)))
                .collect();
            let weight = 1 + self.choices.below(24);
            let weights = weights.join(", ");
            write!(
                self.text,
                "{name} = {{ weight = {weight}, weights = {{ {weights} }}"
            )?;
        } else {
            let most = members.len() + usize::from(self.choices.one_in(16));
            let threshold = 1 + self.choices.below(most);
            write!(
                self.text,
                "{name} = {{ threshold = {threshold}, of = {members:?}"
            )?;
            if self.choices.one_in(5) {
                let beyond = usize::from(self.choices.one_in(8));
                let roster: Vec<&String> = members.iter().rev().take(threshold + beyond).collect();
                let share = self.choices.below(101);
                write!(
                    self.text,
                    ", roster = {{ of = {roster:?}, share = \"{share}%\" }}"
                )?;
            }
        }
        self.text.push_str(" }\n");
        self.quorums.push(name);
        Ok(())
    }

    /// A stretch of the parties, and perhaps some of the quorums so far.
    fn members(&mut self, parties: usize) -> Vec<String> {
        let start = self.choices.below(parties);
        let count = 1 + self.choices.below(parties);
        let people = NAMES
            .into_iter()
            .take(parties)
            .cycle()
            .skip(start)
            .take(count);
        let mut members: Vec<String> = people.map(str::to_owned).collect();
        if self.choices.one_in(3) {
            members.truncate(self.choices.below(3));
            let nested = 1 + self.choices.below(4);
            let start = self.choices.below(self.quorums.len().max(1));
            members.extend(self.quorums.iter().skip(start).take(nested).cloned());
        }
        if members.is_empty() {
            members.push(NAMES[0].to_owned());
        }
        members
    }

    fn path(&mut self, number: usize) -> std::fmt::Result {
        let quorum = self.name();
        writeln!(
            self.text,
            "\n[[path]]\nname = \"p{number}\"\nquorum = \"{quorum}\""
        )?;
        let by_clock = self.choices.one_in(5);
        if by_clock {
            self.text.push_str("clock = \"time\"\n");
        }
        self.likelihood()?;
        match self.choices.below(4) {
            0 | 1 => self.staged(),
            2 => {
                let delay = self.choices.of([
                    "365 days",
                    "300 days",
                    "65535 blocks",
                    "9000 hours",
                    "2117 blocks",
                ]);
                writeln!(self.text, "delay = \"{delay}\"")
            }
            _ => {
                if self.choices.one_in(3) {
                    let delay = self.duration();
                    writeln!(self.text, "delay = \"{delay}\"")?;
                }
                if self.choices.one_in(2) {
                    let year = 2009 + self.choices.below(140);
                    writeln!(self.text, "unlock_at = \"{year}-01-01T00:00:00Z\"")
                } else {
                    let height =
                        u64::from(self.choices.number()) * self.choices.of([1, 10, 7629, 65_536]);
                    writeln!(self.text, "unlock_height = {height}")
                }
            }
        }
    }

    fn staged(&mut self) -> std::fmt::Result {
        let veto = self.name();
        let window = self.duration();
        // With version 2 only a depth of one is sound.
        let depth = match (1 + self.choices.below(9), self.is_two) {
            (..9, true) => 1,
            (depth, _) => depth,
        };
        let purpose = self.choices.of(["recover", "recover", "spend"]);
        let held = purpose == "recover" && !self.choices.one_in(3);
        writeln!(self.text, "purpose = \"{purpose}\"")?;
        write!(
            self.text,
            "escrow = {{ window = \"{window}\", veto = \"{veto}\", depth = {depth}"
        )?;
        if held || self.choices.one_in(8) {
            let backstop = self
                .choices
                .of(["200 days", "40 days", "65535 blocks", "300 days"]);
            write!(self.text, ", backstop = \"{backstop}\"")?;
        }
        self.text.push_str(" }\n");
        if held || self.choices.one_in(8) {
            let period = self.duration();
            write!(self.text, "lockup = {{ period = \"{period}\"")?;
            if self.choices.one_in(4) {
                let clawback = self.choices.one_in(2);
                write!(self.text, ", clawback = {clawback}")?;
            }
            match self.choices.below(6) {
                4 => {
                    let quorum = self.name();
                    write!(self.text, ", quorum = \"{quorum}\"")?;
                }
                5 => {
                    let beneficiary = self.choices.of(NAMES);
                    write!(self.text, ", beneficiary = \"{beneficiary}\"")?;
                }
                _ => {}
            }
            self.text.push_str(" }\n");
        }
        if self.choices.one_in(4) {
            let activation = self.activation(0);
            writeln!(self.text, "activation = {activation}")?;
        }
        Ok(())
    }

    fn activation(&mut self, depth: usize) -> String {
        let kind = self.choices.below(if depth < 4 { 6 } else { 4 });
        match kind {
            0 => format!("{{ manual = \"{}\" }}", self.name()),
            1 => format!("{{ alarm = \"{}\" }}", self.name()),
            2 => {
                let fewer = self.choices.below(6);
                let period = self.duration();
                let quorum = self.name();
                format!("{{ silence = \"{quorum}\", for = \"{period}\", fewer_than = {fewer} }}")
            }
            3 => {
                let (turnout, approve) = (self.choices.below(102), self.choices.below(102));
                let open = self.duration();
                let quorum = self.name();
                format!(
                    "{{ vote = \"{quorum}\", turnout = \"{turnout}%\", approve = \"{approve}%\", open = \"{open}\" }}"
                )
            }
            kind => {
                let word = if kind == 4 { "any" } else { "all" };
                let count = 1 + self.choices.below(4);
                let inner: Vec<String> = (0..count).map(|_| self.activation(depth + 1)).collect();
                format!("{{ {word} = [{}] }}", inner.join(", "))
            }
        }
    }

    fn likelihood(&mut self) -> std::fmt::Result {
        if self.choices.one_in(4) {
            let likelihood = self.choices.number();
            writeln!(self.text, "likelihood = {likelihood}")?;
        }
        Ok(())
    }

    fn duration(&mut self) -> String {
        let unit = self.choices.of([
            "days", "days", "blocks", "hours", "weeks", "minutes", "seconds",
        ]);
        let count = match self.choices.below(4) {
            3 => self.choices.number(),
            _ => 1 + self.choices.number() % 60,
        };
        format!("{count} {unit}")
    }

    /// One of the quorums.
    fn name(&mut self) -> String {
        let at = self.choices.below(self.quorums.len().max(1));
        self.quorums.get(at).cloned().unwrap_or_default()
    }
}

//! From the text of an incident to a [`Scenario`]: every fault with its line.

use std::ops::Range;
use std::str::FromStr;

use bitcoin::{Amount, FeeRate};
use chrono::DateTime;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::super::check::{did_you_mean, quote};
use super::document::{AttemptDocument, EventDocument, ExpectDocument, Head, StepDocument};
use super::{
    Attempt, CaseState, Child, Deposit, Event, EventKind, Expectations, Holding, Name, Pay, Saying,
    Scenario, ScenarioError, ScenarioFault, Seize, Step, Whereabouts, Word,
};
use crate::compile::Stage;
use crate::policy::{Domain, Duration};
use crate::units::{Blocks, UnixTime};

mod say;

/// The tables of an incident.
const TABLES: [&str; 3] = ["incident", "event", "expect"];

pub(super) fn parse(text: &str) -> Result<Scenario, ScenarioError> {
    let mut reader = Reader {
        text,
        faults: Vec::new(),
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        reader.misread(error);
    }
    // What was guessed of a text that is no TOML is not worth a remark.
    if !errors.is_empty() {
        ScenarioError::of(std::mem::take(&mut reader.faults))?;
    }
    let mut table = table.into_inner();
    let head: Option<Head> = match table.remove("incident") {
        Some(head) => reader.read(head),
        None => {
            reader.fault(&(0..0), "the table `[incident]` is missing");
            None
        }
    };
    let mut events = Vec::new();
    for event in reader.list(table.remove("event")) {
        let span = event.span();
        // One that cannot be read does not hide what is wrong with the others.
        if let Some(event) = reader.read::<EventDocument>(event) {
            events.extend(reader.event(event, span));
        }
    }
    let expect: Option<ExpectDocument> = match table.remove("expect") {
        Some(expect) => reader.read(expect),
        None => None,
    };
    let expect = reader.expectations(expect.unwrap_or_default());
    for key in table.keys() {
        let name: &str = key.get_ref();
        let similar = did_you_mean(name, TABLES);
        let message = format!(
            "unknown field {}, expected `incident`, `event` or `expect`{similar}",
            quote(name)
        );
        reader.fault(&key.span(), message);
    }
    let start = head.as_ref().map(|head| reader.date(&head.start));
    ScenarioError::of(reader.faults)?;
    let (Some(head), Some(start)) = (head, start) else {
        // A head that could not be read is a fault, which has been handed out.
        return Err(ScenarioError { faults: Vec::new() });
    };
    Ok(Scenario {
        name: head.name,
        about: head.about,
        policy: head.policy,
        seed: head.seed,
        start,
        fee_coins: head.fee_coins,
        events,
        expect,
    })
}

/// Turns what was typed into what it means, and notes what it cannot.
///
/// Where a value is at fault, some other stands in for it: the caller never sees it, since a
/// scenario with faults is not handed out.
struct Reader<'a> {
    text: &'a str,
    faults: Vec<ScenarioFault>,
}

impl Reader<'_> {
    /// Reads one part of the incident, or notes why it cannot be read.
    fn read<T: DeserializeOwned>(&mut self, part: Spanned<DeValue<'_>>) -> Option<T> {
        match T::deserialize(ValueDeserializer::from(part)) {
            Ok(read) => Some(read),
            Err(error) => {
                self.misread(&error);
                None
            }
        }
    }

    fn misread(&mut self, error: &toml::de::Error) {
        let span = error.span().unwrap_or_default();
        let message = error.message();
        // Serde lists what there is: `unknown field `a`, expected one of `b`, `c``.
        let mut words = message.split('`').skip(1).step_by(2);
        let similar = match words.next() {
            Some(typed) if message.starts_with("unknown ") => did_you_mean(typed, words),
            _ => String::new(),
        };
        self.fault(&span, format!("{message}{similar}"));
    }

    fn list<'i>(&mut self, list: Option<Spanned<DeValue<'i>>>) -> Vec<Spanned<DeValue<'i>>> {
        let Some(list) = list else { return Vec::new() };
        let span = list.span();
        match list.into_inner() {
            DeValue::Array(events) => events.into_iter().collect(),
            _ => {
                self.fault(&span, "`event` is a list: write each as `[[event]]`");
                Vec::new()
            }
        }
    }

    fn fault(&mut self, span: &Range<usize>, message: impl Into<String>) {
        self.faults.push(ScenarioFault {
            line: line_of(self.text, span.start),
            message: message.into(),
        });
    }

    fn name(&self, typed: Spanned<String>) -> Name {
        Name {
            line: line_of(self.text, typed.span().start),
            text: typed.into_inner(),
        }
    }

    fn names(&self, typed: Vec<Spanned<String>>) -> Vec<Name> {
        typed.into_iter().map(|typed| self.name(typed)).collect()
    }

    fn event(&mut self, event: EventDocument, span: Range<usize>) -> Option<Event> {
        let line = line_of(self.text, span.start);
        let (note, refused) = (event.note.clone(), event.refused.clone());
        let mut kinds = self.kinds(event, &span).into_iter();
        let kind = match (kinds.next(), kinds.next()) {
            (Some(kind), None) => kind,
            (None, _) if note.is_some() => EventKind::Note,
            (None, _) => {
                self.fault(&span, "this event says nothing; write what happens");
                return None;
            }
            (Some(_), Some(_)) => {
                self.fault(
                    &span,
                    "this event says several things; write one `[[event]]` for each",
                );
                return None;
            }
        };
        Some(Event {
            line,
            note,
            refused,
            kind,
        })
    }

    /// Everything an event says, which should be one thing.
    fn kinds(&mut self, event: EventDocument, span: &Range<usize>) -> Vec<EventKind> {
        let steps = [
            (Word::Trigger, event.trigger),
            (Word::Cancel, event.cancel),
            (Word::Settle, event.settle),
            (Word::Release, event.release),
            (Word::Clawback, event.clawback),
            (Word::Override, event.override_),
            (Word::Refresh, event.refresh),
            (Word::Spend, event.spend),
            (Word::Recover, event.recover),
        ];
        let mut kinds = Vec::new();
        for (word, step) in steps {
            kinds.extend(step.map(|step| EventKind::Step(word, self.step(step, span))));
        }
        kinds.extend(event.deposit.map(|deposit| {
            EventKind::Deposit(Deposit {
                amount: self.amount(&deposit.amount),
                coin: self.name(deposit.coin),
            })
        }));
        kinds.extend(event.arm.map(|arm| EventKind::Arm(self.step(arm, span))));
        kinds.extend(event.lose.map(|lost| EventKind::Lose(self.names(lost))));
        let files = event.lose_files;
        kinds.extend(files.map(|lost| EventKind::LoseFiles(self.names(lost))));
        let stolen = event.compromise;
        kinds.extend(stolen.map(|stolen| EventKind::Compromise(self.names(stolen))));
        kinds.extend(event.seize.map(|seize| {
            EventKind::Seize(Seize {
                domain: self.domain(&seize.domain),
                value: self.name(seize.value),
                effect: seize.effect,
                also: self.names(seize.also),
            })
        }));
        kinds.extend(event.veto.map(|veto| self.veto(veto, span)));
        let sayings = [
            (Saying::Heartbeat, event.heartbeat),
            (Saying::Attest, event.attest),
            (Saying::Alarm, event.alarm),
            (Saying::Withdraw, event.withdraw),
            (Saying::Propose, event.propose),
            (Saying::Vote, event.vote),
            (Saying::Activate, event.activate),
            (Saying::Decide, event.decide),
        ];
        for (saying, said) in sayings {
            kinds.extend(said.map(|said| EventKind::Say(self.said(saying, said, span))));
        }
        kinds.extend(
            event
                .forge
                .map(|forge| EventKind::Say(self.forge(forge, span))),
        );
        kinds.extend(event.fork.map(|fork| EventKind::Say(self.fork(fork, span))));
        let attempt = event.attempt;
        kinds.extend(attempt.map(|attempt| EventKind::Attempt(self.attempt(attempt, span))));
        kinds.extend(event.child.map(|child| {
            EventKind::Child(Child {
                fee: self.amount(&child.fee),
                coin: self.name(child.coin),
                by: child.by.map(|party| self.name(party)),
                vbytes: child.vbytes,
                version: child.version,
            })
        }));
        kinds.extend(event.mine.map(|blocks| EventKind::Mine(Blocks(blocks))));
        kinds.extend(event.wait.map(|wait| EventKind::Mine(self.duration(&wait))));
        kinds.extend(
            event
                .until
                .map(|date| EventKind::MineUntil(self.date(&date))),
        );
        kinds.extend(event.reorg.map(|reorg| EventKind::Reorg {
            depth: reorg.depth,
            forget: reorg.forget,
        }));
        kinds.extend(event.fees.map(|fees| EventKind::Fees(self.feerate(&fees))));
        let expect = event.expect;
        kinds.extend(expect.map(|expect| EventKind::Expect(self.expectations(expect))));
        kinds
    }

    fn step(&mut self, step: StepDocument, span: &Range<usize>) -> Step {
        let coins = match (step.coin, step.coins) {
            (Some(coin), None) => vec![self.name(coin)],
            (None, Some(coins)) => self.names(coins),
            (None, None) => Vec::new(),
            (Some(_), Some(coins)) => {
                self.fault(span, "`coin` and `coins` exclude one another");
                self.names(coins)
            }
        };
        if coins.is_empty() {
            self.fault(span, "name the coin: `coin = \"…\"`");
        }
        let pay = match (step.to, step.pay) {
            (Some(to), None) => {
                let amount = step.amount.as_ref().map(|amount| self.amount(amount));
                let to = self.name(to);
                vec![Pay { to, amount }]
            }
            (None, pay) => {
                if let Some(amount) = step.amount {
                    self.fault(&amount.span(), "`amount` without `to` pays nobody");
                }
                let pay = pay.unwrap_or_default().into_iter();
                pay.map(|pay| Pay {
                    amount: Some(self.amount(&pay.amount)),
                    to: self.name(pay.to),
                })
                .collect()
            }
            (Some(_), Some(_)) => {
                self.fault(span, "`to` and `pay` exclude one another");
                Vec::new()
            }
        };
        Step {
            coins,
            path: step.path.map(|path| self.name(path)),
            by: step.by.map(|by| self.names(by)),
            broadcaster: step.broadcaster.map(|party| self.name(party)),
            pay,
            unconfirmed: step.unconfirmed,
            bare: step.bare,
            replace: step.replace,
            regardless: step.regardless,
        }
    }

    fn attempt(&mut self, attempt: AttemptDocument, span: &Range<usize>) -> Attempt {
        let typed = attempt.step.get_ref();
        let word = Word::ALL.into_iter().find(|word| word.as_str() == typed);
        if word.is_none() {
            let words: Vec<&str> = Word::ALL.iter().map(|word| word.as_str()).collect();
            let words = words.join(", ");
            let message = format!("{} is no step; write one of {words}", quote(typed));
            self.fault(&attempt.step.span(), message);
        }
        let step = StepDocument {
            coin: attempt.coin,
            coins: attempt.coins,
            path: attempt.path,
            by: attempt.by,
            broadcaster: None,
            to: attempt.to,
            amount: attempt.amount,
            pay: attempt.pay,
            unconfirmed: true,
            bare: false,
            replace: false,
            regardless: false,
        };
        Attempt {
            word: word.unwrap_or(Word::Trigger),
            defect: attempt.defect,
            step: self.step(step, span),
        }
    }

    fn expectations(&mut self, expect: ExpectDocument) -> Expectations {
        let mut expectations = Expectations::default();
        for (coin, wanted) in expect.coins {
            let whereabouts = self.whereabouts(&wanted);
            expectations.coins.push((self.name(coin), whereabouts));
        }
        for (payee, wanted) in expect.holds {
            let holding = self.holding(&wanted);
            expectations.holds.push((self.name(payee), holding));
        }
        for (case, wanted) in expect.cases {
            let state = self.case_state(&wanted);
            expectations.cases.push((self.name(case), state));
        }
        for (case, parties) in expect.missing {
            let parties = self.names(parties);
            expectations.missing.push((self.name(case), parties));
        }
        expectations.forks = expect.forks.map(|forks| self.names(forks));
        expectations
    }

    fn whereabouts(&mut self, typed: &Spanned<String>) -> Whereabouts {
        let text = typed.get_ref();
        let path = |prefix: &str| text.strip_prefix(prefix).map(str::to_owned);
        match (text.as_str(), path("escrow of "), path("lock-up of ")) {
            ("gone", ..) => Whereabouts::Gone,
            ("vault", ..) => Whereabouts::In(Stage::Vault),
            (_, Some(path), _) => Whereabouts::In(Stage::Escrow(path)),
            (_, _, Some(path)) => Whereabouts::In(Stage::Lockup(path)),
            _ => {
                let quoted = quote(text);
                let message = format!(
                    "{quoted} is no place for a coin; write `vault`, `escrow of PATH`, `lock-up of PATH` or `gone`"
                );
                self.fault(&typed.span(), message);
                Whereabouts::Gone
            }
        }
    }

    fn case_state(&mut self, typed: &Spanned<String>) -> CaseState {
        CaseState::of_text(typed.get_ref()).unwrap_or_else(|| {
            let quoted = quote(typed.get_ref());
            let message = format!(
                "{quoted} is no state of a case; write `proposed`, `activated`, `activated by PARTY`, `frozen`, `frozen by PARTY`, `vetoed`, `completed` or `abandoned`"
            );
            self.fault(&typed.span(), message);
            CaseState::Proposed
        })
    }

    fn holding(&mut self, typed: &Spanned<String>) -> Holding {
        let text = typed.get_ref();
        let (make, amount): (fn(Amount) -> Holding, &str) =
            if let Some(least) = text.strip_prefix("at least ") {
                (Holding::AtLeast, least)
            } else if let Some(most) = text.strip_prefix("at most ") {
                (Holding::AtMost, most)
            } else {
                (Holding::Exactly, text)
            };
        match Amount::from_str(amount) {
            _ if text == "nothing" => Holding::Nothing,
            Ok(amount) => make(amount),
            Err(_) => {
                let quoted = quote(text);
                let message = format!(
                    "{quoted} is nothing to hold; write `nothing`, `2.5 BTC`, `at least 2.5 BTC` or `at most 2.5 BTC`"
                );
                self.fault(&typed.span(), message);
                Holding::Nothing
            }
        }
    }

    fn amount(&mut self, typed: &Spanned<String>) -> Amount {
        Amount::from_str(typed.get_ref()).unwrap_or_else(|_| {
            let quoted = quote(typed.get_ref());
            let message = format!("{quoted} is no amount; write such as `2.5 BTC` or `5000 sat`");
            self.fault(&typed.span(), message);
            Amount::ZERO
        })
    }

    fn domain(&mut self, typed: &Spanned<String>) -> Domain {
        Domain::from_written(typed.get_ref()).unwrap_or_else(|| {
            let words = Domain::ALL.iter().map(|(word, _)| *word);
            let similar = did_you_mean(typed.get_ref(), words);
            let quoted = quote(typed.get_ref());
            let message = format!("{quoted} is no kind of custody fact{similar}");
            self.fault(&typed.span(), message);
            Domain::Operator
        })
    }

    fn duration(&mut self, typed: &Spanned<String>) -> Blocks {
        match Duration::from_str(typed.get_ref()) {
            Ok(duration) => duration.expected_blocks(),
            Err(error) => {
                self.fault(&typed.span(), error.to_string());
                Blocks(0)
            }
        }
    }

    fn date(&mut self, typed: &Spanned<String>) -> UnixTime {
        let date = DateTime::parse_from_rfc3339(typed.get_ref()).ok();
        let seconds = date.and_then(|date| u32::try_from(date.timestamp()).ok());
        UnixTime(seconds.unwrap_or_else(|| {
            let quoted = quote(typed.get_ref());
            let message =
                format!("{quoted} is no date for a chain; write such as `2022-03-01T00:00:00Z`");
            self.fault(&typed.span(), message);
            0
        }))
    }

    /// A feerate such as `25 sat/vB`, whole or with up to three decimals.
    fn feerate(&mut self, typed: &Spanned<String>) -> FeeRate {
        let number = typed.get_ref().trim().strip_suffix("sat/vB");
        number.map(str::trim).and_then(feerate).unwrap_or_else(|| {
            let quoted = quote(typed.get_ref());
            let message = format!("{quoted} is no feerate; write such as `25 sat/vB`");
            self.fault(&typed.span(), message);
            FeeRate::ZERO
        })
    }
}

fn feerate(number: &str) -> Option<FeeRate> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || fraction.len() > 3 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    // Three places of a satoshi per virtual byte are a satoshi per thousand of them.
    let thousandths: u64 = format!("{fraction:0<3}").parse().ok()?;
    let per_kvb = whole.checked_mul(1000)?.checked_add(thousandths)?;
    Some(FeeRate::from_sat_per_kwu(per_kvb.div_ceil(4)))
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

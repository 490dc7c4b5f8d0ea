//! Facts as cases give them: tables of TOML, in which every problem is told with its place.

use std::ops::RangeInclusive;

use toml::de::DeTable;

use super::super::super::document::Fields;
use super::super::super::shown::quote;
use super::super::super::{Code, Diagnostic, Network, Span};
use super::super::facts::is_policy_id;
use super::super::{
    ActivationFacts, Alarm, Ballots, Facts, Heartbeat, Payee, Question, Sats, Silence, Spend,
    SpendKind, SpendStage, Vault,
};

/// Whether facts can be in two places, so that nothing is missing yet in the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Every field has to be there.
    Whole,
    /// These are some of the fields.
    Part,
}

/// Reads the facts of a question, and notes whatever is wrong with them.
pub(super) fn read(
    question: Question,
    table: &DeTable<'_>,
    span: Span,
    extent: Extent,
    problems: &mut Vec<Diagnostic>,
) -> Option<Facts> {
    let mut fields = Fields::new(table, span, format!("`{question}`"), problems);
    match question {
        Question::Activate => {
            let facts = activation(&mut fields);
            finish(fields, extent);
            facts.map(Facts::Activate)
        }
        Question::Review => {
            let spend = spend(&mut fields);
            finish(fields, extent);
            let spend = spend?;
            if let Err(problem) = spend.check_sum() {
                let amount = table.get("amount").map(|amount| amount.span().into());
                let problem = Diagnostic::new(Code::FieldConflict, problem);
                problems.push(problem.at(amount.unwrap_or(span), "not the sum"));
                return None;
            }
            Some(Facts::Review(spend))
        }
    }
}

fn finish(mut fields: Fields<'_, '_, '_>, extent: Extent) {
    if extent == Extent::Whole {
        fields.require_all();
    }
    fields.finish();
}

fn activation(fields: &mut Fields<'_, '_, '_>) -> Option<ActivationFacts> {
    let policy_id = policy_id(fields);
    let network = word(fields, "network", &Network::ALL);
    let path = text(fields, "path");
    let height = number(fields, "height");
    let median_time_past = number(fields, "median_time_past");
    let vault = fields.table("vault").and_then(|(table, span)| {
        let mut inner = Fields::new(table, span, "`vault`", fields.problems);
        let (coins, sats) = (number(&mut inner, "coins"), amount(&mut inner, "sats"));
        finish(inner, Extent::Whole);
        Some(Vault {
            coins: coins?,
            sats: sats?,
        })
    });
    let heartbeats = list(fields, "heartbeats", |inner| {
        let (party, since) = (text(inner, "party"), number(inner, "median_time_past"));
        Some(Heartbeat {
            party: party?,
            median_time_past: since?,
        })
    });
    let silences = list(fields, "silences", |inner| {
        let quorum = text(inner, "quorum");
        let (members, heard) = (number(inner, "members"), number(inner, "heard"));
        let (fewer_than, seconds) = (number(inner, "fewer_than"), number(inner, "seconds"));
        Some(Silence {
            quorum: quorum?,
            members: members?,
            heard: heard?,
            fewer_than: fewer_than?,
            seconds: seconds?,
        })
    });
    let alarms = list(fields, "alarms", |inner| {
        let (party, since) = (text(inner, "party"), number(inner, "median_time_past"));
        Some(Alarm {
            party: party?,
            median_time_past: since?,
        })
    });
    let ballots = list(fields, "ballots", |inner| {
        let (quorum, members) = (text(inner, "quorum"), number(inner, "members"));
        let (approve, reject) = (number(inner, "approve"), number(inner, "reject"));
        let open_until = number(inner, "open_until");
        Some(Ballots {
            quorum: quorum?,
            members: members?,
            approve: approve?,
            reject: reject?,
            open_until: open_until?,
        })
    });
    Some(ActivationFacts {
        policy_id: policy_id?,
        network: network?,
        path: path?,
        height: height?,
        median_time_past: median_time_past?,
        vault: vault?,
        heartbeats: heartbeats?,
        silences: silences?,
        alarms: alarms?,
        ballots: ballots?,
    })
}

fn spend(fields: &mut Fields<'_, '_, '_>) -> Option<Spend> {
    let policy_id = policy_id(fields);
    let network = word(fields, "network", &Network::ALL);
    let path = text(fields, "path");
    let stage = word(fields, "stage", SpendStage::ALL);
    let transaction = word(fields, "transaction", SpendKind::ALL);
    let height = number(fields, "height");
    let median_time_past = number(fields, "median_time_past");
    let balance = amount(fields, "balance");
    let paid = amount(fields, "amount");
    let change = amount(fields, "change");
    let fee = amount(fields, "fee");
    let sat_per_kvb = number(fields, "sat_per_kvb");
    let payees = list(fields, "payees", |inner| {
        let (address, amount) = (text(inner, "address"), amount(inner, "amount"));
        Some(Payee {
            address: address?,
            amount: amount?,
        })
    });
    let purpose = text(fields, "purpose");
    Some(Spend {
        policy_id: policy_id?,
        network: network?,
        path: path?,
        stage: stage?,
        transaction: transaction?,
        height: height?,
        median_time_past: median_time_past?,
        balance: balance?,
        amount: paid?,
        change: change?,
        fee: fee?,
        sat_per_kvb: sat_per_kvb?,
        payees: payees?,
        purpose: purpose?,
    })
}

fn text(fields: &mut Fields<'_, '_, '_>, name: &'static str) -> Option<String> {
    Some(fields.text(name)?.value)
}

fn word<T: Copy>(
    fields: &mut Fields<'_, '_, '_>,
    name: &'static str,
    words: &[(&'static str, T)],
) -> Option<T> {
    Some(fields.word(name, words)?.value)
}

fn policy_id(fields: &mut Fields<'_, '_, '_>) -> Option<String> {
    let id = fields.text("policy_id")?;
    if is_policy_id(&id.value) {
        return Some(id.value);
    }
    fields.problems.push(
        Diagnostic::new(
            Code::WrongType,
            format!("{} is no id of a policy", quote(&id.value)),
        )
        .at(id.span, "not 64 hexadecimal digits")
        .help("write 64 hexadecimal digits of lower case, as `longstop compile` shows them"),
    );
    None
}

fn number(fields: &mut Fields<'_, '_, '_>, name: &'static str) -> Option<u32> {
    let number = within(fields, name, 0..=u64::from(u32::MAX), "")?;
    u32::try_from(number).ok()
}

fn amount(fields: &mut Fields<'_, '_, '_>, name: &'static str) -> Option<Sats> {
    let sats = within(fields, name, 0..=Sats::most(), " satoshis")?;
    Sats::try_from(i64::try_from(sats).ok()?).ok()
}

fn within(
    fields: &mut Fields<'_, '_, '_>,
    name: &'static str,
    range: RangeInclusive<u64>,
    unit: &str,
) -> Option<u64> {
    let number = fields.number(name)?;
    if range.contains(&number.value) {
        return Some(number.value);
    }
    let (least, most) = range.into_inner();
    fields.problems.push(
        Diagnostic::new(
            Code::OutOfRange,
            format!("`{name}` is {}, which is out of range", number.value),
        )
        .at(number.span, "out of range")
        .help(format!("write {least} to {most}{unit}")),
    );
    None
}

/// A list of tables; none if one of them cannot be read.
fn list<T>(
    fields: &mut Fields<'_, '_, '_>,
    name: &'static str,
    read: impl Fn(&mut Fields<'_, '_, '_>) -> Option<T>,
) -> Option<Vec<T>> {
    if !fields.has(name) {
        // It is known from now on, and reported as missing with the others.
        fields.value(name);
        return None;
    }
    let before = fields.problems.len();
    let mut items = Vec::new();
    for (number, (table, span)) in (1..).zip(fields.tables(name)) {
        let title = format!("item {number} of `{name}`");
        let mut inner = Fields::new(table, span, title, fields.problems);
        items.extend(read(&mut inner));
        finish(inner, Extent::Whole);
    }
    (fields.problems.len() == before).then_some(items)
}

//! Examples: how something is written wrongly, and how it would be right.

use super::Code;

/// Lines of a policy that cause a problem, and lines that do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// As it causes the problem.
    pub wrong: &'static str,
    /// As it does not.
    pub right: &'static str,
}

/// The right lines all stand in one policy that has nothing to remark, or in that policy with two
/// backups and a key written out, so that a test can put the wrong ones in their place.
const EXAMPLES: &[(Code, &str, &str)] = &[
    (Code::Syntax, "name = base", "name = \"base\""),
    (
        Code::DuplicateField,
        "script = \"tr\"\nscript = \"wsh\"",
        "script = \"tr\"",
    ),
    (
        Code::UnknownField,
        "refesh = \"90 days\"",
        "refresh = \"90 days\"",
    ),
    (
        Code::MissingField,
        "council = { of = [\"alice\", \"bob\", \"carol\"] }",
        "council = { threshold = 2, of = [\"alice\", \"bob\", \"carol\"] }",
    ),
    (
        Code::WrongType,
        "council = { threshold = \"two\", of = [\"alice\", \"bob\", \"carol\"] }",
        "council = { threshold = 2, of = [\"alice\", \"bob\", \"carol\"] }",
    ),
    (Code::WrongWord, "script = \"taproot\"", "script = \"tr\""),
    (
        Code::FieldConflict,
        "council = { threshold = 2, of = [\"alice\", \"bob\", \"carol\"], members_of = \"agents\" }",
        "council = { threshold = 2, of = [\"alice\", \"bob\", \"carol\"] }",
    ),
    (
        Code::UnknownName,
        "quorum = \"counsel\"",
        "quorum = \"council\"",
    ),
    (
        Code::BadName,
        "name = \"dead man's switch\"",
        "name = \"dead-man\"",
    ),
    (
        Code::ReservedName,
        "name = \"vault\"",
        "name = \"dead-man\"",
    ),
    (
        Code::ThresholdOutOfRange,
        "agents = { threshold = 4, of = [\"gina\", \"hal\", \"ivan\"] }",
        "agents = { threshold = 2, of = [\"gina\", \"hal\", \"ivan\"] }",
    ),
    (
        Code::EmptyQuorum,
        "agents = { threshold = 1, of = [] }",
        "agents = { threshold = 2, of = [\"gina\", \"hal\", \"ivan\"] }",
    ),
    (
        Code::MemberTwice,
        "agents = { threshold = 2, of = [\"gina\", \"hal\", \"hal\"] }",
        "agents = { threshold = 2, of = [\"gina\", \"hal\", \"ivan\"] }",
    ),
    (Code::NoUnit, "delay = \"365\"", "delay = \"365 days\""),
    (
        Code::BadDuration,
        "delay = \"1 year\"",
        "delay = \"365 days\"",
    ),
    (
        Code::ZeroDuration,
        "delay = \"0 days\"",
        "delay = \"365 days\"",
    ),
    (
        Code::TooLong,
        "delay = \"500 days\"",
        "delay = \"365 days\"",
    ),
    (
        Code::WrongClock,
        "clock = \"time\"\ndelay = \"52560 blocks\"",
        "delay = \"365 days\"",
    ),
    (
        Code::WeightsIrreducible,
        "council = { weight = 8, weights = { alice = 4, bob = 4, carol = 1 } }",
        "council = { threshold = 2, of = [\"alice\", \"bob\", \"carol\"] }",
    ),
    (
        Code::RosterUnfit,
        "council = { threshold = 2, of = [\"alice\", \"bob\", \"carol\"], roster = { of = [\"alice\"], share = \"80%\" } }",
        "council = { threshold = 2, of = [\"alice\", \"bob\", \"carol\"] }",
    ),
    (
        Code::RefreshMissing,
        "[root]\nquorum = \"council\"",
        "[root]\nquorum = \"council\"\nrefresh = \"90 days\"",
    ),
    (
        Code::DelayWithinRefresh,
        "delay = \"100 days\"",
        "delay = \"365 days\"",
    ),
    (
        Code::BackstopMissing,
        "escrow = { window = \"14 days\", veto = \"objectors\" }",
        "escrow = { window = \"14 days\", veto = \"objectors\", backstop = \"60 days\" }",
    ),
    (
        Code::BackstopShort,
        "escrow = { window = \"14 days\", veto = \"objectors\", backstop = \"20 days\" }",
        "escrow = { window = \"14 days\", veto = \"objectors\", backstop = \"60 days\" }",
    ),
    (
        Code::BackstopTooLong,
        "escrow = { window = \"14 days\", veto = \"objectors\", backstop = \"450 days\" }",
        "escrow = { window = \"14 days\", veto = \"objectors\", backstop = \"60 days\" }",
    ),
    (
        Code::FieldNotForPath,
        "delay = \"365 days\"\nlockup = { period = \"30 days\" }",
        "delay = \"365 days\"",
    ),
    (
        Code::ShortWindow,
        "escrow = { window = \"12 hours\", veto = \"objectors\", backstop = \"60 days\" }",
        "escrow = { window = \"14 days\", veto = \"objectors\", backstop = \"60 days\" }",
    ),
    (
        Code::WeakRescue,
        "agents = { threshold = 1, of = [\"gina\", \"hal\", \"ivan\"] }",
        "agents = { threshold = 2, of = [\"gina\", \"hal\", \"ivan\"] }",
    ),
    (
        Code::OpenPath,
        "name = \"dead-man\"\nquorum = \"agents\"",
        "name = \"dead-man\"\nquorum = \"agents\"\ndelay = \"365 days\"",
    ),
    (
        Code::DomainsAlike,
        "[items.judy-seed]\nkind = \"backup\"\nof = \"judy\"\ncustody = { cloud = \"south-1\" }\n\n[items.kim-seed]\nkind = \"backup\"\nof = \"kim\"\ncustody = { cloud = \"South-1\" }",
        "[items.judy-seed]\nkind = \"backup\"\nof = \"judy\"\ncustody = { cloud = \"north-1\" }\n\n[items.kim-seed]\nkind = \"backup\"\nof = \"kim\"\ncustody = { cloud = \"south-1\" }",
    ),
    (
        Code::CoinTypeMismatch,
        "key = \"[2e4b3030/48h/0h/0h/3h]tpub",
        "key = \"[2e4b3030/48h/1h/0h/3h]tpub",
    ),
    (
        Code::IdleStagedPath,
        "name = \"sos\"\nquorum = \"council\"",
        "name = \"sos\"\nquorum = \"agents\"",
    ),
    (
        Code::DeadKey,
        "pair = { threshold = 2, of = [\"judy\", \"kim\"] }\nobjectors = { threshold = 1, of = [\"judy\", \"pair\"] }",
        "objectors = { threshold = 2, of = [\"judy\", \"kim\"] }",
    ),
    (
        Code::VetoBlocked,
        "objectors = { threshold = 2, of = [\"gina\", \"hal\", \"kim\"] }",
        "objectors = { threshold = 2, of = [\"judy\", \"kim\"] }",
    ),
    (
        Code::CollapsedQuorum,
        "[items.judy-seed]\nkind = \"backup\"\nof = \"judy\"\ncustody = { cloud = \"south-1\" }\n\n[items.kim-seed]\nkind = \"backup\"\nof = \"kim\"\ncustody = { cloud = \"south-1\" }",
        "[items.judy-seed]\nkind = \"backup\"\nof = \"judy\"\ncustody = { cloud = \"north-1\" }\n\n[items.kim-seed]\nkind = \"backup\"\nof = \"kim\"\ncustody = { cloud = \"south-1\" }",
    ),
];

pub(super) fn of(code: Code) -> Option<Example> {
    let (_, wrong, right) = EXAMPLES.iter().find(|(other, ..)| *other == code)?;
    Some(Example { wrong, right })
}

//! Examples in TOML, in the order of the codes.

use super::Code;

/// Wrong lines, and the right ones in their place.
pub(super) const POLICIES: &[(Code, &str, &str)] = &[
    (Code::Syntax, r#"name = base"#, r#"name = "base""#),
    (
        Code::DuplicateField,
        r#"script = "tr"
script = "wsh""#,
        r#"script = "tr""#,
    ),
    (
        Code::UnknownField,
        r#"refesh = "90 days""#,
        r#"refresh = "90 days""#,
    ),
    (
        Code::MissingField,
        r#"council = { of = ["alice", "bob", "carol"] }"#,
        r#"council = { threshold = 2, of = ["alice", "bob", "carol"] }"#,
    ),
    (
        Code::WrongType,
        r#"council = { threshold = "two", of = ["alice", "bob", "carol"] }"#,
        r#"council = { threshold = 2, of = ["alice", "bob", "carol"] }"#,
    ),
    (Code::WrongWord, r#"script = "taproot""#, r#"script = "tr""#),
    (
        Code::OutOfRange,
        r#"base_fee = "4 sat/vB""#,
        r#"base_fee = "2 sat/vB""#,
    ),
    (
        Code::EmptyReason,
        r#"[lints]
LS0603 = """#,
        r#"[lints]
LS0603 = "the agents are three law firms under contract""#,
    ),
    (
        Code::UnknownCode,
        r#"[lints]
LS0630 = "the agents are three law firms under contract""#,
        r#"[lints]
LS0603 = "the agents are three law firms under contract""#,
    ),
    (
        Code::NotSilenceable,
        r#"[root]
quorum = "council"

[lints]
LS0502 = "the council moves its coins often""#,
        r#"[root]
quorum = "council"
refresh = "90 days""#,
    ),
    (
        Code::FieldConflict,
        r#"agents = { threshold = 2, of = ["gina", "hal"], members_of = "council" }"#,
        r#"agents = { threshold = 2, of = ["gina", "hal", "ivan"] }"#,
    ),
    (Code::RungsUnfit, "rungs = [100, 20]", "rungs = [20, 100]"),
    (
        Code::DepthAtVersionTwo,
        r#"transaction_version = 2
# …
escrow = { window = "14 days", veto = "objectors", backstop = "60 days",
           depth = 2 }"#,
        r#"transaction_version = 2
# …
escrow = { window = "14 days", veto = "objectors", backstop = "60 days",
           depth = 1 }"#,
    ),
    (
        Code::UnknownName,
        r#"quorum = "counsel""#,
        r#"quorum = "council""#,
    ),
    (
        Code::DuplicateName,
        r#"[[path]]
name = "sos"
# …
[[path]]
name = "sos""#,
        r#"[[path]]
name = "dead-man"
# …
[[path]]
name = "sos""#,
    ),
    (
        Code::BadName,
        r#"name = "dead man's switch""#,
        r#"name = "dead-man""#,
    ),
    (
        Code::InvisibleCharacter,
        r#"name = "dead\u200Bman""#,
        r#"name = "dead-man""#,
    ),
    (
        Code::ConfusableNames,
        r#"[[path]]
name = "s0s"
# …
[[path]]
name = "sos""#,
        r#"[[path]]
name = "dead-man"
# …
[[path]]
name = "sos""#,
    ),
    (
        Code::ReservedName,
        r#"name = "vault""#,
        r#"name = "dead-man""#,
    ),
    (
        Code::ThresholdOutOfRange,
        r#"agents = { threshold = 4, of = ["gina", "hal", "ivan"] }"#,
        r#"agents = { threshold = 2, of = ["gina", "hal", "ivan"] }"#,
    ),
    (
        Code::EmptyQuorum,
        r#"agents = { threshold = 1, of = [] }"#,
        r#"agents = { threshold = 2, of = ["gina", "hal", "ivan"] }"#,
    ),
    (
        Code::MemberTwice,
        r#"agents = { threshold = 2, of = ["gina", "hal", "hal"] }"#,
        r#"agents = { threshold = 2, of = ["gina", "hal", "ivan"] }"#,
    ),
    (
        Code::CyclicQuorum,
        r#"council = { threshold = 2, of = ["alice", "bob", "agents"] }
agents = { threshold = 2, of = ["gina", "hal", "council"] }"#,
        r#"council = { threshold = 2, of = ["alice", "bob", "carol"] }
agents = { threshold = 2, of = ["gina", "hal", "ivan"] }"#,
    ),
    (
        Code::TooManyMembers,
        r#"script = "wsh"
# …
objectors = { threshold = 11, of = [
    "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11",
    "p12", "p13", "p14", "p15", "p16", "p17", "p18", "p19", "p20", "p21",
] }"#,
        r#"script = "tr"
# …
objectors = { threshold = 11, of = [
    "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11",
    "p12", "p13", "p14", "p15", "p16", "p17", "p18", "p19", "p20", "p21",
] }"#,
    ),
    (
        Code::WeightsIrreducible,
        r#"council = { weight = 8, weights = { alice = 4, bob = 4, carol = 1 } }"#,
        r#"council = { threshold = 2, of = ["alice", "bob", "carol"] }"#,
    ),
    (
        Code::RosterUnfit,
        r#"council = { threshold = 2, of = ["alice", "bob", "carol"],
            roster = { of = ["alice"], share = "80%" } }"#,
        r#"council = { threshold = 2, of = ["alice", "bob", "carol"],
            roster = { of = ["alice", "bob"], share = "80%" } }"#,
    ),
    (
        Code::ItemUnfit,
        r#"[items.judy-files]
kind = "files"
of = "judy"
paths = ["dead-man"]"#,
        r#"[items.judy-files]
kind = "files"
of = "judy"
paths = ["sos"]"#,
    ),
    (
        Code::PrivateKey,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]tprv…" }"#,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…" }"#,
    ),
    (
        Code::MalformedKey,
        r#"alice = { key = "73ba188d/48h/1h/0h/3h/tpubDE4j…" }"#,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…" }"#,
    ),
    (
        Code::SingleKey,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]02573ceb…" }"#,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…" }"#,
    ),
    (
        Code::NoOrigin,
        r#"alice = { key = "tpubDE4j…" }"#,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…" }"#,
    ),
    (
        Code::StepsAfterKey,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…/<0;1>/*" }"#,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…" }"#,
    ),
    (
        Code::HardenedAfterKey,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…/0h/*" }"#,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…" }"#,
    ),
    (
        Code::OriginMismatch,
        r#"alice = { key = "[73ba188d/48h/1h/0h/2h]tpubDE4j…" }"#,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…" }"#,
    ),
    (
        Code::WrongNetwork,
        r#"network = "regtest"
# …
alice = { key = "[73ba188d/48h/1h/0h/3h]xpub6Dh6…" }"#,
        r#"network = "regtest"
# …
alice = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…" }"#,
    ),
    (
        Code::KeySharedInQuorum,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…" }
bob = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…" }"#,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…" }
bob = { key = "[35068fc9/48h/1h/0h/3h]tpubDF7M…" }"#,
    ),
    (
        Code::OriginSharedInQuorum,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…" }
bob = { key = "[73ba188d/48h/1h/2h/3h]tpubDEst…" }"#,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…" }
bob = { key = "[35068fc9/48h/1h/0h/3h]tpubDF7M…" }"#,
    ),
    (
        Code::RolesShareAccount,
        r#"[parties.alice]
key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…"
veto = "[73ba188d/48h/1h/0h/3h]tpubDE4j…""#,
        r#"[parties.alice]
key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…"
veto = "[73ba188d/48h/1h/2h/3h]tpubDEst…""#,
    ),
    (
        Code::BadIdentity,
        r#"[parties.alice]
key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…"
identity = "alice""#,
        r#"[parties.alice]
key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…"
identity = "d5bf4a3f…""#,
    ),
    (
        Code::WeakIdentity,
        r#"[parties.alice]
key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…"
identity = "00000000…""#,
        r#"[parties.alice]
key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…"
identity = "d5bf4a3f…""#,
    ),
    (
        Code::IdentityShared,
        r#"[parties.alice]
key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…"
identity = "d5bf4a3f…"

[parties.bob]
key = "[35068fc9/48h/1h/0h/3h]tpubDF7M…"
identity = "d5bf4a3f…""#,
        r#"[parties.alice]
key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…"
identity = "d5bf4a3f…"

[parties.bob]
key = "[35068fc9/48h/1h/0h/3h]tpubDF7M…"
identity = "ecc1b587…""#,
    ),
    (
        Code::BadFees,
        r#"[parties.alice]
key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…"
fees = "[73ba188d/84h/1h/9h]tpubDCUq…""#,
        r#"[parties.alice]
key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…"
fees = "wpkh([73ba188d/84h/1h/9h]tpubDCUq…/<0;1>/*)""#,
    ),
    (Code::NoUnit, r#"delay = "365""#, r#"delay = "365 days""#),
    (
        Code::BadDuration,
        r#"delay = "1 year""#,
        r#"delay = "365 days""#,
    ),
    (
        Code::ZeroDuration,
        r#"delay = "0 days""#,
        r#"delay = "365 days""#,
    ),
    (
        Code::TooLong,
        r#"delay = "500 days""#,
        r#"delay = "365 days""#,
    ),
    (
        Code::WrongClock,
        r#"clock = "time"
delay = "52560 blocks""#,
        r#"delay = "365 days""#,
    ),
    (
        Code::BadDate,
        r#"unlock_at = "2031-01-01""#,
        r#"unlock_at = "2031-01-01T00:00:00Z""#,
    ),
    (
        Code::AbsoluteOutOfRange,
        r#"unlock_at = "2040-01-01T00:00:00Z""#,
        r#"unlock_at = "2031-01-01T00:00:00Z""#,
    ),
    (
        Code::NoSurvivor,
        r#"[root]
quorum = "council"
# …
[[path]]
name = "dead-man"
quorum = "council"
delay = "365 days""#,
        r#"[root]
quorum = "council"
# …
[[path]]
name = "dead-man"
quorum = "agents"
delay = "365 days""#,
    ),
    (
        Code::RefreshMissing,
        r#"[root]
quorum = "council""#,
        r#"[root]
quorum = "council"
refresh = "90 days""#,
    ),
    (
        Code::DelayWithinRefresh,
        r#"delay = "100 days""#,
        r#"delay = "365 days""#,
    ),
    (
        Code::BackstopMissing,
        r#"escrow = { window = "14 days", veto = "objectors" }"#,
        r#"escrow = { window = "14 days", veto = "objectors", backstop = "60 days" }"#,
    ),
    (
        Code::BackstopShort,
        r#"escrow = { window = "14 days", veto = "objectors", backstop = "20 days" }"#,
        r#"escrow = { window = "14 days", veto = "objectors", backstop = "60 days" }"#,
    ),
    (
        Code::BackstopTooLong,
        r#"escrow = { window = "14 days", veto = "objectors", backstop = "450 days" }"#,
        r#"escrow = { window = "14 days", veto = "objectors", backstop = "60 days" }"#,
    ),
    (
        Code::FieldNotForPath,
        r#"delay = "365 days"
lockup = { period = "30 days" }"#,
        r#"delay = "365 days""#,
    ),
    (
        Code::DescriptorForStaged,
        r#"script = "wsh"
descriptor = "wsh(pk([73ba188d/48h/1h/0h/3h]tpubDE4j…/<0;1>/*))#jjmna5us"
# …
escrow = { window = "14 days", veto = "objectors", backstop = "60 days" }"#,
        r#"script = "wsh"
# …
escrow = { window = "14 days", veto = "objectors", backstop = "60 days" }"#,
    ),
    (
        Code::ShortWindow,
        r#"escrow = { window = "12 hours", veto = "objectors", backstop = "60 days" }"#,
        r#"escrow = { window = "14 days", veto = "objectors", backstop = "60 days" }"#,
    ),
    (
        Code::DirectBeforeStaged,
        r#"delay = "120 days"
# …
escrow = { window = "100 days", veto = "objectors", backstop = "60 days" }
lockup = { period = "30 days" }"#,
        r#"delay = "365 days"
# …
escrow = { window = "100 days", veto = "objectors", backstop = "60 days" }
lockup = { period = "30 days" }"#,
    ),
    (
        Code::WeakRescue,
        r#"agents = { threshold = 1, of = ["gina", "hal", "ivan"] }"#,
        r#"agents = { threshold = 2, of = ["gina", "hal", "ivan"] }"#,
    ),
    (
        Code::OnePersonVeto,
        r#"objectors = { threshold = 1, of = ["judy", "kim"] }"#,
        r#"objectors = { threshold = 2, of = ["judy", "kim"] }"#,
    ),
    (
        Code::PartyOnBothSides,
        r#"council = { threshold = 2, of = ["alice", "bob", "carol"] }
agents = { threshold = 2, of = ["gina", "hal", "ivan", "alice"] }"#,
        r#"council = { threshold = 2, of = ["alice", "bob", "carol"] }
agents = { threshold = 2, of = ["gina", "hal", "ivan"] }"#,
    ),
    (
        Code::KeyReused,
        r#"carol = { key = "[681a2b3b/48h/1h/0h/3h]tpubDF3i…" }
gina = { key = "[681a2b3b/48h/1h/0h/3h]tpubDF3i…" }"#,
        r#"carol = { key = "[681a2b3b/48h/1h/0h/3h]tpubDF3i…" }
gina = { key = "[d938cac6/48h/1h/0h/3h]tpubDEwY…" }"#,
    ),
    (
        Code::OriginReused,
        r#"carol = { key = "[681a2b3b/48h/1h/0h/3h]tpubDF3i…" }
gina = { key = "[681a2b3b/48h/1h/2h/3h]tpubDEyb…" }"#,
        r#"carol = { key = "[681a2b3b/48h/1h/0h/3h]tpubDF3i…" }
gina = { key = "[d938cac6/48h/1h/0h/3h]tpubDEwY…" }"#,
    ),
    (
        Code::MixedLocks,
        r#"delay = "365 days"
unlock_at = "2031-01-01T00:00:00Z""#,
        r#"delay = "365 days"
unlock_height = 1_200_000"#,
    ),
    (
        Code::UnusedParty,
        r#"ivan = { key = "[a7cedc6c/48h/1h/0h/3h]tpubDEWa…" }
# …
agents = { threshold = 2, of = ["gina", "hal"] }"#,
        r#"ivan = { key = "[a7cedc6c/48h/1h/0h/3h]tpubDEWa…" }
# …
agents = { threshold = 2, of = ["gina", "hal", "ivan"] }"#,
    ),
    (
        Code::UnusedQuorum,
        r#"council = { threshold = 2, of = ["alice", "bob", "carol"] }
board = { threshold = 1, of = ["alice", "bob"] }
# …
[root]
quorum = "council""#,
        r#"council = { threshold = 2, of = ["alice", "bob", "carol"] }
# …
[root]
quorum = "council""#,
    ),
    (
        Code::SharedSeat,
        r#"legal = { threshold = 2, of = ["gina", "hal"] }
finance = { threshold = 2, of = ["hal", "ivan", "lena"] }
agents = { threshold = 2, of = ["legal", "finance"] }"#,
        r#"legal = { threshold = 2, of = ["gina", "hal"] }
finance = { threshold = 2, of = ["ivan", "lena"] }
agents = { threshold = 2, of = ["legal", "finance"] }"#,
    ),
    (
        Code::MixedScript,
        r#"name = "dead-m\u0430n""#,
        r#"name = "dead-man""#,
    ),
    (
        Code::NeedlessAcceptance,
        r#"[policy]
name = "base"
accept_total_loss = "we would rather lose it""#,
        r#"[policy]
name = "base""#,
    ),
    (
        Code::IdleSilence,
        r#"agents = { threshold = 2, of = ["gina", "hal", "ivan"] }
# …
[lints]
LS0603 = "the agents are three law firms under contract""#,
        r#"agents = { threshold = 2, of = ["gina", "hal", "ivan"] }"#,
    ),
    (
        Code::OpenPath,
        r#"name = "dead-man"
quorum = "agents""#,
        r#"name = "dead-man"
quorum = "agents"
delay = "365 days""#,
    ),
    (
        Code::ShadowedPath,
        r#"[[path]]
name = "dead-man"
quorum = "agents"
delay = "365 days"

[[path]]
name = "later"
quorum = "agents"
delay = "400 days""#,
        r#"[[path]]
name = "dead-man"
quorum = "agents"
delay = "365 days""#,
    ),
    (
        Code::DomainsAlike,
        r#"[items.judy-seed]
kind = "backup"
of = "judy"
custody = { cloud = "south-1" }

[items.kim-seed]
kind = "backup"
of = "kim"
custody = { cloud = "South-1" }"#,
        r#"[items.judy-seed]
kind = "backup"
of = "judy"
custody = { cloud = "north-1" }

[items.kim-seed]
kind = "backup"
of = "kim"
custody = { cloud = "south-1" }"#,
    ),
    (
        Code::CoinTypeMismatch,
        r#"alice = { key = "[73ba188d/48h/0h/0h/3h]tpubDEr2…" }"#,
        r#"alice = { key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…" }"#,
    ),
    (
        Code::IdleStagedPath,
        r#"name = "sos"
quorum = "council""#,
        r#"name = "sos"
quorum = "agents""#,
    ),
    (
        Code::DeadKey,
        r#"pair = { threshold = 2, of = ["judy", "kim"] }
objectors = { threshold = 1, of = ["judy", "pair"] }"#,
        r#"objectors = { threshold = 2, of = ["judy", "kim"] }"#,
    ),
    (
        Code::VetoBlocked,
        r#"objectors = { threshold = 3, of = ["judy", "kim", "gina", "hal"] }"#,
        r#"objectors = { threshold = 2, of = ["judy", "kim"] }"#,
    ),
    (
        Code::CollapsedQuorum,
        r#"[items.judy-seed]
kind = "backup"
of = "judy"
custody = { cloud = "south-1" }

[items.kim-seed]
kind = "backup"
of = "kim"
custody = { cloud = "south-1" }"#,
        r#"[items.judy-seed]
kind = "backup"
of = "judy"
custody = { cloud = "north-1" }

[items.kim-seed]
kind = "backup"
of = "kim"
custody = { cloud = "south-1" }"#,
    ),
    (
        Code::Voiceless,
        r#"[parties.gina]
key = "[d938cac6/48h/1h/0h/3h]tpubDEwY…"
# …
activation = { manual = "agents" }"#,
        r#"[parties.gina]
key = "[d938cac6/48h/1h/0h/3h]tpubDEwY…"
identity = "f6c43cbb…"
# …
activation = { manual = "agents" }"#,
    ),
    (
        Code::VetoersAllInRoot,
        r#"council = { threshold = 2, of = ["alice", "bob", "carol"] }
# …
objectors = { threshold = 2, of = ["alice", "bob"] }"#,
        r#"council = { threshold = 2, of = ["alice", "bob", "carol"] }
# …
objectors = { threshold = 2, of = ["alice", "judy"] }"#,
    ),
    (
        Code::NoVetoKey,
        r#"[parties.alice]
key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…"
# …
objectors = { threshold = 2, of = ["alice", "judy"] }"#,
        r#"[parties.alice]
key = "[73ba188d/48h/1h/0h/3h]tpubDE4j…"
veto = "[73ba188d/48h/1h/2h/3h]tpubDEst…"
# …
objectors = { threshold = 2, of = ["alice", "judy"] }"#,
    ),
    (
        Code::SingleKeyRoot,
        r#"council = { threshold = 1, of = ["alice"] }
# …
[root]
quorum = "council""#,
        r#"council = { threshold = 2, of = ["alice", "bob", "carol"] }
# …
[root]
quorum = "council""#,
    ),
    (
        Code::VetoFromWithin,
        r#"agents = { threshold = 2, of = ["gina", "hal", "ivan"] }
objectors = { threshold = 2, of = ["judy", "kim", "gina", "hal", "ivan"] }"#,
        r#"agents = { threshold = 2, of = ["gina", "hal", "ivan"] }
objectors = { threshold = 2, of = ["judy", "kim"] }"#,
    ),
    (Code::RungsTooClose, "rungs = [20, 21]", "rungs = [20, 100]"),
    (
        Code::DescriptorUnfit,
        r#"descriptor = "wsh(pk([73ba188d/48h/1h/0h/3h]tpubDE4j…/<0;1>/*))""#,
        r#"descriptor = "wsh(pk([73ba188d/48h/1h/0h/3h]tpubDE4j…/<0;1>/*))#jjmna5us""#,
    ),
];

//! The tables and fields of a policy, described once for everything that is no reader of them:
//! the JSON Schema, and the order in which the formatter puts fields.
//!
//! The reader under `document` is written by hand, for the sake of its messages.  Tests hold the
//! two together: whatever stands here is read, and whatever is read stands here.

/// A table and its fields, in the order of the canonical form.
pub(in crate::policy) struct Shape {
    pub about: &'static str,
    pub fields: &'static [Field],
    /// Groups of fields, of which exactly one group is given in full.
    pub one_of: &'static [&'static [&'static str]],
    /// Groups of fields that are never given together.
    pub never_together: &'static [&'static [&'static str]],
}

/// A field of a table.
pub(in crate::policy) struct Field {
    pub name: &'static str,
    pub about: &'static str,
    pub value: Value,
    pub needed: Need,
    /// The value where the field is left out, as it would be written.
    pub default: Option<&'static str>,
}

/// Whether a table can do without a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Need {
    Required,
    Optional,
}

/// What a field holds.
#[derive(Clone, Copy)]
pub(in crate::policy) enum Value {
    /// Any text.
    Text,
    /// A text with something in it.
    Reason,
    /// One of a few words.
    Word(&'static [&'static str]),
    /// The name of something.
    Name,
    /// A list of names.
    Names,
    Boolean,
    /// A whole number, with its bounds.
    Number(u64, u64),
    /// A whole number from one.
    Count,
    /// Whole numbers by name.
    Weights,
    Duration,
    /// A moment, as a string or as a date of TOML.
    Moment,
    /// `"1%"` to `"100%"`.
    Percentage,
    /// An account with its origin.
    Account,
    FeeWallet,
    Identity,
    Feerate,
    /// One to three feerates in sat/vB.
    Feerates,
    Table(&'static Shape),
    /// A list of tables.
    Tables(&'static Shape),
    /// Tables by name.
    Named(&'static Shape),
    /// Reasons by code.
    Silenced,
    /// A condition of an activation.
    Condition,
    /// A list of conditions.
    Conditions,
}

const fn required(name: &'static str, value: Value, about: &'static str) -> Field {
    Field {
        name,
        about,
        value,
        needed: Need::Required,
        default: None,
    }
}

const fn optional(name: &'static str, value: Value, about: &'static str) -> Field {
    Field {
        name,
        about,
        value,
        needed: Need::Optional,
        default: None,
    }
}

impl Field {
    const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }
}

const fn shape(about: &'static str, fields: &'static [Field]) -> Shape {
    Shape {
        about,
        fields,
        one_of: &[],
        never_together: &[],
    }
}

/// The whole document.
pub(in crate::policy) static POLICY: Shape = shape(
    "A policy: who may move the coins of a group, when, and who may object.",
    &[
        required(
            "policy",
            Value::Table(&SETTINGS),
            "What holds for the policy as a whole.",
        ),
        required(
            "parties",
            Value::Named(&PARTY),
            "The holders of keys, each a table `[parties.NAME]`.",
        ),
        required(
            "quorums",
            Value::Named(&QUORUM),
            "Who decides together, each `NAME = { threshold = 2, of = [...] }`.",
        ),
        required(
            "root",
            Value::Table(&ROOT),
            "The regular holders, who spend at once.",
        ),
        optional(
            "path",
            Value::Tables(&PATH),
            "One more way to move coins: staged with `escrow`, direct without.",
        ),
        optional(
            "items",
            Value::Named(&ITEM),
            "What parties keep beside their keys, and where, each a table `[items.NAME]`.",
        ),
        optional(
            "lints",
            Value::Silenced,
            "Codes that are silenced, each with the reason for whoever reads the policy next.",
        ),
    ],
);

static SETTINGS: Shape = shape(
    "What holds for the policy as a whole.",
    &[
        required(
            "name",
            Value::Name,
            "The name of the policy: letters, digits, `-` and `_`.",
        ),
        required(
            "network",
            Value::Word(&["bitcoin", "testnet4", "signet", "regtest"]),
            "The network that all keys and addresses belong to.",
        ),
        required(
            "script",
            Value::Word(&["tr", "wsh"]),
            "The kind of script: taproot, or P2WSH.",
        ),
        optional(
            "layout",
            Value::Word(&["device", "cheapest"]),
            "Whether leaves stay within what signing devices register.",
        )
        .or("device"),
        optional(
            "base_fee",
            Value::Feerate,
            "What pre-signed transactions pay by themselves, from `\"1 sat/vB\"` to `\"3 sat/vB\"`.",
        )
        .or("2 sat/vB"),
        optional(
            "transaction_version",
            Value::Number(2, 3),
            "The version of all transactions: 2 for signers that refuse 3, without anybody who could raise a fee.",
        )
        .or("3"),
        optional(
            "rungs",
            Value::Feerates,
            "With version 2, the feerates in sat/vB at which transactions are signed in advance: one to three, the lowest first.",
        )
        .or("[2, 20, 100]"),
        optional(
            "descriptor",
            Value::Text,
            "The descriptor of the vault, where it was made elsewhere; for policies without staged paths.",
        ),
        optional(
            "accept_total_loss",
            Value::Reason,
            "Why no path has to survive the total loss of root.",
        ),
    ],
);

static PARTY: Shape = shape(
    "One holder of keys: a person, an organisation, or a group that signs as one.",
    &[
        required(
            "key",
            Value::Account,
            "An account with its origin, such as `[73c5da0a/48h/1h/0h/3h]tpub…`, without any step after the key.",
        ),
        optional(
            "identity",
            Value::Identity,
            "An ed25519 public key that signs governance events, as 64 hexadecimal digits.",
        ),
        optional(
            "veto",
            Value::Account,
            "An account of its own for the veto role.",
        ),
        optional(
            "fees",
            Value::FeeWallet,
            "The wallet that pays for fee children: `wpkh([origin]tpub…/<0;1>/*)`.",
        ),
        optional(
            "custody",
            Value::Table(&CUSTODY),
            "Where the keys are kept, in the author's own words; `none` where there is no such domain.",
        ),
    ],
);

static CUSTODY: Shape = shape(
    "Facts about where something is kept; `none` where there is no such domain.",
    &[
        optional("operator", Value::Text, "Who operates it."),
        optional("host", Value::Text, "The machine or place in which it is."),
        optional(
            "cloud",
            Value::Text,
            "The cloud account that reaches it, or `none`.",
        ),
        optional("vendor", Value::Text, "Who made the signing device."),
        optional(
            "jurisdiction",
            Value::Text,
            "Whose courts reach the holder.",
        ),
        optional("site", Value::Text, "Where it is."),
    ],
);

static ITEM: Shape = shape(
    "Something a party keeps beside its keys.",
    &[
        required(
            "kind",
            Value::Word(&["files", "acknowledgements", "watchtower", "fees", "backup"]),
            "What it is: a copy of the files signed in advance, the acknowledgement records, a watchtower with a completed cancel, the fee wallet, or a copy of the keys.",
        ),
        required("of", Value::Name, "The party whose it is."),
        optional(
            "paths",
            Value::Names,
            "Of which staged paths; for `files` and `watchtower`, and all of them where left out.",
        ),
        optional(
            "custody",
            Value::Table(&CUSTODY),
            "Where it is kept; what is not said here is as with the party's keys.",
        ),
    ],
);

static QUORUM: Shape = Shape {
    about: "Who decides together: so many of these.",
    fields: &[
        optional(
            "threshold",
            Value::Number(1, 128),
            "How many members must act.",
        ),
        optional(
            "weight",
            Value::Count,
            "How much weight must come together, in place of `threshold`.",
        ),
        optional("of", Value::Names, "The members: parties and quorums."),
        optional(
            "members_of",
            Value::Name,
            "A quorum whose members this one has too, for another threshold over the same people.",
        ),
        optional(
            "weights",
            Value::Weights,
            "The members with their weights, in place of `of`.",
        ),
        optional(
            "roster",
            Value::Table(&ROSTER),
            "Who usually acts; only the layout `cheapest` uses it.",
        ),
    ],
    one_of: &[
        &["threshold", "of"],
        &["threshold", "members_of"],
        &["weight", "weights"],
    ],
    never_together: &[
        &["threshold", "weight"],
        &["threshold", "weights"],
        &["weights", "of"],
        &["weights", "members_of"],
    ],
};

static ROSTER: Shape = shape(
    "Who usually acts.",
    &[
        required(
            "of",
            Value::Names,
            "Just as many parties as the quorum needs.",
        ),
        required(
            "share",
            Value::Percentage,
            "In how many cases it is they who act: `\"1%\"` to `\"99%\"`.",
        ),
    ],
);

static ROOT: Shape = shape(
    "The regular holders: they spend at once, arm and override.",
    &[
        required("quorum", Value::Name, "The quorum that is root."),
        optional(
            "refresh",
            Value::Duration,
            "How often root promises to move or refresh every coin; delays are checked against it.",
        ),
        optional(
            "likelihood",
            Value::Number(1, 10_000),
            "How often root moves a coin of the vault, against the paths.",
        )
        .or("100"),
    ],
);

static PATH: Shape = Shape {
    about: "One more way to move coins.",
    fields: &[
        required(
            "name",
            Value::Name,
            "The name of the path, unique among the paths.",
        ),
        optional(
            "purpose",
            Value::Word(&["recover", "spend"]),
            "What a staged path is for.",
        )
        .or("recover"),
        required("quorum", Value::Name, "Who acts."),
        optional(
            "clock",
            Value::Word(&["blocks", "time"]),
            "How the durations of this path are counted.",
        )
        .or("blocks"),
        optional(
            "delay",
            Value::Duration,
            "How long a coin must have rested; for direct paths.",
        ),
        optional(
            "unlock_at",
            Value::Moment,
            "A date before which the path is closed for every coin; for direct paths.",
        ),
        optional(
            "unlock_height",
            Value::Number(1, 499_999_999),
            "A height before which the path is closed for every coin; for direct paths.",
        ),
        optional(
            "likelihood",
            Value::Number(1, 10_000),
            "How often a coin leaves the vault this way, against root and the other paths; by default 20 if staged, 5 if direct.",
        ),
        optional(
            "escrow",
            Value::Table(&ESCROW),
            "Makes the path staged: what a trigger leads to, and who can cancel it.",
        ),
        optional(
            "lockup",
            Value::Table(&LOCKUP),
            "Where a recovered coin waits; for staged paths to recover.",
        ),
        optional(
            "activation",
            Value::Condition,
            "When the software of the path's quorum is to sign a trigger; promised by software, and nothing the chain sees.",
        ),
    ],
    one_of: &[],
    never_together: &[&["unlock_at", "unlock_height"]],
};

static ESCROW: Shape = shape(
    "What a trigger leads to, and who can cancel it.",
    &[
        required(
            "window",
            Value::Duration,
            "The veto window: how long the escrow can be cancelled before it can be settled.",
        ),
        required("veto", Value::Name, "The quorum that can cancel."),
        optional(
            "depth",
            Value::Number(1, 8),
            "How many triggers in a row are signed in advance.",
        )
        .or("1"),
        optional(
            "backstop",
            Value::Duration,
            "How long after the window the path's quorum can take the coin without any file; at least the lock-up period.",
        ),
    ],
);

static LOCKUP: Shape = Shape {
    about: "Where a recovered coin waits before its release.",
    fields: &[
        required(
            "period",
            Value::Duration,
            "How long the coin waits before the release.",
        ),
        optional(
            "clawback",
            Value::Boolean,
            "Whether root can take the coin back meanwhile.",
        )
        .or("true"),
        optional(
            "quorum",
            Value::Name,
            "A quorum of the lock-up's own, which releases in place of the path's.",
        ),
        optional(
            "beneficiary",
            Value::Name,
            "One party that releases alone, in place of a quorum.",
        ),
    ],
    one_of: &[],
    never_together: &[&["quorum", "beneficiary"]],
};

/// The conditions of an activation: each is one of these tables.
pub(in crate::policy) static CONDITIONS: [Shape; 6] = [
    shape(
        "One of several conditions is enough.",
        &[required(
            "any",
            Value::Conditions,
            "Conditions of which one is enough.",
        )],
    ),
    shape(
        "All of several conditions are needed.",
        &[required(
            "all",
            Value::Conditions,
            "Conditions that are all needed.",
        )],
    ),
    shape(
        "A quorum says so.",
        &[required("manual", Value::Name, "The quorum that says so.")],
    ),
    shape(
        "A quorum has shown too few signs of life.",
        &[
            required(
                "silence",
                Value::Name,
                "The quorum that is to show signs of life.",
            ),
            required("for", Value::Duration, "For how long."),
            required(
                "fewer_than",
                Value::Number(1, 256),
                "Fewer of its parties than this have shown one.",
            ),
        ],
    ),
    shape(
        "A quorum raises the alarm.",
        &[required(
            "alarm",
            Value::Name,
            "The quorum that raises the alarm.",
        )],
    ),
    shape(
        "A quorum votes.",
        &[
            required("vote", Value::Name, "The quorum that votes."),
            required("turnout", Value::Percentage, "How many must take part."),
            required(
                "approve",
                Value::Percentage,
                "How many of these must approve.",
            ),
            required("open", Value::Duration, "How long the vote is open."),
        ],
    ),
];

/// Where a field stands in the canonical form of its table; after all others if it is unknown.
pub(in crate::policy) fn rank(shape: &Shape, name: &str) -> usize {
    let known = shape.fields.iter().position(|field| field.name == name);
    known.unwrap_or(usize::MAX)
}

/// What a table at a place of the document is, as far as the language knows it.
#[derive(Clone, Copy)]
pub(in crate::policy) enum Place {
    /// A table with these fields.
    Table(&'static Shape),
    /// Tables of the author's names, each with these fields.
    Named(&'static Shape),
    /// A condition.
    Condition,
    /// Whatever.
    Other,
}

impl Place {
    /// The place of the value, or of the values of the list, that stands under a name here.
    pub fn under(self, name: &str) -> Self {
        let field = match self {
            Self::Named(shape) => return Self::Table(shape),
            Self::Table(shape) => shape.fields.iter().find(|field| field.name == name),
            Self::Condition => condition_fields().find(|field| field.name == name),
            Self::Other => None,
        };
        match field.map(|field| field.value) {
            Some(Value::Table(shape) | Value::Tables(shape)) => Self::Table(shape),
            Some(Value::Named(shape)) => Self::Named(shape),
            Some(Value::Condition | Value::Conditions) => Self::Condition,
            _ => Self::Other,
        }
    }

    /// Where a field stands among its neighbours; what has no order of its own stands after what
    /// has, as it was written.
    pub fn rank(self, name: &str) -> usize {
        match self {
            Self::Table(shape) => rank(shape, name),
            Self::Condition => condition_fields()
                .position(|field| field.name == name)
                .unwrap_or(usize::MAX),
            Self::Named(_) | Self::Other => usize::MAX,
        }
    }
}

fn condition_fields() -> impl Iterator<Item = &'static Field> {
    CONDITIONS.iter().flat_map(|shape| shape.fields)
}

//! What a caller keeps of a store, and what a store has to tell its caller.

use std::fmt;

use bitcoin::hex::{DisplayHex, FromHex};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::store::Head;

/// What is known of a store by somebody who keeps it elsewhere.
///
/// A store that was replaced, emptied or shortened is noticed by whoever opens it with a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The SHA-256 digest of what it was founded on; in hexadecimal digits where it is written.
    #[serde(serialize_with = "write_hex", deserialize_with = "read_hex")]
    pub genesis: [u8; 32],
    /// The largest number of records seen, and the hash of their tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
}

fn write_hex<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&bytes.to_lower_hex_string())
}

fn read_hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
    let text = String::deserialize(deserializer)?;
    <[u8; 32]>::from_hex(&text).map_err(serde::de::Error::custom)
}

/// What somebody should know about how a store was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "remark")]
pub enum Remark {
    /// What was never acknowledged lay behind the last record, and was moved away.
    Cut {
        /// The segment.
        file: String,
        /// Where it was cut, in bytes.
        offset: u64,
        /// How many bytes were cut off.
        bytes: u64,
        /// What was wrong with them.
        what: String,
        /// The file that has them now.
        kept: String,
    },
    /// A file that can be made anew is missing.
    Missing {
        /// The file.
        file: &'static str,
    },
    /// A file that can be made anew is not what was written.
    Unreadable {
        /// The file.
        file: &'static str,
    },
    /// The index was made anew from the segments.
    IndexRebuilt {
        /// What was wrong with it.
        why: String,
    },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut {
                file,
                offset,
                bytes,
                what,
                kept,
            } => write!(
                f,
                "cut {bytes} bytes that were never acknowledged off `{file}` at byte {offset} ({what}), and kept them as `{kept}`"
            ),
            Self::Missing { file } => {
                write!(
                    f,
                    "`{file}` was missing, and was made anew from the segments"
                )
            }
            Self::Unreadable { file } => {
                write!(
                    f,
                    "`{file}` was damaged, and was made anew from the segments"
                )
            }
            Self::IndexRebuilt { why } => {
                write!(f, "the index was made anew from the segments: {why}")
            }
        }
    }
}

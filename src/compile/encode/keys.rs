//! Keys, alone and in thresholds over nothing but keys.

use std::rc::Rc;

use super::way::{Text, Way, Ways};
use super::{Encoder, push_size};
use crate::compile::seat::SeatKey;
use crate::policy::ScriptType;

impl Encoder {
    const fn key(&self, seat: usize) -> SeatKey {
        SeatKey::Seat {
            leaf: self.leaf,
            seat,
        }
    }

    const fn signature(&self) -> f64 {
        match self.script {
            ScriptType::Tr => 65.0,
            ScriptType::Wsh => 73.0,
        }
    }

    pub(super) fn one_key(&self, seat: usize) -> Ways {
        let plain = Way {
            text: Rc::new(Text::Word(format!("pk({})", self.key(seat)))),
            size: match self.script {
                ScriptType::Tr => 34.0,
                ScriptType::Wsh => 35.0,
            },
            satisfy: self.signature(),
            most: self.signature(),
            dissatisfy: Some(1.0),
            verify: 0.0,
            one_item: true,
            is_one: true,
            leaves: Vec::new(),
        };
        let mut base = vec![plain];
        if self.script == ScriptType::Wsh && self.hashes {
            // The hash of a key is shorter than the key, which then stands in the witness instead.
            base.push(Way {
                text: Rc::new(Text::Word(format!("pkh({})", self.key(seat)))),
                size: 25.0,
                satisfy: self.signature() + 34.0,
                most: self.signature() + 34.0,
                dissatisfy: Some(1.0 + 34.0),
                verify: 0.0,
                one_item: false,
                is_one: true,
                leaves: Vec::new(),
            });
        }
        Ways {
            base,
            verify: Vec::new(),
        }
        .kept()
    }

    pub(super) fn multi(&self, threshold: usize, keys: &[usize]) -> Way {
        let names: Vec<String> = keys
            .iter()
            .map(|seat| self.key(*seat).to_string())
            .collect();
        let (needed, all) = (threshold as f64, keys.len() as f64);
        let number = push_size(threshold as u64) as f64;
        let (name, size, satisfy, dissatisfy) = match self.script {
            // One item for every key, an empty one where the key does not sign.
            ScriptType::Tr => {
                let satisfy = needed * self.signature() + (all - needed);
                ("multi_a", 34.0 * all + number + 1.0, satisfy, all)
            }
            // The signatures, and the extra item that CHECKMULTISIG takes.
            ScriptType::Wsh => {
                let size = 34.0 * all + number + push_size(keys.len() as u64) as f64 + 1.0;
                ("multi", size, 1.0 + needed * self.signature(), 1.0 + needed)
            }
        };
        Way {
            text: Rc::new(Text::Word(format!(
                "{name}({threshold},{})",
                names.join(",")
            ))),
            size,
            satisfy,
            most: satisfy,
            dissatisfy: Some(dissatisfy),
            verify: 0.0,
            one_item: false,
            is_one: true,
            leaves: Vec::new(),
        }
    }
}

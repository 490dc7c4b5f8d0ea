//! How large a value is.

use rhai::{Dynamic, EvalAltResult};

use super::LIMITS;
use super::trouble::limit;

/// Items of lists and fields of maps that count as one step.
const ITEMS_PER_STEP: usize = 32;

/// Bytes of strings that count as one step.
const BYTES_PER_STEP: usize = 1024;

/// What is in a value, whatever it is nested in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    items: usize,
    fields: usize,
    bytes: usize,
}

impl Size {
    pub fn of(value: &Dynamic) -> Self {
        let mut size = Self::default();
        size.add(value);
        size
    }

    /// Whether it is within the limits of a value.
    pub fn check(self) -> Result<(), Box<EvalAltResult>> {
        if self.items > LIMITS.list_items {
            return Err(limit("lists").into());
        }
        if self.fields > LIMITS.map_fields {
            return Err(limit("maps").into());
        }
        if self.bytes > LIMITS.string_bytes {
            return Err(limit("strings").into());
        }
        Ok(())
    }

    /// How many steps it takes to use it, beside the one that is always counted.
    pub fn steps(self) -> u64 {
        let steps = (self.items + self.fields) / ITEMS_PER_STEP + self.bytes / BYTES_PER_STEP;
        u64::try_from(steps).unwrap_or(u64::MAX)
    }

    /// Values are nested at most as deep as they have items and fields, which is not much deeper
    /// than the limits: each variable is checked whenever it is named.
    fn add(&mut self, value: &Dynamic) {
        if let Ok(text) = value.as_immutable_string_ref() {
            self.bytes += text.len();
        } else if let Ok(items) = value.as_array_ref() {
            self.items += items.len();
            items.iter().for_each(|item| self.add(item));
        } else if let Ok(fields) = value.as_map_ref() {
            self.fields += fields.len();
            fields.values().for_each(|value| self.add(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use rhai::{Array, Map};

    use super::*;

    #[test]
    fn everything_in_a_value_counts() {
        let row: Array = vec![Dynamic::from("ab".to_owned()), Dynamic::from(1_i64)];
        let mut map = Map::new();
        map.insert("row".into(), Dynamic::from(row.clone()));
        map.insert("text".into(), Dynamic::from("xyz".to_owned()));
        let list: Array = vec![Dynamic::from(map), Dynamic::from(row)];
        let size = Size::of(&Dynamic::from(list));
        let all = Size {
            items: 6,
            fields: 2,
            bytes: 7,
        };
        assert_eq!(size, all);
        assert_eq!(size.steps(), 0);
        let large = Size {
            items: 33,
            fields: 31,
            bytes: 3072,
        };
        assert_eq!(large.steps(), 2 + 3);
        assert!(size.check().is_ok());
    }

    #[test]
    fn each_limit_is_checked() {
        let at_most = Size {
            items: LIMITS.list_items,
            fields: LIMITS.map_fields,
            bytes: LIMITS.string_bytes,
        };
        assert!(at_most.check().is_ok());
        for beyond in [
            Size {
                items: at_most.items + 1,
                ..at_most
            },
            Size {
                fields: at_most.fields + 1,
                ..at_most
            },
            Size {
                bytes: at_most.bytes + 1,
                ..at_most
            },
        ] {
            assert!(beyond.check().is_err());
        }
    }
}

//! Values of a script as values of a document.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use rhai::{Dynamic, Map};
use toml::Spanned as TomlSpanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use super::super::document::MAX_DEPTH;
use super::super::shown::quote;
use super::super::{Code, Span};
use super::trouble::{Trouble, type_in_words};

/// Deepest nesting of lists and maps: that of conditions, which are lists of maps, inside the
/// activation of a path.
const DEEPEST: usize = 2 * MAX_DEPTH + 4;

/// A value that remembers the call it was made by, such as `days(14)`.
#[derive(Clone)]
pub(super) struct Term {
    pub value: Dynamic,
    pub span: Span,
    /// Whether it stands in the document, of this one and all its copies.
    pub used: Rc<Cell<bool>>,
}

impl Term {
    pub fn new(value: Dynamic, span: Span) -> Self {
        Self {
            value,
            span,
            used: Rc::default(),
        }
    }
}

/// A value of a document, with the place of the call it was handed to, or was made by.
///
/// The interpreter does not say where in a map a value stands.
pub(super) struct Node {
    pub span: Span,
    pub kind: Kind,
}

/// What a document can hold.
pub(super) enum Kind {
    Text(String),
    /// A whole number as it is written.
    Integer(String),
    Boolean(bool),
    List(Vec<Node>),
    Fields(Fields),
}

/// Values by name.
pub(super) type Fields = BTreeMap<String, Node>;

impl Node {
    pub fn text(text: &str, span: Span) -> Self {
        Self {
            span,
            kind: Kind::Text(text.to_owned()),
        }
    }

    pub fn integer(number: i64, span: Span) -> Self {
        Self {
            span,
            kind: Kind::Integer(number.to_string()),
        }
    }

    /// Takes over a value of a script, of which messages say the name of its field.
    pub fn new(value: &Dynamic, span: Span, name: &str) -> Result<Self, Trouble> {
        Self::nested(value, span, name, 0)
    }

    fn nested(value: &Dynamic, span: Span, name: &str, depth: usize) -> Result<Self, Trouble> {
        let term = value.clone().try_cast::<Term>();
        if let Some(term) = &term {
            term.used.set(true);
        }
        let (value, span) = term
            .as_ref()
            .map_or((value, span), |term| (&term.value, term.span));
        if depth > DEEPEST {
            let message = format!("lists and maps in {} stand too deep", quote(name));
            let help = "write the same with fewer of them inside one another";
            return Err(Trouble::new(Code::TooLarge, message, "too deep", help));
        }
        let kind = if let Ok(number) = value.as_int() {
            Kind::Integer(number.to_string())
        } else if let Ok(truth) = value.as_bool() {
            Kind::Boolean(truth)
        } else if let Ok(text) = value.as_immutable_string_ref() {
            Kind::Text(text.to_string())
        } else if let Ok(items) = value.as_array_ref() {
            let items = items.iter();
            let items = items.map(|item| Self::nested(item, span, name, depth + 1));
            Kind::List(items.collect::<Result<_, _>>()?)
        } else if let Ok(map) = value.as_map_ref() {
            Kind::Fields(fields_of(&map, span, depth + 1)?)
        } else {
            let message = format!(
                "{} is {}, which no policy can hold",
                quote(name),
                type_in_words(value.type_name())
            );
            let help = "a field takes a string, a whole number, `true`, `false`, a list or a map; a field that is not wanted is left out";
            return Err(Trouble::new(Code::WrongType, message, "given here", help));
        };
        Ok(Self { span, kind })
    }

    /// Its bytes, roughly as it would be written.
    pub fn size(&self) -> usize {
        match &self.kind {
            Kind::Text(text) | Kind::Integer(text) => text.len() + 2,
            Kind::Boolean(_) => 5,
            Kind::List(items) => sum(items.iter().map(Self::size)),
            Kind::Fields(fields) => size(fields),
        }
    }

    fn to_toml(&self) -> TomlSpanned<DeValue<'_>> {
        let value = match &self.kind {
            Kind::Text(text) => DeValue::String(DeString::Borrowed(text)),
            // The type for a whole number can only be had by reading one.
            Kind::Integer(text) => DeValue::parse(text).map_or_else(
                |_| DeValue::String(DeString::Borrowed(text)),
                TomlSpanned::into_inner,
            ),
            Kind::Boolean(truth) => DeValue::Boolean(*truth),
            Kind::List(items) => {
                let mut array = DeArray::new();
                for item in items {
                    array.push(item.to_toml());
                }
                DeValue::Array(array)
            }
            Kind::Fields(fields) => DeValue::Table(to_toml(fields)),
        };
        TomlSpanned::new(self.span.start..self.span.end, value)
    }
}

/// The fields of a map.
pub(super) fn fields(map: &Map, span: Span) -> Result<Fields, Trouble> {
    fields_of(map, span, 0)
}

fn fields_of(map: &Map, span: Span, depth: usize) -> Result<Fields, Trouble> {
    let fields = map.iter().map(|(name, value)| {
        let node = Node::nested(value, span, name, depth)?;
        Ok((name.to_string(), node))
    });
    fields.collect()
}

/// The bytes of fields, roughly as they would be written.
pub(super) fn size(fields: &Fields) -> usize {
    sum(fields.iter().map(|(name, node)| name.len() + node.size()))
}

fn sum(sizes: impl Iterator<Item = usize>) -> usize {
    sizes.fold(4, usize::saturating_add)
}

/// Fields as the reader of documents takes them.
pub(super) fn to_toml(fields: &Fields) -> DeTable<'_> {
    let mut table = DeTable::new();
    for (name, node) in fields {
        let name = DeString::Borrowed(name.as_str());
        let name = TomlSpanned::new(node.span.start..node.span.end, name);
        table.insert(name, node.to_toml());
    }
    table
}

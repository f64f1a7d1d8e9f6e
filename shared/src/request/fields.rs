//! A JSON object, taken apart field by field.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Malformed;

/// The longest name of a field that an error repeats.
const SHOWN: usize = 40;

/// The fields of an object that have not been taken yet.
pub(super) struct Fields(Vec<(String, Value)>);

impl Fields {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let object: Object = serde_json::from_slice(body).map_err(|error| {
            // serde's own words hold values; only where they lie is of use.
            Malformed(if error.is_data() {
                "the body must be a JSON object".into()
            } else {
                format!("the body is not JSON (line {}, column {})", error.line(), error.column())
            })
        })?;
        if let Some(name) = object.repeated {
            return Err(Malformed(format!("`{}` is given twice", shown(&name))));
        }
        Ok(Self(object.fields))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(found, _)| found == name)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(found, _)| found == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// A text that must be there, of 1 to `max` characters.
    pub(super) fn text(&mut self, name: &str, max: usize) -> Result<String, Malformed> {
        self.optional_text(name, max)?.ok_or_else(|| Malformed(format!("`{name}` is missing")))
    }

    /// A text that may be absent, but not empty.
    pub(super) fn optional_text(&mut self, name: &str, max: usize) -> Result<Option<String>, Malformed> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Err(Malformed(format!("`{name}` must not be empty"))),
            Some(Value::String(text)) if text.chars().count() > max => {
                Err(Malformed(format!("`{name}` must have at most {max} characters")))
            }
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Malformed(format!("`{name}` must be a string"))),
        }
    }

    /// A field that can be `true` only.
    pub(super) fn truth(&mut self, name: &str) -> Result<(), Malformed> {
        match self.take(name) {
            Some(Value::Bool(true)) => Ok(()),
            _ => Err(Malformed(format!("`{name}` must be true"))),
        }
    }

    /// Refuses what is left.
    pub(super) fn end(&self) -> Result<(), Malformed> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(Malformed(format!("`{}` is not a field of this request", shown(name)))),
        }
    }
}

/// A field's name as an error shows it: it is the caller's text.
fn shown(name: &str) -> String {
    name.chars().filter(|character| !character.is_control()).take(SHOWN).collect()
}

/// An object as it was written: serde's maps would keep the last of two fields with one name.
struct Object {
    fields: Vec<(String, Value)>,
    repeated: Option<String>,
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut object = Object { fields: Vec::new(), repeated: None };
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if object.fields.len() >= 64 {
                        return Err(A::Error::custom("too many fields"));
                    }
                    if object.fields.iter().any(|(known, _)| *known == name) {
                        object.repeated.get_or_insert(name);
                    } else {
                        object.fields.push((name, value));
                    }
                }
                Ok(object)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

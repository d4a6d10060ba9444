use std::fmt::Display;

use serde_json::{Map, Value};

use crate::domain::{FieldErrors, text};

/// A JSON object from which an operation takes the fields that it knows. What is left or of the wrong type is noted, so
/// that a caller hears of every wrong field at once.
///
/// A taken field is `None` if absent, `Some(None)` if `null`, else `Some(Some(value))`; one of the wrong type counts as absent.
#[derive(Debug)]
pub(super) struct Fields {
    object: Map<String, Value>,
    path: String,
    errors: FieldErrors,
}

/// Longer than the name of any field.
const LONGEST_NAME: usize = 32;

/// `None`: absent. `Some(None)`: `null`.
pub(super) type Taken<T> = Option<Option<T>>;

impl Fields {
    pub(super) fn of(object: Map<String, Value>) -> Self {
        Self { object, path: String::new(), errors: FieldErrors::default() }
    }

    pub(super) fn text(&mut self, name: &str) -> Taken<String> {
        self.take(name, "must be a text", |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    pub(super) fn flag(&mut self, name: &str) -> Taken<bool> {
        self.take(name, "must be true or false", |value| value.as_bool())
    }

    pub(super) fn number(&mut self, name: &str) -> Taken<u64> {
        self.take(name, "must be a whole number that is not negative", |value| value.as_u64())
    }

    pub(super) fn integer(&mut self, name: &str) -> Taken<i64> {
        self.take(name, "must be a whole number", |value| value.as_i64())
    }

    pub(super) fn object(&mut self, name: &str) -> Taken<Map<String, Value>> {
        self.take(name, "must be an object", into_object)
    }

    pub(super) fn texts(&mut self, name: &str) -> Taken<Vec<String>> {
        let list = self.list(name)?;
        let Some(list) = list else { return Some(None) };
        let mut texts = Vec::with_capacity(list.len());
        for (at, value) in list.into_iter().enumerate() {
            match value {
                Value::String(text) => texts.push(text),
                _ => self.errors.add(self.pointer(&format!("{name}/{at}")), "must be a text"),
            }
        }
        Some(Some(texts))
    }

    /// Why something drastic is done, which has to be said.
    pub(super) fn reason(&mut self) -> String {
        let reason = self.text("reason").flatten();
        let place = self.pointer("reason");
        let reason = reason.and_then(|reason| self.errors.check(&place, text::reason(reason)));
        self.errors.required(&place, reason).unwrap_or_default()
    }

    /// The keyspace's id once more, for what cannot be undone: a slip in the path must not be enough.
    pub(super) fn confirm(&mut self, id: impl Display) {
        let confirm = self.text("confirm").flatten();
        let place = self.pointer("confirm");
        if self.errors.required(&place, confirm).is_some_and(|confirm| confirm != id.to_string()) {
            self.errors.add(place, "must be the id of the keyspace");
        }
    }

    /// An object whose fields are taken one by one.
    pub(super) fn nested<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> Taken<T> {
        let object = self.object(name)?;
        let Some(object) = object else { return Some(None) };
        Some(Some(self.within(name, object, read)))
    }

    /// A list of objects whose fields are taken one by one.
    pub(super) fn nested_list<T>(&mut self, name: &str, read: impl Fn(&mut Self) -> T) -> Taken<Vec<T>> {
        let list = self.list(name)?;
        let Some(list) = list else { return Some(None) };
        let mut items = Vec::with_capacity(list.len());
        for (at, value) in list.into_iter().enumerate() {
            let place = format!("{name}/{at}");
            match into_object(value) {
                Some(object) => items.push(self.within(&place, object, &read)),
                None => self.errors.add(self.pointer(&place), "must be an object"),
            }
        }
        Some(Some(items))
    }

    /// An object whose names are the caller's, of objects whose fields are taken one by one.
    pub(super) fn nested_map<T>(
        &mut self,
        name: &str,
        read: impl Fn(&mut Self) -> T,
    ) -> Taken<Vec<(String, T)>> {
        let object = self.object(name)?;
        let Some(object) = object else { return Some(None) };
        let mut items = Vec::with_capacity(object.len());
        for (own_name, value) in object {
            let place = format!("{name}/{}", nameable(&own_name));
            match into_object(value) {
                Some(object) => {
                    let item = self.within(&place, object, &read);
                    items.push((own_name, item));
                }
                None => self.errors.add(self.pointer(&place), "must be an object"),
            }
        }
        Some(Some(items))
    }

    /// Everything that was wrong so far, with the fields that nobody took.
    pub(super) fn finish(mut self) -> FieldErrors {
        self.refuse_rest();
        self.errors
    }

    fn within<T>(&mut self, place: &str, object: Map<String, Value>, read: impl FnOnce(&mut Self) -> T) -> T {
        let mut inner = Self { object, path: self.pointer(place), errors: std::mem::take(&mut self.errors) };
        let value = read(&mut inner);
        inner.refuse_rest();
        self.errors = inner.errors;
        value
    }

    fn list(&mut self, name: &str) -> Taken<Vec<Value>> {
        self.take(name, "must be a list", |value| match value {
            Value::Array(list) => Some(list),
            _ => None,
        })
    }

    fn take<T>(&mut self, name: &str, wanted: &str, read: impl FnOnce(Value) -> Option<T>) -> Taken<T> {
        match self.object.remove(name)? {
            Value::Null => Some(None),
            value => match read(value) {
                Some(value) => Some(Some(value)),
                None => {
                    self.errors.add(self.pointer(name), wanted);
                    None
                }
            },
        }
    }

    fn refuse_rest(&mut self) {
        for name in std::mem::take(&mut self.object).into_iter().map(|(name, _)| name) {
            self.errors.add(self.pointer(nameable(&name)), "is not a field that this operation knows");
        }
    }

    fn pointer(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }
}

/// A caller's mistake may have put a token where a name belongs, and answers and logs must not repeat one. Our tokens are longer than
/// any field's name; foreign ones that consist of a few letters only are not told from a typing error.
pub(super) fn nameable(name: &str) -> &str {
    let is_plain = name.len() <= LONGEST_NAME
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'-'));
    if is_plain { name } else { "(a name that no field has)" }
}

fn into_object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_wrong_and_unknown_field_is_named_with_its_place_unless_it_may_be_a_token() {
        let Value::Object(object) = json!({
            "name": 5, "gates": [{"url": "x", "weight": 1}, 7], "freshness": {"fresh_seconds": -1}, "colour": 1,
            "lk_test_0123456789": 1
        }) else {
            unreachable!()
        };
        let mut fields = Fields::of(object);
        assert_eq!(fields.text("name"), None);
        let gates = fields.nested_list("gates", |gate| gate.text("url").flatten());
        assert_eq!(gates, Some(Some(vec![Some("x".to_owned())])));
        fields.nested("freshness", |freshness| freshness.number("fresh_seconds"));
        let errors = fields.finish();
        let named: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            named,
            [
                "/name",
                "/gates/0/weight",
                "/gates/1",
                "/freshness/fresh_seconds",
                "/colour",
                "/(a name that no field has)"
            ]
        );
    }
}

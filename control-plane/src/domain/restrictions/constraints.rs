use std::collections::BTreeMap;

use latchkey_snapshot::names::is_constraint_name;
use serde_json::{Map, Value};

use crate::domain::FieldErrors;

const MAX_CONSTRAINTS: usize = 16;
const MAX_VALUES: usize = 64;
const MAX_VALUE_BYTES: usize = 64;
/// Names and values together: they share a snapshot row's profile with everything else.
const MAX_BYTES: usize = 4_096;
const FIELD: &str = "/constraints";

/// Checks allowed values by name.
pub(super) fn check_constraints(
    object: Map<String, Value>,
    errors: &mut FieldErrors,
) -> BTreeMap<String, Vec<String>> {
    if object.len() > MAX_CONSTRAINTS {
        errors.add(FIELD, format!("must have at most {MAX_CONSTRAINTS} names"));
        return BTreeMap::new();
    }
    let mut constraints = BTreeMap::new();
    let mut bytes = 0;
    for (name, values) in object {
        // A name that does not fit is not repeated: anything may stand there.
        if !is_constraint_name(&name) {
            let wanted = "a small letter and up to 31 more small letters, digits or _";
            errors.add(FIELD, format!("has a name that does not fit: each must be {wanted}"));
            continue;
        }
        let values = check_values(&format!("{FIELD}/{name}"), values, errors);
        bytes += name.len() + values.iter().map(String::len).sum::<usize>();
        constraints.insert(name, values);
    }
    if bytes > MAX_BYTES {
        errors.add(FIELD, format!("must have at most {MAX_BYTES} bytes of names and values"));
    }
    constraints
}

fn check_values(field: &str, values: Value, errors: &mut FieldErrors) -> Vec<String> {
    let Value::Array(values) = values else {
        errors.add(field, "must be a list of texts");
        return Vec::new();
    };
    if !(1..=MAX_VALUES).contains(&values.len()) {
        errors.add(field, format!("must have 1 to {MAX_VALUES} values"));
        return Vec::new();
    }
    let mut checked: Vec<String> = Vec::with_capacity(values.len());
    for (at, value) in values.into_iter().enumerate() {
        let field = format!("{field}/{at}");
        let Value::String(value) = value else {
            errors.add(field, "must be a text");
            continue;
        };
        if !(1..=MAX_VALUE_BYTES).contains(&value.len()) || value.chars().any(char::is_control) {
            errors.add(field, format!("must have 1 to {MAX_VALUE_BYTES} bytes and no control characters"));
        } else if checked.contains(&value) {
            errors.add(field, "stands in the list twice");
        } else {
            checked.push(value);
        }
    }
    checked
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(value: Value) -> Result<BTreeMap<String, Vec<String>>, FieldErrors> {
        let Value::Object(object) = value else { unreachable!() };
        let mut errors = FieldErrors::default();
        let checked = check_constraints(object, &mut errors);
        errors.into_result().map(|()| checked)
    }

    #[test]
    fn values_keep_their_order_and_everything_wrong_is_named() {
        let good = check(json!({ "network": ["Preprod", "Mainnet"] })).unwrap();
        assert_eq!(good["network"], ["Preprod", "Mainnet"]);
        let errors = check(json!({
            "Net": ["a"], "a": "b", "b": [], "c": [1, "x", "x", "", "y".repeat(65)],
        }))
        .unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "/constraints",
                "/constraints/a",
                "/constraints/b",
                "/constraints/c/0",
                "/constraints/c/2",
                "/constraints/c/3",
                "/constraints/c/4"
            ]
        );
    }

    #[test]
    fn there_are_bounds() {
        let many: Map<_, _> = (0..17).map(|n| (format!("n{n}"), json!(["a"]))).collect();
        assert!(check(Value::Object(many)).is_err());
        let long =
            |n: usize| json!((0..60).map(|v| format!("{n}-{v}-{}", "x".repeat(50))).collect::<Vec<_>>());
        assert!(check(json!({ "a": long(0) })).is_ok());
        assert!(check(json!({ "a": long(0), "b": long(1) })).is_err());
    }
}

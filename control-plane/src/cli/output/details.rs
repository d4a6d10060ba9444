use super::ordered::{Node, Object};
use super::{Table, printable};

const INDENT: &str = "  ";

/// An object as one line per field, nested objects by dotted names, lists of objects as tables below.
pub(super) fn render(object: &Object) -> String {
    let mut lines = Vec::new();
    let mut tables = Vec::new();
    collect("", object, &mut lines, &mut tables);
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for (name, value) in &lines {
        out.push_str(format!("{name:width$}  {value}").trim_end());
        out.push('\n');
    }
    for (name, table) in tables {
        out.push_str(&format!("{name}:\n{}", table.render_indented(INDENT)));
    }
    out
}

fn collect(
    path: &str,
    object: &Object,
    lines: &mut Vec<(String, String)>,
    tables: &mut Vec<(String, Table)>,
) {
    for (name, node) in &object.0 {
        let name = if path.is_empty() { printable(name) } else { format!("{path}.{}", printable(name)) };
        match node {
            Node::Object(inner) if !inner.0.is_empty() => collect(&name, inner, lines, tables),
            Node::List(items) if items.iter().any(|item| matches!(item, Node::Object(_))) => {
                tables.push((name, as_table(items)));
            }
            _ => lines.push((name, printable(&cell(node)))),
        }
    }
}

/// The columns are the fields that any of the objects has.
fn as_table(items: &[Node]) -> Table {
    let mut titles: Vec<&str> = Vec::new();
    let fields = items.iter().flat_map(|item| match item {
        Node::Object(object) => object.0.as_slice(),
        _ => &[],
    });
    for (name, _) in fields {
        if !titles.contains(&name.as_str()) {
            titles.push(name);
        }
    }
    let mut table = Table::new(titles.iter().copied());
    for item in items {
        let Node::Object(object) = item else { continue };
        table.push(titles.iter().map(|title| {
            object.0.iter().find(|(name, _)| name == title).map(|(_, node)| cell(node)).unwrap_or_default()
        }));
    }
    table
}

/// A value in one line.
fn cell(node: &Node) -> String {
    match node {
        Node::Null => "-".to_owned(),
        Node::Text(text) if text.is_empty() => "-".to_owned(),
        Node::Text(text) | Node::Plain(text) => text.clone(),
        Node::List(items) if items.is_empty() => "-".to_owned(),
        Node::List(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Node::Object(object) if object.0.is_empty() => "-".to_owned(),
        Node::Object(object) => {
            object.0.iter().map(|(name, node)| format!("{name}={}", cell(node))).collect::<Vec<_>>().join(" ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_lists_of_objects_become_tables() {
        let text = r#"{"id":"ks_1","gates":[{"url":"http://a"},{"url":"http://b","weight":2}],"freshness":{"fresh_seconds":90},
            "tags":["a","b"],"owner":null,"metadata":{}}"#;
        let object: Object = serde_json::from_str(text).unwrap();
        let wanted = "\
id                       ks_1
freshness.fresh_seconds  90
tags                     a, b
owner                    -
metadata                 -
gates:
  URL       WEIGHT
  http://a  -
  http://b  2
";
        assert_eq!(render(&object), wanted);
    }
}

use super::printable;

const GAP: &str = "  ";

/// Rows under a heading, in columns as wide as what is in them.
///
/// By hand: what it does is all that is needed, and it is the place where text of strangers is made printable.
#[derive(Debug)]
pub(in crate::cli) struct Table {
    titles: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(in crate::cli) fn new(titles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            titles: titles.into_iter().map(|title| title.into().to_uppercase().replace('_', " ")).collect(),
            rows: Vec::new(),
        }
    }

    pub(in crate::cli) fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(
            cells
                .into_iter()
                .map(|cell| if cell.is_empty() { "-".to_owned() } else { printable(&cell) })
                .collect(),
        );
    }

    /// The widths that the rows so far need.
    pub(super) fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.titles.iter().map(|title| title.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        widths
    }

    /// The rows in columns of these widths, each line after `indent`.
    pub(super) fn body(&self, widths: &[usize], indent: &str) -> String {
        self.rows.iter().map(|row| line(row, widths, indent)).collect()
    }

    /// The heading in columns of these widths.
    pub(super) fn heading(&self, widths: &[usize], indent: &str) -> String {
        line(&self.titles, widths, indent)
    }

    /// Heading and rows.
    pub(in crate::cli) fn render(&self) -> String {
        self.render_indented("")
    }

    pub(super) fn render_indented(&self, indent: &str) -> String {
        let widths = self.widths();
        self.heading(&widths, indent) + &self.body(&widths, indent)
    }
}

fn line(cells: &[String], widths: &[usize], indent: &str) -> String {
    let mut line = indent.to_owned();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        if at > 0 {
            line.push_str(GAP);
        }
        line.push_str(cell);
        let fill = width.saturating_sub(cell.chars().count());
        line.extend(std::iter::repeat_n(' ', fill));
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_empty_cells_show() {
        let mut table = Table::new(["id", "expires_at", "owner"]);
        table.push(["key_1", "never", "ärla"].map(str::to_owned));
        table.push(["key_22", "", ""].map(str::to_owned));
        assert_eq!(
            table.render(),
            "ID      EXPIRES AT  OWNER\nkey_1   never       ärla\nkey_22  -           -\n"
        );
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_as_its_number() {
        let mut table = Table::new(["name"]);
        table.push(["\u{1b}[2Jx\u{202e}y\n".to_owned()]);
        assert_eq!(table.render(), "NAME\n\\u{1b}[2Jx\\u{202e}y\\u{a}\n");
    }
}

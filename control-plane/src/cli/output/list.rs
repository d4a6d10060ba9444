use std::io::ErrorKind;

use clap::Args;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Format, Table, pretty, print, remark};
use crate::cli::api::Session;
use crate::cli::client::Call;
use crate::cli::exit::Failure;

/// The most that the API gives at once.
const LARGEST_PAGE: u32 = 100;

/// Which part of a list is shown.
#[derive(Debug, Args)]
pub(in crate::cli) struct PageArgs {
    /// How many, 1 to 100; with --all: how many at a time.
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Go on where the list before ended.
    #[arg(long, value_name = "CURSOR", conflicts_with = "all")]
    cursor: Option<String>,
    /// Everything, instead of one page.
    #[arg(long)]
    all: bool,
}

/// A column of a table: its title and how it is read from an item.
pub(in crate::cli) struct Column(pub(in crate::cli) &'static str, pub(in crate::cli) fn(&Value) -> String);

impl Column {
    /// The text or number in a field of the item; empty for `null`.
    pub(in crate::cli) fn text(item: &Value, pointer: &str) -> String {
        match item.pointer(pointer) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(items)) => {
                items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
            }
            Some(other) => other.to_string(),
        }
    }
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    next_cursor: Option<String>,
    #[serde(default)]
    has_more: bool,
}

/// Shows a list: one page, or page after page, so that its length does not matter.
pub(in crate::cli) async fn list(
    session: &Session,
    call: Call,
    page: PageArgs,
    columns: &[Column],
) -> Result<(), Failure> {
    match show(session, call, page, columns).await {
        // `latchkey … | head` has what it wanted.
        Err(Failure::Failed(error)) if is_broken_pipe(&error) => Ok(()),
        ended => ended,
    }
}

async fn show(session: &Session, call: Call, page: PageArgs, columns: &[Column]) -> Result<(), Failure> {
    let limit = page.limit.or(page.all.then_some(LARGEST_PAGE));
    let mut cursor = page.cursor;
    let mut writer = Writer { format: session.format, all: page.all, widths: None, items: 0 };
    loop {
        let part = call.clone().query("limit", limit).query("cursor", cursor.take());
        let reply = session.client.send(part).await?;
        let page: Page<'_> = serde_json::from_str(&reply.text)
            .map_err(|error| Failure::failed(format!("the server's answer is not a list: {error}")))?;
        let more = page.has_more && page.next_cursor.is_some();
        if writer.format == Format::Json && !writer.all {
            print(&pretty(&reply.text))?;
        } else {
            writer.write(&page.data, columns)?;
        }
        if !more {
            return writer.finish();
        }
        if !writer.all {
            remark(&format!("there is more: --cursor {}", page.next_cursor.unwrap_or_default()));
            return writer.finish();
        }
        cursor = page.next_cursor;
    }
}

struct Writer {
    format: Format,
    all: bool,
    /// Those of the first page hold for all: waiting for the widest item would mean holding everything.
    widths: Option<Vec<usize>>,
    items: u64,
}

impl Writer {
    fn write(&mut self, items: &[&RawValue], columns: &[Column]) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.write_json(items),
            Format::Table => self.write_table(items, columns),
        }
    }

    fn write_json(&mut self, items: &[&RawValue]) -> Result<(), Failure> {
        let mut out = String::new();
        for item in items {
            out.push_str(if self.items == 0 { "{\n  \"data\": [\n    " } else { ",\n    " });
            out.push_str(pretty(item.get()).trim_end().replace('\n', "\n    ").as_str());
            self.items += 1;
        }
        print(&out)
    }

    fn write_table(&mut self, items: &[&RawValue], columns: &[Column]) -> Result<(), Failure> {
        let mut table = Table::new(columns.iter().map(|column| column.0));
        for item in items {
            let value: Value =
                serde_json::from_str(item.get()).map_err(|error| Failure::failed(error.to_string()))?;
            table.push(columns.iter().map(|column| column.1(&value)));
        }
        let first = self.widths.is_none();
        let widths = self.widths.get_or_insert_with(|| table.widths());
        let heading = if first { table.heading(widths, "") } else { String::new() };
        print(&(heading + &table.body(widths, "")))
    }

    fn finish(self) -> Result<(), Failure> {
        if self.format == Format::Json && self.all {
            let start = if self.items == 0 { "{\n  \"data\": [" } else { "\n  " };
            return print(&format!("{start}],\n  \"next_cursor\": null,\n  \"has_more\": false\n}}\n"));
        }
        Ok(())
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

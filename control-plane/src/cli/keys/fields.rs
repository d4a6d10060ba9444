use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value};

use super::restrictions::Restrictions;
use crate::cli::api::Session;
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::keyspaces::set;

/// What can be set of a key.
#[derive(Debug, Args)]
pub(in crate::cli) struct Fields {
    /// What people call it; unique among its owner's keys.
    #[arg(long)]
    name: Option<String>,
    /// More about it.
    #[arg(long)]
    description: Option<String>,
    /// Whose it is.
    #[arg(long)]
    owner: Option<String>,
    /// A tag; repeat for several. Replaces the list.
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// A permission such as orders:read or orders:*; repeat for several. Replaces the list.
    #[arg(long, value_name = "PERMISSION")]
    permission: Vec<String>,
    /// A role; repeat for several. Replaces the list.
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    /// A JSON object that is passed to the upstream.
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
    /// never, a time such as 2027-01-31T12:00:00Z, or a span from now such as 90d.
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    #[command(flatten)]
    restrictions: Restrictions,
    /// Fields as a JSON object; flags outrank them.
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
}

impl Fields {
    /// The fields as the API takes them.
    pub(super) fn into_body(self, session: &Session) -> Result<Map<String, Value>, Failure> {
        let mut body = session.object(self.json.as_deref())?;
        set(&mut body, "name", self.name);
        set(&mut body, "description", self.description);
        set(&mut body, "owner", self.owner);
        for (name, list) in [("tags", self.tag), ("permissions", self.permission), ("roles", self.role)] {
            set(&mut body, name, (!list.is_empty()).then_some(list));
        }
        set(&mut body, "metadata", self.metadata.as_deref().map(metadata).transpose()?);
        if let Some(when) = self.expires {
            let expires_at = input::moment(&when)?;
            body.insert("expires_at".to_owned(), expires_at.map_or(Value::Null, Value::from));
        }
        self.restrictions.add_to(&mut body)?;
        Ok(body)
    }
}

fn metadata(text: &str) -> Result<Value, Failure> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object.into()),
        _ => Err(Failure::usage("--metadata must be a JSON object, such as '{\"plan\":\"pro\"}'")),
    }
}

use serde::Serialize;

use crate::cli::exit::Failure;
use crate::cli::output::{self, Format, printable};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Warning,
    Problem,
}

#[derive(Debug, Serialize)]
struct Finding {
    status: Status,
    check: String,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// What was looked at, in order.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Finding>);

#[derive(Serialize)]
struct ReportView<'a> {
    ok: bool,
    checks: &'a [Finding],
}

impl Report {
    pub(super) fn ok(&mut self, check: impl Into<String>, found: impl Into<String>) {
        self.add(Status::Ok, check.into(), found.into(), None);
    }

    pub(super) fn warning(
        &mut self,
        check: impl Into<String>,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(Status::Warning, check.into(), found.into(), Some(fix.into()));
    }

    pub(super) fn problem(
        &mut self,
        check: impl Into<String>,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(Status::Problem, check.into(), found.into(), Some(fix.into()));
    }

    pub(super) fn has_problem(&self) -> bool {
        self.0.iter().any(|finding| finding.status == Status::Problem)
    }

    fn add(&mut self, status: Status, check: String, found: String, fix: Option<String>) {
        self.0.push(Finding { status, check, found, fix });
    }

    /// One line for each check, with the way out below where one is needed.
    pub(super) fn render(&self, format: Format) -> Result<String, Failure> {
        if format == Format::Json {
            let view = ReportView { ok: !self.has_problem(), checks: &self.0 };
            return Ok(output::pretty(&serde_json::to_string(&view).map_err(anyhow::Error::from)?));
        }
        let width = self.0.iter().map(|finding| finding.check.chars().count()).max().unwrap_or(0);
        let mut out = String::new();
        for Finding { status, check, found, fix } in &self.0 {
            let status = match status {
                Status::Ok => "ok",
                Status::Warning => "warning",
                Status::Problem => "problem",
            };
            out.push_str(&format!("{status:7}  {:width$}  {}\n", printable(check), printable(found)));
            if let Some(fix) = fix {
                out.push_str(&format!("{:7}  {:width$}  -> {}\n", "", "", printable(fix)));
            }
        }
        Ok(out)
    }
}

//! Commands that can hurt: they say what they will do, and do it only if they were told that this is meant.

use clap::Args;

use super::exit::Failure;
use super::output;

/// Whether it is meant.
#[derive(Debug, Args)]
pub(super) struct Confirmation {
    /// Do it. Without this the command only says what it would do.
    #[arg(long)]
    yes: bool,
}

impl Confirmation {
    /// Says what will be done, and refuses unless `--yes` was given.
    pub(super) fn require(&self, plan: &str) -> Result<(), Failure> {
        if self.yes {
            output::remark(&format!("this {plan}"));
            return Ok(());
        }
        Err(Failure::usage(format!("nothing was done. This {plan}. Add --yes if that is what you want")))
    }
}

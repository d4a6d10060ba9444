//! Chromium, for tests of pages.

use std::path::Path;

use crate::apt;
use crate::error::Result;
use crate::progress::Progress;

/// Where tests/support/browser.mjs looks too.
const PLACES: [&str; 3] = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/// Names one that lies elsewhere.
const VARIABLE: &str = "LATCHKEY_CHROMIUM";

/// Installs Chromium if there is none.
pub(crate) fn browser(progress: &Progress) -> Result<()> {
    let step = progress.step("Chromium");
    if std::env::var_os(VARIABLE).is_some() || PLACES.iter().any(|place| Path::new(place).exists()) {
        step.already_done();
        return Ok(());
    }
    let missing =
        format!("tests of pages need Chromium; if it lies in no usual place, name it in {VARIABLE}");
    apt::install(&step, &missing, &["chromium"])?;
    step.done();
    Ok(())
}

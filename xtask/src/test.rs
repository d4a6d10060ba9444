//! `cargo xtask test`: everything is built first, side by side; then the suites run one after the other, cheapest first.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::build::Wanted;
use crate::error::{Context, Result, fail};
use crate::progress::Progress;
use crate::{build, checks, paths, tools};

/// Stories over the real parts: a file is one story.
const END_TO_END: &str = "tests/e2e";
/// The numbered cases of spec/vectors, decided by the Wasm that ships.
const VECTORS: &str = "tests/vectors";
/// Beside the vectors, a second implementation that makes them from the specification.
const GENERATORS: &str = "spec/vectors";
/// How the names of Node's test files end.
const TEST_FILE: &str = ".test.mjs";
/// Stories that need Python, and those that need Chromium.
const IN_PYTHON: [&str; 4] = ["contract", "sinks-overtaking", "sinks-s3", "webhooks"];
const IN_A_BROWSER: [&str; 1] = ["docs"];
/// How the names of stories begin that look at the dashboard, in Chromium too.
const OF_THE_DASHBOARD: &str = "dashboard";
/// One test may take this long: the slowest restarts the control plane a hundred times.
const TEST_TIMEOUT_MS: &str = "900000";

/// What a call asks for.
#[derive(Debug, Default, PartialEq)]
struct Selection {
    rust: bool,
    vectors: bool,
    stories: Vec<PathBuf>,
}

pub(crate) fn run(names: &[&str]) -> Result<()> {
    let started = Instant::now();
    let stories = files(END_TO_END, TEST_FILE)?;
    if names == ["list"] {
        list(&stories);
        return Ok(());
    }
    let selection = Selection::of(names, &stories)?;
    selection.wanted().build(&Progress::start())?;
    if selection.rust {
        checks::run("Rust tests", tools::cargo().arg("test"))?;
    }
    if selection.vectors {
        for generator in files(GENERATORS, ".mjs")? {
            let title = format!("{} makes the committed vectors", paths::shown(&generator));
            checks::run(&title, tools::node()?.arg(generator).arg("--check"))?;
        }
        checks::run("vectors in Node", &mut node_tests(&files(VECTORS, TEST_FILE)?)?)?;
    }
    if !selection.stories.is_empty() {
        checks::run("end to end in workerd", &mut node_tests(&selection.stories)?)?;
    }
    eprintln!("── all of it: {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

impl Selection {
    fn of(names: &[&str], stories: &[PathBuf]) -> Result<Self> {
        if names.is_empty() {
            return Ok(Self { rust: true, vectors: true, stories: stories.to_vec() });
        }
        let mut selection = Self::default();
        for name in names {
            match *name {
                "rust" => selection.rust = true,
                "vectors" => selection.vectors = true,
                "e2e" => selection.stories = stories.to_vec(),
                story => match stories.iter().find(|file| story_name(file) == story) {
                    Some(file) => selection.stories.push(file.clone()),
                    None => {
                        return fail(format!(
                            "there is no suite or story `{story}`; `cargo xtask test list` lists them"
                        ));
                    }
                },
            }
        }
        Ok(selection)
    }

    fn wanted(&self) -> Wanted<'static> {
        let mut wanted = if self.stories.is_empty() { Wanted::default() } else { Wanted::system() };
        let has = |names: &[&str]| self.stories.iter().any(|file| names.contains(&story_name(file).as_str()));
        wanted.python_tools = has(&IN_PYTHON);
        wanted.dashboard = self.stories.iter().any(|file| story_name(file).starts_with(OF_THE_DASHBOARD));
        wanted.browser = wanted.dashboard || has(&IN_A_BROWSER);
        if self.vectors {
            wanted.node_tools = true;
            wanted.wasm_for_node = true;
        }
        if self.rust {
            wanted.native.push(build::RUST_TESTS);
        }
        wanted
    }
}

/// Node's own runner on these files, told where the built parts are.
fn node_tests(files: &[PathBuf]) -> Result<Command> {
    let mut command = tools::node()?;
    command.args(["--test", "--test-timeout", TEST_TIMEOUT_MS]).args(files);
    build::name_parts(&mut command);
    Ok(command)
}

/// The files of a folder whose names end so, in their order; none if there is no such folder.
fn files(folder: &str, ending: &str) -> Result<Vec<PathBuf>> {
    let folder = paths::root().join(folder);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(&folder).context(|| format!("reading {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(ending));
    files.sort();
    Ok(files)
}

fn list(stories: &[PathBuf]) {
    println!("rust\nvectors\ne2e");
    for story in stories {
        println!("  {}", story_name(story));
    }
}

fn story_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.trim_end_matches(TEST_FILE).to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::Selection;

    #[test]
    fn selects_suites_and_single_stories() {
        let stories = [PathBuf::from("tests/e2e/gate.test.mjs"), PathBuf::from("tests/e2e/restart.test.mjs")];
        let all = Selection::of(&[], &stories).unwrap();
        assert!(all.rust && all.vectors && all.stories == stories);
        let one = Selection::of(&["restart"], &stories).unwrap();
        assert_eq!(one, Selection { rust: false, vectors: false, stories: vec![stories[1].clone()] });
        assert!(Selection::of(&["rust", "nonsense"], &stories).is_err());
    }

    #[test]
    fn builds_the_dashboard_for_the_stories_that_look_at_it() {
        let stories =
            [PathBuf::from("tests/e2e/dashboard-keys.test.mjs"), PathBuf::from("tests/e2e/gate.test.mjs")];
        let wants = |name| Selection::of(&[name], &stories).unwrap().wanted();
        assert!(wants("dashboard-keys").dashboard && wants("dashboard-keys").browser);
        assert!(!wants("gate").dashboard && !wants("gate").browser);
    }
}

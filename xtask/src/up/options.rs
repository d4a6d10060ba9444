//! What `up` is told, and the three ports.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{PathBuf, absolute};

use crate::error::{Context, Error, Result, fail};
use crate::paths;

/// The first of the three ports unless `--port-base` says otherwise: free on most machines, and not wrangler's own 8787.
const DEFAULT_PORT_BASE: u16 = 8780;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    /// Whether the database of the last run is used again.
    pub(crate) keep: bool,
    pub(crate) ports: Ports,
    /// Where everything that a run leaves on disk goes.
    pub(crate) folder: PathBuf,
}

/// All on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ports {
    pub(crate) control_plane: u16,
    pub(crate) gate: u16,
    pub(crate) upstream: u16,
}

impl Options {
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self> {
        let ports = Ports::from_base(DEFAULT_PORT_BASE)?;
        let mut options = Self { keep: false, ports, folder: paths::latchkey() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                "--keep" => options.keep = true,
                "--port-base" => {
                    let base = arguments.next().and_then(|text| text.parse().ok());
                    let Some(base) = base else {
                        return fail("--port-base takes a port number, e.g. --port-base 9000");
                    };
                    options.ports = Ports::from_base(base)?;
                }
                "--folder" => {
                    let Some(folder) = arguments.next() else {
                        return fail("--folder takes a folder's path");
                    };
                    // The servers run in the repository's root, the caller may be elsewhere.
                    options.folder = absolute(folder).context(|| format!("--folder {folder}"))?;
                }
                other => {
                    return fail(format!("`up` knows --keep, --port-base N and --folder DIR, not `{other}`"));
                }
            }
        }
        Ok(options)
    }
}

impl Ports {
    fn from_base(base: u16) -> Result<Self> {
        match (base, base.checked_add(2)) {
            (1.., Some(upstream)) => Ok(Self { control_plane: base, gate: base + 1, upstream }),
            _ => fail(format!("--port-base {base}: three ports from there must fit into 1..=65535")),
        }
    }

    /// # Errors
    /// Naming the first port that somebody listens on.
    pub(crate) fn check_free(&self) -> Result<()> {
        let uses =
            [(self.control_plane, "control plane"), (self.gate, "gate"), (self.upstream, "sample upstream")];
        for (port, purpose) in uses {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
                Error::Failed(format!(
                    "port {port} (for the {purpose}) cannot be used: {error}. Stop what listens there, or choose three other \
                     ports with --port-base N (they are N, N+1 and N+2)"
                ))
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::{Options, Ports};

    #[test]
    fn reads_its_options() {
        let options = Options::parse(&["--port-base", "9000", "--keep"]).unwrap();
        assert!(options.keep);
        assert_eq!(options.ports, Ports { control_plane: 9000, gate: 9001, upstream: 9002 });
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for arguments in [
            &["--kep"][..],
            &["--port-base"],
            &["--port-base", "many"],
            &["--port-base", "65534"],
            &["--port-base", "0"],
        ] {
            assert!(Options::parse(arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn names_a_busy_port_and_the_option_that_moves_it() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let ports = Ports { control_plane: port, gate: port, upstream: port };
        let text = ports.check_free().unwrap_err().to_string();
        assert!(text.contains(&port.to_string()) && text.contains("--port-base"), "{text}");
    }
}

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use super::report::Report;
use crate::cli::settings::Settings;
use crate::config::Config;
use crate::domain::{Clock, SystemClock, Timestamp};
use crate::seal::{MasterKey, MasterKeyError, MasterKeySource, Vault};
use crate::storage::sqlite::{Inspection, inspect};

/// Before this was written, so a clock that shows an earlier time is wrong.
const EARLIEST: &str = "2026-01-01T00:00:00Z";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Looks at what the server would use on this machine. `None` if even that is not known.
pub(super) fn check(settings: Settings, report: &mut Report) -> Option<Config> {
    let config = match settings.load() {
        Ok(config) => config,
        Err(error) => {
            report.problem(
                "configuration",
                format!("{error:#}"),
                "correct it; `latchkey config` prints every setting",
            );
            return None;
        }
    };
    report
        .ok("configuration", format!("data in {}, listens on {}", config.data_dir.display(), config.listen));
    check_clock(report);
    check_port(config.listen, report);
    if check_folder(&config.data_dir, report)
        && let Some(inspection) = check_database(&config.data_dir, report)
    {
        check_master_key(&config.master_key, &inspection, report);
    }
    Some(config)
}

fn check_clock(report: &mut Report) {
    let now = SystemClock.now();
    if Timestamp::parse(EARLIEST).is_ok_and(|earliest| now < earliest) {
        let fix = "set the clock (timedatectl set-ntp true): expiry and snapshots depend on it";
        report.problem("clock", format!("it shows {now}, which is past"), fix);
    } else {
        report.ok("clock", now.to_string());
    }
}

/// Taking the port for a moment tells whether a server could; one that is there already holds it.
fn check_port(listen: SocketAddr, report: &mut Report) {
    match TcpListener::bind(listen) {
        Ok(_) => report.ok("port", format!("{listen} is free, so no server runs here")),
        Err(_) if TcpStream::connect_timeout(&reachable(listen), CONNECT_TIMEOUT).is_ok() => {
            report.ok("port", format!("a program listens on {listen}"));
        }
        Err(error) => {
            report.problem(
                "port",
                format!("cannot listen on {listen}: {error}"),
                "choose another address with --listen",
            );
        }
    }
}

/// Where a server that listens on `listen` is reached from this machine.
pub(in crate::cli) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

fn check_folder(folder: &Path, report: &mut Report) -> bool {
    let shown = folder.display();
    match std::fs::metadata(folder) {
        Ok(meta) if meta.is_dir() => check_privacy("data folder", folder, &meta, "700", report),
        Ok(_) => {
            report.problem("data folder", format!("{shown} is no folder"), "name a folder with --data-dir");
            return false;
        }
        Err(error) => {
            let fix = "if the server keeps its data elsewhere, name it with --data-dir or --config; on another machine, use --only server";
            report.warning("data folder", format!("{shown}: {error}"), fix);
            return false;
        }
    }
    true
}

fn check_database(folder: &Path, report: &mut Report) -> Option<Inspection> {
    let file = folder.join("latchkey.db");
    let Ok(meta) = std::fs::metadata(&file) else {
        report.warning(
            "database",
            format!("{} does not exist", file.display()),
            "`latchkey serve` makes it at its first start",
        );
        return None;
    };
    check_privacy("database file", &file, &meta, "600", report);
    let inspection = match inspect(folder) {
        Ok(inspection) => inspection,
        Err(error) => {
            report.problem(
                "database",
                error.to_string(),
                "put a backup of the data folder in place if the file cannot be read",
            );
            return None;
        }
    };
    let Inspection { schema, known_schema, damage, .. } = &inspection;
    match damage {
        Some(damage) => report.problem(
            "database",
            format!("it is damaged: {damage}"),
            "stop the server and put a backup of the data folder in place",
        ),
        None if schema > known_schema => report.problem(
            "database",
            format!("it was made by a newer latchkey (schema {schema}, this build knows {known_schema})"),
            "install that version or a later one",
        ),
        None => {
            report.ok("database", format!("whole, schema {schema} of {known_schema}, {} bytes", meta.len()))
        }
    }
    Some(inspection)
}

fn check_master_key(source: &MasterKeySource, inspection: &Inspection, report: &mut Report) {
    if let MasterKeySource::File(path) = source
        && let Ok(meta) = std::fs::metadata(path)
    {
        check_privacy("master key file", path, &meta, "600", report);
    }
    let Some(check) = &inspection.master_key_check else {
        report.warning(
            "master key",
            "the database has none yet",
            "`latchkey serve` sets it up at its first start",
        );
        return;
    };
    match MasterKey::load(source) {
        Ok(key) if Vault::new(&key).opens_check(check) => {
            report.ok("master key", format!("{source} opens the database's secrets"))
        }
        Ok(_) => {
            let wrong = MasterKeyError::Wrong(source.clone()).to_string();
            report.problem("master key", wrong, "restore it from the backup that belongs to this database");
        }
        Err(error) => {
            report.problem("master key", error.to_string(), "set LATCHKEY_MASTER_KEY or master_key_file")
        }
    }
}

#[cfg(unix)]
fn check_privacy(check: &str, path: &Path, meta: &std::fs::Metadata, wanted: &str, report: &mut Report) {
    use std::os::unix::fs::PermissionsExt;
    let mode = meta.permissions().mode() & 0o777;
    let shown = path.display();
    if mode & 0o077 == 0 {
        report.ok(check, format!("{shown}, mode {mode:o}"));
    } else {
        report.problem(
            check,
            format!("other users can get at {shown} (mode {mode:o})"),
            format!("chmod {wanted} {shown}"),
        );
    }
}

#[cfg(not(unix))]
fn check_privacy(check: &str, path: &Path, _meta: &std::fs::Metadata, _wanted: &str, report: &mut Report) {
    report.ok(check, path.display().to_string());
}

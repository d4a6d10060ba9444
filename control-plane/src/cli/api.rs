use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::admin_key::{self, Stdin};
use super::client::{Call, Client, PlainHttp};
use super::doctor;
use super::exit::Failure;
use super::input::{self, Secret};
use super::output::{self, Format};

const DEFAULT_URL: &str = "http://127.0.0.1:7700";

/// What every command takes that asks the server. The admin key is no argument: see `admin_key`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server and output")]
pub(super) struct ApiArgs {
    /// Where the server is.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "LATCHKEY_URL",
        default_value = DEFAULT_URL
    )]
    pub(super) url: String,
    /// A file with the admin key, `-` for standard input; else the variable LATCHKEY_ADMIN_KEY is used.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) admin_key_file: Option<PathBuf>,
    /// Send the admin key unencrypted to another machine.
    #[arg(long, global = true, env = "LATCHKEY_DANGEROUS_PLAIN_HTTP")]
    dangerous_plain_http: bool,
    /// A table for people, or the API's JSON.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "table")]
    pub(super) output: Format,
}

/// A group of commands that ask the server.
#[derive(Debug, Args)]
pub(super) struct Group<C: Subcommand> {
    #[command(subcommand)]
    pub(super) command: C,
    #[command(flatten)]
    pub(super) api: ApiArgs,
}

/// A command at work: whom it asks and how it shows the answer.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) format: Format,
    stdin: Stdin,
}

impl ApiArgs {
    /// Finds the admin key and makes a client.
    pub(super) fn session(&self) -> Result<Session, Failure> {
        let (admin_key, stdin) = admin_key::find(self.admin_key_file.as_deref())?;
        Ok(Session { client: self.client(Some(&admin_key))?, format: self.output, stdin })
    }

    /// Asks the server of this machine, unless another one was named.
    pub(super) fn prefer_local(&mut self, listen: SocketAddr) {
        if self.url == DEFAULT_URL {
            self.url = format!("http://{}", doctor::reachable(listen));
        }
    }

    /// A client, with an admin key or without.
    pub(super) fn client(&self, admin_key: Option<&Secret>) -> Result<Client, Failure> {
        let plain = if self.dangerous_plain_http {
            PlainHttp::DangerousEverywhere
        } else {
            PlainHttp::OnlyToThisMachine
        };
        Client::new(&self.url, plain, admin_key)
    }
}

impl Session {
    /// Reads the object in `file`, if one is given.
    pub(super) fn object(&self, file: Option<&Path>) -> Result<Map<String, Value>, Failure> {
        let Some(file) = file else { return Ok(Map::new()) };
        self.claim_stdin_for(file)?;
        input::read_object(file)
    }

    /// Makes a call and shows the object that comes back.
    pub(super) async fn show(&self, call: Call) -> Result<(), Failure> {
        let reply = self.client.send(call).await?;
        output::print(&output::object(&reply.text, self.format)?)
    }

    /// Makes a call whose answer may hold a token. For people the token alone goes to standard output, ready for a variable or
    /// a pipe, and what it belongs to goes to standard error.
    pub(super) async fn show_with_secret(&self, call: Call) -> Result<(), Failure> {
        self.show_with(call, "secret", "token").await
    }

    /// As [`Session::show_with_secret`], for something secret in another field.
    pub(super) async fn show_with(&self, call: Call, field: &str, what: &str) -> Result<(), Failure> {
        let reply = self.client.send(call).await?;
        let secret = reply
            .json()?
            .get(field)
            .and_then(|secret| secret.as_str())
            .map(str::to_owned)
            .map(Secret::trimmed);
        match (secret, self.format) {
            (Some(secret), Format::Table) => {
                output::remark_block(&output::details_without(field, &reply.text)?);
                output::remark(&format!("this is the only time that the {what} is shown:"));
                output::print(&format!("{}\n", secret.expose()))
            }
            (_, format) => output::print(&output::object(&reply.text, format)?),
        }
    }

    /// Makes a call that leaves nothing to show.
    pub(super) async fn perform(&self, call: Call, done: &str) -> Result<(), Failure> {
        self.client.send(call).await?;
        output::remark(done);
        Ok(())
    }

    /// Reads a token from standard input.
    pub(super) fn token(&self) -> Result<Secret, Failure> {
        self.secret("the token")
    }

    /// Reads something secret from standard input. `what` names it to whoever sits at the terminal.
    pub(super) fn secret(&self, what: &str) -> Result<Secret, Failure> {
        self.claim_stdin()?;
        input::secret_from_stdin(what)
    }

    /// As [`Session::claim_stdin`], if `file` is standard input.
    pub(super) fn claim_stdin_for(&self, file: &Path) -> Result<(), Failure> {
        if file == Path::new("-") { self.claim_stdin() } else { Ok(()) }
    }

    /// Refuses to read standard input if the admin key came from there.
    fn claim_stdin(&self) -> Result<(), Failure> {
        match self.stdin {
            Stdin::Free => Ok(()),
            Stdin::HoldsAdminKey => Err(Failure::usage(
                "standard input cannot hold both the admin key and something else; put the admin key into LATCHKEY_ADMIN_KEY or a file",
            )),
        }
    }
}

//! `latchkey sign`: the fields that sign one request as spec/signing.md asks, made without a server. For trying things out and for shells: a
//! program signs with a library for RFC 9421.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clap::Args;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey;
use latchkey_signature::{Body, Request, Signed, Signing, limits};
use rand::TryRng;
use rand::rngs::SysRng;
use reqwest::Url;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::exit::Failure;
use super::{input, output};
use crate::domain::{Clock, SystemClock};

const MAX_PEM_BYTES: u64 = 4_096;
const NONCE_BYTES: usize = 16;

#[derive(Debug, Args)]
pub(super) struct SignArgs {
    /// The method, such as POST.
    method: String,
    /// The whole URL, as the request will have it.
    url: String,
    /// The id of the key pair: sk_…
    #[arg(long, value_name = "ID")]
    id: String,
    /// The private key, PKCS#8 in PEM (`-`: standard input).
    #[arg(long, value_name = "FILE")]
    private_key: PathBuf,
    /// The body, whose digest is signed.
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// A header to sign besides; the request must then have it exactly so.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Sign a nonce, so that the request counts once.
    #[arg(long)]
    nonce: bool,
}

/// Writes one field a line, as `curl --header @FILE` reads them.
pub(super) fn run(args: &SignArgs) -> Result<(), Failure> {
    let id = input::id("sk", "signing key", &args.id)?;
    let url =
        Url::parse(&args.url).map_err(|error| Failure::usage(format!("the URL does not parse: {error}")))?;
    let key = read_key(&args.private_key)?;
    let digest = args.body.as_deref().map(content_digest).transpose()?;
    let fields = fields(&args.headers, digest.as_deref())?;
    let list = parameters(id, &fields, args.nonce)?;
    let signed = sign(&args.method, &url, &fields, &list, &key)?;
    let digest = digest.map_or_else(String::new, |digest| format!("Content-Digest: {digest}\n"));
    output::print(&format!(
        "{digest}Signature-Input: {}\nSignature: {}\n",
        signed.signature_input, signed.signature
    ))
}

fn read_key(file: &Path) -> Result<SigningKey, Failure> {
    let bytes = Zeroizing::new(input::read(file, MAX_PEM_BYTES)?);
    let pem = std::str::from_utf8(&bytes).ok();
    pem.and_then(|pem| SigningKey::from_pkcs8_pem(pem).ok()).ok_or_else(|| {
        Failure::usage("the private key is no Ed25519 key in PKCS#8 and PEM (`-----BEGIN PRIVATE KEY-----`)")
    })
}

fn content_digest(file: &Path) -> Result<String, Failure> {
    let body = input::read(file, limits::BODY_BYTES as u64)?;
    Ok(format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body))))
}

/// Lower-case names with their values, the digest last.
fn fields(headers: &[String], digest: Option<&str>) -> Result<Vec<(String, String)>, Failure> {
    let mut fields = Vec::new();
    for header in headers {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| Failure::usage("a header must be a name, a colon and a value"))?;
        fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    fields.extend(digest.map(|digest| ("content-digest".to_owned(), digest.to_owned())));
    Ok(fields)
}

/// What is covered, and what is said of the signature.
fn parameters(id: &str, fields: &[(String, String)], nonce: bool) -> Result<String, Failure> {
    let names = fields.iter().map(|(name, _)| format!(" \"{name}\"")).collect::<String>();
    let created = SystemClock.now().0.div_euclid(1_000);
    let mut text = format!(r#"("@method" "@target-uri"{names});created={created};keyid="{id}""#);
    if nonce {
        let mut bytes = [0; NONCE_BYTES];
        SysRng
            .try_fill_bytes(&mut bytes)
            .map_err(|error| Failure::failed(format!("no randomness: {error}")))?;
        text.push_str(&format!(r#";nonce="{}""#, URL_SAFE_NO_PAD.encode(bytes)));
    }
    Ok(text)
}

fn sign(
    method: &str,
    url: &Url,
    fields: &[(String, String)],
    list: &str,
    key: &SigningKey,
) -> Result<Signed, Failure> {
    let lines: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let authority = format!("{}{port}", url.host_str().unwrap_or_default());
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let target = format!("{}{query}", url.path());
    let has_digest = fields.iter().any(|(name, _)| name == "content-digest");
    let request = Request {
        method,
        scheme: url.scheme(),
        authority: &authority,
        target: &target,
        fields: &lines.as_slice(),
        body: if has_digest { Body::Present } else { Body::Absent },
    };
    let signing = Signing { label: "sig1", input: list };
    signing
        .sign(&request, key)
        .map_err(|refusal| Failure::usage(format!("this request cannot be signed: {}", refusal.reason())))
}

//! Rules for texts that people write, shared by all objects.

use std::net::IpAddr;

/// Longest name, in characters.
pub const MAX_NAME: usize = 100;
/// The bound of the snapshot format.
const MAX_OWNER_BYTES: usize = 255;
/// Longest description or revocation reason, in characters.
pub const MAX_DESCRIPTION: usize = 1_000;

/// Takes a name: 1 to 100 characters, none of them a control character, no space at either end.
///
/// # Errors
/// A sentence for the caller who wrote it.
pub fn name(text: String) -> Result<String, String> {
    let length = text.chars().count();
    if length == 0 || length > MAX_NAME {
        return Err(format!("must have 1 to {MAX_NAME} characters"));
    }
    if text.trim() != text {
        return Err("must not begin or end with a space".to_owned());
    }
    // A name with a line break or a direction override could pass for another in a list or a log.
    if text.chars().any(is_deceptive) {
        return Err("must not hold control characters".to_owned());
    }
    Ok(text)
}

/// Reads an IPv4 or IPv6 address.
///
/// # Errors
/// A sentence for the caller who wrote it.
pub fn address(text: &str) -> Result<IpAddr, &'static str> {
    text.parse().map_err(|_| "must be an IPv4 or IPv6 address")
}

/// Takes a longer text: line breaks are fine.
///
/// # Errors
/// A sentence for the caller who wrote it.
pub fn description(text: String) -> Result<String, String> {
    if text.chars().count() > MAX_DESCRIPTION {
        return Err(format!("must have at most {MAX_DESCRIPTION} characters"));
    }
    if text.chars().any(|letter| is_deceptive(letter) && letter != '\n' && letter != '\t') {
        return Err("must not hold control characters other than line breaks and tabs".to_owned());
    }
    Ok(text)
}

/// Takes the name of an owner: at most as long as a snapshot's profile can hold.
///
/// # Errors
/// A sentence for the caller who wrote it.
pub fn owner(text: String) -> Result<String, String> {
    let owner = name(text)?;
    if owner.len() > MAX_OWNER_BYTES {
        return Err(format!("must have at most {MAX_OWNER_BYTES} bytes"));
    }
    Ok(owner)
}

/// Takes the reason of an operation that needs one: a longer text that is not empty.
///
/// # Errors
/// A sentence for the caller who wrote it.
pub fn reason(text: String) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("must say why".to_owned());
    }
    description(text)
}

fn is_deceptive(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

//! Tokens have no place on a command line: other users of the machine see it, shells write it down.

use super::exit::Failure;

/// Refuses arguments that hold a token, before anything else looks at them and might print one.
pub(super) fn refuse_tokens(arguments: impl Iterator<Item = String>) -> Result<(), Failure> {
    for argument in arguments.skip(1) {
        let value = argument.split_once('=').map_or(argument.as_str(), |(_, value)| value);
        if [argument.as_str(), value].iter().any(|text| latchkey_token::parse(text.as_bytes()).is_ok()) {
            return Err(Failure::usage(
                "an argument is a token. Tokens and admin keys are never taken from the command line, where other users and the \
                 shell's history see them: replace this one, and give tokens on standard input and the admin key by \
                 LATCHKEY_ADMIN_KEY or --admin-key-file",
            ));
        }
    }
    Ok(())
}

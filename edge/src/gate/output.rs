//! What the upstream is told of a key, as text that a header can hold.

use std::cell::RefCell;
use std::fmt::Write;

use latchkey_snapshot::id::Id;
use latchkey_token::Environment;
use latchkey_validator::KeyView;

/// A key id, an environment, an escaped owner (3 x 255), escaped metadata (6 x 1,024), a header for the upstream (a name of 64, a
/// prefix and a value, less than 2,400), and how eight limits stand (2 x 8 x 64). Below 2^14: see [`super::flag`].
const BYTES: usize = 16_000;

thread_local! {
    static OUTPUT: RefCell<Output> = RefCell::new(Output::new(BYTES));
}

/// Where the entry reads the text.
pub(super) fn address() -> usize {
    OUTPUT.with_borrow(|output| output.bytes.as_ptr() as usize)
}

/// Writes what the upstream is told: the key's id, environment, owner and metadata, and the name and value of a header that it gets besides, a
/// line each, all of it plain ASCII. Returns the length.
pub(super) fn describe(key: &KeyView<'_>, added: Option<(&str, &str)>) -> usize {
    OUTPUT.with_borrow_mut(|output| {
        output.length = 0;
        let environment = match key.environment() {
            Environment::Live => "live",
            Environment::Test => "test",
        };
        // Writing into the output never fails, it cuts; the limits of the format keep it below its size.
        let _ = write!(output, "{}\n{environment}\n", Id::new("key", key.number()));
        output.percent_encode(key.owner().unwrap_or_default());
        output.push(b'\n');
        output.escape_json(key.metadata().unwrap_or_default());
        let (header, value) = added.unwrap_or_default();
        let _ = write!(output, "\n{header}\n{value}");
        output.length
    })
}

/// Adds text to what was written last. Returns the length of all of it.
pub(super) fn append(text: &str) -> usize {
    OUTPUT.with_borrow_mut(|output| {
        let _ = output.write_str(text);
        output.length
    })
}

/// Writes text in place of what was there. Returns its length.
pub(super) fn replace(text: &str) -> usize {
    OUTPUT.with_borrow_mut(|output| output.length = 0);
    append(text)
}

struct Output {
    bytes: Box<[u8]>,
    length: usize,
}

impl Output {
    fn new(size: usize) -> Self {
        Self { bytes: vec![0; size].into_boxed_slice(), length: 0 }
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    /// RFC 3986 percent-encoding of everything that a header value cannot hold as it is, and of `%` itself.
    fn percent_encode(&mut self, text: &str) {
        for byte in text.bytes() {
            if matches!(byte, b' '..=b'~') && byte != b'%' {
                self.push(byte);
            } else {
                let _ = write!(self, "%{byte:02X}");
            }
        }
    }

    /// The same JSON in ASCII. Outside its strings JSON has no character that is not ASCII, so escapes are always in a string.
    fn escape_json(&mut self, json: &str) {
        for character in json.chars() {
            match character {
                ' '..='~' => self.push(character as u8),
                // White space between two values; raw control characters cannot be elsewhere.
                '\0'..='\x1f' => self.push(b' '),
                _ => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        let _ = write!(self, "\\u{unit:04x}");
                    }
                }
            }
        }
    }
}

impl Write for Output {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        text.bytes().for_each(|byte| self.push(byte));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(write: impl FnOnce(&mut Output)) -> String {
        let mut output = Output::new(64);
        write(&mut output);
        String::from_utf8_lossy(&output.bytes[..output.length]).into_owned()
    }

    #[test]
    fn text_for_the_upstream_is_ascii_and_reversible() {
        assert_eq!(output(|out| out.percent_encode("Zoë 100%\n")), "Zo%C3%AB 100%25%0A");
        assert_eq!(output(|out| out.escape_json("{\"a\":\t\"ë😀\"}")), "{\"a\": \"\\u00eb\\ud83d\\ude00\"}");
    }

    #[test]
    fn output_is_cut_at_its_size_and_never_beyond() {
        assert_eq!(output(|out| out.escape_json(&"x".repeat(100))).len(), 64);
    }
}

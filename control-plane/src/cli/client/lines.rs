use reqwest::Response;

use super::unreachable;
use crate::cli::exit::Failure;

/// Bytes of one line of an answer.
const LINE_BYTES: usize = 4 << 20;

/// An answer that is read line by line, so that its length does not matter.
pub(in crate::cli) struct Lines {
    response: Response,
    base: String,
    buffer: Vec<u8>,
    /// Up to here the buffer has been given out.
    taken: usize,
    /// Up to here the buffer has no line end.
    searched: usize,
}

impl Lines {
    pub(super) fn of(response: Response, base: String) -> Self {
        Self { response, base, buffer: Vec::new(), taken: 0, searched: 0 }
    }

    /// The next line that is not empty, or `None` at the end.
    pub(in crate::cli) async fn next(&mut self) -> Result<Option<String>, Failure> {
        loop {
            if let Some(at) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let end = self.searched + at;
                let line = self.take(end)?;
                self.taken = end + 1;
                self.searched = self.taken;
                if !line.is_empty() {
                    return Ok(Some(line));
                }
                continue;
            }
            self.buffer.drain(..self.taken);
            self.taken = 0;
            self.searched = self.buffer.len();
            if self.buffer.len() > LINE_BYTES {
                return Err(Failure::failed("the server's answer has a line that is too long"));
            }
            match self.response.chunk().await.map_err(|error| unreachable(&self.base, &error))? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => {
                    let line = self.take(self.buffer.len())?;
                    self.buffer.clear();
                    self.searched = 0;
                    return Ok((!line.is_empty()).then_some(line));
                }
            }
        }
    }

    fn take(&self, end: usize) -> Result<String, Failure> {
        let line = std::str::from_utf8(&self.buffer[self.taken..end])
            .map_err(|_| Failure::failed("the server's answer is not UTF-8"))?;
        Ok(line.trim_end_matches('\r').to_owned())
    }
}

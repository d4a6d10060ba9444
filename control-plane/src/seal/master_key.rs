use std::fs;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::fill_random;

/// Where the master key comes from.
#[derive(Clone)]
pub enum MasterKeySource {
    /// `LATCHKEY_MASTER_KEY`: 32 bytes in base64.
    Environment(Zeroizing<String>),
    /// A file with the same text.
    File(PathBuf),
}

impl std::fmt::Debug for MasterKeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKeySource({self})")
    }
}

impl std::fmt::Display for MasterKeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment(_) => f.write_str("the variable LATCHKEY_MASTER_KEY"),
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

/// Why there is no master key, with the way out.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The text is not 32 bytes in base64.
    #[error(
        "{0} does not hold a master key: it must be 32 bytes in base64, as `head -c 32 /dev/urandom | base64` makes them"
    )]
    Malformed(MasterKeySource),
    /// The database has one, but it is not here.
    #[error(
        "{0} does not exist, but the database's secrets are sealed under a master key; put that key back, a new one cannot open them"
    )]
    Missing(MasterKeySource),
    /// It is another one.
    #[error(
        "the master key in {0} is not the one that the database's secrets are sealed under; give the key that was there at the first start"
    )]
    Wrong(MasterKeySource),
    /// The file cannot be read or made.
    #[error("cannot use {origin} for the master key: {source}")]
    File {
        /// Which.
        origin: MasterKeySource,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The key that seals all other secrets.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey([hidden])")
    }
}

impl MasterKey {
    /// Reads the key that a database belongs to.
    ///
    /// # Errors
    /// See [`MasterKeyError`].
    pub fn load(source: &MasterKeySource) -> Result<Self, MasterKeyError> {
        let text = match source {
            MasterKeySource::Environment(text) => text.clone(),
            MasterKeySource::File(path) => match fs::read_to_string(path) {
                Ok(text) => Zeroizing::new(text),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(MasterKeyError::Missing(source.clone()));
                }
                Err(error) => return Err(MasterKeyError::File { origin: source.clone(), source: error }),
            },
        };
        Self::parse(&text).ok_or_else(|| MasterKeyError::Malformed(source.clone()))
    }

    /// For the first start: as [`MasterKey::load`], but a file that does not exist is made, readable by its owner alone.
    ///
    /// # Errors
    /// See [`MasterKeyError`].
    pub fn load_or_make(source: &MasterKeySource) -> Result<Self, MasterKeyError> {
        match (Self::load(source), source) {
            (Err(MasterKeyError::Missing(_)), MasterKeySource::File(path)) => Self::make(path)
                .map_err(|error| MasterKeyError::File { origin: source.clone(), source: error }),
            (loaded, _) => loaded,
        }
    }

    fn make(path: &PathBuf) -> std::io::Result<Self> {
        let mut key = Zeroizing::new([0; 32]);
        fill_random(key.as_mut()).map_err(std::io::Error::other)?;
        let text = Zeroizing::new(STANDARD.encode(key.as_ref()) + "\n");
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(text.as_bytes())?;
        // The database must never hold secrets under a key that a power cut took away.
        file.sync_all()?;
        Ok(Self(key))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        // Room for one byte more than wanted, so that longer keys are refused instead of cut.
        let mut decoded = Zeroizing::new([0; 33]);
        let length = STANDARD.decode_slice(text.trim(), decoded.as_mut()).ok()?;
        if length != 32 {
            return None;
        }
        key.copy_from_slice(&decoded[..32]);
        Some(Self(key))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    #[cfg(test)]
    pub(super) fn for_tests(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_32_bytes_in_base64_are_a_master_key() {
        assert!(MasterKey::parse(&(STANDARD.encode([7; 32]) + "\n")).is_some());
        for bytes in [0, 16, 31, 33, 64] {
            assert!(MasterKey::parse(&STANDARD.encode(vec![7; bytes])).is_none(), "{bytes}");
        }
        assert!(MasterKey::parse("not base64").is_none());
    }

    #[test]
    fn a_made_key_is_private_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let source = MasterKeySource::File(folder.path().join("master.key"));
        assert!(matches!(MasterKey::load(&source), Err(MasterKeyError::Missing(_))));
        let made = MasterKey::load_or_make(&source).unwrap();
        assert_eq!(made.bytes(), MasterKey::load_or_make(&source).unwrap().bytes());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join("master.key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}

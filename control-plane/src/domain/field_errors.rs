use std::fmt;

/// One wrong field of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the input, such as `/gates/0/url`.
    pub field: String,
    /// What it must be, in words that follow the field's name.
    pub message: String,
}

/// Every wrong field of an input, so that a caller mends them in one go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Notes a wrong field.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), message: message.into() });
    }

    /// Takes a check's value, or notes its message.
    pub fn check<T>(&mut self, field: impl Into<String>, result: Result<T, impl fmt::Display>) -> Option<T> {
        result.map_err(|message| self.add(field, message.to_string())).ok()
    }

    /// Takes a value that must be there, or notes that it is not, unless it was there with a fault that was noted before.
    pub fn required<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.names(field) {
            self.add(field, "is required");
        }
        value
    }

    /// Whether something was noted of this field.
    pub fn names(&self, field: &str) -> bool {
        self.0.iter().any(|error| error.field == field)
    }

    /// `Ok` if nothing was noted.
    ///
    /// # Errors
    /// Everything that was noted.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was noted, in the order of the checks.
    pub fn iter(&self) -> impl Iterator<Item = &FieldError> {
        self.0.iter()
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{} {}", error.field, error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for FieldErrors {}

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::fields::nameable;
use super::problem::Failure;
use crate::app::App;
use crate::domain::{FieldErrors, PageRequest};

const DEFAULT_LIMIT: u32 = 10;
/// The most that one page of a list holds.
pub(super) const MAX_LIMIT: u32 = 100;

/// The id in the path.
pub(super) struct PathId<T>(pub(super) T);

impl<T: FromStr<Err: std::fmt::Display> + Send> FromRequestParts<App> for PathId<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let malformed =
            |error: &dyn std::fmt::Display| Failure::MalformedId(format!("the id in the path {error}"));
        let Path(text) =
            Path::<String>::from_request_parts(parts, app).await.map_err(|error| malformed(&error))?;
        text.parse().map(Self).map_err(|error| malformed(&error))
    }
}

/// The two ids in the path.
pub(super) struct PathIds<A, B>(pub(super) A, pub(super) B);

impl<A, B> FromRequestParts<App> for PathIds<A, B>
where
    A: FromStr<Err: std::fmt::Display> + Send,
    B: FromStr<Err: std::fmt::Display> + Send,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let malformed = |which: &str, error: &dyn std::fmt::Display| {
            Failure::MalformedId(format!("the {which} id in the path {error}"))
        };
        let Path((first, second)) = Path::<(String, String)>::from_request_parts(parts, app)
            .await
            .map_err(|error| malformed("first", &error))?;
        let first = first.parse().map_err(|error| malformed("first", &error))?;
        let second = second.parse().map_err(|error| malformed("second", &error))?;
        Ok(Self(first, second))
    }
}

/// The id in the path of an operation such as `/v1/keys/{key_id}:rotate`.
pub(super) struct PathIdBeforeVerb<T>(pub(super) T);

impl<T: FromStr<Err: std::fmt::Display> + Send> FromRequestParts<App> for PathIdBeforeVerb<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let PathId(id) = PathId::<WithVerb<T>>::from_request_parts(parts, app).await?;
        Ok(Self(id.0))
    }
}

/// The two ids in the path of an operation such as `/v1/webhooks/{webhook_id}/deliveries/{delivery_id}:resend`.
pub(super) struct PathIdsBeforeVerb<A, B>(pub(super) A, pub(super) B);

impl<A, B> FromRequestParts<App> for PathIdsBeforeVerb<A, B>
where
    A: FromStr<Err: std::fmt::Display> + Send,
    B: FromStr<Err: std::fmt::Display> + Send,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let PathIds(first, second) = PathIds::<A, WithVerb<B>>::from_request_parts(parts, app).await?;
        Ok(Self(first, second.0))
    }
}

/// An id with what stands behind it.
struct WithVerb<T>(T);

impl<T: FromStr> FromStr for WithVerb<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        text.rsplit_once(':').map_or(text, |(id, _)| id).parse().map(Self)
    }
}

/// The query parameters, of which an operation takes those that it knows.
pub(super) struct Params {
    given: BTreeMap<String, String>,
    errors: FieldErrors,
}

impl FromRequestParts<App> for Params {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let mut errors = FieldErrors::default();
        let pairs = Query::<Vec<(String, String)>>::from_request_parts(parts, app).await;
        let Query(pairs) = pairs.map_err(|error| {
            errors.add("/", error.body_text());
            Failure::BadQuery(std::mem::take(&mut errors))
        })?;
        let mut given = BTreeMap::new();
        for (name, value) in pairs {
            if given.insert(name.clone(), value).is_some() {
                errors.add(format!("/{}", nameable(&name)), "is given twice");
            }
        }
        Ok(Self { given, errors })
    }
}

impl Params {
    /// Takes one parameter.
    pub(super) fn take<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.given.remove(name)?;
        self.errors.check(format!("/{name}"), read(&text))
    }

    /// Takes `true` or `false`; absent is false.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        self.take(name, |text| text.parse::<bool>().map_err(|_| "must be true or false")).unwrap_or(false)
    }

    /// Takes `limit` and `cursor`.
    pub(super) fn page(&mut self) -> PageRequest {
        let limit = self.take("limit", |text| {
            let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
            limit.ok_or_else(|| format!("must be 1 to {MAX_LIMIT}"))
        });
        let before =
            self.take("cursor", |text| cursor_number(text).ok_or("must be a next_cursor of this list"));
        PageRequest { limit: limit.unwrap_or(DEFAULT_LIMIT), before }
    }

    /// Refuses what was wrong and what nobody took.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        for name in self.given.keys() {
            self.errors.add(format!("/{}", nameable(name)), "is not a parameter of this operation");
        }
        self.errors.into_result().map_err(Failure::BadQuery)
    }
}

/// Where a page ended, in a form that invites nobody to compute with it.
pub(super) fn cursor(number: u64) -> String {
    URL_SAFE_NO_PAD.encode(number.to_be_bytes())
}

fn cursor_number(text: &str) -> Option<u64> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?)).filter(|number| i64::try_from(*number).is_ok())
}

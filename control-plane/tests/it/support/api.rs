use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

/// A caller of the admin API.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    base: String,
    admin_key: Option<String>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Api {
    pub(crate) fn new(base: &str, admin_key: Option<&str>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { client: Client::new(), base: base.to_owned(), admin_key: admin_key.map(str::to_owned) }
    }

    pub(crate) fn with_key(&self, admin_key: Option<&str>) -> Self {
        Self { admin_key: admin_key.map(str::to_owned), ..self.clone() }
    }

    pub(crate) fn admin_key(&self) -> Option<&str> {
        self.admin_key.as_deref()
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.to_string()),
            None => request,
        };
        read(request.send().await.unwrap()).await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.admin_key {
            Some(key) => request.header(AUTHORIZATION, format!("Bearer {key}")),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Makes a keyspace and returns its id.
    pub(crate) async fn keyspace(&self, body: Value) -> String {
        self.post("/v1/keyspaces", body).await.expect(201)["id"].as_str().unwrap().to_owned()
    }

    /// Imports keys: a line for each.
    pub(crate) async fn import(&self, keyspace: &str, lines: String) -> Answer {
        read(self.import_request(keyspace, lines).send().await.unwrap()).await
    }

    pub(crate) fn import_request(&self, keyspace: &str, lines: String) -> reqwest::RequestBuilder {
        let request = self.request(Method::POST, &format!("/v1/keyspaces/{keyspace}/keys:import"));
        request.header(CONTENT_TYPE, "application/x-ndjson").body(lines)
    }

    /// Makes a key and returns the answer.
    pub(crate) async fn key(&self, keyspace: &str, body: Value) -> Value {
        self.post(&format!("/v1/keyspaces/{keyspace}/keys"), body).await.expect(201)
    }
}

pub(crate) async fn read(response: reqwest::Response) -> Answer {
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

impl Answer {
    /// The body, if the status is as wanted.
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { serde_json::from_str(&self.text).unwrap() }
    }

    /// The lines of a body, if the status is 200.
    pub(crate) fn lines(&self) -> Vec<Value> {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The body of a problem with this status and code, checked for the shape that all problems have.
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let request_id = self.header("x-request-id").to_owned();
        let problem = self.expect(status);
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], request_id.as_str());
        let kind = code.to_lowercase().replace('_', "-");
        assert_eq!(problem["type"], format!("https://latchkey.dev/problems/{kind}"));
        assert!(
            !problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty()
        );
        problem
    }

    /// The fields that a problem names.
    pub(crate) fn wrong_fields(self, status: u16, code: &str) -> Vec<String> {
        let problem = self.problem(status, code);
        let errors = problem["errors"].as_array().unwrap().iter();
        errors.map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn change_seq(&self) -> u64 {
        self.header("latchkey-change-seq").parse().unwrap()
    }
}

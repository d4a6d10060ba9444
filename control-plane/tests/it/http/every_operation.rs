//! Claims about every operation of the OpenAPI document. A new operation is held to them without being listed here; one whose
//! documented examples do not do gets a line in [`Objects::prepare`].

use latchkey_control_plane::domain::{GateRefusal, GateUrl, Pause, Timestamp};
use latchkey_control_plane::publisher::{HeldBase, HoldReason};
use latchkey_token::{Environment, Prefix, generate};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use crate::support::api::{Answer, Api, read};
use crate::support::server::Server;

/// Operations that need no admin key. This list only ever shrinks.
const OPEN: [&str; 3] = ["/", "/healthz", "/readyz"];
/// Operations for those who have a key and no admin key. This list only ever shrinks.
const OF_HOLDERS: [&str; 1] = ["/v1/keys:revoke-self"];
/// How an admin key becomes a session. This list only ever shrinks.
const SIGN_IN: [&str; 1] = ["sign_in"];
/// Operations for browsers that are signed in, and for nobody else. This list only ever shrinks.
const OF_SESSIONS: [&str; 2] = ["get_session", "sign_out"];
/// Operations for which any admin key will do. This list only ever shrinks.
const ANY_SCOPE: [&str; 2] = ["whoami", "end_all_sessions"];
/// Operations that change no object of the tenant's making: what gates report, many times a second. This list only ever shrinks.
const UNAUDITED: [&str; 1] = ["report_usage"];

#[tokio::test(flavor = "multi_thread")]
async fn g2_every_operation_but_the_open_ones_wants_an_admin_key() {
    let server = Server::start().await;
    let stranger = generate(&Prefix::new("lkadm").unwrap(), Environment::Live, &mut rand::rng());
    let callers = [None, Some("junk"), Some(stranger.expose())].map(|key| server.api.with_key(key));
    for operation in guarded(&server.api).await {
        for caller in &callers {
            let answer = operation.send(caller, &operation.filled(&Map::new()), Some(&json!({}))).await;
            assert!(
                answer.header("www-authenticate").starts_with("Bearer"),
                "{}: {}",
                operation.id,
                answer.text
            );
            answer.problem(401, "UNAUTHORIZED");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g2_every_operation_refuses_an_admin_key_that_has_all_scopes_but_the_one_it_declares() {
    let server = Server::start().await;
    let operations = guarded(&server.api).await;
    let mut all: Vec<_> = operations.iter().flat_map(|operation| operation.scopes.clone()).collect();
    all.sort();
    all.dedup();
    let objects = Objects::make(&server).await;
    for operation in operations {
        let [wanted] = operation.scopes.as_slice() else {
            assert!(ANY_SCOPE.contains(&operation.id.as_str()), "{} declares no scope", operation.id);
            continue;
        };
        let others: Vec<_> = all.iter().filter(|scope| *scope != wanted).collect();
        let caller = server.admin(json!({ "scopes": others })).await;
        let answer = operation.send(&caller, &operation.filled(&objects.ids), Some(&json!({}))).await;
        let problem = answer.problem(403, "INSUFFICIENT_SCOPE");
        assert!(problem["detail"].as_str().unwrap().contains(wanted), "{}: {problem}", operation.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g3_another_workspace_finds_nothing_of_ours_and_learns_nothing() {
    let server = Server::start().await;
    let objects = Objects::make(&server).await;
    let other = server.other_workspace();
    for operation in guarded(&server.api).await.into_iter().filter(Operation::names_an_object) {
        // A good body: a bad one is refused before anything is looked up, and tells nothing.
        let body = objects.prepare(&server, &operation).await;
        let ours = operation.send(&other, &operation.filled(&objects.ids), body.as_ref()).await;
        let nobodys = operation.send(&other, &operation.filled(&Map::new()), body.as_ref()).await;
        let (ours, nobodys) = (ours.problem(404, "NOT_FOUND"), nobodys.problem(404, "NOT_FOUND"));
        assert_eq!(ours["detail"], nobodys["detail"], "{} tells the two apart", operation.id);
    }
    for operation in guarded(&server.api).await.into_iter().filter(|operation| !operation.names_an_object()) {
        let body = objects.prepare(&server, &operation).await;
        let answer = operation.send(&other, &operation.path, body.as_ref()).await;
        objects.assert_not_in(&operation, &answer.text);
    }
    objects.assert_untouched(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g2_an_admin_key_that_is_limited_to_a_keyspace_finds_nothing_of_the_others() {
    let server = Server::start().await;
    let objects = Objects::make(&server).await;
    let own = server.api.keyspace(json!({ "name": "Own" })).await;
    let limited = server.admin(json!({ "scopes": ["*"], "keyspaces": [own] })).await;
    for operation in guarded(&server.api).await {
        let body = objects.prepare(&server, &operation).await;
        let answer = operation.send(&limited, &operation.filled(&objects.ids), body.as_ref()).await;
        if operation.names_an_object() {
            answer.problem(404, "NOT_FOUND");
        } else {
            objects.assert_not_in(&operation, &answer.text);
        }
    }
    objects.assert_untouched(&server).await;
    limited.get(&format!("/v1/keyspaces/{own}")).await.expect(200);
    let key = limited.key(&own, json!({})).await["id"].as_str().unwrap().to_owned();
    limited.get(&format!("/v1/keys/{key}")).await.expect(200);
    let listed = limited.get("/v1/keyspaces").await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["data"][0]["id"], own.as_str());
    limited.post("/v1/keyspaces", json!({ "name": "New" })).await.problem(403, "INSUFFICIENT_SCOPE");
}

/// The schemas of bodies are written by hand beside the code that reads them; this keeps the two together too.
#[tokio::test(flavor = "multi_thread")]
async fn g1_every_mutation_takes_its_documented_fields_and_leaves_an_audit_row() {
    let server = Server::start().await;
    let mut mutations = 0;
    for operation in guarded(&server.api).await {
        if operation.method == Method::GET {
            continue;
        }
        let objects = Objects::make(&server).await;
        let body = objects.prepare(&server, &operation).await;
        let before = server.audit_rows().await.len();
        let path = operation.filled(&objects.ids) + if operation.can_be_forced { "?force=true" } else { "" };
        let answer = operation.send(&server.api, &path, body.as_ref()).await;
        assert!(answer.status.is_success(), "{} refused {body:?}: {}", operation.id, answer.text);
        let rows = server.audit_rows().await.split_off(before);
        if !operation.scopes.is_empty() && operation.scopes.iter().all(|scope| scope.ends_with(":read")) {
            assert_eq!(rows, [], "{} only reads", operation.id);
            continue;
        }
        if UNAUDITED.contains(&operation.id.as_str()) {
            continue;
        }
        let request = answer.header("x-request-id");
        assert!(
            !rows.is_empty() && rows.iter().all(|row| row.request_id == request),
            "{}: {rows:?}",
            operation.id
        );
        assert!(
            rows.iter().all(|row| row.actor.starts_with("adm_") && row.source == "127.0.0.1"),
            "{rows:?}"
        );
        mutations += 1;
    }
    assert!(mutations >= 8, "only {mutations} operations change something");
}

struct Operation {
    id: String,
    method: Method,
    path: String,
    scopes: Vec<String>,
    can_be_forced: bool,
    /// Made of the document's examples, with its content type.
    body: Option<(String, Value)>,
}

/// Every operation but the open ones.
async fn guarded(api: &Api) -> Vec<Operation> {
    let document = api.get("/openapi.json").await.expect(200);
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            if operation["security"][0].get("own_key").is_some() {
                assert!(OF_HOLDERS.contains(&path.as_str()), "{id} asks for no admin key");
                continue;
            }
            if operation["security"][0].get("session").is_some() {
                assert!(OF_SESSIONS.contains(&id.as_str()), "{id} asks for no admin key");
                continue;
            }
            let Some(security) = operation["security"][0]["admin_key"].as_array() else {
                let is_open = OPEN.contains(&path.as_str()) || SIGN_IN.contains(&id.as_str());
                assert!(is_open, "{id} asks for nothing");
                continue;
            };
            assert!(operation["security"][1].get("session").is_some(), "{id} is not for browsers");
            let body = operation["requestBody"]["content"].as_object().map(|content| {
                let (kind, content) = content.iter().next().unwrap();
                (kind.clone(), example(&document, &content["schema"]))
            });
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            operations.push(Operation {
                id,
                can_be_forced: parameters.iter().any(|parameter| parameter["name"] == "force"),
                method: Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(),
                path: path.clone(),
                scopes: security.iter().map(|scope| scope.as_str().unwrap().to_owned()).collect(),
                body,
            });
        }
    }
    assert!(operations.len() >= 15, "the document lost operations");
    operations
}

impl Operation {
    fn names_an_object(&self) -> bool {
        self.path.contains('{')
    }

    /// The path with ids; those that are not given are of objects that nobody has.
    fn filled(&self, ids: &Map<String, Value>) -> String {
        let nobodys = [
            ("{keyspace_id}", "ks_0000000000001"),
            ("{rotating_keyspace_id}", "ks_0000000000001"),
            ("{key_id}", "key_0000000000001"),
            ("{revoked_key_id}", "key_0000000000001"),
            ("{upstream_credential_id}", "uc_0000000000001"),
            ("{signing_key_id}", "sk_0000000000001"),
            ("{rotated_key_id}", "key_0000000000001"),
            ("{role_id}", "role_0000000000001"),
            ("{admin_key_id}", "adm_0000000000001"),
            ("{webhook_id}", "whk_0000000000001"),
            ("{delivery_id}", "dlv_0000000000001"),
        ];
        // Only what is revoked can be restored, and only a rotation that is under way be moved.
        let own = match self.id.as_str() {
            "restore_key" => self.path.replace("{key_id}", "{revoked_key_id}"),
            "complete_head_key_rotation" => self.path.replace("{keyspace_id}", "{rotating_keyspace_id}"),
            "reschedule_key" => self.path.replace("{key_id}", "{rotated_key_id}"),
            _ => self.path.clone(),
        };
        let given = ids
            .iter()
            .fold(own, |path, (name, id)| path.replace(&format!("{{{name}}}"), id.as_str().unwrap()));
        let path = nobodys.iter().fold(given, |path, (name, id)| path.replace(name, id));
        assert!(!path.contains('{'), "give {path} an id");
        path
    }

    async fn send(&self, caller: &Api, path: &str, body: Option<&Value>) -> Answer {
        let request = caller.request(self.method.clone(), path);
        let request = match (&self.body, body) {
            (Some((kind, _)), Some(body)) => request.header(CONTENT_TYPE, kind).body(body.to_string()),
            _ => request,
        };
        read(request.send().await.unwrap()).await
    }
}

/// One of everything.
struct Objects {
    ids: Map<String, Value>,
    token: String,
}

impl Objects {
    async fn make(server: &Server) -> Self {
        let keyspace = server.api.keyspace(json!({ "name": "Ours" })).await;
        let key = server.api.key(&keyspace, json!({ "name": "Our key" })).await;
        // By which the next can be sealed; a key of the same bytes is in the document's examples.
        let gate_key = json!({ "gate_encryption_key": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08" });
        server.api.patch(&format!("/v1/keyspaces/{keyspace}"), gate_key).await.expect(200);
        let credentials = format!("/v1/keyspaces/{keyspace}/upstream-credentials");
        let credential = json!({ "name": "Ours", "value": "s3cret" });
        let credential = server.api.post(&credentials, credential).await.expect(201);
        let signing_keys = format!("/v1/keys/{}/signing-keys", key["id"].as_str().unwrap());
        let signing_key = server.api.post(&signing_keys, json!({})).await.expect(201);
        let admin_key = json!({ "name": "Ours", "scopes": ["*"] });
        let admin_key = server.api.post("/v1/admin-keys", admin_key).await.expect(201);
        let role = json!({ "name": "Our role", "grants": ["a:b"] });
        let role = server.api.post(&format!("/v1/keyspaces/{keyspace}/roles"), role).await.expect(201);
        // So that switching it off, as the document's example does, changes something.
        server.force_live_on(&keyspace).await;
        let mut ids = Map::new();
        ids.insert("role_id".into(), role["id"].clone());
        ids.insert("upstream_credential_id".into(), credential["id"].clone());
        ids.insert("signing_key_id".into(), signing_key["id"].clone());
        ids.insert("keyspace_id".into(), keyspace.as_str().into());
        ids.insert("key_id".into(), key["id"].clone());
        let revoked = server.api.key(&keyspace, json!({ "name": "Our revoked key" })).await;
        server.api.delete(&format!("/v1/keys/{}", revoked["id"].as_str().unwrap())).await.expect(200);
        ids.insert("revoked_key_id".into(), revoked["id"].clone());
        let rotated = server.api.key(&keyspace, json!({ "name": "Our rotated key" })).await;
        let rotate = format!("/v1/keys/{}:rotate", rotated["id"].as_str().unwrap());
        server.api.post(&rotate, json!({})).await.expect(200);
        ids.insert("rotated_key_id".into(), rotated["id"].clone());
        let rotating = server.api.keyspace(json!({ "name": "Our rotating keyspace" })).await;
        let rotate = format!("/v1/keyspaces/{rotating}/signing-keys:rotate");
        server.api.post(&rotate, json!({})).await.expect(200);
        ids.insert("rotating_keyspace_id".into(), rotating.into());
        ids.insert("admin_key_id".into(), admin_key["id"].clone());
        let webhook = json!({ "url": "https://hooks.example.com/ours", "events": ["key.leaked"] });
        let webhook = server.api.post("/v1/webhooks", webhook).await.expect(201);
        let test = format!("/v1/webhooks/{}:test", webhook["id"].as_str().unwrap());
        let delivery = server.api.post(&test, json!({})).await.expect(202);
        ids.insert("webhook_id".into(), webhook["id"].clone());
        ids.insert("delivery_id".into(), delivery["id"].clone());
        Self { ids, token: key["secret"].as_str().unwrap().to_owned() }
    }

    /// Brings about what an operation needs to succeed, and returns its body.
    async fn prepare(&self, server: &Server, operation: &Operation) -> Option<Value> {
        let mut body = operation.body.as_ref()?.1.clone();
        if operation.id == "override_guard" {
            let keyspace = self.ids["keyspace_id"].as_str().unwrap().parse().unwrap();
            let (rows_before, rows_after) = (1_000, 2_001);
            let held = HeldBase { reason: HoldReason::Growth, rows_before, rows_after, change_seq: 1 };
            server.app.propagation.set_held(keyspace, Some(held));
        }
        if operation.id == "resume_publishing" {
            let keyspace = self.ids["keyspace_id"].as_str().unwrap().parse().unwrap();
            let gate = GateUrl::from_stored("https://gate.example.com".to_owned());
            let (code, message) = ("TRUNCATED".to_owned(), "it ends".to_owned());
            let refusal = GateRefusal { gate, code, message, seq: 1, at: Timestamp(0) };
            let pause = Pause { refusal, change_seq: 1, is_confirmed: false };
            server.app.store.pause_publishing(keyspace, pause).await.unwrap();
        }
        if operation.id == "revive_keyspace" {
            let kill = format!("/v1/keyspaces/{}:kill", self.ids["keyspace_id"].as_str().unwrap());
            server.api.post(&kill, json!({ "reason": "drill" })).await.expect(200);
        }
        if ["create_key", "rotate_key"].contains(&operation.id.as_str()) {
            // A token that is chosen must be a new one each time.
            body.as_object_mut().unwrap().remove("token");
        }
        if operation.id == "explain_key" {
            // The example is nobody's.
            body.as_object_mut().unwrap().remove("secret_id");
        }
        if body.get("confirm").is_some() {
            body["confirm"] = self.ids["keyspace_id"].clone();
        }
        if let Some(found) = body.pointer_mut("/tokens/0/token") {
            *found = self.token.as_str().into();
        }
        if body.get("token").is_some() {
            body["token"] = self.token.as_str().into();
        }
        assert!(
            body.as_object().is_some_and(|body| !body.is_empty()),
            "{} documents no fields",
            operation.id
        );
        Some(body)
    }

    fn assert_not_in(&self, operation: &Operation, text: &str) {
        for id in self.ids.values() {
            assert!(!text.contains(id.as_str().unwrap()), "{}: {text}", operation.id);
        }
    }

    async fn assert_untouched(&self, server: &Server) {
        let id = |name: &str| self.ids[name].as_str().unwrap();
        let key = server.api.get(&format!("/v1/keys/{}", id("key_id"))).await.expect(200);
        assert_eq!(
            (&key["status"], &key["name"], &key["secrets"][1]),
            (&json!("active"), &json!("Our key"), &json!(null))
        );
        assert_eq!(
            server.api.get(&format!("/v1/keyspaces/{}", id("keyspace_id"))).await.expect(200)["name"],
            "Ours"
        );
        let admin_key = server.api.get(&format!("/v1/admin-keys/{}", id("admin_key_id"))).await.expect(200);
        assert_eq!(admin_key["revoked_at"], json!(null));
    }
}

/// A value with every property that a schema documents, made of the examples.
fn example(document: &Value, schema: &Value) -> Value {
    if let Some(example) = schema.get("example").or(schema["examples"].get(0)) {
        return example.clone();
    }
    if let Some(example) = schema["examples"].as_array().and_then(|examples| examples.first()) {
        return example.clone();
    }
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return example(document, &document["components"]["schemas"][name]);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let parts = parts.iter().map(|part| example(document, part));
        return Value::Object(parts.flat_map(|part| part.as_object().unwrap().clone()).collect());
    }
    if let Some(one) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        return example(document, one.iter().find(|one| one["type"] != "null").unwrap());
    }
    if let Some(properties) = schema["properties"].as_object() {
        let fields: Map<_, _> =
            properties.iter().map(|(name, property)| (name.clone(), example(document, property))).collect();
        return Value::Object(fields);
    }
    if schema.get("items").is_some() {
        return json!([example(document, &schema["items"])]);
    }
    panic!("give an example for {schema}")
}

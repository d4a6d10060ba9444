// The key preview: a key is pasted into a page, which says what it is and, with a snapshot, what it may do. The key stays in the page.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { startDashboard } from "../support/dashboard.mjs";
import { createKey, eventually } from "../support/processes.mjs";
import { Publisher } from "../support/publisher.mjs";
import { importKeys, untilSettled } from "../support/sinks.mjs";
import { serveFolder } from "../support/static.mjs";

/** So many keys need more than one bundle. */
const LARGE = 20_000;
/** A debug build on a busy machine publishes within this, and reads a base of megabytes. */
const PUBLISHED_WITHIN_MS = 30_000;
const LOADED_WITHIN_MS = 60_000;
const PAGE = resolve("control-plane/dashboard/dist/preview");
const POLICY = {
  default: "deny",
  routes: [
    { method: "GET", path: "/orders/{id}", permission: "orders:read" },
    { method: "POST", path: "/orders", permission: "orders:write" },
    { method: "GET", path: "/{net}/tip", permission: "orders:read", constraints: { network: { in: "path", name: "net" } } },
  ],
};

let started, plane, keyspace, key, dashboard, page, trusted;
/** All that the pages of this file have sent. */
const sent = [];

before(async () => {
  started = await startDashboard();
  ({ plane, dashboard, page } = started);
  keyspace = await plane.api("POST", "/v1/keyspaces", { name: "Shop", prefix: "shop" });
  await plane.api("PUT", `/v1/keyspaces/${keyspace.id}/policy`, POLICY);
  await plane.api("POST", `/v1/keyspaces/${keyspace.id}/roles`, { name: "reader", grants: ["orders:read"] });
  key = await createKey(plane, keyspace, {
    owner: "team-ci",
    roles: ["reader"],
    expires_at: "2099-12-31T23:59:59Z",
    constraints: { network: ["Mainnet"] },
    ip_rules: [{ action: "deny", cidr: "10.1.0.0/16" }, { action: "allow", cidr: "10.0.0.0/8" }],
    rate_limits: [{ name: "requests", limit: 100, window_seconds: 60 }],
  });
  ({ trusted_keys: [trusted] } = await plane.api("GET", `/v1/keyspaces/${keyspace.id}/snapshot`));
  page.on("request", async (request) => {
    sent.push(`${request.url()} ${JSON.stringify(request.headers())} ${request.postData() ?? ""}`);
  });
});
after(() => started?.stop());

const box = () => page.getByLabel("Key", { exact: true });
const card = (name) => page.getByRole("region", { name });

/** The newest snapshot as a file: it holds everything up to the last change, which is one of the key. */
async function bundle() {
  await eventually("the last change is published", async () => {
    const { change_seq, key: last } = await plane.api("GET", `/v1/keyspaces/${keyspace.id}/propagation?key_id=${key.id}`);
    return change_seq >= last.change_seq;
  }, PUBLISHED_WITHIN_MS);
  const answer = await fetch(`${plane.url}/v1/keyspaces/${keyspace.id}/snapshot:export`, { headers: { authorization: `Bearer ${plane.adminKey}` } });
  assert.equal(answer.headers.get("content-type"), "application/vnd.latchkey.bundle");
  return Buffer.from(await answer.arrayBuffer());
}

async function load(bytes) {
  await page.getByLabel("Snapshot bundle").setInputFiles({ name: "shop.latchkey", mimeType: "application/octet-stream", buffer: bytes });
}

async function decide(method, path, address = "") {
  const request = card("Try a request");
  await request.getByLabel("Method").selectOption(method);
  await request.getByLabel("Path").fill(path);
  await request.getByLabel("Client address").fill(address);
  await request.getByRole("button", { name: "Decide" }).click();
  return request.locator(".callout").textContent();
}

test("b1_a_key_is_taken_apart_by_whoever_has_it_without_signing_in", async () => {
  await page.goto(`${plane.url}/dashboard/preview`);
  await box().fill(key.secret);
  const found = card("The key");
  await found.getByText("matches").waitFor();
  const text = await found.textContent();
  for (const part of ["shop", "test", key.start ?? key.secret.slice(0, 12)]) assert(text.includes(part), `${part}: ${text}`);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key.secret));
  assert(text.includes(Buffer.from(digest).toString("hex").slice(0, 16)), text);
  await dashboard.inspect("preview-key");

  const last = key.secret.at(-1) === "0" ? "1" : "0";
  await box().fill(key.secret.slice(0, -1) + last);
  await found.getByText("The checksum does not match").waitFor();
  await box().fill("secret-of-some-other-system-0123456789");
  await found.getByText("no key of Latchkey's own form").waitFor();
  await box().fill("short");
  await found.getByText("too short").waitFor();
});

test("b1_a_snapshot_counts_only_if_somebody_who_is_trusted_signed_it", async () => {
  await box().fill(key.secret);
  const bytes = await bundle();
  await load(bytes);
  const found = card("The snapshot");
  await found.getByText("Give the key that signs").waitFor();
  await page.getByLabel("Trusted keys").fill(`ed25519:${"A".repeat(43)}`);
  await found.getByText(/KEY_NOT_TRUSTED|begins with ed25519/).waitFor();
  await page.getByLabel("Trusted keys").fill(trusted);
  await found.getByText("verified", { exact: true }).waitFor();

  for (const at of [20, Math.floor(bytes.length / 2), bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    changed[at] ^= 1;
    await load(changed);
    await found.getByRole("alert").waitFor();
    assert.equal(await found.getByText("verified", { exact: true }).count(), 0, `byte ${at}`);
  }
  await load(bytes);
  await found.getByText("verified", { exact: true }).waitFor();
});

test("b1_the_page_says_what_the_key_may_do_and_why_a_request_is_refused", async () => {
  const found = card("What gates know of it");
  await found.getByText("active", { exact: true }).waitFor();
  const text = await found.textContent();
  for (const part of [key.id, "team-ci", "orders:read", "10.0.0.0 – 10.0.255.255", "10.2.0.0 – 10.255.255.255", "Mainnet", "100 in 1 minute", "2099"]) {
    assert(text.includes(part), `${part}: ${text}`);
  }
  assert.match(await decide("GET", "/orders/7", "10.0.0.1"), /passes/);
  assert.match(await decide("GET", "/orders/7", "10.1.0.1"), /IP_DENIED/);
  assert.match(await decide("GET", "/orders/7"), /IP_DENIED/);
  assert.match(await decide("POST", "/orders", "10.0.0.1"), /PERMISSION_DENIED|INSUFFICIENT|FORBIDDEN|refused/);
  assert.match(await decide("GET", "/Testnet/tip", "10.0.0.1"), /refused/);
  assert.match(await decide("GET", "/nowhere", "10.0.0.1"), /ROUTE_NOT_FOUND/);
  await dashboard.inspect("preview-decision");
});

test("b1_whoever_is_signed_in_gets_the_newest_snapshot_without_a_file_and_sees_a_revocation", async () => {
  await dashboard.signIn();
  await page.goto(`${plane.url}/dashboard/preview/`);
  await box().fill(key.secret);
  await page.getByRole("button", { name: "Load its newest snapshot" }).click();
  await card("What gates know of it").getByText("active", { exact: true }).waitFor();
  await plane.api("DELETE", `/v1/keys/${key.id}`);
  await eventually("the revocation is published", async () => {
    await page.getByRole("button", { name: "Load its newest snapshot" }).click();
    return (await card("What gates know of it").getByText("It is revoked").count()) > 0;
  }, PUBLISHED_WITHIN_MS, 200);
});

test("b1_what_was_chosen_last_is_shown_whichever_comes_last", async () => {
  const idle = page.getByRole("button", { name: "Load its newest snapshot" }).and(page.locator(":not([aria-busy=true])"));
  // What the test before still loads is not what is held up here.
  await idle.waitFor();
  const asked = Promise.withResolvers();
  await page.route("**/snapshot:export?*", (route) => asked.resolve(route), { times: 1 });
  await idle.click();
  const late = await asked.promise;
  const publisher = new Publisher();
  await page.getByLabel("Trusted keys").fill(publisher.signer.text);
  await load(publisher.bundle());
  await card("What gates know of it").getByText("knows no such key").waitFor();
  await late.continue();
  await idle.waitFor();
  assert.equal(await page.getByLabel("Trusted keys").inputValue(), publisher.signer.text);
  await card("What gates know of it").getByText("knows no such key").waitFor();
});

test("b1_where_gates_mix_a_pepper_in_the_page_says_why_it_cannot_look_keys_up_and_what_it_can_show", async () => {
  const publisher = new Publisher();
  publisher.pepper = { version: 1, key: randomBytes(32) };
  const peppered = publisher.addKey();
  await box().fill(peppered.token);
  await page.getByLabel("Trusted keys").fill(publisher.signer.text);
  await load(publisher.bundle());
  await card("The snapshot").getByText("verified", { exact: true }).waitFor();
  await card("The key").getByText("matches").waitFor();
  await card("What gates know of it").getByText("a pepper").waitFor();
  assert.equal(await card("Try a request").count(), 0, "no decision is made up");
  await dashboard.inspect("preview-pepper");
});

test("b1_a_snapshot_that_is_too_large_for_one_bundle_is_loaded_in_parts_or_from_several_files", async () => {
  const large = await plane.api("POST", "/v1/keyspaces", { name: "Large" });
  const one = await createKey(plane, large, { owner: "one-of-many" });
  await importKeys(plane, large, LARGE);
  await untilSettled(plane, large);
  await box().fill(one.secret);
  await page.getByRole("button", { name: "Clear" }).click();
  await page.goto(`${plane.url}/dashboard/preview/#${large.id}`);
  await page.reload();
  await box().fill(one.secret);
  const found = card("The snapshot");
  await found.getByText("verified", { exact: true }).waitFor({ timeout: LOADED_WITHIN_MS });
  await card("What gates know of it").getByText("active", { exact: true }).waitFor();
  assert.equal(await found.getByText("not here").count(), 0);
  assert(sent.filter((request) => request.includes("snapshot:export?part=")).length > 0, "it came in one part");

  const env = { ...process.env, LATCHKEY_URL: plane.url, LATCHKEY_ADMIN_KEY: plane.adminKey };
  const out = join(started.folder.path, "large.latchkey");
  await promisify(execFile)(resolve(process.env.LATCHKEY_BIN), ["snapshot", "export", large.id, "--out", out, "--parts"], { env });
  const files = (await readdir(started.folder.path)).filter((name) => name.startsWith("large.latchkey")).map((name) => join(started.folder.path, name));
  assert(files.length > 1, files.join(" "));
  const bundles = page.getByLabel("Snapshot bundle");
  await bundles.setInputFiles(out);
  await found.getByText("choose all of its files together").waitFor();
  assert.equal(await card("What gates know of it").count(), 0);
  await dashboard.inspect("preview-parts-missing");
  await bundles.setInputFiles(files.reverse());
  await card("What gates know of it").getByText("one-of-many").waitFor();
  assert.equal(await found.getByText("not here").count(), 0);

  await load(Buffer.alloc(5 << 20, await bundle()));
  await found.getByText("at most 4 MiB").waitFor();
  await page.getByLabel("Trusted keys").fill(trusted);
  await box().fill(key.secret);
  await load(await bundle());
  await card("What gates know of it").getByText("It is revoked").waitFor();
});

test("b1_the_key_is_in_no_request_no_storage_no_address_and_nowhere_in_the_page", async () => {
  const holds = () => page.evaluate(async () => [
    document.documentElement.outerHTML, document.body.innerText, location.href, JSON.stringify(history.state), document.title, document.cookie,
    JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), JSON.stringify(await indexedDB.databases()), JSON.stringify(await caches.keys()), String(name),
  ]);
  const secret = key.secret.slice(key.secret.lastIndexOf("_") + 1);
  assert.equal(await box().inputValue(), key.secret, "the key is in the box alone");
  for (const place of await holds()) assert(!place.includes(secret), place.slice(0, 2_000));
  assert(sent.length > 5);
  for (const request of sent) assert(!request.includes(secret), request);
  const shown = await page.getByRole("button", { name: "Show" });
  await shown.click();
  for (const place of await holds()) assert(!place.includes(secret), "also while it is shown");
  await page.getByRole("button", { name: "Clear" }).click();
  assert.equal(await box().inputValue(), "");
  assert.equal(await card("What gates know of it").count(), 0);
  await box().fill(key.secret);
  await page.goto(`${plane.url}/docs`);
  await page.goBack();
  await box().waitFor();
  assert.equal(await box().inputValue(), "", "nor on the way back");
});

test("b1_the_page_reaches_no_other_server", async () => {
  const strangers = sent.filter((request) => !request.startsWith(`${plane.url}/`) && !request.startsWith("blob:"));
  assert.deepEqual(strangers, []);
  assert.deepEqual(dashboard.seen.faults, []);
  const tried = await page.evaluate(async () => {
    const reached = await fetch("http://127.0.0.1:9/").catch((error) => error.name);
    const beaconed = await new Promise((done) => {
      const image = new Image();
      image.onerror = () => done("refused");
      image.onload = () => done("loaded");
      image.src = "http://127.0.0.1:9/x.png";
    });
    return [reached, beaconed];
  });
  assert.deepEqual(tried, ["TypeError", "refused"]);
  for (const directive of ["connect-src 'self'", "img-src 'self'"]) {
    assert(dashboard.seen.faults.some((fault) => fault.includes(directive)), dashboard.seen.faults.join("\n"));
  }
});

test("b1_a_copy_on_any_web_server_does_the_same_and_asks_for_nothing_but_its_files", async () => {
  const copy = await serveFolder(PAGE);
  const { page: other, seen } = await import("../support/browser.mjs").then(({ openPage }) => openPage(dashboard.browser));
  await other.goto(`${copy.url}/`);
  await other.getByLabel("Key", { exact: true }).fill(key.secret);
  await other.getByText("matches").waitFor();
  await other.getByLabel("Trusted keys").fill(trusted);
  await other.getByLabel("Snapshot bundle").setInputFiles({ name: "shop.latchkey", mimeType: "application/octet-stream", buffer: await bundle() });
  await other.getByText("It is revoked").waitFor();
  assert.deepEqual(seen.faults, []);
  assert(copy.asked.every((path) => /^\/($|theme\.js|favicon\.svg|assets\/)/.test(path)), copy.asked.join(" "));
  assert(seen.requests.every(({ url }) => url.startsWith(`${copy.url}/`)));
  await other.close();
  await copy.stop();
});

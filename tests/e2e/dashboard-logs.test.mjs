// What an admin sees in a real browser of what was asked and of what was done: the request log with its filters, usage, and the audit log with its check and
// its export.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { Dashboard } from "../support/dashboard.mjs";
import { createKey, eventually } from "../support/processes.mjs";
import { System, reporting } from "../support/system.mjs";

/** What a page asks for shows by then, on a slow machine too. */
const WITHIN_MS = 30_000;

let system, dashboard, page, key, path;
before(async () => {
  system = await System.start({ vars: reporting, keyspace: { name: "Payments API", prefix: "pay" } });
  path = `/keyspaces/${system.keyspace.id}/requests`;
  key = await system.admittedKey("/v1/hello", { name: "Checkout" });
  dashboard = await Dashboard.open(system.plane);
  ({ page } = dashboard);
  await dashboard.signIn();
});
after(async () => {
  await dashboard?.close();
  await system?.stop();
});

const rows = () => page.getByRole("table", { name: "Requests", exact: true }).locator("tbody tr");
const dialog = () => page.getByRole("dialog");

test("l5_every_decision_of_a_gate_shows_and_the_filters_find_it", async () => {
  for (let count = 0; count < 5; count++) await system.gate.decision("/v1/nothing", key.secret);
  await system.gate.decision("/v1/hello", "pay_test_nonsense");
  await eventually("the gate has reported", async () => {
    const { data } = await system.plane.api("GET", `/v1${path}?code=MALFORMED_KEY`);
    return data.length > 0;
  }, WITHIN_MS, 100);
  await dashboard.go(path);
  await rows().filter({ hasText: "/v1/nothing" }).first().waitFor();
  await page.getByLabel("Decision").selectOption("ROUTE_NOT_FOUND");
  await eventually("only those show", async () => (await rows().count()) === 5 && !(await rows().allTextContents()).some((text) => text.includes("/v1/hello")), WITHIN_MS);
  assert.match(page.url(), /code=ROUTE_NOT_FOUND/, "the filter can be sent to somebody");
  await page.getByLabel("Key", { exact: true }).fill(key.id);
  await eventually("those of the key", async () => (await rows().count()) === 5, WITHIN_MS);
  await page.getByLabel("Key", { exact: true }).fill("key_nonsense");
  await page.getByRole("alert").first().waitFor();
  await dashboard.button("Clear filters").click();
  await rows().filter({ hasText: "MALFORMED_KEY" }).first().waitFor();
  await page.getByLabel("Answer").fill("404");
  await page.getByLabel("Decision").selectOption("");
  await page.getByLabel("From").fill("2099-01-01T00:00");
  await page.getByRole("heading", { name: "No request matches" }).waitFor();
  await dashboard.button("Clear filters").click();
});

test("l4_usage_is_drawn_and_told_by_decision_and_each_request_says_all_that_is_known", async () => {
  const usage = page.getByRole("table", { name: "Requests by decision" });
  await usage.getByRole("row", { name: /ROUTE_NOT_FOUND no route matches .* 5$/ }).waitFor();
  await page.getByRole("img", { name: /Requests of the last 24 hours: \d+ let through, \d+ refused/ }).waitFor();
  await dashboard.inspect("requests");
  await rows().filter({ hasText: "/v1/nothing" }).first().getByRole("button").click();
  const text = await dialog().textContent();
  for (const part of ["GET /v1/nothing", "ROUTE_NOT_FOUND", "no route matches", key.id]) assert(text.includes(part), `${part}: ${text}`);
  await dashboard.inspect("request");
  await dialog().getByRole("link", { name: key.id }).click();
  await page.getByRole("heading", { name: "Checkout" }).waitFor();
});

test("l5_an_empty_log_says_how_it_fills", async () => {
  const quiet = await system.plane.api("POST", "/v1/keyspaces", { name: "Quiet" });
  await dashboard.go(`/keyspaces/${quiet.id}/requests`);
  await page.getByRole("heading", { name: "No request yet" }).waitFor();
  await dashboard.inspect("requests-none");
});

test("g1_the_audit_log_tells_who_did_what_and_that_a_browser_did_it", async () => {
  await dashboard.go(`/keyspaces/${system.keyspace.id}/keys/${key.id}`);
  await page.evaluate(async (id) => {
    const { csrf_token } = await (await fetch("/v1/session")).json();
    await fetch(`/v1/keys/${id}`, { method: "PATCH", headers: { "content-type": "application/json", "x-csrf-token": csrf_token }, body: '{"owner":"finance"}' });
  }, key.id);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Audit log" }).click();
  const table = page.getByRole("table", { name: "Audit log" });
  const changed = table.getByRole("row", { name: /key\.updated/ }).first();
  await changed.waitFor();
  assert.match(await changed.textContent(), /browser/);
  assert(!/browser/.test(await table.getByRole("row", { name: /key\.created/ }).first().textContent()), "made by a program");
  await page.getByLabel("Object").fill(key.id);
  await eventually("only the key's rows", async () => {
    const texts = await table.locator("tbody tr").allTextContents();
    return texts.length > 0 && texts.every((text) => text.includes(key.id));
  }, WITHIN_MS);
  await changed.getByRole("button").click();
  await dialog().getByRole("row", { name: /owner .*finance/ }).waitFor();
  assert.match(await dialog().textContent(), /a browser's session ses_/);
  await dashboard.inspect("audit-row");
  await dialog().getByRole("button", { name: "Close" }).last().click();
});

test("g1_the_chain_is_verified_on_demand_and_the_log_is_exported_whole", async () => {
  await dashboard.go("/audit");
  await page.getByText("Not verified since").waitFor();
  await dashboard.button("Verify the log").click();
  await page.getByText(/All \d+ rows are as they were written/).waitFor();
  await dashboard.inspect("audit");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Export" }).click();
  const lines = (await readFile(await (await download).path(), "utf8")).trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.map(({ seq }) => seq), lines.map((_, at) => at + 1), "from the first row on, without a gap");
  assert(lines.some(({ action, session_id }) => action === "key.updated" && session_id?.startsWith("ses_")));
});

test("g2_whoever_may_not_see_a_log_is_not_led_to_it", async () => {
  const narrow = await system.plane.api("POST", "/v1/admin-keys", { name: "Narrow", scopes: ["keyspaces:read", "keys:read"], keyspaces: [system.keyspace.id] });
  await page.evaluate(async () => {
    const { csrf_token } = await (await fetch("/v1/session")).json();
    await fetch("/v1/session", { method: "DELETE", headers: { "x-csrf-token": csrf_token } });
  });
  await dashboard.signIn(narrow.secret);
  await dashboard.go(`/keyspaces/${system.keyspace.id}/keys`);
  const navigation = page.getByRole("navigation", { name: "Main" });
  await navigation.getByRole("link", { name: "Keys", exact: true }).waitFor();
  for (const name of ["Requests", "Audit log"]) assert.equal(await navigation.getByRole("link", { name }).count(), 0, name);
});

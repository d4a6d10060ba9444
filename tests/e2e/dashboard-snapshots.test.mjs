// What gates are sent, in a real browser: what was published before, taken along, looked into with a key, written to sinks, and held up.
import assert from "node:assert/strict";
import { mkdir, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startDashboard } from "../support/dashboard.mjs";
import { eventually } from "../support/processes.mjs";

/** A debug build on a busy machine publishes within this. */
const PUBLISHED_WITHIN_MS = 30_000;
/** A service that nobody answers at. */
const SILENT = "http://127.0.0.1:9";

let started, plane, keyspace, key, sinks, dashboard, page;
before(async () => {
  started = await startDashboard({ env: async (folder) => {
    sinks = join(folder, "sinks");
    await mkdir(sinks);
    return { LATCHKEY_SINK_FOLDER: sinks };
  } });
  ({ plane, dashboard, page } = started);
  keyspace = await change("/v1/keyspaces", { name: "Payments API", prefix: "pay" });
  key = await change(`/v1/keyspaces/${keyspace.id}/keys`, { name: "Checkout" });
  await change(`/v1/keyspaces/${keyspace.id}/roles`, { name: "Reader", grants: ["invoices:read"] });
  await dashboard.signIn();
});
after(() => started?.stop());

const dialog = () => page.getByRole("dialog");
const card = (name) => page.getByRole("region", { name });
const submit = (name) => dialog().getByRole("button", { name, exact: true }).click();

/** Makes a change and waits until it is published by itself. */
async function change(path, body) {
  const { headers, ...made } = await plane.api("POST", path, body);
  const wanted = Number(headers.get("latchkey-change-seq"));
  await eventually("it is published", async () => (await plane.api("GET", `/v1/keyspaces/${made.keyspace_id ?? made.id}/snapshot`)).change_seq >= wanted, PUBLISHED_WITHIN_MS);
  return made;
}

/** Has the page hear that publishing stands still, as a control plane says it that finds heads which it never signed. */
async function standstill(news) {
  const tell = async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), ...news } });
  };
  // What a page asked for that was left meanwhile cannot be answered.
  await page.route("**/propagation", (route) => tell(route).catch(() => {}));
}

test("d1_the_history_tells_what_each_snapshot_brought", async () => {
  await dashboard.go(`/keyspaces/${keyspace.id}/keys`);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Snapshots" }).click();
  const rows = card("History").getByRole("table").getByRole("row");
  await rows.filter({ hasText: "Settings" }).first().waitFor();
  const told = await rows.locator(".badge").allTextContents();
  assert.deepEqual(told, ["Settings", "Keys", "New base"]);
  const { data } = await plane.api("GET", `/v1/keyspaces/${keyspace.id}/snapshots`);
  assert.deepEqual(data.map(({ kind }) => kind), ["settings", "segment", "base"]);
  await rows.filter({ hasText: data[0].signers[0].slice(0, 8) }).first().waitFor();
  await dashboard.inspect("snapshots-history");
});

test("b1_a_snapshot_is_downloaded_and_opened_in_the_key_preview", async () => {
  const waiting = page.waitForEvent("download");
  await dashboard.button("Download").click();
  const download = await waiting;
  assert.equal(download.suggestedFilename(), `${keyspace.id}.latchkey`);
  const bytes = await readFile(await download.path());
  assert.equal(bytes.subarray(0, 4).toString(), "LKBU");

  await page.getByRole("link", { name: "Open in the key preview" }).click();
  await card("The snapshot").getByText("verified", { exact: true }).waitFor();
  await page.getByLabel("Key", { exact: true }).fill(key.secret);
  await card("What gates know of it").getByText("active", { exact: true }).waitFor();
  await page.reload();
  // With it come the keys that are trusted, by which the file is looked at.
  await card("The snapshot").getByText("verified", { exact: true }).waitFor();
  await page.getByLabel("Snapshot bundle").setInputFiles({ name: "taken.latchkey", mimeType: "application/octet-stream", buffer: bytes });
  await card("The snapshot").getByText("taken.latchkey", { exact: true }).waitFor();
  await card("The snapshot").getByText("verified", { exact: true }).waitFor();
});

test("s1_a_sink_is_added_with_what_is_wrong_at_its_field_and_written_to", async () => {
  await dashboard.go(`/keyspaces/${keyspace.id}/gates`);
  await card("Sinks").getByText("None.").waitFor();
  await card("Sinks").getByRole("button", { name: "Add sink" }).click();
  await dialog().getByLabel("Type").selectOption("folder");
  await dialog().getByLabel("Name").fill("Disk!");
  await dialog().getByLabel("Path").fill("relative/path");
  await submit("Add sink");
  await dialog().getByRole("alert").first().waitFor();
  for (const field of ["Name", "Path"]) assert.equal(await dialog().getByLabel(field).getAttribute("aria-invalid"), "true", field);
  await dashboard.inspect("sink-add");
  await dialog().getByLabel("Name").fill("disk");
  await dialog().getByLabel("Path").fill(join(sinks, "payments"));
  await submit("Add sink");
  const row = card("Sinks").getByRole("row", { name: /disk/ });
  await row.getByText("up to date").waitFor({ timeout: PUBLISHED_WITHIN_MS });
  assert((await readdir(join(sinks, "payments"))).includes("head"));
});

test("s1_the_secret_of_a_sink_goes_one_way_and_stays_only_while_nothing_else_changes", async () => {
  await card("Sinks").getByRole("button", { name: "Add sink" }).click();
  await dialog().getByLabel("Type").selectOption("s3");
  for (const [field, value] of [["Name", "r2"], ["Bucket", "snapshots"], ["Endpoint", SILENT], ["Access key id", "AKIAEXAMPLE"]]) await dialog().getByLabel(field).fill(value);
  await submit("Add sink");
  await dialog().getByRole("alert").first().waitFor();
  assert.equal(await dialog().getByLabel("Secret access key").getAttribute("aria-invalid"), "true");
  const secret = "the-secret-half-of-the-credentials";
  await dialog().getByLabel("Secret access key").fill(secret);
  await submit("Add sink");
  const row = card("Sinks").getByRole("row", { name: /r2/ });
  await row.getByText("behind").waitFor({ timeout: PUBLISHED_WITHIN_MS });
  await row.getByText(/UNREACHABLE|UNAVAILABLE/).waitFor();
  await dashboard.keepsNowhere(secret);
  await dashboard.inspect("gates-sinks");

  await dashboard.button("Actions for r2").click();
  await page.getByRole("menuitem", { name: "Edit…" }).click();
  assert.equal(await dialog().getByLabel("Secret access key").inputValue(), "");
  await dialog().getByLabel("Bucket").fill("elsewhere");
  await submit("Save");
  await dialog().getByRole("alert").first().waitFor();
  assert.equal(await dialog().getByLabel("Secret access key").getAttribute("aria-invalid"), "true");
  await dialog().getByLabel("Secret access key").fill(secret);
  await submit("Save");
  await card("Sinks").getByText("s3: elsewhere").waitFor();

  await dashboard.button("Actions for r2").click();
  await page.getByRole("menuitem", { name: "Remove…" }).click();
  await submit("Remove sink");
  await row.waitFor({ state: "detached" });
  assert.deepEqual((await plane.api("GET", `/v1/keyspaces/${keyspace.id}`)).sinks.map(({ name }) => name), ["disk"]);
});

test("e3_what_waits_for_a_person_is_said_where_gates_and_snapshots_are", async () => {
  const restored = { place: "https://gate.example.com", epoch: 1, seq: 912, change_seq: 88, signers: ["21fe31dfa154a261"], lost_changes: { after: 80, through: 88 }, found_at: new Date().toISOString() };
  const paused = { gate: "https://gate.example.com", code: "NOT_CANONICAL", message: "a gate cannot read the policy", seq: 912, change_seq: 80, confirmed: false, since: new Date().toISOString() };
  await standstill({ restored, paused, held: { reason: "shrink", rows_before: 1_204, rows_after: 611, change_seq: 88 } });
  await dashboard.go(`/keyspaces/${keyspace.id}/snapshots`);
  await page.getByText("A new base is held back.").waitFor();
  await page.getByText("Only revocations are published.").waitFor();
  await page.getByText("Nothing of this keyspace is published.").waitFor();
  await dashboard.go(`/keyspaces/${keyspace.id}/gates`);
  await page.getByText("Nothing of this keyspace is published.").waitFor();
  await dashboard.inspect("gates-standstill");
  await dashboard.button("Publish it…").click();
  await dialog().getByLabel("Reason").fill("it is meant");
  await submit("Publish it");
  // It was the page alone that was told so.
  await dialog().getByRole("alert").waitFor();
  await submit("Cancel");
  await dashboard.button("Publish everything…").click();
  await dialog().getByLabel("Reason").fill("the gates are newer now");
  await submit("Publish everything");
  await dialog().getByRole("alert").waitFor();
  await submit("Cancel");
  await dashboard.button("Go on from this database…").click();
  await dashboard.inspect("gates-raise-epoch");
  assert(await dialog().getByRole("button", { name: "Begin a new epoch" }).isDisabled());
  await dialog().getByLabel("Keys to revoke first").fill(key.id);
  await dialog().getByLabel("Reason").fill("restored from the backup of last night");
  await dialog().getByLabel("The keyspace's id, to confirm").fill(keyspace.id);
  await submit("Begin a new epoch");
  await page.getByText("Publishing goes on in epoch 2; 1 key revoked first.").first().waitFor();
  // Not before: the page asks again by itself, and the dialog goes when there is nothing to do.
  await page.unroute("**/propagation");
  assert.equal((await plane.api("GET", `/v1/keys/${key.id}`)).status, "revoked");
  await page.getByText("Nothing of this keyspace is published.").waitFor({ state: "detached" });
});

test("d1_the_policy_of_the_pages_is_never_broken", () => {
  assert.deepEqual(dashboard.seen.faults, []);
});

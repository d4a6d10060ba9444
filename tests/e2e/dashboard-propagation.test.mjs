// Three gates in real workerd and the page of a key: a change is followed to each of them, and to one that cannot be reached.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Dashboard } from "../support/dashboard.mjs";
import { freePort } from "../support/ports.mjs";
import { Gate, createKey, eventually } from "../support/processes.mjs";
import { System } from "../support/system.mjs";

const HELLO = "/v1/hello";
const IN_FORCE_WITHIN_MS = 30_000;

let system, gates, dashboard, page;
before(async () => {
  system = await System.start({ keyspace: { name: "Payments API", prefix: "pay" } });
  gates = [system.gate];
  const ports = [await freePort(), await freePort()];
  const urls = [system.gate.url, ...ports.map((port) => `http://127.0.0.1:${port}`)];
  await system.plane.api("PATCH", `/v1/keyspaces/${system.keyspace.id}`, { gates: urls.map((url) => ({ url })) });
  for (const [at, port] of ports.entries()) {
    const folder = join(system.folder.path, `gate ${at + 2}`);
    await mkdir(folder);
    gates.push(await Gate.start({ folder, port, vars: system.vars }));
  }
  dashboard = await Dashboard.open(system.plane);
  ({ page } = dashboard);
  await dashboard.signIn();
});
after(async () => {
  await dashboard?.close();
  for (const gate of gates?.slice(1) ?? []) await gate.stop();
  await system?.stop();
});

/** The page of a new key that every gate lets in. */
async function openKey(name) {
  const key = await createKey(system.plane, system.keyspace, { name });
  for (const gate of gates) {
    await eventually("the key is let in", async () => (await gate.decision(HELLO, key.secret)).code === "VALID", IN_FORCE_WITHIN_MS);
  }
  await dashboard.go(`/keyspaces/${system.keyspace.id}/keys/${key.id}`);
  return key;
}

async function revoke() {
  await dashboard.button("More actions").click();
  await page.getByRole("menuitem", { name: "Revoke…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke key" }).click();
}

const told = () => page.getByRole("status").filter({ hasText: /^Refused at/ });

test("k7_a_revocation_is_followed_to_every_gate_and_what_the_page_says_is_so", async () => {
  const key = await openKey("Checkout");
  await revoke();
  await page.getByText(/^Refused at 3 of 3 gates after \d+\.\d s\.$/).waitFor({ timeout: IN_FORCE_WITHIN_MS });
  // Nothing is waited for: the page has said that they refuse.
  for (const gate of gates) assert.notEqual((await gate.decision(HELLO, key.secret)).code, "VALID");
  await page.getByText("at 3 of 3 gates", { exact: true }).waitFor();
  await dashboard.inspect("key-propagated");
});

test("k7_a_gate_that_cannot_be_reached_is_not_counted_and_is_named", async () => {
  await openKey("Old partner");
  const silent = gates.pop();
  await silent.stop();
  await revoke();
  await told().filter({ hasText: /^Refused at 2 of 3 gates so far…$/ }).waitFor({ timeout: IN_FORCE_WITHIN_MS });
  await page.getByText(/^Refused at 2 of 3 gates after 30 s; the rest get it when they can be reached\.$/).waitFor({ timeout: 2 * IN_FORCE_WITHIN_MS });
  await dashboard.inspect("key-propagation-late");
  await page.getByRole("link", { name: "Look at the gates" }).click();
  const row = page.getByRole("row").filter({ hasText: silent.url });
  await row.getByText("unreachable").waitFor();
  await dashboard.inspect("gates-one-silent");
});

test("d1_the_policy_of_the_pages_is_never_broken", () => {
  assert.deepEqual(dashboard.seen.faults, []);
});

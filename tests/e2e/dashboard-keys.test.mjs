// The life of a key by hand, in a real browser against a real gate: made, used, seen in the log, rotated, revoked, refused, restored.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { Dashboard } from "../support/dashboard.mjs";
import { createKey, eventually } from "../support/processes.mjs";
import { System, reporting } from "../support/system.mjs";

/** A change is in force by then; spec/snapshot.md promises 5 s. */
const IN_FORCE_WITHIN_MS = 20_000;

let system, dashboard, page, keys, secret;
before(async () => {
  system = await System.start({ vars: reporting, keyspace: { preset: "read-pay-admin" } });
  dashboard = await Dashboard.open(system.plane);
  ({ page } = dashboard);
  keys = `/keyspaces/${system.keyspace.id}/keys`;
});
after(async () => {
  await dashboard?.close();
  await system?.stop();
});

const code = async (token = secret) => (await system.gate.decision("/v1/hello", token)).code;
const decides = (wanted, token) => eventually(`the gate says ${wanted}`, async () => (await code(token)) === wanted, IN_FORCE_WITHIN_MS);
const dialog = () => page.getByRole("dialog");
/** Opens one of the tools beside the list of keys. */
async function tool(name) {
  await dashboard.go(keys);
  await dashboard.button("More about keys").click();
  await page.getByRole("menuitem", { name }).click();
}
const inForce = (effect) => page.getByText(new RegExp(`^${effect} at 1 of 1 gate after \\d+\\.\\d s\\.$`)).waitFor();
/** The text of the secret that a dialog shows, taken as a person would; then says that it is stored. */
async function takeSecret() {
  const shown = await dialog().locator(".copy-line code").textContent();
  assert.match(shown, /^story_test_\w{38}$/);
  return shown;
}

test("d1_a_stranger_sees_the_sign_in_and_a_wrong_admin_key_is_refused_at_its_field", async () => {
  await page.goto(`${dashboard.base}${keys}`);
  await page.getByLabel("Admin key").fill("lkadm_live_nonsense");
  await dashboard.button("Sign in").click();
  await page.getByRole("alert").filter({ hasText: "not a good admin key" }).waitFor();
  assert.equal(await page.getByLabel("Admin key").getAttribute("aria-invalid"), "true");
});

test("d1_who_signs_in_is_where_they_wanted_to_go_and_nothing_keeps_their_admin_key", async () => {
  await page.getByLabel("Admin key").fill(system.plane.adminKey);
  await dashboard.button("Sign in").click();
  await page.getByRole("heading", { name: "Create the first key" }).waitFor();
  await dashboard.keepsNowhere(system.plane.adminKey);
});

test("k1_k2_a_key_is_made_and_its_secret_is_shown_once", async () => {
  await dashboard.button("Create key").click();
  await dialog().waitFor();
  await dialog().getByLabel("Name").fill("Checkout");
  await dialog().getByLabel("Owner").fill("payments");
  await dialog().getByRole("checkbox", { name: "Read *:read", exact: true }).check();
  // A2: what it may do, before it is saved.
  await dialog().getByRole("button", { name: "View permissions" }).click();
  await dialog().getByRole("row", { name: /GET \/v1\/hello .* may pass/ }).waitFor();
  await dialog().getByRole("row", { name: /POST \/v1\/hello .* refused/ }).waitFor();
  await dialog().getByRole("button", { name: "Create key" }).click();
  await dialog().getByRole("heading", { name: "Checkout is ready" }).waitFor();
  secret = await takeSecret();

  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  assert(await dialog().isVisible(), "closed before anybody said that the secret is stored");
  assert(await dialog().getByRole("button", { name: "Done" }).isDisabled());
  await dialog().getByLabel("I have stored it").check();
  await dialog().getByRole("button", { name: "Done" }).click();
  await page.getByRole("heading", { name: "Checkout", exact: true }).waitFor();
  await dashboard.keepsNowhere(secret);
});

test("l4_l5_its_requests_show_on_its_page", async () => {
  await decides("VALID");
  assert.equal((await system.gate.decision("/v1/hello", secret, { method: "POST" })).code, "INSUFFICIENT_PERMISSIONS");
  await page.getByRole("navigation", { name: "Parts of the key" }).getByText("Usage").click();
  await page.getByRole("row", { name: /GET \/v1\/hello VALID 200/ }).first().waitFor();
  await page.getByRole("row", { name: /POST \/v1\/hello INSUFFICIENT_PERMISSIONS 403/ }).waitFor();
  await page.getByRole("img", { name: /Requests of the last 24 hours: \d+ let through, [1-9]\d* refused/ }).waitFor();
});

test("k6_the_switch_asks_before_it_turns_off_and_says_when_gates_refuse", async () => {
  await page.getByRole("switch", { name: "Turn off" }).click();
  await dialog().getByText(/\d+ requests? of this key (was|were) let through in the last 24 hours/).waitFor();
  await dialog().getByRole("button", { name: "Turn off" }).click();
  await inForce("Refused");
  await decides("DISABLED");
  await page.getByRole("switch", { name: "Turn on" }).click();
  await inForce("Accepted");
  await decides("VALID");
});

test("k5_what_somebody_else_changed_meanwhile_is_not_overwritten", async () => {
  const [{ id }] = (await system.plane.api("GET", `/v1/keyspaces/${system.keyspace.id}/keys`)).data;
  await dashboard.button("Edit").click();
  await dialog().getByLabel("Owner").fill("somebody");
  await system.plane.api("PATCH", `/v1/keys/${id}`, { description: "Changed by a script" });
  await dialog().getByRole("button", { name: "Save" }).click();
  await dialog().getByText("Somebody changed this key meanwhile").waitFor();
  await dialog().getByRole("button", { name: "Cancel" }).click();
  assert.equal((await system.plane.api("GET", `/v1/keys/${id}`)).owner, "payments");
  await page.reload();
  await page.getByText("Changed by a script").waitFor();
});

test("k5_what_is_wrong_stands_at_its_field", async () => {
  await page.getByRole("link", { name: "Access" }).click();
  await page.getByRole("region", { name: "Addresses" }).getByRole("button", { name: "Edit" }).click();
  await dialog().getByRole("button", { name: "Add rule" }).click();
  await dialog().getByLabel("Rule 1: addresses").fill("10.0.0.0/99");
  await dialog().getByRole("button", { name: "Save" }).click();
  await dialog().getByRole("alert").filter({ hasText: "no. 1, cidr" }).waitFor();
});

test("a6_an_address_is_tried_against_rules_that_are_not_saved_yet", async () => {
  await dialog().getByLabel("Rule 1: addresses").fill("127.0.0.0/8");
  await dialog().getByLabel("Try an address").fill("192.0.2.1");
  await dialog().getByRole("button", { name: "Try", exact: true }).click();
  await dialog().getByText("192.0.2.1 is refused, because no rule matches.").waitFor();
  await dialog().getByLabel("Try an address").fill("127.0.0.9");
  await page.keyboard.press("Enter");
  await dialog().getByText("127.0.0.9 may use the key, by rule 1, allow 127.0.0.0/8.").waitFor();
  await dialog().getByRole("button", { name: "Save" }).click();
  await inForce("Enforced");
  await page.getByRole("region", { name: "Addresses" }).getByText("127.0.0.0/8").waitFor();
});

test("l1_credits_are_given_and_taken_by_a_difference", async () => {
  await page.getByRole("link", { name: "Limits and credits" }).click();
  await dashboard.button("Limit by credits").click();
  await dialog().getByLabel("Amount").fill("500");
  await dialog().getByRole("button", { name: "Add credits" }).click();
  await page.getByRole("row", { name: "requests 500 0 500" }).waitFor();
  await dashboard.button("Remove credits").click();
  await dialog().getByLabel("Amount").fill("501");
  await dialog().getByRole("button", { name: "Remove credits" }).click();
  await dialog().getByRole("alert").first().waitFor();
  await dialog().getByLabel("Amount").fill("200");
  await dialog().getByRole("button", { name: "Remove credits" }).click();
  await page.getByRole("row", { name: "requests 300 0 300" }).waitFor();
});

test("k10_a_rotation_shows_the_new_secret_and_who_still_uses_the_old_one", async () => {
  await page.getByRole("link", { name: "Overview" }).click();
  await dashboard.button("Rotate").click();
  await dialog().getByRole("button", { name: "Rotate" }).click();
  await dialog().getByRole("heading", { name: "New secret of Checkout" }).waitFor();
  const old = secret;
  secret = await takeSecret();
  assert.notEqual(secret, old);
  await dialog().getByLabel("I have stored it").check();
  await dialog().getByRole("button", { name: "Done" }).click();
  await dashboard.keepsNowhere(secret);
  await decides("VALID", secret);
  await decides("VALID", old);
  const stillUsed = page.getByText("these still used an old secret");
  await eventually("the page names who uses the old secret", async () => {
    await page.reload();
    await dashboard.settle();
    return stillUsed.isVisible();
  }, IN_FORCE_WITHIN_MS);

  await dashboard.button("Change when old ones stop").click();
  await dialog().getByRole("button", { name: "Stop them now" }).click();
  await inForce("Old secrets refused");
  await eventually("the old secret is refused", async () => (await code(old)) !== "VALID", IN_FORCE_WITHIN_MS);
  assert.equal(await code(), "VALID");
});

test("k7_revoking_names_what_stops_and_the_page_says_when_it_is_refused", async () => {
  await dashboard.button("More actions").click();
  await page.getByRole("menuitem", { name: "Revoke…" }).click();
  await dialog().getByText(/requests? of this key (was|were) let through in the last 24 hours, the last from/).waitFor();
  await dialog().getByLabel("Note").fill("contract ended");
  await dialog().getByRole("button", { name: "Revoke key" }).click();
  await page.getByText("Checkout is revoked.").first().waitFor();
  await inForce("Refused");
  assert.equal((await system.gate.decision("/v1/hello", secret)).status, 401);
  await page.getByText("contract ended").waitFor();
});

test("k7_k8_a_revoked_key_is_listed_on_request_and_can_come_back", async () => {
  await page.getByRole("link", { name: "Keys" }).first().click();
  await dashboard.settle();
  assert.equal(await page.getByRole("link", { name: "Checkout" }).count(), 0);
  await page.getByLabel("Status").selectOption("revoked");
  await page.getByRole("link", { name: "Checkout" }).click();
  await dashboard.button("Restore").click();
  await dialog().getByRole("button", { name: "Restore key" }).click();
  await inForce("Accepted");
  await decides("VALID");
});

test("k8_keys_are_found_by_what_is_known_of_them_page_by_page", async () => {
  for (let number = 0; number < 22; number++) await createKey(system.plane, system.keyspace, { name: `worker ${number}`, tags: [number % 2 ? "odd" : "even"] });
  await dashboard.go(keys);
  const rows = page.getByRole("row");
  await eventually("a page of twenty", async () => (await rows.count()) === 21, IN_FORCE_WITHIN_MS);
  await dashboard.button("Older").click();
  await page.getByRole("link", { name: "Checkout" }).waitFor();
  await page.getByLabel("Search").fill("worker 7");
  await page.getByRole("link", { name: "worker 7" }).waitFor();
  await eventually("one row", async () => (await rows.count()) === 2, IN_FORCE_WITHIN_MS);
  await page.getByLabel("Search").fill("");
  await page.getByLabel("Tag").fill("odd");
  await eventually("the odd ones", async () => (await rows.count()) === 12, IN_FORCE_WITHIN_MS);
  assert.match(page.url(), /tag=odd/);
});

test("k9_a_key_is_found_by_its_token_which_stays_out_of_addresses", async () => {
  await tool("Find by its token…");
  await dialog().getByLabel("Token").fill(secret.replace(/.{6}$/, "AAAAAA"));
  await dialog().getByRole("button", { name: "Find" }).click();
  await dialog().getByRole("alert").first().waitFor();
  await dialog().getByLabel("Token").fill(secret);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Checkout", exact: true }).waitFor();
  await dashboard.keepsNowhere(secret);
});

test("k12_k13_keys_are_imported_by_hash_and_leaked_tokens_are_reported", async () => {
  await tool("Import keys…");
  const digest = createHash("sha256").update("a token of another system").digest("hex");
  await dialog().getByLabel("Lines").fill(`${JSON.stringify({ digest, external_id: "42", name: "From elsewhere" })}\n{"digest": "short", "external_id": "43"}`);
  await dialog().getByRole("button", { name: "Import" }).click();
  await dialog().getByRole("row", { name: /2 .*digest/ }).waitFor();
  await dialog().getByRole("button", { name: "Done" }).click();
  await page.getByRole("link", { name: "From elsewhere" }).waitFor();

  const leaked = await createKey(system.plane, system.keyspace, { name: "leaked" });
  await tool("Report leaked tokens…");
  await dialog().getByLabel("Tokens").fill(`${leaked.secret}\nno_such_token`);
  await dialog().getByRole("button", { name: "Report" }).click();
  await dialog().getByRole("row", { name: `no. 1 ${leaked.id} revoked` }).waitFor();
  await dialog().getByRole("row", { name: "no. 2 – no key of ours" }).waitFor();
  await dialog().getByRole("link", { name: leaked.id }).click();
  await page.getByText("because its secret leaked").waitFor();
  assert(await dashboard.button("Restore").isDisabled(), "a key that leaked never comes back");
});

test("d1_dialogs_and_menus_work_by_keyboard_alone", async () => {
  await dashboard.go(keys);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "content", "the first stop skips the navigation");
  await dashboard.button("More about keys").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await dialog().waitFor();
  for (let stop = 0; stop < 8; stop++) {
    await page.keyboard.press("Tab");
    const inside = await page.evaluate(() => document.activeElement === document.body || document.querySelector("dialog").contains(document.activeElement));
    assert(inside, "the focus left the dialog");
  }
  await page.keyboard.press("Escape");
  await dialog().waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.title), "More about keys", "the focus is back where it was");
});

test("a5_live_keys_are_offered_once_production_is_turned_on", async () => {
  await dashboard.go(keys);
  await dashboard.button("Create key").click();
  await dialog().getByText("Live is off for this keyspace").waitFor();
  assert(await dialog().getByRole("option", { name: "Live" }).isDisabled());
  await page.keyboard.press("Escape");
  await dialog().waitFor({ state: "detached" });
  await dashboard.go(`/keyspaces/${system.keyspace.id}/settings`);
  await page.getByRole("switch", { name: "Turn live on" }).click();
  await dialog().getByRole("button", { name: "Turn live on" }).click();
  await page.getByText("live is on", { exact: true }).waitFor();
  await dashboard.go(keys);
  await dashboard.button("Create key").click();
  await dialog().getByLabel("Environment").selectOption("live");
  await dialog().getByRole("checkbox", { name: "Admin *", exact: true }).check();
  await dialog().getByRole("button", { name: "Create key" }).click();
  const live = await dialog().locator(".copy-line code").textContent();
  assert.match(live, /^story_live_/);
  await dialog().getByLabel("I have stored it").check();
  await dialog().getByRole("button", { name: "Done" }).click();
  await decides("VALID", live);
});

test("in_an_emergency_every_key_is_shut_out_and_let_in_again", async () => {
  await dashboard.go(`/keyspaces/${system.keyspace.id}/settings`);
  await dashboard.button("Shut every key out…").click();
  assert(await dialog().getByRole("button", { name: "Shut every key out" }).isDisabled(), "without a reason");
  await dialog().getByLabel("Reason").fill("somebody copied the vault");
  await dialog().getByRole("button", { name: "Shut every key out" }).click();
  await eventually("the gate refuses", async () => (await system.gate.decision("/v1/hello", secret)).status === 401, IN_FORCE_WITHIN_MS);
  await dashboard.go(keys);
  await page.getByText(/Every key is shut out since .*: somebody copied the vault\./).waitFor();
  await dashboard.go(`/keyspaces/${system.keyspace.id}/settings`);
  await dashboard.button("Let keys in again…").click();
  await dialog().getByLabel("Reason").fill("false alarm");
  await dialog().getByRole("button", { name: "Let keys in again" }).click();
  await decides("VALID");
});

test("k3_at_the_quota_nothing_can_be_added_and_the_page_says_why", async () => {
  await system.plane.api("PATCH", `/v1/keyspaces/${system.keyspace.id}`, { quotas: { keys: 25 } });
  await dashboard.go(keys);
  await page.getByText("This keyspace has 25 keys that are not revoked, which is its quota.").waitFor();
  assert(await dashboard.button("Create key").isDisabled());
});

test("d1_the_page_asks_nobody_but_its_own_server_and_breaks_no_rule_of_its_policy", () => {
  const strangers = dashboard.seen.requests.filter(({ url }) => !url.startsWith(`${system.plane.url}/`));
  assert.deepEqual(strangers, []);
  assert.deepEqual(dashboard.seen.faults, []);
});

test("d1_who_signs_out_is_out", async () => {
  await page.getByRole("button", { name: /First admin key/ }).click();
  await page.getByRole("menuitem", { name: "Sign out", exact: true }).click();
  await page.getByLabel("Admin key").waitFor();
  await page.goto(`${dashboard.base}${keys}`);
  await page.getByLabel("Admin key").waitFor();
});

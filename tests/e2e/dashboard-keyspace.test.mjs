// A keyspace set up by hand in a real browser: made, given roles and routes, a gate, production, and admin keys with fewer rights.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, test } from "node:test";
import { Dashboard, startDashboard } from "../support/dashboard.mjs";
import { createKey } from "../support/processes.mjs";

/** A gate that nobody answers at: what the page says of one is part of the story. */
const SILENT_GATE = "http://127.0.0.1:9";

let started, plane, dashboard, page, keyspace;
before(async () => {
  started = await startDashboard();
  ({ plane, dashboard, page } = started);
  await dashboard.signIn();
});
after(() => started?.stop());

const dialog = () => page.getByRole("dialog");
const open = (name) => page.getByRole("navigation", { name: "Main" }).getByRole("link", { name }).click();
const submit = (name) => dialog().getByRole("button", { name, exact: true }).click();

test("d1_an_empty_control_plane_says_what_to_do_and_a_keyspace_is_made", async () => {
  await page.getByRole("heading", { name: "Create your first keyspace" }).waitFor();
  await dashboard.button("Create keyspace").click();
  await submit("Create keyspace");
  await dialog().getByRole("alert").first().waitFor();
  assert.equal(await dialog().getByLabel("Name").getAttribute("aria-invalid"), "true");
  await dialog().getByLabel("Name").fill("Payments");
  await dialog().getByLabel("Token prefix").fill("pay");
  await submit("Create keyspace");
  await page.getByRole("heading", { name: "Create the first key" }).waitFor();
  [keyspace] = (await plane.api("GET", "/v1/keyspaces")).data;
  assert.equal(keyspace.prefix, "pay");
});

test("a1_a_role_is_made_changed_and_deleted", async () => {
  await open("Roles");
  await page.getByRole("row", { name: /ReadAndPay/ }).waitFor();
  await dashboard.button("Create role").click();
  await dialog().getByLabel("Name").fill("Reader");
  await dialog().getByLabel("Grants").fill("Invoices:Read");
  await submit("Create role");
  await dialog().getByRole("alert").first().waitFor();
  await dialog().getByLabel("Grants").fill("invoices:read, reports:*");
  await submit("Create role");
  await page.getByRole("row", { name: /Reader invoices:read reports:\*/ }).waitFor();
  await dashboard.button("Actions for Reader").click();
  await page.keyboard.press("Enter");
  await dialog().getByLabel("Description").fill("For the accountants");
  await submit("Save");
  await page.getByRole("row", { name: /Reader For the accountants/ }).waitFor();
  await dashboard.button("Actions for Admin").click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await submit("Delete role");
  await page.getByRole("row", { name: /Admin/ }).waitFor({ state: "detached" });
});

test("a7_routes_are_a_draft_until_they_are_saved_and_what_is_wrong_is_named", async () => {
  await open("Routes");
  await page.getByRole("heading", { name: "No route yet: every request is refused" }).waitFor();
  await dashboard.button("Add route").click();
  await dialog().getByLabel("Path").fill("/v1/{network}/invoices");
  await dialog().getByLabel("Permission").fill("Invoices Read");
  await dialog().getByText("Networks and other constraints").click();
  await dialog().getByRole("button", { name: "Add constraint" }).click();
  await dialog().getByLabel("Constraint 1", { exact: true }).fill("network");
  await submit("Add route");
  await page.getByText("These changes are not saved yet.").waitFor();
  assert.deepEqual((await plane.api("GET", `/v1/keyspaces/${keyspace.id}/policy`)).routes, []);
  await dashboard.button("Save routes").click();
  await page.getByText(/route 1\/permission:/).waitFor();
  await page.getByRole("button", { name: "Edit /v1/{network}/invoices" }).click();
  await dialog().getByLabel("Permission").fill("invoices:read");
  await submit("Change route");
  await dashboard.button("Save routes").click();
  await page.getByText("The routes are saved.").first().waitFor();
  const [route] = (await plane.api("GET", `/v1/keyspaces/${keyspace.id}/policy`)).routes;
  assert.deepEqual([route.path, route.permission, route.constraints.network.in], ["/v1/{network}/invoices", "invoices:read", "path"]);
});

test("e6_a_request_is_tried_and_each_check_says_what_came_out", async () => {
  await createKey(plane, keyspace, { name: "Bookkeeper", permissions: ["invoices:read"], constraints: { network: ["preprod"] } });
  await page.reload();
  const tried = page.getByRole("region", { name: "Try a request" });
  await tried.getByLabel("Path").fill("/v1/mainnet/invoices");
  await dashboard.eventuallyAfter("Explain", tried.getByText(/It is refused: CONSTRAINT/));
  await tried.getByLabel("Path").fill("/v1/preprod/invoices");
  await dashboard.eventuallyAfter("Explain", tried.getByText(/It passes\./));
});

test("u1_an_upstream_credential_is_sealed_and_never_shown_again", async () => {
  await open("Upstream credentials");
  await page.getByText("Tell this keyspace its public half first.").waitFor();
  const { publicKey } = generateKeyPairSync("x25519");
  await plane.api("PATCH", `/v1/keyspaces/${keyspace.id}`, { gate_encryption_key: publicKey.export({ format: "jwk" }).x });
  await page.reload();
  await dashboard.button("Add credential").click();
  await dialog().getByLabel("Name").fill("blockfrost-mainnet");
  await dialog().getByLabel("Value", { exact: true }).fill("mainnet-secret-of-a-provider");
  await dialog().getByLabel("Header").fill("Not A Header");
  await submit("Add credential");
  await dialog().getByRole("alert").first().waitFor();
  await dialog().getByLabel("Header").fill("project_id");
  await submit("Add credential");
  await page.getByRole("row", { name: /blockfrost-mainnet project_id: ••••/ }).waitFor();
  await dashboard.keepsNowhere("mainnet-secret-of-a-provider");
});

test("k3_settings_are_saved_card_by_card", async () => {
  await open("Settings");
  const card = page.getByRole("region", { name: "Keys" });
  assert(await card.getByRole("button", { name: "Save" }).isDisabled(), "nothing differs yet");
  await card.getByLabel("Keys expire after").fill("0");
  await card.getByRole("button", { name: "Save" }).click();
  await card.getByRole("alert").first().waitFor();
  await card.getByLabel("Keys expire after").fill("30");
  await card.getByLabel("At most so many keys").fill("10");
  await card.getByRole("button", { name: "Save" }).click();
  await page.getByText("Keys: saved.").first().waitFor();
  const { default_expiry_days, quotas } = await plane.api("GET", `/v1/keyspaces/${keyspace.id}`);
  assert.deepEqual([default_expiry_days, quotas.keys], [30, 10]);
});

test("a5_production_is_off_until_what_it_needs_is_there", async () => {
  const production = page.getByRole("region", { name: "Production" });
  await production.getByText("A gate enforces them: missing").waitFor();
  assert(await production.getByRole("switch").isDisabled());
  await open("Gates");
  await dashboard.button("Add gate").click();
  await dialog().getByLabel("Address").fill("nowhere");
  await submit("Add gate");
  await dialog().getByRole("alert").first().waitFor();
  await dialog().getByLabel("Address").fill(SILENT_GATE);
  await submit("Add gate");
  await page.getByRole("row", { name: new RegExp(SILENT_GATE) }).waitFor();
  await page.getByText("unreachable").waitFor();
});

test("e2_the_key_that_signs_is_rotated_with_an_overlap", async () => {
  const card = page.getByRole("region", { name: "Signing keys" });
  await card.getByRole("row", { name: /current yes/ }).waitFor();
  await card.getByRole("button", { name: "Rotate" }).click();
  await submit("Begin rotation");
  await card.getByRole("row", { name: /taking over yes/ }).waitFor();
  const { trusted_keys } = await plane.api("GET", `/v1/keyspaces/${keyspace.id}/signing-keys`);
  await card.getByText(trusted_keys.join(",")).waitFor();
  await card.getByRole("button", { name: "Complete the rotation" }).click();
  await submit("Give up the old key");
  await card.getByRole("row", { name: /retired no/ }).waitFor();
});

test("g2_an_admin_key_is_made_with_few_rights_and_sees_no_more_than_they_allow", async () => {
  await open("Admin keys");
  await dashboard.button("Create admin key").click();
  await dialog().getByLabel("Name").fill("Auditor");
  await dialog().getByRole("checkbox", { name: "keyspaces:read", exact: true }).check();
  await dialog().getByRole("checkbox", { name: "keys:read", exact: true }).check();
  await submit("Create admin key");
  const auditor = await dialog().locator(".copy-line code").textContent();
  await dialog().getByLabel("I have stored it").check();
  await submit("Done");
  await page.getByRole("row", { name: /Auditor .* keyspaces:read keys:read/ }).waitFor();
  await dashboard.keepsNowhere(auditor);

  const other = await Dashboard.open(plane);
  try {
    await other.signIn(auditor);
    await other.go(`/keyspaces/${keyspace.id}/keys`);
    const links = await other.page.getByRole("navigation", { name: "Main" }).getByRole("link").allTextContents();
    assert.deepEqual(links, ["Keys", "Gates", "Snapshots", "Settings", "Keyspaces", "Key preview"]);
    assert.equal(await other.button("Create key").count(), 0);
    await other.page.getByRole("link", { name: "Bookkeeper" }).click();
    await other.page.getByText("About this key").waitFor();
    assert.equal(await other.button("Rotate").count(), 0);

    // Its sessions end with it.
    await page.getByRole("row", { name: /Auditor/ }).getByRole("button", { name: "Revoke…" }).click();
    await submit("Revoke admin key");
    await page.getByRole("row", { name: /Auditor/ }).waitFor({ state: "detached" });
    await other.page.getByRole("link", { name: "Keys" }).first().click();
    await other.page.getByText("Your session has ended.").waitFor();
  } finally {
    await other.close();
  }
});

test("a_keyspace_is_deleted_only_when_nothing_in_it_works_or_somebody_says_so", async () => {
  await page.goto(`${dashboard.base}/keyspaces/${keyspace.id}/settings`);
  await dashboard.button("Delete keyspace…").click();
  await submit("Delete keyspace");
  await dialog().getByRole("alert").waitFor();
  await dialog().getByLabel(/Also if keys in it still work/).check();
  await submit("Delete keyspace");
  await page.getByRole("heading", { name: "Create your first keyspace" }).waitFor();
  assert.deepEqual((await plane.api("GET", "/v1/keyspaces")).data, []);
});

test("d1_the_policy_of_the_pages_is_never_broken", () => {
  assert.deepEqual(dashboard.seen.faults, []);
});

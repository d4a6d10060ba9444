// Every screen in light and dark, on a desktop and a phone: nothing that axe calls serious, nothing that sticks out, and a photograph of each in
// target/screenshots for people to look at.
import { after, before, test } from "node:test";
import { Dashboard } from "../support/dashboard.mjs";
import { createKey } from "../support/processes.mjs";
import { System, reporting } from "../support/system.mjs";

const DAY_MS = 86_400_000;

let system, dashboard, page, path, keys;
before(async () => {
  system = await System.start({ vars: reporting, keyspace: { name: "Payments API", prefix: "pay", preset: "read-pay-admin" } });
  path = `/keyspaces/${system.keyspace.id}`;
  const { plane, gate } = system;
  await plane.api("PUT", `/v1/keyspaces/${system.keyspace.id}/policy`, {
    default: "deny",
    routes: [
      { method: "GET", path: "/v1/hello", permission: "hello:read" },
      { method: "POST", path: "/v1/hello", permission: "hello:write", environment: "live" },
      { method: "GET", path: "/v1/{network}/blocks/*", permission: "blocks:read", constraints: { network: { in: "path" } }, cost: [{ unit: "requests", amount: 2 }] },
    ],
  });
  const make = (name, settings) => createKey(plane, system.keyspace, { name, ...settings });
  const used = await system.admittedKey("/v1/hello", { name: "Checkout service", owner: "payments", tags: ["prod"], description: "Calls the API from the checkout." });
  keys = {
    used,
    narrow: await make("Mobile app", {
      credits: [{ unit: "requests", amount: 1_000 }],
      refills: [{ unit: "requests", amount: 1_000, every: "month", up_to: 2_000 }],
      rate_limits: [{ name: "burst", limit: 100, window_seconds: 60 }],
      constraints: { network: ["mainnet", "preprod"] },
      ip_rules: [{ action: "allow", cidr: "203.0.113.0/24", note: "office" }, { action: "deny", cidr: "2001:db8::/32" }],
    }),
    ending: await make("Nightly export", { owner: "data", expires_at: new Date(Date.now() + 3 * DAY_MS).toISOString() }),
    off: await make("Partner in trial", { enabled: false }),
    revoked: await make("Old partner"),
  };
  for (let number = 0; number < 12; number++) await gate.decision(number % 4 ? "/v1/hello" : "/v1/nothing", used.secret);
  await plane.api("POST", `/v1/keys/${used.id}:rotate`, {});
  await plane.api("DELETE", `/v1/keys/${keys.revoked.id}`, { reason: "admin", note: "The contract ended." });
  dashboard = await Dashboard.open(plane);
  ({ page } = dashboard);
});
after(async () => {
  await dashboard?.close();
  await system?.stop();
});

const dialog = (heading) => page.getByRole("dialog").getByRole("heading", { name: heading }).waitFor();

/** Opens one of the tools beside the list of keys. */
async function tool(name, heading) {
  await dashboard.button("More about keys").click();
  await page.getByRole("menuitem", { name }).click();
  await dialog(heading);
}

test("sign-in", async () => {
  await page.goto(`${dashboard.base}/`);
  await page.getByLabel("Admin key").waitFor();
  await dashboard.inspect("sign-in");
  await page.getByLabel("Admin key").fill("nonsense");
  await dashboard.button("Sign in").click();
  await page.getByRole("alert").waitFor();
  await dashboard.inspect("sign-in-refused");
  await dashboard.signIn();
});

/** Screens that an address leads to; `then` opens what the address does not. */
const SCREENS = {
  keyspaces: { at: () => "/" },
  "keyspace-create": { at: () => "/", then: async () => (await dashboard.button("Create keyspace").click(), dialog("Create keyspace")) },
  keys: { at: () => `${path}/keys` },
  "keys-all": { at: () => `${path}/keys?status=all` },
  "keys-none-match": { at: () => `${path}/keys?search=nothing+like+this` },
  "key-create": {
    at: () => `${path}/keys`,
    then: async () => {
      await dashboard.button("Create key").click();
      await page.getByRole("checkbox", { name: "ReadAndPay *:read *:pay" }).check();
      await dashboard.button("View permissions").click();
      await dashboard.settle();
    },
  },
  "key-create-limits": {
    at: () => `${path}/keys`,
    then: async () => {
      await dashboard.button("Create key").click();
      for (const part of ["Networks and other constraints", "Addresses", "Rate limits", "Credits"]) await page.getByRole("dialog").getByText(part, { exact: true }).click();
      for (const button of ["Add constraint", "Add rule", "Add rate limit"]) await dashboard.button(button).click();
      await page.getByRole("checkbox", { name: /Usage-limited/ }).check();
      await dashboard.button("Add refill").click();
    },
  },
  "key-secret": {
    at: () => `${path}/keys`,
    then: async () => {
      await dashboard.button("Create key").click();
      await page.getByRole("dialog").getByRole("button", { name: "Create key" }).click();
      await dialog(/is ready/);
    },
  },
  "keys-import": { at: () => `${path}/keys`, then: () => tool("Import keys…", /^Import keys/) },
  "keys-find": { at: () => `${path}/keys`, then: () => tool("Find by its token…", "Find a key by its token") },
  "keys-leaks": { at: () => `${path}/keys`, then: () => tool("Report leaked tokens…", "Report leaked tokens") },
  "key-overview": { at: () => `${path}/keys/${keys.used.id}` },
  "key-access": { at: () => `${path}/keys/${keys.narrow.id}/access` },
  "key-limits": { at: () => `${path}/keys/${keys.narrow.id}/limits` },
  "key-usage": { at: () => `${path}/keys/${keys.used.id}/usage` },
  "key-revoked": { at: () => `${path}/keys/${keys.revoked.id}` },
  "key-edit": { at: () => `${path}/keys/${keys.used.id}`, then: async () => (await dashboard.button("Edit").click(), dialog(/Edit/)) },
  "key-rotate": { at: () => `${path}/keys/${keys.used.id}`, then: async () => (await dashboard.button("Rotate").click(), dialog(/Rotate/)) },
  "key-revoke": {
    at: () => `${path}/keys/${keys.used.id}`,
    then: async () => {
      await dashboard.button("More actions").click();
      await page.getByRole("menuitem", { name: "Revoke…" }).click();
      await page.getByText(/let through in the last 24 hours/).waitFor();
    },
  },
  routes: { at: () => `${path}/routes` },
  "routes-explained": {
    at: () => `${path}/routes`,
    then: async () => {
      await page.getByLabel("Path").fill("/v1/testnet/blocks/7");
      await dashboard.button("Explain").click();
      await page.getByText(/It is refused/).waitFor();
    },
  },
  "route-edit": { at: () => `${path}/routes`, then: async () => (await page.getByRole("button", { name: "Edit /v1/{network}" }).click(), dialog("Change route")) },
  "routes-unsaved": { at: () => `${path}/routes`, then: () => page.getByRole("button", { name: "Remove /v1/hello" }).first().click() },
  roles: { at: () => `${path}/roles` },
  "role-create": { at: () => `${path}/roles`, then: async () => (await dashboard.button("Create role").click(), dialog("Create role")) },
  upstream: { at: () => `${path}/upstream` },
  gates: { at: () => `${path}/gates` },
  "gates-rotating": {
    at: () => `${path}/gates`,
    then: async () => {
      await system.plane.api("POST", `/v1/keyspaces/${system.keyspace.id}/signing-keys:rotate`, {});
      await page.reload();
      await page.getByText("Both keys sign now.").waitFor();
    },
  },
  snapshots: { at: () => `${path}/snapshots` },
  settings: { at: () => `${path}/settings` },
  "settings-emergency": { at: () => `${path}/settings`, then: async () => (await dashboard.button("Shut every key out…").click(), dialog(/^Shut every key/)) },
  "admin-keys": { at: () => "/admin-keys" },
  "admin-key-create": { at: () => "/admin-keys", then: async () => (await dashboard.button("Create admin key").click(), dialog("Create admin key")) },
  "not-found": { at: () => "/no/such/page" },
};

for (const [name, { at, then }] of Object.entries(SCREENS)) {
  test(name, async () => {
    await dashboard.go(at());
    await then?.();
    await dashboard.inspect(name);
  });
}

test("navigation on a phone", async () => {
  await dashboard.go(`${path}/keys`);
  await page.setViewportSize({ width: 375, height: 812 });
  await dashboard.button("Navigation").click();
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  await dashboard.isAccessible("navigation on a phone");
  await dashboard.photograph("navigation-phone-light", { fullPage: false });
});

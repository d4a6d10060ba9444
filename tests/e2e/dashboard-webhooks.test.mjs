// Webhooks by hand in a real browser: added, tried, looked into attempt by attempt, sent again, given a new secret, turned off and deleted.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startDashboard } from "../support/dashboard.mjs";
import { createKey, eventually } from "../support/processes.mjs";
import { Receiver, isSigned } from "../support/receiver.mjs";

/** A delivery has come and shows by then, on a slow machine too. */
const WITHIN_MS = 30_000;

let started, plane, keyspace, other, dashboard, page, receiver, secret;
before(async () => {
  started = await startDashboard({ env: { LATCHKEY_ALLOW_HTTP_LOOPBACK: "true" } });
  ({ plane, dashboard, page } = started);
  keyspace = await plane.api("POST", "/v1/keyspaces", { name: "Payments API" });
  other = await plane.api("POST", "/v1/keyspaces", { name: "Accounts API" });
  receiver = await Receiver.start();
  await dashboard.signIn();
});
after(async () => {
  await started?.stop();
  await receiver?.stop();
});

const dialog = () => page.getByRole("dialog");
const deliveries = () => page.getByRole("table", { name: "Deliveries" });

/** The secret that a dialog shows once; it closes only for who has stored it. */
async function storeSecret() {
  await dialog().getByText("Copy it now").waitFor();
  const shown = await dialog().locator(".copy-line code").textContent();
  assert.match(shown, /^whsec_[A-Za-z0-9+/]+=*$/);
  await dialog().getByLabel("I have stored it").check();
  await dialog().getByRole("button", { name: "Done" }).click();
  return shown;
}

test("w1_a_webhook_is_added_and_its_secret_shown_once", async () => {
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Webhooks" }).click();
  await page.getByRole("heading", { name: "Nobody is told of anything yet" }).waitFor();
  await dashboard.inspect("webhooks-none");
  await dashboard.button("Add webhook").click();
  await dialog().getByLabel("Address").fill("ftp://nowhere");
  await dialog().getByRole("button", { name: "Add webhook" }).click();
  await dialog().getByRole("alert").first().waitFor();
  assert.equal(await dialog().getByLabel("Address").getAttribute("aria-invalid"), "true");
  await dialog().getByLabel("Address").fill(receiver.url);
  await dialog().getByLabel("Description").fill("Tells the on-call channel");
  await dialog().getByLabel("key.created").check();
  await dashboard.inspect("webhook-add");
  await dialog().getByRole("button", { name: "Add webhook" }).click();
  secret = await storeSecret();
  await page.getByRole("heading", { name: receiver.url }).waitFor();
  await dashboard.keepsNowhere(secret);
});

test("w2_a_test_event_arrives_signed_and_the_attempt_says_what_came_back", async () => {
  await dashboard.button("Send test event").click();
  await eventually("the receiver has it", async () => receiver.received.length === 1, WITHIN_MS);
  assert(isSigned(receiver.received[0], secret));
  await eventually("the delivery shows", async () => {
    await dashboard.button("Refresh").click();
    return (await deliveries().getByRole("row", { name: /webhook\.test delivered 200/ }).count()) === 1;
  }, WITHIN_MS, 200);
  await deliveries().getByRole("button", { name: "webhook.test" }).click();
  await dialog().getByRole("row", { name: /200 .* thanks/ }).waitFor();
  assert.match(await dialog().locator("pre").textContent(), /"type": "webhook\.test"/);
  await dashboard.inspect("webhook-delivery");
});

test("w2_a_delivery_is_sent_again_under_the_same_id", async () => {
  await dialog().getByRole("button", { name: "Resend" }).click();
  await eventually("the receiver has it twice", async () => receiver.received.length === 2, WITHIN_MS);
  assert.equal(receiver.received[0].headers["webhook-id"], receiver.received[1].headers["webhook-id"]);
  await eventually("both attempts show", async () => (await dialog().getByRole("row", { name: /thanks/ }).count()) === 2, WITHIN_MS, 200);
  await dialog().getByRole("button", { name: "Close" }).last().click();
});

test("w2_a_receiver_that_fails_shows_as_failing", async () => {
  receiver.answer = () => 503;
  await createKey(plane, keyspace, { name: "Checkout" });
  await eventually("the failure shows", async () => {
    await dashboard.button("Refresh").click();
    return (await deliveries().getByRole("row", { name: /key\.created pending 503/ }).count()) === 1;
  }, WITHIN_MS, 200);
  await page.getByText("Nothing but failures since").waitFor();
  await dashboard.inspect("webhook");
});

test("w1_the_secret_is_replaced_and_both_sign_for_a_day", async () => {
  receiver.answer = () => 200;
  await dashboard.button("More actions").click();
  await page.getByRole("menuitem", { name: "Rotate secret…" }).click();
  await dialog().getByRole("button", { name: "Rotate secret" }).click();
  const renewed = await storeSecret();
  assert.notEqual(renewed, secret);
  const before = receiver.received.length;
  await dashboard.button("Send test event").click();
  const isTest = ({ event }) => event.type === "webhook.test";
  await eventually("the receiver has it", async () => receiver.received.slice(before).some(isTest), WITHIN_MS);
  const taken = receiver.received.slice(before).find(isTest);
  assert(isSigned(taken, secret) && isSigned(taken, renewed));
  await page.getByText("The old secret signs too").waitFor();
});

test("w1_a_webhook_is_changed_turned_off_and_deleted", async () => {
  await dashboard.button("More actions").click();
  await page.getByRole("menuitem", { name: "Edit…" }).click();
  await dialog().getByLabel("Everything").check();
  await dialog().getByLabel("All keyspaces that you reach").uncheck();
  assert(await dialog().getByRole("button", { name: "Save" }).isDisabled(), "of no keyspace there is nothing to hear");
  for (const name of ["Payments API", "Accounts API"]) await dialog().getByLabel(name).check();
  await dashboard.inspect("webhook-edit");
  await dialog().getByRole("button", { name: "Save" }).click();
  await page.getByText("everything", { exact: true }).waitFor();
  await dashboard.button("Turn off").click();
  await dashboard.button("Turn on").waitFor();
  const [webhook] = (await plane.api("GET", "/v1/webhooks")).data;
  assert.deepEqual([webhook.enabled, webhook.events, webhook.keyspaces], [false, ["*"], [keyspace.id, other.id]]);
  await dashboard.go("/webhooks");
  await page.getByRole("row", { name: /Tells the on-call channel Off all/ }).waitFor();
  await dashboard.inspect("webhooks");
  await page.getByRole("link", { name: receiver.url }).click();
  await dashboard.button("More actions").click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await dialog().getByRole("button", { name: "Delete webhook" }).click();
  await page.getByRole("heading", { name: "Nobody is told of anything yet" }).waitFor();
});

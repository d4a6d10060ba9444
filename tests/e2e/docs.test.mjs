// The docs page in a real browser: it shows every operation, sends what a person fills in, and asks nobody but its own server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openPage, startBrowser } from "../support/browser.mjs";
import { ControlPlane, temporaryFolder } from "../support/processes.mjs";

let folder, plane, browser, page, seen;
before(async () => {
  folder = await temporaryFolder();
  plane = await ControlPlane.start({ folder: folder.path });
  browser = await startBrowser();
  ({ page, seen } = await openPage(browser));
  await page.goto(`${plane.url}/docs`);
  await page.locator("details").first().waitFor();
});
after(async () => {
  await browser?.close();
  await plane?.stop();
  await folder?.remove();
});

/** Opens an operation, fills its form in, sends it, and returns what the page shows of the answer. */
async function send(operation, fields, body) {
  const shown = page.locator(`#${operation}`);
  await shown.locator("summary").click();
  for (const [name, value] of Object.entries(fields)) await shown.locator(`input[name="${name}"]`).fill(value);
  if (body) await shown.locator("textarea").fill(JSON.stringify(body));
  await shown.getByRole("button", { name: "Send" }).click();
  const answer = shown.locator("pre");
  await answer.filter({ hasText: "x-request-id" }).waitFor();
  return answer.textContent();
}

test("the page shows every operation of the document, and finds one by a word of it", async () => {
  const { paths } = await plane.api("GET", "/openapi.json");
  const operations = Object.values(paths).flatMap(Object.values);
  assert.equal(await page.locator("details").count(), operations.length);
  await page.locator("#find").fill("restore");
  assert.equal(await page.locator("details:visible").count(), 1);
  await page.locator("#find").fill("");
});

test("every operation has a form, with a body made of the document's examples where it takes one", async () => {
  await page.evaluate(() => document.querySelectorAll("details").forEach((shown) => (shown.open = true)));
  await page.waitForFunction(() => [...document.querySelectorAll("details")].every((shown) => shown.querySelector("form button")));
  const bodies = await page.locator("textarea").evaluateAll((texts) => texts.map((text) => JSON.parse(text.value)));
  assert(bodies.length > 10 && bodies.every((body) => Object.keys(body).length > 0), JSON.stringify(bodies));
  await page.evaluate(() => document.querySelectorAll("details").forEach((shown) => (shown.open = false)));
});

test("a request without an admin key is refused, and with one it does what it says", async () => {
  assert.match(await send("whoami", {}), /^401 /);
  await page.locator("#admin-key").fill(plane.adminKey);
  const made = await send("create_keyspace", {}, { name: "From the docs page" });
  assert.match(made, /^201 /);
  const [, id] = /"id": "(ks_[0-9a-z]+)"/.exec(made);
  assert.match(await send("get_keyspace", { keyspace_id: id }), /From the docs page/);
  assert.equal((await plane.api("GET", `/v1/keyspaces/${id}`)).name, "From the docs page");
});

test("the page asks nobody but its own server, keeps no admin key, and its policy lets no other script run", async () => {
  const strangers = seen.requests.filter(({ url }) => !url.startsWith(`${plane.url}/`));
  assert.deepEqual(strangers, []);
  assert(!seen.requests.some(({ url }) => url.includes(plane.adminKey)), "a key in an address ends up in logs");
  assert.deepEqual(seen.faults, []);
  const kept = await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie.length]);
  assert.deepEqual(kept, [0, 0, 0]);
  const ran = await page.evaluate(async () => {
    const script = document.createElement("script");
    script.textContent = "globalThis.strange = true";
    document.body.append(script);
    const reached = await fetch("http://127.0.0.1:9/").catch((error) => error.name);
    return [globalThis.strange ?? false, reached];
  });
  assert.deepEqual(ran, [false, "TypeError"]);
  for (const directive of ["script-src 'self'", "connect-src 'self'"]) {
    assert(seen.faults.some((fault) => fault.includes(directive)), seen.faults.join("\n"));
  }
});

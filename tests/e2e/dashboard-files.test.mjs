// What the control plane serves of the dashboard: which headers files have, how long they may be kept, and what is no file.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ControlPlane, temporaryFolder } from "../support/processes.mjs";

let folder, plane;
before(async () => {
  folder = await temporaryFolder();
  plane = await ControlPlane.start({ folder: folder.path });
});
after(async () => {
  await plane?.stop();
  await folder?.remove();
});

const ask = (path, headers = {}) => fetch(`${plane.url}${path}`, { headers, redirect: "manual" });

test("d1_every_page_may_load_from_its_own_server_alone_and_be_framed_by_nobody", async () => {
  for (const path of ["/dashboard/", "/dashboard/keyspaces/ks_0000000000001/keys"]) {
    const page = await ask(path);
    assert.equal(page.status, 200, path);
    assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
    const policy = page.headers.get("content-security-policy");
    for (const part of ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]) {
      assert(policy.includes(part), policy);
    }
    assert(!policy.includes("unsafe-inline") && !policy.includes("'unsafe-eval'"), policy);
    assert.equal(page.headers.get("x-content-type-options"), "nosniff");
    assert.equal(page.headers.get("referrer-policy"), "no-referrer");
    assert.equal(page.headers.get("cross-origin-opener-policy"), "same-origin");
    const text = await page.text();
    assert(!/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|https?:\/\//.test(text), text);
  }
});

test("d1_files_named_after_their_content_are_kept_for_good_and_all_others_asked_for_anew", async () => {
  const page = await ask("/dashboard/");
  assert.equal(page.headers.get("cache-control"), "no-cache");
  const known = await ask("/dashboard/", { "if-none-match": page.headers.get("etag") });
  assert.equal(known.status, 304);
  const [, script] = /src="(\/dashboard\/assets\/[^"]+\.js)"/.exec(await page.text());
  const file = await ask(script, { "accept-encoding": "identity" });
  assert.equal(file.headers.get("cache-control"), "public, max-age=31536000, immutable");
  assert.equal(file.headers.get("content-type"), "text/javascript; charset=utf-8");
  const squeezed = await ask(script, { "accept-encoding": "gzip" });
  assert.equal(squeezed.headers.get("content-encoding"), "gzip");
  assert.equal(await squeezed.text(), await file.text());
});

test("d1_what_is_no_file_is_not_found_and_a_browser_is_led_to_the_start", async () => {
  for (const path of ["/dashboard/assets/none.js", "/dashboard/none.txt", "/dashboard/.built-from", "/dashboard/..%2findex.html"]) {
    assert.equal((await ask(path)).status, 404, path);
  }
  const led = await ask("/", { accept: "text/html" });
  assert.deepEqual([led.status, led.headers.get("location")], [303, "/dashboard/"]);
  assert.match(await (await ask("/")).text(), /openapi\.json/);
});

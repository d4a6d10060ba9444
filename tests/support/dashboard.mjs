// The dashboard in a real browser: signed in, looked at by axe, and photographed.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { openPage, startBrowser } from "./browser.mjs";
import { ControlPlane, temporaryFolder } from "./processes.mjs";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const SCREENSHOTS = resolve("target/screenshots");
/** Something that a page does not show by then, it will not show. */
const PATIENCE_MS = 30_000;
const GRAVE = ["serious", "critical"];

/**
 * Starts a control plane in a folder of its own, and opens its dashboard in a browser where nobody is signed in. `env` is the control plane's, or a
 * function from the folder's path to it.
 */
export async function startDashboard({ env = {} } = {}) {
  const started = { folder: await temporaryFolder() };
  started.stop = async () => {
    await started.dashboard?.close();
    await started.plane?.stop();
    await started.folder.remove();
  };
  try {
    const { path } = started.folder;
    started.plane = await ControlPlane.start({ folder: path, env: typeof env === "function" ? await env(path) : env });
    started.dashboard = await Dashboard.open(started.plane);
    started.page = started.dashboard.page;
  } catch (error) {
    await started.stop();
    throw error;
  }
  return started;
}

export class Dashboard {
  static async open(plane, base = `${plane.url}/dashboard`) {
    const dashboard = new Dashboard();
    dashboard.base = base;
    dashboard.plane = plane;
    dashboard.browser = await startBrowser();
    Object.assign(dashboard, await openPage(dashboard.browser));
    dashboard.page.setDefaultTimeout(PATIENCE_MS);
    await dashboard.page.setViewportSize({ width: 1280, height: 860 });
    // A transition that is looked at half-way has the contrast of neither end.
    await dashboard.page.emulateMedia({ reducedMotion: "reduce" });
    return dashboard;
  }

  async signIn(adminKey = this.plane.adminKey) {
    await this.page.goto(`${this.base}/`);
    await this.page.getByLabel("Admin key").fill(adminKey);
    await this.page.getByRole("button", { name: "Sign in" }).click();
    await this.page.getByRole("navigation", { name: "Main" }).waitFor({ state: "attached" });
  }

  /** Goes to a page of the application, below its base. */
  async go(path) {
    await this.page.goto(this.base + path);
    await this.settle();
  }

  /** Waits until nothing is fetched any more for the first time. */
  async settle() {
    await this.page.waitForLoadState("networkidle");
    await this.page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
  }

  button(name, options = {}) {
    return this.page.getByRole("button", { name, exact: true, ...options });
  }

  /** Presses a button until its answer is there: what is published follows a change by a moment. */
  async eventuallyAfter(name, answer, withinMs = PATIENCE_MS) {
    const deadline = performance.now() + withinMs;
    for (;;) {
      await this.button(name).click();
      await this.page.waitForLoadState("networkidle");
      const isThere = await answer.waitFor({ timeout: 500 }).then(() => true, () => false);
      if (isThere) return;
      assert(performance.now() < deadline, `no such answer after ${name}`);
    }
  }

  /** A secret that the page has shown, or was given, is nowhere any more: not in the page, an address, storage, or a request's address. */
  async keepsNowhere(secret) {
    const kept = await this.page.evaluate(() => [document.documentElement.outerHTML, location.href, JSON.stringify({ ...localStorage, ...sessionStorage, state: history.state }), document.cookie].join("\n"));
    assert(!kept.includes(secret), "the page keeps a secret");
    const typed = await this.page.evaluate(() => [...document.querySelectorAll("input, textarea")].map(({ value }) => value).join("\n"));
    assert(!typed.includes(secret), "a field keeps a secret");
    assert(!this.seen.requests.some(({ url }) => url.includes(secret)), "an address ends up in logs");
  }

  /** Nothing that axe calls serious or critical, in the page as it is. */
  async isAccessible(what) {
    const axe = await readFile(AXE, "utf8");
    // By the debugger's way in: the page's own policy runs no script of ours.
    await this.page.evaluate(axe);
    const { violations } = await this.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    const grave = violations.filter(({ impact }) => GRAVE.includes(impact));
    const said = grave.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map(({ html, any }) => `${html} ${any[0]?.message ?? ""}`).join("\n  ")}`);
    assert.equal(said.length, 0, `${what}:\n${said.join("\n")}`);
  }

  async photograph(name, { fullPage = true } = {}) {
    await mkdir(SCREENSHOTS, { recursive: true });
    await this.page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage, animations: "disabled" });
  }

  /** The page in both schemes and on a desktop and a phone, each looked at by axe and photographed. */
  async inspect(name) {
    for (const [screen, width, height] of [["desktop", 1280, 860], ["phone", 375, 812]]) {
      await this.page.setViewportSize({ width, height });
      for (const theme of ["light", "dark"]) {
        await this.paint(theme);
        await this.isAccessible(`${name}, ${screen}, ${theme}`);
        await this.fits(`${name}, ${screen}`);
        await this.photograph(`${name}-${screen}-${theme}`);
      }
    }
    await this.page.setViewportSize({ width: 1280, height: 860 });
    await this.paint("light");
  }

  /** Changes the scheme, and waits until it is seen: even the shortest transition takes a frame. */
  async paint(theme) {
    await this.page.evaluate(
      (wanted) =>
        new Promise((done) => {
          document.documentElement.dataset.theme = wanted;
          requestAnimationFrame(() => requestAnimationFrame(done));
        }),
      theme,
    );
    await this.page.waitForFunction(() => document.getAnimations().every(({ playState }) => playState !== "running"));
  }

  /** Nothing sticks out to the side: a phone would scroll there. */
  async fits(what) {
    const [content, screen] = await this.page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert(content <= screen, `${what}: ${content} px wide on ${screen} px`);
  }

  async close() {
    await this.browser?.close();
  }
}

// Chromium, without a window and without a way to anywhere but this machine.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const PLACES = [process.env.LATCHKEY_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export async function startBrowser() {
  const executablePath = PLACES.find((place) => place && existsSync(place));
  if (!executablePath) throw new Error("Chromium is missing: cargo xtask setup installs it on Debian, or LATCHKEY_CHROMIUM names it");
  const args = ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"];
  // Its own sandbox does not work for root, which is who runs tests in a container.
  if (process.getuid?.() === 0) args.push("--no-sandbox");
  return chromium.launch({ executablePath, args });
}

/** A page that keeps account of what it did: requests, errors, and what its content security policy refused. */
export async function openPage(browser) {
  const page = await browser.newPage();
  const seen = { requests: [], faults: [] };
  page.on("request", (request) => seen.requests.push({ method: request.method(), url: request.url() }));
  page.on("pageerror", (error) => seen.faults.push(error.message));
  page.on("console", (message) => {
    // Chromium notes every answer that is an error, wanted or not.
    const isAnswer = message.text().startsWith("Failed to load resource: the server responded with a status of");
    if (message.type() === "error" && !isAnswer) seen.faults.push(message.text());
  });
  return { page, seen };
}

// An S3 server of its own for a test: moto, which `cargo xtask setup` installs. It can check signatures, and a proxy in front of it can cut requests.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { request as forward } from "node:http";
import { resolve } from "node:path";
import { freePort } from "./ports.mjs";
import { eventually } from "./processes.mjs";
import { startServer } from "./server.mjs";

const MOTO = resolve("target/latchkey/python/bin/moto_server");
const READY_WITHIN_MS = 60_000;
/** What is done before requests must be signed, beside the buckets: making the user, its access key and its policy. */
const USER_CALLS = 3;
const EVERYTHING = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });

export async function startS3(...buckets) {
  const port = await freePort();
  const env = { ...process.env, INITIAL_NO_AUTH_ACTION_COUNT: String(USER_CALLS + buckets.length) };
  const child = spawn(MOTO, ["-H", "127.0.0.1", "-p", String(port)], { env, stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (text) => (log += text));
  const spawned = await Promise.race([once(child, "spawn").then(() => true), once(child, "error").then(() => false)]);
  if (!spawned) throw new Error("moto_server is missing: cargo xtask setup installs it");
  const origin = `http://127.0.0.1:${port}`;
  const s3 = { origin, log: () => log };
  const stop = async () => {
    await proxy?.close();
    if (child.exitCode === null && child.kill("SIGKILL")) await once(child, "exit");
  };
  let proxy;
  try {
    await eventually("moto answers", () => fetch(`${origin}/moto-api/`).then(({ ok }) => ok, () => false), READY_WITHIN_MS, 100);
    Object.assign(s3, await makeUser(origin));
    for (const bucket of buckets) await expectOk(await fetch(`${origin}/${bucket}`, { method: "PUT" }));
    proxy = await startProxy(s3, port);
  } catch (error) {
    await stop();
    throw new Error(`moto: ${log.slice(-2_000)}`, { cause: error });
  }
  /** Whether requests are refused that are not signed as they should be. */
  s3.askForSignatures = async (wanted) => expectOk(await fetch(`${origin}/moto-api/reset-auth`, { method: "POST", body: wanted ? "0" : "inf" }));
  /** Lets everybody read a bucket's objects. */
  s3.makePublic = async (bucket) => {
    const statement = { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${bucket}/*` };
    const body = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    await expectOk(await fetch(`${origin}/${bucket}?policy`, { method: "PUT", body }));
  };
  return Object.assign(s3, { stop });
}

async function expectOk(response) {
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${text}`);
  return text;
}

async function makeUser(origin) {
  const iam = async (action, parameters) => {
    const headers = { host: "iam.amazonaws.com", authorization: "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request" };
    const body = new URLSearchParams({ Action: action, Version: "2010-05-08", UserName: "sink", ...parameters });
    const response = await fetch(origin, { method: "POST", headers: { ...headers, "content-type": "application/x-www-form-urlencoded" }, body });
    return expectOk(response);
  };
  await iam("CreateUser");
  const made = await iam("CreateAccessKey");
  await iam("PutUserPolicy", { PolicyName: "all", PolicyDocument: EVERYTHING });
  const found = (name) => new RegExp(`<${name}>([^<]+)<`).exec(made)[1];
  return { accessKeyId: found("AccessKeyId"), secretAccessKey: found("SecretAccessKey") };
}

/**
 * Between the sink and moto. `s3.fault(call)` says what to do to a request: "cut" drops it unread, "lost" hands it on and drops the answer,
 * {status, retryAfter} refuses it. `s3.hold(call, body)`: it is done once what this returns has come. `s3.objects` has what was written, as moto acknowledged it.
 */
async function startProxy(s3, port) {
  Object.assign(s3, { calls: [], objects: new Map(), fault: () => undefined, hold: () => undefined, onWrite: () => {} });
  const proxy = await startServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const path = decodeURIComponent(request.url.split("?")[0]);
    const call = { method: request.method, path, url: request.url, at: Date.now() };
    s3.calls.push(call);
    await s3.hold(call, body);
    const fault = s3.fault(call);
    if (fault === "cut") return void request.socket.destroy();
    if (fault?.status) return void response.writeHead(fault.status, fault.retryAfter ? { "retry-after": fault.retryAfter } : {}).end();
    const options = { host: "127.0.0.1", port, method: request.method, path: request.url, headers: request.headers };
    const handed = forward(options, async (answer) => {
      const told = [];
      for await (const chunk of answer) told.push(chunk);
      if (answer.statusCode < 300 && request.method === "PUT") {
        s3.objects.set(path, body);
        s3.onWrite(path);
      }
      if (answer.statusCode < 300 && request.method === "DELETE") s3.objects.delete(path);
      if (fault === "lost") return void request.socket.destroy();
      response.writeHead(answer.statusCode, answer.headers).end(Buffer.concat(told));
    });
    handed.on("error", () => request.socket.destroy());
    handed.end(body);
  });
  s3.endpoint = proxy.url;
  return proxy;
}

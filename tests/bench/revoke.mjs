// How long it takes from the API's answer to a create or a revoke until the gate decides by it: in the isolate that took the push, and in
// another one that learns of it by asking the relay, as isolates elsewhere do.
import { ControlPlane, Gate, Upstream, createKey, createKeyspace, eventually, freePort, gateVars, temporaryFolder } from "../support/processes.mjs";

const ROUNDS = Number(process.env.LATCHKEY_BENCH_ROUNDS ?? 120);
const HELLO = "/v1/hello";

const report = (name, value, extra) => console.log(JSON.stringify({ name, value, unit: "ms", ...extra }));

function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

async function main() {
  const folder = await temporaryFolder();
  const upstream = await Upstream.start();
  const plane = await ControlPlane.start({ folder: folder.path });
  const port = await freePort();
  const keyspace = await createKeyspace(plane, `http://127.0.0.1:${port}`);
  const gate = await Gate.start({ folder: folder.path, port, vars: await gateVars(plane, keyspace, upstream) });
  const took = { admit: [], revoke: [] };
  try {
    const until = async (secret, wanted) => {
      const start = performance.now();
      await eventually(`${wanted ? "admitted" : "refused"}`, async () =>
        ((await gate.decision(HELLO, secret)).code === "VALID") === wanted, 10_000, 1);
      return performance.now() - start;
    };
    const warm = await createKey(plane, keyspace);
    await until(warm.secret, true);
    for (let round = 0; round < ROUNDS; round++) {
      const key = await createKey(plane, keyspace);
      took.admit.push(await until(key.secret, true));
      await plane.api("DELETE", `/v1/keys/${key.id}`);
      took.revoke.push(await until(key.secret, false));
    }
  } finally {
    await gate.stop();
    await plane.stop();
    await upstream.stop();
    await folder.remove();
  }
  for (const [what, values] of Object.entries(took)) {
    values.sort((a, b) => a - b);
    const spread = { low: values[0], high: values.at(-1) };
    report(`${what}.p50_ms`, percentile(values, 0.5), { ...spread, note: `${ROUNDS} rounds` });
    report(`${what}.p99_ms`, percentile(values, 0.99), { ...spread, note: `${ROUNDS} rounds` });
  }
}

await main();

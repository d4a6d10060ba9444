// Load from wrk on Workers of one workerd.
import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

const SECONDS = Number(process.env.BENCH_SECONDS ?? 2);
const CONNECTIONS = 16;

export function requireWrk() {
  try {
    execFileSync("wrk", ["--version"], { stdio: "ignore" });
  } catch (error) {
    if (error.code === "ENOENT") throw new Error("wrk is missing; install it (Debian: apt-get install wrk)");
  }
}

/** Microseconds of processor time that a process has used. Unlike requests per second it does not change with what else the machine does. */
export function processorTime(pid) {
  if (process.platform !== "linux") return Number.NaN;
  // Fields 14 and 15 of proc(5), counted from behind the name, in ticks of 10 ms.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Requests per second, processor time of each, and whether the answers were all good or all refusals. */
export async function load(pid, url, headers) {
  const before = processorTime(pid);
  const args = ["-t1", `-c${CONNECTIONS}`, `-d${SECONDS}s`, ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]), url];
  const { stdout } = await promisify(execFile)("wrk", args);
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
  const total = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  if (!Number.isFinite(rate) || /Socket errors/.test(stdout)) throw new Error(`wrk against ${url}:\n${stdout}`);
  return { rate, cost: (processorTime(pid) - before) / total, allOk: refused === 0, allRefused: refused === total };
}

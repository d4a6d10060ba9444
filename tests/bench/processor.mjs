// What processes cost, as Linux counts it: unlike rates, that says what it does on a machine that others use too.
import { readFileSync } from "node:fs";

/** The name of a process or thread, and microseconds of processor time that it and the children that it waited for have used. */
export function processorTime(pid) {
  const [, name, rest] = /\((.*)\) (.*)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"));
  // Fields 14 to 17 of proc(5), counted from behind the name, in ticks of 10 ms.
  const [user, system, childUser, childSystem] = rest.split(" ").slice(11, 15).map(Number);
  return { name, own: (user + system) * 10_000, children: (childUser + childSystem) * 10_000 };
}

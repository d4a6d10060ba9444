// What keys are restricted to and what routes ask for, as spec/snapshot.md sections 4 and 6.1 write it.
import { text, u16, u32, u64, u8 } from "./encode.mjs";

const MODES = { local: 0, exact: 1 };
const SOURCES = { path: 0, header: 1, query: 2 };

const concat = (list) => Buffer.concat(list);
/** Objects as sorted [name, value] pairs. */
const sorted = (object) => Object.entries(object).sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
const present = (entries) => entries.filter(([, value]) => value !== undefined);

/**
 * A key's `ipRanges`: {v4: [[start, allow]], v6}, with starts as bytes, compiled already; `constraints`: {name: [value]}; `rateLimits`:
 * {name: {limit, window, mode}}; `credits`: {seq, granted: {unit: amount}}; `signing`: {required, keys: {id: 32 bytes}}.
 */
export function profileRestrictions({ ipRanges, constraints, rateLimits, credits, signing }) {
  return present([
    [0x81, ipRanges && concat([ranges(ipRanges.v4), ranges(ipRanges.v6)])],
    [0x82, constraints && concat(sorted(constraints).map(([name, values]) =>
      concat([text(u8, name), u8(values.length), ...[...values].sort().map((value) => text(u8, value))])))],
    [0x83, rateLimits && concat(sorted(rateLimits).map(([name, { limit, window, mode = "local" }]) =>
      concat([text(u8, name), u32(limit), u32(window), u8(MODES[mode])])))],
    [0x84, credits && concat([u64(credits.seq), ...sorted(credits.granted).map(([unit, amount]) => concat([text(u8, unit), u64(amount)]))])],
    [0x85, signing && concat([
      u8(signing.required ? 1 : 0, Object.keys(signing.keys).length),
      ...sorted(signing.keys).map(([id, publicKey]) => concat([text(u8, id), publicKey])),
    ])],
  ]);
}

const ranges = (list = []) => concat([u16(list.length), ...list.map(([start, allow]) => concat([Buffer.from(start), u8(allow ? 1 : 0)]))]);

/**
 * A route's `constraints`: {name: {in, name}}; `cost`: {unit: amount}; `rateCost`; `signature`: {required, nonce, maxAge, components};
 * `upstreamCredential`: its name.
 */
export function routeRestrictions({ constraints, cost, rateCost, signature, upstreamCredential }) {
  return present([
    [0x81, constraints && concat([u8(Object.keys(constraints).length), ...sorted(constraints).map(([name, source]) =>
      concat([text(u8, name), u8(SOURCES[source.in]), text(u8, source.name)]))])],
    [0x82, cost && concat(sorted(cost).map(([unit, amount]) => concat([text(u8, unit), u32(amount)])))],
    [0x83, rateCost === undefined || rateCost === 1 ? undefined : u32(rateCost)],
    [0x84, signature && signatureRule(signature)],
    [0x85, upstreamCredential && text(u8, upstreamCredential)],
  ]);
}

function signatureRule({ required = true, nonce = false, maxAge = 300, components = [] }) {
  return concat([
    u8((required ? 1 : 0) | (nonce ? 2 : 0)), u32(maxAge), u8(components.length), ...[...components].sort().map((name) => text(u8, name)),
  ]);
}

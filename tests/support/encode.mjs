// Snapshots written from spec/snapshot.md, without the Rust code: what the gate takes is what the specification says.
import { createHash, sign } from "node:crypto";
import { profileRestrictions, routeRestrictions } from "./restrictions.mjs";

export const ENVIRONMENTS = { any: 0, test: 1, live: 2 };
const NO_PERMISSION = 0xffff;
const DOMAIN = Buffer.from("latchkey head v1\0");

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
/** What a body is called in KV, in a bucket and at a web address. */
export const objectName = (body) => `obj/${sha256(body).toString("hex")}`;

export const u8 = (...values) => Buffer.from(values);
export const u16 = (value) => sized(2, (bytes) => bytes.writeUInt16LE(value));
const u24 = (value) => Buffer.from([value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff]);
export const u32 = (value) => sized(4, (bytes) => bytes.writeUInt32LE(value));
const u40 = (value) => sized(5, (bytes) => bytes.writeUIntLE(value, 0, 5));
export const u64 = (value) => sized(8, (bytes) => bytes.writeBigUInt64LE(BigInt(value)));
export const text = (length, value) => Buffer.concat([length(Buffer.byteLength(value)), Buffer.from(value)]);

function sized(length, write) {
  const bytes = Buffer.alloc(length);
  write(bytes);
  return bytes;
}

export const ref = (body) => Buffer.concat([sha256(body), u32(body.length)]);

/** Section 9. `entries`: [type, bytes], ascending. */
const tlv = (entries) => Buffer.concat(entries.map(([type, value]) => Buffer.concat([u8(type), u16(value.length), value])));

/** Section 4. */
function profile({ owner, grants = [], metadata, ...restrictions }) {
  const entries = [];
  if (owner !== undefined) entries.push([0x01, Buffer.from(owner)]);
  if (grants.length > 0) entries.push([0x03, Buffer.concat([...grants].sort().map((grant) => text(u8, grant)))]);
  if (metadata !== undefined) entries.push([0x04, Buffer.from(JSON.stringify(metadata))]);
  return tlv([...entries, ...profileRestrictions(restrictions)]);
}

function rowsAndProfiles(keys) {
  const profiles = [];
  const sorted = [...keys].sort((one, other) => Buffer.compare(one.tag, other.tag));
  const rows = sorted.map((key) => {
    const bytes = profile(key);
    let index = profiles.findIndex((known) => known.equals(bytes));
    if (index < 0) index = profiles.push(bytes) - 1;
    const flags = (key.environment === "live" ? 1 : 0) | (key.disabled ? 2 : 0) | (key.revoked ? 4 : 0);
    return Buffer.concat([key.tag, u64(key.number), u40(key.expiresAt ?? 0), u8(flags), u16(index)]);
  });
  let at = 0;
  const offsets = profiles.map((bytes) => {
    const offset = u32(at);
    at += bytes.length;
    return offset;
  });
  return { rows, profiles, section: Buffer.concat([...offsets, ...profiles]), length: at };
}

/** Section 5. */
export function segment({ keyspace, first, last, revokes = [], upserts = [] }) {
  const { rows, profiles, section, length } = rowsAndProfiles(upserts);
  const prefixes = revokes.map((tag) => tag.subarray(0, 8)).sort(Buffer.compare);
  return Buffer.concat([
    Buffer.from("LKSG"), u8(1, 0), u16(profiles.length), u64(keyspace), u64(first), u64(last),
    u32(prefixes.length), u32(0), u32(rows.length), u32(length),
    ...prefixes.map((prefix) => Buffer.concat([prefix, u24(1), u8(1)])),
    ...rows, section,
  ]);
}

/** Section 6. */
export function policy({ keyspace, routes, allowByDefault = false, decideFromExpired = false }) {
  const permissions = [...new Set(routes.map((route) => route.permission).filter(Boolean))].sort();
  const encoded = routes.map(({ method, path, permission, environment = "any", ...restrictions }) => {
    const extensions = tlv(routeRestrictions(restrictions));
    return Buffer.concat([
      text(u8, method), text(u16, path),
      u16(permission === undefined ? NO_PERMISSION : permissions.indexOf(permission)),
      u8(ENVIRONMENTS[environment]), u16(extensions.length), extensions,
    ]);
  });
  return Buffer.concat([
    Buffer.from("LKPO"), u8(1, allowByDefault ? 1 : 0, decideFromExpired ? 1 : 0, 0), u64(keyspace),
    u16(permissions.length), ...permissions.map((name) => text(u8, name)),
    u16(0), u16(encoded.length), ...encoded, u16(0),
  ]);
}

/** Section 7: shards, leaves and root of a base, root first. */
export function base({ keyspace, keys, shardBits = 0 }) {
  const shards = [];
  for (let number = 0; number < 2 ** shardBits; number++) {
    const inShard = keys.filter((key) => shardBits === 0 || key.tag.readUInt32BE(0) >>> (32 - shardBits) === number);
    shards.push(inShard.length === 0 ? null : shard({ keyspace, keys: inShard, shardBits, number }));
  }
  const leafBits = Math.min(shardBits, 10);
  const leaves = [];
  for (let number = 0; number < 2 ** (shardBits - leafBits); number++) {
    const entries = shards.slice(number * 2 ** leafBits, (number + 1) * 2 ** leafBits);
    leaves.push(page({ keyspace, level: 0, number, entries }));
  }
  return [page({ keyspace, level: 1, number: 0, entries: leaves }), ...leaves, ...shards.filter(Boolean)];
}

function shard({ keyspace, keys, shardBits, number }) {
  const { rows, profiles, section, length } = rowsAndProfiles(keys);
  return Buffer.concat([
    Buffer.from("LKSH"), u8(1, shardBits), u16(profiles.length), u64(keyspace), u32(number), u32(rows.length), u32(length),
    ...rows, section,
  ]);
}

function page({ keyspace, level, number, entries }) {
  const refs = entries.map((body) => (body === null ? Buffer.alloc(36) : ref(body)));
  return Buffer.concat([Buffer.from("LKIX"), u8(1, level), u16(refs.length), u64(keyspace), u32(number), ...refs]);
}

/** Section 3. `signers`: objects with `id` (8 bytes) and `privateKey`. */
export function head(fields, signers) {
  const ordered = [...signers].sort((one, other) => Buffer.compare(one.id, other.id));
  const signed = Buffer.concat([
    Buffer.from("LKHD"), u8(1, fields.pepperVersion ? 1 : 0, fields.pepperVersion ?? 0, ENVIRONMENTS[fields.environment]), u64(fields.keyspace),
    u32(fields.epoch), u64(fields.seq), u64(fields.changeSeq),
    u64(fields.issuedAt), u64(fields.freshUntil), u64(fields.validUntil), u64(fields.keyCount ?? 0), Buffer.alloc(32),
    ref(fields.policy), u64(fields.baseChangeSeq), u8(fields.shardBits), ref(fields.root),
    u8(fields.segments.length), ...fields.segments.map(({ body, last }) => Buffer.concat([ref(body), u64(last)])),
    u16(0), u8(ordered.length), ...ordered.map(({ id }) => id),
  ]);
  const message = Buffer.concat([DOMAIN, signed]);
  return Buffer.concat([signed, ...ordered.map(({ privateKey }) => sign(null, message, privateKey))]);
}

/** Section 8. */
export function bundle(headBytes, bodies, { commit = true } = {}) {
  return Buffer.concat([
    Buffer.from("LKBU"), u8(1, commit ? 1 : 0), u16(headBytes.length), headBytes, u16(bodies.length),
    ...bodies.map((body) => Buffer.concat([u32(body.length), body])),
  ]);
}

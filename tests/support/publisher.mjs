// A publisher in the small: keys in memory, snapshots out of them. It stands in for the control plane where a test needs bytes that the real
// one would never send.
import { generateKeyPairSync } from "node:crypto";
import * as encode from "./encode.mjs";
import { idText, newToken, tagOf } from "./token.mjs";

export class SigningKey {
  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const raw = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
    this.privateKey = privateKey;
    this.id = encode.sha256(raw).subarray(0, 8);
    this.text = `ed25519:${raw.toString("base64url")}`;
  }
}

export class Publisher {
  keyspace = 4_096n + BigInt(Math.floor(Math.random() * 1e9));
  environment = "any";
  signer = new SigningKey();
  epoch = 1;
  seq = 0;
  changeSeq = 1;
  validSeconds = 3_600;
  shardBits = 0;
  /** {version, key} for tags under a pepper. */
  pepper = null;
  routes = [
    { method: "GET", path: "/v1/hello", permission: "hello:read" },
    { method: "*", path: "/open/*" },
    { method: "POST", path: "/admin", permission: "admin:write" },
    { method: "GET", path: "/live", environment: "live" },
  ];
  #keys = [];
  #segments = [];
  #number = 1_000n;
  #baseKeys = null;

  get keyspaceId() {
    return idText("ks", this.keyspace);
  }

  /** What a head is called where snapshots are copied to. */
  get headName() {
    return `head/${this.keyspaceId}/${this.environment}`;
  }

  /** What the gate is configured with. */
  get settings() {
    return {
      LATCHKEY_KEYSPACE: this.keyspaceId,
      LATCHKEY_ENVIRONMENT: this.environment,
      LATCHKEY_TRUSTED_KEYS: this.signer.text,
    };
  }

  /** Makes a key; it is in the next base, or in a segment if there is a base already. */
  addKey({ environment = "test", grants = ["hello:*"], ...rest } = {}) {
    const token = newToken("demo", environment);
    const number = this.#number++;
    const key = { token, tag: tagOf(token, this.pepper?.key), number, id: idText("key", number), environment, grants, ...rest };
    this.#keys.push(key);
    if (this.#baseKeys !== null) this.#change({ upserts: [key] });
    return key;
  }

  /** Changes what a key is, as far as its row and profile say it. */
  change(key, changes) {
    Object.assign(key, changes);
    this.#change({ upserts: [key] });
  }

  revoke(key) {
    this.#keys = this.#keys.filter((other) => other !== key);
    this.#change({ revokes: [key.tag] });
  }

  /** Folds all changes into a new base. */
  compact() {
    this.#baseKeys = null;
    this.#segments = [];
  }

  /** The parts of the next head, which tests may then spoil. */
  next(overrides = {}) {
    this.#baseKeys ??= { keys: [...this.#keys], changeSeq: this.changeSeq };
    const policy = encode.policy({ keyspace: this.keyspace, routes: this.routes });
    const base = encode.base({ keyspace: this.keyspace, keys: this.#baseKeys.keys, shardBits: this.shardBits });
    const now = Math.floor(Date.now() / 1_000);
    const fields = {
      environment: this.environment, keyspace: this.keyspace, epoch: this.epoch, seq: ++this.seq, changeSeq: this.changeSeq,
      issuedAt: now, freshUntil: now + Math.min(90, this.validSeconds), validUntil: now + this.validSeconds,
      keyCount: this.#baseKeys.keys.length, policy, baseChangeSeq: this.#baseKeys.changeSeq,
      shardBits: this.shardBits, pepperVersion: this.pepper?.version, root: base[0], segments: this.#segments, ...overrides,
    };
    const bodies = [policy, ...this.#segments.map(({ body }) => body), ...base];
    return { fields, bodies, head: encode.head(fields, [this.signer]) };
  }

  /** A bundle with the head and everything that it leads to. */
  bundle(overrides) {
    const { head, bodies } = this.next(overrides);
    return encode.bundle(head, bodies);
  }

  #change(changes) {
    const first = this.changeSeq;
    const last = ++this.changeSeq;
    this.#segments.push({ body: encode.segment({ keyspace: this.keyspace, first, last, ...changes }), last });
    // The format allows eight; folding keeps long tests going.
    if (this.#segments.length > 8) this.compact();
  }
}

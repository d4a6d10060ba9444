// All that a story needs, wired together: a control plane with one keyspace, the keyspace's gate in workerd, and an upstream behind it.
import { freePort } from "./ports.mjs";
import { ControlPlane, Gate, Upstream, createKey, createKeyspace, eventually, gateVars, temporaryFolder } from "./processes.mjs";

const ADMITTED_WITHIN_MS = 20_000;

export class System {
  /**
   * `env` is the control plane's, `keyspace` holds settings, `policy` replaces the two routes of `createKeyspace`, and `vars` are more of the
   * gate's, or a function from the system so far to them.
   */
  static async start({ env, keyspace, policy, vars } = {}) {
    const system = new System();
    try {
      await system.#start({ env, keyspace, policy, vars });
    } catch (error) {
      await system.stop();
      throw error;
    }
    return system;
  }

  async #start({ env, keyspace, policy, vars = {} }) {
    this.folder = await temporaryFolder();
    this.upstream = await Upstream.start();
    this.plane = await ControlPlane.start({ folder: this.folder.path, env });
    this.gatePort = await freePort();
    this.keyspace = await createKeyspace(this.plane, `http://127.0.0.1:${this.gatePort}`, keyspace);
    if (policy) await this.plane.api("PUT", `/v1/keyspaces/${this.keyspace.id}/policy`, policy);
    const more = typeof vars === "function" ? await vars(this) : vars;
    this.vars = { ...(await gateVars(this.plane, this.keyspace, this.upstream)), ...more };
    await this.startGate();
  }

  /** Starts the gate at its old port, with what it stored there or in another `folder`. */
  async startGate({ folder = this.folder } = {}) {
    this.gate = await Gate.start({ folder: folder.path, port: this.gatePort, vars: this.vars });
  }

  /** Starts the control plane again, with its database and at its old port. */
  async startPlane({ env, ready } = {}) {
    const { port, adminKey } = this.plane;
    this.plane = await ControlPlane.start({ folder: this.folder.path, port, adminKey, env, ready });
  }

  /** A key that a gate admits at `path`, also one that has just started. */
  async admittedKey(path = "/v1/hello", settings) {
    const key = await createKey(this.plane, this.keyspace, settings);
    const admitted = async () => (await this.gate.decision(path, key.secret)).code === "VALID";
    await eventually("the key is admitted", admitted, ADMITTED_WITHIN_MS);
    return key;
  }

  async stop() {
    await this.gate?.stop();
    await this.plane?.stop();
    await this.upstream?.stop();
    await this.folder?.remove();
  }
}

/** For `vars`: the gate reports its requests, and what they spent, to the control plane. */
export async function reporting({ plane, keyspace }) {
  const reporter = await plane.api("POST", "/v1/admin-keys", { name: "gate", scopes: ["usage:write"], keyspaces: [keyspace.id] });
  return { LATCHKEY_CONTROL_PLANE_URL: plane.url, LATCHKEY_USAGE_KEY: reporter.secret };
}

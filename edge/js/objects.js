// The Durable Object classes that the runtime sees. They have the two handlers and no other method, and do not extend DurableObject, so there is
// nothing to call by RPC. Their Rust halves belong to one Wasm instance and are made again after a panic.

import * as instance from "./instance.js";

const durableObject = (makeRust) =>
  class {
    #ctx;
    #env;
    #rust = null;
    #generation = -1;

    constructor(ctx, env) {
      this.#ctx = ctx;
      this.#env = env;
    }

    async fetch(request) {
      return this.#run((rust) => rust.fetch(request));
    }

    async alarm() {
      return this.#run((rust) => rust.alarm());
    }

    async #run(work) {
      try {
        if (this.#rust === null || this.#generation !== instance.generation) {
          this.#rust = makeRust(this.#ctx, this.#env);
          this.#generation = instance.generation;
        }
        return await work(this.#rust);
      } catch (error) {
        instance.recover(error);
        throw error;
      }
    }
  };

export const Relay = durableObject(instance.newRelay);
export const Ledger = durableObject(instance.newLedger);

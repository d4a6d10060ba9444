// The Durable Object class that the runtime sees. It has the two handlers and no other method, and does not extend DurableObject, so there is
// nothing to call by RPC. Its Rust half belongs to one Wasm instance and is made again after a panic.

import * as instance from "./instance.js";

export class Relay {
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
        this.#rust = instance.newRelay(this.#ctx, this.#env);
        this.#generation = instance.generation;
      }
      return await work(this.#rust);
    } catch (error) {
      instance.recover(error);
      throw error;
    }
  }
}

// What the disk does by itself: 4 KiB written and flushed, over and over, as the least that a durable commit can cost.
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";

const BLOCK = Buffer.alloc(4_096, 0x4c);
/** The file is as large as SQLite lets its log grow (1,000 pages) and written round and round, as that log is. */
const BLOCKS = 1_000;

export class Disk {
  #file;
  #next = 0;

  constructor(path) {
    this.#file = openSync(path, "w");
    for (let block = 0; block < BLOCKS; block++) writeSync(this.#file, BLOCK, 0, BLOCK.length, block * BLOCK.length);
    fsyncSync(this.#file);
  }

  /** Milliseconds that each flush took, in rising order. */
  flushFor(milliseconds) {
    const took = [];
    const end = performance.now() + milliseconds;
    for (let start = performance.now(); start < end; start = performance.now()) {
      writeSync(this.#file, BLOCK, 0, BLOCK.length, (this.#next++ % BLOCKS) * BLOCK.length);
      fsyncSync(this.#file);
      took.push(performance.now() - start);
    }
    return took.sort((a, b) => a - b);
  }

  close() {
    closeSync(this.#file);
  }
}

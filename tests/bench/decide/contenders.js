// What is measured, apart from any runtime: Node and workerd run this same code. A contender is a function that makes so many calls.
const INPUT_BYTES = 16_384;

/** A validator with a whole snapshot in memory, and tokens of some of its keys, from the bytes of the files that describe it. */
export function load(wasm, { trust, bundle, bodies, tokens, request }) {
  const { audience, trusted_keys, issued_at } = JSON.parse(text(trust));
  const validator = new wasm.Validator(audience, trusted_keys);
  must(validator.load(bundle, issued_at));
  const lengths = new DataView(bodies.buffer, bodies.byteOffset, bodies.byteLength);
  for (let at = 0; at < bodies.length; ) {
    const end = at + 4 + lengths.getUint32(at, true);
    must(validator.supply(bodies.subarray(at + 4, end)));
    at = end;
  }
  const list = text(tokens).split("\n");
  // A power of two, so that picking one costs a mask and not a division.
  const sample = list.slice(0, 2 ** Math.floor(Math.log2(list.length)));
  return { validator, tokens: sample, now: issued_at, request: JSON.parse(text(request)) };
}

const text = (bytes) => new TextDecoder().decode(bytes);

function must(refusal) {
  if (refusal !== undefined) throw new Error(`the snapshot was refused: ${refusal}`);
}

/** The hot path as a Worker runs it: header, method, target and address to Wasm memory by charCodeAt, a number comes back. */
export function latchkey(wasm, { validator, tokens, now, request: { method, target, address } }) {
  const headers = tokens.map((token) => `Bearer ${token}`);
  const memory = wasm.wasmMemory();
  let input = new Uint8Array(0);
  const write = (bytes, text, at) => {
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
    return at + text.length;
  };
  return (calls) => {
    for (let i = 0; i < calls; i++) {
      const header = headers[i & (headers.length - 1)];
      // Memory that has grown leaves the old view with no bytes.
      if (input.byteLength === 0) input = new Uint8Array(memory.buffer, validator.inputOffset(), INPUT_BYTES);
      write(input, address, write(input, target, write(input, method, write(input, header, 0))));
      if (validator.decidePacked(header.length, method.length, target.length, now, address.length) !== 1) {
        throw new Error("a key of the snapshot was denied");
      }
    }
  };
}

/** One SHA-256 block in a Wasm module that does nothing else. */
export function floor(module) {
  const { memory, input_offset, sha256_block } = new WebAssembly.Instance(module, {}).exports;
  const input = new Uint8Array(memory.buffer, input_offset(), 55);
  let sum = 0;
  return (calls) => {
    for (let i = 0; i < calls; i++) {
      input[0] = i;
      sum ^= sha256_block();
    }
    return sum;
  };
}

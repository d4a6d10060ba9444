// Address rules and constraints at the gate, in real workerd: what each key may do follows from the snapshot alone.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { bearer, startGate } from "../support/gate.mjs";
import { Publisher } from "../support/publisher.mjs";

const v4 = (...starts) => starts.map(([address, allow]) => [address.split(".").map(Number), allow]);
const v6 = (...starts) => starts.map(([hex, allow]) => [Buffer.from(hex.padEnd(32, "0"), "hex"), allow]);
/** allow 192.0.2.0/25, allow 2001:db8::/32, and so nothing else. */
const OFFICE = {
  v4: v4(["0.0.0.0", false], ["192.0.2.0", true], ["192.0.2.128", false]),
  v6: v6(["00", false], ["20010db8", true], ["20010db9", false]),
};
const reads = (place, name = "network") => ({ network: { in: place, name } });

const publisher = new Publisher();
publisher.routes = [
  { method: "GET", path: "/free" },
  { method: "GET", path: "/path/{network}/tip", constraints: reads("path") },
  { method: "GET", path: "/header", constraints: reads("header", "x-network") },
  { method: "GET", path: "/query", constraints: reads("query") },
  { method: "GET", path: "/files/*" },
  { method: "GET", path: "/files/private", permission: "files:private" },
];
const keys = {
  anywhere: publisher.addKey(),
  office: publisher.addKey({ ipRanges: OFFICE }),
  mainnet: publisher.addKey({ constraints: { network: ["Mainnet", "Main net"] } }),
  nothing: publisher.addKey({ constraints: { network: [] } }),
};

async function code(response) {
  const body = response.headers.get("content-type") === "application/problem+json" ? await response.json() : null;
  return body === null ? response.status : `${response.status} ${body.code}`;
}

describe("address rules", () => {
  let atCloudflare, behindProxies;

  before(async () => {
    atCloudflare = await startGate(publisher);
    behindProxies = await startGate(publisher, { vars: { LATCHKEY_CLIENT_ADDRESS_HEADER: "X-Forwarded-For", LATCHKEY_TRUSTED_HOPS: "2" } });
    for (const gate of [atCloudflare, behindProxies]) await gate.publish();
  });
  after(() => Promise.all([atCloudflare?.close(), behindProxies?.close()]));

  const from = async (gate, key, headers) => code(await gate.fetch("/free", { headers: { ...bearer(key), ...headers } }));

  test("a6: a key is good only from the addresses that its rules allow", async () => {
    for (const [address, expected] of [
      ["192.0.2.1", 200], ["192.0.2.127", 200], ["192.0.2.128", "403 IP_DENIED"], ["198.51.100.1", "403 IP_DENIED"],
      ["::ffff:192.0.2.1", 200], ["::ffff:192.0.2.200", "403 IP_DENIED"], ["2001:db8::1", 200], ["2001:db9::", "403 IP_DENIED"],
    ]) {
      assert.equal(await from(atCloudflare, keys.office, { "cf-connecting-ip": address }), expected, address);
    }
    assert.equal(await from(atCloudflare, keys.anywhere, { "cf-connecting-ip": "198.51.100.1" }), 200);
  });

  test("a6: without an address that can be read, a key with rules is denied and others are not", async () => {
    for (const headers of [{}, { "cf-connecting-ip": "" }, { "cf-connecting-ip": "unknown" }, { "cf-connecting-ip": "192.0.2.1:443" }, { "x-forwarded-for": "192.0.2.1" }]) {
      assert.equal(await from(atCloudflare, keys.office, headers), "403 IP_DENIED", JSON.stringify(headers));
      assert.equal(await from(atCloudflare, keys.anywhere, headers), 200);
    }
  });

  test("a6: behind proxies the address is the one that the outermost trusted proxy saw, not one that the caller wrote", async () => {
    for (const [list, expected] of [
      ["192.0.2.1, 10.0.0.1", 200],
      ["198.51.100.1, 192.0.2.1, 10.0.0.1", 200],
      ["192.0.2.1, 198.51.100.1, 10.0.0.1", "403 IP_DENIED"],
      ["192.0.2.1", "403 IP_DENIED"],
      [`${"192.0.2.1, ".repeat(400)}198.51.100.1, 10.0.0.1`, "403 IP_DENIED"],
      [`${"198.51.100.1, ".repeat(400)}192.0.2.1, 10.0.0.1`, 200],
    ]) {
      assert.equal(await from(behindProxies, keys.office, { "x-forwarded-for": list }), expected, list.slice(-60));
    }
    assert.equal(await from(behindProxies, keys.office, { "cf-connecting-ip": "192.0.2.1" }), "403 IP_DENIED");
  });
});

describe("constraints", () => {
  let gate;

  before(async () => {
    gate = await startGate(publisher);
    await gate.publish();
  });
  after(() => gate?.close());

  const ask = async (key, path, headers) => code(await gate.fetch(path, { headers: { ...bearer(key), ...headers } }));
  const DENIED = "403 CONSTRAINT_DENIED";

  test("a4: a key keeps to its values in path, header and query", async () => {
    for (const [path, headers, expected] of [
      ["/path/Mainnet/tip", {}, 200],
      ["/path/Main%20net/tip", {}, 200],
      ["/path/Preprod/tip", {}, DENIED],
      ["/path/mainnet/tip", {}, DENIED],
      ["/header", { "x-network": "Mainnet" }, 200],
      ["/header", { "X-Network": " Mainnet " }, 200],
      ["/header", { "x-network": "Preprod" }, DENIED],
      ["/header", { "x-network": "Mainnet, Preprod" }, DENIED],
      ["/header", {}, DENIED],
      ["/query?network=Mainnet", {}, 200],
      ["/query?page=2&network=Main+net#network=Preprod", {}, 200],
      ["/query?network=Preprod", {}, DENIED],
      ["/query", {}, DENIED],
      ["/free?network=Preprod", { "x-network": "Preprod" }, 200],
    ]) {
      assert.equal(await ask(keys.mainnet, path, headers), expected, `${path} ${JSON.stringify(headers)}`);
    }
  });

  test("a4: what the upstream could read otherwise than the gate is denied", async () => {
    for (const query of [
      "network=Mainnet&network=Preprod", "network=Preprod&network=Mainnet", "network=Mainnet&network[]=Preprod", "network=Mainnet&Network=Preprod",
      "network=Mainnet&%6eetwork=Preprod", "network=Mainnet;network=Preprod", "network=%4Dainnet%00", "network=Mainnet%zz", "%256eetwork=Preprod&network=Mainnet",
      `network=Mainnet&${"x".repeat(4_096)}`, `${"x".repeat(4_090)}&network=Mainnet`, `${"x".repeat(4_080)}&network=Mainnet&network=Preprod`,
    ]) {
      assert.equal(await ask(keys.mainnet, `/query?${query}`), DENIED, query.slice(0, 80));
    }
    assert.equal(await ask(keys.mainnet, "/query?network=%4Dainnet"), 200);
  });

  test("a4: a value that is cut on its way into the gate does not become an allowed one", async () => {
    const long = { "x-network": `Mainnet${"x".repeat(100)}` };
    assert.equal(await ask(keys.mainnet, "/header", long), DENIED);
    assert.equal(await ask(keys.mainnet, "/header", { "x-network": "Mainnet\u00e9" }), DENIED);
    assert.equal(await ask(keys.anywhere, "/header", long), 200);
  });

  test("a4: keys without the constraint pass with any value, keys limited to nothing with none", async () => {
    for (const path of ["/path/x/tip", "/header", "/query", "/query?network=a&network=b"]) {
      assert.equal(await ask(keys.anywhere, path), 200, path);
      assert.equal(await ask(keys.nothing, path), DENIED, path);
    }
    assert.equal(await ask(keys.nothing, "/free"), 200);
  });

  test("a4: the query that was checked is the query that is forwarded", async () => {
    await ask(keys.mainnet, "/query?a=%2e%2e/&network=Main+net&b=%20");
    assert.equal(gate.upstream.last().url, "/query?a=%2e%2e/&network=Main+net&b=%20");
  });

  test("a7: no spelling of a path reaches a route that its key may not use", async () => {
    const target = "/files/private";
    const spellings = [
      target, "/files/private/", "/files//private", "//files/private", "/./files/private", "/files/./private", "/files/x/../private", "/files/x/%2e%2e/private",
      "/files/x/..%2fprivate", "/files/%70rivate", "/files/%2570rivate", "/files%2fprivate", "/files%2Fprivate", "/files\\private", "/files%5cprivate",
      "/files/private;x=y", "/files/private%3bx", "/files/private%00", "/files/private%20", "/files/private%2f", "/files/private/.", "/files/private/%2e",
      "/FILES/private", "/files/private?x", "/files/private#x", "/files/pr\u0131vate", "http://gate/files/private",
    ];
    for (const path of spellings) {
      const seen = gate.upstream.requests.length;
      const status = await raw(path);
      const forwarded = gate.upstream.requests.slice(seen).map(({ url }) => url);
      // What passes is below /files and is forwarded as something that no usual step of tidying turns into the private one.
      if (status === 200) {
        assert.equal(forwarded.length, 1, path);
        assert.ok(!tidied(forwarded[0]).includes(target), `${path} was forwarded as ${forwarded[0]}`);
      } else {
        assert.deepEqual(forwarded, [], path);
        assert.ok([400, 403, 404].includes(status), `${path}: ${status}`);
      }
    }
  });

  /** Every reading of a path that a usual upstream might make. */
  function tidied(path) {
    const decode = (text) => {
      try {
        return decodeURIComponent(text);
      } catch {
        return text;
      }
    };
    const once = decode(path.split(/[?#]/)[0]);
    return [path, once, decode(once)].map((text) => {
      const plain = text.replaceAll("\\", "/").replace(/;[^/]*/g, "").replace(/\0.*/, "").replaceAll(" ", "_");
      return new URL(plain.replace(/\/+/g, "/"), "http://x").pathname.replace(/\/$/, "");
    });
  }

  /** The status of a request whose target goes out as it is. */
  function raw(path) {
    const { hostname, port } = new URL(gate.url);
    const lines = [`GET ${path} HTTP/1.1`, "Host: gate", `Authorization: Bearer ${keys.anywhere.token}`, "Connection: close", "", ""];
    return new Promise((done, fail) => {
      const socket = connect(Number(port), hostname, () => socket.end(lines.join("\r\n")));
      let answer = "";
      socket.setEncoding("latin1").on("data", (piece) => (answer += piece));
      socket.on("error", fail);
      socket.on("close", () => done(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 400)));
    });
  }
});

test("a new policy is read by the very next request: other headers, and queries", async () => {
  const changing = new Publisher();
  changing.routes = [{ method: "GET", path: "/a" }];
  const key = changing.addKey({ constraints: { network: ["Mainnet"] } });
  const gate = await startGate(changing);
  try {
    const ask = async (path, headers) => code(await gate.fetch(path, { headers: { ...bearer(key), ...headers } }));
    await gate.publish();
    assert.equal(await ask("/a?network=x"), 200);
    changing.routes = [{ method: "GET", path: "/a", constraints: reads("query") }];
    await gate.publish();
    assert.equal(await ask("/a?network=x"), "403 CONSTRAINT_DENIED");
    assert.equal(await ask("/a?network=Mainnet"), 200);
    changing.routes = [{ method: "GET", path: "/a", constraints: reads("header", "x-one") }];
    await gate.publish();
    assert.equal(await ask("/a", { "x-one": "Mainnet" }), 200);
    changing.routes = [{ method: "GET", path: "/a", constraints: { network: { in: "header", name: "x-two" } } }];
    await gate.publish();
    assert.equal(await ask("/a", { "x-one": "Mainnet" }), "403 CONSTRAINT_DENIED");
    assert.equal(await ask("/a", { "x-two": "Mainnet" }), 200);
  } finally {
    await gate.close();
  }
});

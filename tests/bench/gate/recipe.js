// The recipe that a Worker would use without Latchkey: WebCrypto digest, a Map of digests, a few headers. No routes, no permissions, no expiry.
let keys;

export default {
  async fetch(request, env) {
    keys ??= new Map([[env.KEY_DIGEST, { id: "key_1", owner: "acme" }]]);
    const header = request.headers.get("authorization");
    if (header === null || !header.startsWith("Bearer ")) return refuse("MISSING_KEY");
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(header.slice(7)));
    const key = keys.get(new Uint8Array(digest).toHex());
    if (key === undefined) return refuse("NOT_FOUND");
    const headers = new Headers(request.headers);
    headers.delete("authorization");
    headers.set("latchkey-key-id", key.id);
    headers.set("latchkey-owner", key.owner);
    return env.UPSTREAM.fetch(request, { headers });
  },
};

const refuse = (code) =>
  Response.json({ status: 401, code }, { status: 401, headers: { "content-type": "application/problem+json", "www-authenticate": "Bearer" } });

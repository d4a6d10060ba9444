// The obvious way to count credits exactly: one Durable Object call for each request. It knows one key, checks no token and no route.
export class Ledger {
  #sql;

  constructor(ctx) {
    this.#sql = ctx.storage.sql;
    this.#sql.exec("CREATE TABLE IF NOT EXISTS credits (spent INTEGER NOT NULL)");
    this.#sql.exec("INSERT INTO credits SELECT 0 WHERE NOT EXISTS (SELECT * FROM credits)");
  }

  fetch() {
    const { rowsWritten } = this.#sql.exec("UPDATE credits SET spent = spent + 1 WHERE spent < 1000000000000");
    return new Response(null, { status: rowsWritten > 0 ? 204 : 402 });
  }
}

// Not used; workerd is told of it along with the other.
export class Relay {}

export default {
  async fetch(request, env) {
    const answer = await env.LEDGER.getByName("key").fetch("https://ledger/");
    if (answer.status !== 204) return new Response(null, { status: 402 });
    const outgoing = new Request(request);
    outgoing.headers.delete("authorization");
    return env.UPSTREAM.fetch(outgoing);
  },
};

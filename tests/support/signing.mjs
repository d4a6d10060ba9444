// RFC 9421 with Ed25519 and RFC 9530, written from the RFCs for node:crypto: a second opinion on what the gate verifies.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign as signBytes } from "node:crypto";

/** A key pair: the private half as node:crypto has it, the public one as its 32 bytes. */
export function newKeyPair() {
  return pairOf(generateKeyPairSync("ed25519").privateKey);
}

export function keyPairFromSeed(seed) {
  // PKCS#8 around the 32 bytes.
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  return pairOf(createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
}

function pairOf(privateKey) {
  const publicKey = Buffer.from(createPublicKey(privateKey).export({ format: "jwk" }).x, "base64url");
  return { privateKey, publicKey };
}

/** `request`: {method, url, fields}, where `fields` has a [name, value] for each line. */
export function parts({ method = "GET", url, fields = [] }) {
  const { protocol, host } = new URL(url);
  const target = url.slice(url.indexOf("/", url.indexOf("//") + 2));
  return { method, scheme: protocol.slice(0, -1), authority: host, target, fields };
}

/** The text of `Content-Digest`. */
export const contentDigest = (body, algorithm = "sha-256") =>
  `${algorithm}=:${createHash(algorithm.replace("-", "")).update(body).digest("base64")}:`;

/**
 * The two fields that sign `request` (see `parts`). `components` are names, or [name, {parameter: value}]. `parameters` are numbers, which become
 * integers, and strings, in the order in which they stand.
 */
export function sign(request, { pair, components, parameters, label = "sig1" }) {
  const list = listText(components, parameters);
  const base = signatureBase(request, components, list);
  const signature = signBytes(null, Buffer.from(base), pair.privateKey).toString("base64");
  return [["signature-input", `${label}=${list}`], ["signature", `${label}=:${signature}:`]];
}

export const listText = (components, parameters) =>
  `(${components.map(identifier).join(" ")})${parametersText(parameters)}`;

export function signatureBase(request, components, list) {
  const lines = components.map((component) => `${identifier(component)}: ${valueOf(request, component)}`);
  return [...lines, `"@signature-params": ${list}`].join("\n");
}

const identifier = (component) =>
  typeof component === "string" ? `"${component}"` : `"${component[0]}"${parametersText(component[1])}`;

const parametersText = (parameters) =>
  Object.entries(parameters)
    .map(([name, value]) => `;${name}${value === true ? "" : `=${typeof value === "number" ? value : JSON.stringify(value)}`}`)
    .join("");

function valueOf(request, component) {
  const [name, parameters = {}] = typeof component === "string" ? [component] : component;
  const { method, scheme, authority, target } = request;
  const query = target.indexOf("?");
  switch (name) {
    case "@method": return method;
    case "@scheme": return scheme;
    case "@authority": return authority;
    case "@target-uri": return `${scheme}://${authority}${target}`;
    case "@request-target": return target;
    case "@path": return query < 0 ? target : target.slice(0, query);
    case "@query": return query < 0 ? "?" : target.slice(query);
    case "@query-param": return queryParameter(target.slice(query + 1), parameters.name);
    default: return fieldValue(request.fields, name);
  }
}

function queryParameter(query, name) {
  const [, value] = [...new URLSearchParams(query)].find(([known]) => formEncode(known) === name);
  return formEncode(value);
}

const formEncode = (text) => encodeURIComponent(text).replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function fieldValue(fields, name) {
  const lines = fields.filter(([known]) => known === name).map(([, value]) => value.trim());
  if (lines.length === 0) throw new Error(`the request has no ${name}`);
  return lines.join(", ");
}

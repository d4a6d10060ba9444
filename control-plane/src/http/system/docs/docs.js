"use strict";
// Everything from the document goes in as text, never as markup.

const METHODS = ["get", "post", "put", "patch", "delete"];

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** A value with every property that a schema documents, made of the examples. */
function example(api, schema = {}) {
  if (schema.example !== undefined) return schema.example;
  if (schema.examples) return schema.examples[0];
  if (schema.$ref) return example(api, api.components.schemas[schema.$ref.split("/").pop()]);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => example(api, part)));
  const one = (schema.oneOf ?? schema.anyOf)?.find((part) => part.type !== "null");
  if (one) return example(api, one);
  if (schema.properties) {
    return Object.fromEntries(Object.entries(schema.properties).map(([name, part]) => [name, example(api, part)]));
  }
  if (schema.items) return [example(api, schema.items)];
  return null;
}

function field(parameter) {
  const input = element("input", { name: parameter.name, required: Boolean(parameter.required) });
  input.dataset.in = parameter.in;
  const label = element("label", {}, parameter.name, parameter.required ? " *" : "", input);
  if (parameter.description) label.append(element("small", { textContent: parameter.description }));
  return label;
}

function request(form, method, path) {
  const query = new URLSearchParams();
  const headers = {};
  let target = path;
  for (const input of form.querySelectorAll("input[data-in]")) {
    if (input.dataset.in === "path") target = target.replace(`{${input.name}}`, encodeURIComponent(input.value));
    else if (input.value && input.dataset.in === "query") query.set(input.name, input.value);
    else if (input.value) headers[input.name] = input.value;
  }
  const adminKey = document.getElementById("admin-key").value.trim();
  if (adminKey) headers.authorization = `Bearer ${adminKey}`;
  const body = form.querySelector("textarea");
  if (body?.value.trim()) headers["content-type"] = body.dataset.kind;
  const url = query.size > 0 ? `${target}?${query}` : target;
  return [url, { method: method.toUpperCase(), headers, body: body?.value.trim() || undefined, cache: "no-store" }];
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function send(form, method, path, output) {
  output.hidden = false;
  output.textContent = "…";
  try {
    const answer = await fetch(...request(form, method, path));
    const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    output.textContent = `${answer.status} ${answer.statusText}\n${headers}\n\n${pretty(await answer.text())}`;
  } catch (error) {
    output.textContent = `The server did not answer: ${error.message}`;
  }
}

function tryIt(api, method, path, operation) {
  const output = element("pre", { hidden: true });
  output.setAttribute("aria-live", "polite");
  const form = element("form", {}, ...(operation.parameters ?? []).map(field));
  const [kind, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (kind) {
    const text = element("textarea", { value: JSON.stringify(example(api, content.schema), null, 2), spellcheck: false });
    text.dataset.kind = kind;
    form.append(element("label", {}, `Body (${kind})`, text));
  }
  form.append(element("button", { textContent: "Send" }), output);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form, method, path, output);
  });
  return form;
}

function show(api, method, path, operation) {
  const scope = operation.security?.[0]?.admin_key?.join(", ") ?? "";
  const summary = element(
    "summary", {},
    element("span", { className: "method", textContent: method.toUpperCase() }),
    element("code", { textContent: path }), ` ${operation.summary ?? ""} `,
    element("span", { className: "scope", textContent: scope }),
  );
  const shown = element("details", { id: operation.operationId }, summary);
  shown.dataset.words = `${method} ${path} ${operation.summary} ${operation.operationId} ${scope}`.toLowerCase();
  // Forms are made when they are looked at: there are many.
  shown.addEventListener("toggle", () => {
    if (shown.childElementCount > 1) return;
    if (operation.description) shown.append(element("p", { textContent: operation.description }));
    shown.append(tryIt(api, method, path, operation));
  });
  return shown;
}

function sections(api) {
  const byTag = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((method) => item[method])) {
      const tag = item[method].tags?.[0] ?? "other";
      if (!byTag.has(tag)) byTag.set(tag, []);
      byTag.get(tag).push(show(api, method, path, item[method]));
    }
  }
  return [...byTag].map(([tag, shown]) => element("section", {}, element("h2", { textContent: tag }), ...shown));
}

async function start() {
  const main = document.getElementById("operations");
  try {
    const api = await (await fetch("/openapi.json")).json();
    document.getElementById("about").textContent = api.info.description;
    main.replaceChildren(...sections(api));
  } catch (error) {
    main.textContent = `/openapi.json could not be read: ${error.message}`;
  }
  document.getElementById("find").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const shown of main.querySelectorAll("details")) shown.hidden = !shown.dataset.words.includes(wanted);
  });
}

start();

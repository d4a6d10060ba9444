"""What schemathesis must be told beside the document: what objects there are, where gates may be, and what NDJSON is."""

import json
import os

import schemathesis

NDJSON = "application/x-ndjson"
# Nothing listens there: the control plane must not reach out to whatever address a fuzzer comes up with.
NO_GATE = r"^http://127\.0\.0\.1:9(/[a-z]{0,8})?$"

NO_RECEIVER = r"^https://[a-z]{1,8}\.invalid(/[a-z]{0,8})?$"


@schemathesis.hook
def before_load_schema(context, raw_schema):
    known = json.loads(os.environ["LATCHKEY_CONTRACT_KNOWN"])
    schemas = raw_schema["components"]["schemas"]
    schemas["GateUrl"].update(pattern=NO_GATE, examples=["http://127.0.0.1:9"])
    schemas["WebhookUrl"].update(pattern=NO_RECEIVER, examples=["https://hooks.invalid/"])
    # Nor to Cloudflare, Amazon and Google: only folders, which are refused where none is set aside.
    schemas["SinkInput"]["oneOf"] = schemas["SinkInput"]["oneOf"][:1]
    for name in ["TokenInput", "UpdateByTokenInput", "LeakInput", "VerifyInput"]:
        offer(schemas[name]["properties"], "token", known["tokens"])
    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            ids = {**known, **known["spare"]} if operation["operationId"] in known["ends"] else known
            for parameter in operation.get("parameters", []):
                # Left alone, schemathesis thinks of no If-Match that is right: it makes headers of letters and digits.
                values = ["*"] if parameter["name"] == "If-Match" else ids.get(parameter["name"], [])
                offer(parameter, "schema", values)
            for part in [operation.get("requestBody", {}), *operation["responses"].values()]:
                make_lines(part.get("content", {}))


def offer(holder, name, values):
    """Lets values be drawn that are known to stand for something: chance finds none."""
    if values:
        holder[name] = {"anyOf": [{"type": "string", "enum": values}, holder[name]]}


def make_lines(content):
    """The schema of NDJSON is that of a line; schemathesis knows no streams, but lists."""
    if NDJSON in content:
        content[NDJSON]["schema"] = {"type": "array", "items": content[NDJSON]["schema"]}


@schemathesis.serializer(NDJSON)
def write_lines(context, value):
    lines = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@schemathesis.deserializer(NDJSON)
def read_lines(context, response):
    return [json.loads(line) for line in response.content.splitlines()]

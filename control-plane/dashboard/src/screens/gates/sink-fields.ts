import type { Sink } from "../../lib/types";

export type SinkType = Sink["type"];
/** What is set of a sink besides its name, type and secret. */
export type FieldName = "account_id" | "namespace_id" | "api_base" | "bucket" | "prefix" | "region" | "endpoint" | "access_key_id" | "path";

interface Field {
  name: FieldName;
  label: string;
  optional?: boolean;
  placeholder?: string;
  hint?: string;
}

interface TypeOfSink {
  label: string;
  fields: Field[];
  /** What its secret is called there; without one it has none. */
  secret?: { label: string; hint: string };
}

const PREFIX: Field = { name: "prefix", label: "Prefix", optional: true, placeholder: "shop", hint: "Stands before the names of objects." };

export const TYPES: Record<SinkType, TypeOfSink> = {
  kv: {
    label: "Workers KV",
    fields: [
      { name: "account_id", label: "Account id", placeholder: "32 hexadecimal digits" },
      { name: "namespace_id", label: "Namespace id", placeholder: "32 hexadecimal digits" },
      { name: "api_base", label: "Address of the API", optional: true, placeholder: "https://api.cloudflare.com/client/v4" },
    ],
    secret: { label: "API token", hint: "One that may edit Workers KV Storage." },
  },
  s3: {
    label: "S3, R2 or what speaks S3",
    fields: [
      { name: "bucket", label: "Bucket", placeholder: "snapshots" },
      PREFIX,
      { name: "region", label: "Region", optional: true, placeholder: "us-east-1", hint: "auto for R2." },
      { name: "endpoint", label: "Endpoint", optional: true, placeholder: "https://….r2.cloudflarestorage.com", hint: "Left empty for Amazon." },
      { name: "access_key_id", label: "Access key id" },
    ],
    secret: { label: "Secret access key", hint: "It must be able to list, get, put and delete objects of the bucket." },
  },
  gcs: {
    label: "Google Cloud Storage",
    fields: [{ name: "bucket", label: "Bucket", placeholder: "snapshots" }, PREFIX],
    secret: { label: "Key of a service account", hint: "The JSON file as it was downloaded." },
  },
  folder: {
    label: "Folder of the server",
    fields: [{ name: "path", label: "Path", placeholder: "/var/lib/latchkey-sinks/shop", hint: "Below the control plane's setting sink_folder." }],
  },
};

/** Where a sink is, on one line. */
export function placeOf(sink: Sink): string {
  const object = [sink.bucket, sink.prefix].filter(Boolean).join("/");
  return `${sink.type}: ${sink.path ?? sink.namespace_id ?? object}`;
}

import { TextArea, TextField } from "../../../ui/field";
import type { Form } from "../../../lib/form";

/** What describes a key and decides nothing, as it is typed. */
export interface About {
  description: string;
  tags: string;
  metadata: string;
}

export function AboutFields({ about, onChange, form }: { about: About; onChange: (about: About) => void; form: Form }) {
  return (
    <>
      <TextArea label="Description" aside="optional" rows={2} maxLength={1000} value={about.description} onChange={(description) => onChange({ ...about, description })} error={form.at("description")} />
      <TextField label="Tags" aside="optional, with commas between" placeholder="team-a, staging" value={about.tags} onChange={(tags) => onChange({ ...about, tags })} error={form.at("tags")} />
      <TextArea
        label="Metadata"
        aside="optional, JSON"
        hint="Passed to the upstream with each request. No secrets: it is shown to whoever may read keys."
        mono
        rows={2}
        spellCheck={false}
        placeholder='{"plan": "pro"}'
        value={about.metadata}
        onChange={(metadata) => onChange({ ...about, metadata })}
        error={metadataFault(about.metadata) ?? form.at("metadata")}
      />
    </>
  );
}

/** @returns the object, or undefined when the text is none. */
export function metadataOf(text: string): Record<string, unknown> | undefined {
  if (!text.trim()) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function metadataFault(text: string): string | undefined {
  return metadataOf(text) ? undefined : 'This is not a JSON object such as {"plan": "pro"}.';
}

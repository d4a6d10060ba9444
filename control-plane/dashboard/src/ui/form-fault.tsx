import { inWords } from "../api/problem";
import { elsewhere, type Form } from "../lib/form";
import { Callout } from "./callout";

/** Why a form was not taken, unless a field beside it says so already. */
export function FormFault({ form, known }: { form: Form; known: readonly string[] }) {
  if (form.error === undefined) return null;
  const others = elsewhere(form.error, known);
  if (others?.size === 0) return <Callout tone="danger">Please look at the fields that are marked.</Callout>;
  return (
    <Callout tone="danger">
      <span>{inWords(form.error)}</span>
      {[...(others ?? [])].map(([field, message]) => (
        <span key={field}>
          <code>{field}</code>: {message}
        </span>
      ))}
    </Callout>
  );
}

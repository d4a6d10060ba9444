import { type FormEvent, useState } from "react";
import { ApiError, inWords } from "../../api/problem";
import { Brand } from "../../shell/shell";
import { Button } from "../../ui/button";
import { Callout } from "../../ui/callout";
import { TextField } from "../../ui/field";
import "./sign-in.css";

/** Exchanges an admin key for a session. The key stays in this form's memory, and only until it was taken. */
export function SignIn({ enter, ended }: { enter: (adminKey: string) => Promise<void>; ended: boolean }) {
  const [adminKey, setAdminKey] = useState("");
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string>();
  document.title = "Sign in · Latchkey";

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!adminKey.trim()) return setFault("Paste an admin key.");
    setBusy(true);
    try {
      await enter(adminKey.trim());
    } catch (error) {
      setFault(whyNot(error));
      setBusy(false);
    }
  };

  return (
    <main className="centred">
      <div className="sign-in">
        <Brand />
        <div className="card">
          <form className="card-body" onSubmit={(event) => void submit(event)} noValidate>
            <div>
              <h1>Sign in</h1>
              <p className="soft small">With an admin key of this control plane.</p>
            </div>
            {ended && !fault && <Callout tone="info">Your session has ended. Sign in again to go on.</Callout>}
            <TextField
              label="Admin key"
              type="password"
              name="admin-key"
              mono
              autoFocus
              autoComplete="current-password"
              spellCheck={false}
              value={adminKey}
              onChange={setAdminKey}
              error={fault}
              hint="It is exchanged for a session of this browser and is not kept."
            />
            <Button type="submit" look="primary" busy={busy}>
              Sign in
            </Button>
          </form>
        </div>
        <p className="soft small">
          The first admin key was printed when the control plane first started; whoever has it can make others, with only the rights that are needed.
        </p>
        <p className="soft small">
          To look into a key you need no admin key: <a href={`${import.meta.env.BASE_URL}preview/`}>key preview</a>.
        </p>
      </div>
    </main>
  );
}

function whyNot(error: unknown): string {
  if (error instanceof ApiError && error.status === 401) return "This is not a good admin key: it is mistyped, expired or revoked.";
  return inWords(error);
}

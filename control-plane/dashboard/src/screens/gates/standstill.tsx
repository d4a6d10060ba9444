import { useState } from "react";
import { api, take } from "../../api/client";
import { useSession } from "../../api/session";
import { useForm } from "../../lib/form";
import { inKeyspace } from "../../lib/keyspaces";
import { Ago, At } from "../../lib/time";
import type { Propagation } from "../../lib/types";
import { Button } from "../../ui/button";
import { Callout } from "../../ui/callout";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { useToasts } from "../../ui/toast";
import { RaiseEpoch } from "./raise-epoch";

interface StandstillProps {
  keyspaceId: string;
  progress: Propagation;
  /** Asks how it is now. */
  onDone: () => Promise<void>;
}

/** Why gates do not get what was changed, where that waits for a person. */
export function Standstill({ keyspaceId, progress: { held, paused, restored }, onDone }: StandstillProps) {
  const { may } = useSession();
  const [asked, setAsked] = useState<"override" | "raise" | "resume">();
  const close = () => setAsked(undefined);
  const mayWrite = may("keyspaces:write");
  return (
    <>
      {restored && (
        <Callout tone="danger">
          <span>
            <strong>Nothing of this keyspace is published.</strong> <code>{restored.place}</code> has snapshot {restored.seq.toLocaleString("en")} of epoch {restored.epoch}, which this database never
            signed: the database is an old copy, or somebody else has the signing key. Found <Ago at={restored.found_at} />, signed by {restored.signers.join(", ")}.
          </span>
          <span>
            {restored.lost_changes
              ? `The changes ${restored.lost_changes.after + 1} to ${restored.lost_changes.through} are lost with it, and keys that were revoked in them would work again.`
              : "It knows of no change that this database lacks."}{" "}
            If there is a newer copy of the database, put that in place instead.
          </span>
          {mayWrite && (
            <Button small onClick={() => setAsked("raise")}>
              Go on from this database…
            </Button>
          )}
        </Callout>
      )}
      {paused && (
        <Callout tone="danger">
          <span>
            <strong>Only revocations are published.</strong> Since <At at={paused.since} /> <code>{paused.gate}</code> refuses what was published, as <code>{paused.code}</code>: {paused.message}
            {paused.confirmed && " Our own check found fault with it too."}
          </span>
          <span>Gates go on by the last that they took. Mend what they refuse, by other routes or by newer gates, then publish everything again.</span>
          {mayWrite && (
            <Button small onClick={() => setAsked("resume")}>
              Publish everything…
            </Button>
          )}
        </Callout>
      )}
      {held && (
        <Callout tone="warn">
          <span>
            <strong>A new base is held back.</strong> It has {held.rows_after.toLocaleString("en")} keys where gates know {held.rows_before.toLocaleString("en")}. Revocations and small changes go on; the rest
            waits until somebody says that this is meant.
          </span>
          {mayWrite && (
            <Button small onClick={() => setAsked("override")}>
              Publish it…
            </Button>
          )}
        </Callout>
      )}
      {asked === "override" && held && <Override keyspaceId={keyspaceId} held={held} onClose={close} onDone={onDone} />}
      {asked === "resume" && <Resume keyspaceId={keyspaceId} onClose={close} onDone={onDone} />}
      {asked === "raise" && restored && <RaiseEpoch keyspaceId={keyspaceId} lost={restored.lost_changes ?? undefined} onClose={close} onDone={onDone} />}
    </>
  );
}

interface DialogProps {
  keyspaceId: string;
  onClose: () => void;
  onDone: () => Promise<void>;
}

function Override({ keyspaceId, held, onClose, onDone }: DialogProps & { held: NonNullable<Propagation["held"]> }) {
  const known = held.rows_before.toLocaleString("en");
  const publish = (reason: string) => take(api.POST("/v1/keyspaces/{keyspace_id}/snapshot:override", { ...inKeyspace(keyspaceId), body: { reason } }));
  return (
    <WithReason title={`Publish a base of ${held.rows_after.toLocaleString("en")} keys?`} action="Publish it" done="The base will be published." send={publish} onClose={onClose} onDone={onDone}>
      {held.reason === "shrink" ? `Gates know ${known}. Keys that are missing in it are refused from then on.` : `Gates know ${known}. If a script ran away, revoke what it made before this.`}
    </WithReason>
  );
}

function Resume({ keyspaceId, onClose, onDone }: DialogProps) {
  const resume = (reason: string) => take(api.POST("/v1/keyspaces/{keyspace_id}/snapshot:resume", { ...inKeyspace(keyspaceId), body: { reason } }));
  return (
    <WithReason title="Publish everything again?" action="Publish everything" done="Everything is published again." send={resume} onClose={onClose} onDone={onDone}>
      A new base is built and sent to every gate. If they refuse that too, publishing is paused again.
    </WithReason>
  );
}

interface WithReasonProps {
  title: string;
  action: string;
  /** What is said once it is done. */
  done: string;
  send: (reason: string) => Promise<unknown>;
  children: string;
  onClose: () => void;
  onDone: () => Promise<void>;
}

/** Asks for the reason that the audit log keeps. */
function WithReason({ title, action, done, send, children, onClose, onDone }: WithReasonProps) {
  const [reason, setReason] = useState("");
  const form = useForm();
  const toasts = useToasts();
  const go = () =>
    form.send(async () => {
      await send(reason.trim());
      onClose();
      toasts.say(done);
      await onDone();
    });
  return (
    <Dialog title={title} onClose={onClose} onSubmit={() => void go()} footer={<DialogButtons action={action} look="danger" busy={form.busy} disabled={!reason.trim()} onClose={onClose} />}>
      <p>{children}</p>
      <TextField label="Reason" aside="for the audit log" value={reason} onChange={setReason} maxLength={1000} error={form.at("reason")} autoFocus />
      <FormFault form={form} known={["reason"]} />
    </Dialog>
  );
}

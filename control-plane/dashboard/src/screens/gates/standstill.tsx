import { useState } from "react";
import { api, take } from "../../api/client";
import { useSession } from "../../api/session";
import { useForm } from "../../lib/form";
import { inKeyspace } from "../../lib/keyspaces";
import { Ago } from "../../lib/time";
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
export function Standstill({ keyspaceId, progress: { held, restored }, onDone }: StandstillProps) {
  const { may } = useSession();
  const [asked, setAsked] = useState<"override" | "raise">();
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
      {asked === "raise" && restored && <RaiseEpoch keyspaceId={keyspaceId} lost={restored.lost_changes ?? undefined} onClose={close} onDone={onDone} />}
    </>
  );
}

interface OverrideProps {
  keyspaceId: string;
  held: NonNullable<Propagation["held"]>;
  onClose: () => void;
  onDone: () => Promise<void>;
}

function Override({ keyspaceId, held, onClose, onDone }: OverrideProps) {
  const [reason, setReason] = useState("");
  const form = useForm();
  const toasts = useToasts();
  const publish = () =>
    form.send(async () => {
      await take(api.POST("/v1/keyspaces/{keyspace_id}/snapshot:override", { ...inKeyspace(keyspaceId), body: { reason: reason.trim() } }));
      onClose();
      toasts.say("The base will be published.");
      await onDone();
    });
  return (
    <Dialog
      title={`Publish a base of ${held.rows_after.toLocaleString("en")} keys?`}
      onClose={onClose}
      onSubmit={() => void publish()}
      footer={<DialogButtons action="Publish it" look="danger" busy={form.busy} disabled={!reason.trim()} onClose={onClose} />}
    >
      <p>
        {held.reason === "shrink"
          ? `Gates know ${held.rows_before.toLocaleString("en")}. Keys that are missing in it are refused from then on.`
          : `Gates know ${held.rows_before.toLocaleString("en")}. If a script ran away, revoke what it made before this.`}
      </p>
      <TextField label="Reason" aside="for the audit log" value={reason} onChange={setReason} maxLength={1000} error={form.at("reason")} autoFocus />
      <FormFault form={form} known={["reason"]} />
    </Dialog>
  );
}

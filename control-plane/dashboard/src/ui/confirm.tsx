import { type ReactNode, useState } from "react";
import { inWords } from "../api/problem";
import { Dialog, DialogButtons } from "./dialog";
import { Callout } from "./callout";

interface ConfirmProps {
  title: string;
  children: ReactNode;
  /** The verb that will happen: never "OK". */
  action: string;
  danger?: boolean;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

/** Asks before something stops working. Stays open with the reason when it did not happen. */
export function Confirm({ title, children, action, danger = false, onConfirm, onClose }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const confirm = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} footer={<DialogButtons action={action} look={danger ? "danger" : "primary"} busy={busy} onClose={onClose} />} onSubmit={() => void confirm()}>
      {children}
      {error !== undefined && <Callout tone="danger">{inWords(error)}</Callout>}
    </Dialog>
  );
}

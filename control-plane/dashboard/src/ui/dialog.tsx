import { type ComponentProps, type FormEvent, type ReactNode, useEffect, useId, useRef } from "react";
import { Button, IconButton } from "./button";
import "./dialog.css";

interface DialogProps {
  title: string;
  intro?: ReactNode;
  children: ReactNode;
  footer: ReactNode;
  wide?: boolean;
  onClose: () => void;
  /** Esc and the close button do nothing: there is something here that is shown once. */
  mustDecide?: boolean;
  /** The dialog is a form, and its primary button submits it. */
  onSubmit?: () => void;
}

/** The browser's own modal dialog: it keeps the focus inside, and gives it back to where it was. */
export function Dialog({ title, intro, children, footer, wide, onClose, mustDecide = false, onSubmit }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();

  useEffect(() => {
    const shown = dialog.current;
    if (!shown) return;
    const opener = document.activeElement;
    if (!shown.open) shown.showModal();
    return () => {
      shown.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);

  const content = (
    <>
      <div className="dialog-head">
        <div>
          <h2 id={titleId}>{title}</h2>
          {intro && <p>{intro}</p>}
        </div>
        {!mustDecide && <IconButton icon="close" label="Close" small onClick={onClose} />}
      </div>
      <div className="dialog-body">{children}</div>
      <div className="dialog-foot">{footer}</div>
    </>
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // A dialog inside of another form's component tree must not submit that one.
    event.stopPropagation();
    onSubmit?.();
  };
  return (
    <dialog
      ref={dialog}
      className={`dialog ${wide ? "dialog-wide" : ""}`}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        if (!mustDecide) onClose();
      }}
      onKeyDown={(event) => {
        // Chromium closes on the second Esc whatever `cancel` says.
        if (mustDecide && event.key === "Escape") event.preventDefault();
      }}
    >
      {onSubmit ? (
        <form onSubmit={submit} noValidate>
          {content}
        </form>
      ) : (
        content
      )}
    </dialog>
  );
}

interface DialogButtonsProps extends Pick<ComponentProps<typeof Button>, "look" | "busy" | "disabled"> {
  /** The verb that will happen: never "OK". */
  action: string;
  onClose: () => void;
}

/** The foot of a dialog that is a form: the way out, and the button that submits. */
export function DialogButtons({ action, look = "primary", busy, disabled, onClose }: DialogButtonsProps) {
  return (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button type="submit" look={look} busy={busy} disabled={disabled}>
        {action}
      </Button>
    </>
  );
}

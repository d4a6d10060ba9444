import { useEffect, useState } from "react";
import { Button, IconButton } from "./button";
import { useToasts } from "./toast";
import "./copy.css";

const SHOWN_FOR_MS = 2_000;

/** Puts a text on the clipboard, and says so for a moment. */
export function CopyButton({ text, label = "Copy", iconOnly = false }: { text: string; label?: string; iconOnly?: boolean }) {
  const [copied, setCopied] = useState(false);
  const toasts = useToasts();
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN_FOR_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => {
    // Without HTTPS and outside of localhost there is no clipboard at all.
    const written = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("no clipboard"));
    written.then(() => setCopied(true), () => toasts.fault(new Error("The browser does not let this page copy: select the text and copy it by hand.")));
  };
  if (iconOnly) return <IconButton small icon={copied ? "check" : "copy"} label={copied ? "Copied" : label} onClick={copy} />;
  return (
    <Button small icon={copied ? "check" : "copy"} onClick={copy}>
      <span aria-live="polite">{copied ? "Copied" : label}</span>
    </Button>
  );
}

/** A text to take along, in full, with its button. */
export function CopyLine({ text, label }: { text: string; label?: string }) {
  return (
    <div className="copy-line">
      <code>{text}</code>
      <CopyButton text={text} {...(label ? { label } : {})} />
    </div>
  );
}

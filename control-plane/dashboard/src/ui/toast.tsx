import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from "react";
import { inWords } from "../api/problem";
import { IconButton } from "./button";
import { Icon } from "./icon";
import "./toast.css";

interface Toast {
  id: number;
  fault: boolean;
  content: ReactNode;
}

interface Toasts {
  /** What came of an action. Goes by itself. */
  say: (content: ReactNode) => void;
  /** What did not work. Stays until it is closed. */
  fault: (error: unknown) => void;
}

const SHOWN_FOR_MS = 8_000;
const Context = createContext<Toasts | undefined>(undefined);
let lastId = 0;

export function useToasts(): Toasts {
  const toasts = useContext(Context);
  if (!toasts) throw new Error("useToasts outside of ToastProvider");
  return toasts;
}

export function ToastProvider({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<Toast[]>([]);
  const close = useCallback((id: number) => setShown((all) => all.filter((toast) => toast.id !== id)), []);
  const show = useCallback(
    (content: ReactNode, fault: boolean) => {
      const id = ++lastId;
      setShown((all) => [...all.slice(-3), { id, fault, content }]);
      if (!fault) setTimeout(() => close(id), SHOWN_FOR_MS);
    },
    [close],
  );
  const toasts = useMemo<Toasts>(() => ({ say: (content) => show(content, false), fault: (error) => show(inWords(error), true) }), [show]);
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Shown anew, so that it is above a dialog that opened meanwhile.
    frame.current?.hidePopover();
    if (shown.length > 0) frame.current?.showPopover();
  }, [shown]);
  return (
    <Context value={toasts}>
      {children}
      <p className="unseen" role="status">
        {shown.at(-1)?.content}
      </p>
      <div className="toasts" popover="manual" ref={frame}>
        {shown.map(({ id, fault, content }) => (
          <div key={id} className={`toast ${fault ? "toast-fault" : ""}`}>
            <Icon name={fault ? "alert" : "check"} />
            <span>{content}</span>
            <IconButton icon="close" label="Dismiss" small onClick={() => close(id)} />
          </div>
        ))}
      </div>
    </Context>
  );
}

import { useEffect, useRef, useState } from "react";
import { useTheme } from "../shell/theme";
import { IconButton } from "../ui/button";
import { Callout } from "../ui/callout";
import { hasControlPlane } from "./control-plane";
import { FoundCard } from "./found-card";
import { KeyCard } from "./key-card";
import { RequestCard } from "./request-card";
import type { Verified } from "./snapshot";
import { SnapshotCard } from "./snapshot-card";
import { readToken } from "./token";
import "../ui/page.css";
import "./preview.css";

/**
 * Looks into a key where it is pasted. The key itself stays in the text box: what the page keeps and shows is made of it, and no part of
 * the page that is kept, shown elsewhere or sent holds it.
 */
export function Preview() {
  const box = useRef<HTMLInputElement>(null);
  const [reading, setReading] = useState<ReturnType<typeof readToken>>();
  const [snapshot, setSnapshot] = useState<Verified>();
  const token = () => box.current?.value.trim() ?? "";

  const read = () => setReading(token() === "" ? undefined : readToken(token()));
  const clear = () => {
    if (box.current) box.current.value = "";
    setReading(undefined);
    box.current?.focus();
  };
  useClearedOnLeave(box);

  return (
    <div className="preview">
      <Header />
      <main className="page">
        <div className="page-head">
          <div>
            <h1>Key preview</h1>
            <p className="page-intro">Paste a key to see what it is, and, with a snapshot, what it may do: decided here in the page, by the code that gates run.</p>
          </div>
        </div>
        <Callout tone="good">
          <span>The key never leaves this page. It is not sent, not stored and not put into the address; the page's policy lets it reach no other server.</span>
        </Callout>
        <KeyCard box={box} reading={reading} onInput={read} onClear={clear} />
        <SnapshotCard snapshot={snapshot} onChange={setSnapshot} />
        {snapshot && reading && !reading.report.error && (
          <>
            <FoundCard key={`${snapshot.head.seq} ${reading.report.digest}`} snapshot={snapshot} token={token} />
            {snapshot.head.tagScheme === "sha256" && <RequestCard key={`request ${snapshot.head.seq} ${reading.report.digest}`} snapshot={snapshot} token={token} />}
          </>
        )}
      </main>
    </div>
  );
}

function Header() {
  const { theme, toggle } = useTheme();
  const label = theme === "dark" ? "Light colours" : "Dark colours";
  return (
    <header className="preview-head">
      <span className="preview-brand">
        <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width="26" height="26" />
        Latchkey
      </span>
      <span className="row">
        {hasControlPlane && <a href="../">Dashboard</a>}
        <IconButton icon={theme === "dark" ? "sun" : "moon"} label={label} onClick={toggle} />
      </span>
    </header>
  );
}

/** A browser keeps a page that is left, with what was typed, for the way back. */
function useClearedOnLeave(box: React.RefObject<HTMLInputElement | null>) {
  useEffect(() => {
    const forget = () => {
      if (box.current) box.current.value = "";
    };
    addEventListener("pagehide", forget);
    return () => removeEventListener("pagehide", forget);
  }, [box]);
}

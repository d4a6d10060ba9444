import { useState } from "react";
import { useSession } from "../../api/session";
import type { Keyspace } from "../../lib/keyspaces";
import { Menu, type MenuItem } from "../../ui/menu";
import { FindByToken } from "./find-by-token";
import { ImportKeys } from "./import";
import { ReportLeaks } from "./report-leaks";

type Asked = "find" | "leaks" | "import";

/** What is done with keys now and then. */
export function KeyTools({ keyspace, onChanged }: { keyspace: Keyspace; onChanged: () => void }) {
  const { may, session } = useSession();
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const items: MenuItem[] = [];
  if (may("keys:read")) items.push({ label: "Find by its token…", icon: "search", onSelect: () => setAsked("find") });
  if (may("keys:write")) items.push({ label: "Import keys…", icon: "down", onSelect: () => setAsked("import") });
  // Whose token was found is not known: the report concerns the whole workspace.
  if (may("keys:write") && !session.keyspaces) items.push({ label: "Report leaked tokens…", icon: "alert", danger: true, onSelect: () => setAsked("leaks") });
  return (
    <>
      <Menu label="More about keys" buttonClass="button button-secondary button-icon" items={items} />
      {asked === "find" && <FindByToken onClose={close} />}
      {asked === "leaks" && <ReportLeaks onClose={close} onReported={onChanged} />}
      {asked === "import" && <ImportKeys keyspace={keyspace} onClose={close} onImported={onChanged} />}
    </>
  );
}

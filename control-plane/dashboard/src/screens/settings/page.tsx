import { useState } from "react";
import { useLocation } from "wouter";
import { api, take } from "../../api/client";
import { ApiError } from "../../api/problem";
import { useSession } from "../../api/session";
import { inKeyspace, type Keyspace, useKeyspace } from "../../lib/keyspaces";
import { Button } from "../../ui/button";
import { LoadFault } from "../../ui/callout";
import { Confirm } from "../../ui/confirm";
import { Check } from "../../ui/field";
import { Card, Facts, Page } from "../../ui/page";
import { At } from "../../lib/time";
import { CopyButton } from "../../ui/copy";
import { NotFound } from "../not-found";
import { Emergency } from "./emergency";
import { KeyDefaults, General, Security, Freshness } from "./forms";
import { Production } from "./production";

/** How the keyspace behaves. Each card saves by itself. */
export function Settings({ keyspaceId }: { keyspaceId: string }) {
  const keyspace = useKeyspace(keyspaceId);
  const { may } = useSession();
  if (keyspace.error instanceof ApiError && keyspace.error.status === 404) return <NotFound />;
  const mayWrite = may("keyspaces:write");
  return (
    <Page title="Settings">
      {keyspace.error !== undefined && <LoadFault error={keyspace.error} retry={() => void keyspace.reload()} />}
      {keyspace.data && (
        <>
          <Production keyspaceId={keyspaceId} mayWrite={mayWrite} />
          <General keyspace={keyspace.data} onSaved={keyspace.set} mayWrite={mayWrite} />
          <KeyDefaults keyspace={keyspace.data} onSaved={keyspace.set} mayWrite={mayWrite} />
          <Freshness keyspace={keyspace.data} onSaved={keyspace.set} mayWrite={mayWrite} />
          <Security keyspace={keyspace.data} onSaved={keyspace.set} mayWrite={mayWrite} />
          <About keyspace={keyspace.data} />
          {mayWrite && <Emergency keyspace={keyspace.data} onSaved={keyspace.set} />}
          {mayWrite && <Danger keyspace={keyspace.data} />}
        </>
      )}
    </Page>
  );
}

function About({ keyspace }: { keyspace: Keyspace }) {
  return (
    <Card title="About this keyspace">
      <Facts
        facts={[
          [
            "Id",
            <span className="row" key="id">
              <code>{keyspace.id}</code>
              <CopyButton text={keyspace.id} label="Copy the id" iconOnly />
            </span>,
          ],
          ["Created", <At key="created" at={keyspace.created_at} />],
          ["Changed", <At key="changed" at={keyspace.updated_at} />],
        ]}
      />
    </Card>
  );
}

function Danger({ keyspace }: { keyspace: Keyspace }) {
  const [asking, setAsking] = useState(false);
  const [force, setForce] = useState(false);
  const [, navigate] = useLocation();
  const remove = async () => {
    const { path } = inKeyspace(keyspace.id).params;
    await take(api.DELETE("/v1/keyspaces/{keyspace_id}", { params: { path, query: force ? { force } : {} } }));
    navigate("/");
  };
  return (
    <Card title="Delete this keyspace" intro="Its gates refuse every key of it from then on. Its audit log stays.">
      <div>
        <Button onClick={() => setAsking(true)}>Delete keyspace…</Button>
      </div>
      {asking && (
        <Confirm title={`Delete ${keyspace.name}?`} action="Delete keyspace" danger onClose={() => setAsking(false)} onConfirm={remove}>
          <p>Every key, role and route in it goes. This cannot be undone.</p>
          <Check label="Also if keys in it still work" hint="Whatever uses them stops working within seconds." checked={force} onChange={setForce} />
        </Confirm>
      )}
    </Card>
  );
}

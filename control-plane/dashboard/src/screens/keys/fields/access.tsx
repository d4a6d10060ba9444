import { useState } from "react";
import { api, take } from "../../../api/client";
import { useResource } from "../../../api/resource";
import { inKeyspace } from "../../../lib/keyspaces";
import { listed } from "../../../lib/rows";
import type { Role } from "../../../lib/types";
import { Badges } from "../../../ui/badge";
import { Button } from "../../../ui/button";
import { Callout, LoadFault } from "../../../ui/callout";
import { Check, FieldError, Fieldset, TextField } from "../../../ui/field";
import { RouteAccessTable } from "./route-access";

interface Props {
  keyspaceId: string;
  roles: Role[] | undefined;
  chosen: string[];
  onRoles: (roles: string[]) => void;
  /** Permissions beside the roles, as typed. */
  permissions: string;
  onPermissions: (permissions: string) => void;
  rolesError: string | undefined;
  permissionsError: string | undefined;
}

/** What a key may do: its roles, permissions beside them, and what both come to before anything is saved. */
export function AccessFields({ keyspaceId, roles, chosen, onRoles, permissions, onPermissions, rolesError, permissionsError }: Props) {
  const [viewing, setViewing] = useState(false);
  const toggle = (name: string, on: boolean) => onRoles(on ? [...chosen, name] : chosen.filter((other) => other !== name));
  return (
    <Fieldset legend="What it may do">
      <div className="stack">
        {roles?.length === 0 && <p className="soft small">This keyspace has no roles yet: name permissions below, or make roles first.</p>}
        {roles?.map((role) => (
          <Check
            key={role.id}
            label={role.name}
            hint={role.grants.length > 0 ? <Badges values={role.grants} /> : "grants nothing"}
            checked={chosen.includes(role.name)}
            onChange={(on) => toggle(role.name, on)}
          />
        ))}
        <FieldError error={rolesError} />
        <TextField
          label="More permissions"
          aside="optional, with commas between"
          mono
          spellCheck={false}
          value={permissions}
          onChange={onPermissions}
          placeholder="invoices:read, invoices:export"
          error={permissionsError}
        />
        <div>
          <Button small aria-expanded={viewing} onClick={() => setViewing(!viewing)}>
            {viewing ? "Hide permissions" : "View permissions"}
          </Button>
        </div>
        {viewing && <AccessPreview keyspaceId={keyspaceId} roles={chosen} permissions={listed(permissions)} />}
      </div>
    </Fieldset>
  );
}

function AccessPreview({ keyspaceId, roles, permissions }: { keyspaceId: string; roles: string[]; permissions: string[] }) {
  const preview = useResource(`preview ${keyspaceId} ${JSON.stringify([roles, permissions])}`, () =>
    take(api.POST("/v1/keyspaces/{keyspace_id}/permissions:preview", { ...inKeyspace(keyspaceId), body: { roles, permissions } })),
  );
  if (preview.error !== undefined) return <LoadFault error={preview.error} retry={() => void preview.reload()} />;
  if (preview.data?.grants.length === 0) return <Callout tone="warn">Without a role or a permission it passes only routes that ask for none.</Callout>;
  return <RouteAccessTable caption="What these permissions open" routes={preview.data?.routes} />;
}

import { useState } from "react";
import { api, MERGE_PATCH, take } from "../../api/client";
import { ApiError } from "../../api/problem";
import { useResource } from "../../api/resource";
import { useSession } from "../../api/session";
import { useForm, useIdempotencyKey } from "../../lib/form";
import { inKeyspace, useRoles } from "../../lib/keyspaces";
import { listed } from "../../lib/rows";
import { counted } from "../../lib/time";
import type { Role } from "../../lib/types";
import { Badges } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Callout, LoadFault } from "../../ui/callout";
import { Confirm } from "../../ui/confirm";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { EmptyState } from "../../ui/empty";
import { Check, TextArea, TextField } from "../../ui/field";
import { FormFault } from "../../ui/form-fault";
import { Menu } from "../../ui/menu";
import { Card, Page } from "../../ui/page";
import { type Column, Table } from "../../ui/table";
import { useToasts } from "../../ui/toast";

type Asked = { kind: "new" } | { kind: "edit" | "delete"; role: Role };

/** Named sets of permissions, and what routes ask for. */
export function Roles({ keyspaceId }: { keyspaceId: string }) {
  const roles = useRoles(keyspaceId);
  const { may } = useSession();
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const saved = () => void roles.reload();
  const mayWrite = may("roles:write");
  const create = mayWrite && (
    <Button look="primary" icon="plus" onClick={() => setAsked({ kind: "new" })}>
      Create role
    </Button>
  );
  const columns: Column<Role>[] = [
    {
      title: "Role",
      cell: ({ name, description }) => (
        <>
          <strong>{name}</strong>
          {description && <span className="soft small"> {description}</span>}
        </>
      ),
    },
    { title: "Grants", cell: ({ grants }) => (grants.length > 0 ? <Badges values={grants} /> : <span className="soft">nothing</span>) },
    {
      title: "Actions",
      untitled: true,
      end: true,
      cell: (role) =>
        mayWrite && (
          <Menu
            label={`Actions for ${role.name}`}
            items={[
              { label: "Edit", icon: "edit", onSelect: () => setAsked({ kind: "edit", role }) },
              { label: "Delete…", icon: "trash", danger: true, onSelect: () => setAsked({ kind: "delete", role }) },
            ]}
          />
        ),
    },
  ];
  return (
    <Page title="Roles and permissions" intro="A role is a named set of permissions. Keys have any number of them; a key without can do nothing but what routes leave open." actions={roles.data?.length !== 0 && create}>
      {roles.error !== undefined && <LoadFault error={roles.error} retry={saved} />}
      {roles.data?.length === 0 ? (
        <EmptyState icon="role" title="No role yet" action={create}>
          Make one for each kind of caller, such as Reader with <code>*:read</code>. Changing a role changes every key that has it.
        </EmptyState>
      ) : (
        <Table caption="Roles" columns={columns} rows={roles.data} rowId={({ id }) => id} expected={3} />
      )}
      <AskedPermissions keyspaceId={keyspaceId} after={roles.data} />
      {asked?.kind === "new" && <EditRole keyspaceId={keyspaceId} role={undefined} onClose={close} onSaved={saved} />}
      {asked?.kind === "edit" && <EditRole keyspaceId={keyspaceId} role={asked.role} onClose={close} onSaved={saved} />}
      {asked?.kind === "delete" && <DeleteRole keyspaceId={keyspaceId} role={asked.role} onClose={close} onDeleted={saved} />}
    </Page>
  );
}

/** From the routes' side: what is asked for anywhere, and who grants it. */
function AskedPermissions({ keyspaceId, after }: { keyspaceId: string; after: Role[] | undefined }) {
  const names = after?.map(({ id, updated_at: at }) => id + at).join();
  const permissions = useResource(`permissions ${keyspaceId} ${names}`, () => take(api.GET("/v1/keyspaces/{keyspace_id}/permissions", inKeyspace(keyspaceId))));
  const rows = permissions.data?.permissions;
  if (rows?.length === 0) return null;
  return (
    <Card title="What routes ask for">
      {permissions.error !== undefined && <LoadFault error={permissions.error} retry={() => void permissions.reload()} />}
      <Table
        caption="Permissions that routes ask for"
        rows={rows}
        rowId={({ permission }) => permission}
        columns={[
          { title: "Permission", cell: ({ permission }) => <code>{permission}</code> },
          { title: "Asked for by", cell: ({ routes }) => <code>{routes.map(({ method, path }) => `${method} ${path}`).join(", ")}</code> },
          { title: "Granted by", cell: ({ granted_by: by }) => (by.length > 0 ? <Badges values={by} tone="accent" /> : <span className="soft">no role</span>) },
        ]}
      />
    </Card>
  );
}

interface EditProps {
  keyspaceId: string;
  role: Role | undefined;
  onClose: () => void;
  onSaved: () => void;
}

function EditRole({ keyspaceId, role, onClose, onSaved }: EditProps) {
  const [name, setName] = useState(role?.name ?? "");
  const [description, setDescription] = useState(role?.description ?? "");
  const [grants, setGrants] = useState(role?.grants.join(", ") ?? "");
  const idempotencyKey = useIdempotencyKey();
  const form = useForm();
  const toasts = useToasts();
  const save = () =>
    form.send(async () => {
      const body = { name: name.trim(), description: description.trim() || null, grants: listed(grants) };
      if (role) {
        const path = { keyspace_id: keyspaceId, role_id: role.id };
        await take(api.PATCH("/v1/keyspaces/{keyspace_id}/roles/{role_id}", { params: { path }, body, headers: MERGE_PATCH }));
      } else {
        const params = { path: { keyspace_id: keyspaceId }, header: { "idempotency-key": idempotencyKey(body) } };
        await take(api.POST("/v1/keyspaces/{keyspace_id}/roles", { params, body }));
      }
      onSaved();
      onClose();
      toasts.say(`${body.name} is saved.`);
    });
  return (
    <Dialog
      title={role ? `Edit ${role.name}` : "Create role"}
      onClose={onClose}
      onSubmit={() => void save()}
      footer={<DialogButtons action={role ? "Save" : "Create role"} busy={form.busy} onClose={onClose} />}
    >
      <TextField label="Name" value={name} onChange={setName} maxLength={100} placeholder="Reader" error={form.at("name") ?? taken(form.error)} autoFocus />
      <TextField
        label="Grants"
        mono
        spellCheck={false}
        value={grants}
        onChange={setGrants}
        placeholder="invoices:read, reports:*"
        hint="Permissions with commas between. * stands for one part, and at the end for any rest."
        error={form.at("grants")}
      />
      <TextArea label="Description" aside="optional" rows={2} value={description} onChange={setDescription} maxLength={1000} error={form.at("description")} />
      {role && <Callout tone="info">Every key that has this role may do what it grants within seconds of saving.</Callout>}
      <FormFault form={form} known={["name", "grants", "description"]} />
    </Dialog>
  );
}

function taken(error: unknown): string | undefined {
  return error instanceof ApiError && error.code === "NAME_TAKEN" ? error.message : undefined;
}

function DeleteRole({ keyspaceId, role, onClose, onDeleted }: { keyspaceId: string; role: Role; onClose: () => void; onDeleted: () => void }) {
  const [force, setForce] = useState(false);
  const remove = async () => {
    const path = { keyspace_id: keyspaceId, role_id: role.id };
    await take(api.DELETE("/v1/keyspaces/{keyspace_id}/roles/{role_id}", { params: { path, query: force ? { force } : {} } }));
    onDeleted();
  };
  return (
    <Confirm title={`Delete ${role.name}?`} action="Delete role" danger onClose={onClose} onConfirm={remove}>
      <p>
        It grants {role.grants.length > 0 ? <Badges values={role.grants} /> : "nothing"} ({counted(role.grants.length, "permission")}).
      </p>
      <Check label="Take it from the keys that have it" hint="They lose what it grants within seconds. Otherwise a role that keys have is not deleted." checked={force} onChange={setForce} />
    </Confirm>
  );
}

import { useState } from "react";
import { api, take } from "../../api/client";
import { useResource } from "../../api/resource";
import { useSession } from "../../api/session";
import { useForm } from "../../lib/form";
import { useKeyPage } from "../../lib/key";
import { usePolicy, useRoles } from "../../lib/keyspaces";
import { listed } from "../../lib/rows";
import { Badges } from "../../ui/badge";
import { Button } from "../../ui/button";
import { LoadFault } from "../../ui/callout";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { FormFault } from "../../ui/form-fault";
import { Card, Facts } from "../../ui/page";
import { AccessFields } from "../keys/fields/access";
import { ConstraintFields, constraintRows, constraintsOf } from "../keys/fields/constraints";
import { RouteAccessTable } from "../keys/fields/route-access";
import { Explain } from "../routes/explain";
import { IpRules } from "./ip-rules";
import { SigningKeys } from "./signing-keys";

export function AccessTab() {
  const { key, mayWrite } = useKeyPage();
  const [asked, setAsked] = useState<"permissions" | "constraints">();
  const opened = useResource(`permissions of ${key.id} ${key.change_seq}`, () => take(api.GET("/v1/keys/{key_id}/permissions", { params: { path: { key_id: key.id } } })));
  const edit = (what: typeof asked) =>
    mayWrite && (
      <Button small icon="edit" onClick={() => setAsked(what)}>
        Edit
      </Button>
    );
  const constraints = Object.entries(key.constraints);
  return (
    <>
      <Card title="Permissions" intro="What it may do, by its roles and by itself." actions={edit("permissions")}>
        <Facts
          facts={[
            ["Roles", key.roles.length > 0 ? <Badges values={key.roles} tone="accent" /> : "none"],
            ["More permissions", key.permissions.length > 0 ? <Badges values={key.permissions} /> : "none"],
          ]}
        />
        {opened.error !== undefined && <LoadFault error={opened.error} retry={() => void opened.reload()} />}
        <RouteAccessTable caption="Routes and whether this key may pass" routes={opened.data?.routes} />
      </Card>
      <Card title="Networks and other constraints" intro="Values that requests of this key may name." actions={edit("constraints")}>
        {constraints.length === 0 ? <p className="soft small">None: it may name any value.</p> : <Facts facts={constraints.map(([name, values]) => [name, <Badges key={name} values={values} />])} />}
      </Card>
      <IpRules />
      <SigningKeys />
      {key.status !== "revoked" && <Explain keyspaceId={key.keyspace_id} keyId={key.id} />}
      {asked === "permissions" && <EditPermissions onClose={() => setAsked(undefined)} />}
      {asked === "constraints" && <EditConstraints onClose={() => setAsked(undefined)} />}
    </>
  );
}

function EditPermissions({ onClose }: { onClose: () => void }) {
  const { key, keyspaceId, patch } = useKeyPage();
  const { may } = useSession();
  const roles = useRoles(keyspaceId, may("roles:read"));
  const [chosen, setChosen] = useState(key.roles);
  const [permissions, setPermissions] = useState(key.permissions.join(", "));
  const form = useForm();
  const save = () =>
    form.send(async () => {
      await patch({ roles: chosen, permissions: listed(permissions) });
      onClose();
    });
  return (
    <Dialog wide title={`Permissions of ${key.name}`} onClose={onClose} onSubmit={() => void save()} footer={<DialogButtons action="Save" busy={form.busy} onClose={onClose} />}>
      <AccessFields
        keyspaceId={keyspaceId}
        roles={roles.data}
        chosen={chosen}
        onRoles={setChosen}
        permissions={permissions}
        onPermissions={setPermissions}
        rolesError={form.at("roles")}
        permissionsError={form.at("permissions")}
      />
      <FormFault form={form} known={["roles", "permissions"]} />
    </Dialog>
  );
}

function EditConstraints({ onClose }: { onClose: () => void }) {
  const { key, keyspaceId, patch } = useKeyPage();
  const { may } = useSession();
  const policy = usePolicy(keyspaceId, may("policy:read"));
  const [rows, setRows] = useState(constraintRows(key.constraints));
  const form = useForm();
  const save = () =>
    form.send(async () => {
      await patch({ constraints: constraintsOf(rows) });
      onClose();
    });
  return (
    <Dialog title="Networks and other constraints" onClose={onClose} onSubmit={() => void save()} footer={<DialogButtons action="Save" busy={form.busy} onClose={onClose} />}>
      <ConstraintFields rows={rows} onChange={setRows} policy={policy.data} error={form.at("constraints")} />
      <FormFault form={form} known={["constraints"]} />
    </Dialog>
  );
}

import { useState } from "react";
import { useForm } from "../../lib/form";
import { useKeyPage } from "../../lib/key";
import { Ago, duration } from "../../lib/time";
import type { Key, RateLimit, Refill } from "../../lib/types";
import { Button } from "../../ui/button";
import { Dialog, DialogButtons } from "../../ui/dialog";
import { FormFault } from "../../ui/form-fault";
import { Card } from "../../ui/page";
import { type Column, Table } from "../../ui/table";
import { RateLimitFields } from "../keys/fields/rate-limits";
import { RefillFields } from "../keys/fields/credits";
import { ChangeCredits, SpendFreely } from "./credits";

type Asked = "rates" | "add" | "take" | "refills" | "free";

const RATES: Column<RateLimit>[] = [
  { title: "Name", cell: ({ name }) => name },
  { title: "Requests", cell: ({ limit, window_seconds: seconds }) => `${limit.toLocaleString("en")} in ${duration(seconds)}` },
  { title: "Counted", cell: ({ mode }) => (mode === "exact" ? "exactly, in one place" : "at each gate") },
];

const CREDITS: Column<NonNullable<Key["credits"]>[number]>[] = [
  { title: "Unit", cell: ({ unit }) => unit },
  { title: "Left", end: true, cell: ({ remaining }) => <strong>{remaining.toLocaleString("en")}</strong> },
  { title: "Used", end: true, cell: ({ consumed }) => consumed.toLocaleString("en") },
  { title: "Granted in all", end: true, cell: ({ granted }) => granted.toLocaleString("en") },
];

const REFILLS: Column<Key["refills"][number]>[] = [
  { title: "Refill", cell: ({ unit, amount }) => `${amount.toLocaleString("en")} ${unit}` },
  { title: "Each", cell: ({ every, up_to: most }) => (most == null ? every : `${every}, up to ${most.toLocaleString("en")}`) },
  { title: "Next", cell: ({ next_at: at }) => <Ago at={at} /> },
];

export function LimitsTab() {
  const { key, mayWrite } = useKeyPage();
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const button = (what: Asked, label: string) =>
    mayWrite && (
      <Button small onClick={() => setAsked(what)}>
        {label}
      </Button>
    );
  const credits = key.credits ?? undefined;
  return (
    <>
      <Card title="Rate limits" intro="How often it may be used." actions={button("rates", "Edit")}>
        {key.rate_limits.length === 0 ? <p className="soft small">None: it may be used as often as it likes.</p> : <Table caption="Rate limits" columns={RATES} rows={key.rate_limits} rowId={({ name }) => name} />}
      </Card>
      <Card
        title="Credits"
        intro={credits ? "What it may still spend. Gates draw credits in small leases, so what is left follows a moment behind." : "It is not usage-limited."}
        actions={
          <>
            {button("add", credits ? "Add credits" : "Limit by credits")}
            {credits && button("take", "Remove credits")}
            {credits && button("free", "Let it spend freely")}
          </>
        }
      >
        {credits ? <Table caption="Credits" columns={CREDITS} rows={credits} rowId={({ unit }) => unit} /> : <p className="soft small">It spends freely on routes that cost credits.</p>}
      </Card>
      {credits && (
        <Card title="Refills" intro="What the calendar gives it, at midnight UTC." actions={button("refills", "Edit")}>
          {key.refills.length === 0 ? <p className="soft small">None: what is spent is gone until somebody adds more.</p> : <Table caption="Refills" columns={REFILLS} rows={key.refills} rowId={({ unit }) => unit} />}
        </Card>
      )}
      {asked === "rates" && <EditRates onClose={close} />}
      {asked === "refills" && <EditRefills onClose={close} />}
      {(asked === "add" || asked === "take") && <ChangeCredits kind={asked} onClose={close} />}
      {asked === "free" && <SpendFreely onClose={close} />}
    </>
  );
}

function EditRates({ onClose }: { onClose: () => void }) {
  const { key, patch } = useKeyPage();
  const [limits, setLimits] = useState<RateLimit[]>(key.rate_limits);
  const form = useForm();
  const save = () =>
    form.send(async () => {
      await patch({ rate_limits: limits });
      onClose();
    });
  return (
    <Dialog wide title={`Rate limits of ${key.name}`} onClose={onClose} onSubmit={() => void save()} footer={<DialogButtons action="Save" busy={form.busy} onClose={onClose} />}>
      <RateLimitFields limits={limits} onChange={setLimits} error={form.at("rate_limits")} />
      <FormFault form={form} known={["rate_limits"]} />
    </Dialog>
  );
}

function EditRefills({ onClose }: { onClose: () => void }) {
  const { key, patch } = useKeyPage();
  const [refills, setRefills] = useState<Refill[]>(key.refills.map(({ unit, amount, every, up_to }) => ({ unit, amount, every, up_to: up_to ?? null })));
  const form = useForm();
  const save = () =>
    form.send(async () => {
      await patch({ refills });
      onClose();
    });
  return (
    <Dialog wide title={`Refills of ${key.name}`} onClose={onClose} onSubmit={() => void save()} footer={<DialogButtons action="Save" busy={form.busy} onClose={onClose} />}>
      <RefillFields refills={refills} onChange={setRefills} error={form.at("refills")} />
      <FormFault form={form} known={["refills"]} />
    </Dialog>
  );
}

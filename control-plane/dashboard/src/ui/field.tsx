import { type ChangeEvent, type ComponentProps, type ReactNode, useId } from "react";
import { Icon } from "./icon";
import "./field.css";

interface FieldProps {
  label: string;
  /** Beside the label: "optional", a unit, a count. */
  aside?: ReactNode;
  hint?: ReactNode;
  error?: string | undefined;
}

interface FrameProps extends FieldProps {
  children: (wiring: { id: string; "aria-describedby": string | undefined; "aria-invalid": true | undefined }) => ReactNode;
}

/** Label, hint and error of one control, tied to it for those who hear the page. */
export function Field({ label, aside, hint, error, children }: FrameProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label}
        {aside && <small>{aside}</small>}
      </label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": error ? true : undefined })}
      {hint && (
        <p className="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      <FieldError id={`${id}-error`} error={error} />
    </div>
  );
}

export function FieldError({ id, error }: { id?: string; error: string | undefined }) {
  if (!error) return null;
  return (
    <p className="field-error" id={id} role="alert">
      <Icon name="alert" />
      {error}
    </p>
  );
}

type Bound<T extends "input" | "textarea" | "select"> = FieldProps &
  Omit<ComponentProps<T>, "onChange" | "value" | "id"> & { value: string; onChange: (value: string) => void; mono?: boolean };

export function TextField({ label, aside, hint, error, value, onChange, mono, ...rest }: Bound<"input">) {
  return (
    <Field label={label} aside={aside} hint={hint} error={error}>
      {(wiring) => (
        <input className={`control ${mono ? "control-mono" : ""}`} value={value} onChange={(event) => onChange(event.target.value)} autoComplete="off" {...wiring} {...rest} />
      )}
    </Field>
  );
}

export function TextArea({ label, aside, hint, error, value, onChange, mono, ...rest }: Bound<"textarea">) {
  return (
    <Field label={label} aside={aside} hint={hint} error={error}>
      {(wiring) => (
        <textarea className={`control ${mono ? "control-mono" : ""}`} value={value} onChange={(event) => onChange(event.target.value)} {...wiring} {...rest} />
      )}
    </Field>
  );
}

export function SelectField({ label, aside, hint, error, value, onChange, mono: _, children, ...rest }: Bound<"select">) {
  return (
    <Field label={label} aside={aside} hint={hint} error={error}>
      {(wiring) => (
        <select className="control" value={value} onChange={(event) => onChange(event.target.value)} {...wiring} {...rest}>
          {children}
        </select>
      )}
    </Field>
  );
}

interface CheckProps {
  label: ReactNode;
  hint?: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
}

export function Check({ label, hint, checked, onChange, disabled }: CheckProps) {
  return (
    <label className="check">
      <input type="checkbox" checked={checked} disabled={disabled} onChange={(event: ChangeEvent<HTMLInputElement>) => onChange(event.target.checked)} />
      <span>
        {label}
        {hint && <span className="check-hint">{hint}</span>}
      </span>
    </label>
  );
}

/** Something that is on or off at once, without a Save. */
export function Switch({ label, checked, onChange, disabled }: { label: string; checked: boolean; onChange: (checked: boolean) => void; disabled?: boolean }) {
  return <button type="button" role="switch" className="switch" aria-checked={checked} aria-label={label} title={label} disabled={disabled} onClick={() => onChange(!checked)} />;
}

/** A group of controls under one heading. */
export function Fieldset({ legend, children }: { legend: ReactNode; children: ReactNode }) {
  return (
    <fieldset className="fieldset">
      <legend>{legend}</legend>
      {children}
    </fieldset>
  );
}

/** Shows the configuration's values; secrets only as being set. */
import { usageError } from "../cli-error.ts";
import type { CliContext } from "../cli-context.ts";
import { sanitizeLine } from "../print/terminal.ts";
import { CONFIG_KEYS, configKey } from "./keys.ts";
import { unknownKey } from "./read-file.ts";

const SECRETS = new Set(["server.api_key", "auth.jwt_secret", "server.database_url"]);

interface Row {
  key: string;
  value: unknown;
  origin: string;
  where: string;
}

export function listConfig(context: CliContext, showOrigin: boolean): void {
  const { out, loaded } = context;
  const rows = CONFIG_KEYS.map(({ key }) => rowOf(context, key));
  if (out.json) return out.value({ items: rows });
  for (const row of rows) {
    const origin = row.origin === "default" ? "default" : row.where || row.origin;
    const left = `${row.key} = ${valueText(row.value)}`;
    if (!showOrigin) out.line(left);
    else if (out.terminal.isTty) out.line(`${left.padEnd(58)} ${out.terminal.paint("dim", origin)}`);
    else out.line(`${left}\t${row.origin}\t${row.where}`);
  }
  if (!loaded.unconfirmed) return;
  out.note(`${loaded.unconfirmed.file}: commands that no person has confirmed are left out:`);
  for (const { key, command } of loaded.unconfirmed.commands) out.note(`  ${key} = ${sanitizeLine(command)}`);
}

export function getConfig(context: CliContext, key: string): void {
  if (!configKey(key)) {
    const parts = key.split(".");
    throw usageError(`${unknownKey(parts.slice(0, -1), parts.at(-1) ?? "")}.`, "makima config list");
  }
  const row = rowOf(context, key);
  if (context.out.json) return context.out.value(row);
  context.out.line(typeof row.value === "string" ? sanitizeLine(row.value) : JSON.stringify(row.value));
}

function rowOf({ config, loaded }: CliContext, key: string): Row {
  let value: unknown = config;
  for (const part of key.split(".")) value = (value as Record<string, unknown>)[part];
  const origin = loaded.origins.get(key) ?? { kind: "default", where: "" };
  return {
    key,
    value: SECRETS.has(key) && value !== "" ? "(set)" : value,
    origin: origin.kind,
    where: origin.where,
  };
}

function valueText(value: unknown): string {
  return sanitizeLine(JSON.stringify(value));
}

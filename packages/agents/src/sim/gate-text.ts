/** Prints a completion gate the way agents are asked to write it. */
import type { Gate } from "./script.ts";

export function printGate({ text, as, extra, ...gate }: Gate): string {
  const fields = Object.entries({ ...gate, ...extra }).filter(([, value]) => value !== undefined);
  const body =
    as === "json"
      ? JSON.stringify(Object.fromEntries(fields), null, 2)
      : fields.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join("\n");
  const block = `<COMPLETION_GATE>\n${body}\n</COMPLETION_GATE>`;
  return text === undefined ? block : `${text}\n\n${block}`;
}

/** `--json=a,b`: which fields there are, and which of those that were asked for there are not. */
import type { z } from "zod";
import { usageError } from "../cli-error.ts";
import type { Output } from "../output.ts";
import { nearest } from "../run/nearest.ts";

/**
 * To be called before a command asks a server. True when `--json=?` asked for the names of the fields, which
 * are then printed and all that was wanted. Throws a usage error on a field that `schema` does not have.
 */
export function answeredFields(out: Output, schema: z.ZodObject): boolean {
  const { fields } = out;
  if (!fields) return false;
  const names = Object.keys(schema.shape).sort();
  if (fields.includes("?") || fields.every((field) => field === "")) {
    for (const name of names) out.line(name);
    return true;
  }
  const unknown = fields.find((field) => !names.includes(field));
  if (unknown === undefined) return false;
  const close = nearest(unknown, names);
  throw usageError(
    `There is no field ${JSON.stringify(unknown)}.`,
    ...(close ? [`--json=${close}`] : []),
    `Fields: ${names.join(", ")}`,
  );
}

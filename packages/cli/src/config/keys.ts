/** The configuration's keys, read off its schema: one row a key, so that nothing is listed twice. */
import { z } from "zod";
import { configSchema } from "@makima/protocol/config";

export interface ConfigKey {
  /** `process.bubblewrap.enabled` */
  readonly key: string;
  readonly section: string;
  /** `MAKIMA_PROCESS_BUBBLEWRAP_ENABLED` */
  readonly env: string;
  readonly about: string;
  /** The type in words. */
  readonly type: string;
  readonly kind: "string" | "number" | "boolean" | "list" | "record" | "enum";
  readonly initial: unknown;
  readonly schema: z.ZodType;
}

/** Every key in the schema's order. */
export const CONFIG_KEYS: readonly ConfigKey[] = walk(configSchema, []);
const BY_KEY = new Map(CONFIG_KEYS.map((entry) => [entry.key, entry]));
/** Every table: `process`, `process.bubblewrap`. */
export const TABLES: ReadonlySet<string> = new Set(
  CONFIG_KEYS.flatMap(({ key }) =>
    key
      .split(".")
      .slice(0, -1)
      .map((_, at, parts) => parts.slice(0, at + 1).join(".")),
  ),
);

export function configKey(key: string): ConfigKey | undefined {
  return BY_KEY.get(key);
}

function walk(object: z.ZodType, path: readonly string[]): ConfigKey[] {
  if (!(object instanceof z.ZodObject)) return [];
  return Object.entries(object.shape as Record<string, z.ZodType>).flatMap(([name, schema]) => {
    const bare = unwrap(schema);
    const here = [...path, name];
    if (bare instanceof z.ZodObject) return walk(bare, here);
    return [
      {
        key: here.join("."),
        section: path[0] ?? name,
        env: `MAKIMA_${here.join("_").toUpperCase()}`,
        about: schema.description ?? "",
        initial: schema.parse(undefined),
        schema,
        ...kindOf(bare),
      },
    ];
  });
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
    ? unwrap(schema.unwrap() as z.ZodType)
    : schema;
}

function kindOf(schema: z.ZodType): Pick<ConfigKey, "kind" | "type"> {
  if (schema instanceof z.ZodBoolean) return { kind: "boolean", type: "true or false" };
  if (schema instanceof z.ZodNumber) return { kind: "number", type: numberType(schema) };
  if (schema instanceof z.ZodRecord) return { kind: "record", type: "table of strings" };
  if (schema instanceof z.ZodEnum)
    return { kind: "enum", type: schema.options.map((option) => `"${option}"`).join(" or ") };
  if (schema instanceof z.ZodArray) {
    const item = unwrap(schema.element as z.ZodType);
    return {
      kind: "list",
      type: item instanceof z.ZodEnum ? `list of ${kindOf(item).type}` : "list of strings",
    };
  }
  return { kind: "string", type: "string" };
}

/** A bound that someone wrote, not the one that every whole number has. */
function limit(value: number | null): number | undefined {
  return value !== null && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined;
}

function numberType(schema: z.ZodNumber): string {
  const word = schema.isInt ? "whole number" : "number";
  const [least, most] = [limit(schema.minValue), limit(schema.maxValue)];
  if (least !== undefined && most !== undefined) return `${word}, ${least} to ${most}`;
  return least === undefined ? word : `${word}, ${least} or more`;
}

/** Spellings that are taken for a key. */
const ALIASES: Readonly<Record<string, string>> = { envvars: "env_vars", env_variables: "env_vars" };

export function withAlias(name: string): string {
  return ALIASES[name] ?? name;
}

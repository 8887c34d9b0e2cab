/** Configuration from the environment: every key as MAKIMA_<SECTION>_<KEY>, and a few short names. */
import type { ConfigIssue } from "./config-error.ts";
import { nearest } from "../run/nearest.ts";
import { CONFIG_KEYS, TABLES, type ConfigKey } from "./keys.ts";
import { faultOf, type ReadFile, type Setting } from "./read-file.ts";

type Env = Readonly<Record<string, string | undefined>>;
export type Role = "person" | "daemon" | "server";

/** Short names, weakest first: a later one and the long name win. */
const SHORT: readonly { env: string; key: string; roles: readonly Role[] }[] = [
  // Elsewhere it is likely the database of the program that is being worked on.
  { env: "DATABASE_URL", key: "server.database_url", roles: ["server"] },
  { env: "MAKIMA_API_URL", key: "server.url", roles: ["person", "daemon"] },
  { env: "MAKIMA_API_KEY", key: "server.api_key", roles: ["person", "daemon"] },
  { env: "MAKIMA_DATABASE_URL", key: "server.database_url", roles: ["person", "daemon", "server"] },
  { env: "MAKIMA_DAEMON_SERVER_URL", key: "server.url", roles: ["daemon"] },
  {
    env: "MAKIMA_DAEMON_BUBBLEWRAP",
    key: "process.bubblewrap.enabled",
    roles: ["person", "daemon", "server"],
  },
];

const BY_ENV = new Map(CONFIG_KEYS.map((entry) => [entry.env, entry]));
const BY_KEY = new Map(CONFIG_KEYS.map((entry) => [entry.key, entry]));
const SECTION_PREFIXES = [...TABLES]
  .filter((table) => !table.includes("."))
  .map((table) => `MAKIMA_${table.toUpperCase()}_`);

/** Empty variables count as not set. */
export function readEnvironment(env: Env, role: Role): ReadFile {
  const settings: Setting[] = [];
  const issues: ConfigIssue[] = [];
  const take = (name: string, key: ConfigKey, text: string) => {
    const value = fromText(key, text);
    const fault = faultOf(key, value);
    if (fault === undefined) settings.push({ key: key.key, value, where: name });
    else issues.push({ where: name, message: `${key.key} ${faultOf(key, value ?? text) ?? fault}` });
  };
  for (const short of SHORT) {
    const text = env[short.env];
    const key = BY_KEY.get(short.key);
    if (text && key && short.roles.includes(role)) take(short.env, key, text);
  }
  for (const [name, text] of Object.entries(env)) {
    if (!text || !name.startsWith("MAKIMA_")) continue;
    const key = BY_ENV.get(name);
    if (key) take(name, key, text);
    else if (
      SECTION_PREFIXES.some((prefix) => name.startsWith(prefix)) &&
      !SHORT.some((short) => short.env === name)
    ) {
      issues.push({
        where: name,
        message: `is not a known variable; did you mean ${nearest(name, [...BY_ENV.keys()]) ?? "another"}?`,
      });
    }
  }
  return { settings, issues };
}

/** A value as a variable or a flag spells it; undefined where it cannot be read as the key's type. */
export function fromText(key: ConfigKey, text: string): unknown {
  switch (key.kind) {
    case "boolean":
      if (/^(?:1|true|yes|on)$/i.test(text)) return true;
      return /^(?:0|false|no|off)$/i.test(text) ? false : undefined;
    case "number":
      return text.trim() === "" || !Number.isFinite(Number(text)) ? undefined : Number(text);
    case "list":
      if (text.trimStart().startsWith("[")) return tryJson(text);
      return text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "");
    case "record":
      if (text.trimStart().startsWith("{")) return tryJson(text);
      return Object.fromEntries(
        text
          .split(",")
          .map((pair) => [pair.slice(0, pair.indexOf("=")).trim(), pair.slice(pair.indexOf("=") + 1)]),
      );
    default:
      return text;
  }
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

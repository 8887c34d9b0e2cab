/** Reads the flags of the `claude` command: which there are, which take a value, and what is refused how. */
import { existsSync } from "node:fs";

/** What one conversation was started with. */
export interface Options {
  readonly sessionId?: string;
  readonly resume?: string;
  readonly continueLast: boolean;
  readonly fork: boolean;
  readonly skipPermissions: boolean;
  /** `--permission-prompt-tool stdio`: permissions and questions are asked over the wire. */
  readonly asksOverStdio: boolean;
  readonly replayUserMessages: boolean;
  readonly maxTurns?: number;
  readonly maxBudgetUsd?: number;
  readonly model?: string;
}

export type Invocation =
  | { readonly kind: "converse"; readonly options: Options }
  | { readonly kind: "version" | "help" | "authStatus" | "setupToken" }
  | { readonly kind: "refuse"; readonly message: string };

type Arity = "flag" | "value" | "optional" | "many";

const FLAGS: Readonly<Record<string, Arity>> = {
  "--add-dir": "many",
  "--agent": "value",
  "--agents": "value",
  "--allow-dangerously-skip-permissions": "flag",
  "--allowedTools": "many",
  "--allowed-tools": "many",
  "--append-system-prompt": "value",
  "--append-system-prompt-file": "value",
  "--betas": "many",
  "--continue": "flag",
  "--dangerously-skip-permissions": "flag",
  "--debug": "optional",
  "--debug-file": "value",
  "--disable-slash-commands": "flag",
  "--disallowedTools": "many",
  "--disallowed-tools": "many",
  "--effort": "value",
  "--fallback-model": "value",
  "--fork-session": "flag",
  "--help": "flag",
  "--ide": "flag",
  "--include-hook-events": "flag",
  "--include-partial-messages": "flag",
  "--input-format": "value",
  "--json-schema": "value",
  "--max-budget-usd": "value",
  "--max-turns": "value",
  "--mcp-config": "many",
  "--mcp-debug": "flag",
  "--model": "value",
  "--name": "value",
  "--no-session-persistence": "flag",
  "--output-format": "value",
  "--permission-mode": "value",
  "--permission-prompt-tool": "value",
  "--plugin-dir": "many",
  "--print": "flag",
  "--replay-user-messages": "flag",
  "--resume": "optional",
  "--session-id": "value",
  "--setting-sources": "value",
  "--settings": "value",
  "--strict-mcp-config": "flag",
  "--system-prompt": "value",
  "--system-prompt-file": "value",
  "--tools": "many",
  "--verbose": "flag",
  "--version": "flag",
};

const SHORT: Readonly<Record<string, string>> = {
  "-c": "--continue",
  "-d": "--debug",
  "-h": "--help",
  "-n": "--name",
  "-p": "--print",
  "-r": "--resume",
  "-v": "--version",
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function readArguments(argv: readonly string[]): Invocation {
  if (argv[0] === "auth" && argv[1] === "status") return { kind: "authStatus" };
  if (argv[0] === "setup-token") return { kind: "setupToken" };
  const read = readFlags(argv);
  if (typeof read === "string") return { kind: "refuse", message: read };
  if (read.has("--version")) return { kind: "version" };
  if (read.has("--help")) return { kind: "help" };
  const refusal = refuse(read);
  return refusal === undefined
    ? { kind: "converse", options: toOptions(read) }
    : { kind: "refuse", message: refusal };
}

/** Flags with their values (`""` for those without), or the sentence of a refusal. */
function readFlags(argv: readonly string[]): Map<string, string> | string {
  const read = new Map<string, string>();
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? "";
    if (word === "--") break;
    if (!word.startsWith("-") || word === "-") continue;
    const cut = word.startsWith("--") ? word.indexOf("=") : -1;
    const given = cut > 0 ? word.slice(0, cut) : word;
    const name = SHORT[given] ?? given;
    const arity = FLAGS[name];
    if (arity === undefined) return `error: unknown option '${given}'`;
    if (cut > 0) {
      read.set(name, word.slice(cut + 1));
      continue;
    }
    const next = argv[at + 1];
    const hasNext = next !== undefined && (!next.startsWith("-") || arity === "value");
    if (arity === "value" && next === undefined) return `error: option '${name} <value>' argument missing`;
    read.set(name, hasNext && arity !== "flag" ? next : "");
    if (hasNext && arity !== "flag") at += 1;
  }
  return read;
}

function refuse(read: ReadonlyMap<string, string>): string | undefined {
  if (read.get("--output-format") !== "stream-json" || read.get("--input-format") !== "stream-json") {
    return "Error: the simulated agent speaks only --output-format=stream-json with --input-format=stream-json.";
  }
  if (!read.has("--verbose")) {
    return "Error: When using --print, --output-format=stream-json requires --verbose";
  }
  if (read.has("--system-prompt") && read.has("--system-prompt-file")) {
    return "Error: Cannot use both --system-prompt and --system-prompt-file. Please use only one.";
  }
  if (read.has("--append-system-prompt") && read.has("--append-system-prompt-file")) {
    return "Error: Cannot use both --append-system-prompt and --append-system-prompt-file. Please use only one.";
  }
  for (const flag of ["--system-prompt-file", "--append-system-prompt-file"]) {
    const path = read.get(flag);
    if (path !== undefined && !existsSync(path)) {
      const what = flag.startsWith("--append") ? "Append system prompt file" : "System prompt file";
      return `Error: ${what} not found: ${path}`;
    }
  }
  const resumes = read.has("--resume") || read.has("--continue");
  const id = read.get("--session-id");
  if (id !== undefined && resumes && !read.has("--fork-session")) {
    return "Error: --session-id can only be used with --continue or --resume if --fork-session is also specified.";
  }
  if (id !== undefined && !UUID.test(id)) return "Error: Invalid session ID. Must be a valid UUID.";
  return refuseNumbers(read);
}

function refuseNumbers(read: ReadonlyMap<string, string>): string | undefined {
  for (const flag of ["--max-turns", "--max-budget-usd"]) {
    const given = read.get(flag);
    if (given !== undefined && !(Number(given) > 0)) {
      return `error: option '${flag} <value>' argument '${given}' is invalid. ${flag} must be a positive number`;
    }
  }
  return undefined;
}

function toOptions(read: ReadonlyMap<string, string>): Options {
  const number = (flag: string) => (read.has(flag) ? Number(read.get(flag)) : undefined);
  const sessionId = read.get("--session-id")?.toLowerCase();
  const resume = read.get("--resume");
  const model = read.get("--model");
  const maxTurns = number("--max-turns");
  const maxBudgetUsd = number("--max-budget-usd");
  return {
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(resume === undefined ? {} : { resume }),
    ...(model === undefined ? {} : { model }),
    ...(maxTurns === undefined ? {} : { maxTurns }),
    ...(maxBudgetUsd === undefined ? {} : { maxBudgetUsd }),
    continueLast: read.has("--continue"),
    fork: read.has("--fork-session"),
    skipPermissions: read.has("--dangerously-skip-permissions"),
    asksOverStdio: read.get("--permission-prompt-tool") === "stdio",
    replayUserMessages: read.has("--replay-user-messages"),
  };
}

/**
 * What went wrong when an agent's process ended, if anything did.
 *
 * An agent tells it in many places at once, of unequal worth. They are asked in the order in which they
 * can be trusted: what makima did itself (it stopped the run; the process would not start), a rate limit on
 * the wire, an error that the agent declared, its last result, the retries it announced, the text of a failed
 * result, and at last stderr and exit code. What tools and files said is never looked at: a file that
 * contains "Please run /login" is no expired login.
 *
 * All is well when the process ended with 0 and its last result is no error, whatever came before that;
 * an end without any result is not well, whatever the exit code.
 */
import { resetTimeIn } from "./reset-time.ts";
import type { ErrorKind } from "./task.ts";

/** How an agent's process ended and what it said about it; filled by an adapter, whatever the agent. */
export interface RunFacts {
  /** Absent when a signal ended it or it never started. */
  exitCode?: number;
  signal?: string;
  /** The process could not be started: `code` is the errno (`ENOENT`). */
  spawnError?: { code?: string; message: string };
  /** The directory it was to start in; missing directory and missing command look alike. */
  cwdMissing?: boolean;
  /** makima stopped it because its time was up. */
  timedOut?: boolean;
  /** The newest rate limit on the wire. `resetsAt` in epoch milliseconds. */
  rateLimit?: { status: string; resetsAt?: number };
  /** The newest error that the agent declared of itself, classed (`kindOfWord`); unset once it went on working. */
  declared?: { kind: ErrorKind; message: string };
  /** The last result before the end. */
  result?: {
    isError: boolean;
    text: string;
    subtype?: string;
    apiErrorStatus?: number;
    terminalReason?: string;
    errors?: readonly string[];
  };
  /** The newest retry that the agent announced; unset once it went on working. */
  retry?: { error?: string; status?: number };
  /** The end of stderr. */
  stderr?: string;
}

export interface Failure {
  kind: ErrorKind;
  message: string;
  /** When a usage limit ends, epoch milliseconds, where it was said. */
  resetsAt?: number;
  /** The session is gone or taken: the next try needs a fresh one. */
  sessionLost?: true;
}

/** The failure that `facts` show, or undefined when all is well. `now` (epoch ms) dates "resets 3pm". */
export function classify(facts: RunFacts, now: number): Failure | undefined {
  if (facts.spawnError) return fromSpawn(facts.spawnError, facts.cwdMissing ?? false);
  if (facts.timedOut) return { kind: "timeout", message: "The run took longer than its time limit" };
  const { result } = facts;
  const exitedWell = facts.exitCode === 0 && facts.signal === undefined;
  if (exitedWell && result && !result.isError) return undefined;

  const errors = (result?.errors ?? []).filter((error) => !DIAGNOSTIC.test(error));
  const said = result?.isError ? [result.text, ...errors].join("\n").trim() : "";
  const stderr = facts.stderr ?? "";
  const lost = SESSION_LOST.exec(said) ?? SESSION_LOST.exec(stderr);
  if (lost) return { kind: "crash", message: lost[0], sessionLost: true };

  const kind =
    fromRateLimit(facts.rateLimit) ??
    refined(facts.declared, said) ??
    (result?.isError ? fromResult(result, said) : undefined) ??
    fromRetry(facts.retry, said) ??
    kindOfText(said) ??
    kindOfText(stderr) ??
    fromExit(facts.exitCode) ??
    (facts.declared || (result?.isError && result.subtype !== "error_during_execution")
      ? "unknown"
      : "crash");
  const retried = kind === "auth" && facts.retry ? "The agent is not signed in, or its login ran out" : "";
  const message = said || facts.declared?.message || retried || lastLine(stderr) || ending(facts);
  if (kind !== "usage_limit") return { kind, message: withExit(message, facts) };
  const resetsAt = facts.rateLimit?.resetsAt ?? resetTimeIn(said || message, now);
  return resetsAt === undefined ? { kind, message } : { kind, message, resetsAt };
}

const WORDS: Readonly<Record<string, ErrorKind>> = {
  authentication_failed: "auth",
  authentication_error: "auth",
  permission_error: "auth",
  oauth_org_not_allowed: "auth",
  rate_limit: "overloaded",
  rate_limit_error: "overloaded",
  overloaded: "overloaded",
  overloaded_error: "overloaded",
  server_error: "overloaded",
  api_error: "overloaded",
  billing_error: "limit_reached",
  model_not_found: "unknown",
  invalid_request: "unknown",
  max_output_tokens: "unknown",
};

/**
 * The class of an agent's own word for an error (`authentication_failed`), with the text that came with
 * it, which decides where the word says too little: `rate_limit` is a used-up plan or a busy server.
 */
export function kindOfWord(word: string, text = ""): ErrorKind {
  const known = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
  if (known === "auth" || known === "limit_reached") return known;
  return kindOfText(text) ?? known ?? "unknown";
}

/** What an agent notes for its own makers when a turn is interrupted. */
const DIAGNOSTIC = /^\[\w+_diagnostic\]/;

const SESSION_LOST =
  /No conversation found with session ID[^\n]{0,80}|Session ID \S{1,80} is already in use/i;

// The first that matches decides; a busy server that says "not your usage limit" comes before the limit.
const TEXTS: readonly [ErrorKind, RegExp][] = [
  [
    "overloaded",
    /not your usage limit|temporarily limiting requests|\boverloaded\b|\b529\b|Request rejected \(429\)/i,
  ],
  ["usage_limit", /hit your .{0,40}limit|usage limit reached|limit · resets|quota exceeded/i],
  [
    "auth",
    /please run \/login|invalid api key|failed to authenticate|oauth token .{0,40}expired|login again/i,
  ],
  [
    "context_exhausted",
    /prompt is too long|context (?:window|length) (?:is )?exceed|maximum context length/i,
  ],
  ["limit_reached", /credit balance is too low|reached maximum (?:budget|number of turns)/i],
  ["disk_full", /\bENOSPC\b|no space left on device|disk quota exceeded/i],
  ["sandbox", /^bwrap: |cannot be used with root\/sudo/im],
  ["agent_missing", /native binary not installed|command not found/i],
  [
    "network",
    /unable to connect|connection (?:refused|reset|closed|error)|\b(?:ECONN\w+|ENOTFOUND|EAI_AGAIN|ETIMEDOUT)\b/i,
  ],
  ["overloaded", /internal server error|service unavailable|bad gateway|\bAPI Error: 5\d\d\b/i],
];

/** The class that an error's wording shows, or undefined. Only for text that is an error of the agent's own. */
export function kindOfText(text: string): ErrorKind | undefined {
  if (text === "") return undefined;
  const looked = text.slice(-8000);
  return TEXTS.find(([, pattern]) => pattern.test(looked))?.[0];
}

function fromSpawn(error: { code?: string; message: string }, cwdMissing: boolean): Failure {
  if (cwdMissing) return { kind: "repo", message: "The worktree is gone: the agent could not start in it" };
  switch (error.code) {
    case "ENOENT":
      return { kind: "agent_missing", message: `The agent's command was not found: ${error.message}` };
    case "EACCES":
    case "EPERM":
    case "ENOEXEC":
      return { kind: "agent_missing", message: `The agent's command cannot be run: ${error.message}` };
    case "ENOSPC":
    case "EDQUOT":
      return { kind: "disk_full", message: error.message };
    default:
      return { kind: "crash", message: `The agent's process could not start: ${error.message}` };
  }
}

function fromRateLimit(limit: RunFacts["rateLimit"]): ErrorKind | undefined {
  return limit?.status === "rejected" ? "usage_limit" : undefined;
}

/** An adapter's class, sharpened by the text where it was left open. */
function refined(declared: RunFacts["declared"], said: string): ErrorKind | undefined {
  if (!declared) return undefined;
  return declared.kind === "unknown" ? kindOfText(said || declared.message) : declared.kind;
}

function fromResult(result: NonNullable<RunFacts["result"]>, said: string): ErrorKind | undefined {
  const status = result.apiErrorStatus;
  if (status === 401 || status === 403) return "auth";
  if (status === 402) return "limit_reached";
  if (status === 413) return "context_exhausted";
  if (status === 429) return kindOfText(said) === "usage_limit" ? "usage_limit" : "overloaded";
  if (status === 408) return "network";
  if (status !== undefined && status >= 500) return "overloaded";
  if (/budget_exhausted|max_turns/.test(result.terminalReason ?? "")) return "limit_reached";
  if (result.subtype?.startsWith("error_max_")) return "limit_reached";
  if (status !== undefined && status >= 400) return kindOfText(said) ?? "unknown";
  return undefined;
}

function fromRetry(retry: RunFacts["retry"], said: string): ErrorKind | undefined {
  if (!retry) return undefined;
  if (retry.status === 401 || retry.status === 403) return "auth";
  // A lost connection is announced without a status, as "unknown".
  if (retry.status === undefined && (retry.error ?? "unknown") === "unknown") return "network";
  return kindOfWord(retry.error ?? "overloaded", said);
}

function fromExit(exitCode: number | undefined): ErrorKind | undefined {
  // What a shell answers for a command that it cannot find (127) or cannot run (126).
  return exitCode === 127 || exitCode === 126 ? "agent_missing" : undefined;
}

function ending(facts: RunFacts): string {
  if (facts.signal) return `The agent was ended by ${facts.signal}`;
  if (facts.exitCode === 0) return "The agent ended without a result";
  return "The agent ended without a word";
}

function withExit(message: string, facts: RunFacts): string {
  const code = facts.exitCode;
  return code === undefined || code === 0 ? message : `${message} (Exit code: ${code})`;
}

function lastLine(text: string): string {
  return text.slice(-2000).trim().split("\n").at(-1)?.trim() ?? "";
}

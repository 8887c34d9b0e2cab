/** The one place that words an error for people, and for programs in JSON mode. */
import { ProblemError, ServerUnreachable, UnexpectedAnswer } from "@makima/client/client-error";
import type { FieldError } from "@makima/protocol/problem";
import { CliError, QuietExit } from "./cli-error.ts";
import { ConfigError } from "./config/config-error.ts";
import { EXIT, exitOfProblem, type ExitCode } from "./exit-codes.ts";
import type { Output } from "./output.ts";
import { sanitize, sanitizeLine } from "./print/terminal.ts";

export interface Wording {
  /** A sentence: what happened. */
  what: string;
  why: string[];
  /** Commands or steps. */
  next: string[];
  code: string;
  requestId?: string | undefined;
  status?: number | undefined;
  errors?: FieldError[] | undefined;
  exit: ExitCode;
}

export function wordError(error: unknown): Wording {
  if (error instanceof ProblemError) return wordProblem(error);
  if (error instanceof ServerUnreachable) {
    return {
      what: error.message,
      why: [],
      next: ["makima up", "makima doctor"],
      code: error.code,
      exit: EXIT.unreachable,
    };
  }
  if (error instanceof UnexpectedAnswer) {
    return {
      what: error.message,
      why: ["It may be another program, or a makima of another version."],
      next: ["makima status", "makima doctor"],
      code: error.code,
      status: error.status,
      exit: EXIT.unreachable,
    };
  }
  if (error instanceof ConfigError) {
    const what =
      error.issues.length === 1
        ? "The configuration is wrong."
        : `The configuration is wrong in ${error.issues.length} places.`;
    return {
      what,
      why: error.lines(),
      next: ["makima config list --show-origin"],
      code: error.code,
      exit: EXIT.usage,
    };
  }
  if (error instanceof CliError) {
    const why = error.why === undefined ? [] : error.why.split("\n");
    return { what: error.message, why, next: [...error.next], code: error.code, exit: error.exit };
  }
  if (isAbort(error)) {
    return { what: "Stopped.", why: [], next: [], code: "INTERRUPTED", exit: EXIT.interrupted };
  }
  return wordUnknown(error);
}

function wordProblem(error: ProblemError): Wording {
  const { problem } = error;
  const fields = (problem.errors ?? []).map((field) => `${field.pointer || "request"}: ${field.message}`);
  const next = [...(problem.next ?? [])];
  if (problem.code === "UNAUTHORIZED" && next.length === 0) {
    next.push("makima whoami", `makima login ${error.url}`);
  }
  return {
    what: problem.detail || problem.title,
    why: fields,
    next,
    code: problem.code,
    requestId: problem.requestId,
    status: problem.status,
    errors: problem.errors,
    exit: exitOfProblem(problem.code, problem.status),
  };
}

const BY_ERRNO: Readonly<Record<string, { why: string; next: string }>> = {
  EACCES: { why: "This user may not read or write there.", next: "makima info" },
  EPERM: { why: "The system does not allow it.", next: "makima doctor" },
  ENOSPC: { why: "The disk is full.", next: "makima doctor" },
  EROFS: { why: "The file system is read-only.", next: "makima info" },
  EMFILE: { why: "Too many files are open; raise the limit with ulimit -n.", next: "makima doctor" },
};

function wordUnknown(error: unknown): Wording {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  const known = typeof code === "string" ? BY_ERRNO[code] : undefined;
  if (known) {
    return { what: message, why: [known.why], next: [known.next], code: String(code), exit: EXIT.error };
  }
  if (typeof code === "string" && !code.startsWith("ERR_")) {
    return { what: message, why: [], next: ["makima doctor"], code, exit: EXIT.error };
  }
  // A bug: whoever reports it needs where it happened.
  const stack = error instanceof Error ? (error.stack ?? "").split("\n").slice(1, 4) : [];
  return {
    what: `makima met a bug: ${message}`,
    why: stack.map((line) => line.trim()),
    next: ["makima doctor --json"],
    code: "BUG",
    exit: EXIT.error,
  };
}

function isAbort(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === "AbortError" || (error as { code?: unknown }).code === "ABORT_ERR")
  );
}

/** The message for a person, several lines. */
export function renderError(wording: Wording, paint: Output["errors"]["paint"]): string {
  const lines = [`${paint("red", "✗")} ${sanitize(wording.what)}`];
  for (const why of wording.why) lines.push(`  ${sanitizeLine(why)}`);
  wording.next.forEach((next, index) => {
    lines.push(`  ${paint("dim", index === 0 ? "Next     " : "         ")}${sanitizeLine(next)}`);
  });
  const request = wording.requestId ? ` · request ${wording.requestId}` : "";
  lines.push(paint("dim", `  ${sanitizeLine(wording.code)}${sanitizeLine(request)} · exit ${wording.exit}`));
  return lines.join("\n");
}

/** The same as a problem object, for programs. */
export function problemFor(wording: Wording): Record<string, unknown> {
  return {
    type: `/docs/errors/${wording.code.toLowerCase().replaceAll("_", "-")}`,
    title: wording.what,
    status: wording.status ?? 0,
    detail: [wording.what, ...wording.why].join(" "),
    code: wording.code,
    message: wording.what,
    ...(wording.errors ? { errors: wording.errors } : {}),
    next: wording.next,
    requestId: wording.requestId ?? "",
    exit: wording.exit,
  };
}

/** Says what went wrong on stderr and gives the exit code. */
export function reportError(error: unknown, out: Output, stderr: { write(text: string): unknown }): ExitCode {
  if (error instanceof QuietExit) return error.exit;
  const wording = wordError(error);
  stderr.write(
    out.json ? `${JSON.stringify(problemFor(wording))}\n` : `${renderError(wording, out.errors.paint)}\n`,
  );
  return wording.exit;
}

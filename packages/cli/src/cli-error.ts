/** A failure that the CLI itself finds, with all that a person needs to go on. */
import { EXIT, type ExitCode } from "./exit-codes.ts";

export interface CliErrorFacts {
  /** Literal, in capitals; stays the same between versions. */
  code: string;
  /** What happened: a sentence. */
  message: string;
  /** Why, where it is known. */
  why?: string | undefined;
  /** Commands or steps that help, the likeliest first. */
  next?: readonly string[];
  exit?: ExitCode;
  cause?: unknown;
}

export class CliError extends Error {
  readonly code: string;
  readonly why: string | undefined;
  readonly next: readonly string[];
  readonly exit: ExitCode;

  constructor(facts: CliErrorFacts) {
    super(facts.message, { cause: facts.cause });
    this.name = "CliError";
    this.code = facts.code;
    this.why = facts.why;
    this.next = facts.next ?? [];
    this.exit = facts.exit ?? EXIT.error;
  }
}

/** The command line is wrong. */
export function usageError(message: string, ...next: string[]): CliError {
  return new CliError({ code: "USAGE", message, next, exit: EXIT.usage });
}

/** Ends a command with an exit code and nothing more to say: what was to say has been said. */
export class QuietExit extends Error {
  readonly exit: ExitCode;

  constructor(exit: ExitCode) {
    super(`exit ${exit}`);
    this.name = "QuietExit";
    this.exit = exit;
  }
}

/** What the exit code of a command means; the same for every command. */

export const EXIT = {
  ok: 0,
  error: 1,
  usage: 2,
  notFound: 3,
  auth: 4,
  conflict: 5,
  needsPerson: 6,
  unreachable: 7,
  timeout: 124,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: "it worked",
  1: "an error; the message says which",
  2: "the command line or a configuration file is wrong",
  3: "what was named does not exist",
  4: "not signed in, or not allowed",
  5: "a conflict: changed meanwhile, guarded, or not possible in this state",
  6: "a person is needed: the work waits in `makima questions` or is blocked",
  7: "no server answers",
  124: "the time given with --timeout is over",
  130: "stopped with Ctrl-C",
};

const BY_PROBLEM: Readonly<Record<string, ExitCode>> = {
  UNAUTHORIZED: EXIT.auth,
  FORBIDDEN: EXIT.auth,
  VERSION_CONFLICT: EXIT.conflict,
  PHASE_GUARD_REQUIRED: EXIT.conflict,
  INVALID_TRANSITION: EXIT.conflict,
  ALREADY_ANSWERED: EXIT.conflict,
  STALE_LEASE: EXIT.conflict,
  IDEMPOTENCY_MISMATCH: EXIT.conflict,
  VALIDATION_FAILED: EXIT.usage,
  PAYLOAD_TOO_LARGE: EXIT.usage,
  DB_UNAVAILABLE: EXIT.unreachable,
};

/** The exit code for a problem of the API. */
export function exitOfProblem(code: string, status: number): ExitCode {
  const known = BY_PROBLEM[code];
  if (known !== undefined) return known;
  if (status === 404) return EXIT.notFound;
  if (status === 401 || status === 403) return EXIT.auth;
  if (status === 409 || status === 412) return EXIT.conflict;
  return EXIT.error;
}

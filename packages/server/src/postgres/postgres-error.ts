/** Failures of the PostgreSQL that makima brings along, worded once. */

export const POSTGRES_ERROR_CODES = [
  "postgres_missing",
  "no_unprivileged_user",
  "in_use",
  "disk_full",
  "path_too_long",
  "folder_unusable",
  "init_failed",
  "start_failed",
  "stop_failed",
] as const;
export type PostgresErrorCode = (typeof POSTGRES_ERROR_CODES)[number];

export class PostgresError extends Error {
  readonly code: PostgresErrorCode;
  /** The end of what PostgreSQL said. */
  readonly output: string;

  constructor(code: PostgresErrorCode, message: string, output = "", options?: ErrorOptions) {
    super(message, options);
    this.name = "PostgresError";
    this.code = code;
    this.output = output;
  }
}

const NO_SPACE = /no space left on device|ENOSPC|disk quota exceeded|EDQUOT/i;

/** The failure of a step, with a full disk told apart. `what` is a sentence without its full stop. */
export function failedStep(
  code: PostgresErrorCode,
  what: string,
  place: string,
  output: string,
  cause?: unknown,
): PostgresError {
  const said = output.trim().split("\n").slice(-5).join("\n");
  if (NO_SPACE.test(output) || (cause instanceof Error && NO_SPACE.test(cause.message))) {
    return new PostgresError(
      "disk_full",
      `${what}: the disk of ${place} is full. Free some space there and start makima again.`,
      output,
      { cause },
    );
  }
  const detail = said || (cause instanceof Error ? cause.message : "it said nothing");
  return new PostgresError(
    code,
    `${what}: ${detail}. Its files are in ${place}; \`makima doctor\` looks further, and DATABASE_URL uses a PostgreSQL of your own.`,
    output,
    { cause },
  );
}

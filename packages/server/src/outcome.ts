/** What a job answers: its value, or a refusal that the door words as a problem. */
import type { FieldError, ProblemCode } from "@makima/protocol/problem";

export interface Refusal {
  code: ProblemCode;
  /** One or two full sentences: what, why. */
  detail: string;
  details?: Record<string, unknown>;
  errors?: FieldError[];
  /** Commands that help. */
  next?: string[];
}

export type Outcome<T> = { ok: true; value: T } | { ok: false; refusal: Refusal };

export function done<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

export function refused(
  code: ProblemCode,
  detail: string,
  more: Omit<Refusal, "code" | "detail"> = {},
): Outcome<never> {
  return { ok: false, refusal: { code, detail, ...more } };
}

/** Requests against their zod schemas; what does not fit is told field by field. */
import type { FastifySchemaCompiler } from "fastify";
import type { z } from "zod";
import type { FieldError } from "@makima/protocol/problem";

export class RequestNotValid extends Error {
  readonly errors: FieldError[];
  constructor(errors: FieldError[]) {
    super(errors.map(({ pointer, message }) => (pointer ? `${pointer}: ${message}` : message)).join("; "));
    this.errors = errors;
  }
}

/** Most field errors that one answer lists. */
const MOST = 50;

/** What fastify calls to check params, query and body of a route. */
export const zodValidator: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const inBody = httpPart === "body";
  return (data) => {
    const bad = unstorable(data, [], inBody);
    if (bad) return { error: new RequestNotValid([bad]) };
    // An action without a body is an action without settings.
    const parsed = schema.safeParse(inBody && (data === undefined || data === null) ? {} : data);
    if (parsed.success) return { value: parsed.data };
    return { error: new RequestNotValid(fieldErrors(parsed.error, inBody)) };
  };
};

function fieldErrors(error: z.ZodError, inBody: boolean): FieldError[] {
  return error.issues.slice(0, MOST).flatMap((issue): FieldError[] => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        pointer: pointerOf([...issue.path, key], inBody),
        message: "is not a known field",
      }));
    }
    return [{ pointer: pointerOf(issue.path, inBody), message: issue.message }];
  });
}

/** JSON pointer (RFC 6901) into the body; for params and query the bare name. */
function pointerOf(path: readonly PropertyKey[], inBody: boolean): string {
  const parts = path.map(String);
  if (!inBody) return parts.join(".");
  return parts.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** PostgreSQL's text holds neither NUL nor half of a surrogate pair. Depth is bounded by the body parser. */
function unstorable(value: unknown, path: PropertyKey[], inBody: boolean): FieldError | undefined {
  if (typeof value === "string") {
    if (!value.includes("\0") && value.isWellFormed()) return undefined;
    return { pointer: pointerOf(path, inBody), message: "has a NUL or a broken character in it" };
  }
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, each] of Object.entries(value)) {
    const bad = unstorable(key, [...path, key], inBody) ?? unstorable(each, [...path, key], inBody);
    if (bad) return bad;
  }
  return undefined;
}

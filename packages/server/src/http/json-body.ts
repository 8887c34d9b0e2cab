/** JSON bodies, bounded in size by the server and in depth here, and without keys that reach prototypes. */
import type { FastifyInstance } from "fastify";
import { RefusalError } from "./problem-reply.ts";

/** Deepest nesting of a body or frame; what people and agents send is under 20. */
export const MAX_JSON_DEPTH = 64;

export function acceptJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined);
    let text;
    try {
      text = utf8.decode(body as Buffer);
    } catch {
      return done(notReadable("The body is not valid UTF-8."), undefined);
    }
    if (isDeeperThan(text, MAX_JSON_DEPTH)) {
      return done(notReadable(`The body is nested more than ${MAX_JSON_DEPTH} levels deep.`), undefined);
    }
    parse(request, text, (error, value) =>
      error
        ? done(notReadable(`The body is not valid JSON: ${error.message}.`), undefined)
        : done(null, value),
    );
  });
}

/** True when JSON text opens more brackets than `depth` at once. Reads, parses nothing. */
export function isDeeperThan(text: string, depth: number): boolean {
  let open = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (inString) {
      if (char === BACKSLASH) at += 1;
      else if (char === QUOTE) inString = false;
    } else if (char === QUOTE) inString = true;
    else if (char === BRACKET || char === BRACE) {
      open += 1;
      if (open > depth) return true;
    } else if (char === BRACKET + 2 || char === BRACE + 2) open -= 1;
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `[` and `{`; their closing ones stand two further on. */
const BRACKET = 0x5b;
const BRACE = 0x7b;

function notReadable(detail: string): RefusalError {
  return new RefusalError({ code: "VALIDATION_FAILED", detail });
}

/** Who sends a request: an API key, a JSON web token or a browser's session, in that order. */
import type { IncomingHttpHeaders } from "node:http";
import type { Caller, Deps } from "../deps.ts";
import { authenticateKey, authenticateSession, authenticateSubject } from "../jobs/authenticate.ts";
import { refused, type Outcome } from "../outcome.ts";
import type { VerifyJwt } from "./jwt.ts";
import { sessionTokenOf } from "./session-cookie.ts";

const NO_KEY = refused(
  "UNAUTHORIZED",
  "Say who you are: send an API key as `Authorization: Bearer mk_…`, or sign in.",
  {
    next: ["makima login", "makima api-keys create"],
  },
);
const BAD_KEY = refused(
  "UNAUTHORIZED",
  "This key or session is not known, or it has expired or been revoked.",
  {
    next: ["makima login"],
  },
);

export type Identify = (headers: IncomingHttpHeaders) => Promise<Outcome<Caller>>;

export function makeIdentify(deps: Deps, verifyJwt: VerifyJwt | undefined): Identify {
  return async ({ authorization, cookie }) => {
    if (authorization !== undefined) {
      const credential = /^bearer +([\x21-\x7e]{1,8192})$/i.exec(authorization)?.[1];
      if (!credential) return NO_KEY;
      if (credential.startsWith("mk_")) return known(await authenticateKey(deps, credential));
      const subject = await verifyJwt?.(credential);
      return subject ? known(await authenticateSubject(deps, subject)) : BAD_KEY;
    }
    const token = sessionTokenOf(cookie);
    return token === undefined ? NO_KEY : known(await authenticateSession(deps, token));
  };
}

/** One answer for every way in which a credential is no good: strangers learn nothing. */
function known(outcome: Outcome<Caller>): Outcome<Caller> {
  return outcome.ok ? outcome : BAD_KEY;
}

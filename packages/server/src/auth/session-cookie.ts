/**
 * The browser's cookie: readable by no script, sent by no foreign page. The plug-in must be registered before
 * its functions work; they are used on bare headers because sockets have no framework's request.
 */
import { fastifyCookie as cookie } from "@fastify/cookie";

const PLAIN = "makima_session";
/** The prefix makes browsers insist on Secure, on Path=/ and on no Domain. */
const SECURE = "__Host-makima_session";

export function sessionCookie(token: string, expires: Date, secure: boolean): string {
  return cookie.serialize(secure ? SECURE : PLAIN, token, { ...attributes(secure), expires });
}

export function endedSessionCookie(secure: boolean): string {
  return cookie.serialize(secure ? SECURE : PLAIN, "", { ...attributes(secure), maxAge: 0 });
}

/** The session's token out of a Cookie header. */
export function sessionTokenOf(header: string | undefined): string | undefined {
  if (!header) return undefined;
  const found = cookie.parse(header);
  return found[SECURE] ?? found[PLAIN];
}

function attributes(secure: boolean) {
  return { path: "/", httpOnly: true, sameSite: "strict", secure } as const;
}

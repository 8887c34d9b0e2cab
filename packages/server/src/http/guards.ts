/**
 * Who may knock at all: the Host that a request names and the Origin of the page that sent it.
 *
 * A page elsewhere can make a browser send requests to this machine. Under DNS rebinding it does so under a
 * name of its own, which the Host check refuses; otherwise its Origin betrays it. Programs send no Origin.
 */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { Refusal } from "../outcome.ts";

export interface GuardSettings {
  /** Address that the server binds. */
  host: string;
  /** Address under which people reach the server, e.g. `https://makima.example`. */
  publicUrl?: string;
  /** Further origins whose pages may call the API. */
  allowedOrigins: readonly string[];
}

export interface Guards {
  /** Undefined when the request may pass. Used for REST and, before the upgrade, for sockets. */
  check(request: IncomingMessage): Refusal | undefined;
  /** True for a foreign origin that is on the list, whose pages are told so by CORS headers. */
  isListed(origin: string | undefined): origin is string;
}

export function makeGuards(settings: GuardSettings): Guards {
  const publicUrl = settings.publicUrl ? new URL(settings.publicUrl) : undefined;
  const listed = new Set(settings.allowedOrigins.map((origin) => new URL(origin).origin));
  const names = new Set(["localhost", unbracket(settings.host).toLowerCase()]);
  if (publicUrl) names.add(unbracket(publicUrl.hostname));

  function hostAllowed(request: IncomingMessage): boolean {
    const name = hostName(request.headers.host);
    if (name === undefined) return false;
    // An address that the connection really came in on cannot be a rebound name.
    return names.has(name) || isLoopback(name) || (isIP(name) > 0 && sameAddress(name, request));
  }

  function originAllowed(request: IncomingMessage): boolean {
    const { origin, host } = request.headers;
    if (origin === undefined) return true;
    if (!URL.canParse(origin)) return false;
    const from = new URL(origin);
    if (from.protocol !== "http:" && from.protocol !== "https:") return false;
    return (
      from.host === canonicalHost(from.protocol, host) ||
      from.origin === publicUrl?.origin ||
      listed.has(from.origin)
    );
  }

  return {
    check(request) {
      if (!hostAllowed(request)) {
        return forbidden(
          `The server does not answer to the name ${JSON.stringify(request.headers.host ?? "")}. ` +
            "If people reach it under that name, set server.public_url.",
        );
      }
      if (!originAllowed(request)) {
        return forbidden(
          `Pages of ${JSON.stringify(request.headers.origin)} may not call this server. ` +
            "If they should, add that origin to server.allowed_origins.",
        );
      }
      return undefined;
    },
    isListed: (origin): origin is string => origin !== undefined && listed.has(origin),
  };
}

/** True for addresses and names that only this machine reaches. */
export function isLoopback(host: string): boolean {
  const name = unbracket(host).toLowerCase();
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}

function forbidden(detail: string): Refusal {
  return { code: "FORBIDDEN", detail };
}

/** Name or address in a Host header, without port; undefined when the header is none. */
function hostName(host: string | undefined): string | undefined {
  if (!host || !/^[A-Za-z0-9.:_[\]-]+$/.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  return unbracket(new URL(`http://${host}`).hostname);
}

/** `host:port` as URL.host writes it for a scheme: the scheme's own port is left out. */
function canonicalHost(protocol: string, host: string | undefined): string | undefined {
  if (!host || !URL.canParse(`${protocol}//${host}`)) return undefined;
  return new URL(`${protocol}//${host}`).host;
}

function sameAddress(name: string, request: IncomingMessage): boolean {
  return request.socket.localAddress?.replace(/^::ffff:/, "") === name;
}

function unbracket(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

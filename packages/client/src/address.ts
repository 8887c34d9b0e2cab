/** Addresses of one server: people write http, https, ws or wss, with or without a slash at the end. */

/** The HTTP origin (and path prefix, behind a proxy) of what a person configured. Throws on what is no address. */
export function httpAddress(written: string): string {
  const url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(written) ? written : `http://${written}`);
  if (url.protocol === "ws:") url.protocol = "http:";
  if (url.protocol === "wss:") url.protocol = "https:";
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`${written} is no address of a server; write http://, https://, ws:// or wss://.`);
  }
  url.search = "";
  url.hash = "";
  url.username = "";
  url.password = "";
  return url.href.replace(/\/+$/, "");
}

/** The WebSocket address of a path below `/api/v1`. */
export function socketAddress(server: string, path: string): string {
  return `${httpAddress(server).replace(/^http/, "ws")}/api/v1${path}`;
}

/** Whether an address stays on this machine. */
export function isLoopback(server: string): boolean {
  const host = new URL(httpAddress(server)).hostname;
  return host === "localhost" || host === "[::1]" || /^127(?:\.\d+){3}$/.test(host);
}

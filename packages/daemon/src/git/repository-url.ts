/**
 * Which addresses of remote repositories makima uses: https and ssh, `file` only where it is configured.
 * Never a transport that starts a program, never an option, never the network's own services.
 */
import { isIPv4, isIPv6 } from "node:net";
import { GitError } from "./error.ts";

export interface UrlRules {
  /** Permit `file://` addresses and absolute paths. */
  readonly allowFile: boolean;
}

/** Names under which clouds answer with credentials. */
const METADATA_HOSTS = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "instance-data",
  "instance-data.ec2.internal",
  "169.254.169.254",
  "100.100.100.200",
  "192.0.0.192",
  "fd00:ec2::254",
]);

/** The address itself when it may be used. Throws `unsafe_url` with the reason. */
export function requireRepositoryUrl(url: string, rules: UrlRules): string {
  const why = refusal(url, rules);
  if (why === undefined) return url;
  throw new GitError(
    "unsafe_url",
    `${JSON.stringify(url.slice(0, 300))} cannot be used as a repository's address: ${why}. Use https://host/path, ssh://user@host/path or user@host:path.`,
  );
}

function refusal(url: string, rules: UrlRules): string | undefined {
  if (url.length > 2048) return "it is longer than 2048 characters";
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  if (/[\u0000-\u001f\u007f]/.test(url)) return "it has control characters";
  if (url === "" || url.startsWith("-")) return "it would be read as an option";
  if (/^[\w+.-]*::/.test(url)) return "it names a helper program";
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return refusalOfUrl(url, rules);
  if (url.startsWith("/")) return rules.allowFile ? undefined : "file addresses are not allowed here";
  return refusalOfScp(url);
}

function refusalOfUrl(url: string, rules: UrlRules): string | undefined {
  if (!URL.canParse(url)) return "it is not a well-formed URL";
  const parsed = new URL(url);
  const scheme = parsed.protocol.slice(0, -1);
  if (scheme === "file") {
    if (!rules.allowFile) return "file addresses are not allowed here";
    return parsed.host === "" && url.startsWith("file:///") ? undefined : "a file address has no host";
  }
  if (scheme !== "https" && scheme !== "ssh") return `${scheme} is neither https nor ssh`;
  if (/\s/.test(url)) return "it has spaces";
  if (parsed.password !== "") {
    return "it holds a password, which other programs of this host could read (put it into a git credential helper)";
  }
  if (decodeURIComponentOr(parsed.username).startsWith("-")) return "its user would be read as an option";
  return refusalOfHost(decodeURIComponentOr(parsed.hostname));
}

/** `[user@]host:path`, ssh in short. */
function refusalOfScp(url: string): string | undefined {
  const parts = /^(?:([^@/:\s]+)@)?(\[[^\]\s]+\]|[^/:\s]+):(?!\/\/)(\S.*)$/.exec(url);
  if (parts === null) return "it is neither a URL nor user@host:path";
  const [, user = "", host = "", path = ""] = parts;
  if (user.startsWith("-") || path.startsWith("-")) return "a part of it would be read as an option";
  return refusalOfHost(host);
}

function refusalOfHost(host: string): string | undefined {
  if (host === "") return "it has no host";
  if (host.startsWith("-")) return "its host would be read as an option";
  // The URL parser of https knows all the ways to write an IPv4 address (decimal, hexadecimal, short).
  const asHttps = `https://${host}/`;
  if (!URL.canParse(asHttps)) return "its host is not well-formed";
  const plain = new URL(asHttps).hostname
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "")
    .toLowerCase();
  if (METADATA_HOSTS.has(plain)) return "its host is a cloud's metadata service";
  if (isLinkLocal(plain)) return "its host is a link-local address";
  return undefined;
}

function isLinkLocal(host: string): boolean {
  if (isIPv4(host)) return host.startsWith("169.254.") || host.startsWith("0.");
  if (!isIPv6(host)) return false;
  if (/^fe[89ab]/.test(host)) return true;
  // ::ffff:a9fe:… and 64:ff9b::a9fe:… carry 169.254.…, which the URL parser writes in hexadecimal.
  return /(?:^|:)a9fe:[0-9a-f]{1,4}$/.test(host) || host === "::";
}

function decodeURIComponentOr(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What must be known before Claude Code is started. */

export type PreflightRefusal = { code: "root_without_sandbox"; message: string };

/**
 * Claude Code refuses to skip permissions as root unless it is told that it is in a sandbox; makima tells it
 * so only when that is true, or passes on what the operator set. Better refused before anything is made.
 */
export function refuseAsRoot(facts: {
  uid: number | undefined;
  enablePermissions: boolean;
  env: Record<string, string>;
}): PreflightRefusal | undefined {
  if (facts.uid !== 0 || facts.enablePermissions || facts.env["IS_SANDBOX"] === "1") return undefined;
  return {
    code: "root_without_sandbox",
    message:
      "Claude Code does not skip permissions for root. Switch makima's sandbox on ([process.bubblewrap] enabled = true, or --bubblewrap), or run the daemon as another user. (Where the whole machine is a sandbox, such as a container, set IS_SANDBOX=1 for the daemon.)",
  };
}

/** What the person should know about the key in use; `undefined` when a login is used. */
export function keyNotice(env: Record<string, string>): string | undefined {
  if (!env["ANTHROPIC_API_KEY"]) return undefined;
  return "ANTHROPIC_API_KEY is set: it is used instead of the login, and billed to that key. Unset it to use the login.";
}

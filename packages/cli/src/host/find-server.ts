/** Which server a command talks to. */
export interface FoundServer {
  /** HTTP address. */
  url: string;
  key: string | undefined;
  /** How it was found: named by a person, or the one of this machine. */
  source: "flag" | "environment" | "user" | "local";
  version?: string | undefined;
  instanceId?: string | undefined;
}

/** What handlers are given beside the request. */
import type { Deps } from "../../deps.ts";
import type { Outcome, Refusal } from "../../outcome.ts";
import type { SignInLimit } from "../sign-in-limit.ts";
import type { Query } from "@makima/protocol/daemon-wire";

export interface HandlerContext {
  deps: Deps;
  instanceId: string;
  /** Epoch milliseconds. */
  startedAt: number;
  /** Address under which browsers reach the server, without a slash at the end. */
  publicUrl: () => string;
  /** Cookies are for https only. */
  secure: boolean;
  sessionTtlSecs: number;
  /** Asks one daemon by its id, or any that is connected for an owner. */
  queryDaemon: (whom: string | { ownerId: string }, query: Query) => Promise<Outcome<unknown>>;
  /** Why no request can be served just now. */
  ready: () => Promise<Refusal | undefined>;
  signIns: SignInLimit;
}

/** The daemon of this machine on a server: only it can work in a local repository. */
import { sleep } from "@makima/client/sleep";
import type { Client } from "@makima/client/rest";
import type { DaemonView } from "@makima/protocol/api/mesh";
import { routes } from "@makima/protocol/api/routes";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { shellWord } from "../print/words.ts";

export interface WantedDaemon {
  hostId: string;
  agent: "claude" | "sim";
  /** Milliseconds to wait for it: one that was just started needs a moment to connect. */
  waitMs: number;
  signal?: AbortSignal;
  now?: () => number;
}

/** The connected daemon of this host that can run the agent. Throws NO_LOCAL_DAEMON (exit 7) or AGENT_MISSING. */
export async function requireHostDaemon(client: Client, wanted: WantedDaemon): Promise<DaemonView> {
  const now = wanted.now ?? (() => performance.now());
  const until = now() + wanted.waitMs;
  for (;;) {
    const all = await listDaemons(client, wanted.signal);
    const here = all.filter((daemon) => daemon.hostId === wanted.hostId && daemon.connected);
    const able = here.find((daemon) => agentProblem(daemon, wanted.agent) === undefined);
    if (able) {
      requireSignedIn(able, wanted.agent);
      return able;
    }
    if (now() >= until) throw here[0] ? unable(here[0], wanted.agent) : noDaemon(client.url, all);
    await sleep(200, wanted.signal);
  }
}

/** A task would be made and wait; a person who is there now is told first. */
function requireSignedIn(daemon: DaemonView, agent: string): void {
  const signedOut = daemon.authRequired.find((each) => each.agent === agent);
  if (!signedOut) return;
  const flag = agent === "claude" ? "" : ` --agent ${agent}`;
  throw new CliError({
    code: "AGENT_SIGNED_OUT",
    message: signedOut.message,
    why: signedOut.loginUrl,
    next: [`makima inbox sign-in ${shellWord(daemon.name)} CODE${flag}`, "then run this again"],
    exit: EXIT.needsPerson,
  });
}

async function listDaemons(client: Client, signal: AbortSignal | undefined): Promise<DaemonView[]> {
  const daemons: DaemonView[] = [];
  let after: string | undefined;
  do {
    const query = after === undefined ? { limit: 500 } : { limit: 500, after };
    const page = await client.call(routes.listDaemons, { query }, { signal });
    daemons.push(...page.items);
    after = page.nextCursor ?? undefined;
  } while (after !== undefined);
  return daemons;
}

/** Why a daemon cannot run an agent; undefined: it can, or does not say otherwise. */
function agentProblem(daemon: DaemonView, agent: string): string | undefined {
  const info = daemon.agents.find(({ name }) => name === agent);
  return info && !info.available ? (info.problem ?? `${agent} is not available`) : undefined;
}

function unable(daemon: DaemonView, agent: string): CliError {
  return new CliError({
    code: "AGENT_MISSING",
    message: `The daemon ${daemon.name} on this machine cannot run ${agent}.`,
    why: agentProblem(daemon, agent),
    next: ["makima doctor", "After a fix: makima down, then run this again", "Without it: --agent sim"],
    exit: EXIT.error,
  });
}

function noDaemon(url: string, others: readonly DaemonView[]): CliError {
  const connected = others.filter((daemon) => daemon.connected).length;
  const elsewhere = connected === 0 ? "It has none at all." : `It has ${connected} on other machines.`;
  return new CliError({
    code: "NO_LOCAL_DAEMON",
    message: `The server at ${url} has no daemon on this machine.`,
    why: `A local repository belongs to its machine, so only a daemon here can work in it. ${elsewhere}`,
    next: [`makima daemon --server-url ${url}    then run this again`, "makima status", "makima doctor"],
    exit: EXIT.unreachable,
  });
}

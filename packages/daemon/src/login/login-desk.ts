/**
 * Logins that ran out: told once per agent, begun where the agent offers a way to sign in from afar, and
 * everybody who waits goes on when it is done.
 */
import type { Report } from "@makima/protocol/daemon-wire";
import type { Logger } from "pino";

/** One login under way, as `agent/login.ts` runs it. */
export interface LoginFlow {
  /** Where the person is to go; undefined when the agent gave no address. */
  url: string | undefined;
  /** Resolves to whether the agent is signed in now. */
  submit(code: string): Promise<{ ok: boolean; message: string }>;
  cancel(): void;
}

export interface LoginDeskOptions {
  hostname: string;
  log: Logger;
  report: (report: Report) => void;
  /** Begins the agent's own login; rejects when there is none. */
  begin: (agent: string) => Promise<LoginFlow>;
  /** Whether the agent is signed in, as it says itself; undefined when it does not say. */
  signedIn: (agent: string) => Promise<boolean | undefined>;
  /** Milliseconds between looks whether somebody signed in on the host itself. */
  lookMs?: number;
}

interface Waiting {
  flow: LoginFlow | undefined;
  look: NodeJS.Timeout | undefined;
}

const LOOK_MS = 30_000;

export class LoginDesk {
  readonly #options: LoginDeskOptions;
  readonly #waiting = new Map<string, Waiting>();
  #closed = false;

  constructor(options: LoginDeskOptions) {
    this.#options = options;
  }

  /** An agent said that it is not signed in. The first time, a login is begun and the person is told. */
  required(agent: string, taskId?: string): void {
    if (this.#waiting.has(agent)) return;
    this.#waiting.set(agent, { flow: undefined, look: undefined });
    void this.#watch(agent);
    void this.#begin(agent, taskId);
  }

  /** A person wants to sign in now. */
  start(agent: string): void {
    if (this.#waiting.has(agent)) this.#again(agent);
    else this.required(agent);
  }

  /** An agent did a turn: it is signed in, however that came about. */
  worked(agent: string): void {
    if (this.#waiting.has(agent)) this.#restored(agent);
  }

  submit(agent: string, code: string): void {
    const flow = this.#waiting.get(agent)?.flow;
    if (!flow) {
      this.#tell(
        agent,
        `No login of ${agent} is under way on ${this.#options.hostname}. Begin one with: makima inbox sign-in`,
      );
      return;
    }
    void flow.submit(code).then(
      ({ ok, message }) => (ok ? this.#restored(agent) : this.#again(agent, message)),
      (error: unknown) => this.#again(agent, error instanceof Error ? error.message : String(error)),
    );
  }

  /** A login takes one code: after one that was wrong the person needs another address. */
  #again(agent: string, why?: string): void {
    const waiting = this.#waiting.get(agent);
    waiting?.flow?.cancel();
    if (!waiting) return;
    waiting.flow = undefined;
    void this.#begin(agent, undefined, why);
  }

  close(): void {
    this.#closed = true;
    for (const { flow, look } of this.#waiting.values()) {
      clearInterval(look);
      flow?.cancel();
    }
    this.#waiting.clear();
  }

  async #begin(agent: string, taskId?: string, why?: string): Promise<void> {
    const { hostname, log, report, begin } = this.#options;
    const begun = this.#waiting.get(agent);
    let flow: LoginFlow | undefined;
    try {
      flow = await begin(agent);
    } catch (error) {
      log.warn({ err: error, agent }, "the login could not be begun from here");
    }
    const waiting = this.#waiting.get(agent);
    // Meanwhile it was signed in, closed, or begun once more.
    if (!waiting || waiting !== begun || waiting.flow) return flow?.cancel();
    waiting.flow = flow?.url === undefined ? undefined : flow;
    const message =
      flow?.url === undefined
        ? `${agent} is signed out on ${hostname}. Sign in on that machine: run "claude" there and type /login.`
        : `${agent} is signed out on ${hostname}. Open the address, sign in, and hand over the code that it shows.`;
    report({
      type: "authRequired",
      agent,
      hostname,
      message: why === undefined ? message : `${why} ${message}`,
      ...(taskId === undefined ? {} : { taskId }),
      ...(flow?.url === undefined ? {} : { loginUrl: flow.url }),
    });
  }

  /**
   * Looks from time to time whether somebody signed in on the host itself; there is no event for that. An agent
   * that calls itself signed in while its login is refused cannot tell, and is not asked again.
   */
  async #watch(agent: string): Promise<void> {
    const before = await this.#options.signedIn(agent).catch(() => undefined);
    const waiting = this.#waiting.get(agent);
    if (before !== false || !waiting) return;
    waiting.look = setInterval(() => void this.#look(agent), this.#options.lookMs ?? LOOK_MS);
    waiting.look.unref();
  }

  async #look(agent: string): Promise<void> {
    const signedIn = await this.#options.signedIn(agent).catch(() => undefined);
    if (signedIn === true && this.#waiting.has(agent)) this.#restored(agent);
  }

  #restored(agent: string): void {
    const waiting = this.#waiting.get(agent);
    if (!waiting) return;
    clearInterval(waiting.look);
    waiting.flow?.cancel();
    this.#waiting.delete(agent);
    this.#options.report({ type: "authRestored", agent });
  }

  #tell(agent: string, message: string): void {
    const { hostname, report } = this.#options;
    if (!this.#closed) report({ type: "authRequired", agent, hostname, message });
  }
}

/** Starts what the server does without being asked, and stops it. */
import { sql } from "kysely";
import type { Deps } from "../deps.ts";
import { dispatch } from "./dispatch.ts";
import { ensureLocalOwner } from "./ensure-local-owner.ts";
import { expireLeases } from "./expire-leases.ts";
import { explainWaiting } from "./explain-waiting.ts";
import { retention } from "./retention.ts";
import { startTicker } from "./ticker.ts";
import { wakeTasks } from "./wake.ts";

export interface Jobs {
  /** Takes up nothing new and waits for what runs. */
  close(): Promise<void>;
}

export async function startJobs(deps: Deps): Promise<Jobs> {
  const { signals, log } = deps;
  await ensureLocalOwner(deps);
  // No daemon is connected to a server that only just starts.
  await sql`update makima.daemon set connected = false where connected`.execute(deps.db);

  await using starting = new AsyncDisposableStack();
  const dispatcher = starting.use(startTicker("dispatch", log, () => dispatch(deps).then(() => undefined)));
  const explainer = starting.use(
    startTicker("explain", log, () => explainWaiting(deps).then(() => undefined)),
  );
  const waker = starting.use(startTicker("wake", log, () => wakeTasks(deps)));
  const cleaner = starting.use(startTicker("retention", log, () => retention(deps)));
  const startedAt = performance.now();
  const expirer = starting.use(
    startTicker("leases", log, async () => {
      // No lease runs out before the server was there to be heard for the time of one.
      const early = deps.leases.leaseSecs * 1000 - (performance.now() - startedAt);
      return early > 0 ? early : expireLeases(deps);
    }),
  );
  const workChanged = (): void => dispatcher.kick();
  const timersChanged = (): void => {
    waker.kickSoon();
    expirer.kickSoon();
  };
  const waitingChanged = (): void => explainer.kickSoon();
  // A lease that only just began is due no sooner than after its full time.
  const leaseBegan = (): void => expirer.within(deps.leases.leaseSecs * 1000);
  signals.on("workChanged", workChanged);
  signals.on("workChanged", waitingChanged);
  signals.on("timersChanged", timersChanged);
  signals.on("commandsAdded", leaseBegan);
  starting.defer(() => {
    signals.off("workChanged", workChanged);
    signals.off("workChanged", waitingChanged);
    signals.off("timersChanged", timersChanged);
    signals.off("commandsAdded", leaseBegan);
  });
  workChanged();
  timersChanged();
  cleaner.kick();

  const running = starting.move();
  return { close: () => running.disposeAsync() };
}

/**
 * The stop sequence of an agent: asked, then told, then made to.
 *
 * Its own interrupt lets it end its tools and keep its session whole; then end of input, SIGTERM, SIGKILL to
 * the group; and in each case a sweep of what left the group. Every step waits for an event, at most as long
 * as its grace time.
 */
import { systemClock, within, type Clock } from "./clock.ts";
import type { ProcessIdentity } from "./identity.ts";
import { findMarked, kill, sweep, type Marker } from "./sweep.ts";

/** Milliseconds that each step may take before the next. */
export interface StopGraces {
  /** From the interrupt to the agent's result. */
  interruptMs: number;
  /** From end of input to the process's end. */
  closeMs: number;
  termMs: number;
  killMs: number;
}

export const STOP_GRACES: StopGraces = { interruptMs: 10_000, closeMs: 5000, termMs: 5000, killMs: 5000 };

/** `interrupt` goes the whole way; `terminate` begins at end of input; `kill` at SIGKILL. */
export type StopManner = "interrupt" | "terminate" | "kill";

export interface Stoppable {
  process: ProcessIdentity;
  marker: Marker;
  /** Asks the agent, in its own words, to stop; resolves when it said that it did. */
  interrupt?: () => Promise<unknown>;
  closeInput: () => void;
  exited: Promise<unknown>;
}

export interface StopReport {
  /** The last step that was needed. */
  step: "none" | "interrupt" | "close" | "term" | "kill";
  ended: number[];
  left: number[];
}

export async function stopProcess(
  target: Stoppable,
  manner: StopManner,
  graces: StopGraces = STOP_GRACES,
  clock: Clock = systemClock,
): Promise<StopReport> {
  let gone = false;
  const exited = target.exited.then(
    () => (gone = true),
    () => (gone = true),
  );
  await Promise.resolve();
  let step: StopReport["step"] = "none";
  // Whom we know before we shoot is found even if it has cleaned its environment and lost its parent.
  const known = new Map<number, ProcessIdentity>();
  const remember = async () => {
    for (const identity of await findMarked(target.marker)) known.set(identity.pid, identity);
  };

  if (!gone && manner === "interrupt" && target.interrupt) {
    step = "interrupt";
    await within(Promise.race([target.interrupt(), exited]), graces.interruptMs, clock);
  }
  if (!gone && manner !== "kill") {
    await remember();
    if (step === "none") step = "close";
    target.closeInput();
    await within(exited, graces.closeMs, clock);
  }
  if (!gone && manner !== "kill") {
    await remember();
    if (!gone) {
      step = "term";
      kill(-target.process.pid, "SIGTERM");
      await within(exited, graces.termMs, clock);
    }
  }
  if (!gone) {
    await remember();
    if (!gone) {
      step = "kill";
      kill(-target.process.pid, "SIGKILL");
      await within(exited, graces.killMs, clock);
    }
  }
  const report = await sweep(target.marker, [...known.values()]);
  return { step, ...report };
}

import type { LoopState } from "@makima/protocol/gate";
import type { RunHandle } from "./handle.ts";

/** The loop's state; there is one from the moment that the run was prepared. */
export function loopOf(handle: RunHandle): LoopState {
  const { loop } = handle.run.progress;
  if (!loop) throw new Error("A run is judged before its loop has begun.");
  return loop;
}

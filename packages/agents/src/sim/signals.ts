/**
 * What signals do, as measured on claude 2.1.329: the codes are the real ones, the real one's delay is not. However
 * the process ends, short of SIGKILL, the commands that it runs end with it.
 */
import type { Agent } from "./agent.ts";
import { interruptedLine } from "./end-turn.ts";
import { killShells } from "./shell.ts";

export function heedSignals(agent: Agent): void {
  process.on("exit", killShells);
  // At once, even when nobody takes what is still to be sent.
  const leaveWith = (code: number) => () => {
    if (!agent.deaf) process.exit(code);
  };
  process.on("SIGTERM", leaveWith(143));
  process.on("SIGHUP", leaveWith(129));
  process.on("SIGINT", () => {
    if (agent.deaf) return;
    const { turn, session } = agent;
    if (turn?.activity === "tool" || turn?.activity === "streaming") {
      agent.leaving = true;
      turn.interrupt();
      return;
    }
    // While the API is waited for, there is no result at all, and still the code is 0.
    const last = turn ? agent.wire.send(interruptedLine(session.id, false)) : Promise.resolve();
    void last.then(() => agent.leave(0));
  });
}

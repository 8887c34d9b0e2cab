/** The page of `makima status`. */
import type { TaskStatus } from "@makima/core/task";
import type { Status } from "../host/status.ts";
import type { Output } from "../output.ts";
import { paintStatus, sanitizeLine } from "./terminal.ts";

export function printStatus(status: Status, out: Output): void {
  const { terminal } = out;
  if (!status.server) {
    out.line(terminal.isTty ? "· not running        makima up starts it" : "server\tnot running");
    return;
  }
  const { url, version, pid, uptimeSecs } = status.server;
  const counts = Object.entries(status.tasks).filter(([, count]) => count > 0) as [TaskStatus, number][];
  if (!terminal.isTty) {
    out.line(["server", "running", url, version, pid ?? "", Math.round(uptimeSecs)].join("\t"));
    for (const daemon of status.daemons) {
      out.line(
        [
          "daemon",
          sanitizeLine(daemon.name),
          daemon.connected ? "connected" : "away",
          daemon.running,
          daemon.slots,
        ].join("\t"),
      );
    }
    for (const [name, count] of counts) out.line(["tasks", name, count].join("\t"));
    out.line(["questions", "open", status.openQuestions].join("\t"));
    return;
  }
  const up = terminal.paint(
    "dim",
    `${version} · up ${duration(uptimeSecs)}${pid === null ? "" : ` · process ${pid}`}`,
  );
  out.line(`${terminal.paint("green", "● running")}  ${url}  ${up}`);
  if (status.daemons.length === 0)
    out.line(`  ${terminal.paint("yellow", "⚠ no daemon")}  nothing can run: makima daemon`);
  for (const daemon of status.daemons) {
    const sign = daemon.connected
      ? terminal.paint("green", "● connected")
      : terminal.paint("yellow", "◌ away");
    const drained = daemon.draining ? "  takes no new tasks" : "";
    out.line(`  ${sign}  ${sanitizeLine(daemon.name)}  ${daemon.running}/${daemon.slots} slots${drained}`);
    for (const { agent, message } of daemon.authRequired) {
      out.line(
        `    ${terminal.paint("red", "✖ signed out")}  ${sanitizeLine(agent)}: ${sanitizeLine(message)}`,
      );
    }
  }
  const tasks = counts.map(([name, count]) => `${count} ${paintStatus(terminal, name)}`).join("   ");
  out.line(`  tasks  ${tasks === "" ? terminal.paint("dim", "none under way") : tasks}`);
  if (status.openQuestions > 0) {
    out.line(
      `  ${terminal.paint("yellow", `? ${status.openQuestions} waiting for you`)}  makima questions list`,
    );
  }
}

function duration(secs: number): string {
  if (secs < 90) return `${Math.round(secs)} s`;
  const minutes = Math.round(secs / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

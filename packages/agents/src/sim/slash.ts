/** Messages that begin with a slash are commands of claude's, not prompts. */
import { randomUUID } from "node:crypto";
import type { Agent } from "./agent.ts";
import { sendResult } from "./end-turn.ts";
import { init, system, user } from "./messages.ts";

/** The command's name; undefined for a prompt, such as one that begins with a path ("/etc/hosts is …"). */
export function slashCommand(text: string): string | undefined {
  return /^\/([A-Za-z][\w:-]*)(?=\s|$)/.exec(text)?.[1];
}

export async function runSlashCommand(
  agent: Agent,
  name: string,
  initFacts: Parameters<typeof init>[0],
): Promise<void> {
  const { session, ledger } = agent;
  ledger.startTurn("");
  if (name === "compact") await compact(agent, initFacts);
  else await agent.wire.send(init(initFacts));
  await sendResult(agent, {
    subtype: "success",
    numTurns: 0,
    stopReason: null,
    terminalReason: "completed",
    body: { api_error_status: null, result: name === "compact" ? "" : `Unknown command: /${name}` },
    isError: false,
    durationMs: 1,
    denials: [],
    subagents: 0,
    extra: {},
  });
  session.save();
}

async function compact(agent: Agent, initFacts: Parameters<typeof init>[0]): Promise<void> {
  const { session, wire } = agent;
  const before = session.state.contextTokens;
  session.state.contextTokens = Math.min(before, 600);
  await wire.send(system(session.id, "status", { status: "compacting" }));
  await wire.send(system(session.id, "status", { status: null, compact_result: "success" }));
  await wire.send(init(initFacts));
  const ids = [randomUUID()];
  await wire.send(
    system(session.id, "compact_boundary", {
      compact_metadata: {
        trigger: "manual",
        pre_tokens: before,
        post_tokens: session.state.contextTokens,
        cumulative_dropped_tokens: 0,
        duration_ms: 1,
        preserved_messages: { anchor_uuid: ids[0], uuids: ids, all_uuids: ids },
      },
    }),
  );
  const summary = `This session is being continued from a previous conversation that ran out of context. The summary below covers the earlier portion of the conversation.\n\n${session.state.iteration} turns of a simulation were taken.`;
  await agent.say(user(session.id, summary, { isSynthetic: true }));
  const done = "<local-command-stdout>Compacted </local-command-stdout>";
  await agent.say(user(session.id, done, { isReplay: true }));
}

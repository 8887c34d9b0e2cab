/**
 * A fresh session in place of one whose context is nearly full: it starts from a written account of where the
 * work stands, made from what is known for certain.
 */
import { changedFiles } from "../checkpoint/diff.ts";
import type { RunHandle } from "./handle.ts";
import type { Workplace } from "./launch.ts";
import { loopOf } from "./loop-of.ts";
import type { TurnEnd } from "./turn.ts";

/** Whether so much of the model's context is in use that the next turn should begin afresh. */
export function needsHandOff(handle: RunHandle, turn: TurnEnd): boolean {
  const { contextTokens, contextWindow } = turn.exit.facts;
  if (contextTokens === undefined || contextWindow === undefined || contextWindow === 0) return false;
  return contextTokens / contextWindow >= handle.run.spec.options.contextRecovery.handoffAt;
}

const MAX_FILES = 40;
const MAX_LAST_WORDS = 4000;

/** Writes the account into the loop; what is shown of it is answered. */
export async function handOff(handle: RunHandle, place: Workplace, turn: TurnEnd): Promise<string> {
  const loop = loopOf(handle);
  const { last, tree } = place;
  const files = last
    ? await changedFiles({ gitDir: tree.gitDir, from: tree.baseCommit, to: last.commit })
    : [];
  const names = files
    .slice(0, MAX_FILES)
    .map((file) => `- ${file.path} (+${file.insertions ?? "?"} −${file.deletions ?? "?"})`);
  if (files.length > MAX_FILES) names.push(`- … and ${files.length - MAX_FILES} more`);
  const gate = loop.lastGate;
  const parts = [
    "An earlier session worked on this task until its context was full. What it changed is in the files.",
    names.length > 0
      ? `Changed since the base commit:\n${names.join("\n")}`
      : "Nothing is changed since the base commit.",
    gate?.progress ? `What it said it had accomplished: ${gate.progress}` : "",
    gate && gate.blockers.length > 0 ? `What it said was in the way: ${gate.blockers.join("; ")}` : "",
    loop.failedChecks.length > 0 ? `Checks that failed: ${loop.failedChecks.join("; ")}` : "",
    turn.exit.facts.lastText ? `Its last words:\n${turn.exit.facts.lastText.slice(-MAX_LAST_WORDS)}` : "",
  ];
  loop.handoff = parts.filter((part) => part !== "").join("\n\n");
  loop.resumeSession = false;
  const { contextTokens, contextWindow } = turn.exit.facts;
  const share =
    contextTokens !== undefined && contextWindow
      ? ` (${Math.round((100 * contextTokens) / contextWindow)} % of its context in use)`
      : "";
  return `The session is handed off to a fresh one${share}.`;
}

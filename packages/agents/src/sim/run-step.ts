/** Which function does which kind of step. A kind without one does not compile. */
import type { Step, StepKind, StepValue } from "./script.ts";
import { commit, run, spawnOrphan } from "./steps/commands.ts";
import { append, edit, read, remove, write } from "./steps/files.ts";
import { backgroundResult, subagent } from "./steps/side-work.ts";
import { ask, permission } from "./steps/person.ts";
import { gate, lines, raw, say, stderr, think } from "./steps/say.ts";
import { authExpired, contextFull, crash, hang, overloaded, usageLimit } from "./steps/trouble.ts";
import { fillPlaceholders } from "./placeholders.ts";
import type { Turn } from "./turn.ts";

const RUN: { readonly [Kind in StepKind]: (turn: Turn, value: StepValue<Kind>) => Promise<void> } = {
  say,
  think,
  write,
  edit,
  append,
  delete: remove,
  read,
  run,
  commit,
  ask,
  permission,
  gate,
  lines,
  raw,
  stderr,
  crash,
  hang,
  usageLimit,
  authExpired,
  overloaded,
  contextFull,
  spawnOrphan,
  backgroundResult,
  subagent,
  // Says in the script, and nowhere else, that the turn means to end without a gate.
  noGate: async () => {},
  wait: async (turn, seconds) => {
    turn.activity = "api";
    await turn.agent.sleep(seconds, turn.signal);
  },
  cost: async (turn, usd) => {
    turn.agent.ledger.costUsd += usd;
  },
  usage: async (turn, figures) => {
    turn.endRound();
    turn.agent.ledger.setNext(figures);
  },
};

export async function runStep<Kind extends StepKind>(turn: Turn, step: Step & { kind: Kind }): Promise<void> {
  const perform = RUN[step.kind] as (turn: Turn, value: unknown) => Promise<void>;
  await perform(turn, fillPlaceholders(step.value, turn));
}

/** Kinds that are not done again when an interrupt stopped them: their work was refused, as claude tells its model. */
export const DROPPED_BY_INTERRUPT: ReadonlySet<StepKind> = new Set([
  "wait",
  "hang",
  "run",
  "spawnOrphan",
  "subagent",
  "backgroundResult",
]);

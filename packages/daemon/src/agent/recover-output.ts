/** After a crash of the daemon: brings in what a dead agent wrote and the journal does not have. */
import { followOutput, type OutputOffsets, type OutputSpec } from "./agent-output.ts";
import type { TurnFacts } from "./turn-facts.ts";

/** Reads the spool to its end. The agent must be gone (`endOrphan`), or its last words are missed. */
export async function recoverOutput(spec: OutputSpec & { from: OutputOffsets }): Promise<TurnFacts> {
  const output = await followOutput(spec);
  await output.finish();
  return output.facts.facts();
}

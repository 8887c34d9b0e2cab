/**
 * An agent's output, from its spool files to events and facts.
 *
 * The files are always read from their beginning, because facts are of the whole process; what lies before
 * the offsets that the journal has is not handed out again. So the same function follows a living agent and,
 * after a crash, brings in what a dead one left.
 */
import { join } from "node:path";
import type { AgentEvent } from "@makima/protocol/agent-event";
import type { SpoolLine } from "../process/line-splitter.ts";
import { followSpool } from "../process/spool.ts";
import type { Agent } from "./agent.ts";
import { collectFacts, type FactsCollector } from "./turn-facts.ts";

/** What is to be stored in one transaction, together with the offset of its stream. */
export type EventBatch =
  | { stream: "stdout"; events: AgentEvent[]; offset: number }
  | { stream: "stderr"; lines: string[]; offset: number };

export interface OutputOffsets {
  stdout: number;
  stderr: number;
}

export interface OutputSpec {
  adapter: Agent;
  /** Folder of the spool files, which must exist. */
  folder: string;
  /** Offsets that the journal has. */
  from?: OutputOffsets;
  /** Collects what is heard; given by who looks at it while output already comes. */
  facts?: FactsCollector;
  /** Stores a batch; the next comes when it is done. */
  onEvents: (batch: EventBatch) => Promise<void> | void;
  /** Told of each batch of events after it was stored. Not called for what was stored before. */
  onStored?: (events: AgentEvent[]) => void;
}

export interface AgentOutput {
  facts: FactsCollector;
  /** Fails as soon as storing or reading failed; settles at the end. */
  done: Promise<void>;
  /** The agent is gone: reads both files to their end. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export function spoolFiles(folder: string): { stdout: string; stderr: string } {
  return { stdout: join(folder, "stdout.ndjson"), stderr: join(folder, "stderr.log") };
}

export async function followOutput(spec: OutputSpec): Promise<AgentOutput> {
  const parser = spec.adapter.createParser();
  const facts = spec.facts ?? collectFacts();
  const from = spec.from ?? { stdout: 0, stderr: 0 };
  const files = spoolFiles(spec.folder);

  async function onStdout(lines: SpoolLine[]): Promise<void> {
    const events: AgentEvent[] = [];
    for (const line of lines) {
      // A piece of a line that is too long is not half a message.
      const parsed = line.cut ? [{ type: "raw" as const, text: line.text }] : parser.line(line.text);
      for (const event of parsed) facts.add(event);
      if (line.offset > from.stdout) events.push(...parsed);
    }
    const offset = lines.at(-1)?.offset ?? 0;
    if (offset <= from.stdout) return;
    await spec.onEvents({ stream: "stdout", events, offset });
    spec.onStored?.(events);
  }

  async function onStderr(lines: SpoolLine[]): Promise<void> {
    for (const line of lines) facts.addStderr(line.text);
    const fresh = lines.filter((line) => line.offset > from.stderr);
    const offset = fresh.at(-1)?.offset;
    if (offset === undefined) return;
    await spec.onEvents({ stream: "stderr", lines: fresh.map((line) => line.text), offset });
  }

  const stdout = await followSpool(files.stdout, { onLines: onStdout });
  const stderr = await followSpool(files.stderr, { onLines: onStderr });
  const done = Promise.all([stdout.done, stderr.done]).then(() => undefined);
  done.catch(() => undefined);
  return {
    facts,
    done,
    async finish() {
      await Promise.all([stdout.finish(), stderr.finish()]);
    },
    async close() {
      await Promise.all([stdout.close(), stderr.close()]);
    },
  };
}

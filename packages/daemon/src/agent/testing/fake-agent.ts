/**
 * Small agents for tests: programs that speak the wire and do what a test says.
 *
 * The source runs with `say(object)` (a line on stdout), `onLine(handler)` (each line of input, parsed),
 * `result(fields)` and `text(words)` at hand.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { RUN_MARKER, sweep } from "../../process/sweep.ts";
import { scratch, writeProgram } from "../../process/testing/scratch.ts";
import { startAgent, type AgentProcess, type AgentProcessSpec } from "../agent-process.ts";
import type { SessionStart } from "../agent.ts";
import type { EventBatch } from "../agent-output.ts";
import { claude } from "../claude/adapter.ts";
import type { AgentEvent } from "@makima/protocol/agent-event";

const PRELUDE = `
import { createInterface } from "node:readline";
const say = (object) => process.stdout.write(JSON.stringify(object) + "\\n");
const session = process.argv[process.argv.indexOf("--session-id") + 1];
const init = (id = session) => say({ type: "system", subtype: "init", session_id: id, model: "m" });
let messages = 0;
const text = (words) => say({ type: "assistant", parent_tool_use_id: null, message: { id: "m" + ++messages, model: "m", content: [{ type: "text", text: words }] } });
const result = (fields = {}) => say({ type: "result", subtype: "success", is_error: false, result: "", total_cost_usd: 0.5, num_turns: 1, duration_ms: 1, usage: {}, ...fields });
const echo = (line) => say({ ...line, isReplay: true, parent_tool_use_id: null });
const input = createInterface({ input: process.stdin });
const onLine = (handler) => input.on("line", (line) => handler(JSON.parse(line)));
const onEnd = (handler) => input.on("close", handler);
`;

export interface FakeAgent {
  agent: AgentProcess;
  folder: string;
  runId: string;
  events: AgentEvent[];
  stderr: string[];
  /** Resolves with the first event of this type, seen or to come. */
  seen<T extends AgentEvent["type"]>(type: T): Promise<Extract<AgentEvent, { type: T }>>;
}

export async function startFake(
  t: TestContext,
  source: string,
  more: Partial<AgentProcessSpec> & { session?: SessionStart } = {},
): Promise<FakeAgent> {
  const folder = await scratch(t);
  const command = await writeProgram(join(folder, "agent.mjs"), PRELUDE + source);
  const runId = randomUUID();
  t.after(() => sweep({ name: RUN_MARKER, value: runId }));
  const events: AgentEvent[] = [];
  const stderr: string[] = [];
  const waiting: (() => void)[] = [];
  const { session = { mode: "new", id: randomUUID() }, ...rest } = more;
  const agent = await startAgent({
    adapter: claude,
    launch: {
      prompt: "do it",
      session,
      enablePermissions: false,
      disableVerbose: false,
      preArgs: [],
      args: [],
      folder,
    },
    command,
    env: { PATH: process.env["PATH"] ?? "" },
    cwd: folder,
    runId,
    spoolFolder: join(folder, "spool"),
    onEvents(batch: EventBatch) {
      if (batch.stream === "stderr") stderr.push(...batch.lines);
      else events.push(...batch.events);
      for (const look of waiting.splice(0)) look();
    },
    ...rest,
  });
  return {
    agent,
    folder,
    runId,
    events,
    stderr,
    async seen(type) {
      for (;;) {
        const found = events.find((event) => event.type === type);
        if (found) return found as never;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
  };
}

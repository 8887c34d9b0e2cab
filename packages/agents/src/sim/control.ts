/** Hears what comes on stdin: messages, control requests, answers to our own requests. */
import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { z } from "zod";
import type { Agent } from "./agent.ts";
import { MODEL, user } from "./messages.ts";

const LINE = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("user"),
    uuid: z.string().optional(),
    message: z.object({
      role: z.literal("user"),
      content: z.union([
        z.string(),
        z.array(z.looseObject({ type: z.string(), text: z.string().optional() })),
      ]),
    }),
  }),
  z.object({
    type: z.literal("control_request"),
    request_id: z.string(),
    request: z.looseObject({ subtype: z.string() }),
  }),
  z.object({ type: z.literal("control_response"), response: z.unknown() }),
]);

type Line = z.output<typeof LINE>;

/** Listens until the input ends; what it hears goes to the agent's inbox, to its asks, or to its turn. */
export function listen(agent: Agent, input: Readable): void {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  // Not readline: that breaks lines at U+2028 too, which is a character like others in JSON.
  const take = (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) hear(agent, part);
  };
  input.on("data", (chunk: Buffer) => take(decoder.write(chunk)));
  input.once("end", () => {
    take(`${decoder.end()}\n`);
    agent.asks.close();
    agent.inbox.close();
  });
}

function hear(agent: Agent, text: string): void {
  if (text.trim() === "" || agent.deaf) return;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    process.stderr.write(`Error parsing streaming input line: ${text}: ${String(error)}\n`);
    void agent.leave(1);
    return;
  }
  // What is of no type that is known is ignored, as claude does.
  const line = LINE.safeParse(json);
  if (line.success) takeUp(agent, line.data);
}

function takeUp(agent: Agent, line: Line): void {
  if (line.type === "control_response") agent.asks.settle(line.response);
  else if (line.type === "control_request") answer(agent, line.request_id, line.request.subtype);
  else {
    const { content } = line.message;
    const text = typeof content === "string" ? content : content.map((block) => block.text ?? "").join("\n");
    const uuid = line.uuid ?? randomUUID();
    if (agent.options.replayUserMessages) {
      void agent.wire.send(user(agent.session.id, text, { uuid, isReplay: true }));
    }
    agent.inbox.put({ kind: "message", uuid, text });
  }
}

function answer(agent: Agent, requestId: string, subtype: string): void {
  const reply = (response: object) => void agent.wire.send({ type: "control_response", response });
  const succeed = (response?: object) =>
    reply({ subtype: "success", request_id: requestId, ...(response === undefined ? {} : { response }) });
  switch (subtype) {
    case "interrupt":
      succeed({ still_queued: agent.inbox.waitingMessages.map(({ uuid }) => uuid) });
      agent.turn?.interrupt();
      return;
    case "initialize":
      return succeed({
        commands: [{ name: "compact", description: "Compact the conversation", argumentHint: "" }],
        agents: [],
        output_style: "default",
        available_output_styles: ["default"],
        models: [{ value: MODEL, displayName: "Simulated agent", description: "Follows a script" }],
        account: {},
        pid: process.pid,
      });
    case "set_permission_mode":
    case "set_model":
    case "set_max_thinking_tokens":
      return succeed();
    default:
      return reply({
        subtype: "error",
        request_id: requestId,
        error: `Unsupported control request subtype: ${subtype}`,
      });
  }
}

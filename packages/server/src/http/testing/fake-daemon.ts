/** A daemon of which only the wire is real. */
import { randomUUID } from "node:crypto";
import type { CommandOf, DaemonFrame, Report, ServerFrame } from "@makima/protocol/daemon-wire";
import { MAKIMA_VERSION, WIRE_VERSION } from "@makima/protocol/version";
import type { TestServer, TestSocket } from "./running-server.ts";

type Hello = Extract<DaemonFrame, { type: "hello" }>;
type FrameOf<T extends ServerFrame["type"]> = Extract<ServerFrame, { type: T }>;

export const CONNECT = "/mesh/daemons/connect";
export const HOST_ID = "test-host";

export function helloFrame(overrides: Partial<Hello> = {}): Hello {
  return {
    type: "hello",
    wireVersion: WIRE_VERSION,
    version: MAKIMA_VERSION,
    capabilities: [],
    daemonId: randomUUID(),
    journalId: randomUUID(),
    name: "test",
    hostId: HOST_ID,
    hostname: "test",
    labels: [],
    slots: 100,
    agents: [
      { name: "sim", available: true },
      { name: "claude", available: true, signedIn: true },
    ],
    commandsReceived: 0,
    runs: [],
    ...overrides,
  };
}

export interface FakeDaemon {
  socket: TestSocket;
  hello: Hello;
  welcome: FrameOf<"welcome">;
  /** The next frame with commands, acknowledged. */
  commands(): Promise<FrameOf<"commands">>;
  /** The next spawnTask; commands before it are acknowledged and passed over. */
  spawn(): Promise<CommandOf<"spawnTask">["spec"]>;
  report(...items: Report[]): Promise<number>;
}

type Answer = (query: FrameOf<"query">["query"]) => Extract<DaemonFrame, { type: "reply" }>["result"];

const NOTHING: Answer = ({ type }) => ({
  ok: true,
  value:
    type === "prompt"
      ? { systemPrompt: "", prompt: "" }
      : { from: "a", to: "b", patch: "", truncated: false },
});

export async function connectDaemon(
  { open }: TestServer,
  overrides: Partial<Hello> = {},
  { key, answer = NOTHING }: { key?: string; answer?: Answer } = {},
): Promise<FakeDaemon> {
  const socket = await open(CONNECT, key === undefined ? {} : { key });
  const hello = helloFrame(overrides);
  socket.send(hello);
  const welcome = await socket.next<FrameOf<"welcome">>("welcome");
  socket.ws.on("message", (data) => {
    const frame = JSON.parse(String(data)) as ServerFrame;
    if (frame.type !== "query") return;
    socket.send({ type: "reply", requestId: frame.requestId, result: answer(frame.query) });
  });
  let reported = welcome.reportsStored;
  const spawns: CommandOf<"spawnTask">["spec"][] = [];
  const commands = async () => {
    const frame = await socket.next<FrameOf<"commands">>("commands");
    socket.send({ type: "commandsStored", upTo: frame.first + frame.items.length - 1 });
    return frame;
  };
  return {
    socket,
    hello,
    welcome,
    commands,
    async spawn() {
      while (spawns.length === 0) {
        for (const command of (await commands()).items) {
          if (command.type === "spawnTask") spawns.push(command.spec);
        }
      }
      const [first] = spawns.splice(0, 1);
      if (!first) throw new Error("no task was spawned");
      return first;
    },
    async report(...items) {
      socket.send({ type: "reports", first: reported + 1, items });
      reported += items.length;
      for (;;) {
        const { upTo } = await socket.next<FrameOf<"reportsStored">>("reportsStored");
        if (upTo >= reported) return upTo;
      }
    },
  };
}

/** A contract with one task that a daemon of HOST_ID can run. */
export async function makeTask(
  { call }: TestServer,
  body: Record<string, unknown> = {},
  key?: string,
): Promise<{ contractId: string; taskId: string }> {
  const response = await call("POST", "/contracts", {
    ...(key === undefined ? {} : { key }),
    body: {
      goal: "Make the tests pass",
      contractType: "single",
      repositories: [{ kind: "local", path: "/nowhere", hostId: HOST_ID }],
      task: { agent: "sim" },
      options: { criteriaEnabled: false },
      start: true,
      ...body,
    },
  });
  const made = (await response.json()) as { contract: { id: string }; tasks: { id: string }[] };
  const taskId = made.tasks[0]?.id;
  if (response.status !== 201 || !taskId) throw new Error(JSON.stringify(made));
  return { contractId: made.contract.id, taskId };
}

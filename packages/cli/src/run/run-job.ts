/**
 * The main job from the command line's side: check, find a server and this machine's daemon, make the
 * contract in one request, follow its task to where it rests, and tell how it ended. `makima run` and
 * `makima demo` are both this.
 */
import type { Client } from "@makima/client/rest";
import { hostId } from "@makima/daemon/host-id";
import { routes } from "@makima/protocol/api/routes";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { CliContext } from "../cli-context.ts";
import type { ExitCode } from "../exit-codes.ts";
import { localServer } from "../host/server-file.ts";
import type { Line } from "../print/line.ts";
import { canAsk } from "../prompt.ts";
import { findScript, requireClaude } from "./agent.ts";
import { createSingle, type Created } from "./create.ts";
import { followRun } from "./follow.ts";
import { requireHostDaemon } from "./host-daemon.ts";
import { holdInterrupts } from "./interrupts.ts";
import { openingLines } from "./opening.ts";
import { contractOptions, taskSettings, type RunFlags } from "./options.ts";
import type { LocalRepository } from "./repository.ts";
import { exitOf, resultOf, type RunResult } from "./result.ts";
import { viewFor, type Started } from "./view.ts";

export interface Job {
  goal: string;
  repository: LocalRepository;
  flags: RunFlags;
  timeoutMs?: number | undefined;
  /** Said at the start and the end, e.g. that this is a simulation. */
  banner?: { start: Line[]; end: (task: TaskView) => Line[] };
}

export interface JobEnd {
  result: RunResult;
  exit: ExitCode;
}

/** A daemon that starts with its server connects soon after it; one that only lost its connection, sooner. */
const STARTING_MS = 15_000;
const RECONNECTING_MS = 2_000;

export async function runJob(context: CliContext, job: Job): Promise<JobEnd> {
  const { flags, repository } = job;
  const config = await context.projectConfig();
  const settings = taskSettings(config, { ...flags, base: repository.baseBranch });
  if (flags.agent === "claude") await requireClaude(config, { env: context.env, uid: process.getuid?.() });
  if (settings.agentScript !== undefined) settings.agentScript = await findScript(settings.agentScript);

  const began = performance.now();
  const { client, server } = await context.connect({ start: true });
  await requireDaemon(client, flags.agent);

  using held = holdInterrupts();
  using view = viewFor(context.out, () => performance.now());
  const options = contractOptions(config, flags);
  const here = { repository, hostId: hostId() };
  const created = await createSingle(client, {
    goal: job.goal,
    name: flags.name,
    options,
    settings,
    ...here,
  });
  view.started(factsOf(job, created, client.url), [
    ...(job.banner?.start ?? []),
    ...openingLines(job.goal, repository, created),
  ]);
  const end = await followRun({
    client,
    task: created.task,
    view,
    onInterrupt: (callback) => held.take(callback),
    timeoutMs: job.timeoutMs,
    canAsk: !context.out.json && canAsk(),
    revive: server.source === "local" ? () => revive(context) : undefined,
  });
  if (end.stillStopping) {
    const see = `makima tasks show ${end.task.shortId}`;
    view.note(`The task is still stopping, and goes on doing so without this command. See: ${see}`, "warn");
  }
  const { task, stopped, question } = end;
  const durationMs = performance.now() - began;
  const result = resultOf({ task, stopped, question: question?.question, durationMs });
  const contractShortId = created.contract.shortId;
  view.ended(
    { result, task, contractShortId, repository: repository.path, question },
    job.banner?.end(task) ?? [],
  );
  return { result, exit: exitOf(result, stopped) };
}

async function requireDaemon(client: Client, agent: RunFlags["agent"]): Promise<void> {
  const { uptimeSecs } = await client.call(routes.health);
  const waitMs = uptimeSecs * 1000 < STARTING_MS ? STARTING_MS : RECONNECTING_MS;
  await requireHostDaemon(client, { hostId: hostId(), agent, waitMs });
}

/** The server of this machine crashed: it is started again. One that somebody stopped is left as it is. */
async function revive(context: CliContext): Promise<Client | undefined> {
  const local = await localServer(context.paths);
  if (local?.state !== "gone") return undefined;
  return (await context.connect({ start: true })).client;
}

function factsOf({ repository, flags }: Job, { contract, task }: Created, server: string): Started {
  return {
    contractId: task.contractId,
    contractShortId: contract.shortId,
    taskId: task.id,
    taskShortId: task.shortId,
    repository: repository.path,
    baseBranch: repository.baseBranch,
    branch: task.branch,
    agent: flags.agent,
    simulated: flags.agent === "sim",
    uncommittedFiles: repository.uncommitted,
    server,
  };
}

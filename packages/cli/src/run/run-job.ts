/**
 * The main job from the command line's side: check, find a server and this machine's daemon, make the
 * contract in one request, follow its task to where it rests, and tell how it ended. `makima run` and
 * `makima demo` are both this.
 */
import { randomUUID } from "node:crypto";
import type { Client } from "@makima/client/rest";
import { routes } from "@makima/protocol/api/routes";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import type { ExitCode } from "../exit-codes.ts";
import { hostId } from "@makima/daemon/host-id";
import type { Line } from "../print/line.ts";
import { sanitizeLine } from "../print/terminal.ts";
import { cut, plural, shortCommit } from "../print/words.ts";
import { canAsk } from "../prompt.ts";
import { findScript, requireClaude } from "./agent.ts";
import { followRun } from "./follow.ts";
import { requireHostDaemon } from "./host-daemon.ts";
import { holdInterrupts } from "./interrupts.ts";
import { contractLimits, contractOptions, taskSettings, type RunFlags } from "./options.ts";
import type { LocalRepository } from "./repository.ts";
import { exitOf, resultOf, type RunResult } from "./result.ts";
import { viewFor, type RunView } from "./view.ts";

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
  const { client } = await context.connect({ start: true });
  const { uptimeSecs } = await client.call(routes.health);
  const waitMs = uptimeSecs * 1000 < STARTING_MS ? STARTING_MS : RECONNECTING_MS;
  await requireHostDaemon(client, { hostId: hostId(), agent: flags.agent, waitMs });

  using held = holdInterrupts();
  using view = viewFor(context.out, () => performance.now());
  const limits = contractLimits(settings);
  const body = {
    goal: job.goal,
    contractType: "single",
    repositories: [
      {
        kind: "local" as const,
        path: repository.path,
        hostId: hostId(),
        baseBranch: repository.baseBranch,
        isPrimary: true,
      },
    ],
    options: contractOptions(config, flags),
    autonomousLoop: flags.autonomous,
    limits,
    task: settings,
    start: true,
    ...(flags.name === undefined ? {} : { name: flags.name }),
  };
  const made = await client.call(routes.createContract, { body }, { idempotencyKey: randomUUID() });
  const task = made.tasks[0];
  if (!task) {
    throw new CliError({
      code: "NO_TASK",
      message: `The contract ${made.contract.shortId} was made and has no task.`,
      next: [`makima contracts show ${made.contract.shortId}`],
    });
  }
  begin(view, job, { client, task, contractShortId: made.contract.shortId });
  const end = await followRun({
    client,
    task,
    view,
    onInterrupt: (callback) => held.take(callback),
    timeoutMs: job.timeoutMs,
    canAsk: !context.out.json && canAsk(),
  });
  if (end.stillStopping) {
    view.note(
      `The task is still stopping; the work goes on stopping without this command. See: makima tasks show ${task.shortId}`,
      "warn",
    );
  }
  const durationMs = performance.now() - began;
  const result = resultOf({
    task: end.task,
    stopped: end.stopped,
    question: end.question?.question,
    durationMs,
  });
  view.ended(
    {
      result,
      task: end.task,
      contractShortId: made.contract.shortId,
      repository: repository.path,
      question: end.question,
    },
    job.banner?.end(end.task) ?? [],
  );
  return { result, exit: exitOf(result, end.stopped) };
}

function begin(
  view: RunView,
  job: Job,
  made: { client: Client; task: TaskView; contractShortId: string },
): void {
  const { repository, flags } = job;
  const { task } = made;
  const about: Line[] = [
    ...(job.banner?.start ?? []),
    {
      tone: "head",
      glyph: "",
      text: cut(sanitizeLine(job.goal), 100),
      note: `${task.shortId} · ${made.contractShortId}`,
    },
    dim(
      `Repository  ${sanitizeLine(repository.path)}, from ${sanitizeLine(repository.baseBranch)} at ${shortCommit(repository.baseCommit)}`,
    ),
    dim(
      `Agent       ${flags.agent === "sim" ? "simulated" : "claude"}${task.model ? `, ${sanitizeLine(task.model)}` : ""} · ${task.autonomousLoop && !task.singleTask ? `up to ${plural(task.maxIterations, "iteration")}` : "one iteration"} · then ${ACTIONS[task.completionAction]}`,
    ),
    dim("Ctrl-C pauses it and keeps its work"),
  ];
  if (repository.uncommitted > 0) {
    about.push({
      tone: "warn",
      glyph: "!",
      text: `${plural(repository.uncommitted, "file")} with uncommitted changes: not part of the base, so the agent does not see them`,
      indent: 1,
    });
  }
  view.started(
    {
      contractId: task.contractId,
      contractShortId: made.contractShortId,
      taskId: task.id,
      taskShortId: task.shortId,
      repository: repository.path,
      baseBranch: repository.baseBranch,
      branch: task.branch,
      agent: flags.agent,
      simulated: flags.agent === "sim",
      uncommittedFiles: repository.uncommitted,
      server: made.client.url,
    },
    about,
  );
}

const ACTIONS = {
  none: "nothing further",
  branch: "a commit on a branch of its own",
  merge: "a merge",
  pr: "a pull request",
} as const;

function dim(text: string): Line {
  return { tone: "dim", glyph: "", text, indent: 1 };
}

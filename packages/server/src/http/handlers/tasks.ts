/** Tasks: what is stored comes from jobs, what only the daemon can look up is asked of it. */
import { showDiff, showPrompt, type taskRoutes } from "@makima/protocol/api/tasks";
import { cancelTask } from "../../jobs/cancel-task.ts";
import { continueTask } from "../../jobs/continue-task.ts";
import { createTask } from "../../jobs/create-task.ts";
import { listCheckpoints, listEvidence, listIterations, listTaskOutput } from "../../jobs/history.ts";
import { listContractTasks, listTasks } from "../../jobs/list-tasks.ts";
import { messageTask } from "../../jobs/message-task.ts";
import { nextRunSpec } from "../../jobs/next-run-spec.ts";
import { pauseTask } from "../../jobs/pause-task.ts";
import { resumeTask } from "../../jobs/resume-task.ts";
import { retryCompletionAction } from "../../jobs/retry-completion-action.ts";
import { retryTask } from "../../jobs/retry-task.ts";
import { showTask } from "../../jobs/show-task.ts";
import type { Handlers } from "../handlers.ts";
import { askDaemonOf, understood } from "./ask-daemon.ts";
import type { HandlerContext } from "./context.ts";

export function taskHandlers(context: HandlerContext): Handlers<keyof typeof taskRoutes> {
  const { deps } = context;
  return {
    createTask: ({ params, body }, caller) => createTask(deps, caller, { ...params, ...body }),
    listContractTasks: ({ params, query }, caller) =>
      listContractTasks(deps, caller, { ...params, ...query }),
    listTasks: ({ query }, caller) => listTasks(deps, caller, query),
    showTask: ({ params }, caller) => showTask(deps, caller, params),
    pauseTask: ({ params }, caller) => pauseTask(deps, caller, params),
    resumeTask: ({ params }, caller) => resumeTask(deps, caller, params),
    continueTask: ({ params, body }, caller) => continueTask(deps, caller, { ...params, ...body }),
    cancelTask: ({ params }, caller) => cancelTask(deps, caller, params),
    retryTask: ({ params }, caller) => retryTask(deps, caller, params),
    messageTask: ({ params, body }, caller) => messageTask(deps, caller, { ...params, ...body }),
    retryCompletionAction: ({ params }, caller) => retryCompletionAction(deps, caller, params),
    listTaskOutput: ({ params, query }, caller) => listTaskOutput(deps, caller, { ...params, ...query }),
    listIterations: ({ params }, caller) => listIterations(deps, caller, params),
    listEvidence: ({ params }, caller) => listEvidence(deps, caller, params),
    listCheckpoints: ({ params, query }, caller) => listCheckpoints(deps, caller, { ...params, ...query }),
    showDiff: ({ params, query }, caller) =>
      askDaemonOf(context, caller, params, showDiff, ({ id }) => ({ type: "diff", taskId: id, ...query })),
    showPrompt: async ({ params }, caller) => {
      const next = await nextRunSpec(deps, caller, params);
      if (!next.ok) return next;
      const { daemonId, spec } = next.value;
      const asked = await context.queryDaemon(daemonId ?? { ownerId: caller.ownerId }, {
        type: "prompt",
        spec,
      });
      return understood(asked, showPrompt);
    },
  };
}

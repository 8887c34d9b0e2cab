/** Daemons and questions. */
import type { meshRoutes } from "@makima/protocol/api/mesh";
import { answerQuestion } from "../../jobs/answer-question.ts";
import { drainDaemon, listDaemons, showDaemon, submitAuthCode } from "../../jobs/daemons.ts";
import { listQuestions } from "../../jobs/questions.ts";
import type { Handlers } from "../handlers.ts";
import type { HandlerContext } from "./context.ts";

export function meshHandlers({ deps }: HandlerContext): Handlers<keyof typeof meshRoutes> {
  return {
    listDaemons: ({ query }, caller) => listDaemons(deps, caller, query),
    showDaemon: ({ params }, caller) => showDaemon(deps, caller, params),
    drainDaemon: ({ params, body }, caller) => drainDaemon(deps, caller, { ...params, ...body }),
    submitAuthCode: ({ params, body }, caller) => submitAuthCode(deps, caller, { ...params, ...body }),
    listQuestions: ({ query }, caller) => listQuestions(deps, caller, query),
    answerQuestion: ({ params, body }, caller) => answerQuestion(deps, caller, { ...params, ...body }),
  };
}

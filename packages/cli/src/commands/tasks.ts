/** `makima tasks`: list, follow and steer tasks. */
import type { Command } from "commander";
import type { ContextOf } from "../command-table.ts";
import { registerActions } from "./tasks/actions.ts";
import { registerArtefacts } from "./tasks/artefacts.ts";
import { registerList } from "./tasks/list.ts";
import { registerLogs } from "./tasks/logs.ts";
import { registerShow } from "./tasks/show.ts";

export function register(program: Command, context: ContextOf): void {
  const tasks = program.command("tasks").alias("task").description("List, follow and steer tasks");
  registerList(tasks, context);
  registerShow(tasks, context);
  registerLogs(tasks, context);
  registerArtefacts(tasks, context);
  registerActions(tasks, context);
}

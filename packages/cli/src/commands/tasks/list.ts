import { type Command, Option } from "commander";
import { TASK_STATUSES } from "@makima/core/task";
import { routes } from "@makima/protocol/api/routes";
import { taskSchema } from "@makima/protocol/api/task-schema";
import type { ContextOf } from "../../command-table.ts";
import { answeredFields } from "../../print/json-fields.ts";
import { printTable } from "../../print/table.ts";
import { wholeNumber } from "../../run/numbers.ts";
import { taskColumns } from "./columns.ts";

interface Flags {
  status?: (typeof TASK_STATUSES)[number];
  contract?: string;
  limit: number;
}

export function registerList(tasks: Command, context: ContextOf): void {
  tasks
    .command("list")
    .alias("ls")
    .description("List tasks, newest first")
    .addOption(new Option("--status <status>", "only tasks of this status").choices(TASK_STATUSES))
    .option("--contract <id>", "only tasks of this contract")
    .option("-n, --limit <n>", "tasks at most", wholeNumber(1, 500), 30)
    .addHelpText(
      "after",
      "\nExamples\n  makima tasks list --status running\n  makima tasks list --json=shortId,status,branch\n",
    )
    .action(async (flags: Flags) => {
      const { out, connect } = await context();
      if (answeredFields(out, taskSchema)) return;
      const { client } = await connect();
      const query = { limit: flags.limit, status: flags.status, contractId: flags.contract };
      const page = await client.call(routes.listTasks, { query });
      if (out.json) return out.value(page);
      if (page.items.length === 0)
        return out.note('No tasks. Begin one: makima run "Fix the failing date test"');
      printTable(out, taskColumns(Date.now()), page.items);
      if (page.nextCursor !== null && out.terminal.isTty)
        out.note(`The newest ${page.items.length}; more with --limit`);
    });
}

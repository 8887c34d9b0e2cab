import type { Command } from "commander";
import type { Client } from "@makima/client/rest";
import { contractSchema, type ContractView } from "@makima/protocol/api/contracts";
import { routes } from "@makima/protocol/api/routes";
import type { TaskView } from "@makima/protocol/api/task-schema";
import type { ContextOf } from "../../command-table.ts";
import type { Output } from "../../output.ts";
import { answeredFields } from "../../print/json-fields.ts";
import { printTable } from "../../print/table.ts";
import { sanitizeLine } from "../../print/terminal.ts";
import { ageWords, contractStatusWords, cut, moneyWords } from "../../print/words.ts";
import { taskColumns } from "../tasks/columns.ts";
import { whichId } from "../tasks/which.ts";
import { taskWords } from "./list.ts";

const ID = "contract: full or short id, or the beginning of one";
const MOST_TASKS = 8;

export function registerShow(contracts: Command, context: ContextOf): void {
  contracts
    .command("show")
    .description("Show a contract and its tasks")
    .argument("[id]", ID)
    .option("--all", "all of its tasks")
    .addHelpText(
      "after",
      "\nExamples\n  makima contracts show c-7f3a\n  makima contracts show c-7f3a --json=status,taskCounts\n",
    )
    .action(async (typed: string | undefined, flags: { all?: boolean }) => {
      const { env, out, connect } = await context();
      if (answeredFields(out, contractSchema)) return;
      const id = whichId("contract", typed, env);
      const { client } = await connect();
      const contract = await client.call(routes.showContract, { params: { id } });
      if (out.json) return out.value(contract);
      printContract(out, contract, Date.now());
      const tasks = await tasksOf(client, contract.id);
      if (tasks.length === 0) return;
      const shown = flags.all || !out.terminal.isTty ? tasks : tasks.slice(0, MOST_TASKS);
      out.line();
      printTable(out, taskColumns(Date.now()), shown);
      if (shown.length < tasks.length) out.note(`… ${tasks.length - shown.length} more (--all)`);
    });

  contracts
    .command("start")
    .description("Start a contract that was created without --start")
    .argument("[id]", ID)
    .addHelpText("after", "\nExamples\n  makima contracts start c-7f3a\n")
    .action(async (typed: string | undefined) => {
      const { env, out, connect } = await context();
      if (answeredFields(out, contractSchema)) return;
      const id = whichId("contract", typed, env);
      const { client } = await connect();
      const contract = await client.call(routes.startContract, { params: { id } });
      if (out.json) return out.value(contract);
      out.line(
        out.terminal.isTty
          ? `${contract.shortId}  ${contractStatusWords(contract.status)}`
          : `${contract.shortId}\t${contract.status}`,
      );
    });
}

async function tasksOf(client: Client, id: string): Promise<TaskView[]> {
  const tasks: TaskView[] = [];
  let after: string | undefined;
  do {
    const page = await client.call(routes.listContractTasks, {
      params: { id },
      query: { limit: 500, after },
    });
    tasks.push(...page.items);
    after = page.nextCursor ?? undefined;
  } while (after !== undefined);
  return tasks;
}

export function printContract(out: Output, contract: ContractView, now: number): void {
  const isTty = out.terminal.isTty;
  const row = (name: string, text: string | null | undefined) => {
    if (text === null || text === undefined || text === "") return;
    out.line(
      isTty ? `${name.padEnd(12)} ${sanitizeLine(text)}` : `${name.toLowerCase()}\t${sanitizeLine(text)}`,
    );
  };
  const age = ageWords(now - Date.parse(contract.statusChangedAt));
  out.line(
    isTty
      ? `${out.terminal.paint("bold", sanitizeLine(contract.name))}  ${contract.shortId}  ${contractStatusWords(contract.status)} (${age})`
      : `contract\t${contract.shortId}`,
  );
  if (!isTty) row("Status", contract.status);
  row("Goal", isTty ? cut(contract.goal, 200) : contract.goal);
  const { maxIterations, maxCostUsd } = contract.limits;
  const loop = contract.autonomousLoop
    ? `autonomous${maxIterations ? ` (max ${maxIterations})` : ""}`
    : "off";
  row("Type", `${contract.contractType} · loop ${loop}`);
  for (const repository of contract.repositories) {
    const where = repository.path ?? repository.url ?? repository.name;
    row("Repository", `${where}${repository.baseBranch ? ` from ${repository.baseBranch}` : ""}`);
  }
  row("Phase", contract.phase);
  row("Waiting for", contract.waitingFor ?? contract.blockedReason);
  row("Failed", contract.failureReason);
  row("Tasks", taskWords(contract));
  row("Cost", `${moneyWords(contract.costUsd)}${maxCostUsd ? ` of ${moneyWords(maxCostUsd)}` : ""}`);
  row(
    "Active",
    isTty ? `${ageWords(now - Date.parse(contract.lastActivityAt))} ago` : contract.lastActivityAt,
  );
}

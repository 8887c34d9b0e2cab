import { type Command, Option } from "commander";
import type { Client } from "@makima/client/rest";
import { CONTRACT_STATUSES, type ContractStatus } from "@makima/core/contract";
import { contractSchema, type ContractView } from "@makima/protocol/api/contracts";
import { routes } from "@makima/protocol/api/routes";
import type { ContextOf } from "../../command-table.ts";
import { answeredFields } from "../../print/json-fields.ts";
import { printTable, type Column } from "../../print/table.ts";
import { ageWords, contractStatusWords, cut, moneyWords } from "../../print/words.ts";
import { wholeNumber } from "../../run/numbers.ts";

interface Flags {
  status?: ContractStatus | "all";
  phase?: string;
  limit: number;
  format?: "table" | "json" | "compact";
}

const EXAMPLES = `
Examples
  makima contracts list
  makima contracts list --status all --limit 100
  makima contracts list --format json | jq -r '.items[].shortId'

Without --status, completed and archived contracts are left out.
`;

export function registerList(contracts: Command, context: ContextOf): void {
  contracts
    .command("list")
    .alias("ls")
    .description("List contracts, newest first")
    .addOption(
      new Option("--status <status>", "only those of this status; all").choices([
        ...CONTRACT_STATUSES,
        "all",
      ]),
    )
    .option("--phase <phase>", "only those in this phase")
    .option("-n, --limit <n>", "contracts at most", wholeNumber(1, 500), 30)
    .addOption(new Option("--format <format>", "how to print them").choices(["table", "json", "compact"]))
    .addHelpText("after", EXAMPLES)
    .action(async (flags: Flags) => {
      const { out, connect } = await context();
      if (answeredFields(out, contractSchema)) return;
      const { client } = await connect();
      const { shown, hidden, more } = await fetchContracts(client, flags);
      if (out.json || flags.format === "json") return out.value({ items: shown, nextCursor: null });
      if (flags.format === "compact") {
        for (const contract of shown)
          out.line(`${contract.shortId} ${contract.status} ${oneWord(contract.name)}`);
        return;
      }
      if (shown.length > 0) printTable(out, contractColumns(Date.now()), shown);
      if (shown.length === 0 && hidden === 0)
        return out.note('No contracts. Begin one: makima run "Fix the failing date test"');
      const rest = [
        hidden > 0 ? `${hidden} completed hidden (--status all)` : "",
        more ? "more with --limit" : "",
      ];
      const footer = [`${shown.length} shown`, ...rest.filter((part) => part !== "")].join(" · ");
      if (out.terminal.isTty) out.note(out.errors.paint("dim", footer));
    });
}

function oneWord(name: string): string {
  return name.replaceAll(/[\p{Cc}\s]+/gu, " ").trim();
}

/** Pages until `limit` are found that are to be shown. */
async function fetchContracts(client: Client, flags: Flags) {
  const { status, phase, limit } = flags;
  const shown: ContractView[] = [];
  let hidden = 0;
  let after: string | undefined;
  do {
    const query = {
      limit: Math.min(500, Math.max(limit, 50)),
      after,
      phase,
      status: status === "all" ? undefined : status,
    };
    const page = await client.call(routes.listContracts, { query });
    for (const contract of page.items) {
      if (status === undefined && isOver(contract.status)) hidden += 1;
      else shown.push(contract);
    }
    after = page.nextCursor ?? undefined;
  } while (after !== undefined && shown.length < limit);
  const more = shown.length > limit || after !== undefined;
  return { shown: shown.slice(0, limit), hidden, more };
}

function isOver(status: ContractStatus): boolean {
  return status === "completed" || status === "archived";
}

function contractColumns(now: number): Column<ContractView>[] {
  return [
    { title: "ID", show: ({ shortId }) => shortId },
    { title: "NAME", show: ({ name }) => cut(name, 40), raw: ({ name }) => name },
    { title: "PHASE", show: ({ phase }) => phase },
    { title: "STATUS", show: ({ status }) => contractStatusWords(status), raw: ({ status }) => status },
    { title: "TASKS", show: taskWords, raw: (contract) => `${tasksDone(contract)}/${tasksOf(contract)}` },
    {
      title: "COST",
      align: "right",
      show: ({ costUsd }) => moneyWords(costUsd),
      raw: ({ costUsd }) => costUsd.toFixed(2),
    },
    {
      title: "ACTIVE",
      align: "right",
      show: ({ lastActivityAt }) => ageWords(now - Date.parse(lastActivityAt)),
      raw: ({ lastActivityAt }) => lastActivityAt,
    },
    { title: "WAITING FOR", show: (contract) => cut(reason(contract) || "-", 50), raw: reason },
  ];
}

function reason(contract: ContractView): string {
  return contract.waitingFor ?? contract.blockedReason ?? contract.failureReason ?? "";
}

/** `●2 ?1 7/12`: at work, needing somebody, done of all. */
export function taskWords(contract: ContractView): string {
  const { taskCounts: counts } = contract;
  const live = (counts.assigned ?? 0) + (counts.starting ?? 0) + (counts.running ?? 0);
  const parts = [
    live > 0 ? `●${live}` : "",
    counts.blocked ? `?${counts.blocked}` : "",
    counts.failed ? `✖${counts.failed}` : "",
    `${tasksDone(contract)}/${tasksOf(contract)}`,
  ];
  return parts.filter((part) => part !== "").join(" ");
}

function tasksDone({ taskCounts }: ContractView): number {
  return taskCounts.done ?? 0;
}

function tasksOf({ taskCounts }: ContractView): number {
  return Object.values(taskCounts).reduce((sum, count) => sum + (count ?? 0), 0);
}

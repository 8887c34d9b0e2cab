/** `makima contracts`: create, list, show and start contracts. */
import type { Command } from "commander";
import type { ContextOf } from "../command-table.ts";
import { registerCreate } from "./contracts/create.ts";
import { registerList } from "./contracts/list.ts";
import { registerShow } from "./contracts/show.ts";

export function register(program: Command, context: ContextOf): void {
  const contracts = program
    .command("contracts")
    .alias("contract")
    .description("Create, list, show and start contracts");
  registerList(contracts, context);
  registerShow(contracts, context);
  registerCreate(contracts, context);
}

/** Contracts. */
import type { contractRoutes } from "@makima/protocol/api/contracts";
import { createContract } from "../../jobs/create-contract.ts";
import { listContractEvents } from "../../jobs/events.ts";
import { listContracts } from "../../jobs/list-contracts.ts";
import { showContract } from "../../jobs/show-contract.ts";
import { startContract } from "../../jobs/start-contract.ts";
import type { Handlers } from "../handlers.ts";
import type { HandlerContext } from "./context.ts";

export function contractHandlers({ deps }: HandlerContext): Handlers<keyof typeof contractRoutes> {
  return {
    createContract: ({ body }, caller) => createContract(deps, caller, body),
    listContracts: ({ query }, caller) => listContracts(deps, caller, query),
    showContract: ({ params }, caller) => showContract(deps, caller, params),
    startContract: ({ params }, caller) => startContract(deps, caller, params),
    listContractEvents: ({ params, query }, caller) =>
      listContractEvents(deps, caller, { ...params, ...query }),
  };
}

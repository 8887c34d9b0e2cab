/** Shows a contract. */
import { sql } from "kysely";
import type { ContractView } from "@makima/protocol/api/contracts";
import type { Caller, Deps } from "../deps.ts";
import { done, refused, type Outcome } from "../outcome.ts";
import { readContracts } from "./contract-view.ts";
import { findContract } from "./find.ts";

export async function showContract(
  deps: Deps,
  caller: Caller,
  { id }: { id: string },
): Promise<Outcome<ContractView>> {
  const found = await findContract(deps, caller, id);
  if (!found.ok) return found;
  return contractById(deps, found.value);
}

/** A contract whose id is known to be the caller's. */
export async function contractById(deps: Deps, id: string): Promise<Outcome<ContractView>> {
  const [contract] = await readContracts(deps.db, sql`c.id = ${id}`);
  return contract
    ? done(contract)
    : refused("CONTRACT_NOT_FOUND", `There is no contract "${id}".`, { details: { id } });
}

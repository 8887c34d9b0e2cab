/** What a check of `makima doctor` is, and how checks are run: side by side, each for ten seconds at most. */
import type { CliContext } from "../cli-context.ts";
import type { FoundServer } from "../host/find-server.ts";

export type FindingState = "ok" | "info" | "warning" | "error";

export interface Finding {
  state: FindingState;
  detail: string;
  /** Commands or steps that help; every warning and error has one. */
  fix?: readonly string[];
  /** A repair that loses nothing; run with `--fix`. */
  repair?: () => void;
}

export const CHECK_GROUPS = ["This machine", "Server", "Agents", "This folder"] as const;

export interface DoctorFacts {
  context: CliContext;
  /** The server that answers, or was named. */
  server: FoundServer | undefined;
}

export interface Check {
  /** Stays the same between versions: the troubleshooting page is sorted by it. */
  id: string;
  group: (typeof CHECK_GROUPS)[number];
  title: string;
  probe(facts: DoctorFacts, signal: AbortSignal): Promise<Finding> | Finding;
}

export interface CheckRow extends Finding {
  id: string;
  group: string;
  title: string;
}

export const PROBE_MS = 10_000;

export function runChecks(
  checks: readonly Check[],
  facts: DoctorFacts,
  probeMs = PROBE_MS,
): Promise<CheckRow[]> {
  return Promise.all(
    checks.map(async (check) => ({
      id: check.id,
      group: check.group,
      title: check.title,
      ...(await probe(check, facts, probeMs)),
    })),
  );
}

async function probe(check: Check, facts: DoctorFacts, probeMs: number): Promise<Finding> {
  const over = new AbortController();
  const late = Promise.withResolvers<Finding>();
  const timer = setTimeout(() => {
    over.abort();
    late.resolve({
      state: "error",
      detail: `did not end within ${probeMs / 1000} s`,
      fix: [`makima doctor --json, to see whether ${check.id} alone hangs`],
    });
  }, probeMs);
  try {
    return await Promise.race([Promise.resolve(check.probe(facts, over.signal)), late.promise]);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { state: "error", detail, fix: ["makima doctor --json, and report it"] };
  } finally {
    clearTimeout(timer);
  }
}

/** Steps in which something goes wrong with the process or with the API behind it. */
import { readLogin, writeLogin } from "../login-state.ts";
import { system } from "../messages.ts";
import type { StepValue } from "../script.ts";
import { TurnCut, type ApiFacts, type Turn } from "../turn.ts";

export async function crash(turn: Turn, value: StepValue<"crash">): Promise<void> {
  const { agent } = turn;
  if (value.stderr !== undefined) process.stderr.write(`${value.stderr}\n`);
  if (value.midLine) await agent.wire.bytes('{"type":"assistant","message":{"id":"msg_sim_cut","conte');
  if (value.once) agent.session.completeStep();
  if (value.exitCode !== undefined) return agent.leave(value.exitCode);
  await agent.wire.bytes("");
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"]) process.removeAllListeners(name);
  process.kill(process.pid, value.signal ?? "SIGKILL");
  // The signal may take a moment to come; nothing may happen in it.
  await new Promise(() => setInterval(() => {}, 1000));
}

export async function hang(turn: Turn, { secs, deaf }: StepValue<"hang">): Promise<void> {
  turn.activity = "api";
  const { agent } = turn;
  agent.deaf = deaf;
  // So that whoever waits for the deafness sees when it begins.
  if (deaf) await agent.wire.send(system(agent.session.id, "status", { status: "requesting" }));
  if (secs === undefined) {
    const { promise, reject } = Promise.withResolvers<never>();
    const alive = setInterval(() => {}, 60_000);
    turn.signal.addEventListener("abort", () => reject(turn.signal.reason), { once: true });
    await promise.finally(() => clearInterval(alive));
  } else {
    await agent.sleep(secs, turn.signal);
  }
  agent.deaf = false;
}

/** Refused until the time it said has come; a resume after it goes past. */
export async function usageLimit(turn: Turn, value: StepValue<"usageLimit">): Promise<void> {
  const { session, settings } = turn.agent;
  const { failsUntil } = session.state;
  const now = Date.now() / 1000;
  const known = failsUntil[turn.place];
  if (known !== undefined && now >= known) return;
  const resetsAt = known ?? Math.ceil(now + value.resetsInSecs / settings.speed);
  failsUntil[turn.place] = resetsAt;
  session.save();
  const info = {
    status: "rejected",
    resetsAt,
    rateLimitType: value.type,
    overageStatus: "rejected",
    overageDisabledReason: "org_level_disabled",
    isUsingOverage: false,
  };
  const windows = { [value.type]: { utilization: 1, resetsAt, status: "rejected" } };
  const {
    type: _type,
    subtype: _subtype,
    ...ids
  } = { ...system(session.id, "", {}) } as Record<string, unknown>;
  await turn.agent.wire.send({
    type: "rate_limit_event",
    rate_limit_info: { ...info, unifiedWindows: windows },
    ...ids,
  });
  const name = value.type === "five_hour" ? "5-hour" : "weekly";
  fail(`You've hit your ${name} limit · resets ${printTime(resetsAt)} (UTC)`, "rate_limit", {
    api_error_status: 429,
    api_error: "usage_limit_reached",
    api_error_type: "rate_limit_error",
  });
}

/** Fails until `setup-token` has run since the first failure, or `times` times. */
export async function authExpired(turn: Turn, { times }: StepValue<"authExpired">): Promise<void> {
  const { session, settings } = turn.agent;
  const { failures, failsUntil } = session.state;
  const before = failures[turn.place] ?? 0;
  const since = failsUntil[turn.place];
  const login = readLogin(settings.home);
  if (times !== undefined && before >= times) return;
  if (times === undefined && since !== undefined && login.loggedIn && login.at > since) return;
  failures[turn.place] = before + 1;
  failsUntil[turn.place] = since ?? Date.now();
  session.save();
  if (times === undefined && before === 0) writeLogin(settings.home, { loggedIn: false, at: Date.now() });
  await retry(turn, { retries: 10, status: 401, error: "authentication_failed" });
  fail(
    "Failed to authenticate. API Error: 401 OAuth token has expired. Please obtain a new token or refresh your existing token.",
    "authentication_failed",
    { api_error_status: 401, api_error_type: "authentication_error" },
  );
}

export async function overloaded(turn: Turn, value: StepValue<"overloaded">): Promise<void> {
  const { retries, status, times, recovers } = value;
  const { session } = turn.agent;
  const before = session.state.failures[turn.place] ?? 0;
  if (before >= times) return;
  session.state.failures[turn.place] = before + 1;
  session.save();
  await retry(turn, { retries, status, error: status === 529 ? "overloaded" : "server_error" });
  if (recovers) return;
  const what = status === 529 ? "529 Overloaded" : "500 Internal server error";
  fail(
    `API Error: ${what}. This is a server-side issue, usually temporary — try again in a moment. If it persists, check https://status.claude.com.`,
    "server_error",
    { api_error_status: status, api_error_type: status === 529 ? "overloaded_error" : "api_error" },
  );
}

/** Counted for the working directory: what follows is a fresh session there, not this one. */
export async function contextFull(turn: Turn, { times }: StepValue<"contextFull">): Promise<void> {
  if (turn.agent.session.countInFolder(`contextFull ${turn.place}`) >= times) return;
  fail("Prompt is too long · /compact or start a new session", "invalid_request", {
    api_error_status: 400,
    api_error_type: "invalid_request_error",
  });
}

function fail(text: string, error: string, facts: ApiFacts): never {
  throw new TurnCut({ kind: "apiError", text, error, facts });
}

interface Retries {
  readonly retries: number;
  readonly status: number;
  readonly error: string;
}

/** Claude's own back-off: it doubles from half a second to about 35 s, ten times, or as often as it is told. */
async function retry(turn: Turn, { retries, status, error }: Retries): Promise<void> {
  const { agent } = turn;
  turn.activity = "api";
  const told = process.env["CLAUDE_CODE_MAX_RETRIES"];
  const most = told === undefined ? retries : Math.min(retries, Number(told) || 0);
  for (let attempt = 1; attempt <= most; attempt += 1) {
    const delayMs = Math.min(500 * 2 ** (attempt - 1), 35_000);
    await agent.wire.send(
      system(agent.session.id, "api_retry", {
        attempt,
        max_retries: most,
        retry_delay_ms: delayMs,
        error_status: status,
        error,
      }),
    );
    await agent.sleep(delayMs / 1000, turn.signal);
  }
}

/** "12:52am", in UTC. */
function printTime(epochSecs: number): string {
  const date = new Date(epochSecs * 1000);
  const hours = date.getUTCHours();
  const minutes = String(date.getUTCMinutes()).padStart(2, "0");
  return `${hours % 12 || 12}:${minutes}${hours < 12 ? "am" : "pm"}`;
}

/** Steps that only put something on stdout or stderr. */
import { printGate } from "../gate-text.ts";
import { assistant, newId } from "../messages.ts";
import type { StepValue } from "../script.ts";
import type { Turn } from "../turn.ts";

export async function say(turn: Turn, text: StepValue<"say">): Promise<void> {
  await turn.text(text);
}

export async function think(turn: Turn, text: StepValue<"think">): Promise<void> {
  await turn.thinking(text);
}

export async function gate(turn: Turn, value: StepValue<"gate">): Promise<void> {
  await turn.text(printGate(value));
}

/** How many lines are sent before the session keeps how far it came, at most. */
const LINES_KEPT_AT_ONCE = 50;

/**
 * Numbered lines, each a message of its own. A resume goes on at the last number that was kept, so that none is
 * missing, though some may come twice.
 */
export async function lines(turn: Turn, value: StepValue<"lines">): Promise<void> {
  const { agent } = turn;
  const { session, wire, ledger } = agent;
  const perPause =
    value.rate > 0 ? Math.max(1, Math.min(LINES_KEPT_AT_ONCE, Math.floor(value.rate / 10))) : 0;
  const keepEach = perPause || LINES_KEPT_AT_ONCE;
  turn.endRound();
  turn.activity = "streaming";
  const usage = ledger.open(session.state.contextTokens);
  for (let number = session.state.within + 1; number <= value.count; number += 1) {
    turn.signal.throwIfAborted();
    const nonce = value.nonce ? ` #${newId("msg").slice(-8)}` : "";
    const text = `${value.prefix} ${number}${nonce}`.padEnd(value.size, ".");
    const ids = { sessionId: session.id, messageId: newId("msg"), requestId: newId("req") };
    // Past the transcript: a flood is not kept twice.
    const sent = wire.send(assistant({ ...ids, block: { type: "text", text }, usage }));
    turn.lastText = text;
    if (number % keepEach !== 0 && number !== value.count) continue;
    await sent;
    session.state.within = number;
    session.save();
    // Lets signals and input in between, even where nothing has to be waited for.
    if (perPause > 0) await agent.sleep(perPause / value.rate, turn.signal);
    else await new Promise((resolve) => setImmediate(resolve));
  }
  // Booked as one short call: a flood is there for its lines, not to spend a budget.
  turn.book(usage, value.prefix);
}

export async function raw(turn: Turn, value: StepValue<"raw">): Promise<void> {
  const bytes =
    value.base64 === undefined ? Buffer.from(value.text ?? "") : Buffer.from(value.base64, "base64");
  await turn.agent.wire.bytes(value.newline ? Buffer.concat([bytes, Buffer.from("\n")]) : bytes);
}

export async function stderr(_turn: Turn, text: StepValue<"stderr">): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.stderr.write(text.endsWith("\n") ? text : `${text}\n`, () => resolve());
  await promise;
}

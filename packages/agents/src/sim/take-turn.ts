/** Takes up one incoming thing: chooses the steps that answer it, runs them, and ends the turn. */
import { join } from "node:path";
import type { Agent } from "./agent.ts";
import { endTurn } from "./end-turn.ts";
import type { BackgroundEnd, UserMessage } from "./inbox.ts";
import { init, user } from "./messages.ts";
import { DROPPED_BY_INTERRUPT, runStep } from "./run-step.ts";
import type { Step } from "./script.ts";
import { runSlashCommand, slashCommand } from "./slash.ts";
import { Turn, TurnCut, type Ending } from "./turn.ts";

/** Answers a message of the user; gives whether its result is an error. */
export async function takeMessage(agent: Agent, message: UserMessage): Promise<boolean> {
  const { session } = agent;
  session.remember(user(session.id, message.text));
  const command = slashCommand(message.text);
  if (command !== undefined) {
    await runSlashCommand(agent, command, initFacts(agent));
    return false;
  }
  const reaction = session.state.iteration > 0 ? reactionTo(agent, message.text) : undefined;
  const turn = new Turn(agent, message.text);
  if (reaction) return play(turn, () => runAside(turn, reaction));
  const goesOn = beginIteration(agent, message.text);
  return play(turn, () => runIteration(turn, goesOn));
}

/** The further turn that claude takes by itself when a background command has ended. */
export async function takeBackgroundEnd(agent: Agent, { run, say }: BackgroundEnd): Promise<boolean> {
  await run();
  const turn = new Turn(agent, "");
  return play(turn, () => turn.text(say), { origin: { kind: "task-notification" } });
}

async function play(turn: Turn, steps: () => Promise<void>, more: object = {}): Promise<boolean> {
  const { agent } = turn;
  agent.turn = turn;
  await agent.wire.send(init(initFacts(agent)));
  let ending: Ending = { kind: "completed" };
  try {
    await steps();
    turn.endRound();
  } catch (error) {
    if (!(error instanceof TurnCut)) throw error;
    ending = error.ending;
  }
  agent.turn = undefined;
  agent.session.save();
  return endTurn(turn, ending, more);
}

/** A turn that was cut goes on where it was (gives true); else the next one begins. */
function beginIteration(agent: Agent, message: string): boolean {
  const { session, script } = agent;
  const { state } = session;
  if (state.iteration === 0) {
    const found = script.cases.findIndex(({ when }) => message.includes(when));
    state.case = found === -1 ? null : found;
  }
  const goesOn = state.open && state.step < stepsOf(agent).length;
  if (!goesOn) {
    state.iteration += 1;
    state.step = 0;
    state.within = 0;
    state.open = true;
  }
  session.save();
  return goesOn;
}

function turnsOf({ session, script }: Agent): readonly (readonly Step[])[] {
  const { case: chosen } = session.state;
  return (chosen === null ? undefined : script.cases[chosen]?.turns) ?? script.turns;
}

/** The last turn of the script repeats. */
function stepsOf(agent: Agent): readonly Step[] {
  const turns = turnsOf(agent);
  return turns[Math.min(agent.session.state.iteration, turns.length) - 1] ?? [];
}

async function runIteration(turn: Turn, goesOn: boolean): Promise<void> {
  const { session } = turn.agent;
  const { state } = session;
  const steps = stepsOf(turn.agent);
  const turnInScript = Math.min(state.iteration, turnsOf(turn.agent).length);
  // Of a turn that goes on, the first step may have done some of its work before it was cut.
  turn.again = goesOn;
  for (let step = steps[state.step]; step; step = steps[state.step]) {
    turn.place = `${state.case ?? "-"}:${turnInScript}:${state.step}`;
    await runPaced(turn, step, () => session.completeStep());
    session.completeStep();
    turn.again = false;
    await fold(turn);
  }
  state.open = false;
}

/** Steps outside the script's own order; a process that dies in them does not come back to them. */
async function runAside(turn: Turn, steps: readonly Step[]): Promise<void> {
  for (const [at, step] of steps.entries()) {
    turn.place = `aside:${at}`;
    await runPaced(turn, step, () => {});
  }
}

async function runPaced(turn: Turn, step: Step, drop: () => void): Promise<void> {
  const { agent } = turn;
  // One turn of the event loop at least, so that input and signals are heard between steps.
  await new Promise((resolve) => setImmediate(resolve));
  turn.signal.throwIfAborted();
  turn.activity = "api";
  await agent.sleep(agent.script.pace, turn.signal);
  turn.activity = "streaming";
  try {
    await runStep(turn, step);
  } catch (error) {
    if (turn.signal.aborted && DROPPED_BY_INTERRUPT.has(step.kind)) drop();
    throw error;
  }
}

/** Messages that came while a tool ran belong to the turn that runs; the model sees them with its next call. */
async function fold(turn: Turn): Promise<void> {
  if (turn.stopReason !== "tool_use") return;
  const { agent } = turn;
  for (const { text } of agent.inbox.takeMessages()) {
    agent.ledger.add(text);
    agent.session.remember(user(agent.session.id, text));
    const reaction = reactionTo(agent, text);
    if (reaction) await runAside(turn, reaction);
  }
}

function reactionTo(agent: Agent, text: string): readonly Step[] | undefined {
  return agent.script.onMessage.find(({ when }) => text.includes(when))?.steps;
}

function initFacts(agent: Agent): Parameters<typeof init>[0] {
  return {
    sessionId: agent.session.id,
    cwd: agent.cwd,
    skipPermissions: agent.options.skipPermissions,
    asksOverStdio: agent.options.asksOverStdio,
    memory: join(agent.session.folder, "memory"),
  };
}

/**
 * One turn of the conversation: blocks of text, calls of tools and their results, in the order and grouping of
 * claude's wire. A "round" is one call of the model: its text blocks and its tool call share a message id; a
 * tool's result begins the next.
 */
import type { Activity, Agent, RunningTurn } from "./agent.ts";
import type { Decision } from "./asks.ts";
import { assistant, newId, toolResult, type Block, type ToolOutcome } from "./messages.ts";
import type { Tokens } from "./ledger.ts";

/** How a turn came to its end. */
export type Ending =
  | { readonly kind: "completed" }
  | { readonly kind: "interrupted" }
  | { readonly kind: "apiError"; readonly text: string; readonly error: string; readonly facts: ApiFacts }
  | { readonly kind: "maxTurns" | "budget"; readonly limit: number };

export interface ApiFacts {
  readonly api_error_status: number | null;
  readonly api_error_type?: string;
  readonly api_error?: string;
}

/** Thrown by a step to end its turn; `stepIsDone` says whether a resume goes past that step. */
export class TurnCut extends Error {
  readonly ending: Ending;
  readonly stepIsDone: boolean;

  constructor(ending: Ending, stepIsDone = false) {
    super(`The turn is cut: ${ending.kind}`);
    this.ending = ending;
    this.stepIsDone = stepIsDone;
  }
}

/** Who decides whether a tool may run: nobody, the permission mode, or a person whatever the mode. */
export type Asking = "never" | "byMode" | "always";

export interface ToolCall {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly asking: Asking;
  /** Does the work; the input may have been changed by whoever allowed it. */
  readonly work: (input: Readonly<Record<string, unknown>>, id: string) => Promise<ToolOutcome>;
}

interface Round {
  readonly messageId: string;
  readonly requestId: string;
  readonly usage: Tokens;
  written: string;
}

export class Turn implements RunningTurn {
  readonly agent: Agent;
  readonly message: string;
  readonly began = performance.now();
  readonly denials: object[] = [];
  activity: Activity = "streaming";
  rounds = 0;
  subagents = 0;
  lastText = "";
  stopReason: "end_turn" | "tool_use" | null = null;
  /** Milliseconds to the first block; undefined while there was none. */
  firstBlockMs: number | undefined;
  /** The tool that runs, for the result that an interrupt gives it. */
  toolAtWork: string | undefined;
  /** Where the step at hand stands in the script; names what is counted for it. */
  place = "";
  /** The step at hand was cut before and is done again. */
  again = false;
  readonly #stop = new AbortController();
  #round: Round | undefined;

  constructor(agent: Agent, message: string) {
    this.agent = agent;
    this.message = message;
    agent.ledger.startTurn(message);
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  interrupt(): void {
    this.#stop.abort(new TurnCut({ kind: "interrupted" }));
  }

  async text(text: string): Promise<void> {
    this.lastText = text;
    await this.#send({ type: "text", text }, text);
  }

  async thinking(thinking: string): Promise<void> {
    await this.#send({ type: "thinking", thinking, signature: "" }, thinking);
  }

  /** A tool call from its announcement to its result. Returns what the tool gave back. */
  async tool(call: ToolCall): Promise<ToolOutcome> {
    const id = newId("toolu");
    await this.#send(
      { type: "tool_use", id, name: call.name, input: call.input },
      JSON.stringify(call.input),
    );
    this.stopReason = "tool_use";
    this.endRound();
    this.activity = "tool";
    this.toolAtWork = id;
    const outcome = await this.#decideAndWork(call, id);
    this.signal.throwIfAborted();
    this.toolAtWork = undefined;
    this.activity = "streaming";
    this.agent.ledger.add(JSON.stringify(outcome.content));
    await this.agent.say(toolResult(this.agent.session.id, id, outcome));
    return outcome;
  }

  /** Books the round at hand; cuts the turn when the budget is spent. */
  endRound(): void {
    const round = this.#round;
    if (!round) return;
    this.#round = undefined;
    this.book(round.usage, round.written);
  }

  /** Books a call of the model that read and wrote so much. */
  book(read: Tokens, written: string): void {
    const { ledger, session, options } = this.agent;
    session.state.contextTokens = ledger.close(read, written);
    this.rounds += 1;
    const limit = options.maxBudgetUsd;
    if (limit !== undefined && ledger.costUsd > limit) throw new TurnCut({ kind: "budget", limit });
  }

  async #decideAndWork(call: ToolCall, id: string): Promise<ToolOutcome> {
    const decision = await this.#decide(call, id);
    if (decision.behavior === "allow") {
      return call.work({ ...call.input, ...decision.updatedInput }, id).catch(toolFailure);
    }
    this.denials.push({ tool_name: call.name, tool_use_id: id, tool_input: call.input });
    return { content: decision.message, isError: true, detail: `Error: ${decision.message}` };
  }

  async #decide({ name, input, asking }: ToolCall, id: string): Promise<Decision> {
    const { skipPermissions, asksOverStdio } = this.agent.options;
    if (asking === "never" || (skipPermissions && (asking === "byMode" || !asksOverStdio))) {
      return { behavior: "allow" };
    }
    if (!asksOverStdio) {
      const message = `Claude requested permissions to use ${name}, but you haven't granted it yet.`;
      return { behavior: "deny", message };
    }
    const description = typeof input["description"] === "string" ? { description: input["description"] } : {};
    return this.agent.asks.canUseTool(
      {
        tool_name: name,
        display_name: name,
        input,
        ...description,
        permission_suggestions: suggestions(name, input),
        tool_use_id: id,
      },
      this.signal,
    );
  }

  async #send(block: Block, written: string): Promise<void> {
    this.signal.throwIfAborted();
    const round = this.#openRound();
    round.written += written;
    this.activity = "streaming";
    this.stopReason = "end_turn";
    this.firstBlockMs ??= performance.now() - this.began;
    const { messageId, requestId, usage } = round;
    await this.agent.say(assistant({ sessionId: this.agent.session.id, messageId, requestId, block, usage }));
  }

  #openRound(): Round {
    const limit = this.agent.options.maxTurns;
    if (!this.#round && limit !== undefined && this.rounds >= limit) {
      this.stopReason = "tool_use";
      throw new TurnCut({ kind: "maxTurns", limit });
    }
    this.#round ??= {
      messageId: newId("msg"),
      requestId: newId("req"),
      usage: this.agent.ledger.open(this.agent.session.state.contextTokens),
      written: "",
    };
    return this.#round;
  }
}

/** What goes wrong in a tool (a file that may not be written) is told to the model, as claude does. */
function toolFailure(error: unknown): ToolOutcome {
  if (!(error instanceof Error) || error instanceof TurnCut) throw error;
  return { content: error.message, isError: true, detail: `Error: ${error.message}` };
}

function suggestions(name: string, input: Readonly<Record<string, unknown>>): object[] {
  if (name !== "Bash") return [{ type: "setMode", mode: "acceptEdits", destination: "session" }];
  const first = String(input["command"] ?? "").split(/\s/)[0];
  const rules = [{ toolName: "Bash", ruleContent: `${first} *` }];
  return [{ type: "addRules", rules, behavior: "allow", destination: "localSettings" }];
}

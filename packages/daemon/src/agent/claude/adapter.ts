/** Claude Code's adapter, and that of the simulated agent, which speaks the same wire. */
import type { Agent } from "../agent.ts";
import { launch } from "./arguments.ts";
import { allow, answer, asPrompt, decline, deny, interrupt, userMessage } from "./control.ts";
import { createParser } from "./parse.ts";

export const claude: Agent = {
  launch,
  createParser,
  userMessage,
  echoOf: asPrompt,
  interrupt,
  allow,
  deny,
  answer,
  decline,
};

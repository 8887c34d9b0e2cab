/** An agent that was signed out on a daemon: where to sign in, and the code that the page gives. */
import type { Command } from "commander";
import type { Client } from "@makima/client/rest";
import { daemonSchema, type DaemonView } from "@makima/protocol/api/mesh";
import { routes } from "@makima/protocol/api/routes";
import { CliError } from "../../cli-error.ts";
import type { ContextOf } from "../../command-table.ts";
import { EXIT } from "../../exit-codes.ts";
import { answeredFields } from "../../print/json-fields.ts";
import type { Line } from "../../print/line.ts";
import { renderLine } from "../../print/live.ts";
import { sanitizeLine } from "../../print/terminal.ts";
import { plural, shellWord } from "../../print/words.ts";

const EXAMPLES = `
Examples
  makima inbox sign-in                 where to sign in
  makima inbox sign-in laptop CODE     hands over the code that the page gave

Every task that waits for the login goes on by itself.
`;

export type SignIn = DaemonView["authRequired"][number];

/** Lines that say where to sign in, and what to type then. */
export function signInLines(daemon: DaemonView, { agent, message, loginUrl }: SignIn): Line[] {
  const flag = agent === "claude" ? "" : ` --agent ${shellWord(agent)}`;
  const command = `makima inbox sign-in ${shellWord(daemon.name)}`;
  const url = loginUrl === undefined ? undefined : sanitizeLine(loginUrl);
  return [
    { tone: "warn", glyph: "⚠", text: sanitizeLine(message) },
    ...(url === undefined ? [] : [{ tone: "plain" as const, glyph: "", text: url, indent: 1 }]),
    { tone: "dim", glyph: "", text: `${command}${url ? " CODE" : ""}${flag}`, indent: 1 },
  ];
}

export async function daemonsOf(client: Client): Promise<DaemonView[]> {
  return (await client.call(routes.listDaemons, { query: { limit: 500 } })).items;
}

export function registerSignIn(questions: Command, context: ContextOf): void {
  questions
    .command("sign-in")
    .description("Sign an agent in on a daemon: the address, or the code that its page gave")
    .argument("[daemon]", "daemon: name or id; may be left out where only one is signed out")
    .argument("[code]", "the code; left out: begin a login and show the address")
    .option("--agent <name>", "the agent", "claude")
    .addHelpText("after", EXAMPLES)
    .action(async (name: string | undefined, code: string | undefined, flags: { agent: string }) => {
      const { out, connect } = await context();
      if (answeredFields(out, daemonSchema)) return;
      const { client } = await connect();
      const daemon = pick(await daemonsOf(client), name);
      const body = code === undefined ? { agent: flags.agent } : { agent: flags.agent, code };
      const shown = await client.call(routes.submitAuthCode, { params: { id: daemon.id }, body });
      if (out.json) return out.value(shown);
      if (code !== undefined)
        return out.note("Handed over. The tasks that wait for it go on once it is accepted.");
      const waiting = shown.authRequired.filter(({ agent }) => agent === flags.agent);
      for (const line of waiting.flatMap((each) => signInLines(shown, each))) {
        out.line(renderLine(line, out.terminal));
      }
      if (waiting.length === 0) out.note("A login begins; in a moment the address is here: makima inbox");
    });
}

function pick(daemons: readonly DaemonView[], name: string | undefined): DaemonView {
  const named = daemons.filter((daemon) => daemon.name === name || daemon.id === name);
  const signedOut = daemons.filter((daemon) => daemon.authRequired.length > 0);
  const found = name === undefined ? signedOut : named;
  const [only] = found;
  if (only && found.length === 1) return only;
  if (name === undefined && found.length === 0 && daemons[0] && daemons.length === 1) return daemons[0];
  throw new CliError({
    code: "DAEMON_NOT_FOUND",
    message:
      name === undefined
        ? `Which daemon? ${plural(found.length, "daemon")} wait for a login.`
        : `There is no one daemon called ${JSON.stringify(name)}.`,
    next: daemons.slice(0, 10).map((daemon) => `makima inbox sign-in ${shellWord(daemon.name)}`),
    exit: name === undefined ? EXIT.usage : EXIT.notFound,
  });
}

/** `makima login` and `makima logout`: keep a key for a server, or forget it. */
import type { Command } from "commander";
import { httpAddress } from "@makima/client/address";
import { createClient } from "@makima/client/rest";
import { routes } from "@makima/protocol/api/routes";
import type { CliContext } from "../cli-context.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { ContextOf } from "../command-table.ts";
import { EXIT } from "../exit-codes.ts";
import { storedKeyFor, storeKey } from "../host/credentials.ts";
import { findServer } from "../host/find-server.ts";
import { sanitizeLine } from "../print/terminal.ts";
import { canAsk } from "../prompt.ts";
import { readStdin } from "../run/read-stdin.ts";

const EXAMPLES = `
Examples
  makima login https://makima.example.com:7717
  pass show makima | makima login https://makima.example.com:7717 --with-key-stdin
  makima logout https://makima.example.com:7717

The key is checked with the server, then kept in a file that only you can read. MAKIMA_API_KEY wins over it.
A server that makima started on this machine needs no login.
`;

export function register(program: Command, context: ContextOf): void {
  program
    .command("login")
    .description("Keep a key for a server")
    .argument("[url]", "address of the server; else the one that is configured")
    .option("--with-key-stdin", "read the key from standard input")
    .addHelpText("after", EXAMPLES)
    .action(async (url: string | undefined, flags: { withKeyStdin?: boolean }) => {
      const ctx = await context();
      const address = await addressFor(ctx, url);
      const key = await readKey(ctx, address, flags.withKeyStdin === true);
      const client = createClient({ url: address, key });
      const who = await client.call(routes.whoami, undefined, { retry: false });
      storeKey(ctx.paths, address, key, new Date());
      if (ctx.out.json) ctx.out.value({ url: address, ...who });
      else
        ctx.out.line(
          `Signed in to ${address} as ${sanitizeLine(who.ownerName)} (${who.principal}, ${who.role})`,
        );
      warnOfEnvironment(ctx);
      if (ctx.config.server.url === "" || httpAddressOr(ctx.config.server.url) !== address) {
        ctx.out.note(
          `To talk to it without naming it: export MAKIMA_API_URL=${address}, or [server] url in ${ctx.paths.configFile}`,
        );
      }
    });

  program
    .command("logout")
    .description("Forget the key kept for a server")
    .argument("[url]", "address of the server; else the one that is configured")
    .addHelpText("after", "\nExamples\n  makima logout https://makima.example.com:7717\n")
    .action(async (url: string | undefined) => {
      const ctx = await context();
      const address = await addressFor(ctx, url);
      const had = storedKeyFor(ctx.paths, address) !== undefined;
      if (had) storeKey(ctx.paths, address, undefined, new Date());
      if (ctx.out.json) ctx.out.value({ url: address, forgotten: had });
      else
        ctx.out.note(
          had
            ? `Forgot the key for ${address}. It is still valid: revoke it with makima api-keys revoke`
            : `No key is kept for ${address}.`,
        );
      warnOfEnvironment(ctx);
    });
}

function httpAddressOr(url: string): string | undefined {
  try {
    return httpAddress(url);
  } catch {
    return undefined;
  }
}

async function addressFor(ctx: CliContext, url: string | undefined): Promise<string> {
  if (url === undefined) return (await findServer(ctx))?.url ?? httpAddress(ctx.config.server.url);
  const address = httpAddressOr(url);
  if (address === undefined)
    throw usageError(`${JSON.stringify(url)} is no address of a server.`, "makima login https://host:7717");
  return address;
}

async function readKey(ctx: CliContext, address: string, fromStdin: boolean): Promise<string> {
  if (fromStdin) return checked((await readStdin()).toString("utf8"));
  if (!canAsk()) {
    throw new CliError({
      code: "CANNOT_ASK",
      message: "There is no terminal to type the key on.",
      next: [`… | makima login ${address} --with-key-stdin`, "Or set MAKIMA_API_KEY, which needs no login"],
      exit: EXIT.usage,
    });
  }
  const prompts = await import("@clack/prompts");
  ctx.out.note(`Make a key where you are signed in: makima api-keys create --name "$(hostname)"`);
  const typed = await prompts.password({ message: `Key for ${address}`, output: process.stderr });
  if (typeof typed !== "string")
    throw new CliError({ code: "INTERRUPTED", message: "Stopped.", exit: EXIT.interrupted });
  return checked(typed);
}

function checked(text: string): string {
  const key = text.trim();
  if (key === "" || /\s|[^\x21-\x7e]/.test(key) || key.length > 4096) {
    throw usageError("That is no key.", 'makima api-keys create --name "laptop"    makes one');
  }
  return key;
}

/** The trap that a login changes nothing because a variable wins is said aloud. */
export function warnOfEnvironment(ctx: CliContext): void {
  const name = ["MAKIMA_API_KEY", "MAKIMA_SERVER_API_KEY"].find((each) => ctx.env[each]);
  if (name)
    ctx.out.note(
      `${name} is set in your environment and wins over every kept key. Without it: unset ${name}`,
    );
}

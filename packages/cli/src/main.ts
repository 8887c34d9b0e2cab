#!/usr/bin/env node
/** The one program. What needs no command (version, help) is answered before anything heavy is loaded. */
import { enableCompileCache } from "node:module";
import { MAKIMA_VERSION } from "@makima/protocol/version";

const args = process.argv.slice(2);
const only = args.length <= 1 ? (args[0] ?? "") : undefined;

if (only === "--version" || only === "-V") {
  process.stdout.write(`makima ${MAKIMA_VERSION}\n`);
} else {
  cacheCode();
  // A reader that has seen enough, such as `head`, ends the program quietly.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
  if (only === "" || only === "--help" || only === "-h" || only === "help") {
    const { fullHelp, shortHelp } = await import("./help.ts");
    process.stdout.write(only === "" ? shortHelp() : fullHelp());
  } else if (args[0] === "help" && args[1] === "exit-codes") {
    const { exitCodesHelp } = await import("./help.ts");
    process.stdout.write(exitCodesHelp());
  } else {
    const { runProgram } = await import("./program.ts");
    process.exitCode = await runProgram(args);
    // What a command leaves open, such as an idle connection, does not keep it from ending.
    process.stdout.write("", () => process.exit());
  }
}

/**
 * Makes the second start quicker; where the folder cannot be written, nothing is lost. Node's own choice, a
 * folder in the shared /tmp, would let other users put code there.
 */
function cacheCode(): void {
  const { XDG_CACHE_HOME: cache, HOME: home } = process.env;
  const base = cache?.startsWith("/") ? cache : home ? `${home}/.cache` : undefined;
  if (base !== undefined) enableCompileCache(`${base}/makima/compile`);
}

/** Where servers and daemons write what happens: a file of the data folder, or stderr. */
import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Writable } from "node:stream";
import pino, { type Logger } from "pino";
import type { Config } from "@makima/protocol/config";
import { sanitizeLine, type Terminal } from "../print/terminal.ts";

const KEPT_BYTES = 20 * 1024 * 1024;
/** Names of fields that are never written out, wherever they stand. */
const SECRETS = [
  "key",
  "apiKey",
  "api_key",
  "authorization",
  "cookie",
  "token",
  "password",
  "jwt_secret",
  "code",
];
const REDACT = { paths: SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: "(secret)" };

/** An error as it is written: what it says and why, not what its library hung on it (a database error carries its connection). */
function errorFacts(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause } = error;
  const code = "code" in error ? { code: String(error.code) } : {};
  return { name, message, ...code, stack, ...(cause === undefined ? {} : { cause: errorFacts(cause) }) };
}

const SERIALIZERS = { err: errorFacts, error: errorFacts };

/** JSON lines in a file; one older file is kept beside it. Written at once, so that a killed process has told all. */
export function fileLog(file: string, level: Config["logging"]["level"]): Logger {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  if (existsSync(file) && statSync(file).size > KEPT_BYTES) renameSync(file, `${file}.1`);
  const destination = pino.destination({ dest: file, append: true, mode: 0o600, sync: true });
  return pino({ level, redact: REDACT, serializers: SERIALIZERS, base: { pid: process.pid } }, destination);
}

/** On stderr, as JSON lines or for people. */
export function streamLog(logging: Config["logging"], terminal: Terminal): Logger {
  const options = { level: logging.level, redact: REDACT, serializers: SERIALIZERS, base: {} };
  if (logging.format === "json") return pino(options, pino.destination({ dest: 2, sync: true }));
  return pino(
    options,
    prettyStream(terminal, (line) => void process.stderr.write(line)),
  );
}

const LEVELS: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};

function prettyStream(terminal: Terminal, write: (line: string) => void): Writable {
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      for (const line of chunk.toString().split("\n"))
        if (line !== "") write(`${prettyLine(line, terminal)}\n`);
      done();
    },
  });
}

/** `14:02:11 info  what happened  task=t-91c2`; a line that is no JSON stays as it is. */
export function prettyLine(line: string, terminal: Terminal): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return sanitizeLine(line);
  }
  const { level, time, msg, err, ...facts } = entry;
  const word = LEVELS[Number(level)] ?? "info";
  const colour = word === "error" || word === "fatal" ? "red" : word === "warn" ? "yellow" : "dim";
  const when = new Date(Number(time)).toISOString().slice(11, 19);
  const rest = Object.entries(facts).map(
    ([name, value]) => `${name}=${sanitizeLine(typeof value === "string" ? value : JSON.stringify(value))}`,
  );
  const failure = (err as { stack?: string; message?: string } | undefined) ?? {};
  const why = failure.stack ?? failure.message;
  return [
    `${terminal.paint("dim", when)} ${terminal.paint(colour, word.padEnd(5))} ${sanitizeLine(String(msg ?? ""))}`,
    terminal.paint("dim", rest.join(" ")),
    why === undefined ? "" : sanitizeLine(why),
  ]
    .filter((part) => part !== "")
    .join("  ");
}

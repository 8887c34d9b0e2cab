/** `makima api`: any request to the server, with the key and the paging done. */
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { problemOf, type Client } from "@makima/client/rest";
import { usageError } from "../cli-error.ts";
import type { ContextOf } from "../command-table.ts";
import type { Output } from "../output.ts";
import { sanitize } from "../print/terminal.ts";
import { readStdin } from "../run/read-stdin.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

const EXAMPLES = `
Examples
  makima api /contracts?status=active
  makima api /mesh/tasks --field limit=5 --paginate
  makima api POST /mesh/tasks/t-91c2/message --field text="Use UTC"
  makima api POST /contracts --input contract.json
  makima api //healthz

Paths are below /api/v1; one that begins with // stands at the root of the server.
Fields go into the query of a GET and into the body of anything else; true, false, null and numbers are
what they look like, and --field name=@file is the text of a file.
`;

interface Flags {
  field: string[];
  input?: string;
  paginate?: boolean;
}

export function register(program: Command, context: ContextOf): void {
  program
    .command("api")
    .description("Send any request to the server")
    .argument("<method-or-path>", "method, or the path of a GET (of a POST, with --input)")
    .argument("[path]", "path below /api/v1")
    .option(
      "--field <name=value>",
      "a field of the query or the body; as often as needed",
      (value, all: string[]) => [...all, value],
      [],
    )
    .option("--input <file>", "the body as it is; - is standard input")
    .option("--paginate", "fetch all pages and print them as one")
    .addHelpText("after", EXAMPLES)
    .action(async (first: string, second: string | undefined, flags: Flags) => {
      const request = await requestOf(first, second, flags);
      const { out, connect } = await context();
      const { client } = await connect();
      const answer = flags.paginate ? await allPages(client, request) : await send(client, request);
      print(out, answer);
    });
}

interface ApiRequest {
  method: string;
  path: string;
  body?: unknown;
}

async function requestOf(first: string, second: string | undefined, flags: Flags): Promise<ApiRequest> {
  const named = METHODS.includes(first.toUpperCase()) && !first.startsWith("/");
  const written = named ? second : first;
  if (written === undefined)
    throw usageError(`Which path? ${first.toUpperCase()} what?`, `makima api ${first} /contracts`);
  if (!named && second !== undefined) {
    throw usageError(`${JSON.stringify(first)} is no method.`, `Methods: ${METHODS.join(", ")}`);
  }
  const method = named ? first.toUpperCase() : flags.input === undefined ? "GET" : "POST";
  const path = pathOf(written);
  const fields = await fieldsOf(flags.field);
  if (method === "GET") {
    if (flags.input !== undefined)
      throw usageError("A GET has no body.", "Leave --input out, or name another method");
    return { method, path: withQuery(path, fields) };
  }
  if (flags.paginate) throw usageError("--paginate is for GET.", "Leave it out");
  const body =
    flags.input === undefined
      ? Object.keys(fields).length > 0
        ? fields
        : undefined
      : await bodyFrom(flags.input, fields);
  return body === undefined ? { method, path } : { method, path, body };
}

/** Only ever a path of the one server that the key is for. */
function pathOf(written: string): string {
  if (written.includes("://")) throw usageError("Give a path, not an address.", "makima api /contracts");
  if (written.startsWith("//")) return written.slice(1);
  const path = written.startsWith("/") ? written : `/${written}`;
  return path === "/api" || path.startsWith("/api/") ? path : `/api/v1${path}`;
}

function withQuery(path: string, fields: Record<string, unknown>): string {
  const query = new URLSearchParams(
    Object.entries(fields).map(([name, value]): [string, string] => [name, String(value)]),
  );
  if (query.size === 0) return path;
  return `${path}${path.includes("?") ? "&" : "?"}${query}`;
}

async function fieldsOf(pairs: readonly string[]): Promise<Record<string, unknown>> {
  const fields: [string, unknown][] = [];
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1)
      throw usageError(
        `--field ${JSON.stringify(pair)} is not name=value.`,
        "makima api POST /… --field text=hello",
      );
    fields.push([pair.slice(0, at), await valueOf(pair.slice(at + 1))]);
  }
  return Object.fromEntries(fields);
}

async function valueOf(text: string): Promise<unknown> {
  if (text.startsWith("@")) return readInput(text.slice(1));
  if (text === "true" || text === "false" || text === "null") return JSON.parse(text) as unknown;
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text) ? Number(text) : text;
}

async function bodyFrom(file: string, fields: Record<string, unknown>): Promise<unknown> {
  let body: unknown;
  try {
    body = JSON.parse(await readInput(file));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw usageError(
      `What ${file === "-" ? "standard input" : file} holds is not JSON: ${error.message}.`,
      "makima api POST /contracts --input contract.json",
    );
  }
  if (Object.keys(fields).length === 0) return body;
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw usageError("--field can only be added to an object.", "Leave --field out");
  return { ...body, ...fields };
}

async function readInput(file: string): Promise<string> {
  try {
    return file === "-" ? (await readStdin()).toString("utf8") : await readFile(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    throw usageError(
      `${file} cannot be read: ${code === "ENOENT" ? "there is no such file" : code}.`,
      "Name a file that is there, or - for standard input",
    );
  }
}

async function send(client: Client, request: ApiRequest): Promise<string> {
  const options = request.method === "POST" ? { idempotencyKey: crypto.randomUUID() } : {};
  const response = await client.send(request, options);
  if (!response.ok) throw await problemOf(client.url, response);
  return await response.text();
}

async function allPages(client: Client, request: ApiRequest): Promise<string> {
  const items: unknown[] = [];
  let after: string | undefined;
  do {
    const path = after === undefined ? request.path : withQuery(without(request.path, "after"), { after });
    const text = await send(client, { ...request, path });
    const page = JSON.parse(text) as { items?: unknown; nextCursor?: unknown };
    if (!Array.isArray(page.items)) return text;
    items.push(...(page.items as unknown[]));
    after = typeof page.nextCursor === "string" ? page.nextCursor : undefined;
  } while (after !== undefined);
  return JSON.stringify({ items, nextCursor: null });
}

function without(path: string, name: string): string {
  const [base = "", query = ""] = path.split("?", 2);
  const left = new URLSearchParams(query);
  left.delete(name);
  return left.size === 0 ? base : `${base}?${left}`;
}

/** As it is for programs; indented and made safe for people. */
function print(out: Output, text: string): void {
  if (text === "") return;
  if (out.fields) return out.value(JSON.parse(text));
  if (!out.terminal.isTty) return out.line(text);
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // Not JSON, e.g. metrics: shown as it is.
  }
  out.line(sanitize(shown));
}

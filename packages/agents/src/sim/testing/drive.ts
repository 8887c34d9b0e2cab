/** Runs the simulated agent as makima's daemon would: a process of its own, driven over its pipes. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { simulatedAgent } from "../where.ts";

export type Line = Readonly<Record<string, any>>;

export const FLAGS = [
  "--output-format=stream-json",
  "--input-format=stream-json",
  "--verbose",
  "--dangerously-skip-permissions",
  "--permission-prompt-tool",
  "stdio",
];

/** Stripping types costs more than half of a start; this way it is done once for all the processes of a test run. */
export const COMPILE_CACHE = { NODE_COMPILE_CACHE: join(tmpdir(), "makima-sim-test-compile-cache") };

/** A throw-away folder: a git repository to work in, and a home for sessions beside it. */
export class Place implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), "makima-sim-test-"));
  readonly cwd = join(this.#root, "repo");
  readonly home = join(this.#root, "home");

  constructor() {
    execFileSync("git", ["init", "-q", "-b", "main", this.cwd]);
  }

  path(name: string): string {
    return join(this.cwd, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  write(name: string, content: string): void {
    writeFileSync(this.path(name), content);
  }

  /** Changes what a session has on record, as a death at the worst moment would have left it. */
  changeSession(id: string, change: (state: object) => object): void {
    const name = readdirSync(this.home, { recursive: true, encoding: "utf8" }).find((one) =>
      one.endsWith(`${id}.json`),
    );
    const path = join(this.home, name ?? "");
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, "utf8")))));
  }

  /** Writes a script beside the repository; gives its path. */
  script(yaml: string): string {
    const path = join(this.#root, "script.yaml");
    writeFileSync(path, yaml);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

export interface DriveOptions {
  readonly script: string;
  readonly flags?: readonly string[];
  readonly more?: readonly string[];
  readonly speed?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Driven implements AsyncDisposable {
  readonly lines: Line[] = [];
  /** Lines that are not JSON. */
  readonly noise: string[] = [];
  /** Resolves once all that it said was read, too. */
  readonly exit: Promise<Exit>;
  /** Resolves with the process's end, read or not. */
  readonly exited: Promise<Exit>;
  readonly pid: number;
  stderr = "";
  readonly #child;
  readonly #reader;
  readonly #waiting = new Set<() => void>();
  #gone = false;

  constructor(place: Place, { script, flags = FLAGS, more = [], speed = 100, env = {} }: DriveOptions) {
    this.#child = spawn(process.execPath, [simulatedAgent().main, ...flags, ...more], {
      cwd: place.cwd,
      stdio: "pipe",
      env: {
        ...process.env,
        ...COMPILE_CACHE,
        MAKIMA_SIM_HOME: place.home,
        MAKIMA_SIM_SCRIPT: script,
        MAKIMA_SIM_SPEED: String(speed),
        ...env,
      },
    });
    this.pid = this.#child.pid ?? 0;
    this.#child.stderr.on("data", (chunk) => (this.stderr += String(chunk)));
    // Whoever died no longer reads; that is not the test's failure.
    this.#child.stdin.on("error", () => {});
    this.#reader = createInterface({ input: this.#child.stdout });
    this.#reader.on("line", (text) => this.#take(text));
    const { promise, resolve } = Promise.withResolvers<Exit>();
    this.exit = promise;
    const end = Promise.withResolvers<Exit>();
    this.exited = end.promise;
    this.#child.once("exit", (code, signal) => end.resolve({ code, signal }));
    this.#child.once("close", (code, signal) => {
      this.#gone = true;
      resolve({ code, signal });
      for (const look of this.#waiting) look();
    });
  }

  send(line: object | string): void {
    this.#child.stdin.write(typeof line === "string" ? `${line}\n` : `${JSON.stringify(line)}\n`);
  }

  prompt(text: string): void {
    this.send({ type: "user", message: { role: "user", content: [{ type: "text", text }] } });
  }

  end(): void {
    this.#child.stdin.end();
  }

  /** Leaves what it says in the pipe, until the process is disposed of. */
  stopReading(): void {
    this.#reader.pause();
    this.#child.stdout.pause();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The `nth` line that fits, now or when it comes. Rejects when the process ends without it. */
  async until(fits: (line: Line) => boolean, nth = 1): Promise<Line> {
    const { promise, resolve, reject } = Promise.withResolvers<Line>();
    const look = () => {
      const found = this.lines.filter(fits)[nth - 1];
      if (found) resolve(found);
      else if (this.#gone) reject(new Error(`The process ended without the line. It said: ${this.stderr}`));
    };
    this.#waiting.add(look);
    look();
    return promise.finally(() => this.#waiting.delete(look));
  }

  result(nth = 1): Promise<Line> {
    return this.until((line) => line["type"] === "result", nth);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#gone) this.#child.kill("SIGKILL");
    this.#child.stdout.resume();
    await this.exit;
  }

  #take(text: string): void {
    try {
      this.lines.push(JSON.parse(text));
    } catch {
      this.noise.push(text);
    }
    for (const look of this.#waiting) look();
  }
}

/** One prompt, the input closed at once, everything that came of it. */
export async function converse(place: Place, options: DriveOptions, ...prompts: string[]) {
  await using driven = new Driven(place, options);
  for (const prompt of prompts) driven.prompt(prompt);
  driven.end();
  const exit = await driven.exit;
  return {
    ...exit,
    lines: driven.lines,
    noise: driven.noise,
    stderr: driven.stderr,
    last: driven.lines.at(-1),
  };
}

export const textsOf = (lines: readonly Line[]): string[] =>
  lines
    .filter((line) => line["type"] === "assistant")
    .flatMap((line) => line["message"].content)
    .filter((block) => block.type === "text")
    .map((block) => block.text);

export const isToolUse = (line: Line, name: string): boolean =>
  line["type"] === "assistant" && line["message"].content[0].name === name;

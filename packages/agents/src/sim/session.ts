/**
 * Sessions: where each conversation stands in its script, kept under the simulated agent's home, keyed on the
 * working directory as claude's own are. A session's file is replaced whole (written aside, then renamed) after
 * each step, so that a process killed at any moment is resumed at the step that was cut. Renamed, not synced:
 * it outlives the death of the process, not that of the machine. Where the home cannot be written, the turn still
 * runs, as with claude, and nothing can be resumed.
 */
import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const STATE = z.object({
  version: z.literal(1),
  id: z.string(),
  cwd: z.string(),
  script: z.string(),
  /** Which of the script's cases gives the turns; null for the script's own. */
  case: z.number().nullable(),
  /** Turns begun that count as iterations. */
  iteration: z.number(),
  /** Steps of the turn at hand that are done. */
  step: z.number(),
  /** The turn at hand has not come to its end. */
  open: z.boolean(),
  /** How far the cut step came, where it is one that goes on inside (`lines`). */
  within: z.number(),
  /** How often a step that does so has failed, and until when it fails, by the step's place. */
  failures: z.record(z.string(), z.number()),
  failsUntil: z.record(z.string(), z.number()),
  answer: z.string(),
  /** Place of the question that was asked last. */
  asked: z.string(),
  /** Tokens that the history holds. */
  contextTokens: z.number(),
});

export type SessionState = z.output<typeof STATE>;

export class Session {
  readonly state: SessionState;
  /** Where it is kept, beside the other sessions of its working directory. */
  readonly folder: string;
  #unkept = false;

  constructor(folder: string, state: SessionState) {
    this.folder = folder;
    this.state = state;
  }

  get id(): string {
    return this.state.id;
  }

  save(): void {
    this.#keep(() => replaceFile(join(this.folder, `${this.id}.json`), JSON.stringify(this.state)));
  }

  completeStep(): void {
    this.state.step += 1;
    this.state.within = 0;
    this.save();
  }

  /** Keeps a line of the conversation, as claude keeps its transcript. */
  remember(line: object): void {
    this.#keep(() => appendFileSync(join(this.folder, `${this.id}.jsonl`), `${JSON.stringify(line)}\n`));
  }

  /** Stores output that is too long for the wire; gives its path. */
  keepOutput(name: string, output: string): string {
    const folder = join(this.folder, this.id, "tool-results");
    this.#keep(() => {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `${name}.txt`), output);
    });
    return join(folder, `${name}.txt`);
  }

  /** Counts something once for the working directory, across its sessions; gives how often it was before. */
  countInFolder(what: string): number {
    const path = join(this.folder, "counts.json");
    const counts: Record<string, number> = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
    const before = counts[what] ?? 0;
    this.#keep(() => replaceFile(path, JSON.stringify({ ...counts, [what]: before + 1 })));
    return before;
  }

  #keep(write: () => void): void {
    if (this.#unkept) return;
    try {
      mkdirSync(this.folder, { recursive: true });
      write();
    } catch (error) {
      this.#unkept = true;
      process.stderr.write(`The simulated session is not kept: ${String(error)}. Set MAKIMA_SIM_HOME.\n`);
    }
  }
}

function replaceFile(path: string, content: string): void {
  writeFileSync(`${path}.next`, `${content}\n`);
  renameSync(`${path}.next`, path);
}

/** The sessions of one working directory. */
export class SessionStore {
  readonly #cwd: string;
  readonly #folder: string;

  constructor(home: string, cwd: string) {
    // Readable like claude's, and unlike claude's without two directories falling together ("a-b" and "a/b").
    const readable = cwd.replaceAll(/[^A-Za-z0-9]/g, "-").slice(-120);
    const hash = createHash("sha256").update(cwd).digest("hex").slice(0, 12);
    this.#cwd = cwd;
    this.#folder = join(home, `${readable}-${hash}`);
  }

  has(id: string): boolean {
    return existsSync(join(this.#folder, `${id}.json`));
  }

  /** A new session; it is on disk only once something was saved. */
  create(id: string, script: string): Session {
    return new Session(this.#folder, {
      version: 1,
      id,
      cwd: this.#cwd,
      script,
      case: null,
      iteration: 0,
      step: 0,
      open: false,
      within: 0,
      failures: {},
      failsUntil: {},
      answer: "",
      asked: "",
      contextTokens: 0,
    });
  }

  open(id: string): Session | undefined {
    if (!/^[\w-]+$/.test(id) || !this.has(id)) return undefined;
    return new Session(
      this.#folder,
      STATE.parse(JSON.parse(readFileSync(join(this.#folder, `${id}.json`), "utf8"))),
    );
  }

  /** The session that was last written in this working directory. */
  latest(): Session | undefined {
    if (!existsSync(this.#folder)) return undefined;
    const [newest] = readdirSync(this.#folder)
      .filter((name) => /^[0-9a-f-]{36}\.json$/.test(name))
      .map((name) => ({ name, at: statSync(join(this.#folder, name)).mtimeMs }))
      .toSorted((one, other) => other.at - one.at);
    return newest && this.open(newest.name.slice(0, -".json".length));
  }

  /** A session that stands where `from` stands, under another id; `from` stays as it is. */
  fork(from: Session, id: string): Session {
    return new Session(this.#folder, { ...structuredClone(from.state), id });
  }
}

/**
 * What an agent writes, kept in a file until the journal has it.
 *
 * An agent's stdout and stderr are files and not pipes: a daemon that is killed loses nothing that was
 * written, and an agent that outlives it does not die of a broken pipe. The daemon follows the file
 * (woken by the file system, not by a polling loop) and hands out lines with offsets; who stores lines and
 * offset in one transaction goes on after a crash with no gap and nothing twice.
 */
import { constants, watch, type FSWatcher } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { createLineSplitter, type SpoolLine } from "./line-splitter.ts";
import { hasCode, ProcessError } from "./process-error.ts";

const READ_BYTES = 64 * 1024;
/** Least time between two reads of one file: many small writes become one read. */
const PACE_MS = 20;
/** Used only where the file system cannot wake us (inotify watches used up). */
const FALLBACK_POLL_MS = 250;

export interface SpoolOptions {
  /** Offset after the last line that the consumer has stored. */
  from?: number;
  /** Takes lines in order, one batch at a time; nothing more is read until it is done. */
  onLines: (lines: SpoolLine[]) => Promise<void> | void;
  /** Most lines in a batch; its bytes are bounded by one read plus one line. */
  maxBatchLines?: number;
  maxLineBytes?: number;
}

export interface SpoolReader {
  /** Offset after the last line that was handed out and taken. */
  readonly offset: number;
  /** Settles when reading is over; fails when the consumer or the disk failed. */
  readonly done: Promise<void>;
  /** The writer is gone: reads to the end of the file, hands out a last line without end, closes. */
  finish(): Promise<void>;
  /** Stops where it is. What was not handed out stays in the file. */
  close(): Promise<void>;
}

/** Opens a spool for the agent to append to. The caller gives its `fd` to the agent and closes it. */
export async function openSpool(path: string): Promise<FileHandle> {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
  try {
    return await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  } catch (cause) {
    if (!hasCode(cause, "ENOSPC", "EDQUOT")) throw cause;
    throw new ProcessError("disk_full", `No room for the agent's output at ${path}. Free some disk space.`, {
      cause,
    });
  }
}

/** Follows the spool at `path`, which must exist. */
export async function followSpool(path: string, options: SpoolOptions): Promise<SpoolReader> {
  const from = options.from ?? 0;
  const maxBatch = options.maxBatchLines ?? 1000;
  const file = await open(path, "r");
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  const continued = from > 0 && !(await endsLine(file, from));
  const splitter = createLineSplitter({
    offset: from,
    continued,
    ...(options.maxLineBytes === undefined ? {} : { maxLineBytes: options.maxLineBytes }),
  });
  const bell = createBell();
  const stopWatching = watchFile(path, bell.ring);
  let position = from;
  let offset = from;
  let state: "following" | "finishing" | "closed" = "following";
  const closed = () => state === "closed";

  async function hand(lines: SpoolLine[]): Promise<void> {
    for (let at = 0; at < lines.length && !closed(); at += maxBatch) {
      const batch = lines.slice(at, at + maxBatch);
      await options.onLines(batch);
      offset = batch.at(-1)?.offset ?? offset;
    }
  }

  async function readToEnd(): Promise<void> {
    while (!closed()) {
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      await hand(splitter.push(buffer.subarray(0, bytesRead)));
    }
  }

  async function follow(): Promise<void> {
    try {
      while (!closed()) {
        const last = state === "finishing";
        bell.rearm();
        await readToEnd();
        if (last) {
          await hand(splitter.end());
          return;
        }
        await bell.rung();
        if (state === "following") await bell.pause(PACE_MS);
      }
    } finally {
      stopWatching();
      await file.close();
    }
  }

  const done = follow();
  done.catch(() => undefined);
  return {
    get offset() {
      return offset;
    },
    done,
    finish() {
      if (state === "following") state = "finishing";
      bell.hurry();
      return done;
    },
    close() {
      state = "closed";
      bell.hurry();
      return done;
    },
  };
}

async function endsLine(file: FileHandle, offset: number): Promise<boolean> {
  const before = Buffer.alloc(1);
  await file.read(before, 0, 1, offset - 1);
  return before[0] === 10;
}

/** Rings whenever the file changed. A watch that cannot be had is replaced by a slow look. */
function watchFile(path: string, ring: () => void): () => void {
  let poll: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;
  const fallBack = () => {
    poll ??= setInterval(ring, FALLBACK_POLL_MS);
  };
  try {
    watcher = watch(path, { persistent: true }, ring);
    watcher.on("error", fallBack);
  } catch {
    fallBack();
  }
  return () => {
    watcher?.close();
    clearInterval(poll);
  };
}

/** Remembers that something happened until somebody waits for it. */
function createBell() {
  let rings = false;
  let hurried = false;
  let wake: (() => void) | undefined;
  return {
    ring: () => {
      rings = true;
      wake?.();
    },
    /** Ends any waiting and pausing, now and from now on. */
    hurry: () => {
      hurried = true;
      rings = true;
      wake?.();
    },
    rearm: () => {
      rings = false;
    },
    rung: () => (rings || hurried ? Promise.resolve() : new Promise<void>((resolve) => (wake = resolve))),
    pause: (ms: number) =>
      hurried
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, ms);
            wake = () => {
              if (!hurried) return;
              clearTimeout(timer);
              resolve();
            };
          }),
  };
}

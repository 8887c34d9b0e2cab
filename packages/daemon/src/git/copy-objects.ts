/**
 * Brings commits, with all that they need, from one object store into another: what a fetch does, without
 * running anything in the repository that they come from. The receiving git computes every object's name
 * anew and the result is checked to be whole, so that a damaged or forged store cannot damage this one.
 */
import { once } from "node:events";
import { GitError, complaint } from "./error.ts";
import { runGit, startGit } from "./git.ts";

export interface CopyObjects {
  /** Git directory to read with: the daemon's own, never one that an agent can write. */
  readonly from: string;
  /** `GIT_ALTERNATE_OBJECT_DIRECTORIES` for reading: stores that hold the wanted commits. */
  readonly alternates?: string;
  readonly to: string;
  readonly wants: readonly string[];
  /** Commits that `to` has, with all that they need. */
  readonly haves: readonly string[];
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

/** Up to this many objects are stored one by one, more as one pack. git's own `fetch.unpackLimit`. */
const UNPACK_LIMIT = 100;
const PACK_HEADER_BYTES = 12;

/** Returns how many objects were copied. Throws `git_failed` when the commits are damaged or not whole. */
export async function copyObjects(request: CopyObjects): Promise<number> {
  const { from, to, signal } = request;
  signal?.throwIfAborted();
  if (request.wants.length === 0) return 0;
  const limit = AbortSignal.timeout(request.timeoutMs ?? 600_000);
  const both = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  const revisions = [...request.wants, ...request.haves.map((id) => `^${id}`), ""].join("\n");
  const reader = startGit(
    ["pack-objects", "--revs", "--stdout", "--thin", "--delta-base-offset", "-q", "--threads=2"],
    {
      gitDir: from,
      signal: both,
      ...(request.alternates === undefined
        ? {}
        : { env: { GIT_ALTERNATE_OBJECT_DIRECTORIES: request.alternates } }),
    },
  );
  reader.stdin.end(revisions);
  const readerEnded = reader.ended;
  readerEnded.catch(() => {});
  const header = await readHeader(reader.stdout);
  let count = 0;
  if (header !== undefined) {
    count = header.readUInt32BE(8);
    await receive(to, header, count, reader.stdout, both, () => reader.stop());
  }
  const { exitCode, stderr } = await readerEnded;
  signal?.throwIfAborted();
  if (exitCode !== 0) throw damaged("read", stderr, exitCode);
  if (count > 0) await requireWhole(request, revisions);
  return count;
}

async function readHeader(pack: NodeJS.ReadableStream): Promise<Buffer | undefined> {
  for (;;) {
    const head = pack.read(PACK_HEADER_BYTES) as Buffer | null;
    // Fewer bytes than asked for come only at the end of the stream.
    if (head !== null) return head.length === PACK_HEADER_BYTES ? head : undefined;
    if ((pack as import("node:stream").Readable).readableEnded) return undefined;
    await Promise.race([once(pack, "readable"), once(pack, "end"), once(pack, "close")]);
    if ((pack as import("node:stream").Readable).destroyed) return undefined;
  }
}

async function receive(
  to: string,
  header: Buffer,
  count: number,
  rest: import("node:stream").Readable,
  signal: AbortSignal,
  stop: () => void,
): Promise<void> {
  const packHeader = `--pack_header=${header.readUInt32BE(4)},${count}`;
  const args =
    count < UNPACK_LIMIT
      ? ["unpack-objects", "-q", "--strict", packHeader]
      : ["index-pack", "--stdin", "--fix-thin", "--strict", packHeader];
  const writer = startGit(args, { gitDir: to, signal });
  writer.stdout.resume();
  rest.pipe(writer.stdin);
  const { exitCode, stderr } = await writer.ended;
  if (exitCode === 0) return;
  stop();
  rest.resume();
  signal.throwIfAborted();
  throw damaged("stored", stderr, exitCode);
}

/** What `git fetch` does too: nothing may be named by a ref that is not here in full. */
async function requireWhole({ to, signal }: CopyObjects, revisions: string): Promise<void> {
  await runGit(["rev-list", "--objects", "--quiet", "--stdin"], { gitDir: to, input: revisions, signal });
}

function damaged(what: string, stderr: string, exitCode: number): GitError {
  return new GitError(
    "git_failed",
    `Commits could not be ${what}: ${complaint(stderr)}. Run git fsck in the repository that they come from.`,
    { stderr, exitCode },
  );
}

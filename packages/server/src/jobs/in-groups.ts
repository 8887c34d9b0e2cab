/** Work that many callers ask for one by one and that costs less together: what comes while it runs goes with the next. */
import type { Deps } from "../deps.ts";

type Settled<R> = { ok: true; value: R } | { ok: false; error: unknown };

interface Waiting<T, R> {
  item: T;
  resolve: (value: R) => void;
  reject: (error: unknown) => void;
}

/** `run` gets at most `most` items and answers each; when it throws, all of them get the error. One run at a time for each `Deps`. */
export function inGroups<T, R>(
  most: number,
  run: (deps: Deps, items: T[]) => Promise<Settled<R>[]>,
): (deps: Deps, item: T) => Promise<R> {
  const lines = new WeakMap<Deps, { waiting: Waiting<T, R>[]; busy: boolean }>();

  async function work(deps: Deps, line: { waiting: Waiting<T, R>[]; busy: boolean }): Promise<void> {
    line.busy = true;
    while (line.waiting.length > 0) {
      const group = line.waiting.splice(0, most);
      const items = group.map(({ item }) => item);
      const settled = await run(deps, items).catch((error: unknown) =>
        items.map((): Settled<R> => ({ ok: false, error })),
      );
      for (const [index, { resolve, reject }] of group.entries()) {
        const answer = settled[index];
        if (answer?.ok) resolve(answer.value);
        else reject(answer?.error ?? new Error("the work was left without an answer"));
      }
    }
    line.busy = false;
  }

  return (deps, item) => {
    const line = lines.get(deps) ?? { waiting: [], busy: false };
    lines.set(deps, line);
    return new Promise((resolve, reject) => {
      line.waiting.push({ item, resolve, reject });
      if (!line.busy) void work(deps, line);
    });
  };
}

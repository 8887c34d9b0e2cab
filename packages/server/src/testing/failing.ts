/** Makes the k-th statement of a database fail, to see that nothing of its transaction is kept. */
import pg from "pg";

/** While `work` runs, statements are counted and number `k` (from 1) fails in the database. How many there were. */
export async function failingAt(
  k: number,
  work: () => Promise<unknown>,
): Promise<{ statements: number; failed: boolean }> {
  const { prototype } = pg.Client as unknown as { prototype: { query: (...args: unknown[]) => unknown } };
  const real = prototype.query;
  let statements = 0;
  let failed = false;
  let committed = false;
  prototype.query = function query(this: unknown, ...args: unknown[]): unknown {
    const [config] = args as [{ text?: string } | string];
    const text = typeof config === "string" ? config : (config.text ?? "");
    if (committed || /^\s*rollback/.test(text)) return real.apply(this, args);
    committed = /^\s*commit/.test(text);
    statements += 1;
    if (statements !== k) return real.apply(this, args);
    failed = true;
    return real.call(this, { text: "select 1 / 0" });
  };
  try {
    await work();
  } finally {
    prototype.query = real;
  }
  return { statements, failed };
}

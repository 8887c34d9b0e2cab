import type { CliContext, Connection } from "../cli-context.ts";
export async function connect(
  _context: CliContext,
  _how: { start?: boolean; signal?: AbortSignal },
): Promise<Connection> {
  throw new Error("not yet");
}

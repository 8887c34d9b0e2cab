/** Whether the simulated account is logged in: a file in the simulated agent's home. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** `at` in epoch milliseconds. */
const LOGIN = z.object({ loggedIn: z.boolean(), at: z.number() });

export type Login = z.output<typeof LOGIN>;

/** Logged in since ever, where nothing else was written. */
export function readLogin(home: string): Login {
  const path = join(home, "login.json");
  if (!existsSync(path)) return { loggedIn: true, at: 0 };
  return LOGIN.parse(JSON.parse(readFileSync(path, "utf8")));
}

export function writeLogin(home: string, login: Login): void {
  mkdirSync(home, { recursive: true });
  const path = join(home, "login.json");
  writeFileSync(`${path}.${process.pid}`, JSON.stringify(login));
  renameSync(`${path}.${process.pid}`, path);
}

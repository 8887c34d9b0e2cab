/**
 * Signs Claude Code in from afar: `claude setup-token` gives an address, the person opens it and brings back
 * a code, and the command answers with a token.
 *
 * The command speaks only to a terminal, so util-linux's `script` lends it one.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { randomUUID } from "node:crypto";
import { systemClock, within, type Clock } from "../process/clock.ts";
import { findExecutable } from "../process/find-executable.ts";
import { kill, sweep } from "../process/sweep.ts";
import { loginToken, loginUrl, plainText } from "./login-screen.ts";

export interface LoginOptions {
  claudeCommand: string;
  env: Record<string, string>;
  cwd: string;
  /** How long the address may take to come. */
  urlMs?: number;
  /** How long the command may take after the code. */
  submitMs?: number;
  clock?: Clock;
}

/** Keep it secret: it is worth the person's account. */
export type LoginResult = { ok: true; token?: string } | { ok: false; message: string };

export interface Login {
  /** For the person to open. */
  url: string;
  /** Hands in the code that the person got. Once. */
  submit(code: string): Promise<LoginResult>;
  cancel(): Promise<void>;
}

export type LoginStart =
  | { ok: true; login: Login }
  | { ok: false; reason: "agent_missing" | "no_terminal" | "no_url"; message: string };

const LOGIN_MARKER = "MAKIMA_LOGIN_ID";
const URL_MS = 30_000;
const SUBMIT_MS = 60_000;
/** More than this of what it paints is not kept. */
const MOST_CHARACTERS = 256 * 1024;
const BY_HAND = 'Run "claude /login" on that machine, as the user that the daemon runs as.';

export async function startLogin(options: LoginOptions): Promise<LoginStart> {
  const { env, cwd, clock = systemClock } = options;
  const path = env["PATH"] ?? "";
  const claude = await findExecutable(options.claudeCommand, path, cwd);
  if (!claude) {
    const message = `"${options.claudeCommand}" was not found. Install Claude Code, or name it in [process] claude_command.`;
    return { ok: false, reason: "agent_missing", message };
  }
  const script = await findExecutable("script", path, cwd);
  if (!script) {
    return { ok: false, reason: "no_terminal", message: `"script" (util-linux) was not found. ${BY_HAND}` };
  }
  const screen = openScreen(script, claude, options);
  if (
    await within(
      screen.until(() => loginUrl(screen.painted()) !== undefined),
      options.urlMs ?? URL_MS,
      clock,
    )
  ) {
    const url = loginUrl(screen.painted());
    if (url !== undefined) return { ok: true, login: { url, submit, cancel: screen.close } };
  }
  await screen.close();
  const said = plainText(screen.painted()).trim().split("\n").at(-1)?.trim() ?? "";
  const what =
    said === ""
      ? "gave no address to sign in"
      : `gave no address to sign in, but said: ${said.slice(0, 300)}`;
  return { ok: false, reason: "no_url", message: `"claude setup-token" ${what}. ${BY_HAND}` };

  async function submit(code: string): Promise<LoginResult> {
    // Anything but printable characters would be keys pressed in the terminal.
    const typed = code.trim();
    if (!/^[\x21-\x7e]{4,2000}$/.test(typed)) {
      return { ok: false, message: "That is no code: copy the whole of it from the page, without spaces." };
    }
    const before = screen.painted().length;
    screen.type(`${typed}\r`);
    const ended = await within(screen.exited, options.submitMs ?? SUBMIT_MS, clock);
    const after = screen.painted().slice(before).replaceAll(typed, "");
    const status = ended ? await screen.exited : undefined;
    await screen.close();
    if (status === 0) {
      const token = loginToken(after);
      return token === undefined ? { ok: true } : { ok: true, token };
    }
    const said = plainText(after).trim().split("\n").at(-1)?.trim().slice(0, 300) ?? "";
    const what = ended ? "The code was not accepted" : "The agent did not answer to the code in time";
    return {
      ok: false,
      message: `${what}${said === "" ? "" : `: ${said}`}. Ask for a new address and try again.`,
    };
  }
}

function openScreen(script: string, claude: string, { env, cwd }: LoginOptions) {
  const marker = { name: LOGIN_MARKER, value: randomUUID() };
  // A wide terminal, so that the address mostly fits on one line.
  const command = `stty cols 500 rows 50 2>/dev/null; exec ${quoted(claude)} setup-token`;
  const args =
    process.platform === "darwin"
      ? ["-q", "/dev/null", "/bin/sh", "-c", command]
      : ["-qefc", command, "/dev/null"];
  const child: ChildProcessWithoutNullStreams = spawn(script, args, {
    cwd,
    // `script` runs the command with SHELL, which must be one that knows this syntax.
    env: { TERM: "xterm-256color", ...env, SHELL: "/bin/sh", [marker.name]: marker.value },
    detached: true,
    stdio: "pipe",
  });
  let painted = "";
  const looking = new Set<() => void>();
  const take = (text: string) => {
    painted = (painted + text).slice(-MOST_CHARACTERS);
    for (const look of looking) look();
  };
  for (const pipe of [child.stdout, child.stderr]) pipe.setEncoding("utf8").on("data", take);
  child.stdin.on("error", () => undefined);
  const exited = new Promise<number | null>((resolve) => {
    child.once("close", (code) => resolve(code));
    child.once("error", () => resolve(null));
  });
  return {
    painted: () => painted,
    exited,
    type: (text: string) => void child.stdin.write(text),
    /** Resolves when `seen` is true, or at the command's end. */
    until: (seen: () => boolean) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!seen()) return;
          looking.delete(look);
          resolve();
        };
        looking.add(look);
        look();
        void exited.then(() => resolve());
      }),
    async close() {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        kill(-child.pid, "SIGKILL");
      }
      await sweep(marker);
      child.stdin.destroy();
    },
  };
}

/** One word for the shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

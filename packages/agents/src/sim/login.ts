/** `auth status` and `setup-token`, over the simulated account in the simulated agent's home. */
import { randomBytes } from "node:crypto";
import type { ReadStream, WriteStream } from "node:tty";
import { readLogin, writeLogin } from "./login-state.ts";

export function printAuthStatus(home: string): string {
  const { loggedIn } = readLogin(home);
  return JSON.stringify(
    { loggedIn, authMethod: loggedIn ? "simulated" : "none", apiProvider: "simulated", email: null },
    null,
    2,
  );
}

/**
 * Prints the login address, waits for the code, and prints a token; resolves with the exit code. Any code is
 * right but one that begins with "wrong", after which it asks anew. Without a terminal it says nothing and never
 * ends, like the real one. The address is of the real one's form and names no real client.
 */
export async function setupToken(home: string, input: ReadStream, output: WriteStream): Promise<number> {
  if (!input.isTTY || !output.isTTY) {
    setInterval(() => {}, 60_000);
    return new Promise(() => {});
  }
  input.setRawMode(true);
  output.write("\nBrowser didn't open? Use the url below to sign in\n\n");
  output.write(`${wrap(loginUrl(), output.columns || 80)}\n\n`);
  for (;;) {
    output.write("Paste code here if prompted > ");
    const code = await readCode(input, output);
    if (code === undefined) return 130;
    if (code !== "" && !code.startsWith("wrong")) break;
    output.write("\nOAuth error: Invalid code. Please make sure the full code was copied\n\n");
  }
  writeLogin(home, { loggedIn: true, at: Date.now() });
  const token = `sk-ant-oat01-simulated-${randomBytes(24).toString("base64url")}`;
  output.write("\n\n✓ Long-lived authentication token created successfully!\n\n");
  output.write(`Your OAuth token (valid for 1 year):\n\n${token}\n\n`);
  output.write("Store this token securely. You won't be able to see it again.\n\n");
  output.write("Use this token by setting: export CLAUDE_CODE_OAUTH_TOKEN=<token>\n");
  input.setRawMode(false);
  return 0;
}

function loginUrl(): string {
  const url = new URL("https://claude.com/cai/oauth/authorize?code=true");
  url.searchParams.set("client_id", "makima-simulated-agent");
  url.searchParams.set("response_type", "code");
  url.searchParams.set("redirect_uri", "https://platform.claude.com/oauth/code/callback");
  url.searchParams.set("scope", "user:inference");
  url.searchParams.set("code_challenge", randomBytes(32).toString("base64url"));
  url.searchParams.set("code_challenge_method", "S256");
  url.searchParams.set("state", randomBytes(32).toString("base64url"));
  return url.href;
}

function wrap(text: string, columns: number): string {
  const rows = [];
  for (let at = 0; at < text.length; at += columns) rows.push(text.slice(at, at + columns));
  return rows.join("\n");
}

/** What is typed or pasted up to Enter, shown as stars; undefined on Ctrl-C. */
function readCode(input: ReadStream, output: WriteStream): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  let code = "";
  const take = (chunk: Buffer) => {
    for (const key of chunk.toString("utf8")) {
      if (key === "\u0003" || key === "\r" || key === "\n") {
        input.off("data", take).pause();
        resolve(key === "\u0003" ? undefined : code.trim());
        return;
      }
      code = key === "\u007f" ? code.slice(0, -1) : code + key;
      output.write("*");
    }
  };
  input.on("data", take).resume();
  return promise;
}

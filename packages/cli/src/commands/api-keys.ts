/** `makima api-keys`: make, list and revoke keys. */
import { type Command, Option } from "commander";
import { apiKeySchema, SCOPES, type ApiKeyView } from "@makima/protocol/api/auth";
import { routes } from "@makima/protocol/api/routes";
import { usageError } from "../cli-error.ts";
import type { ContextOf } from "../command-table.ts";
import { answeredFields } from "../print/json-fields.ts";
import { printTable, type Column } from "../print/table.ts";
import { ageWords } from "../print/words.ts";
import { confirm } from "../prompt.ts";
import { durationMs } from "../run/numbers.ts";

interface CreateFlags {
  name?: string;
  kind: "person" | "daemon";
  scope?: (typeof SCOPES)[number][];
  expires?: number;
}

export function register(program: Command, context: ContextOf): void {
  const keys = program.command("api-keys").alias("api-key").description("Make, list and revoke API keys");
  keys
    .command("list", { isDefault: true })
    .alias("ls")
    .description("List API keys; a key itself is shown only when it is made")
    .option("--all", "revoked and expired ones too")
    .addHelpText("after", "\nExamples\n  makima api-keys list\n")
    .action(async (flags: { all?: boolean }) => {
      const { out, connect } = await context();
      if (answeredFields(out, apiKeySchema)) return;
      const { client } = await connect();
      const { items } = await client.call(routes.listApiKeys);
      const now = Date.now();
      const shown = flags.all ? items : items.filter((key) => stateOf(key, now) === "active");
      if (out.json) return out.value({ items: shown });
      printTable(out, columns(now), shown);
      if (shown.length < items.length)
        out.note(`${items.length - shown.length} revoked or expired hidden (--all)`);
    });
  keys
    .command("create")
    .description("Make an API key; it is shown once")
    .argument("[name]", "what it is for")
    .option("--name <name>", "what it is for")
    .addOption(new Option("--kind <kind>", "who uses it").choices(["person", "daemon"]).default("person"))
    .addOption(new Option("--scope <scope...>", "what it may do; else all that you may").choices(SCOPES))
    .option("--expires <duration>", "good for this long, e.g. 24h", durationMs)
    .addHelpText(
      "after",
      "\nExamples\n  makima api-keys create laptop\n  makima api-keys create build-box --kind daemon\n  makima api-keys create ci --scope read --expires 24h\n",
    )
    .action(async (typed: string | undefined, flags: CreateFlags) => {
      const { out, connect } = await context();
      if (answeredFields(out, apiKeySchema)) return;
      const name = typed ?? flags.name;
      if (name === undefined || name.trim() === "")
        throw usageError("What is the key for? Give it a name.", "makima api-keys create laptop");
      const { client } = await connect();
      const body = {
        name,
        kind: flags.kind,
        ...(flags.scope === undefined ? {} : { scopes: flags.scope }),
        ...(flags.expires === undefined ? {} : { expiresInSecs: Math.ceil(flags.expires / 1000) }),
      };
      const made = await client.call(routes.createApiKey, { body });
      if (out.json) return out.value(made);
      out.line(made.key);
      out.note(`Shown this once. Use it: MAKIMA_API_KEY=… makima …, or makima login ${client.url}`);
    });
  keys
    .command("revoke")
    .description("Revoke an API key; what is open with it is closed at once")
    .argument("<id>", "key: its id")
    .addHelpText("after", "\nExamples\n  makima api-keys revoke 019a… --yes\n")
    .action(async (id: string) => {
      const { out, flags, connect } = await context();
      const { client } = await connect();
      if (flags.yes !== true) {
        const sure = await confirm(`Revoke the key ${id}? What uses it stops working at once.`);
        if (sure === "cannot ask")
          throw usageError(
            "Revoking asks first, and there is no terminal to ask on.",
            `makima api-keys revoke ${id} --yes`,
          );
        if (!sure) return out.note("Nothing was revoked.");
      }
      await client.call(routes.revokeApiKey, { params: { id } });
      if (out.json) out.value({ id, revoked: true });
      else out.note(`Revoked ${id}.`);
    });
}

function stateOf(key: ApiKeyView, now: number): "active" | "revoked" | "expired" {
  if (key.revokedAt !== null) return "revoked";
  return key.expiresAt !== null && Date.parse(key.expiresAt) <= now ? "expired" : "active";
}

function columns(now: number): Column<ApiKeyView>[] {
  const ago = (at: string | null) => (at === null ? "never" : `${ageWords(now - Date.parse(at))} ago`);
  return [
    { title: "ID", show: ({ id }) => id },
    { title: "NAME", show: ({ name }) => name },
    { title: "KIND", show: ({ kind }) => kind },
    { title: "KEY", show: ({ prefix }) => `${prefix}…`, raw: ({ prefix }) => prefix },
    { title: "SCOPES", show: ({ scopes }) => scopes.join(" ") },
    { title: "STATE", show: (key) => stateOf(key, now) },
    { title: "LAST USED", show: ({ lastUsedAt }) => ago(lastUsedAt), raw: ({ lastUsedAt }) => lastUsedAt },
  ];
}

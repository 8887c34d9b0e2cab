/** `makima config`: what the configuration is, where it comes from, and its schema. */
import type { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import type { ContextOf } from "../command-table.ts";

export function register(program: Command, context: ContextOf): void {
  const config = program.command("config").description("Show the configuration and where it comes from");
  config
    .command("list")
    .description("Every key and its value")
    .option("--show-origin", "say for each key where it comes from")
    .action(async (flags: { showOrigin?: boolean }) => {
      const { listConfig } = await import("../config/list.ts");
      listConfig(await context(), flags.showOrigin === true);
    });
  config
    .command("get")
    .description("One value")
    .argument("<key>", "such as process.max_concurrent_tasks")
    .action(async (key: string) => {
      const { getConfig } = await import("../config/list.ts");
      getConfig(await context(), key);
    });
  config
    .command("path")
    .description("The files that count, strongest first")
    .action(async () => showPaths(await context()));
  config
    .command("schema")
    .description("JSON Schema of config.toml")
    .action(async () => {
      const { configJsonSchema } = await import("../config/json-schema.ts");
      const { out } = await context();
      out.line(JSON.stringify(configJsonSchema(), null, 2));
    });
}

function showPaths({ paths, loaded, out }: CliContext): void {
  const project = loaded.projectFile;
  const rows = [
    ...(project === undefined ? [] : [{ kind: "project", file: project }]),
    { kind: "user", file: paths.configFile },
    { kind: "daemon", file: paths.daemonConfigFile },
  ].map((row) => ({ ...row, read: loaded.files.includes(row.file) }));
  if (out.json) return out.value({ items: rows });
  for (const { kind, file, read } of rows) {
    const line = [kind, file, read ? "read" : "not there"];
    out.line(
      out.terminal.isTty
        ? `${kind.padEnd(9)}${file}${read ? "" : out.terminal.paint("dim", "  not there")}`
        : line.join("\t"),
    );
  }
}

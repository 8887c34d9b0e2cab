/** The configuration's reference page, made from the schema. */
import { PROJECT_SECTIONS } from "@makima/protocol/config";
import { CONFIG_KEYS } from "./keys.ts";

const HEAD = `# Configuration

<!-- Made by scripts/generate-docs.ts from packages/protocol/src/config.ts. Do not edit. -->

A key may stand in several places. The strongest wins:

1. flags of the command line
2. the environment: every key as \`MAKIMA_<SECTION>_<KEY>\`; also \`MAKIMA_API_URL\`, \`MAKIMA_API_KEY\`,
   \`MAKIMA_DATABASE_URL\`, \`MAKIMA_DAEMON_SERVER_URL\`, \`MAKIMA_DAEMON_BUBBLEWRAP\`, and for \`makima server\`
   alone \`DATABASE_URL\`
3. the project's \`makima.toml\`: the nearest one from the current folder up to the repository's top
4. your own \`config.toml\` in \`$XDG_CONFIG_HOME/makima\` (\`~/.config/makima\`); \`makima-daemon.toml\` beside it
   is read too
5. the defaults below

A project's file may come with a cloned repository, so it may set only the sections that belong to the work
(marked *project*), its limits go downwards only, and its commands count once a person has confirmed them.
Unknown keys and bad values are errors that name file, line and the nearest key. \`makima config list
--show-origin\` says where each value comes from, \`makima config schema\` prints the JSON Schema.
`;

export function configReference(): string {
  const sections = new Map<string, string[]>();
  for (const { key, type, initial, about, env } of CONFIG_KEYS) {
    const section = key.split(".").slice(0, -1).join(".");
    const rows = sections.get(section) ?? [];
    const name = key.slice(section.length + 1);
    rows.push(
      `| \`${name}\` | ${cell(type)} | \`${cell(JSON.stringify(initial))}\` | ${cell(about)} | \`${env}\` |`,
    );
    sections.set(section, rows);
  }
  const pages = [...sections].map(([section, rows]) => {
    const mark = (PROJECT_SECTIONS as readonly string[]).includes(section) ? " — *project*" : "";
    return [
      `## [${section}]${mark}`,
      "",
      "| key | type | default | meaning | environment |",
      "| --- | --- | --- | --- | --- |",
      ...rows,
      "",
    ].join("\n");
  });
  return [HEAD, ...pages].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

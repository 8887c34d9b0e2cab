/** The published JSON Schema of config.toml, for editors (`#:schema`). */
import { z } from "zod";
import { configSchema } from "@makima/protocol/config";

export function configJsonSchema(): Record<string, unknown> {
  return { title: "makima configuration", ...z.toJSONSchema(configSchema, { io: "input" }) };
}

/** A daemon in a process of its own, for tests that kill it. Its options come as JSON in the first argument. */
import { configSchema } from "@makima/protocol/config";
import { startDaemon } from "../main.ts";
import { optionsIn } from "./world.ts";

const { folder, config, serverUrl } = JSON.parse(process.argv[2] ?? "") as {
  folder: string;
  config: unknown;
  serverUrl: string;
};
const daemon = await startDaemon(optionsIn(folder, configSchema.parse(config), serverUrl));
process.once("SIGTERM", () => void daemon.close());

/** The database's settings, written at every start: fit for a laptop, durable. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClusterHome } from "./cluster-home.ts";
import { handOver } from "./init-cluster.ts";

const SETTINGS = {
  listen_addresses: "",
  port: "5432",
  unix_socket_permissions: "0700",
  max_connections: "60",
  shared_buffers: "128MB",
  fsync: "on",
  synchronous_commit: "on",
  // No replicas read from this one: less is written.
  wal_level: "minimal",
  max_wal_senders: "0",
  max_wal_size: "512MB",
  checkpoint_timeout: "15min",
  // Queries here are short; compiling them costs more than it saves.
  jit: "off",
  autovacuum_naptime: "20s",
  log_min_messages: "warning",
  log_line_prefix: "%m [%p] ",
  lc_messages: "C",
  timezone: "UTC",
  log_timezone: "UTC",
};

export async function writeSettings(home: ClusterHome): Promise<void> {
  const all = { ...SETTINGS, unix_socket_directories: home.socketFolder };
  const lines = Object.entries(all).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
  const text = `# Written by makima at every start; changes are lost.\n${lines.join("\n")}\n`;
  const path = join(home.data, "postgresql.conf");
  await writeFile(path, text, { mode: 0o600 });
  await handOver(home, path);
}

import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Place } from "./testing/drive.ts";
import { scenarioNames, simulatedAgent } from "./where.ts";

test("in the source tree everything stands beside the file", () => {
  const places = simulatedAgent();
  assert.ok(existsSync(places.main));
  assert.ok(existsSync(join(places.scenarios, "happy.yaml")));
  const proof = fileURLToPath(import.meta.resolve("./demo-repo/test/cart.test.js"));
  assert.equal(join(places.demoRepository, "test/cart.test.js"), proof);
  assert.ok(existsSync(proof));
});

test("a bundle names its folder by base or by MAKIMA_SIM_BASE", () => {
  using place = new Place();
  const base = place.path("dist/sim");
  mkdirSync(base, { recursive: true });
  cpSync(simulatedAgent().main, join(base, "main.js"));
  cpSync(simulatedAgent().scenarios, join(base, "scenarios"), { recursive: true });
  assert.equal(simulatedAgent({ base }).main, join(base, "main.js"));
  assert.equal(simulatedAgent({ env: { MAKIMA_SIM_BASE: base } }).scenarios, join(base, "scenarios"));
  assert.deepEqual(scenarioNames({ base }), scenarioNames());
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { resetTimeIn } from "./reset-time.ts";

const H = 3_600_000;
const DAY = 24 * H;
const NOV_20_2026 = 20_777 * DAY;

describe("the time at which a usage limit ends", () => {
  it("is the next such time of the day", () => {
    assert.equal(
      resetTimeIn("limit · resets 12:36am (UTC)", NOV_20_2026 + 23 * H),
      NOV_20_2026 + DAY + 36 * 60_000,
    );
    assert.equal(resetTimeIn("limit · resets 12pm (UTC)", NOV_20_2026 + 11 * H), NOV_20_2026 + 12 * H);
    assert.equal(resetTimeIn("limit · resets at 15:30 (UTC)", NOV_20_2026), NOV_20_2026 + 15.5 * H);
  });

  it("is of a named day where one is named, in the next year if need be", () => {
    assert.equal(resetTimeIn("resets Nov 24, 1pm (UTC)", NOV_20_2026), NOV_20_2026 + 4 * DAY + 13 * H);
    assert.equal(resetTimeIn("resets Jan 3 at 1:30pm (UTC)", NOV_20_2026), NOV_20_2026 + 44 * DAY + 13.5 * H);
    assert.equal(resetTimeIn("resets Mar 1, 1am (UTC)", NOV_20_2026), NOV_20_2026 + 101 * DAY + H);
  });

  it("is counted from now where a span is said", () => {
    assert.equal(resetTimeIn("resets in 2h 13m", 1000), 1000 + 133 * 60_000);
    assert.equal(resetTimeIn("resets in 3 days", 0), 3 * DAY);
    assert.equal(resetTimeIn("resets in 45 minutes", 0), 45 * 60_000);
  });

  it("is the number where there is one", () => {
    assert.equal(resetTimeIn("Claude AI usage limit reached|1795221380", 0), 1_795_221_380_000);
  });

  it("is not guessed: other zones and nonsense are no answer", () => {
    for (const text of [
      "resets 3pm (Europe/Berlin)",
      "resets 3pm",
      "resets 25:00 (UTC)",
      "resets 13pm (UTC)",
      "",
    ]) {
      assert.equal(resetTimeIn(text, 0), undefined, text);
    }
    assert.equal(resetTimeIn("resets Foo 3, 1pm (UTC)", 0), undefined);
  });

  it("agrees with the calendar for every time of every day", () => {
    const time = fc.record({
      now: fc.integer({ min: 0, max: 4_000_000_000_000 }),
      hour: fc.integer({ min: 0, max: 23 }),
      minute: fc.integer({ min: 0, max: 59 }),
    });
    fc.assert(
      fc.property(time, ({ now, hour, minute }) => {
        const half = `${hour % 12 === 0 ? 12 : hour % 12}:${String(minute).padStart(2, "0")}${hour < 12 ? "am" : "pm"}`;
        const at = resetTimeIn(`resets ${half} (UTC)`, now) ?? -1;
        assert.ok(at >= now && at < now + DAY);
        assert.equal(at % DAY, (hour * 60 + minute) * 60_000);
      }),
    );
  });
});

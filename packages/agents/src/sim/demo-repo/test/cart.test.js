import assert from "node:assert/strict";
import { test } from "node:test";
import { linePrice, roundCents, total } from "../src/cart.js";

test("a line costs its price times its quantity", () => {
  assert.equal(linePrice({ price: 2.5, quantity: 3 }), 7.5);
});

test("a discount takes its percentage off", () => {
  assert.equal(linePrice({ price: 80, discountPercent: 25 }), 60);
});

test("an empty cart costs nothing", () => {
  assert.equal(total([]), 0);
});

test("amounts are rounded to whole cents", () => {
  assert.equal(roundCents(1.234), 1.23);
  assert.equal(roundCents(1.236), 1.24);
});

test("half a cent is rounded up", () => {
  assert.equal(roundCents(1.005), 1.01);
  assert.equal(roundCents(8.575), 8.58);
  assert.equal(total([{ price: 2.01, discountPercent: 50 }]), 1.01);
});

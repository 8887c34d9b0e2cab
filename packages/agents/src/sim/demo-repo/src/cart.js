/** The cart of a small shop. Prices are in units of the currency, such as 2.5 for two and a half euros. */

/** Rounds an amount to whole cents, half a cent up. */
export function roundCents(amount) {
  return Math.round(amount * 100) / 100;
}

/** Price of one line: so many pieces at so much each, less a discount in percent. */
export function linePrice({ price, quantity = 1, discountPercent = 0 }) {
  return price * quantity * (1 - discountPercent / 100);
}

/** What the customer pays, rounded once at the end. */
export function total(lines) {
  let sum = 0;
  for (const line of lines) sum += linePrice(line);
  return roundCents(sum);
}

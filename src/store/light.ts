/** What the quick path needs to know of a store. Loads nothing else. */
export { parseReceipt } from "./receipt-text.ts";

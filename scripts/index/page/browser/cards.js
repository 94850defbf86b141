"use strict";
// What a graphics card's name says: whose it is, and its compute capability, by the words of gpu.yaml.

/** The stack of a card that is not NVIDIA's. */
function otherMaker(card) {
  if (/\b(?:NVIDIA|GeForce|Quadro|Tesla)\b/i.test(card)) return null;
  return /\b(?:AMD|Radeon|Instinct|gfx\d{3,4})\b/i.test(card) ? "ROCm" : /\bIntel\b/i.test(card) ? "Intel GPUs" : null;
}

/**
 * The capability of a card; null where no words of a row are in its name. `cards` is {capability: words}, # in them a digit. Of all
 * words that the name has, those with the most letters count: "RTX 5000 Ada" is more than "RTX 50##".
 */
function capabilityOf(card, cards) {
  const name = card.replace(/([RG]TX)(?=A?\d)/gi, "$1 ").replace(/(\d)(?=(?:Ti|SUPER)\b)/gi, "$1 ");
  const found = Object.entries(cards).flatMap(([capability, rows]) => rows.filter((words) => hasWords(name, words)).map((words) => [weightOf(words), capability]));
  return found.reduce((best, row) => (row[0] > best[0] ? row : best), [0, null])[1];
}

function hasWords(name, words) {
  const pattern = words.replace(/#/g, "\\d").replace(/ /g, "[ -]");
  return new RegExp(`(?:^|[ (-])${pattern}(?:D|-|[ )]|$)`, "i").test(name);
}

function weightOf(words) {
  return words.replace(/#/g, "").length;
}

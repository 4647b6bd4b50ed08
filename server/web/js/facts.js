// What a picture shows, how good that is and how sure, in words.

const ORDER = ["on", "table", "holding", "hand", "light", "reached", "facing", "speed", "lane", "weather", "hour"];
const SKIES = { clear: "clear sky", rain: "it rains", snow: "it snows", fog: "it is foggy" };
// Words for a fact by its relation; null where it needs none.
const WORDS = {
  table: (thing) => `${thing} on the table`,
  holding: (thing) => `the hand holds ${thing}`,
  hand: (how) => `the hand is ${how}`,
  light: (how) => `the light is ${how}`,
  reached: () => "the goal is reached",
  facing: (side) => (side === "away" ? "on the ladder" : `facing ${side}`),
  speed: (how) => how,
  lane: (side) => `${side} lane`,
  weather: (how) => SKIES[how] ?? how,
  hour: (which) => which,
  junction: (where) => (where === "near" ? "a junction ahead" : null),
  went: () => null,
  turn: () => null,
  signal: () => null,
};
const SURENESS = ["sure", "fairly sure", "in doubt", "anybody’s guess"];
const FACTS_STEPS = [0, 0.34, 0.67]; // shares of the pairs of tries that differ, up to which each word holds
const PIXEL_STEPS = [0.01, 0.025, 0.05]; // standard deviations of brightness, likewise

/** Facts as short phrases; where things stand, in numbers, is left to the picture. */
export function inWords(facts) {
  const rank = ([relation]) => (ORDER.indexOf(relation) + ORDER.length + 1) % (ORDER.length + 1);
  return (facts ?? [])
    .filter((fact) => !fact.some((word) => /^-?\d+$/.test(word)))
    .sort((a, b) => rank(a) - rank(b))
    .map(([relation, ...things]) =>
      WORDS[relation] && things.length <= 1
        ? WORDS[relation](things[0])
        : things.length === 2
          ? `${things[0]} ${relation} ${things[1]}`
          : [relation, ...things].join(" "),
    )
    .filter((words) => words !== null);
}

/** How much the tries of a future agree: `{level: 0..3, word, numbers}`; null for a single try. */
export function sureness({ spread, samples }) {
  const tries = samples.filter(({ complete }) => complete);
  if (tries.length < 2 || spread.pixels === null) return null;
  const deviation = Math.sqrt(spread.pixels);
  const isRead = spread.facts !== null && tries.some(({ facts }) => facts);
  const level = isRead ? stepOf(spread.facts, FACTS_STEPS) : stepOf(deviation, PIXEL_STEPS);
  const pixels = `pixels ± ${(deviation * 100).toFixed(1)} %`;
  const like = tries.filter(({ facts }) => facts && isSame(facts, tries[0].facts)).length;
  const numbers = isRead
    ? `${like} of ${tries.length} tries end alike · ${pixels}`
    : `${tries.length} tries · ${pixels}`;
  return { level, word: SURENESS[level], numbers };
}

const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);

function stepOf(value, steps) {
  const found = steps.findIndex((most) => value <= most);
  return found < 0 ? steps.length : found;
}

/** The actions of a sequence: “then” and “;” part them. */
export const sequenceOf = (text) =>
  text
    .split(/\s*;\s*|\s*,?\s+then\s+/i)
    .map((part) => part.trim())
    .filter(Boolean);

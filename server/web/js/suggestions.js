// Sentences to offer where no scene brings its own.

const MOST = 4;
const THING = /\bthe (\w+) block\b/g;

/** For a picture that no scene knows: what is suggested for most of the scenes, of the nearest kind of world if known. */
export function generalSuggestions(scenes, kind = null) {
  const votes = new Map();
  const near = scenes.filter(({ world }) => world === kind);
  for (const text of (near.length ? near : scenes).flatMap(({ suggestions }) => suggestions)) votes.set(text, (votes.get(text) ?? 0) + 1);
  return [...votes.keys()].sort((a, b) => votes.get(b) - votes.get(a)).slice(0, MOST);
}

/** Goals in the words of the sentences that are suggested: about the blocks that these name, if they name two. */
export function goalSuggestions(sentences) {
  const [first, second, third] = new Set(
    sentences.flatMap((text) => [...text.matchAll(THING)].map(([, name]) => name)),
  );
  if (!second) return [];
  const on = (upper, lower) => `the ${upper} block is on the ${lower} block`;
  return [on(first, second), on(second, third ?? first), `the hand holds the ${first} block`].concat(
    third ? [`${on(first, second)} and ${on(second, third)}`] : [],
  );
}
